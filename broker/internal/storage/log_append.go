package storage

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// writeOutBytes is how much a log lets gather before the kernel is asked to begin writing
// (durability 4), by the append under FlushOS and by the syncer else: the last fdatasync then has little left to do.
const writeOutBytes = 1 << 20

// lumps is in how many steps partitions are apart from each other: see lump.
const lumps = 16

// Appended tells what AppendAsFollower has appended.
type Appended struct {
	FirstOffset  int64 // -1 if nothing
	NextOffset   int64 // the log end after it
	Bytes        int64
	MaxTimestamp int64 // -1 if nothing
}

// Outcome tells where a batch is in the log.
type Outcome struct {
	BaseOffset   int64
	LastOffset   int64 // inclusive
	MaxTimestamp int64 // of the records; of a duplicate that of the batch in the log
	// Duplicate says that the batch was in the log already and nothing was appended. It may be
	// in there without being durable or replicated yet.
	Duplicate bool
}

// Append appends one validated batch of the broker's own as the leader of epoch: it sets base
// offset and leader epoch in place (the checksum covers neither) and returns the base offset. The
// batch is in its file and the log end is published before Append returns; it is durable when
// FlushedEndOffset says so. nowMs is the clock, used for age only if the records have no time. It
// does not allocate and makes one write. A batch with a producer id is held to the producer's
// epoch but to no sequence, as Kafka does with what its coordinators write.
//
// All or nothing: on error the log is unchanged, or the directory is offline. It does not wait for the
// syncer: who writes for the broker serves others, whose logs may be in other directories; but the first append does, unless the log has been established. b stays the caller's.
// Errors: ErrTooLarge, ErrStaleEpoch, ErrInvalidProducerEpoch, ErrInvalidTxnState,
// ErrCoordinatorFenced, ErrStalled, ErrOffline, ErrClosed; syscall.ENOSPC (wrapped) is the one after which
// appending may be tried again (S-11).
func (l *Log) Append(b batch.Batch, epoch kafka.LeaderEpoch, nowMs int64) (base int64, err error) {
	if plantedAdmitOwn && l.queue != nil {
		l.queue.admit()
	}
	if err := l.disk.refuseStalled(); err != nil {
		return 0, err
	}
	if err := l.establish(); err != nil {
		return 0, err
	}
	o, err := l.appendAsLeader(b, epoch, nowMs, false)
	return o.BaseOffset, err
}

// AppendClient is Append for a validated batch of a client. If the batch has a producer id, its
// sequence is checked against the producer's last batches in the same step as it is appended: an
// exact repetition of one of the last five is answered with the place of the first one, also on a
// full disk, and nothing is appended (SURFACE 48-50). It may wait while a started syncer is behind by more than
// DirOptions.QueueBytes. Errors: those of Append, ErrOutOfOrderSequence, and ErrFull while the directory keeps its reserve for
// others.
func (l *Log) AppendClient(b batch.Batch, epoch kafka.LeaderEpoch, nowMs int64) (Outcome, error) {
	if err := l.admit(); err != nil {
		return Outcome{}, err
	}
	return l.appendAsLeader(b, epoch, nowMs, true)
}

func (l *Log) appendAsLeader(b batch.Batch, epoch kafka.LeaderEpoch, nowMs int64, client bool) (o Outcome, err error) {
	l.mu.Lock()
	o, err = l.appendLocked(b, epoch, nowMs, client)
	due := err == nil && l.flushDue()
	l.mu.Unlock()
	if due {
		_, err = l.Sync()
	}
	return o, err
}

// admit waits, before any lock is taken, while the syncer is too far behind, and establishes the log. Errors: ErrStalled, those of
// establish.
func (l *Log) admit() error {
	if l.queue != nil && l.cfg.Load().Flush == FlushGroup {
		l.queue.admit()
	}
	if err := l.disk.refuseStalled(); err != nil {
		return err
	}
	return l.establish()
}

