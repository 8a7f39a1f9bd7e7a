package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// noOp is no operation.
const noOp OpID = math.MaxUint32

// noEntry is the place in the log of a value whose offset nobody knows.
const noEntry = math.MaxUint32

// What is known of a value.
const (
	readByAny       = 1 << iota // some poll returned it
	readByOK                    // a poll of an operation that is ok returned it
	readByCommitted             // as readByOK, by a reader that must not see open transactions
	isDuplicate                 // it was read at several offsets
	isRequired                  // whoever reads on from before it must see it
)

// entry is a value at an offset of a key's log.
type entry struct {
	offset int64
	value  uint32
	op     OpID // who shows it: the first reader there, or else the writer
	extra  bool // not the place that the value is ordered by
}

// index is what the checks look things up in. Slices by value are parallel to History.values,
// slices by operation to History.ops. Built in time linear but for one sort of entries.
type index struct {
	h *History
	o Options

	writer []OpID  // by value; noOp for a value that nobody sent
	acked  []int64 // by value: the acknowledged offset, NoOffset if none was told
	flags  []uint8 // by value
	place  []int64 // by value: the offset it was read at (preferably the acknowledged one, else the lowest)
	reader []OpID  // by value: the first that read it at its place
	proven []bool  // by operation: the outcome is open, but a part of what it sent was read

	entries  []entry  // by key, offset, value
	start    []uint32 // by key: the first entry; one longer
	at       []uint32 // by value: its entry, or noEntry
	required []uint32 // by entry: required offsets before it; one longer
	bound    []int64  // by key: the highest offset that an ok operation read
}

func newIndex(h *History, o Options) (*index, error) {
	n := h.values.len()
	x := &index{
		h: h, o: o, writer: make([]OpID, n), acked: make([]int64, n), flags: make([]uint8, n),
		place: make([]int64, n), reader: make([]OpID, n), proven: make([]bool, len(h.ops)),
		bound: make([]int64, len(h.keys)),
	}
	for v := range n {
		x.writer[v], x.acked[v], x.place[v], x.reader[v] = noOp, NoOffset, NoOffset, noOp
	}
	for k := range x.bound {
		x.bound[k] = NoOffset
	}
	if err := x.addSends(); err != nil {
		return nil, err
	}
	x.prove()
	x.order(x.addReads())
	return x, nil
}

func (x *index) addSends() error {
	for id := range x.h.ops {
		for _, m := range x.h.Mops(OpID(id)) {
			if m.Kind != MopSend {
				continue
			}
			if w := x.writer[m.ref]; w != noOp {
				return fmt.Errorf("%w: operations %d and %d both send value %d to %s", ErrHistory, w, id,
					x.value(m.ref), x.keyName(m.ref))
			}
			x.writer[m.ref], x.acked[m.ref] = OpID(id), m.Offset
		}
	}
	return nil
}

// addReads notes where values were read, and returns the places that are not x.place.
func (x *index) addReads() (extras []entry) {
	for id := range x.h.ops {
		op := &x.h.ops[id]
		mark := uint8(readByAny)
		if op.Outcome == OK {
			mark |= readByOK
			if !op.Uncommitted {
				mark |= readByCommitted
			}
		}
		for _, m := range x.h.mopsOf(op) {
			if m.Kind != MopRead {
				continue
			}
			x.flags[m.ref] |= mark
			if op.Outcome == OK {
				k := x.key(m.ref)
				x.bound[k] = max(x.bound[k], m.Offset)
			}
			if e, moved := x.readAt(m.ref, m.Offset, OpID(id)); moved && !plantedDuplicate {
				extras = append(extras, e)
			}
		}
	}
	return extras
}

// readAt notes a read, and returns a place of the value that is not its first choice, if there is one.
func (x *index) readAt(v uint32, offset int64, by OpID) (entry, bool) {
	at := x.place[v]
	switch {
	case offset == at || offset == NoOffset:
		return entry{}, false
	case at == NoOffset:
		x.place[v], x.reader[v] = offset, by
		return entry{}, false
	case offset == x.acked[v], offset < at && at != x.acked[v]:
		e := entry{at, v, x.reader[v], true}
		x.place[v], x.reader[v] = offset, by
		return e, true
	}
	return entry{offset, v, by, true}, true
}

// prove finds the transactions of open outcome that must have committed.
func (x *index) prove() {
	for id := range x.h.ops {
		op := &x.h.ops[id]
		if op.F == Fault || op.F == Crash || op.Outcome != OK || op.Uncommitted {
			continue
		}
		for _, m := range x.h.mopsOf(op) {
			if w := noOp; m.Kind == MopRead {
				if w = x.writer[m.ref]; w != noOp && x.h.ops[w].Outcome == Open {
					x.proven[w] = true
				}
			}
		}
	}
}

// happened reports whether a value must be in the log: its operation is ok, or open with proof.
// The records of a Send stand alone, those of a Txn prove each other.
func (x *index) happened(v uint32) bool {
	w := x.writer[v]
	if w == noOp {
		return false
	}
	switch op := &x.h.ops[w]; {
	case op.Outcome == OK:
		return true
	case op.Outcome == Open && op.F == Txn:
		return x.proven[w]
	case op.Outcome == Open:
		return x.flags[v]&readByOK != 0
	}
	return false
}

