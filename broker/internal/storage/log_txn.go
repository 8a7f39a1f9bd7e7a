package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// AppendAborted appends to dst the aborted transactions that have anything in [from, bound), in order of their markers: what a
// read_committed reader of that range must know (Fetch v4+, T-19). Safe for concurrent use; does not wait for appends. Errors: CorruptError,
// ErrOffline, ErrClosed.
func (l *Log) AppendAborted(dst []AbortedTxn, from, bound int64) ([]AbortedTxn, error) {
	if err := l.disk.err(); err != nil {
		return dst, err
	}
	n := len(dst)
	for range readTries {
		out, err := l.appendAborted(dst[:n], from, bound)
		if !isDetached(err) {
			return out, l.ioFailed(err)
		}
		if err := l.stopped(); err != nil {
			return dst, err
		}
	}
	return dst, fmt.Errorf("%w: segments kept changing", ErrCorrupt)
}

func (l *Log) appendAborted(dst []AbortedTxn, from, bound int64) ([]AbortedTxn, error) {
	segs := *l.segs.Load()
	for _, s := range segs[find(segs, from):] {
		var done bool
		var err error
		if dst, done, err = s.appendAborted(dst, from, bound); err != nil || done {
			return dst, err
		}
	}
	return dst, nil
}

// LastStableOffset is the first offset that a read_committed reader may not see if highWatermark is the first that others may not: the
// beginning of the oldest transaction that is open, or whose marker is not below highWatermark, if that is less (T-06). Does not
// wait for appends.
func (l *Log) LastStableOffset(highWatermark int64) int64 { return l.unstable.first(highWatermark) }

// noteTransaction keeps account of transactions for a batch that has been appended to s, before noteProducer takes it. Called with mu held.
func (l *Log) noteTransaction(s *segment, b batch.Batch) {
	if !b.Transactional() || b.ProducerID() < 0 || l.noProducers {
		return
	}
	first := int64(-1)
	if e := l.mu.producers.find(b.ProducerID()); e != nil {
		first = e.txnFirst
	}
	if !b.Control() {
		if first < 0 {
			l.unstable.begin(b.BaseOffset())
		}
		return
	}
	kind, ok := endTxn(b)
	if !ok || first < 0 {
		return
	}
	stable := l.unstable.finish(first, b.LastOffset())
	if kind == batch.ControlAbort {
		s.mu.Lock()
		s.mu.txns.list = append(s.mu.txns.list, AbortedTxn{b.ProducerID(), first, b.LastOffset(), stable})
		s.mu.Unlock()
	}
}

// endTxn reads what a transaction marker says; ok is false for other control batches, and for a marker whose record was compacted away.
func endTxn(b batch.Batch) (kind batch.ControlType, ok bool) {
	if _, ok := marker(b); !ok || !b.Control() {
		return 0, false
	}
	it := batch.IterateRecords(b.Payload(), b.NumRecords())
	it.Next()
	kind, err := it.Record().ControlType()
	return kind, err == nil
}

// txnFold finds the aborted transactions of a log's batches, oldest first.
type txnFold struct {
	open map[kafka.ProducerID]int64 // first offsets
}

// take takes a batch, of a control batch all of it, and returns the aborted transaction that it ends.
func (t *txnFold) take(b batch.Batch) (a AbortedTxn, aborted bool) {
	if !b.Transactional() || b.ProducerID() < 0 {
		return a, false
	}
	id := b.ProducerID()
	first, open := t.open[id]
	if !b.Control() {
		if !open {
			if t.open == nil {
				t.open = map[kafka.ProducerID]int64{}
			}
			t.open[id] = b.BaseOffset()
		}
		return a, false
	}
	kind, ok := endTxn(b)
	if !ok || !open {
		return a, false
	}
	delete(t.open, id)
	a = AbortedTxn{ProducerID: id, FirstOffset: first, LastOffset: b.LastOffset(), LastStableOffset: b.NextOffset()}
	for _, o := range t.open { // order-free
		a.LastStableOffset = min(a.LastStableOffset, o)
	}
	return a, kind == batch.ControlAbort
}

// loadTxns reads, at open, the transaction index of the active segment, unless recovery has made it anew. Entries of markers that are
// not there any more go, also from the file: something else will be at their offsets. indexed says that the segment's other index
// files are there.
func (l *Log) loadTxns(indexed bool) error {
	segs := *l.segs.Load()
	s := segs[len(segs)-1]
	x := &s.mu.txns
	if !x.filed {
		return nil
	}
	x.filed = false
	if !x.onDisk && !indexed { // its index files were deleted, and perhaps this one with them
		if found, err := l.transactional(s); err != nil || !found {
			return err
		}
		return l.rebuildTxns(segs, len(segs)-1)
	}
	if !x.onDisk {
		return nil
	}
	content, err := readFile(l.disk.fs, s.indexes().txn.path())
	if errors.Is(err, fs.ErrNotExist) {
		x.onDisk = false
		return nil
	}
	if err != nil {
		return err
	}
	if x.list, err = parseTxnIndex(content); err != nil {
		l.disk.lg.Warn("making a transaction index anew", "path", s.indexes().txn.path(), "error", err)
		if err := l.rebuildTxns(segs, len(segs)-1); err != nil {
			return err
		}
	} else {
		x.written = len(x.list)
		end := l.end.Load()
		x.list = slices.DeleteFunc(x.list, func(a AbortedTxn) bool { return a.LastOffset >= end && !plantedTxnStale })
		if x.written == len(x.list) {
			return nil
		}
	}
	if err := s.writeTxns(l.disk.fs, false); err != nil {
		return err
	}
	return l.disk.fs.SyncDir(l.path)
}

// rebuildTxns makes the transaction indexes of segs[from:] anew, in memory, from the newest producer snapshot before them and the batches after it
// (T-19). They are written with the other index files. Called alone.
func (l *Log) rebuildTxns(segs []*segment, from int) error {
	if l.noProducers {
		return nil
	}
	var fold txnFold
	at := segs[0].base
	for _, offset := range slices.Backward(l.snapshots) {
		if offset > segs[from].base {
			continue
		}
		content, err := readFile(l.disk.fs, segmentName(l.path, offset, extSnap))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		p, err := parseSnapshot(content, offset)
		if err != nil {
			continue
		}
		at, fold.open = offset, map[kafka.ProducerID]int64{}
		for i := range p.list {
			if p.list[i].txnFirst >= 0 {
				fold.open[p.list[i].id] = p.list[i].txnFirst
			}
		}
		break
	}
	for i := find(segs, at); i < len(segs); i++ {
		s := segs[i]
		var list []AbortedTxn
		err := l.walkProducers(s, 0, math.MaxInt64, func(b batch.Batch, _ int32) {
			if b.BaseOffset() < at {
				return
			}
			if a, aborted := fold.take(b); aborted {
				list = append(list, a)
			}
		})
		if err != nil {
			return err
		}
		if i >= from {
			onDisk := s.mu.txns.onDisk
			s.mu.txns = txnIndex{list: list, onDisk: true, written: -1} // whatever the file says
			if len(list) == 0 && !onDisk {
				s.mu.txns.onDisk, s.mu.txns.written = false, 0
			}
		}
	}
	return nil
}

// transactional reports whether a segment has a transaction marker.
func (l *Log) transactional(s *segment) (found bool, err error) {
	err = l.walkProducers(s, 0, math.MaxInt64, func(b batch.Batch, _ int32) { found = found || b.Control() && b.Transactional() })
	return found, err
}
