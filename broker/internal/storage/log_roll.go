package storage

import "math"

// RollAged seals the active segment if it is older than segment.ms by the clock, so that retention and compaction get at what
// is in it although nothing is appended any more; appends roll by their own time (segment.shouldRoll). A segment's age counts
// from when its first batch came or, after a start, from the first call, and from that batch's time, whichever is later, so that
// old records that are brought in do not give one segment per call. nowMs is the clock. Errors: those of a roll in Append.
func (l *Log) RollAged(nowMs int64) (rolled bool, err error) {
	if err := l.disk.refuseStalled(); err != nil {
		return false, err
	}
	if !l.mu.TryLock() { // an append is running and rolls itself
		return false, nil
	}
	defer l.mu.Unlock()
	if err := l.appendableLocked(); err != nil {
		return false, err
	}
	cfg, s := l.cfg.Load(), l.active()
	if size, _ := s.bounds(); size == 0 || cfg.SegmentMs == math.MaxInt64 {
		return false, nil
	}
	if err := s.loadFirstTime(); err != nil {
		return false, l.ioFailed(err)
	}
	if s.createdMs < 0 || s.createdMs > nowMs { // not known, or the clock was set back
		s.createdMs = nowMs
	}
	if nowMs-max(s.firstTs, s.createdMs) <= cfg.SegmentMs-s.jitterMs {
		return false, nil
	}
	return l.rollNowLocked()
}

// rollAt seals the active segment if the log still ends at offset, and makes the new one durable. rolled is false if it does not.
func (l *Log) rollAt(offset int64) (rolled bool, err error) {
	l.mu.Lock()
	if err = l.appendableLocked(); err == nil && l.end.Load() == offset {
		rolled, err = l.rollNowLocked()
	}
	l.mu.Unlock()
	if err != nil || !rolled {
		return false, err
	}
	if err := l.disk.fs.SyncDir(l.path); err != nil {
		return false, l.disk.fail(err)
	}
	return true, nil
}

// rollNowLocked seals the active segment, which is not empty, whatever its age.
func (l *Log) rollNowLocked() (rolled bool, err error) {
	l.writing.begin()
	defer l.writing.end()
	_, err = l.rollLocked(l.cfg.Load(), l.end.Load())
	return err == nil, err
}
