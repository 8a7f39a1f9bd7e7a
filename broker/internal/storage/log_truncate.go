package storage

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TruncateTo removes every batch with an offset at or above offset, durably, and forgets the
// epochs that begin there (R-18: also if no batch goes). A batch that straddles offset goes as a
// whole, and after compaction a gap below offset does too, so the log end may come to lie below offset,
// but not below the log start. The recovery point on disk is lowered first.
// Ranges pinned by a Slice stay readable: what is kept is then copied and swapped in
// (durability 9).
//
// Errors: ErrOffsetOutOfRange below the log start; ErrStalled; ErrClosed; anything that fails on the way
// takes the directory offline. The caller answers for not cutting below its high watermark.
func (l *Log) TruncateTo(offset int64) error {
	if err := l.disk.refuseStalled(); err != nil {
		return err
	}
	defer l.disk.ops.begin()()
	l.startMu.Lock()
	defer l.startMu.Unlock()
	return l.withRoom(func() error { return l.truncateTo(offset) })
}

// withRoom calls f, and again when there is room for an entry in the commit log if there was none.
func (l *Log) withRoom(f func() error) error {
	for range commitTries {
		err := f()
		if !errors.Is(err, errCommitFull) || l.dir == nil {
			return err
		}
		if err := l.dir.makeRoom(); err != nil {
			return err
		}
	}
	return errNoCommitRoom
}

// enterCommit keeps rounds away until leave is called, or until the log has told the commit log what will happen to it.
// Called with syncMu held and without mu.
func (l *Log) enterCommit() (leave func()) {
	if l.dir == nil {
		return func() {}
	}
	c := l.dir.commit
	c.mu.Lock()
	l.commit.entered = true
	return func() {
		if l.commit.entered {
			l.commit.entered = false
			c.mu.Unlock()
		}
	}
}

// tellCommit makes an entry durable before what it tells takes effect (durability 5), and lets rounds go on.
// errCommitFull: nothing has happened. Called between enterCommit and leave.
func (l *Log) tellCommit(kind commitlog.Kind, base int64) error {
	if l.dir == nil {
		return nil
	}
	c := l.dir.commit
	err := c.controlLocked(kind, l.commitID(), l, base)
	l.commit.entered = false
	c.mu.Unlock()
	return err
}

func (l *Log) truncateTo(offset int64) error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	leave := l.enterCommit()
	defer leave()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usableLocked(); err != nil {
		return err
	}
	if offset < l.start.Load() {
		return fmt.Errorf("%w: truncation to %d below log start %d", ErrOffsetOutOfRange, offset, l.start.Load())
	}
	if offset >= l.end.Load() {
		l.epochs.truncateEnd(max(offset, l.end.Load()))
		return nil
	}
	if err := l.truncateLocked(offset); err != nil && !errors.Is(err, errCommitFull) {
		return l.ioFailed(err)
	} else if err != nil {
		return err
	}
	return nil
}

func (l *Log) truncateLocked(offset int64) error {
	segs := *l.segs.Load()
	i := find(segs, offset)
	pos, err := l.cutPosition(segs[i], offset)
	if err != nil {
		return err
	}
	if pos == 0 && i > 0 { // nothing of it stays
		i--
		pos, _ = segs[i].bounds()
	}
	x, end, err := l.prefixIndex(segs[i], pos, offset)
	if err != nil {
		return err
	}
	if end < l.start.Load() { // nothing is left to read: begin again there, without a hole
		return l.resetLocked(l.start.Load())
	}
	if err := l.tellCommit(commitlog.Truncate, end); err != nil {
		return err
	}
	if err := l.points.lower(l, end); err != nil {
		return err
	}
	if err := l.lowerCleaned(end); err != nil {
		return err
	}
	if !plantedSnapshotKept {
		// What is appended next makes them wrong; their names go before that, with the sync of
		// the directory below.
		if err := l.dropSnapshots(func(at int64) bool { return at > end }); err != nil {
			return err
		}
	}
	l.mu.cut++
	l.end.Store(end)
	l.flushed.Store(min(l.flushed.Load(), end))
	l.recovery.Store(min(l.recovery.Load(), end))
	l.epochs.truncateEnd(end)
	// Later segments go first: whatever a crash leaves has no hole.
	if err := l.dropLocked(segs[i+1:]); err != nil {
		return err
	}
	last, err := l.reopenActive(segs[i], x, pos, end)
	if err != nil {
		return err
	}
	kept := append(segs[:i:i], last)
	l.segs.Store(&kept)
	if m := &l.mu.logged; m.offset >= end {
		*m = place{end, last, pos}
	} else if m.seg == segs[i] {
		m.seg = last
	}
	if len(l.mu.producers.list) == 0 { // there were none before either, or they have expired
		return nil
	}
	return l.loadProducers()
}

