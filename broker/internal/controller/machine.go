package controller

import (
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
)

// Machine is what a node's quorum log is folded into: a quorum.Machine. Its fields are set before
// the quorum calls it and do not change.
type Machine struct {
	Loader *metadata.Loader
	// Controller may be nil on a node that only observes.
	Controller *Controller
	// Now is the wall clock in milliseconds since 1970.
	Now func() int64
}

// Apply replays committed entries, publishes the new image, and then lets the controller answer:
// whoever gets an answer finds its effect in the image of this node.
func (m *Machine) Apply(entries []quorum.Entry) error {
	for i := range entries {
		e := &entries[i]
		if err := m.Loader.Apply(e.Offset, int32(e.Term), e.Batch); err != nil {
			return err
		}
	}
	m.Loader.PublishNow()
	if m.Controller != nil {
		m.Controller.Apply(entries, m.Loader.Current())
	}
	return nil
}

// Lead passes a change of leadership on.
func (m *Machine) Lead(state quorum.State) {
	if m.Controller != nil {
		m.Controller.Lead(state, m.Now())
	}
}
