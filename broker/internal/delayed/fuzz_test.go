package delayed

import (
	"testing"
	"time"
)

// modelOp is what an operation should be doing: the simplest bookkeeping that can be right.
type modelOp struct {
	op       Op
	ended    ended
	parked   bool
	need     int
	watches  []modelWatch
	deadline int64 // tick, 0 none
	ends     int32
	why      Reason
}

type modelWatch struct {
	list      int
	threshold int64
	fired     bool
}

func (m *modelOp) fired() (n int) {
	for _, w := range m.watches {
		if w.fired {
			n++
		}
	}
	return n
}

// FuzzOps plays a script of operations, signals, kicks, resets and ticks against a model: every
// operation ends exactly when the model says, for the reason that it says, and once.
func FuzzOps(f *testing.F) {
	f.Add([]byte{0, 1, 5, 0x12, 3, 0x51, 9, 4, 0, 3, 5, 40})
	f.Add([]byte{0, 2, 0, 0x21, 1, 2, 3, 4, 0, 3, 3, 1, 0, 9, 5, 200, 2, 0})
	f.Add([]byte{0, 1, 1, 1, 1, 1, 4, 0, 6, 0, 0, 5, 1, 1, 9, 9, 3, 0, 8})
	f.Fuzz(func(t *testing.T, script []byte) {
		next := func() int {
			if len(script) == 0 {
				return 0
			}
			b := script[0]
			script = script[1:]
			return int(b)
		}
		var lists [3]List
		var values [3]int64
		ops := make([]modelOp, 4)
		w := NewWheel(start, nil)
		now := int64(0)
		settle := func(why Reason, ends func(*modelOp) bool) {
			for i := range ops {
				if m := &ops[i]; m.parked && ends(m) {
					m.parked, m.why = false, why
					m.ends++
				}
			}
		}
		fire := func(list int, v int64) {
			for i := range ops {
				for j := range ops[i].watches {
					if x := &ops[i].watches[j]; ops[i].parked && x.list == list && x.threshold <= v {
						x.fired = true
					}
				}
			}
			settle(Met, func(m *modelOp) bool { return m.fired() >= m.need })
		}
		for len(script) > 0 {
			switch kind := next() % 6; kind {
			case 0: // a new use of an operation
				m := &ops[next()%len(ops)]
				if m.parked {
					continue
				}
				n := 1 + next()%4
				m.need, m.watches, m.deadline = 1+next()%n, nil, 0
				m.op.Begin(&m.ended, n, m.need)
				for range n {
					x := modelWatch{list: next() % len(lists), threshold: int64(next() % 32)}
					x.fired = values[x.list] >= x.threshold
					m.op.Watch(&lists[x.list], x.threshold)
					m.watches = append(m.watches, x)
				}
				wheel, ticks := w, int64(next())
				if ticks == 0 {
					wheel = nil
				} else {
					m.deadline = max(ticks*7, now+1) // also more than one turn of the wheel
				}
				parked := m.op.Park(wheel, start.Add(time.Duration(ticks*7)*Tick))
				if m.parked = m.fired() < m.need; parked != m.parked {
					t.Fatalf("parked %v with %d of %d fired", parked, m.fired(), m.need)
				}
			case 1, 2:
				i, v := next()%len(lists), int64(next()%32)
				lists[i].Signal(v)
				if v > values[i] {
					values[i] = v
					fire(i, v)
				}
			case 3:
				i, v := next()%len(lists), int64(next()%32)
				if v%2 == 0 {
					lists[i].Kick()
				} else {
					lists[i].Reset(v)
					values[i] = v
				}
				fire(i, 1<<40)
			case 4:
				m := &ops[next()%len(ops)]
				if len(m.watches) == 0 {
					continue // never used
				}
				if m.parked != m.op.Cancel() {
					t.Fatalf("cancelled although parked is %v", m.parked)
				}
				m.parked = false
			case 5:
				now += int64(next())
				w.Advance(start.Add(time.Duration(now) * Tick))
				settle(Expired, func(m *modelOp) bool { return m.deadline > 0 && m.deadline <= now })
			}
			for i := range ops {
				ops[i].ended.want(t, ops[i].ends, ops[i].why)
			}
		}
		for i := range lists {
			lists[i].Kick()
			fire(i, 1<<40)
		}
		for i := range ops {
			ops[i].ended.want(t, ops[i].ends, ops[i].why)
		}
		for i := range lists {
			if lists[i].Waiting() {
				t.Fatalf("list %d is not empty", i)
			}
		}
		if w.n != 0 {
			t.Fatalf("%d operations left in the wheel", w.n)
		}
	})
}
