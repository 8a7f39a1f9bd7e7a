package delayed

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ended records how often and why an operation ended.
type ended struct {
	n      atomic.Int32
	reason atomic.Int32
}

func (e *ended) End(r Reason) { e.reason.Store(int32(r)); e.n.Add(1) }

func (e *ended) want(t *testing.T, n int32, r Reason) {
	t.Helper()
	if e.n.Load() != n || n > 0 && Reason(e.reason.Load()) != r {
		t.Fatalf("ended %d times, last for reason %d; want %d times for %d", e.n.Load(), e.reason.Load(), n, r)
	}
}

var start = time.Unix(1000, 0)

func TestAllWatchesMustFire(t *testing.T) {
	var a, b List
	var e ended
	var op Op
	w := NewWheel(start, nil)
	op.Begin(&e, 2, 2)
	op.Watch(&a, 5)
	op.Watch(&b, 7)
	if !op.Park(w, start.Add(time.Second)) {
		t.Fatal("met although nothing was signalled")
	}
	a.Signal(5)
	b.Signal(6)
	e.want(t, 0, Met)
	b.Signal(7)
	e.want(t, 1, Met)
	if w.Advance(start.Add(time.Hour)) != 0 || a.Waiting() || b.Waiting() {
		t.Fatal("the ended operation is still somewhere")
	}
	e.want(t, 1, Met)
}

func TestAnyWatchIsEnough(t *testing.T) {
	var a, b List
	var e ended
	var op Op
	op.Begin(&e, 2, 1)
	op.Watch(&a, 5)
	op.Watch(&b, 5)
	op.Park(nil, time.Time{})
	b.Signal(9)
	e.want(t, 1, Met)
	a.Signal(9)
	e.want(t, 1, Met)
	if a.Waiting() {
		t.Fatal("still in the other list")
	}
}

func TestFiredBeforePark(t *testing.T) {
	for need := 1; need <= 2; need++ {
		var a, b List
		var e ended
		var op Op
		op.Begin(&e, 2, need)
		a.Signal(3)
		op.Watch(&a, 3) // reached already
		op.Watch(&b, 3)
		b.Signal(3) // while being set up
		if op.Park(NewWheel(start, nil), start) {
			t.Fatalf("need %d: parked although both have fired", need)
		}
		e.want(t, 0, Met)
	}
}

func TestExpiresNotBeforeItsDeadlineAndAtMostOneTickLate(t *testing.T) {
	for _, d := range []time.Duration{0, 1, Tick - 1, Tick, Tick + 1, 999 * time.Millisecond, time.Minute} {
		var l List
		var e ended
		var op Op
		w := NewWheel(start, nil)
		op.Begin(&e, 1, 1)
		op.Watch(&l, 1)
		op.Park(w, start.Add(d))
		for now := start; now.Before(start.Add(d)); now = now.Add(Tick / 3) {
			w.Advance(now)
			e.want(t, 0, Met)
		}
		w.Advance(start.Add(d).Add(Tick))
		e.want(t, 1, Expired)
		if l.Waiting() {
			t.Fatal("expired operation left in its list")
		}
	}
}

func TestAdvanceAfterALongPauseSeesEverySlot(t *testing.T) {
	var l List
	w := NewWheel(start, nil)
	es := make([]ended, 2*wheelSlots)
	ops := make([]Op, len(es))
	for i := range ops {
		ops[i].Begin(&es[i], 1, 1)
		ops[i].Watch(&l, 1)
		ops[i].Park(w, start.Add(time.Duration(i)*Tick))
	}
	w.Advance(start.Add(time.Hour))
	for i := range es {
		es[i].want(t, 1, Expired)
	}
}

// TestTrim: one large use does not hold its memory for ever; a small one keeps it.
func TestTrim(t *testing.T) {
	var l List
	var op Op
	for _, n := range []int{10, maxKept, maxKept + 1} {
		op.Begin(&ended{}, n, n)
		for range n {
			op.Watch(&l, 1)
		}
		op.Park(nil, time.Time{})
		op.Cancel()
		op.Trim()
		if kept := op.watches != nil; kept != (n <= maxKept) {
			t.Errorf("after %d watches: kept %v", n, kept)
		}
	}
}

