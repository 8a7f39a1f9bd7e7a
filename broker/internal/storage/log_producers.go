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

// ProducerState is what a log knows of one producer id (DescribeProducers).
type ProducerState struct {
	ID               kafka.ProducerID
	Epoch            kafka.ProducerEpoch
	LastSequence     int32 // -1: no batch in this epoch
	LastTimestamp    int64 // of the last batch or marker, ms; -1 none
	CoordinatorEpoch int32 // of the last transaction marker, -1 none
	TxnFirstOffset   int64 // of the open transaction, -1 none
}

// Producers lists the producers that the log knows, in order of their ids.
func (l *Log) Producers() []ProducerState {
	l.mu.Lock()
	out := make([]ProducerState, 0, len(l.mu.producers.list))
	for i := range l.mu.producers.list {
		e := &l.mu.producers.list[i]
		out = append(out, ProducerState{e.id, e.epoch, e.lastSeq(), e.timestamp, e.coordinator, e.txnFirst})
	}
	l.mu.Unlock()
	slices.SortFunc(out, func(a, b ProducerState) int { return int(min(max(a.ID-b.ID, -1), 1)) })
	return out
}

// ExpireProducers forgets the producers whose last batch or marker is Config.ProducerExpirationMs
// old, by its timestamp, and who have no open transaction (SURFACE 51). It returns how many. Kafka
// does it every ten minutes (producer.id.expiration.check.interval.ms).
func (l *Log) ExpireProducers(nowMs int64) int {
	if !l.mu.TryLock() { // an append is running, perhaps on a disk that hangs: next time
		return 0
	}
	defer l.mu.Unlock()
	defer l.countProducersLocked()
	return l.mu.producers.expire(nowMs, l.cfg.Load().ProducerExpirationMs)
}

// countProducersLocked tells the directory how many producers the log remembers. Called with mu held, or alone.
func (l *Log) countProducersLocked() {
	n := len(l.mu.producers.list)
	l.disk.producers.Add(int64(n - l.mu.counted))
	l.mu.counted = n
}

// checkProducerLocked decides whether a leader's append may go on; see producers.check.
func (l *Log) checkProducerLocked(b batch.Batch, client bool) (dup *seqBatch, err error) {
	if b.ProducerID() < 0 || l.noProducers {
		return nil, nil
	}
	coordinator, _ := marker(b)
	return l.mu.producers.check(b, coordinator, client)
}

// noteProducer takes a batch that was appended or is found in the log. Of a control batch the
// records are needed, of others the header is enough. Called with mu held, or alone.
func (l *Log) noteProducer(b batch.Batch) {
	id := b.ProducerID()
	if id < 0 || l.noProducers {
		return
	}
	if coordinator, ok := marker(b); ok {
		l.addProducer(b, coordinator)
	}
}

// addProducer takes a producer's batch, within the bound on their number.
func (l *Log) addProducer(b batch.Batch, coordinator int32) {
	p := &l.mu.producers
	if p.find(b.ProducerID()) != nil {
		p.add(b, coordinator)
		return
	}
	most := l.cfg.Load().MaxProducers
	if l.disk.producers.Load() >= l.disk.maxProducers && !plantedManyProducers {
		most = min(most, max(len(p.list), 1))
	}
	if n := p.bound(most); n > 0 {
		l.disk.lg.Warn("forgetting idle producers: there are too many", "log", l.path, "forgotten", n)
	}
	p.add(b, coordinator)
	l.countProducersLocked()
}

// marker returns the coordinator's epoch in a transaction marker. ok is false for a control batch
// that is none, or whose record was compacted away; it is true for a data batch.
func marker(b batch.Batch) (coordinator int32, ok bool) {
	if !b.Control() {
		return -1, true
	}
	if b.NumRecords() < 1 || b.Codec() != 0 {
		return -1, false
	}
	it := batch.IterateRecords(b.Payload(), b.NumRecords())
	if !it.Next() {
		return -1, false
	}
	if t, err := it.Record().ControlType(); err != nil || t != batch.ControlAbort && t != batch.ControlCommit {
		return -1, false
	}
	coordinator, err := it.Record().EndTxn()
	return coordinator, err == nil
}

