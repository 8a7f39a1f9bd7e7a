package history

import "fmt"

// History is what clients did and saw. The zero value is not usable; see New. It is built by one
// goroutine: Invoke an operation, add what it sends and reads, and Complete it. Operations may
// overlap in any way. It holds at most 2^32-2 operations, micro-operations and values.
type History struct {
	keys   []TopicPartition
	keyIDs map[TopicPartition]Key
	values table // (key, value)
	notes  []string
	noteID map[string]uint32

	ops  []Op
	mops []Mop
	open [][]Mop  // micro-operations of operations that have not returned
	free []uint32 // slots of open
}

// New returns an empty history.
func New() *History {
	return &History{
		keyIDs: map[TopicPartition]Key{},
		notes:  []string{""},
		noteID: map[string]uint32{"": 0},
	}
}

// Key returns the id of a topic-partition.
func (h *History) Key(topic string, partition int32) Key {
	tp := TopicPartition{topic, partition}
	k, ok := h.keyIDs[tp]
	if !ok {
		k = Key(len(h.keys))
		h.keys = append(h.keys, tp)
		h.keyIDs[tp] = k
	}
	return k
}

// Call is what is known of an operation when it is invoked.
type Call struct {
	Client      Client
	Process     Process
	F           F
	Uncommitted bool
}

// Invoke begins an operation at a time that is not before that of the previous Invoke. It stays
// open until Complete; an operation that is never completed counts as Open.
func (h *History) Invoke(at int64, c Call) OpID {
	if n := len(h.ops); n > 0 && at < h.ops[n-1].Invoke {
		panic(fmt.Sprintf("BUG: operation invoked at %d after one at %d", at, h.ops[n-1].Invoke))
	}
	h.ops = append(h.ops, Op{
		Invoke: at, Return: NoReturn, Client: c.Client, Process: c.Process, F: c.F,
		Uncommitted: c.Uncommitted, pending: true, first: h.slot(),
	})
	return OpID(len(h.ops) - 1)
}

func (h *History) slot() uint32 {
	if n := len(h.free); n > 0 {
		slot := h.free[n-1]
		h.free = h.free[:n-1]
		return slot
	}
	h.open = append(h.open, nil)
	return uint32(len(h.open) - 1)
}

func (h *History) add(id OpID, kind MopKind, ref uint32, offset int64) int {
	op := &h.ops[id]
	if !op.pending {
		panic(fmt.Sprintf("BUG: operation %d has returned already", id))
	}
	mops := append(h.open[op.first], Mop{Offset: offset, ref: ref, Kind: kind})
	h.open[op.first] = mops
	return len(mops) - 1
}

func (h *History) value(k Key, v Value) uint32 {
	id, _ := h.values.id(uint32(k), int64(v))
	return id
}

// Send says that the operation sends a value. Call it before the bytes leave. The result is what
// Acked wants.
func (h *History) Send(id OpID, k Key, v Value) int {
	return h.add(id, MopSend, h.value(k, v), NoOffset)
}

// Acked says at which offset the broker put the send, as it answered.
func (h *History) Acked(id OpID, send int, offset int64) {
	if op := &h.ops[id]; op.pending && h.open[op.first][send].Kind == MopSend {
		h.open[op.first][send].Offset = max(offset, NoOffset)
		return
	}
	panic(fmt.Sprintf("BUG: micro-operation %d of operation %d is no send that waits", send, id))
}

// Poll begins the answer to one poll. Reads follow; none is a poll that found nothing.
func (h *History) Poll(id OpID) { h.add(id, MopPoll, 0, NoOffset) }

// Read says that a poll returned a value at an offset, in the order of the answer.
func (h *History) Read(id OpID, k Key, offset int64, v Value) {
	h.add(id, MopRead, h.value(k, v), max(offset, NoOffset))
}

// Assigned names a key of an Assign or Subscribe, and the offset that the client moves to: 0 is
// the beginning, NoOffset leaves it where it was (or where the group's commit puts it).
func (h *History) Assigned(id OpID, k Key, seek int64) {
	h.add(id, MopAssigned, uint32(k), max(seek, NoOffset))
}

// Rebalanced says that the group moved the key while the operation ran, so that its reads of the
// key need not follow on each other.
func (h *History) Rebalanced(id OpID, k Key) { h.add(id, MopRebalanced, uint32(k), NoOffset) }

// Complete ends an operation at a time not before its invocation. The note says why, for people.
func (h *History) Complete(at int64, id OpID, o Outcome, note string) {
	op := &h.ops[id]
	switch {
	case !op.pending:
		panic(fmt.Sprintf("BUG: operation %d has returned already", id))
	case at < op.Invoke:
		panic(fmt.Sprintf("BUG: operation %d returned at %d, before it was invoked", id, at))
	}
	slot := op.first
	op.pending, op.Return, op.Outcome = false, at, o
	op.first, op.count = uint32(len(h.mops)), uint32(len(h.open[slot]))
	op.note = h.noteOf(note)
	h.mops = append(h.mops, h.open[slot]...)
	h.open[slot] = h.open[slot][:0]
	h.free = append(h.free, slot)
}

func (h *History) noteOf(s string) uint32 {
	id, ok := h.noteID[s]
	if !ok {
		id = uint32(len(h.notes))
		h.notes = append(h.notes, s)
		h.noteID[s] = id
	}
	return id
}

// Len is the number of operations.
func (h *History) Len() int { return len(h.ops) }

// Op returns an operation.
func (h *History) Op(id OpID) Op { return h.ops[id] }

// Note is what Complete was told.
func (h *History) Note(id OpID) string { return h.notes[h.ops[id].note] }

// Mops returns the micro-operations of an operation in their order. They belong to the history
// and are valid until its next change.
func (h *History) Mops(id OpID) []Mop { return h.mopsOf(&h.ops[id]) }

func (h *History) mopsOf(op *Op) []Mop {
	if op.pending {
		return h.open[op.first]
	}
	return h.mops[op.first : op.first+op.count]
}

// Keys are the names of all keys by id. They belong to the history.
func (h *History) Keys() []TopicPartition { return h.keys }

// KeyOf is the key of a micro-operation, which must not be a MopPoll.
func (h *History) KeyOf(m Mop) Key {
	if m.Kind == MopSend || m.Kind == MopRead {
		return Key(h.values.a[m.ref])
	}
	return Key(m.ref)
}

// ValueOf is the value of a send or a read.
func (h *History) ValueOf(m Mop) Value { return Value(h.values.b[m.ref]) }
