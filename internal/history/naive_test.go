package history

import (
	"reflect"
	"sort"
	"testing"
)

// naive counts the violations of most kinds straight from their definitions, with maps and
// quadratic loops, to hold Check against on histories that are wrong in many ways at once.
type naive struct {
	recs   []*rec
	writer map[[2]int64]*rec
	acked  map[[2]int64]int64
	places map[[2]int64]map[int64]bool // where a value was read
	okRead map[[2]int64]bool
	proven map[*rec]bool
	bound  map[Key]int64
}

func id(m mop) [2]int64 { return [2]int64{int64(m.key), int64(m.value)} }

func newNaive(recs []*rec) *naive {
	n := &naive{
		recs: append([]*rec(nil), recs...), writer: map[[2]int64]*rec{}, acked: map[[2]int64]int64{},
		places: map[[2]int64]map[int64]bool{}, okRead: map[[2]int64]bool{}, proven: map[*rec]bool{}, bound: map[Key]int64{},
	}
	sort.SliceStable(n.recs, func(i, j int) bool { return n.recs[i].invoke < n.recs[j].invoke })
	n.each(MopSend, func(r *rec, m mop) {
		n.writer[id(m)] = r
		if m.offset >= 0 {
			n.acked[id(m)] = m.offset
		}
	})
	n.each(MopRead, func(r *rec, m mop) {
		if n.places[id(m)] == nil {
			n.places[id(m)] = map[int64]bool{}
		}
		if m.offset >= 0 {
			n.places[id(m)][m.offset] = true
		}
		if r.outcome == OK {
			n.okRead[id(m)] = true
			if b, ok := n.bound[m.key]; !ok || m.offset > b {
				n.bound[m.key] = m.offset
			}
			if w := n.writer[id(m)]; w != nil && !r.call.Uncommitted && w.outcome == Open {
				n.proven[w] = true
			}
		}
	})
	return n
}

func (n *naive) each(kind MopKind, f func(*rec, mop)) {
	for _, r := range n.recs {
		for _, m := range r.mops {
			if m.kind == kind {
				f(r, m)
			}
		}
	}
}

func (n *naive) happened(v [2]int64) bool {
	w := n.writer[v]
	return w != nil && (w.outcome == OK || w.outcome == Open && (w.call.F == Txn && n.proven[w] || w.call.F != Txn && n.okRead[v]))
}

// place is where a value belongs: where it was acknowledged and read, or where it was read first,
// or where it was acknowledged.
func (n *naive) place(v [2]int64) (int64, bool) {
	at, acked := n.acked[v]
	if acked && n.places[v][at] {
		return at, true
	}
	best, found := int64(0), false
	for p := range n.places[v] {
		if !found || p < best {
			best, found = p, true
		}
	}
	if found {
		return best, true
	}
	return at, acked
}

func (n *naive) counts() map[Kind]int {
	c := map[Kind]int{}
	held := map[[2]int64]map[int64]bool{} // (key, offset) → values
	hold := func(k, at, v int64) {
		if held[[2]int64{k, at}] == nil {
			held[[2]int64{k, at}] = map[int64]bool{}
		}
		held[[2]int64{k, at}][v] = true
	}
	for v, w := range n.writer {
		at, known := n.place(v)
		bound, any := n.bound[Key(v[0])]
		if n.happened(v) && !n.okRead[v] {
			if known && any && at <= bound {
				c[LostWrite]++
			} else {
				c[Unseen]++
			}
		}
		acked, told := n.acked[v]
		if told && len(n.places[v]) > 0 && !n.places[v][acked] && w.outcome != Fail {
			c[InconsistentOffset]++
		}
		if told && len(n.places[v]) == 0 && n.happened(v) {
			hold(v[0], acked, v[1])
		}
		if w.outcome == Fail && n.readBy(v, func(r *rec) bool { return r != w && !(r.call.Uncommitted && w.call.F == Txn) }) {
			c[AbortedRead]++
		}
	}
	for v, places := range n.places {
		if n.writer[v] == nil {
			c[PhantomRead]++
		}
		if len(places) > 1 {
			c[Duplicate]++
		}
		for at := range places {
			hold(v[0], at, v[1])
		}
	}
	for _, values := range held {
		if len(values) > 1 {
			c[InconsistentOffset]++
		}
	}
	n.each(MopRead, func(r *rec, m mop) {
		if n.writer[id(m)] == r && !r.call.Uncommitted {
			c[PrecommittedRead]++
		}
	})
	n.internal(c)
	return c
}