func TestCancel(t *testing.T) {
	var l List
	var e ended
	var op Op
	w := NewWheel(start, nil)
	op.Begin(&e, 1, 1)
	op.Watch(&l, 1)
	op.Park(w, start.Add(time.Second))
	if !op.Cancel() || op.Cancel() {
		t.Fatal("cancel must succeed once")
	}
	l.Signal(1)
	w.Advance(start.Add(time.Hour))
	e.want(t, 0, Met)
}

func TestKickEndsWhateverTheThreshold(t *testing.T) {
	var l List
	var e ended
	var op Op
	op.Begin(&e, 1, 1)
	op.Watch(&l, 1<<40)
	op.Park(nil, time.Time{})
	l.Kick()
	e.want(t, 1, Met)
	if l.Value() != 0 {
		t.Fatal("a kick is not a value")
	}
}

// TestEndsExactlyOnce lets signals, expiry and cancellation race for operations that are used
// again and again, and counts that each Park had exactly one end.
func TestEndsExactlyOnce(t *testing.T) {
	const rounds = 3000
	lists := make([]List, 3)
	w := NewWheel(start, nil)
	var tick atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	drive := func(f func(n int64)) {
		wg.Go(func() {
			for n := int64(1); ; n++ {
				select {
				case <-stop:
					return
				default:
					f(n)
					runtime.Gosched() // two cores: let the owners run
				}
			}
		})
	}
	for i := range lists {
		drive(func(n int64) { lists[i].Signal(n) })
	}
	drive(func(int64) { w.Advance(start.Add(time.Duration(tick.Add(1)) * Tick)) })
	var owners sync.WaitGroup
	for g := range 4 {
		owners.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(g)))
			var op Op
			for range rounds {
				e := &signalled{ch: make(chan Reason, 2)}
				op.Begin(e, len(lists), 1+rng.IntN(len(lists)))
				for i := range lists {
					op.Watch(&lists[i], lists[i].Value()+rng.Int64N(50))
				}
				deadline := start.Add(time.Duration(tick.Load()+rng.Int64N(20)) * Tick)
				if !op.Park(w, deadline) {
					continue
				}
				if rng.IntN(4) == 0 && op.Cancel() {
					continue
				}
				<-e.ch
				select {
				case <-e.ch:
					t.Error("ended twice")
				default:
				}
			}
		})
	}
	owners.Wait()
	close(stop)
	wg.Wait()
	for i := range lists {
		if lists[i].head != nil {
			t.Errorf("list %d is not empty", i)
		}
	}
	if w.n != 0 {
		t.Errorf("%d operations left in the wheel", w.n)
	}
}

type signalled struct{ ch chan Reason }

func (s *signalled) End(r Reason) { s.ch <- r }

func TestClockExpiresAndSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := StartClock()
		defer c.Stop()
		time.Sleep(time.Minute) // fake time: it has long gone to sleep
		var l List
		var e ended
		var op Op
		op.Begin(&e, 1, 1)
		op.Watch(&l, 1)
		op.Park(c.Wheel, time.Now().Add(time.Second))
		time.Sleep(time.Second - Tick)
		synctest.Wait()
		e.want(t, 0, Expired)
		time.Sleep(3 * Tick)
		synctest.Wait()
		e.want(t, 1, Expired)
	})
}

func BenchmarkParkAndSignal(b *testing.B) {
	var l List
	var e ended
	var op Op
	w := NewWheel(start, nil)
	b.ReportAllocs()
	for n := int64(1); b.Loop(); n++ {
		op.Begin(&e, 1, 1)
		op.Watch(&l, n)
		op.Park(w, start.Add(30*time.Second))
		l.Signal(n)
	}
}