func (l *Log) appendLocked(b batch.Batch, epoch kafka.LeaderEpoch, nowMs int64, client bool) (Outcome, error) {
	cfg := l.cfg.Load()
	if err := l.appendableLocked(); err != nil {
		return Outcome{}, err
	}
	if len(b) > int(cfg.SegmentBytes) {
		return Outcome{}, ErrTooLarge
	}
	if epoch < l.epochs.latest() {
		return Outcome{}, fmt.Errorf("%w: %d after %d", ErrStaleEpoch, epoch, l.epochs.latest())
	}
	dup, err := l.checkProducerLocked(b, client)
	if err != nil {
		return Outcome{}, err
	}
	if dup != nil {
		return Outcome{BaseOffset: dup.last - int64(dup.delta), LastOffset: dup.last, MaxTimestamp: dup.timestamp, Duplicate: true}, nil
	}
	if client && l.disk.refuse(nowMs) {
		return Outcome{}, ErrFull
	}
	base := l.end.Load()
	b.SetBaseOffset(base)
	b.SetLeaderEpoch(epoch)
	l.writing.begin()
	defer l.writing.end()
	s, err := l.segmentFor(cfg, b, len(b), nowMs)
	if err != nil {
		return Outcome{}, err
	}
	if err := l.write(s, cfg, b); err != nil {
		return Outcome{}, err
	}
	s.publish(b, cfg.IndexIntervalBytes)
	l.epochs.assign(epoch, base)
	l.noteTransaction(s, b)
	l.noteProducer(b)
	last := base + int64(b.LastOffsetDelta())
	size, _ := s.bounds()
	l.keepLocked(s, cfg, b, size-int64(len(b)), last+1)
	l.end.Store(last + 1)
	l.wroteLocked(s, cfg, len(b))
	return Outcome{BaseOffset: base, LastOffset: last, MaxTimestamp: b.MaxTimestamp()}, nil
}

// AppendAsFollower appends whole batches as the leader sent them: offsets, epochs and bytes stay
// . Before anything is written every batch is checked: header, checksum, contiguity with
// the log and each other, epochs that do not fall. One write per segment touched.
//
// On error what Appended says has been appended and nothing else; a follower asks again from its
// log end. Errors: CorruptError, ErrNotContiguous, ErrStaleEpoch, and those of Append but ErrTooLarge.
func (l *Log) AppendAsFollower(batches []byte, nowMs int64) (Appended, error) {
	done := Appended{FirstOffset: -1, NextOffset: l.end.Load(), MaxTimestamp: -1}
	if err := l.admit(); err != nil {
		return done, err
	}
	due, err := l.appendAsFollower(batches, nowMs, &done)
	if err == nil && due {
		_, err = l.Sync()
	}
	return done, err
}

// appendAsFollower does it, and reports whether the log is to be synced now.
func (l *Log) appendAsFollower(batches []byte, nowMs int64, done *Appended) (due bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cfg := l.cfg.Load()
	done.NextOffset = l.end.Load()
	if err := l.appendableLocked(); err != nil {
		return false, err
	}
	if err := l.checkLocked(cfg, batches); err != nil {
		return false, err
	}
	for len(batches) > 0 {
		n, err := l.appendRun(cfg, batches, nowMs, done)
		if err != nil {
			return false, err
		}
		batches = batches[n:]
	}
	return l.flushDue(), nil
}

// checkLocked checks all batches against the log.
func (l *Log) checkLocked(cfg *Config, batches []byte) error {
	o := order{next: l.end.Load(), epoch: l.epochs.latest(), sparse: l.sparse(cfg)}
	for rest := batches; len(rest) > 0; {
		pos := int64(len(batches) - len(rest))
		if len(rest) < batch.HeaderSize {
			return &CorruptError{Path: l.path, Position: pos, Offset: o.next, Reason: "received batch is cut off"}
		}
		if reason := implausible(batch.Batch(rest[:batch.HeaderSize]), int64(len(rest))); reason != "" {
			return &CorruptError{Path: l.path, Position: pos, Offset: o.next, Reason: "received " + reason}
		}
		n := size(rest[:batch.HeaderSize])
		b := batch.Batch(rest[:n])
		if !b.VerifyCRC() {
			return &CorruptError{Path: l.path, Position: pos, Offset: o.next, Reason: "received checksum does not match"}
		}
		if e := b.LeaderEpoch(); e >= 0 && e < o.epoch {
			return fmt.Errorf("%w: %d after %d", ErrStaleEpoch, e, o.epoch)
		}
		if reason := o.follow(b); reason != "" {
			return fmt.Errorf("%w: %s", ErrNotContiguous, reason)
		}
		rest = rest[n:]
	}
	return nil
}

