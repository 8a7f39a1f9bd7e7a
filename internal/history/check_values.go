package history

import (
	"cmp"
	"fmt"
	"slices"
)

// checkValues looks at each value alone: was it lost, was it never sent, was it aborted?
func checkValues(x *index, c *collector) {
	one := func(v uint32) {
		switch {
		case x.writer[v] == noOp:
			checkPhantom(x, c, v)
		case x.flags[v]&readByOK == 0 && x.happened(v):
			checkMissing(x, c, v)
		}
	}
	for _, e := range x.entries {
		if !e.extra {
			one(e.value)
		}
	}
	for _, v := range x.homeless() {
		one(v)
	}
	checkReaders(x, c)
}

// homeless are the values that must have happened or were read, and whose offset nobody knows.
func (x *index) homeless() (list []uint32) {
	for v, at := range x.at {
		if v := uint32(v); at == noEntry && (x.flags[v]&readByAny != 0 || x.happened(v)) {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(x.key(a), x.key(b)), cmp.Compare(x.value(a), x.value(b)))
	})
	return list
}

// checkMissing judges a value that must have happened and that no ok poll saw.
func checkMissing(x *index, c *collector, v uint32) {
	k, at, w := x.key(v), x.place[v], x.writer[v]
	if at == NoOffset {
		at = x.acked[v]
	}
	switch bound := x.bound[k]; {
	case at != NoOffset && at < x.logStart(k):
	case at != NoOffset && at <= bound && !plantedLost:
		c.add(LostWrite, "", c.where(v, at), []OpID{w}, func() string {
			return fmt.Sprintf("operation %d sent %d, which belongs at offset %d; offset %d was read, and nobody read %d",
				w, x.value(v), at, bound, x.value(v))
		})
	case at == NoOffset || at > bound:
		c.add(Unseen, x.unseenAllowed(), c.where(v, at), []OpID{w}, func() string {
			return fmt.Sprintf("operation %d sent %d (%s), and nobody read it (end of what was read: %s)",
				w, x.value(v), offsetText(at), offsetText(bound))
		})
	}
}

func offsetText(at int64) string {
	if at == NoOffset {
		return "no offset"
	}
	return fmt.Sprintf("offset %d", at)
}

func (x *index) unseenAllowed() string {
	if x.o.NoFinalReads {
		return "the history ends without reading to the end"
	}
	return ""
}

func checkPhantom(x *index, c *collector, v uint32) {
	if x.flags[v]&readByAny == 0 {
		return
	}
	c.add(PhantomRead, "", c.where(v, x.sentAt(v)), readers(x.reader[v]), func() string {
		return fmt.Sprintf("%d was read (%s), and nobody sent it here", x.value(v), offsetText(x.sentAt(v)))
	})
}

// readers is the list of an operation that may be unknown.
func readers(op OpID) []OpID {
	if op == noOp {
		return nil
	}
	return []OpID{op}
}

// checkReaders finds reads of what must not be visible. Each value is reported with its first
// reader: the others usually tell the same.
func checkReaders(x *index, c *collector) {
	aborted := make(map[uint32]bool)
	for id := range x.h.ops {
		op := &x.h.ops[id]
		for _, m := range x.h.mopsOf(op) {
			if m.Kind != MopRead || x.writer[m.ref] == noOp {
				continue
			}
			v, w := m.ref, x.writer[m.ref]
			writer := &x.h.ops[w]
			switch {
			case op.Uncommitted && writer.F == Txn:
			case w == OpID(id):
				c.add(PrecommittedRead, "", c.where(v, m.Offset), []OpID{w}, func() string {
					return fmt.Sprintf("transaction %d sent %d and polled it at offset %d", w, x.value(v), m.Offset)
				})
			case writer.Outcome == Fail && !aborted[v]:
				aborted[v] = true
				c.add(AbortedRead, "", c.where(v, m.Offset), []OpID{w, OpID(id)}, func() string {
					return fmt.Sprintf("operation %d failed to send %d, and operation %d read it at offset %d",
						w, x.value(v), id, m.Offset)
				})
			}
		}
	}
}
