package storage

import (
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// recover opens a log after an unclean stop (durability 5): everything from the recovery point on
// is checked; at the first bad batch the log ends, and later segments go. A bad batch below the
// recovery point is damage: nothing is changed and the log does not open (durability 7).
// Doing it twice, or being interrupted in it, gives the same log (S-19). If the commit log has batches to replay (else
// nil), they must continue what is left.
func (l *Log) recover(point int64, rest *commitlog.Reader) error {
	segs := *l.segs.Load()
	i := find(segs, point)
	if i > 0 && segs[i].base == point {
		// The point may be from a time when the segment before was the active one: its index
		// files need not be those of a sealed segment.
		i--
	}
	r := recovery{log: l, point: point, sparse: l.sparse(l.cfg.Load()), above: -1}
	if err := r.from(segs[i]); err != nil {
		return err
	}
	if err := l.loadEpochs(r.order.next, segs[:i+1], r.pos); err != nil {
		return err
	}
	r.order.epoch = l.epochs.latest()
	j := i
	for ; j < len(segs); j++ {
		if j > i && !r.continues(segs[j]) {
			break
		}
		whole, err := r.segment(segs[j], segs[j+1:])
		if err != nil {
			return err
		}
		if j > i && r.pos == 0 && segs[j].base > r.ends { // a gap and nothing after it
			r.pos, r.order.next = segs[j-1].mu.size, r.ends
			break
		}
		if !whole {
			j++
			break
		}
	}
	if r.order.next < point {
		s := segs[j-1]
		return s.corrupt(r.pos, r.order.next, fmt.Sprintf("log ends below its recovery point %d: %s", point, r.reason))
	}
	end := r.order.next
	if rest != nil {
		var err error
		if end, err = attach(rest, segs[j-1].log.path(), end, r.order.epoch); err != nil {
			return err
		}
	}
	if l.cfg.Load().Flush == FlushGroup {
		if err := l.reachesStart(end); err != nil {
			return err
		}
	}
	return l.settle(segs, i, j, &r)
}

// reachesStart refuses a log that ends below its start: records are deleted only when they are durable, so one of the two is
// damaged. A log of FlushOS may have lost its end in a crash and begins again at its start.
func (l *Log) reachesStart(end int64) error {
	if start := l.start.Load(); end < start && !l.noProducers && !plantedStartBeyond {
		return &CorruptError{Path: l.path, Position: -1, Offset: end, Reason: fmt.Sprintf("log ends at %d, below its start %d", end, start)}
	}
	return nil
}

// recovery is the state of one recovery.
type recovery struct {
	log    *Log
	point  int64
	sparse bool
	order  order
	ends   int64 // where the segments before the one being scanned end
	x      index // of the segment being scanned
	pos    int64 // where in it
	reason string
	txns   bool  // something belongs to a transaction
	above  int64 // bytes above the point, -1 until it is found
}

// from finds where in the segment of the recovery point the scan begins: at its last index entry
// below the point, or at its beginning. So the last batches below the point are looked at, too.
func (r *recovery) from(s *segment) error {
	r.order = order{next: s.base, sparse: r.sparse, epoch: -1}
	r.x, r.pos = newIndex(), 0
	x, ok, err := s.readIndex(r.log.disk.fs)
	if err != nil || !ok {
		return err
	}
	x.keepBelow(uint32(min(max(r.point-s.base, 0), 1<<32-1)))
	n := len(x.offsets)
	if n == 0 {
		return nil
	}
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	defer s.log.release()
	w := getScan(f, s, s.mu.size)
	defer w.put()
	e := x.offsets[n-1]
	h, err := w.header(int64(e.pos))
	if err != nil || h.LastOffset() != s.base+int64(e.rel) {
		return nil // scan it all: the index is not worth more
	}
	r.x, r.pos = x, int64(e.pos)
	r.order.next = h.BaseOffset()
	return nil
}

// continues reports whether a later segment may follow what was scanned.
func (r *recovery) continues(s *segment) bool {
	if s.base < r.order.next || s.base > r.order.next && !r.sparse {
		r.reason = fmt.Sprintf("segment %d where %d was expected", s.base, r.order.next)
		return false
	}
	r.x, r.pos = newIndex(), 0
	r.ends, r.order.next = r.order.next, s.base
	return true
}

// segment scans one segment from r.pos, which later ones follow. whole is false if it ends early.
func (r *recovery) segment(s *segment, later []*segment) (whole bool, err error) {
	f, err := s.log.acquire()
	if err != nil {
		return false, err
	}
	defer s.log.release()
	interval, from := r.log.cfg.Load().IndexIntervalBytes, r.pos
	defer func() { r.log.disk.scanned.Add(r.pos - from) }()
	upTo := s.mu.size
	for _, s := range later {
		upTo += s.mu.size
	}
	found := func(pos int64) {
		if r.above < 0 {
			r.above = upTo - pos
			r.log.disk.above.Add(r.above)
		}
	}
	r.pos, r.reason, err = verify(f, s, r.pos, s.mu.size, &r.order, func(pos int64, h batch.Batch) {
		if h.LastOffset() >= r.point {
			found(pos)
		}
		r.x.add(pos, uint32(h.LastOffset()-s.base), h.MaxTimestamp(), interval)
		r.log.assignFrom(h)
		r.txns = r.txns || h.Transactional()
	})
	if err != nil {
		return false, err
	}
	if r.reason != "" || len(later) == 0 { // nothing good above it
		found(r.pos)
	}
	s.mu.index, s.mu.loaded, s.mu.next = r.x, true, r.order.next
	return r.reason == "", nil
}

// settle makes the outcome of the scan of segments i to j durable: what comes after goes, the
// last one is cut, and the bytes that stay are synced before they count as flushed, because after
// a kill they may be in the page cache only. Of a FlushOS log the last segment is left to the kernel, as it was before.
func (l *Log) settle(segs []*segment, i, j int, r *recovery) error {
	kept, last := segs[:j:j], segs[j-1]
	if len(kept) < len(segs) || r.pos < last.mu.size {
		l.disk.lg.Warn("cutting the log at the first bad batch", "log", l.path, "offset", r.order.next,
			"bytes", last.mu.size-r.pos, "segments", len(segs)-len(kept), "reason", r.reason)
	}
	if !plantedKeepTorn {
		if err := l.dropLocked(segs[j:]); err != nil {
			return err
		}
		l.segs.Store(&kept)
		if err := l.cutTail(last, r.pos); err != nil {
			return err
		}
	} else {
		l.segs.Store(&kept)
	}
	if r.txns { // what was written of their indexes since the recovery point may be lost, or be of what is cut
		if err := l.rebuildTxns(kept, i); err != nil {
			return err
		}
	}
	flushed := r.order.next
	unsynced := l.cfg.Load().Flush == FlushOS && !l.disk.renew
	if unsynced {
		flushed = min(flushed, max(r.point, last.base))
		l.dirtyLocked(last)
		if plantedOSFlushed {
			flushed = r.order.next
			last.dirty, l.mu.dirty = false, l.mu.dirty[:0]
		}
	}
	for _, s := range kept[i:] {
		if s.mu.size > 0 && !plantedRecoveredUnsynced && !(unsynced && s == last) {
			if l.disk.renew {
				if err := l.renew(s); err != nil {
					return err
				}
			}
			if err := l.syncSegment(s, s != last); err != nil {
				return err
			}
		}
		if s != last {
			if err := s.writeIndex(l.disk.fs, true, true); err != nil {
				return err
			}
		}
	}
	if err := l.disk.fs.SyncDir(l.path); err != nil {
		return err
	}
	end := r.order.next
	l.end.Store(end)
	l.flushed.Store(flushed)
	l.recovery.Store(flushed)
	l.epochs.truncateEnd(end)
	return nil
}

// renew copies a segment into a new file. After a failed fsync the system may hold bytes in its
// cache as clean although the disk never got them: they can be read and scanned, and another sync
// would call them durable.
func (l *Log) renew(s *segment) error {
	if plantedNoRenew {
		return nil
	}
	src, err := l.disk.fs.OpenReadWrite(s.log.path())
	if err != nil {
		return err
	}
	f, err := l.swapCopy(src, s, s.mu.size)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	s.log.forget()
	return noRoomFor(err) // of the copy
}

// cutTail truncates the last segment after its good batches. That also gives back the room that was reserved behind them.
func (l *Log) cutTail(s *segment, pos int64) error {
	if pos == s.mu.size && pos < aheadFrom {
		return nil
	}
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	defer s.log.release()
	if err := f.Truncate(pos); err != nil {
		return err
	}
	if pos == s.mu.size || plantedRecoveredUnsynced {
		s.mu.size = pos
		return nil
	}
	s.mu.size = pos
	return f.Sync()
}
