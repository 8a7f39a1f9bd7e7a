package history

import (
	"fmt"
	"math"
)

// Why Kafka permits what would otherwise be a violation of order.
const (
	allowedSubscribe = "the group may move keys between two operations"
	allowedSendSkip  = "records of several producers interleave"
)

// nowhere is the position of a process in a key that it has not touched.
const nowhere int64 = math.MinInt64

// cursor is how far somebody is in a key.
type cursor struct {
	offset int64  // of the last record; nowhere if there is none
	next   uint32 // the first entry beyond
	op     OpID   // that moved it here
	value  uint32 // the last record, or noEntry after a seek
}

// lane is what one process does in one key.
type lane struct {
	read, sent cursor
	epoch      uint32 // read holds while this is the epoch of the process
}

// process is the state of one process: how often it changed its keys, and how.
type process struct {
	epoch      uint32
	subscribed bool
}

// orderCheck walks over the operations once. Slices by key hold what the current operation did.
type orderCheck struct {
	x *index
	c *collector

	processIDs table
	processes  []process
	laneIDs    table // (process, key)
	lanes      []lane

	op, stamp  []OpID // by key: the operation that read, and that sent, last
	rebalanced []OpID // by key
	read, sent []cursor
	readKeys   []Key
	sentKeys   []Key
}

// checkOrder holds the order in which processes send and poll against the order of the log.
func checkOrder(x *index, c *collector) {
	n := len(x.h.keys)
	o := &orderCheck{
		x: x, c: c, op: make([]OpID, n), stamp: make([]OpID, n), rebalanced: make([]OpID, n),
		read: make([]cursor, n), sent: make([]cursor, n),
	}
	for k := range n {
		o.op[k], o.stamp[k], o.rebalanced[k] = noOp, noOp, noOp
	}
	for id := range x.h.ops {
		switch op := &x.h.ops[id]; op.F {
		case Assign, Subscribe:
			o.assign(OpID(id), op)
		case Send, Poll, Txn:
			o.step(OpID(id), op)
		}
	}
}

func (o *orderCheck) process(p Process) uint32 {
	id, known := o.processIDs.id(uint32(p), 0)
	if !known {
		o.processes = append(o.processes, process{})
	}
	return id
}

func (o *orderCheck) lane(p uint32, k Key) *lane {
	id, known := o.laneIDs.id(p, int64(k))
	if !known {
		o.lanes = append(o.lanes, lane{read: cursor{offset: nowhere}, sent: cursor{offset: nowhere}})
	}
	return &o.lanes[id]
}

// assign keeps the positions of named keys, moves those that are sought, and drops the rest. After
// a Subscribe it keeps none: the group may have moved them since the last poll.
func (o *orderCheck) assign(id OpID, op *Op) {
	if op.Outcome == Fail {
		return
	}
	p := o.process(op.Process)
	state := &o.processes[p]
	state.epoch++
	grouped := state.subscribed
	state.subscribed = op.F == Subscribe
	for _, m := range o.x.h.mopsOf(op) {
		if m.Kind != MopAssigned {
			continue
		}
		l := o.lane(p, Key(m.ref))
		if l.epoch+1 < state.epoch || grouped && !state.subscribed {
			l.read = cursor{offset: nowhere}
		}
		l.epoch = state.epoch
		if m.Offset != NoOffset {
			l.read = cursor{m.Offset - 1, o.x.after(Key(m.ref), m.Offset-1), id, noEntry}
		}
	}
}

// step checks one operation against itself and against its process.
func (o *orderCheck) step(id OpID, op *Op) {
	o.readKeys, o.sentKeys = o.readKeys[:0], o.sentKeys[:0]
	mops := o.x.h.mopsOf(op)
	for _, m := range mops {
		if m.Kind == MopRebalanced {
			o.rebalanced[m.ref] = id
		}
	}
	p := o.process(op.Process)
	for _, m := range mops {
		switch m.Kind {
		case MopRead:
			o.stepRead(id, p, m)
		case MopSend:
			if op.Outcome != Fail {
				o.stepSend(id, p, m)
			}
		}
	}
	if op.Outcome != OK {
		return
	}
	for _, k := range o.readKeys {
		l := o.lane(p, k)
		l.read, l.epoch = o.read[k], o.processes[p].epoch
	}
	for _, k := range o.sentKeys {
		o.lane(p, k).sent = o.sent[k]
	}
}