// cutPosition is where the first batch that must go begins.
func (l *Log) cutPosition(s *segment, offset int64) (pos int64, err error) {
	f, err := s.log.acquire()
	if err != nil {
		return 0, err
	}
	defer s.log.release()
	size, _ := s.bounds()
	w := getScan(f, s, size)
	defer w.put()
	if pos, err = s.seek(w, offset); err == errIndex {
		if _, err = s.rebuildIndex(l.cfg.Load().IndexIntervalBytes); err == nil {
			pos, err = s.seek(w, offset)
		}
	}
	return pos, err
}

// reopenActive replaces s by a segment that ends at position pos and takes appends; its bytes are
// durable when it returns. s is detached.
func (l *Log) reopenActive(s *segment, x index, pos, end int64) (t *segment, err error) {
	t = newSegment(l.disk.files, l.path, s.base)
	if t.mu.txns.list, _, err = s.appendAborted(nil, 0, math.MaxInt64); err != nil {
		return nil, err
	}
	t.mu.txns.list = slices.DeleteFunc(t.mu.txns.list, func(a AbortedTxn) bool { return a.LastOffset >= end })
	l.forgetDirtyLocked(s)
	f, pinned := s.detach()
	if f == nil {
		if f, err = l.disk.fs.OpenReadWrite(s.log.path()); err != nil {
			return nil, err
		}
	}
	if pinned {
		f, err = l.swapCopy(f, t, pos)
	} else if err = f.Truncate(pos); err == nil {
		err = f.Sync()
	}
	for _, name := range []string{t.indexes().idx.path(), t.indexes().tidx.path(), t.indexes().txn.path()} { // they describe what is gone
		if err == nil {
			err = removeIfExists(l.disk.fs, name)
		}
	}
	if err == nil {
		err = l.disk.fs.SyncDir(l.path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	t.log.adopt(f)
	t.log.release()
	t.mu.size, t.mu.next = pos, end
	t.mu.index, t.mu.loaded = x, true
	t.firstTs, t.firstRead, t.createdMs = s.firstTs, s.firstRead && pos > 0, s.createdMs
	t.jitterMs = s.jitterMs
	if pos == 0 {
		t.firstTs, t.firstRead, t.createdMs = -1, true, -1
	}
	return t, nil
}

// prefixIndex is the index of the first pos bytes of s, all batches of which end below offset, and
// the offset after the last of them.
func (l *Log) prefixIndex(s *segment, pos, offset int64) (x index, end int64, err error) {
	s.mu.Lock()
	ok := s.mu.loaded
	x = s.mu.index.clone()
	s.mu.Unlock()
	if !ok {
		if x, ok, err = s.readIndex(l.disk.fs); err != nil {
			return x, 0, err
		}
	}
	if !ok {
		x = newIndex()
	}
	x.keepBelow(uint32(min(offset-s.base, 1<<32-1)))
	f, err := s.log.acquire()
	if err != nil {
		return x, 0, err
	}
	defer s.log.release()
	w := getScan(f, s, pos)
	defer w.put()
	end, err = s.tail(w, &x, l.cfg.Load().IndexIntervalBytes)
	return x, end, err
}

// swapCopy copies the first n bytes of the pinned file src to a new file that takes its name.
func (l *Log) swapCopy(src vfs.File, t *segment, n int64) (vfs.File, error) {
	defer src.Close()
	tmp := t.log.path() + extCleaned
	dst, err := l.disk.fs.Create(tmp)
	if err != nil {
		return src, err
	}
	buf := make([]byte, min(n, 1<<20))
	for at := int64(0); at < n && err == nil; {
		part := buf[:min(int64(len(buf)), n-at)]
		var m int
		if m, err = src.ReadAt(part, at); err == io.EOF && m == len(part) {
			err = nil
		}
		if err == nil {
			_, err = dst.WriteAt(part, at)
		}
		at += int64(len(part))
	}
	if err == nil {
		err = dst.Sync()
	}
	if err == nil {
		err = l.disk.fs.Rename(tmp, t.log.path())
	}
	return dst, err
}

// dropLocked deletes detached-to-be segments, newest first, durably.
func (l *Log) dropLocked(segs []*segment) error {
	for i := len(segs) - 1; i >= 0; i-- {
		s := segs[i]
		l.forgetDirtyLocked(s)
		if f, _ := s.detach(); f != nil {
			f.Close()
		}
		if err := s.remove(l.disk.fs); err != nil {
			return err
		}
		if at, there := slices.BinarySearch(l.snapshots, s.base); there {
			l.snapshots = slices.Delete(l.snapshots, at, at+1)
		}
		if err := l.disk.fs.SyncDir(l.path); err != nil { // or those before could go without it
			return err
		}
	}
	return nil
}

func (l *Log) forgetDirtyLocked(s *segment) {
	s.dirty = false
	kept := l.mu.dirty[:0]
	for _, d := range l.mu.dirty {
		if d != s {
			kept = append(kept, d)
		}
	}
	l.mu.dirty = kept
}

// Reset empties the log and lets it begin again at offset, durably: a follower whose leader no
// longer has what it would need next, or a Raft log after a snapshot. Pinned Slices stay readable.
// Errors: ErrClosed; anything that fails on the way takes the directory offline.
func (l *Log) Reset(offset int64) error {
	if err := l.disk.refuseStalled(); err != nil {
		return err
	}
	defer l.disk.ops.begin()()
	l.startMu.Lock()
	defer l.startMu.Unlock()
	return l.withRoom(func() error {
		l.syncMu.Lock()
		defer l.syncMu.Unlock()
		if err := l.establishLocked(); err != nil {
			return err
		}
		leave := l.enterCommit()
		defer leave()
		l.mu.Lock()
		defer l.mu.Unlock()
		if err := l.usableLocked(); err != nil {
			return err
		}
		if err := l.resetLocked(offset); err != nil && !errors.Is(err, errCommitFull) {
			return l.ioFailed(err)
		} else if err != nil {
			return err
		}
		return nil
	})
}

func (l *Log) resetLocked(offset int64) error {
	if err := l.tellCommit(commitlog.Reset, offset); err != nil {
		return err
	}
	if err := l.points.lower(l, 0); err != nil {
		return err
	}
	if offset < l.start.Load() && !plantedStartStays { // a crash must not leave an end below the start
		l.start.Store(offset)
		if err := l.saveStart(); err != nil {
			return err
		}
	}
	if err := l.lowerCleaned(offset); err != nil {
		return err
	}
	if err := l.dropSnapshots(func(int64) bool { return true }); err != nil {
		return err
	}
	l.mu.producers.reset()
	l.unstable.reload(&l.mu.producers, 0)
	l.countProducersLocked()
	if err := l.dropLocked(*l.segs.Load()); err != nil {
		return err
	}
	s, err := l.createSegment(offset)
	if err != nil {
		return l.disk.fail(err) // the log has no segment now: also for lack of room
	}
	l.mu.cut++
	segs := []*segment{s}
	l.segs.Store(&segs)
	l.start.Store(offset)
	l.end.Store(offset)
	l.flushed.Store(offset)
	l.recovery.Store(offset)
	l.logAll()
	l.epochs.replace(nil, false)
	err = l.writeEpochs()
	if err == nil {
		err = l.saveStart()
	}
	if err != nil {
		return l.disk.fail(err) // half done: also for lack of room
	}
	return nil
}
