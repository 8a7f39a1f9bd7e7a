package network

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// errMemory: the connection was the one that has held memory for longest when there was too much of it.
var errMemory = errors.New("memory for frames or answers of slow clients is used up")

// holders bounds the memory that connections hold while they wait for their clients. Beyond the limit those that have
// waited longest are closed, until a quarter of it is free again: whoever comes later may be a client that is only
// about to be quick.
type holders struct {
	limit int64
	of    func(*conn) *holding

	bytes  atomic.Int64
	making sync.Mutex // held while room is made
}

// holding is what one connection holds.
type holding struct {
	bytes, since atomic.Int64 // since: Unix nanoseconds
}

// hold notes that c holds n bytes since some time, in place of what it held. It costs nothing when that does not change.
func (h *holders) hold(c *conn, n int64, since time.Time) {
	mine := h.of(c)
	before := mine.bytes.Load()
	if before == n {
		return
	}
	if before == 0 {
		mine.since.Store(since.UnixNano())
	}
	mine.bytes.Store(n)
	if h.bytes.Add(n-before) > h.limit && n > before {
		h.makeRoom(c.server)
	}
}

// makeRoom closes connections, unless somebody else is at it.
func (h *holders) makeRoom(s *Server) {
	if plantedNoRoom || !h.making.TryLock() {
		return
	}
	defer h.making.Unlock()
	type holder struct {
		c            *conn
		bytes, since int64
	}
	var all []holder
	s.mu.Lock()
	for c := range s.mu.conns {
		if n := h.of(c).bytes.Load(); n > 0 && !c.isDead.Load() {
			all = append(all, holder{c, n, h.of(c).since.Load()})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b holder) int { return cmp.Compare(a.since, b.since) })
	held := int64(0)
	for _, x := range all {
		held += x.bytes
	}
	for _, x := range all {
		if held <= h.limit-h.limit/4 {
			return
		}
		x.c.kill(ClosedMemory, errMemory)
		held -= x.bytes
	}
}
