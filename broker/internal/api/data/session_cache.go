package data

import (
	"container/list"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// sessionEvictionAge is how long a session is safe from others of its kind, and how long it may be
	// unused before anybody's goes first (KIP-227).
	sessionEvictionAge = 2 * time.Minute
	// maxSessionBytes bounds what all sessions remember. Who finds no room goes on without a session.
	maxSessionBytes = 64 << 20
)

// sessionCache holds the fetch sessions of all clients (KIP-227). A client that finds no room is told session 0 and
// sends full requests.
type sessionCache struct {
	slots    int
	maxBytes int64

	mu struct {
		sync.Mutex
		sessions map[int32]*list.Element // of *session
		used     list.List               // the one that was used longest ago first
		bytes    int64
		evicted  int64
	}
}

func newSessionCache(slots int, maxBytes int64) *sessionCache {
	c := &sessionCache{slots: slots, maxBytes: maxBytes}
	c.mu.sessions = make(map[int32]*list.Element)
	return c
}

// use finds a session and notes that it was used; nil if there is none.
func (c *sessionCache) use(id int32, now time.Time) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.mu.sessions[id]
	if e == nil {
		return nil
	}
	s := e.Value.(*session)
	s.used = now
	c.mu.used.MoveToBack(e)
	return s
}

// remove ends a session, if there is one of that id.
func (c *sessionCache) remove(id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.mu.sessions[id]; e != nil {
		c.removeLocked(e)
	}
}

func (c *sessionCache) removeLocked(e *list.Element) {
	s := e.Value.(*session)
	c.mu.used.Remove(e)
	delete(c.mu.sessions, s.id)
	c.mu.bytes -= s.bytes
}

// resize counts what a session has come to. It is ended, and false returned, if that is too much.
func (c *sessionCache) resize(s *session, bytes int64, size int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.mu.sessions[s.id]
	if e == nil || e.Value.(*session) != s {
		return false // ended meanwhile
	}
	c.mu.bytes += bytes - s.bytes
	s.bytes, s.size = bytes, size
	if c.mu.bytes > c.maxBytes {
		c.removeLocked(e)
		return false
	}
	return true
}

// create makes a session for a client that wants size partitions and at most bytes memory, evicting another one if
// there is no slot left: one that nobody has used for long, else one that has lived for as long and has fewer
// partitions. It returns nil if there is no room.
func (c *sessionCache) create(now time.Time, byID bool, bytes int64, size int) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slots <= 0 || c.mu.bytes+bytes > c.maxBytes {
		return nil
	}
	if len(c.mu.sessions) >= c.slots && !c.evictLocked(now, size) {
		return nil
	}
	id := rand.Int32()
	for id == 0 || c.mu.sessions[id] != nil {
		id = rand.Int32()
	}
	s := newSession(id, byID, now)
	s.bytes, s.size = bytes, size
	c.mu.bytes += bytes
	c.mu.sessions[id] = c.mu.used.PushBack(s)
	return s
}

func (c *sessionCache) evictLocked(now time.Time, size int) bool {
	victim := c.mu.used.Front()
	if victim == nil {
		return false
	}
	if now.Sub(victim.Value.(*session).used) <= sessionEvictionAge {
		victim = nil
		for e := c.mu.used.Front(); e != nil; e = e.Next() {
			s := e.Value.(*session)
			old := now.Sub(s.created) > sessionEvictionAge || plantedEvictYoung
			if old && s.size < size && (victim == nil || s.size < victim.Value.(*session).size) {
				victim = e
			}
		}
	}
	if victim == nil {
		return false
	}
	c.removeLocked(victim)
	c.mu.evicted++
	return true
}

// SessionStats is a snapshot of the fetch sessions.
type SessionStats struct {
	Sessions, Partitions int
	Bytes                int64 // as counted against their bound
	Evicted              int64 // since the start
}

// FetchSessionStats describes the fetch sessions. Safe for concurrent use.
func (h *Handlers) FetchSessionStats() SessionStats {
	c := h.sessions
	c.mu.Lock()
	defer c.mu.Unlock()
	out := SessionStats{Sessions: len(c.mu.sessions), Bytes: c.mu.bytes, Evicted: c.mu.evicted}
	for e := c.mu.used.Front(); e != nil; e = e.Next() {
		out.Partitions += e.Value.(*session).size
	}
	return out
}