// order sorts all values by key and offset.
func (x *index) order(extras []entry) {
	slices.SortFunc(extras, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.offset, b.offset), cmp.Compare(a.op, b.op))
	})
	extras = slices.CompactFunc(extras, func(a, b entry) bool { return a.value == b.value && a.offset == b.offset })
	extras = slices.DeleteFunc(extras, func(e entry) bool { return e.offset == x.place[e.value] })
	for _, e := range extras {
		x.flags[e.value] |= isDuplicate
	}
	x.bucket(extras)
	x.at = make([]uint32, len(x.place))
	for v := range x.at {
		x.at[v] = noEntry
	}
	for i, e := range x.entries {
		if !e.extra {
			x.at[e.value] = uint32(i)
		}
	}
	x.require()
}

// bucket fills entries and start: a counting sort by key, then a sort by offset inside each key,
// which is quick because values come mostly in the order of their offsets.
func (x *index) bucket(extras []entry) {
	x.start = make([]uint32, len(x.h.keys)+1)
	total := 0
	each := func(f func(entry)) {
		for v := range x.place {
			if e, ok := x.mainEntry(uint32(v)); ok {
				f(e)
			}
		}
		for _, e := range extras {
			f(e)
		}
	}
	each(func(e entry) { x.start[x.key(e.value)+1]++; total++ })
	for k := range x.h.keys {
		x.start[k+1] += x.start[k]
	}
	x.entries = make([]entry, total)
	next := slices.Clone(x.start)
	each(func(e entry) {
		k := x.key(e.value)
		x.entries[next[k]] = e
		next[k]++
	})
	for k := range x.h.keys {
		slices.SortFunc(x.log(Key(k)), func(a, b entry) int {
			return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(x.value(a.value), x.value(b.value)))
		})
	}
}

// mainEntry is the place that a value is ordered by: where it was read, or else (it was not read, or
// without an offset) where it was acknowledged, if it must have happened.
func (x *index) mainEntry(v uint32) (entry, bool) {
	switch {
	case x.place[v] != NoOffset:
		return entry{x.place[v], v, x.reader[v], false}, true
	case x.acked[v] != NoOffset && x.happened(v):
		return entry{x.acked[v], v, x.writer[v], false}, true
	}
	return entry{}, false
}

// require marks what every reader must see: values that must have happened and that an ok poll
// saw. What nobody saw is a LostWrite and not also a skip of every reader; the places of a
// duplicate are a Duplicate.
func (x *index) require() {
	x.required = make([]uint32, len(x.entries)+1)
	n, last := uint32(0), -1
	for i, e := range x.entries {
		x.required[i] = n
		k := x.key(e.value)
		if x.flags[e.value]&(readByOK|isDuplicate) != readByOK || e.offset < x.logStart(k) || !x.happened(e.value) {
			continue
		}
		x.flags[e.value] |= isRequired
		if last < 0 || x.entries[last].offset != e.offset || x.key(x.entries[last].value) != k {
			n++
		}
		last = i
	}
	x.required[len(x.entries)] = n
}

func (x *index) log(k Key) []entry { return x.entries[x.start[k]:x.start[k+1]] }

// after is the first entry of a key beyond an offset.
func (x *index) after(k Key, offset int64) uint32 {
	log := x.log(k)
	return x.start[k] + uint32(sort.Search(len(log), func(i int) bool { return log[i].offset > offset }))
}

// afterRead is after(key, offset) in constant time when the value stands there.
func (x *index) afterRead(v uint32, offset int64) uint32 {
	k, i := x.key(v), x.at[v]
	if i == noEntry || x.entries[i].offset != offset {
		return x.after(k, offset)
	}
	for i < x.start[k+1] && x.entries[i].offset == offset {
		i++
	}
	return i
}

// before is the first entry of a key at or beyond the offset where the value stands.
func (x *index) before(v uint32, offset int64) uint32 {
	k, i := x.key(v), x.at[v]
	if i == noEntry || x.entries[i].offset != offset {
		return x.after(k, offset-1)
	}
	for i > x.start[k] && x.entries[i-1].offset == offset {
		i--
	}
	return i
}

// sentAt is where a value landed as far as is known.
func (x *index) sentAt(v uint32) int64 {
	if x.at[v] == noEntry {
		return NoOffset
	}
	return x.entries[x.at[v]].offset
}

func (x *index) logStart(k Key) int64 {
	if int(k) < len(x.o.LogStart) {
		return x.o.LogStart[k]
	}
	return 0
}

func (x *index) key(v uint32) Key     { return Key(x.h.values.a[v]) }
func (x *index) value(v uint32) Value { return Value(x.h.values.b[v]) }

func (x *index) keyName(v uint32) string { return x.h.keys[x.key(v)].String() }

// String is topic/partition.
func (tp TopicPartition) String() string { return fmt.Sprintf("%s/%d", tp.Topic, tp.Partition) }