func (n *naive) readBy(v [2]int64, ok func(*rec) bool) (yes bool) {
	n.each(MopRead, func(r *rec, m mop) { yes = yes || id(m) == v && ok(r) })
	return yes
}

// internal compares neighbours of one key inside each operation.
func (n *naive) internal(c map[Kind]int) {
	for _, r := range n.recs {
		moved := map[Key]bool{}
		for _, m := range r.mops {
			if m.kind == MopRebalanced {
				moved[m.key] = true
			}
		}
		read, sent := map[Key]int64{}, map[Key]int64{}
		for _, m := range r.mops {
			at, known := n.place(id(m))
			switch {
			case m.kind == MopRead && m.offset >= 0:
				at = m.offset
			case known && n.inLog(id(m)) && (m.kind == MopRead || m.kind == MopSend && r.outcome != Fail):
			default:
				continue
			}
			if m.kind == MopSend {
				if last, ok := sent[m.key]; ok && at <= last {
					c[IntNonmonotonicSend]++
				}
				sent[m.key] = at
				continue
			}
			if last, ok := read[m.key]; ok && !moved[m.key] {
				if at <= last {
					c[IntNonmonotonicPoll]++
				} else if n.skipped(m.key, last, at) {
					c[IntPollSkip]++
				}
			}
			read[m.key] = at
		}
	}
}

func (n *naive) inLog(v [2]int64) bool {
	return len(n.places[v]) > 0 || n.happened(v)
}

// skipped reports whether a value that everybody must read lies between two offsets.
func (n *naive) skipped(k Key, after, before int64) bool {
	for v, places := range n.places {
		if at, known := n.place(v); Key(v[0]) == k && known && len(places) <= 1 && n.okRead[v] && n.happened(v) && at > after && at < before {
			return true
		}
	}
	return false
}

// TestAgainstNaive damages valid histories at random.
func TestAgainstNaive(t *testing.T) {
	total := map[Kind]int{}
	for seed := range uint64(250) {
		m := newModel(seed, testKeys, 4)
		g := &garden{m, m.rng, m.run(80)}
		damage(g)
		if seed%2 == 0 {
			damage(g)
		}
		for range 5 {
			r := g.recs[g.rng.IntN(len(g.recs))]
			if r.ret != NoReturn && (r.call.F == Send || r.call.F == Txn) {
				r.outcome = Outcome(g.rng.IntN(3))
			}
		}
		want := newNaive(g.recs).counts()
		_, r := check(t, g.recs)
		got := map[Kind]int{}
		for _, k := range []Kind{LostWrite, Unseen, Duplicate, InconsistentOffset, AbortedRead, PrecommittedRead, PhantomRead,
			IntPollSkip, IntNonmonotonicPoll, IntNonmonotonicSend} {
			if n := r.Counts[k].Violations; n > 0 {
				got[k] = n
				total[k]++
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: have %v, want %v\n%s", seed, got, want, r)
		}
	}
	for _, k := range []Kind{LostWrite, Unseen, Duplicate, InconsistentOffset, AbortedRead, IntPollSkip, IntNonmonotonicPoll, IntNonmonotonicSend} {
		if total[k] < 5 {
			t.Errorf("only %d histories have a %s", total[k], k)
		}
	}
}