func (o *orderCheck) stepRead(id OpID, p uint32, m Mop) {
	v, at := m.ref, m.Offset
	if at == NoOffset {
		at = o.x.sentAt(v)
	}
	if at == NoOffset {
		return
	}
	k := o.x.key(v)
	if o.op[k] == id {
		if o.rebalanced[k] != id {
			o.compareReads(o.read[k], id, v, at, IntPollSkip, IntNonmonotonicPoll, "")
		}
	} else {
		o.op[k] = id
		o.readKeys = append(o.readKeys, k)
		l, state := o.lane(p, k), &o.processes[p]
		if l.epoch == state.epoch && l.read.offset != nowhere && o.rebalanced[k] != id {
			allowed := ""
			if state.subscribed {
				allowed = allowedSubscribe
			}
			o.compareReads(l.read, id, v, at, PollSkip, NonmonotonicPoll, allowed)
		}
	}
	o.read[k] = cursor{at, o.x.afterRead(v, at), id, v}
}

// compareReads judges a step from a cursor to a value at an offset.
func (o *orderCheck) compareReads(from cursor, id OpID, v uint32, at int64, skip, back Kind, allowed string) {
	x := o.x
	if at <= from.offset {
		if plantedMonotonic && back == NonmonotonicPoll {
			return
		}
		o.c.add(back, allowed, o.c.where(v, at), []OpID{from.op, id}, func() string {
			return fmt.Sprintf("operation %d read %d at offset %d, after operation %d had come to offset %d",
				id, x.value(v), at, from.op, from.offset)
		})
		return
	}
	to := x.before(v, at)
	if to <= from.next || x.required[to] == x.required[from.next] {
		return
	}
	o.c.add(skip, allowed, o.c.where(v, at), []OpID{from.op, id}, func() string {
		first := from.next
		for x.flags[x.entries[first].value]&isRequired == 0 {
			first++
		}
		return fmt.Sprintf("operation %d went on from offset %d (operation %d) to %d at offset %d, over what others read (%d); the first is %d at offset %d",
			id, from.offset, from.op, x.value(v), at, x.required[to]-x.required[from.next],
			x.value(x.entries[first].value), x.entries[first].offset)
	})
}

func (o *orderCheck) stepSend(id OpID, p uint32, m Mop) {
	v, x := m.ref, o.x
	at := x.sentAt(v)
	if at == NoOffset {
		return
	}
	k := x.key(v)
	from, kind := o.sent[k], IntNonmonotonicSend
	if o.stamp[k] != id {
		o.stamp[k] = id
		o.sentKeys = append(o.sentKeys, k)
		from, kind = o.lane(p, k).sent, NonmonotonicSend
	}
	o.sent[k] = cursor{at, x.afterRead(v, at), id, v}
	switch {
	case from.offset == nowhere:
	case at <= from.offset:
		o.c.add(kind, "", o.c.where(v, at), []OpID{from.op, id}, func() string {
			return fmt.Sprintf("operation %d sent %d, which is at offset %d; before it operation %d sent %d, which is at offset %d",
				id, x.value(v), at, from.op, x.value(from.value), from.offset)
		})
	case kind == IntNonmonotonicSend && x.before(v, at) > from.next:
		o.c.add(IntSendSkip, allowedSendSkip, o.c.where(v, at), []OpID{id}, func() string {
			return fmt.Sprintf("operation %d sent %d and %d, with %d others between them", id, x.value(from.value), x.value(v),
				x.before(v, at)-from.next)
		})
	}
}
