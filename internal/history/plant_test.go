package history

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// garden is a valid history in which one anomaly is planted. Every plant reports whether it found
// a place.
type garden struct {
	*model
	rng  *rand.Rand
	recs []*rec
}

// place is a micro-operation.
type place struct {
	r *rec
	i int
}

func (p place) mop() *mop { return &p.r.mops[p.i] }

func (g *garden) all(kind MopKind, ok func(*rec, mop) bool) (list []place) {
	for _, r := range g.recs {
		for i, m := range r.mops {
			if m.kind == kind && ok(r, m) {
				list = append(list, place{r, i})
			}
		}
	}
	return list
}

func (g *garden) pick(kind MopKind, ok func(*rec, mop) bool) (place, bool) {
	list := g.all(kind, ok)
	if len(list) == 0 {
		return place{}, false
	}
	return list[g.rng.IntN(len(list))], true
}

// readers are the operations of outcome ok that read the value.
func (g *garden) readers(m mop) []place {
	return g.all(MopRead, func(r *rec, o mop) bool { return r.outcome == OK && o.key == m.key && o.value == m.value })
}

func (g *garden) unread(m mop) {
	for _, r := range g.recs {
		r.mops = slices.DeleteFunc(r.mops, func(o mop) bool { return o.kind == MopRead && o.key == m.key && o.value == m.value })
	}
}

func ackedOK(r *rec, m mop) bool { return r.outcome == OK && m.offset >= 0 }

// last is the highest offset of a key that was read.
func (g *garden) last(k Key) int64 {
	at := NoOffset
	for _, p := range g.all(MopRead, func(r *rec, m mop) bool { return r.outcome == OK && m.key == k }) {
		at = max(at, p.mop().offset)
	}
	return at
}

// sent adds an operation of a new process at the end.
func (g *garden) sent(f F, o Outcome, mops ...mop) *rec {
	g.process++
	r := &rec{call: Call{0, g.process, f, false}, invoke: g.tick(), ret: g.tick(), outcome: o, mops: mops}
	g.recs = append(g.recs, r)
	return r
}

// readLate lets the readers of the final phase read one more record.
func (g *garden) readLate(k Key, at int64, v Value) {
	r := g.recs[len(g.recs)-1]
	for i := len(g.recs) - 1; r.call.F != Poll; i-- {
		r = g.recs[i]
	}
	r.mops = append(r.mops, mop{MopRead, k, at, v})
}

// fresh is a value that nobody has sent, and an offset beyond the end.
func (g *garden) fresh(k Key) (int64, Value) {
	g.value[k]++
	g.logs[k] = append(g.logs[k], slot{value: -1})
	return int64(len(g.logs[k])) + 3, g.value[k]
}

func plantLost(g *garden) bool {
	p, ok := g.pick(MopSend, func(r *rec, m mop) bool { return ackedOK(r, m) && m.offset < g.last(m.key) })
	if ok {
		g.unread(*p.mop())
	}
	return ok
}

func plantUnseen(g *garden) bool {
	p, ok := g.pick(MopSend, func(r *rec, m mop) bool { return ackedOK(r, m) && m.offset == g.last(m.key) })
	if ok {
		g.unread(*p.mop())
	}
	return ok
}

func plantDuplicate(g *garden) bool {
	p, ok := g.pick(MopRead, func(r *rec, m mop) bool { return r.outcome == OK })
	if ok {
		k, v := p.mop().key, p.mop().value
		at, _ := g.fresh(k)
		g.readLate(k, at, v)
	}
	return ok
}

// plantConflict lets one reader see another value at an offset, of a send whose outcome is open.
func plantConflict(g *garden) bool {
	p, ok := g.pick(MopRead, func(r *rec, m mop) bool { return r.outcome == OK && len(g.readers(m)) > 1 })
	if ok {
		_, v := g.fresh(p.mop().key)
		g.sent(Send, Open, mop{MopSend, p.mop().key, NoOffset, v})
		p.mop().value = v
	}
	return ok
}