// loadProducers brings the producer state to the log end: the newest snapshot that can be used,
// and the batches after it (SURFACE 52). No snapshot lies above the end any more. Called alone, or with
// syncMu and mu held.
func (l *Log) loadProducers() error {
	if l.noProducers {
		return nil
	}
	defer l.countProducersLocked()
	defer func() { l.unstable.reload(&l.mu.producers, l.end.Load()) }()
	from := l.start.Load()
	l.mu.producers.reset()
	l.countProducersLocked()
	for n := len(l.snapshots); n > 0; n = len(l.snapshots) {
		at := l.snapshots[n-1]
		name := segmentName(l.path, at, extSnap)
		content, err := readFile(l.disk.fs, name)
		if err == nil {
			var p producers
			if p, err = parseSnapshot(content, at); err == nil {
				l.mu.producers, from = p, at
				l.countProducersLocked()
				if err := l.loadWindows(at, content); err != nil {
					return err
				}
				break
			}
		}
		if !errors.Is(err, errSnapshot) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l.disk.lg.Warn("ignoring a producer snapshot", "path", name, "error", err)
		if err := l.removeSnapshot(at); err != nil {
			return err
		}
		l.snapshots = l.snapshots[:n-1]
	}
	return l.scanProducers(from)
}

// recalledSegments is how many segments below a snapshot without a window file are read for the
// batches before the last one of each producer: the one that ends there, which may just have begun, and the one before.
const recalledSegments = 2

// loadWindows brings back the batches before the last one of each producer of the snapshot at offset
// at: from its window file, or else from the segments before it (T-02). What lies further back is forgotten.
func (l *Log) loadWindows(at int64, snapshot []byte) error {
	if plantedLastOnly {
		return nil
	}
	content, err := readFile(l.disk.fs, windowName(l.path, at))
	if err == nil {
		if err = l.mu.producers.addWindows(content, at, snapshot); err == nil {
			return nil
		}
		l.disk.lg.Warn("ignoring a file of producer windows", "path", windowName(l.path, at), "error", err)
	}
	if !errors.Is(err, errWindows) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	segs := *l.segs.Load()
	if !l.mu.producers.partial() || at <= segs[0].base {
		return nil
	}
	i := find(segs, at-1)
	var earlier producers
	for _, s := range segs[max(i+1-recalledSegments, 0) : i+1] {
		err := l.walkProducers(s, 0, at, func(b batch.Batch, coordinator int32) {
			if l.mu.producers.find(b.ProducerID()) != nil {
				earlier.add(b, coordinator)
			}
		})
		if err != nil {
			return err
		}
	}
	l.mu.producers.adopt(&earlier)
	return nil
}

// scanProducers takes the batches from offset on. Snapshots that segments should have are written
// on the way, so that the next start has less to do.
func (l *Log) scanProducers(from int64) error {
	if from >= l.end.Load() {
		return nil
	}
	segs := *l.segs.Load()
	first := find(segs, from)
	for i := first; i < len(segs); i++ {
		s, pos := segs[i], int64(0)
		if i > first {
			if err := l.writeSnapshot(l.mu.producers.snapshotAt(s.base)); err != nil && !errors.Is(err, errNoRoom) {
				return err
			}
		}
		if i == first && from > s.base {
			var err error
			if pos, err = l.cutPosition(s, from); err != nil {
				return err
			}
		}
		if err := l.producersOf(s, pos); err != nil {
			return err
		}
	}
	return nil
}

// producersOf takes the batches of a segment from position pos on.
func (l *Log) producersOf(s *segment, pos int64) error {
	return l.walkProducers(s, pos, math.MaxInt64, l.addProducer)
}

// walkProducers calls add for every batch of a producer in a segment from position pos on and below
// offset end.
func (l *Log) walkProducers(s *segment, pos, end int64, add func(b batch.Batch, coordinator int32)) error {
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	defer s.log.release()
	upTo, _ := s.bounds()
	w := getScan(f, s, upTo)
	defer w.put()
	for pos < upTo {
		h, err := w.header(pos)
		if err != nil {
			return err
		}
		if h.BaseOffset() >= end {
			return nil
		}
		n := size(h)
		if h.ProducerID() >= 0 {
			if h.Control() {
				if h, err = w.whole(pos, n); err != nil {
					return err
				}
			}
			if coordinator, ok := marker(h); ok {
				add(h, coordinator)
			}
		}
		pos += n
	}
	return nil
}

