package storage

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"

	"github.com/thalweg-io/thalweg/internal/invariants"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// mark is a boundary between batches: the first batch at or after position pos has a base offset
// at or above offset, and every batch before pos ends below it.
type mark struct{ offset, pos int64 }

// marks is a ring of the boundaries seen last, so that reading at the tail and reading on where
// the last read ended needs neither index nor scan.
type marks struct {
	ring [8]mark
	n    uint32
}

func (m *marks) push(offset, pos int64) {
	m.ring[m.n%uint32(len(m.ring))] = mark{offset, pos}
	m.n++
}

// at looks for the boundary at exactly offset.
func (m *marks) at(offset int64) (pos int64, ok bool) {
	for i := uint32(1); i <= uint32(len(m.ring)) && i <= m.n; i++ {
		if e := &m.ring[(m.n-i)%uint32(len(m.ring))]; e.offset == offset {
			return e.pos, true
		}
	}
	return 0, false
}

// segment is one .log file and its indexes. The last segment of a log is the active one and takes
// appends; the others are sealed and do not change.
//
// Concurrency: base and the files are fixed. What an append changes is guarded by mu, which is
// held for a few instructions and never in I/O, so readers do not wait for writes. The fields
// below mu belong to the writer and are guarded by Log.mu.
type segment struct {
	base  int64
	log   segFile
	index atomic.Pointer[indexFiles] // nil: nobody has asked for them; see indexes

	mu struct {
		sync.Mutex
		size   int64 // published bytes: the file may be longer by an append in progress
		next   int64 // all batches end below next
		index  index // meaningful if loaded
		loaded bool  // the index is in memory; else in its files
		max    timeEntry
		maxOK  bool    // max is known although the index is not loaded
		recent *recent // nil: nothing was appended or read
		txns   txnIndex
		synced mark // the flushed end, as the last sync left it
	}

	firstTs   int64 // largest timestamp of the first batch, -1 if none or unknown: what age is counted from
	firstRead bool  // firstTs has been looked up
	createdMs int64 // when the first batch came, for batches without timestamps; -1 unknown
	jitterMs  int64
	// snapshot is the producer state at the base of the next segment, until it is written together
	// with the index files.
	snapshot  *snapshot
	dirty     bool  // has bytes that fdatasync has not confirmed; on Log.mu.dirty
	held      bool  // a reference is held because of that
	unwritten int64 // bytes since the last WriteOut hint
	reserved  bool  // room was reserved that sealing gives back
	room      int64 // up to where it was; see reserveAhead
}

// recent are the boundaries between batches that appends and reads have seen last. Most of many partitions are idle.
type recent struct{ append, read marks }

// recentLocked is never nil. Called with mu held.
func (s *segment) recentLocked() *recent {
	if s.mu.recent == nil {
		s.mu.recent = new(recent)
	}
	return s.mu.recent
}

// indexFiles are the files beside the .log.
type indexFiles struct {
	idx  segFile // .index
	tidx segFile // .timeindex
	txn  segFile // .txnindex
}

// indexes are the files beside the .log, for a segment that has use for them.
func (s *segment) indexes() *indexFiles {
	if x := s.index.Load(); x != nil {
		return x
	}
	x := new(indexFiles)
	x.idx.name(s.log.cache, s.log.dir, s.base, extIndex)
	x.tidx.name(s.log.cache, s.log.dir, s.base, extTime)
	x.txn.name(s.log.cache, s.log.dir, s.base, extTxn)
	if s.index.CompareAndSwap(nil, x) {
		return x
	}
	return s.index.Load()
}

// newSegment makes the object for files that exist or will be created.
func newSegment(c *fileCache, dir string, base int64) *segment {
	s := &segment{base: base, firstTs: -1, createdMs: -1}
	s.log.name(c, dir, base, extLog)
	s.mu.next = base
	s.mu.index = newIndex()
	s.mu.max = noTime
	return s
}

// bounds returns the published size and the next offset.
func (s *segment) bounds() (size, next int64) {
	s.mu.Lock()
	size, next = s.mu.size, s.mu.next
	s.mu.Unlock()
	return size, next
}

// publish makes the batch visible to readers, after its bytes are in the file.
func (s *segment) publish(b batch.Batch, interval int32) {
	last := b.LastOffset()
	s.mu.Lock()
	pos := s.mu.size
	s.mu.index.add(pos, uint32(last-s.base), b.MaxTimestamp(), interval)
	s.mu.size = pos + int64(len(b))
	s.mu.next = last + 1
	s.recentLocked().append.push(last+1, s.mu.size)
	s.mu.Unlock()
	if pos == 0 {
		s.firstTs, s.firstRead = b.MaxTimestamp(), true
	}
}

// fits reports whether offset can be written relative to the segment's base.
func (s *segment) fits(offset int64) bool { return offset-s.base <= math.MaxInt32 }