// plantMoved lets the broker answer another offset than the one where the value is.
func plantMoved(g *garden) bool {
	p, ok := g.pick(MopSend, func(r *rec, m mop) bool { return ackedOK(r, m) && len(g.readers(m)) > 0 })
	if ok {
		p.mop().offset, _ = g.fresh(p.mop().key)
	}
	return ok
}

func plantAborted(g *garden) bool {
	p, ok := g.pick(MopSend, func(r *rec, m mop) bool {
		return r.outcome == OK && r.call.F == Send && len(r.mops) == 1 && len(g.readers(m)) > 0
	})
	if ok {
		p.r.outcome, p.mop().offset = Fail, NoOffset
	}
	return ok
}

func plantPrecommitted(g *garden) bool {
	k := g.key()
	at, v := g.fresh(k)
	g.readLate(k, at, v)
	g.sent(Txn, OK, mop{MopSend, k, at, v}, mop{kind: MopPoll}, mop{MopRead, k, at, v})
	return true
}

func plantPhantom(g *garden) bool {
	k := g.key()
	at, v := g.fresh(k)
	g.readLate(k, at, v)
	return true
}

// inRow are reads in the middle of three of one key in one operation.
func (g *garden) inRow(ok func(*rec, mop) bool) (place, bool) {
	var list []place
	for _, r := range g.recs {
		for i := 1; i+1 < len(r.mops); i++ {
			a, b, c := r.mops[i-1], r.mops[i], r.mops[i+1]
			if a.kind == MopRead && b.kind == MopRead && c.kind == MopRead && a.key == b.key && b.key == c.key && ok(r, b) {
				list = append(list, place{r, i})
			}
		}
	}
	if len(list) == 0 {
		return place{}, false
	}
	return list[g.rng.IntN(len(list))], true
}

func rebalanced(r *rec) bool {
	return slices.ContainsFunc(r.mops, func(m mop) bool { return m.kind == MopRebalanced })
}

// certain reports whether the value is required of every reader even if one reader less has it.
func (g *garden) certain(m mop) bool {
	committed := g.all(MopSend, func(r *rec, o mop) bool { return r.outcome == OK && o.key == m.key && o.value == m.value })
	return len(committed) == 1 && len(g.readers(m)) > 1
}

func plantIntSkip(g *garden) bool {
	p, ok := g.inRow(func(r *rec, m mop) bool { return !rebalanced(r) && g.certain(m) })
	if ok {
		p.r.mops = slices.Delete(p.r.mops, p.i, p.i+1)
	}
	return ok
}

func plantIntRepeat(g *garden) bool {
	p, ok := g.inRow(func(r *rec, m mop) bool { return !rebalanced(r) })
	if ok {
		p.r.mops = slices.Insert(p.r.mops, p.i, *p.mop())
	}
	return ok
}

// steps are pairs of an operation's last read of a key and the first of the next operation of its
// process, which is no member of a group, with nothing between them that ends the row.
func (g *garden) steps() (list [][2]place) {
	type lane struct {
		p Process
		k Key
	}
	last := map[lane]place{}
	grouped := map[Process]bool{}
	for _, r := range g.recs {
		switch r.call.F {
		case Assign, Subscribe:
			grouped[r.call.Process] = r.call.F == Subscribe
			for l := range last {
				if l.p == r.call.Process {
					delete(last, l)
				}
			}
			continue
		}
		touched := map[lane]place{}
		for i, m := range r.mops {
			if m.kind != MopRead {
				continue
			}
			l := lane{r.call.Process, m.key}
			if from, ok := last[l]; ok && !grouped[l.p] && r.outcome == OK {
				if _, again := touched[l]; !again {
					list = append(list, [2]place{from, {r, i}})
				}
			}
			touched[l] = place{r, i}
		}
		for l, p := range touched {
			if r.outcome == OK {
				last[l] = p
			}
		}
	}
	return list
}

func (g *garden) pickStep(ok func(from, to place) bool) ([2]place, bool) {
	list := slices.DeleteFunc(g.steps(), func(s [2]place) bool { return !ok(s[0], s[1]) })
	if len(list) == 0 {
		return [2]place{}, false
	}
	return list[g.rng.IntN(len(list))], true
}

