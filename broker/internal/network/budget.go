package network

import "sync"

// smallCharge is the largest charge that may use all of the budget and passes by those that wait for more.
const smallCharge = 1 << 20

// budget is a semaphore of bytes for the memory of large requests, shared by all connections of a
// server. It is first come, first served, except that a connection which waits for its own share
// holds up nobody else, and that a quarter is kept for charges up to smallCharge: whoever announces a few
// huge requests cannot stop everybody's ordinary ones.
type budget struct {
	total, share int64

	mu      sync.Mutex
	used    int64
	big     int64      // of it, charges above smallCharge
	waiting []*account // in order of arrival; at most one entry per connection
}

// account is what one connection has of the budget. Its fields are guarded by budget.mu; want and
// granted belong to the one acquire that may be under way.
type account struct {
	held    int64
	want    int64
	granted chan struct{} // one slot
}

// tryAcquire takes n bytes if they are there and nobody waits.
func (b *budget) tryAcquire(a *account, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.fits(a, n) {
		return false
	}
	for _, w := range b.waiting {
		if (w.want > smallCharge) == (n > smallCharge) {
			return false // it was first
		}
	}
	b.take(a, n)
	return true
}

// acquire takes n bytes, waiting for them if it must. It returns false, with nothing taken, if
// stop is closed first. Only one acquire per account at a time: the reader's.
func (b *budget) acquire(a *account, n int64, stop <-chan struct{}) bool {
	b.mu.Lock()
	if a.granted == nil {
		a.granted = make(chan struct{}, 1)
	}
	a.want = n
	b.waiting = append(b.waiting, a)
	b.grant() // at once, if those ahead wait for their own share only
	b.mu.Unlock()
	select {
	case <-a.granted:
		return true
	case <-stop:
		return b.abandon(a)
	}
}

// abandon ends a wait. It returns true if the bytes had been granted meanwhile.
func (b *budget) abandon(a *account) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, w := range b.waiting {
		if w == a {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			b.grant() // whoever stood behind it
			return false
		}
	}
	<-a.granted // it left the queue under the lock, so the token is there
	return true
}

// release gives n bytes back. It does not block.
func (b *budget) release(a *account, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a.held -= n
	b.used -= n
	if n > smallCharge {
		b.big -= n
	}
	if a.held < 0 || b.used < 0 || b.big < 0 {
		panic("BUG: more memory budget given back than taken")
	}
	b.grant()
}

// grant serves the queue in order, small and large charges each for themselves: the first that the
// total holds up is not overtaken by others of its kind.
func (b *budget) grant() {
	kept := b.waiting[:0]
	var blocked [2]bool
	for _, a := range b.waiting {
		kind := 0
		if a.want > smallCharge {
			kind = 1
		}
		if !blocked[kind] && b.fits(a, a.want) {
			b.take(a, a.want)
			a.granted <- struct{}{} // never blocks: one slot, one entry in the queue
			continue
		}
		blocked[kind] = blocked[kind] || !b.fitsTotal(a.want)
		kept = append(kept, a)
	}
	clear(b.waiting[len(kept):])
	b.waiting = kept
}

func (b *budget) fits(a *account, n int64) bool {
	return b.fitsTotal(n) && (a.held == 0 || a.held+n <= b.share)
}

func (b *budget) fitsTotal(n int64) bool {
	if n > smallCharge {
		return b.big == 0 || b.big+n <= b.forBig()
	}
	small := b.used - b.big // the large ones never count for more than their part
	return small == 0 || small+min(b.big, b.forBig())+n <= b.total
}

// forBig is what charges above smallCharge may use together.
func (b *budget) forBig() int64 {
	if plantedNoReserve {
		return b.total
	}
	return b.total - b.total/4
}

func (b *budget) take(a *account, n int64) {
	a.held += n
	b.used += n
	if n > smallCharge {
		b.big += n
	}
}

// inUse is the number of bytes taken.
func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
