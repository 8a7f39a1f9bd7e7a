package sim

import (
	"fmt"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// ConvergeWithin is how much virtual time a healed cluster has to come to rest.
const ConvergeWithin = 120 * time.Second

const (
	workAfterHeal = 2 * time.Second // clients go on for so long
	lookEvery     = 250 * time.Millisecond
)

// heal ends all faults. Then producers stop, and the cluster must converge.
func (w *world) heal() {
	w.say("note over n0: healed")
	w.healed, w.healedAt = true, w.e.now
	w.net.heal()
	for _, n := range w.nodes {
		n.clock.heal(w.e.now)
		n.crashing = nil
		n.room()
		if n.up {
			n.errors.meta.SetRules()
			n.errors.data.SetRules()
			n.pausedUntil = 0
			n.resume()
		}
	}
	w.e.After(workAfterHeal, "last producers", -1, func() {
		for _, u := range w.users {
			u.finish()
		}
		w.look()
	})
}

// look ends the run when everything has converged.
func (w *world) look() {
	why := w.unsettled()
	if why == "" {
		w.done = true
		return
	}
	if w.e.now > w.healedAt+ConvergeWithin {
		w.violate("liveness", "not converged %s after healing: %s", ConvergeWithin, why)
	}
	w.e.After(lookEvery, "look", -1, w.look)
}

// unsettled says what has not converged (L-01, L-02, L-06, L-09), or nothing.
func (w *world) unsettled() string {
	if w.replacing != nil {
		return fmt.Sprintf("node %d is being replaced", w.replacing.id)
	}
	var leader *node
	for _, n := range w.nodes {
		switch {
		case !n.up:
			return fmt.Sprintf("node %d is down", n.id)
		case n.dir.Err() != nil:
			return fmt.Sprintf("data directory of node %d is offline", n.id)
		case !n.serving:
			return fmt.Sprintf("node %d is not unfenced (L-01): registered %t, asking %t, %+v, %+v", n.id, n.registered, n.asking, n.core.State(), n.core.Status())
		case len(n.waiting) > 0:
			return fmt.Sprintf("node %d has %d unanswered appends (L-06)", n.id, len(n.waiting))
		case n.control.Active() && leader != nil:
			return fmt.Sprintf("nodes %d and %d lead", leader.id, n.id)
		case n.control.Active():
			leader = n
		}
	}
	if leader == nil {
		return "no controller"
	}
	return w.unequal(leader)
}

func (w *world) unequal(leader *node) string {
	image := leader.loader.Current()
	for _, n := range w.nodes {
		switch own := n.loader.Current(); {
		case n.core.State().Leader != kafka.BrokerID(leader.id):
			return fmt.Sprintf("node %d does not follow %d", n.id, leader.id)
		case n.core.Status().Applied != leader.core.Status().Last:
			return fmt.Sprintf("node %d has applied %d of %d entries", n.id, n.core.Status().Applied, leader.core.Status().Last)
		case own.Hash() != image.Hash():
			w.violate("C-18", "images of nodes %d and %d differ at %d and %d", n.id, leader.id, own.Offset(), image.Offset())
		}
		if b := image.Broker(kafka.BrokerID(n.id)); b == nil || b.Fenced {
			return fmt.Sprintf("broker %d is fenced (L-01)", n.id)
		}
	}
	why := ""
	image.Topics(func(t *metadata.Topic) bool {
		for i, p := range t.Partitions {
			if p.Leader == kafka.NoBroker {
				why = fmt.Sprintf("%s-%d has no leader (L-02)", t.Name, i)
			}
		}
		return true
	})
	if why != "" {
		return why
	}
	for _, u := range w.users {
		if why := u.unsettled(); why != "" {
			return why
		}
	}
	return ""
}