// shouldRoll decides whether a batch must go into a new segment (SURFACE 89): it is n bytes long,
// ends with offset last and its largest timestamp is ts. Called with Log.mu held.
func (s *segment) shouldRoll(c *Config, n int, last, ts, nowMs int64) bool {
	s.mu.Lock()
	size := s.mu.size
	full := s.mu.index.full(c.SegmentIndexBytes)
	s.mu.Unlock()
	if size == 0 {
		s.createdMs = nowMs
		return !s.fits(last)
	}
	return size > int64(c.SegmentBytes)-int64(n) || full || !s.fits(last) || s.aged(c, ts, nowMs)
}

// aged compares the incoming timestamp with the first batch's, or clock with clock if the
// records have no time.
func (s *segment) aged(c *Config, ts, nowMs int64) bool {
	if c.SegmentMs == math.MaxInt64 {
		return false
	}
	limit := c.SegmentMs - s.jitterMs
	if s.firstTs >= 0 {
		return ts-s.firstTs > limit
	}
	if s.createdMs < 0 {
		s.createdMs = nowMs
	}
	return nowMs-s.createdMs > limit
}

// loadFirstTime looks up what age is counted from, after a start.
func (s *segment) loadFirstTime() error {
	if s.firstRead {
		return nil
	}
	size, _ := s.bounds()
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	defer s.log.release()
	w := getScan(f, s, size)
	defer w.put()
	if size > 0 {
		h, err := w.header(0)
		if err != nil {
			return err
		}
		s.firstTs = h.MaxTimestamp()
	}
	s.firstRead = true
	return nil
}

// writeIndex writes both index files as they should be now. Their content is durable when it
// returns, their names are after SyncDir, which the caller owes before the recovery point may
// move. With drop the index leaves memory: only for a sealed segment.
//
// A crash may leave one new and one old file. Entries count only below the recovery point on
// disk, and up to there both know everything.
func (s *segment) writeIndex(fs vfs.FS, sealed, drop bool) error {
	s.mu.Lock()
	if !s.mu.loaded {
		s.mu.Unlock()
		return nil
	}
	offsets := s.mu.index.appendOffsets(make([]byte, 0, len(s.mu.index.offsets)*offsetEntrySize))
	times := s.mu.index.appendTimes(make([]byte, 0, (len(s.mu.index.times)+1)*timeEntrySize), sealed)
	s.mu.Unlock()
	if err := s.writeTxns(fs, drop); err != nil {
		return err
	}
	if err := replaceFile(fs, s.indexes().tidx.path(), times); err != nil {
		return err
	}
	if err := replaceFile(fs, s.indexes().idx.path(), offsets); err != nil {
		return err
	}
	if drop {
		s.mu.Lock()
		s.mu.max, s.mu.maxOK = s.mu.index.max, true
		s.mu.index, s.mu.loaded = newIndex(), false
		s.mu.Unlock()
	}
	return nil
}

// maxTime is the segment's largest timestamp and the last offset of the first batch that has it;
// {-1, base} if none.
func (s *segment) maxTime() (ts, offset int64, err error) {
	s.mu.Lock()
	max, known := s.mu.max, s.mu.maxOK
	if s.mu.loaded {
		max, known = s.mu.index.max, true
	}
	s.mu.Unlock()
	if !known {
		if max, err = s.lastTimeEntry(); err != nil {
			return -1, 0, err
		}
		s.mu.Lock()
		s.mu.max, s.mu.maxOK = max, true
		s.mu.Unlock()
	}
	return max.ts, s.base + int64(max.rel), nil
}

// detach cuts the segment's files off. The open log file comes back if nobody has it pinned.
// Called with Log.mu and Log.syncMu held, so that a held reference is the writer's.
func (s *segment) detach() (f vfs.File, pinned bool) {
	own := int32(0)
	if s.held {
		own, s.held = 1, false
	}
	files := s.indexes()
	for _, x := range []*segFile{&files.idx, &files.tidx, &files.txn} {
		if g, _ := x.detach(0); g != nil {
			g.Close()
		}
	}
	return s.log.detach(own)
}

// remove unlinks all files of a detached segment, data last, so that a crash in between leaves a
// segment whose caches are rebuilt.
func (s *segment) remove(fs vfs.FS) error {
	if err := removeIfExists(fs, windowName(s.log.dir, s.base)); err != nil {
		return err
	}
	for _, ext := range []string{extTime, extIndex, extTxn, extSnap, extLog} {
		if err := removeIfExists(fs, segmentName(s.log.dir, s.base, ext)); err != nil {
			return err
		}
	}
	return nil
}

// isDetached tells errDetached, on which a reader starts again, from the rest.
func isDetached(err error) bool { return errors.Is(err, errDetached) }

func (s *segment) corrupt(pos, offset int64, reason string) error {
	invariants.Check(pos >= 0, "negative position in %s", s.log.path())
	return &CorruptError{Path: s.log.path(), Position: pos, Offset: offset, Reason: reason}
}