func plantSkip(g *garden) bool {
	s, ok := g.pickStep(func(from, to place) bool {
		next := to.i + 1
		return g.certain(*to.mop()) && next < len(to.r.mops) && to.r.mops[next].kind == MopRead && to.r.mops[next].key == to.mop().key
	})
	if ok {
		s[1].r.mops = slices.Delete(s[1].r.mops, s[1].i, s[1].i+1)
	}
	return ok
}

func plantRepeat(g *garden) bool {
	s, ok := g.pickStep(func(from, to place) bool { return true })
	if ok {
		s[1].r.mops = slices.Insert(s[1].r.mops, s[1].i, *s[0].mop())
	}
	return ok
}

func plantIntSendOrder(g *garden) bool {
	for _, r := range g.recs {
		for i, a := range r.mops {
			for j, b := range r.mops[:i] {
				if r.outcome == OK && a.kind == MopSend && b.kind == MopSend && a.key == b.key && sends(r, a.key) == 2 {
					r.mops[i], r.mops[j] = b, a
					return true
				}
			}
		}
	}
	return false
}

func sends(r *rec, k Key) (n int) {
	for _, m := range r.mops {
		if m.kind == MopSend && m.key == k {
			n++
		}
	}
	return n
}

func plantSendOrder(g *garden) bool {
	type lane struct {
		p Process
		k Key
	}
	last := map[lane]place{}
	for _, r := range g.recs {
		for i, m := range r.mops {
			if m.kind != MopSend || r.outcome == Fail {
				continue
			}
			l := lane{r.call.Process, m.key}
			single := ackedOK(r, m) && r.call.F == Send && sends(r, m.key) == 1
			if from, ok := last[l]; ok && single && from.r != nil {
				*from.mop(), r.mops[i] = m, *from.mop()
				return true
			}
			last[l] = place{}
			if single {
				last[l] = place{r, i}
			}
		}
	}
	return false
}

func plantCircle(g *garden) bool {
	const a, b = 0, 1
	atA, v := g.fresh(a)
	atB, w := g.fresh(b)
	g.readLate(a, atA, v)
	g.readLate(b, atB, w)
	g.sent(Txn, OK, mop{MopSend, a, atA, v}, mop{kind: MopPoll}, mop{MopRead, b, atB, w})
	g.sent(Txn, OK, mop{MopSend, b, atB, w}, mop{kind: MopPoll}, mop{MopRead, a, atA, v})
	return true
}

// TestPlanted puts each anomaly into valid histories: exactly its kind must be found, once.
func TestPlanted(t *testing.T) {
	for _, p := range []struct {
		kind  Kind
		name  string
		plant func(*garden) bool
	}{
		{LostWrite, "lost", plantLost},
		{Unseen, "unseen", plantUnseen},
		{Duplicate, "duplicate", plantDuplicate},
		{InconsistentOffset, "conflict", plantConflict},
		{InconsistentOffset, "moved", plantMoved},
		{AbortedRead, "aborted", plantAborted},
		{PrecommittedRead, "precommitted", plantPrecommitted},
		{PhantomRead, "phantom", plantPhantom},
		{IntPollSkip, "int-skip", plantIntSkip},
		{IntNonmonotonicPoll, "int-repeat", plantIntRepeat},
		{PollSkip, "skip", plantSkip},
		{NonmonotonicPoll, "repeat", plantRepeat},
		{IntNonmonotonicSend, "int-send-order", plantIntSendOrder},
		{NonmonotonicSend, "send-order", plantSendOrder},
		{CircularFlow, "circle", plantCircle},
	} {
		t.Run(p.name, func(t *testing.T) {
			planted := 0
			for seed := range uint64(100) {
				m, recs := valid(seed)
				g := &garden{m, rand.New(rand.NewPCG(seed, 2)), recs}
				if !p.plant(g) {
					continue
				}
				planted++
				_, r := check(t, g.recs)
				if !reflect.DeepEqual(r.Kinds(), []Kind{p.kind}) || r.Counts[p.kind].Violations != 1 {
					t.Fatalf("seed %d: want one %s, have\n%s", seed, p.kind, r)
				}
			}
			if planted < 50 {
				t.Errorf("only %d of 100 histories have a place for it", planted)
			}
		})
	}
}
