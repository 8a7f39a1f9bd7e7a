package controller

import (
	"errors"
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Record is a record and the version to write it in.
type Record struct {
	Message schema.Record
	Version int16
}

// Decision is what a request comes to: records that make it so, all or none, and the answer for
// when they are committed. No records: nothing changes. Err answers instead of Answer, for requests
// whose response has no place for an error of the whole.
type Decision struct {
	Records []Record
	Answer  any // a *kmsg response
	Err     error

	// proposed is called when the records have been proposed, applied with their last offset when
	// they are committed. Soft state that follows from the records is changed there, so that a
	// proposal that the quorum refuses leaves nothing behind.
	proposed func()
	applied  func(lastOffset int64)

	partitions int // there would be in all topics; 0: not counted yet
}

func (d *Decision) add(version int16, message schema.Record) {
	d.Records = append(d.Records, Record{message, version})
}

// pending is a proposed decision, or an answer that waits behind one.
type pending struct {
	index   uint64 // 0: nothing of its own, waits for what is before it
	answer  any
	err     error
	done    func(any, error)
	applied func(int64)
}

func (p *pending) finish() {
	if p.done != nil {
		p.done(p.answer, p.err)
	}
}

// Do lets decide decide on the working state and sees the decision through: its records are proposed
// as one batch and replayed on the working state, and done is called with the answer once they,
// and everything that was proposed before, are committed. decide runs at once, or not at all if
// this node does not lead. done may be nil; it is called exactly once, perhaps before Do returns.
func (c *Controller) Do(nowMs int64, decide func() Decision, done func(answer any, err error)) {
	p := pending{done: done}
	if !c.state.Self {
		p.err = kerr.NotController
		p.finish()
		return
	}
	d := decide()
	p.answer, p.err, p.applied = d.Answer, d.Err, d.applied
	if len(d.Records) > 0 {
		index, err := c.propose(nowMs, d.Records)
		if err != nil {
			p.answer, p.err = nil, err
			p.finish()
			return
		}
		p.index = index
		if d.proposed != nil {
			d.proposed()
		}
	}
	if len(c.pending) == 0 && p.index == 0 || plantedAnswerBeforeCommit {
		p.finish()
		p.done = nil
	}
	if len(c.pending) > 0 || p.index != 0 {
		c.pending = append(c.pending, p)
	}
}

// propose makes one batch of the records, gives it to the quorum and replays it on the working
// state.
func (c *Controller) propose(nowMs int64, records []Record) (uint64, error) {
	b, err := encode(nowMs, records)
	if err != nil {
		return 0, err
	}
	index, err := c.proposer.Propose(b)
	switch {
	case errors.Is(err, quorum.ErrNotLeader): // we have not been told yet
		return 0, kerr.NotController
	case err != nil:
		return 0, fmt.Errorf("propose %d metadata records: %w", len(records), err)
	}
	for i := range records {
		if err := c.working.Apply(records[i].Message); err != nil {
			panic(fmt.Sprintf("BUG: decided what cannot be replayed: %v", err))
		}
	}
	c.nextOffset += int64(len(records))
	return index, nil
}

func encode(nowMs int64, records []Record) (batch.Batch, error) {
	var builder batch.Builder
	builder.Reset(batch.BuilderOptions{})
	for i := range records {
		value, err := schema.Append(nil, records[i].Message, records[i].Version)
		if err != nil {
			return nil, err
		}
		builder.Append(nowMs, nil, value, nil)
	}
	return builder.Build()
}

// commit answers what waited for the entry, and what waited only behind it.
func (c *Controller) commit(e *quorum.Entry) {
	if len(c.pending) == 0 || !c.state.Self {
		return
	}
	if first := &c.pending[0]; first.index == e.Index {
		if e.Term != uint64(c.state.Term) {
			panic(fmt.Sprintf("BUG: entry %d of term %d committed while leading term %d", e.Index, e.Term, c.state.Term))
		}
		if first.applied != nil && e.Batch != nil {
			first.applied(e.Offset + int64(e.Batch.LastOffsetDelta()))
		}
		c.answerFirst()
	} else if first.index < e.Index {
		panic(fmt.Sprintf("BUG: entry %d committed, but %d was proposed before and is not", e.Index, first.index))
	}
	for len(c.pending) > 0 && c.pending[0].index == 0 {
		c.answerFirst()
	}
}

func (c *Controller) answerFirst() {
	p := c.pending[0]
	c.pending[0] = pending{}
	c.pending = c.pending[1:]
	if len(c.pending) == 0 {
		c.pending = nil
	}
	p.finish()
}

// failPending answers everybody who waits; whether their decisions will be committed is not known.
func (c *Controller) failPending() {
	waiting := c.pending
	c.pending = nil
	for i := range waiting {
		waiting[i].answer, waiting[i].err = nil, kerr.NotController
		waiting[i].finish()
	}
}