// snapshot is the producer state below an offset as its two files hold it. windows may be nil.
type snapshot struct {
	offset           int64
	content, windows []byte
}

// snapshotAt encodes the state, which is that of the batches below offset.
func (p *producers) snapshotAt(offset int64) *snapshot {
	s := &snapshot{offset: offset, content: p.encode()}
	s.windows = p.encodeWindows(offset, s.content)
	return s
}

// writeSnapshot writes a snapshot of batches all of which are durable. Its names are durable after
// SyncDir; a crash before that costs a longer scan. Called with syncMu held.
func (l *Log) writeSnapshot(s *snapshot) error {
	i, there := slices.BinarySearch(l.snapshots, s.offset)
	if there || l.noProducers {
		return nil
	}
	if s.windows != nil {
		if err := replaceFile(l.disk.fs, windowName(l.path, s.offset), s.windows); err != nil {
			return err
		}
	}
	if err := replaceFile(l.disk.fs, segmentName(l.path, s.offset, extSnap), s.content); err != nil {
		return err
	}
	l.snapshots = slices.Insert(l.snapshots, i, s.offset)
	return nil
}

// removeSnapshot unlinks the files of the snapshot at offset.
func (l *Log) removeSnapshot(offset int64) error {
	err := removeIfExists(l.disk.fs, windowName(l.path, offset))
	if err == nil {
		err = removeIfExists(l.disk.fs, segmentName(l.path, offset, extSnap))
	}
	return err
}

// stopSnapshot writes the snapshot of a log that takes no more appends and is wholly durable.
func (l *Log) stopSnapshot() error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.mu.Lock()
	end, err := l.end.Load(), l.usableLocked()
	s := l.mu.producers.snapshotAt(end)
	skip := l.flushed.Load() != end || !l.mu.frozen || len(s.content) == snapshotHeaderSize && end == (*l.segs.Load())[0].base
	l.mu.Unlock()
	if err == nil {
		err = l.trimActive()
	}
	if err != nil || skip {
		return err
	}
	err = l.writeSnapshot(s)
	if err == nil {
		err = l.dropSnapshots(l.stray(end))
	}
	if err != nil {
		return l.disk.noRoom(err)
	}
	return nil
}

// stray says of a snapshot that it belongs to no segment and is not the one to keep.
func (l *Log) stray(keep int64) func(offset int64) bool {
	segs := *l.segs.Load()
	return func(at int64) bool { return at != keep && segs[find(segs, at)].base != at }
}

// dropSnapshots removes the snapshots that are to go. The caller syncs the directory before
// anything is appended. Called with syncMu held, or alone.
func (l *Log) dropSnapshots(gone func(offset int64) bool) error {
	kept := l.snapshots[:0]
	var err error
	for _, at := range l.snapshots {
		if err == nil && gone(at) {
			err = l.removeSnapshot(at)
			continue
		}
		kept = append(kept, at)
	}
	l.snapshots = kept
	if err != nil {
		return fmt.Errorf("remove producer snapshots of %s: %w", l.path, err)
	}
	return nil
}

// tidySnapshots removes at open what does not belong to a segment, but for the one that a clean
// stop left, and what lies above the log end: it describes batches that are gone (durability 5).
// So does what lies below the first segment, from where no batches lead on: a crash while the log
// was emptied leaves it.
func (l *Log) tidySnapshots() error {
	n, end, newest := len(l.snapshots), l.end.Load(), int64(-1)
	first := (*l.segs.Load())[0].base
	for _, at := range l.snapshots {
		if at >= first && (at <= end || plantedSnapshotAhead) {
			newest = at
		}
	}
	stray := l.stray(newest)
	err := l.dropSnapshots(func(at int64) bool { return at > newest || stray(at) })
	if err == nil && len(l.snapshots) < n {
		err = l.disk.fs.SyncDir(l.path)
	}
	return err
}
