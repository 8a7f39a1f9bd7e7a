package history

import (
	"fmt"
	"strings"
)

const (
	allowedWriteCycle = "writes of transactions are not isolated"
	allowedMixedCycle = "with write-write edges a cycle shows no more than a write-cycle does"
)

// maxSearches bounds how many starting points one component gets in the search for a short cycle.
const maxSearches = 32

// cycleCheck holds the dependencies between operations that send. One that only polls follows
// others and is followed by none, so it is in no cycle.
type cycleCheck struct {
	x     *index
	c     *collector
	node  []uint32 // by operation, or noEntry
	ops   []OpID   // by node
	reads int      // of all nodes

	ww          *graph // wrote the value right before
	wr          *graph // wrote what the other, which reads committed only, polled
	uncommitted *graph // as wr, for those that read uncommitted
}

// checkCycles looks for operations that depend on themselves.
func checkCycles(x *index, c *collector) {
	cc := &cycleCheck{x: x, c: c, node: make([]uint32, len(x.h.ops))}
	cc.number()
	cc.connect()
	cc.circular()
	cc.writes()
	cc.mixed()
}

// number makes a node of every operation that must have happened and sent something.
func (cc *cycleCheck) number() {
	for id := range cc.x.h.ops {
		cc.node[id] = noEntry
		op := &cc.x.h.ops[id]
		if op.Outcome != OK && !cc.x.proven[id] {
			continue
		}
		for _, m := range cc.x.h.mopsOf(op) {
			if m.Kind == MopSend {
				cc.node[id] = uint32(len(cc.ops))
				cc.ops = append(cc.ops, OpID(id))
				break
			}
		}
		if cc.node[id] != noEntry {
			cc.reads += int(op.count)
		}
	}
}

// of is the node that wrote a value, or noEntry.
func (cc *cycleCheck) of(v uint32) uint32 {
	if w := cc.x.writer[v]; w != noOp {
		return cc.node[w]
	}
	return noEntry
}

func (cc *cycleCheck) connect() {
	var ww, wr, uncommitted edges
	ww.reserve(len(cc.x.entries))
	wr.reserve(cc.reads)
	for k := range cc.x.h.keys {
		last := uint32(noEntry)
		for _, e := range cc.x.log(Key(k)) {
			if e.extra {
				continue
			}
			if n := cc.of(e.value); n != noEntry {
				if last != noEntry && last != n {
					ww.add(last, n)
				}
				last = n
			}
		}
	}
	for n, id := range cc.ops {
		list := &wr
		if cc.x.h.ops[id].Uncommitted {
			list = &uncommitted
		}
		for _, m := range cc.x.h.Mops(id) {
			if m.Kind != MopRead {
				continue
			}
			if w := cc.of(m.ref); w != noEntry && w != uint32(n) {
				list.add(w, uint32(n))
			}
		}
	}
	n := len(cc.ops)
	cc.ww, cc.wr, cc.uncommitted = ww.graph(n), wr.graph(n), uncommitted.graph(n)
}

func (cc *cycleCheck) circular() { cc.pure(union{cc.wr}, CircularFlow, "") }
func (cc *cycleCheck) writes()   { cc.pure(union{cc.ww}, WriteCycle, allowedWriteCycle) }

// pure reports each component of a graph by one of its shortest cycles.
func (cc *cycleCheck) pure(u union, kind Kind, allowed string) {
	if len(u[0].to) == 0 {
		return
	}
	of, circles := u.components()
	if len(circles) == 0 {
		return
	}
	f := newFinder(u, of)
	for _, circle := range circles {
		var best []uint32
		for _, i := range circle[:min(len(circle), maxSearches)] {
			if path := f.path(i, i); best == nil || len(path) < len(best) {
				best = path
			}
		}
		cc.add(kind, allowed, best, len(circle))
	}
}