// appendRun writes as many of the batches as go into one segment, with one write, and returns
// their length.
func (l *Log) appendRun(cfg *Config, batches []byte, nowMs int64, done *Appended) (int, error) {
	first, rest, err := batch.Next(batches)
	if err != nil {
		panic("BUG: appending an unchecked batch")
	}
	l.writing.begin()
	defer l.writing.end()
	s, err := l.segmentFor(cfg, first, len(first), nowMs)
	if err != nil {
		return 0, err
	}
	n := len(first)
	size, _ := s.bounds()
	firstTs := s.firstTs
	if size == 0 {
		firstTs = first.MaxTimestamp()
	}
	for len(rest) > 0 {
		b, after, err := batch.Next(rest)
		if err != nil {
			panic("BUG: appending an unchecked batch")
		}
		old := firstTs >= 0 && b.MaxTimestamp()-firstTs > cfg.SegmentMs-s.jitterMs
		if size+int64(n+len(b)) > int64(cfg.SegmentBytes) || !s.fits(b.LastOffset()) || old {
			break
		}
		n, rest = n+len(b), after
	}
	if err := l.write(s, cfg, batches[:n]); err != nil {
		return 0, err
	}
	for run := batches[:n]; len(run) > 0; {
		b, after, _ := batch.Next(run)
		s.publish(b, cfg.IndexIntervalBytes)
		l.epochs.assign(b.LeaderEpoch(), b.BaseOffset())
		l.noteTransaction(s, b)
		l.noteProducer(b)
		done.add(b)
		run = after
	}
	l.keepLocked(s, cfg, batches[:n], size, done.NextOffset)
	l.end.Store(done.NextOffset)
	l.wroteLocked(s, cfg, n)
	return n, nil
}

func (a *Appended) add(b batch.Batch) {
	if a.FirstOffset < 0 {
		a.FirstOffset = b.BaseOffset()
	}
	a.NextOffset = b.NextOffset()
	a.Bytes += int64(len(b))
	a.MaxTimestamp = max(a.MaxTimestamp, b.MaxTimestamp())
}

// segmentFor is the active segment, rolled before if the batch (n bytes with what must stay with
// it) may not go into it.
func (l *Log) segmentFor(cfg *Config, b batch.Batch, n int, nowMs int64) (*segment, error) {
	s := l.active()
	if !s.firstRead {
		if err := s.loadFirstTime(); err != nil {
			return nil, l.ioFailed(err)
		}
	}
	if !s.shouldRoll(cfg, n, b.LastOffset(), b.MaxTimestamp(), nowMs) {
		return s, nil
	}
	return l.rollLocked(cfg, b.BaseOffset())
}

