package network

import "sync"

// budget is a semaphore of bytes for the memory of large requests, shared by all connections of a
// server. It is first come, first served, except that a connection which waits for its own share
// holds up nobody else.
type budget struct {
	total, share int64

	mu      sync.Mutex
	used    int64
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
	if len(b.waiting) > 0 || !b.fits(a, n) {
		return false
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
	if a.held < 0 || b.used < 0 {
		panic("BUG: more memory budget given back than taken")
	}
	b.grant()
}

// grant serves the queue in order. It stops at the first that the total holds up, so that a large
// request is not starved by small ones.
func (b *budget) grant() {
	kept := b.waiting[:0]
	blocked := false
	for _, a := range b.waiting {
		if !blocked && b.fits(a, a.want) {
			b.take(a, a.want)
			a.granted <- struct{}{} // never blocks: one slot, one entry in the queue
			continue
		}
		blocked = blocked || !b.fitsTotal(a.want)
		kept = append(kept, a)
	}
	clear(b.waiting[len(kept):])
	b.waiting = kept
}

func (b *budget) fits(a *account, n int64) bool {
	return b.fitsTotal(n) && (a.held == 0 || a.held+n <= b.share)
}

func (b *budget) fitsTotal(n int64) bool { return b.used == 0 || b.used+n <= b.total }

func (b *budget) take(a *account, n int64) {
	a.held += n
	b.used += n
}

// inUse is the number of bytes taken.
func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
