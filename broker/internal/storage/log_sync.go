package storage

import "errors"

// synced is what one round of syncing a log has made durable and may publish.
type synced struct {
	end      int64  // everything below is durable
	recovery int64  // and below this also indexes
	cut      uint64 // truncations at the time; another one voids the result
	bytes    int64  // of the queue's account that are settled
	seg      *segment
	size     int64 // the position of end in seg

	rose bool // it was published, and something rose

	out               *segment // of which the kernel is to begin writing a range
	outFrom, outBytes int64
}

// Sync makes everything durable that was appended before the call, whatever the policy, and
// returns the flushed end. Observer.Flushed is called if it rose. For a log outside a Dir this is
// the owner's way to sync; for one inside, the syncer's business is merely done earlier.
// Errors: ErrOffline (for good), ErrClosed.
func (l *Log) Sync() (flushedEnd int64, err error) {
	r, err := l.syncFiles(true)
	if err != nil {
		return l.flushed.Load(), err
	}
	if l.queue != nil {
		l.queue.settle(r.bytes)
	}
	if end, rose := l.publishFlushed(r); rose {
		l.tellFlushed(end)
	}
	if l.queue == nil {
		err = l.checkpointAfter(r.bytes)
	}
	return l.flushed.Load(), err
}

// checkpointAfter writes a standalone log's recovery point once enough has been synced.
func (l *Log) checkpointAfter(bytes int64) error {
	l.syncMu.Lock()
	l.sinceCheckpoint += bytes
	due := l.sinceCheckpoint >= l.checkpointBytes
	if due {
		l.sinceCheckpoint = 0
	}
	l.syncMu.Unlock()
	if !due {
		return nil
	}
	err := l.notePoints()
	if err == nil {
		if err = l.points.write(); err != nil {
			err = l.disk.noRoom(err)
		}
	}
	if errors.Is(err, errNoRoom) { // what was synced is; only the next scan is longer
		return nil
	}
	return err
}

// syncFiles does the I/O of a sync: fdatasync of every dirty segment, the index files of sealed
// ones, and the directory if it has new names, before anything in them counts. Under FlushOS only
// sealed segments are synced unless all is set.
func (l *Log) syncFiles(all bool) (synced, error) {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()

	l.mu.Lock()
	if err := l.usableLocked(); err != nil {
		l.mu.Unlock()
		return synced{}, err
	}
	active := l.active()
	r := synced{end: l.end.Load(), cut: l.mu.cut, bytes: l.mu.queuedLen, seg: active}
	r.size, _ = active.bounds()
	r.recovery = r.end
	work := l.mu.dirty
	l.mu.dirty = l.mu.spare[:0]
	if !all && l.cfg.Load().Flush == FlushOS && active.dirty {
		work = work[:len(work)-1] // the active segment is the last
		l.mu.dirty = append(l.mu.dirty, active)
		r.end = min(active.base, r.end)
		r.recovery, r.seg = r.end, nil
	}
	names := l.mu.newNames
	l.mu.newNames, l.mu.queuedLen = false, 0
	l.mu.queued = all && l.mu.queued // a round has taken it off, or will
	for _, s := range work {
		s.dirty = false
	}
	l.mu.Unlock()

	l.syncing.begin()
	defer l.syncing.end()
	var again []*segment // data durable, but no room for the index files
	for _, s := range work {
		err := l.syncSegment(s, s != active)
		if errors.Is(err, errNoRoom) {
			l.disk.ranOut()
			again = append(again, s)
		} else if err != nil {
			return synced{bytes: r.bytes}, l.disk.fail(err)
		}
		names = names || s != active
	}
	if names && !plantedSkipDirSync {
		if err := l.disk.fs.SyncDir(l.path); err != nil {
			return synced{bytes: r.bytes}, l.disk.fail(err)
		}
	}

	l.mu.Lock()
	for _, s := range work {
		if !s.dirty && s.held {
			s.held = false
			s.log.release()
		}
	}
	if len(again) > 0 {
		for _, s := range again {
			s.dirty = true
		}
		l.mu.dirty = append(again, l.mu.dirty...)
	}
	clear(work)
	l.mu.spare = work[:0]
	l.mu.Unlock()
	return r, nil
}

// syncSegment syncs one segment's data and, once sealed, its indexes.
func (l *Log) syncSegment(s *segment, sealed bool) error {
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	if sealed && s.reserved {
		err = s.trim(f)
	}
	if err == nil && !plantedSkipFsync {
		err = f.SyncData()
	}
	if err != nil && plantedRetryFsync {
		err = f.SyncData()
	}
	s.log.release()
	if err == nil && sealed {
		err = s.writeIndex(l.disk.fs, true, true)
	}
	if err == nil && sealed && s.snapshot != nil { // after the data: it must not be ahead of them
		if err = l.writeSnapshot(s.snapshot); err == nil {
			s.snapshot = nil
		}
	}
	return err
}

// publishFlushed moves the flushed end, unless the log was truncated since.
func (l *Log) publishFlushed(r synced) (end int64, rose bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.cut != r.cut || l.mu.closed {
		return l.flushed.Load(), false
	}
	if len(l.mu.dirty) > 0 { // one may have been sealed since, and its index is not written yet
		if s := l.mu.dirty[0]; s != l.active() {
			r.recovery = min(r.recovery, s.base)
		}
	}
	if r.recovery > l.recovery.Load() {
		l.recovery.Store(r.recovery)
	}
	if r.end > l.mu.logged.offset {
		l.mu.logged = place{r.end, r.seg, r.size}
	}
	if r.end <= l.flushed.Load() {
		return l.flushed.Load(), false
	}
	if r.seg != nil {
		r.seg.mu.Lock()
		r.seg.mu.synced = mark{r.end, r.size}
		r.seg.mu.Unlock()
	}
	l.flushed.Store(r.end)
	return r.end, true
}

func (l *Log) tellFlushed(end int64) {
	if l.obs != nil && l.cfg.Load().Flush == FlushGroup {
		l.obs.Flushed(end)
	}
}