// rollLocked seals the active segment and begins one at base. The new name becomes durable with
// the next sync, before anything in it counts as flushed.
//
// Where gaps are allowed, a crash must not be able to make one by losing the end of a segment but
// not the one after it: the old segment is synced first.
func (l *Log) rollLocked(cfg *Config, base int64) (*segment, error) {
	if l.sparse(cfg) {
		if err := l.syncBeforeRoll(); err != nil {
			return nil, l.disk.fail(err)
		}
	}
	s := newSegment(l.disk.files, l.path, base)
	f, err := l.disk.fs.Create(s.log.path())
	if err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			l.disk.ranOut()
		}
		if resumable(err) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			return nil, err
		}
		return nil, l.disk.fail(err)
	}
	s.preallocate(f, cfg)
	s.log.adopt(f)
	s.log.release()
	s.mu.loaded = true
	s.firstRead = true
	s.jitterMs = cfg.jitter(l.disk.random)

	segs := *l.segs.Load()
	old := segs[len(segs)-1]
	l.dirtyLocked(old)
	if !l.noProducers {
		old.snapshot = l.mu.producers.snapshotAt(base)
	}
	// Its index files are those of an active segment, if any: a scan would have to begin in it.
	l.recovery.Store(min(l.recovery.Load(), old.base))
	next := append(segs[:len(segs):len(segs)], s)
	l.segs.Store(&next)
	l.mu.newNames = true
	l.enqueueLocked(0)
	return s, nil
}

func (l *Log) syncBeforeRoll() error {
	s := l.active()
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	defer s.log.release()
	if err := f.SyncData(); err != nil {
		return err
	}
	return l.disk.fs.SyncDir(l.path)
}

// write puts p at the end of the segment's file.
func (l *Log) write(s *segment, cfg *Config, p []byte) error {
	var f vfs.File
	if s.held {
		f = s.log.f // stable while held
	} else {
		var err error
		if f, err = s.log.acquire(); err != nil {
			return l.ioFailed(err)
		}
		// Bytes that wait for fdatasync keep their file open: an error of writing them out could
		// otherwise be lost with the descriptor.
		if cfg.Flush == FlushGroup {
			s.held = true
		} else {
			defer s.log.release()
		}
	}
	pos, _ := s.bounds()
	l.reserveAhead(s, f, cfg, pos+int64(len(p)))
	n, err := f.WriteAt(p, pos)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return l.writeFailed(s, f, pos, err)
	}
	return nil
}

// writeFailed cuts a partial write off again if the disk was only full; everything else takes the
// directory offline.
func (l *Log) writeFailed(s *segment, f vfs.File, pos int64, err error) error {
	err = fmt.Errorf("write %s at %d: %w", s.log.path(), pos, err)
	if !resumable(err) {
		return l.disk.fail(err)
	}
	if terr := f.Truncate(pos); terr != nil {
		return l.disk.fail(errors.Join(err, terr))
	}
	s.room = 0
	l.disk.ranOut()
	return err
}

// resumable is true for errors that leave the disk usable.
func resumable(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, io.ErrShortWrite)
}

// wroteLocked accounts for n new bytes in s.
func (l *Log) wroteLocked(s *segment, cfg *Config, n int) {
	l.dirtyLocked(s)
	s.unwritten += int64(n)
	if cfg.Flush == FlushGroup {
		l.enqueueLocked(int64(n))
		return
	}
	if s.unwritten < writeOutBytes {
		return
	}
	if size, _ := s.bounds(); s.unwritten >= l.lump(s, size) {
		if f, err := s.log.acquire(); err == nil {
			f.WriteOut(size-s.unwritten, s.unwritten) // a hint
			s.log.release()
		}
		s.unwritten = 0
	}
}

// lump is how much a segment of a size lets gather before the kernel is asked to begin writing: writeOutBytes, the first time
// more, by the log's partition, so that partitions that are written to alike do not all ask at once.
func (l *Log) lump(s *segment, size int64) int64 {
	if s.unwritten < size {
		return writeOutBytes
	}
	return writeOutBytes + int64(uint32(l.tip.Partition)%lumps)*(writeOutBytes/lumps)
}

func (l *Log) dirtyLocked(s *segment) {
	if !s.dirty {
		s.dirty = true
		l.mu.dirty = append(l.mu.dirty, s)
	}
}

// enqueueLocked puts the log on the sync queue, once, and n bytes on its account.
func (l *Log) enqueueLocked(n int64) {
	l.mu.queuedLen += n
	if l.queue == nil {
		return
	}
	l.queue.add(l, n, !l.mu.queued)
	l.mu.queued = true
}
