package quota

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Window is over what time use is averaged: Num samples of Size each, of which the last one is not yet full.
type Window struct {
	Num  int           // quota.window.num, at least 1
	Size time.Duration // quota.window.size.seconds, at least 1 ms
}

// DefaultWindow is Kafka's: 11 samples of a second.
var DefaultWindow = Window{Num: 11, Size: time.Second}

// withDefaults fills what is zero.
func (w Window) withDefaults() Window {
	if w.Num <= 0 {
		w.Num = DefaultWindow.Num
	}
	if w.Size <= 0 {
		w.Size = DefaultWindow.Size
	}
	return w
}

// Account is what one client, or those who share a limit, have used of one quota. Make it by NewAccount. The methods
// are safe for concurrent use and do nothing on a nil account, which is that of a client without a limit.
//
// Bytes and times are an average over the window (Kafka's Rate over sampled sums): right after the start, and after a
// pause, the window counts as full of nothing, so that Num−1 samples' worth may be used at once. Mutations are a bucket
// of tokens, Num × Size × limit deep (KIP-599).
type Account struct {
	kind   Kind
	window Window
	limit  atomic.Uint64 // bits of a float64
	tally  *tally        // who is throttled; nil if nobody counts it

	mu struct {
		sync.Mutex
		base    time.Time // what times are told from; zero until the first use
		samples []sample  // at most Num + 1
		current int
		tokens  float64
		last    time.Duration // of the last use
	}
}

// sample is what was used in a part of the window. Times are since the account's base.
type sample struct {
	start, last time.Duration
	sum         float64
}

// NewAccount returns an account on which nothing was used. limit is per second, in the units of the kind.
func NewAccount(k Kind, limit float64, w Window) *Account {
	a := &Account{kind: k, window: w.withDefaults()}
	a.setLimit(limit)
	return a
}

func (a *Account) setLimit(limit float64) { a.limit.Store(math.Float64bits(limit)) }

// Limit is what may be used per second.
func (a *Account) Limit() float64 {
	if a == nil {
		return math.Inf(1)
	}
	return math.Float64frombits(a.limit.Load())
}

// Burst is the most that may be used at once after a pause without being throttled; it is what Kafka lets a single
// Fetch read (its quota of all samples but the current one).
func (a *Account) Burst() float64 {
	if a == nil {
		return math.Inf(1)
	}
	return a.Limit() * float64(a.window.Num-1) * a.window.Size.Seconds()
}

// Record accounts for use and returns for how long the client is to be throttled, 0 for not at all. amount may be 0, to
// ask only.
func (a *Account) Record(amount float64, now time.Time) time.Duration {
	if a == nil {
		return 0
	}
	a.mu.Lock()
	at := a.timeLocked(now)
	var d time.Duration
	if a.kind == ControllerMutation {
		a.refillLocked(at)
		a.mu.tokens -= amount
		d = a.debtLocked()
	} else {
		a.addLocked(amount, at)
		d = a.overLocked(at)
	}
	a.mu.Unlock()
	a.tally.add(d)
	return d
}

// Unrecord takes back what was recorded, for an answer that was not sent after all (SURFACE 9).
func (a *Account) Unrecord(amount float64, now time.Time) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addLocked(-amount, a.timeLocked(now))
}

// TryRecord is Record for those who can be refused: if the client is to be throttled already, nothing is recorded, and
// it returns false and for how long (SURFACE 11). A use that is let pass may overdraw the account.
func (a *Account) TryRecord(amount float64, now time.Time) (time.Duration, bool) {
	if a == nil {
		return 0, true
	}
	a.mu.Lock()
	at := a.timeLocked(now)
	var d time.Duration
	if a.kind == ControllerMutation {
		a.refillLocked(at)
		if d = a.debtLocked(); d == 0 {
			a.mu.tokens -= amount
		}
	} else if d = a.overLocked(at); d == 0 {
		a.addLocked(amount, at)
	}
	a.mu.Unlock()
	a.tally.add(d)
	return d, d == 0
}

// timeLocked is now as the account tells time; it never goes back.
func (a *Account) timeLocked(now time.Time) time.Duration {
	if a.mu.base.IsZero() {
		a.mu.base = now
		a.mu.tokens = a.depth()
	}
	a.mu.last = max(a.mu.last, now.Sub(a.mu.base))
	return a.mu.last
}

// depth is how many tokens the bucket holds.
func (a *Account) depth() float64 {
	return float64(a.window.Num) * a.window.Size.Seconds() * a.Limit()
}

// refillLocked comes before every use of tokens; base is where the last one was.
func (a *Account) refillLocked(at time.Duration) {
	a.mu.tokens = min(a.depth(), a.mu.tokens+a.Limit()*at.Seconds())
	a.mu.base, a.mu.last = a.mu.base.Add(at), 0
}

// debtLocked is how long the bucket takes to be out of debt.
func (a *Account) debtLocked() time.Duration {
	if a.mu.tokens >= 0 {
		return 0
	}
	return milliseconds(-a.mu.tokens / a.Limit() * 1000)
}

// addLocked adds to the current sample, or begins the next one, which may be where the oldest was.
func (a *Account) addLocked(amount float64, at time.Duration) {
	if amount == 0 {
		return
	}
	m := &a.mu
	if len(m.samples) == 0 {
		m.samples = append(make([]sample, 0, 2), sample{start: at})
		m.current = 0
	}
	if at-m.samples[m.current].start >= a.window.Size {
		m.current = (m.current + 1) % (a.window.Num + 1)
		if m.current == len(m.samples) {
			m.samples = append(m.samples, sample{})
		}
		m.samples[m.current] = sample{start: at}
	}
	s := &m.samples[m.current]
	s.sum += amount
	s.last = at
}

// overLocked is the throttle time of what has been used.
func (a *Account) overLocked(at time.Duration) time.Duration {
	sum, span := a.sumLocked(at)
	limit := a.Limit()
	observed := sum / span.Seconds()
	if !(observed > limit) {
		return 0
	}
	d := milliseconds((observed - limit) / limit * float64(span/time.Millisecond))
	if a.kind == RequestTime && !plantedLongMute {
		d = min(d, a.window.Size) // SURFACE 10
	}
	return d
}

// sumLocked is what was used in the window and how long that is: from the start of the oldest sample that still counts
// to now, and at least all samples but the current one.
func (a *Account) sumLocked(at time.Duration) (sum float64, span time.Duration) {
	oldest := at
	for i := range a.mu.samples {
		s := &a.mu.samples[i]
		if at-s.last >= time.Duration(a.window.Num)*a.window.Size {
			*s = sample{start: at, last: at}
		}
		sum += s.sum
		oldest = min(oldest, s.start)
	}
	span = at - oldest
	if full, least := int(span/a.window.Size), a.window.Num-1; full < least {
		span += time.Duration(least-full) * a.window.Size
	}
	return sum, max(span, time.Millisecond)
}

// milliseconds is ms, rounded, within what an answer can tell.
func milliseconds(ms float64) time.Duration {
	if !(ms < float64(MaxThrottle/time.Millisecond)) { // also if it is no number: a limit of 0
		return MaxThrottle
	}
	return time.Duration(math.Round(ms)) * time.Millisecond
}

// idle reports whether the account holds nothing that a new one would not hold as well.
func (a *Account) idle(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.base.IsZero() {
		return true
	}
	past := now.Sub(a.mu.base) - a.mu.last
	if a.kind == ControllerMutation {
		return a.mu.tokens+a.Limit()*past.Seconds() >= a.depth()
	}
	return past >= time.Duration(a.window.Num+1)*a.window.Size
}
