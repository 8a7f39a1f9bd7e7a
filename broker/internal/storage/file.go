package storage

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/thalweg-io/thalweg/internal/invariants"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Suffixes of the files of a segment.
const (
	extLog     = ".log"
	extIndex   = ".index"
	extTime    = ".timeindex"
	extTxn     = ".txnindex"
	extSnap    = ".snapshot"
	extCleaned = ".cleaned" // unfinished copy: removed on open, also by Kafka
	extDeleted = ".deleted"
	extTemp    = ".tmp"
)

// errDetached is returned by acquire for a file that was cut off the log (truncated, deleted,
// closed) since the caller looked it up. The caller looks again.
var errDetached = errors.New("segment file was replaced")

// segmentName is the 20-digit name that Kafka gives the files of a segment.
func segmentName(dir string, base int64, ext string) string {
	return fmt.Sprintf("%s/%020d%s", dir, base, ext)
}

// fileCache opens segment files on demand and keeps the most recently used ones open. Files in
// use are never closed, so the bound is on the idle ones.
//
// One mutex guards all files of a directory; it is held for a few instructions, never in I/O.
type fileCache struct {
	fs  vfs.FS
	max int

	mu struct {
		sync.Mutex
		idle int     // files on the list
		lru  segFile // list head: next is the most, prev the least recently used
	}
}

func newFileCache(fs vfs.FS, max int) *fileCache {
	c := &fileCache{fs: fs, max: max}
	c.mu.lru.next, c.mu.lru.prev = &c.mu.lru, &c.mu.lru
	return c
}

// segFile is one file of a segment, open or not. The zero refs mean: nobody uses it, it may be
// closed at any time. A detached file is never opened again and closes with its last user, so a
// Slice keeps its bytes although the file was unlinked or replaced (durability 9).
type segFile struct {
	cache *fileCache
	dir   string
	base  int64
	ext   string
	size  atomic.Int64 // 1 + the length of an index file once it was asked for; 0 unknown

	// guarded by cache.mu
	f          vfs.File
	refs       int32
	detached   bool
	stale      bool     // another file has the name now: close after use
	next, prev *segFile // on the idle list iff f != nil and refs == 0
}

func (s *segFile) name(c *fileCache, dir string, base int64, ext string) {
	s.cache, s.dir, s.base, s.ext = c, dir, base, ext
}

func (s *segFile) path() string { return segmentName(s.dir, s.base, s.ext) }

// acquire returns the open file and takes a reference. Errors: errDetached, or of opening.
func (s *segFile) acquire() (vfs.File, error) {
	c := s.cache
	c.mu.Lock()
	if f, err, ok := s.takeLocked(); ok {
		c.mu.Unlock()
		return f, err
	}
	c.mu.Unlock()

	f, err := c.fs.OpenReadWrite(s.path())

	c.mu.Lock()
	if g, err2, ok := s.takeLocked(); ok { // opened or detached in between
		c.mu.Unlock()
		if err == nil {
			f.Close() // nothing was written through it
		}
		return g, err2
	}
	if err != nil {
		c.mu.Unlock()
		return nil, err
	}
	s.f, s.refs = f, 1
	c.mu.Unlock()
	return f, nil
}

// takeLocked answers without I/O if it can (ok).
func (s *segFile) takeLocked() (f vfs.File, err error, ok bool) {
	switch {
	case s.detached:
		return nil, errDetached, true
	case s.f == nil:
		return nil, nil, false
	}
	if s.refs == 0 {
		s.unlinkLocked()
	}
	s.refs++
	return s.f, nil, true
}

// release gives one reference back.
func (s *segFile) release() {
	c := s.cache
	c.mu.Lock()
	s.refs--
	invariants.Check(s.refs >= 0, "segment file %d%s released once too often", s.base, s.ext)
	var victim vfs.File
	if s.refs == 0 {
		if s.detached || s.stale {
			victim, s.f, s.stale = s.f, nil, false
		} else {
			victim = s.idleLocked()
		}
	}
	c.mu.Unlock()
	if victim != nil {
		victim.Close() // synced or superseded: its error says nothing that matters
	}
}

// idleLocked puts s on the list and returns a file to close if the list is too long.
func (s *segFile) idleLocked() vfs.File {
	c := s.cache
	head := &c.mu.lru
	s.next, s.prev = head.next, head
	s.next.prev, s.prev.next = s, s
	c.mu.idle++
	if c.mu.idle <= c.max {
		return nil
	}
	last := head.prev
	last.unlinkLocked()
	f := last.f
	last.f = nil
	return f
}

func (s *segFile) unlinkLocked() {
	s.next.prev, s.prev.next = s.prev, s.next
	s.next, s.prev = nil, nil
	s.cache.mu.idle--
}

// length is the size of a file that does not change: asking the system each time would allocate.
func (s *segFile) length(f vfs.File) (int64, error) {
	if n := s.size.Load(); n > 0 {
		return n - 1, nil
	}
	n, err := f.Size()
	if err == nil {
		s.size.Store(n + 1)
	}
	return n, err
}

// adopt makes f, which the caller has just opened or created, the open file. refs is 1 after it.
func (s *segFile) adopt(f vfs.File) {
	s.cache.mu.Lock()
	s.f, s.refs = f, 1
	s.cache.mu.Unlock()
}

// detach cuts the file off: no acquire succeeds any more. own is the number of references that
// the caller itself holds. If nobody else holds one, the open file (or nil) becomes the
// caller's; else pinned is true and the last release closes it.
func (s *segFile) detach(own int32) (f vfs.File, pinned bool) {
	c := s.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.detached { // by an operation that failed half way
		return nil, s.refs > 0
	}
	s.detached = true
	if s.f != nil && s.refs == 0 {
		s.unlinkLocked()
	}
	s.refs -= own
	if s.refs > 0 {
		return nil, true
	}
	f, s.f = s.f, nil
	return f, false
}

// forget makes the next acquire open the name anew: the file was replaced by rename.
func (s *segFile) forget() {
	c := s.cache
	s.size.Store(0)
	c.mu.Lock()
	var victim vfs.File
	switch {
	case s.f == nil:
	case s.refs == 0:
		s.unlinkLocked()
		victim, s.f = s.f, nil
	default:
		s.stale = true
	}
	c.mu.Unlock()
	if victim != nil {
		victim.Close() // only read through
	}
}
