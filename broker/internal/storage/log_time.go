package storage

import (
	"fmt"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// timePoint is a record found by time; offset -1 if none.
type timePoint struct {
	offset, ts int64
	epoch      kafka.LeaderEpoch
}

var noPoint = timePoint{offset: -1, ts: -1, epoch: kafka.NoLeaderEpoch}

// OffsetForTimestamp finds the first record below bound whose timestamp is at or above ts, and
// returns its offset, its timestamp and its batch's leader epoch; -1, -1, -1 if there is none. In
// a batch with append time every record has that time. It decompresses at most one batch per
// candidate, within compress.DefaultBudget. Source: SURFACE 81.
// Errors: CorruptError, ErrOffline, ErrClosed.
func (l *Log) OffsetForTimestamp(ts int64, bound int64) (offset, timestamp int64, epoch kafka.LeaderEpoch, err error) {
	p, err := l.searchTime(func(s *segment, from, bound int64) (timePoint, bool, error) {
		return l.firstAtTime(s, ts, from, bound)
	}, bound)
	return p.offset, p.ts, p.epoch, err
}

// MaxTimestamp finds, among the batches that lie wholly below bound, the first record that has the
// largest timestamp; -1, -1, -1 if none has one. Source: KIP-734. Errors: as OffsetForTimestamp.
func (l *Log) MaxTimestamp(bound int64) (offset, timestamp int64, epoch kafka.LeaderEpoch, err error) {
	best, at := noPoint, timePoint{}
	_, err = l.searchTime(func(s *segment, from, bound int64) (timePoint, bool, error) {
		if s.base <= from { // the first one: perhaps a second try
			best = noPoint
		}
		p, err := l.maxInSegment(s, from, bound, best.ts)
		if p.ts > best.ts {
			best = p
		}
		return at, false, err
	}, bound)
	if err != nil {
		return -1, -1, kafka.NoLeaderEpoch, err
	}
	return best.offset, best.ts, best.epoch, nil
}

// searchTime asks the segments in order until one answers, and starts again if the log changed
// under it.
func (l *Log) searchTime(ask func(s *segment, from, bound int64) (timePoint, bool, error), bound int64) (timePoint, error) {
	for range readTries {
		p, s, err := l.searchOnce(ask, bound)
		switch {
		case err == nil:
			return p, nil
		case isDetached(err):
			if err := l.stopped(); err != nil {
				return noPoint, err
			}
		case err == errIndex:
			if err := l.reindex(s); err != nil {
				return noPoint, err
			}
		default:
			return noPoint, l.ioFailed(err)
		}
	}
	return noPoint, fmt.Errorf("%w: segments kept changing", ErrCorrupt)
}

func (l *Log) searchOnce(ask func(s *segment, from, bound int64) (timePoint, bool, error), bound int64) (timePoint, *segment, error) {
	if err := l.disk.err(); err != nil {
		return noPoint, nil, err
	}
	bound = min(bound, l.end.Load())
	from := l.start.Load()
	segs := *l.segs.Load()
	for _, s := range segs[find(segs, from):] {
		if s.base >= bound {
			break
		}
		if p, ok, err := ask(s, from, bound); err != nil || ok {
			return p, s, err
		}
	}
	return noPoint, nil, nil
}

// firstAtTime is OffsetForTimestamp in one segment.
func (l *Log) firstAtTime(s *segment, ts, from, bound int64) (timePoint, bool, error) {
	largest, _, err := s.maxTime()
	if err != nil || largest < ts {
		return noPoint, false, err
	}
	f, err := s.log.acquire()
	if err != nil {
		return noPoint, false, err
	}
	defer s.log.release()
	size0, _ := s.bounds()
	w := getScan(f, s, size0)
	defer w.put()
	e, err := s.floorTime(w, ts)
	if err != nil {
		return noPoint, false, err
	}
	// No batch before the one that ends at the entry's offset reaches the entry's time.
	pos, err := s.seek(w, max(s.base+int64(e.rel), from))
	if err != nil {
		return noPoint, false, err
	}
	for pos < w.end {
		h, err := w.header(pos)
		if err != nil {
			return noPoint, false, err
		}
		if h.BaseOffset() >= bound {
			return noPoint, true, nil
		}
		n := size(h)
		if h.MaxTimestamp() >= ts {
			p, err := l.recordAtTime(w, pos, n, ts, from)
			if err != nil {
				return noPoint, false, err
			}
			if p.offset >= bound {
				return noPoint, true, nil
			}
			if p.offset >= 0 {
				return p, true, nil
			}
		}
		pos += n
	}
	return noPoint, false, nil
}

// recordAtTime is the first record of the batch at pos with a timestamp at or above ts and an
// offset at or above from.
func (l *Log) recordAtTime(w *scan, pos, n, ts, from int64) (timePoint, error) {
	found := noPoint
	err := l.records(w, pos, n, from, func(p timePoint) bool {
		if p.ts >= ts {
			found = p
		}
		return p.ts < ts
	})
	return found, err
}

// maxOfTail is the first record of the batch at or above from with the largest timestamp of those.
func (l *Log) maxOfTail(w *scan, pos, n, from int64) (timePoint, error) {
	best := noPoint
	err := l.records(w, pos, n, from, func(p timePoint) bool {
		if p.ts > best.ts {
			best = p
		}
		return true
	})
	return best, err
}

// records visits the records of the batch at pos with an offset at or above from, until visit
// returns false.
func (l *Log) records(w *scan, pos, n, from int64, visit func(p timePoint) bool) error {
	b := make(batch.Batch, n)
	if _, err := w.f.ReadAt(b, pos); err != nil {
		return readError(w.seg, pos, err)
	}
	if b.LogAppendTime() { // the batch's time is every record's
		visit(timePoint{max(b.BaseOffset(), from), b.MaxTimestamp(), b.LeaderEpoch()})
		return nil
	}
	var d compress.Decompressor
	plain, err := b.Plain(&d, nil, compress.DefaultBudget(l.cfg.Load().MaxBatchBytes))
	if err != nil {
		return w.seg.corrupt(pos, b.BaseOffset(), err.Error())
	}
	it := batch.IterateRecords(plain, b.NumRecords())
	for it.Next() {
		r := it.Record()
		if b.Offset(r) >= from && !visit(timePoint{b.Offset(r), b.Timestamp(r), b.LeaderEpoch()}) {
			return nil
		}
	}
	if err := it.Err(); err != nil {
		return w.seg.corrupt(pos, b.BaseOffset(), err.Error())
	}
	return nil
}

// maxInSegment is the first record of the segment with its largest timestamp, if that is above
// floor. Only if the largest lies outside from and bound is anything scanned for it.
func (l *Log) maxInSegment(s *segment, from, bound, floor int64) (timePoint, error) {
	ts, last, err := s.maxTime()
	if err != nil || ts <= floor || ts < 0 {
		return noPoint, err
	}
	f, err := s.log.acquire()
	if err != nil {
		return noPoint, err
	}
	defer s.log.release()
	size0, _ := s.bounds()
	w := getScan(f, s, size0)
	defer w.put()
	if last >= bound || s.base < from {
		return l.maxBetween(w, s, from, bound)
	}
	pos, err := s.seek(w, last)
	if err != nil {
		return noPoint, err
	}
	h, err := w.header(pos)
	if err != nil {
		return noPoint, err
	}
	return l.recordAtTime(w, pos, size(h), ts, from)
}

// maxBetween scans the headers from the log start to bound. Of a batch that straddles the log
// start, the records tell.
func (l *Log) maxBetween(w *scan, s *segment, from, bound int64) (timePoint, error) {
	best, bestPos, bestSize := noPoint, int64(-1), int64(0)
	pos, err := s.seek(w, from)
	for err == nil && pos < w.end {
		h, herr := w.header(pos)
		if herr != nil {
			return noPoint, herr
		}
		n, ts := size(h), h.MaxTimestamp()
		switch {
		case h.LastOffset() >= bound:
			pos = w.end
		case h.BaseOffset() < from && ts >= 0:
			best, err = l.maxOfTail(w, pos, n, from)
		case ts > best.ts:
			best.ts, bestPos, bestSize = ts, pos, n
		}
		pos += n
	}
	if err != nil || bestPos < 0 {
		return best, err
	}
	return l.recordAtTime(w, bestPos, bestSize, best.ts, from)
}