// mixed reports components that need edges of both sorts, each by a cycle with both.
func (cc *cycleCheck) mixed() {
	if len(cc.ww.to) == 0 || len(cc.wr.to)+len(cc.uncommitted.to) == 0 {
		return
	}
	u := union{cc.wr, cc.uncommitted, cc.ww}
	of, circles := u.components()
	if len(circles) == 0 {
		return
	}
	f := newFinder(u, of)
	for _, circle := range circles {
		if path := cc.mixedCycle(f, circle); path != nil {
			cc.add(MixedCycle, allowedMixedCycle, path, len(circle))
		}
	}
}

func (cc *cycleCheck) mixedCycle(f *finder, circle []uint32) []uint32 {
	searches := 0
	for _, a := range circle {
		for _, g := range []*graph{cc.wr, cc.uncommitted} {
			for _, b := range g.next(a) {
				if f.of[a] != f.of[b] {
					continue
				}
				if searches++; searches > maxSearches {
					return nil
				}
				path := append([]uint32{a}, f.path(b, a)...)
				for i := 1; i < len(path); i++ {
					if _, wr := cc.readBy(path[i-1], path[i]); !wr {
						return path
					}
				}
			}
		}
	}
	return nil
}

// add reports a cycle: nodes with the first one again at the end.
func (cc *cycleCheck) add(kind Kind, allowed string, path []uint32, size int) {
	var ops []OpID
	for _, n := range path[:len(path)-1] {
		ops = append(ops, cc.ops[n])
	}
	v, _ := cc.edgeValue(path[0], path[1], kind)
	cc.c.add(kind, allowed, cc.c.where(v, cc.x.sentAt(v)), ops, func() string {
		var b strings.Builder
		for i := 1; i < len(path) && i <= maxOps; i++ {
			v, next := cc.edgeValue(path[i-1], path[i], kind)
			if next == noEntry {
				fmt.Fprintf(&b, "operation %d sent %d to %s, which operation %d polled; ", cc.ops[path[i-1]], cc.x.value(v), cc.x.keyName(v), cc.ops[path[i]])
			} else {
				fmt.Fprintf(&b, "operation %d sent %d to %s right before %d of operation %d; ", cc.ops[path[i-1]], cc.x.value(v), cc.x.keyName(v), cc.x.value(next), cc.ops[path[i]])
			}
		}
		return fmt.Sprintf("%sa circle of %d among %d operations", b.String(), len(path)-1, size)
	})
}

// edgeValue is the value that makes an edge, and for a write-write edge the one after it.
func (cc *cycleCheck) edgeValue(a, b uint32, kind Kind) (v, next uint32) {
	if kind != WriteCycle {
		if v, ok := cc.readBy(a, b); ok {
			return v, noEntry
		}
	}
	return cc.writtenBefore(a, b)
}

// readBy is a value that a sent and b polled.
func (cc *cycleCheck) readBy(a, b uint32) (uint32, bool) {
	for _, m := range cc.x.h.Mops(cc.ops[b]) {
		if m.Kind == MopRead && cc.x.writer[m.ref] == cc.ops[a] {
			return m.ref, true
		}
	}
	return 0, false
}

// writtenBefore is a value of a and the one of b that follows it in the log.
func (cc *cycleCheck) writtenBefore(a, b uint32) (v, next uint32) {
	for _, m := range cc.x.h.Mops(cc.ops[a]) {
		if m.Kind != MopSend || cc.x.at[m.ref] == noEntry {
			continue
		}
		end := cc.x.start[cc.x.key(m.ref)+1]
		for i := cc.x.at[m.ref] + 1; i < end; i++ {
			e := cc.x.entries[i]
			if n := cc.of(e.value); e.extra || n == noEntry {
				continue
			} else if n == b {
				return m.ref, e.value
			}
			break
		}
	}
	panic(fmt.Sprintf("BUG: no value makes the edge from operation %d to %d", cc.ops[a], cc.ops[b]))
}
