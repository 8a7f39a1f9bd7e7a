package storage

import "math"

// Under FlushOS the kernel decides when records reach the disk, unless the topic says flush.messages or flush.ms. Under FlushGroup
// both are kept by themselves: nothing is acknowledged or read before it is durable.

// flushDue says whether flush.messages asks for a sync now. Called with mu held.
func (l *Log) flushDue() bool {
	c := l.cfg.Load()
	return c.Flush == FlushOS && c.FlushMessages > 0 && c.FlushMessages != math.MaxInt64 && l.end.Load()-l.flushed.Load() >= c.FlushMessages
}

// FlushAged syncs a FlushOS log that has had records that are not durable for afterMs (flush.ms), counted from the first call that
// saw them. nowMs is the clock. It is for one goroutine at a time. Errors: those of Sync.
func (l *Log) FlushAged(nowMs, afterMs int64) (synced bool, err error) {
	if l.cfg.Load().Flush != FlushOS || l.end.Load() <= l.flushed.Load() {
		l.unflushedMs = 0
		return false, nil
	}
	if l.unflushedMs == 0 || l.unflushedMs > nowMs { // not seen yet, or the clock was set back
		l.unflushedMs = nowMs
	}
	if nowMs-l.unflushedMs < afterMs {
		return false, nil
	}
	l.unflushedMs = 0
	_, err = l.Sync()
	return err == nil, err
}
