package sim

import (
	"slices"
	"time"

	"github.com/thalweg-io/thalweg/internal/history"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// operation is one operation of a client on one partition, as it goes into the history at the
// end of the run. It waits until then because a partition that lost its disk leaves the history.
type operation struct {
	at      kafka.TopicPartition
	f       history.F
	client  int
	process history.Process
	invoked time.Duration
	ended   time.Duration
	outcome history.Outcome
	over    bool
	note    string
	life    int // of the partition when it was invoked

	first  uint64 // of a send: its values
	count  int64
	offset int64 // of the first one; -1 unknown
	reads  []observation
}

// observation is one record that a poll returned.
type observation struct {
	offset int64
	value  uint64
}

func (o *oracle) newProcess() history.Process {
	o.processes++
	return o.processes
}

// newValues returns the first of n values that no other record has.
func (o *oracle) newValues(n int64) uint64 {
	first := o.values
	o.values += uint64(n)
	return first
}

func (o *oracle) invoke(u *user, f history.F, at kafka.TopicPartition) *operation {
	op := &operation{at: at, f: f, client: u.plan.ID, process: u.process, invoked: o.w.e.now, offset: -1, life: o.part(at).life}
	o.ops = append(o.ops, op)
	return op
}

func (o *oracle) complete(op *operation, outcome history.Outcome, note string) {
	op.ended, op.outcome, op.note, op.over = o.w.e.now, outcome, note, true
}

// write adds the operation to a history. Of an assignment only keys are told that are in it.
func (op *operation) write(h *history.History, keys []kafka.TopicPartition) {
	if op.f != history.Assign && !slices.Contains(keys, op.at) {
		return
	}
	id := h.Invoke(int64(op.invoked), history.Call{Client: history.Client(op.client), Process: op.process, F: op.f})
	if op.f == history.Assign {
		for _, at := range keys {
			h.Assigned(id, h.Key(at.Topic, at.Partition), 0)
		}
		h.Complete(int64(op.ended), id, op.outcome, "")
		return
	}
	k := h.Key(op.at.Topic, op.at.Partition)
	switch op.f {
	case history.Send:
		for i := range op.count {
			s := h.Send(id, k, history.Value(int64(op.first)+i))
			if op.offset >= 0 {
				h.Acked(id, s, op.offset+i)
			}
		}
	case history.Poll:
		h.Poll(id)
		for _, r := range op.reads {
			h.Read(id, k, r.offset, history.Value(r.value))
		}
	}
	if op.over {
		h.Complete(int64(op.ended), id, op.outcome, op.note)
	}
}
