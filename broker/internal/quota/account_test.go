package quota

import (
	"math"
	"sync"
	"testing"
	"time"
)

var epoch = time.Unix(1_700_000_000, 0)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

// TestPoint010ThrottleTimeOfARate: (observed − limit) ÷ limit × window, where the window is at least all samples but the
// current one (SURFACE 10). The figures are worked out by hand.
func TestPoint010ThrottleTimeOfARate(t *testing.T) {
	a := NewAccount(Produce, 1000, Window{Num: 11, Size: time.Second})
	f := func(ms int, amount float64, want time.Duration) {
		t.Helper()
		if got := a.Record(amount, at(ms)); got != want {
			t.Errorf("at %d ms, %v more: %v, want %v", ms, amount, got, want)
		}
	}
	f(0, 10_000, 0)                           // exactly the burst: 10 s × 1000
	f(0, 1, time.Millisecond)                 // 10 001 ÷ 10 s = 1000.1; 0.0001 × 10 s
	f(0, 4_999, 5*time.Second)                // 15 000 ÷ 10 s = 1500; 0.5 × 10 s
	f(500, 0, 4_500*time.Millisecond)         // over 10.5 s: 1428.57; 0.42857 × 10.5 s
	f(5_000, 0, 5*time.Second)                // a window is full or it is not: 10 s again
	f(10_000, 0, 5*time.Second)               // the oldest sample is 10 s old
	f(10_999, 0, 4_001*time.Millisecond)      // 15 000 ÷ 10.999 s
	f(11_000, 0, 0)                           // out of the window, all at once
	f(11_000, 12_000, 2_000*time.Millisecond) // as after a pause
	a.Unrecord(12_000, at(11_000))
	f(11_000, 0, 0)
	a.setLimit(1)
	f(11_000, 10, 0)
	f(11_000, 1e12, MaxThrottle)
}

// TestPoint010RequestTimeIsCapped at one sample, whatever was used.
func TestPoint010RequestTimeIsCapped(t *testing.T) {
	a := NewAccount(RequestTime, 1, Window{Num: 11, Size: time.Second}) // 1 % of a thread
	if d := a.Record(ThreadTime(100*time.Millisecond), at(0)); d != 0 {
		t.Errorf("0.1 s in 10 s is 1 %%, throttled by %v", d)
	}
	if d := a.Record(ThreadTime(5*time.Millisecond), at(0)); d != 500*time.Millisecond {
		t.Errorf("5 ms over it: %v", d)
	}
	if d := a.Record(ThreadTime(time.Hour), at(1)); d != time.Second {
		t.Errorf("an hour: %v", d)
	}
}

// TestMutationsAreABucketOfTokens (KIP-599): a burst is paid back at the rate of the limit.
func TestMutationsAreABucketOfTokens(t *testing.T) {
	a := NewAccount(ControllerMutation, 5, Window{Num: 100, Size: time.Second}) // KIP-599's own figures
	if d := a.Record(560, at(0)); d != 12*time.Second {
		t.Errorf("560 with room for 500 at 5 per second: %v", d)
	}
	if d, ok := a.TryRecord(1, at(11_000)); ok || d != time.Second {
		t.Errorf("after 11 s: %v, %v", d, ok)
	}
	if d, ok := a.TryRecord(1000, at(12_000)); !ok || d != 0 {
		t.Errorf("after 12 s: %v, %v", d, ok)
	}
	if d, ok := a.TryRecord(1, at(12_000)); ok || d != 200*time.Second {
		t.Errorf("then: %v, %v", d, ok)
	}
	if a.idle(at(100_000)) || !a.idle(at(400_000)) {
		t.Error("it is idle when the bucket is full again")
	}
}

// TestNilAccountIsUnlimited: what most clients have.
func TestNilAccountIsUnlimited(t *testing.T) {
	var a *Account
	a.Unrecord(1, at(0))
	if d, ok := a.TryRecord(1e300, at(0)); d != 0 || !ok {
		t.Error(d, ok)
	}
	if d := a.Record(1e300, at(0)); d != 0 || !math.IsInf(a.Burst(), 1) || !math.IsInf(a.Limit(), 1) {
		t.Error(d)
	}
}

// TestClockStepsBack: time that goes back counts as standing still.
func TestClockStepsBack(t *testing.T) {
	a := NewAccount(Fetch, 10, Window{Num: 2, Size: time.Second})
	a.Record(20, at(1000))
	if d := a.Record(0, at(0)); d != time.Second {
		t.Error(d)
	}
}

// TestAverageMeetsTheLimit: a client that sends whenever it may, and waits as long as it is told, comes to its limit
// within a tenth, whatever the size of what it sends.
func TestAverageMeetsTheLimit(t *testing.T) {
	for _, size := range []float64{10, 700, 20_000} {
		a := NewAccount(Produce, 1000, DefaultWindow)
		now, sent, warm := epoch, 0.0, 60*time.Second
		for end := epoch.Add(20 * time.Minute); now.Before(end); {
			if now.Sub(epoch) > warm {
				sent += size
			}
			d := a.Record(size, now)
			now = now.Add(max(d, time.Millisecond))
		}
		if rate := sent / (now.Sub(epoch) - warm).Seconds(); rate < 900 || rate > 1100 {
			t.Errorf("%v bytes at a time: %v per second", size, rate)
		}
	}
}

// TestConcurrentUse is for the race detector: nothing of what many threads record is lost.
func TestConcurrentUse(t *testing.T) {
	a := NewAccount(Produce, 1, DefaultWindow)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				a.Record(1, at(0))
				a.Burst()
				a.setLimit(1)
			}
		})
	}
	wg.Wait()
	if d := a.Record(0, at(0)); d != 790*time.Second {
		t.Error(d)
	}
}
