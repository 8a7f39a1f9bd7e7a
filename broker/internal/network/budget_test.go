package network

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// Goal: the rules of the budget. Method: acquire on goroutines in a bubble, look who got through.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &budget{total: 100, share: 60}
		var x, y, z account
		var got sync.Map
		stop := make(chan struct{})
		acquire := func(name string, a *account, n int64, stop chan struct{}) {
			go func() { got.Store(name, b.acquire(a, n, stop)) }()
			synctest.Wait()
		}
		is := func(name string, want bool) {
			t.Helper()
			synctest.Wait()
			if g, ok := got.Load(name); ok != want || ok && !g.(bool) {
				t.Fatalf("%s: returned %v, granted %v; want %v", name, ok, g, want)
			}
		}
		acquire("x50", &x, 50, nil)
		is("x50", true)
		acquire("x20: over its share", &x, 20, nil)
		is("x20: over its share", false)
		acquire("y40: passes one that waits for its own share", &y, 40, nil)
		is("y40: passes one that waits for its own share", true)
		acquire("z30: over the total", &z, 30, nil)
		is("z30: over the total", false)
		if b.tryAcquire(new(account), 1) {
			t.Fatal("tryAcquire passed those who wait")
		}
		acquire("late", new(account), 5, stop)
		is("late", false) // would fit, but z was first
		b.release(&x, 50)
		is("x20: over its share", true)
		is("z30: over the total", true)
		is("late", true)
		b.release(&y, 40)
		b.release(&x, 20)
		b.release(&z, 30)
		if b.used != 5 || len(b.waiting) != 0 {
			t.Fatalf("used %d, %d waiting; want 5 and none", b.used, len(b.waiting))
		}

		acquire("huge", &x, 500, nil)
		is("huge", false)
		acquire("y1", &y, 1, stop)
		is("y1", false) // not past the huge one
		close(stop)
		synctest.Wait()
		if g, ok := got.Load("y1"); !ok || g.(bool) || len(b.waiting) != 1 {
			t.Fatalf("stopped wait: returned %v, granted %v, %d waiting", ok, g, len(b.waiting))
		}
		b.release(&account{held: 5}, 5) // stands for that of "late"
		is("huge", true)                // alone
		b.release(&x, 500)
		if b.used != 0 {
			t.Fatalf("used %d at the end", b.used)
		}
	})
}

// Goal: whoever announces huge requests, and then keeps everybody waiting, does not keep ordinary
// ones waiting: a quarter of the budget is theirs.
func TestBudgetKeepsAReserveForSmallCharges(t *testing.T) {
	b := &budget{total: 16 << 20, share: 16 << 20}
	var huge, second, ordinary account
	if !b.tryAcquire(&huge, 40<<20) {
		t.Fatal("a charge above the total must be served alone")
	}
	go b.acquire(&second, 2<<20, make(chan struct{})) // waits for ever, at the head of the queue
	for {
		b.mu.Lock()
		n := len(b.waiting)
		b.mu.Unlock()
		if n == 1 {
			break
		}
		runtime.Gosched()
	}
	for range 4 {
		if !b.tryAcquire(&ordinary, smallCharge) {
			t.Fatal("an ordinary request waits for a huge one")
		}
	}
	if b.tryAcquire(new(account), smallCharge) {
		t.Fatal("the budget has no end")
	}
}

// Goal: bytes that are granted in the moment in which the wait is given up are not lost.
func TestBudgetGrantedWhileAbandoning(t *testing.T) {
	b := &budget{total: 100, share: 100}
	a := account{want: 10, granted: make(chan struct{}, 1)}
	b.waiting = append(b.waiting, &a)
	b.grant()
	if !b.abandon(&a) || a.held != 10 || b.used != 10 {
		t.Errorf("held %d, used %d", a.held, b.used)
	}
}

func TestBudgetReleasedTwice(t *testing.T) {
	b := &budget{total: 100, share: 100}
	var a account
	b.tryAcquire(&a, 10)
	b.release(&a, 10)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	b.release(&a, 10)
}
