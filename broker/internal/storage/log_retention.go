package storage

import (
	"errors"
	"fmt"
	"slices"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Reason says why segments were deleted.
type Reason uint8

const (
	// ByStart: they lie below the log start, which somebody has moved (DeleteRecords).
	ByStart Reason = iota
	// BySize: without them the log still has retention.bytes.
	BySize
	// ByTime: their largest timestamp is retention.ms ago.
	ByTime
	reasons
)

// String is the reason as metrics name it.
func (r Reason) String() string { return [reasons]string{"start", "size", "time"}[r] }

// Retainable is a log and the offset below which it may be cut: its partition's high watermark.
type Retainable struct {
	Log           *Log
	HighWatermark int64
}

// Retained counts what retention has deleted, by reason.
type Retained struct {
	Segments, Bytes [reasons]int64
}

// Add adds what somebody else counted.
func (r *Retained) Add(o *Retained) {
	for i := range reasons {
		r.Segments[i] += o.Segments[i]
		r.Bytes[i] += o.Bytes[i]
	}
}

// SetLogStartOffset raises the log start, durably, and throws away the segments that lie wholly below
// it; a no-op if it would not rise. Neither appends nor reads wait for it, nor does the syncer, unless a snapshot of producers is
// written before or what lies below it is not flushed, which is done first. Pinned Slices stay readable. Errors:
// ErrOffsetOutOfRange above the log end; ErrClosed; ErrStalled; ErrOffline; syscall.ENOSPC (wrapped): the start has not risen.
// The caller answers for offset <= high watermark.
func (l *Log) SetLogStartOffset(offset int64) error {
	if err := l.disk.refuseStalled(); err != nil {
		return err
	}
	defer l.disk.ops.begin()()
	l.startMu.Lock()
	defer l.startMu.Unlock()
	if offset > l.FlushedEndOffset() && offset <= l.end.Load() { // a log does not end below its start, whatever a crash leaves
		if _, err := l.Sync(); err != nil {
			return err
		}
	}
	if err := l.announceStart(offset); err != nil || l.moving.Load() == 0 {
		return err
	}
	if plantedStartUnsaved {
		_, err := l.moveStart()
		return err
	}
	if err := l.tellStart(offset); err != nil {
		l.denyStart()
		return l.ioFailed(err)
	}
	_, err := l.moveStart()
	return err
}

// tellStart makes a move durable: by an entry in the commit log, which the checkpoint file follows with the next sweep, or else
// by the file. Called with startMu held.
func (l *Log) tellStart(start int64) error {
	if l.dir != nil {
		c := l.dir.commit
		c.mu.Lock()
		noted, err := c.startLocked(l, start)
		c.mu.Unlock()
		if err != nil || noted {
			return err
		}
	}
	return l.points.writeStart()
}

// A move of the log start is announced, made durable by points.writeStart, perhaps together with others, and then either done
// or denied. startMu is held all the time; nothing else is while the disk works.

// announceStart begins a move, unless the log start would not rise: then moving stays 0.
func (l *Log) announceStart(offset int64) error {
	l.mu.Lock()
	err := l.usableLocked()
	l.mu.Unlock()
	switch {
	case err != nil:
		return err
	case offset > l.end.Load():
		return fmt.Errorf("%w: log start %d above log end %d", ErrOffsetOutOfRange, offset, l.end.Load())
	case offset <= l.start.Load():
		return nil
	}
	if err := l.keepProducers(offset); err != nil {
		return l.disk.fail(err)
	}
	l.moving.Store(offset)
	l.points.noteStart(l)
	return nil
}

// keepProducers makes the snapshot durable of the producers whose batches lie below offset, if it waits with the last segment that
// is to go: after a crash nothing else would tell of them, and a batch that is sent again would be taken for a new one.
// Without room they are forgotten: what is to go makes room.
func (l *Log) keepProducers(offset int64) error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	segs := *l.segs.Load()
	n := below(segs, offset)
	if n == 0 || plantedForgetProducers {
		return nil
	}
	s := segs[n-1].snapshot
	if s == nil || len(s.content) == snapshotHeaderSize {
		return nil
	}
	err := l.writeSnapshot(s)
	if errors.Is(err, errNoRoom) {
		l.disk.ranOut()
		return nil
	}
	if err == nil {
		segs[n-1].snapshot = nil
		err = l.disk.fs.SyncDir(l.path)
	}
	return err
}

// denyStart ends a move that could not be made durable.
func (l *Log) denyStart() {
	l.moving.Store(0)
	l.points.noteStart(l)
}

// moveStart ends a move, or finds that there was none, and throws away what lies below the log start. It returns the
// segments. Lack of room for the new names is no error: it is done later.
func (l *Log) moveStart() (gone []*segment, err error) {
	start := max(l.moving.Load(), l.start.Load())
	gone, unsynced, err := l.cutFront(start)
	if err != nil {
		return nil, err
	}
	if unsynced { // the segment of the log start must be there after a crash, or those before it would be a log with a hole
		if err := l.disk.fs.SyncDir(l.path); err != nil {
			return gone, l.disk.fail(err)
		}
	}
	for len(l.leftovers) > 0 {
		err := l.throwAway(l.leftovers[0])
		if errors.Is(err, errNoRoom) {
			l.disk.ranOut()
			break
		}
		if err != nil {
			return gone, l.disk.fail(err)
		}
		l.leftovers = l.leftovers[1:]
	}
	return gone, nil
}

// cutFront makes start the log start and takes the segments below it out of the log: from then on nobody finds them. unsynced
// says that names in the directory need to be synced before files go.
func (l *Log) cutFront(start int64) (gone []*segment, unsynced bool, err error) {
	var open []vfs.File
	defer func() {
		for _, f := range open {
			f.Close() // nothing of it is needed any more
		}
	}()
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moving.Store(0)
	if err := l.usableLocked(); err != nil {
		return nil, false, err
	}
	l.start.Store(start)          // before the segments go: see Log.read
	l.epochs.truncateStart(start) // its file follows: at open it is cut to the log start anyway
	segs := *l.segs.Load()
	n := below(segs, start)
	if n == 0 {
		return nil, false, nil
	}
	kept := slices.Clone(segs[n:])
	l.segs.Store(&kept)
	for _, s := range segs[:n] {
		l.forgetDirtyLocked(s)
		f, pinned := s.detach()
		if pinned && plantedDropPinned {
			f = s.log.f
		}
		if f != nil {
			open = append(open, f)
		}
		size, _ := s.bounds()
		l.leftovers = append(l.leftovers, &doomed{dir: l.path, names: segmentFiles(s.base), bytes: size})
	}
	for len(l.snapshots) > 0 && l.snapshots[0] < kept[0].base {
		l.leftovers = append(l.leftovers, &doomed{dir: l.path, names: snapshotFiles(l.snapshots[0])})
		l.snapshots = l.snapshots[1:]
	}
	return segs[:n:n], l.mu.newNames, nil
}

// below counts the segments that lie wholly below offset: never all of them.
func below(segs []*segment, offset int64) int {
	n := 0
	for n < len(segs)-1 && segs[n+1].base <= offset {
		n++
	}
	return n
}

// leaveOut takes the segments that lie wholly below the log start out of a list of base offsets at open: a crash came before
// they were thrown away, perhaps with some of them gone.
func (l *Log) leaveOut(bases []int64, start int64) []int64 {
	for len(bases) > 1 && bases[1] <= start && !plantedKeepHoles {
		l.leftovers = append(l.leftovers, &doomed{dir: l.path, names: segmentFiles(bases[0])})
		bases = bases[1:]
	}
	return bases
}

// beginAgain makes the first segment of a log all of which lies below its start. What there was is thrown away later: were it
// gone before the new segment is there, a crash could leave what lies below it, and the log would end too early.
func (l *Log) beginAgain(start int64) error {
	old := *l.segs.Load()
	if err := l.begin(start); err != nil {
		return err
	}
	for _, s := range old {
		if f, _ := s.detach(); f != nil {
			f.Close() // only read
		}
		l.leftovers = append(l.leftovers, &doomed{dir: l.path, names: segmentFiles(s.base)})
	}
	return nil
}

// startToFile is the log start that the checkpoint must have.
func (l *Log) startToFile() int64 { return max(l.start.Load(), l.moving.Load()) }

// saveStart writes the log start. The recovery point stays: it moves only in notePoints, with the
// index files. Called with syncMu held.
func (l *Log) saveStart() error {
	l.points.noteStart(l)
	return l.points.write()
}

// plan is what retention wants of one log.
type plan struct {
	log    *Log
	start  int64 // the new log start
	full   bool  // no segment stays: the active one is to be rolled at start
	reason []Reason
}

// Retain deletes from some logs of the directory what their retention does not keep (SURFACE 87, 88), and everything that
// lies below their log starts: whole segments, oldest first, and nothing at or above the high watermarks. All the log starts
// are made durable together, then the segments go. It waits for the disk, but neither appends nor reads nor the syncer wait for
// it; a log whose start somebody else is moving, or that has been closed, is left out. One call at a time. Errors: what was wrong with some of the
// logs, each named, or with the directory; the others have been done.
func (d *Dir) Retain(nowMs int64, logs []Retainable) (done Retained, err error) {
	if err := d.disk.refuseStalled(); err != nil {
		return done, err
	}
	defer d.disk.ops.begin()()
	var plans []plan
	var errs []error
	for _, r := range logs {
		if !r.Log.startMu.TryLock() {
			continue
		}
		p, err := r.Log.announceRetention(nowMs, r.HighWatermark)
		if err != nil && !errors.Is(err, ErrClosed) {
			errs = append(errs, fmt.Errorf("retention of %s: %w", r.Log.path, err))
		}
		if err != nil || len(p.reason) == 0 && len(r.Log.leftovers) == 0 {
			r.Log.startMu.Unlock()
			continue
		}
		plans = append(plans, p)
	}
	var failed error
	if !plantedStartUnsaved && slices.ContainsFunc(plans, func(p plan) bool { return p.log.moving.Load() > 0 }) {
		if failed = d.points.writeStart(); failed != nil {
			failed = d.disk.noRoom(failed)
			errs = append(errs, failed)
		}
	}
	for i := range plans {
		if err := plans[i].carryOut(failed != nil, &done); err != nil {
			errs = append(errs, err)
		}
		plans[i].log.startMu.Unlock()
	}
	d.disk.trash.retained(&done)
	return done, errors.Join(errs...)
}

// carryOut does what was planned, or denies it.
func (p *plan) carryOut(deny bool, done *Retained) error {
	if deny {
		if p.log.moving.Load() > 0 {
			p.log.denyStart()
		}
		return nil
	}
	gone, err := p.log.moveStart()
	if errors.Is(err, ErrClosed) {
		err = nil
	}
	for i, s := range gone {
		size, _ := s.bounds()
		r := p.reason[min(i, len(p.reason)-1)]
		done.Segments[r]++
		done.Bytes[r] += size
	}
	return err
}

// announceRetention finds out what is to go and announces the move of the log start. Called with startMu held.
func (l *Log) announceRetention(nowMs, highWatermark int64) (plan, error) {
	p, err := l.planRetention(nowMs, highWatermark)
	if err == nil && p.full {
		var rolled bool
		if rolled, err = l.rollAt(p.start); err == nil && !rolled { // something was appended meanwhile
			p.reason = p.reason[:len(p.reason)-1]
			p.start = l.active().base
		}
	}
	if err == nil && len(p.reason) > 0 {
		err = l.announceStart(p.start)
	}
	return p, err
}

// planRetention looks at the segments, oldest first.
func (l *Log) planRetention(nowMs, highWatermark int64) (plan, error) {
	p := plan{log: l, start: l.start.Load()}
	highWatermark = min(highWatermark, l.FlushedEndOffset())
	segs, end, cfg := *l.segs.Load(), l.end.Load(), l.cfg.Load()
	var total int64
	for _, s := range segs {
		size, _ := s.bounds()
		total += size
	}
	for i, s := range segs {
		upper, last := end, i == len(segs)-1
		if !last {
			upper = segs[i+1].base
		}
		size, _ := s.bounds()
		if upper > highWatermark && !plantedRetainPast || last && (size == 0 || plantedActiveSkipped) {
			break
		}
		reason, err := l.expired(s, cfg, nowMs, total, upper, last)
		if err != nil || reason == reasons {
			return p, err
		}
		total -= size
		p.start, p.full = max(p.start, upper), last
		p.reason = append(p.reason, reason)
	}
	return p, nil
}

// expired says why the oldest segment goes; reasons if it stays. total is the size of the log with it, upper the end of its offsets.
func (l *Log) expired(s *segment, cfg *Config, nowMs, total, upper int64, last bool) (Reason, error) {
	size, _ := s.bounds()
	switch {
	case !last && upper <= l.start.Load():
		return ByStart, nil
	case !cfg.Delete:
		return reasons, nil
	case cfg.RetentionBytes >= 0 && total-size >= cfg.RetentionBytes:
		return BySize, nil
	case cfg.RetentionMs < 0:
		return reasons, nil
	}
	newest, err := l.newest(s)
	if err == nil && nowMs-newest > cfg.RetentionMs {
		return ByTime, nil
	}
	return reasons, err
}

// newest is the largest timestamp of a segment, or that of its file if its records have none.
func (l *Log) newest(s *segment) (ms int64, err error) {
	ts, _, err := s.maxTime()
	if err == errIndex {
		if err = l.reindex(s); err == nil {
			ts, _, err = s.maxTime()
		}
	}
	if err != nil {
		return 0, l.ioFailed(err)
	}
	if ts >= 0 {
		return ts, nil
	}
	info, err := l.disk.fs.Stat(s.log.path())
	if err != nil {
		return 0, l.ioFailed(err)
	}
	return info.ModTime.UnixMilli(), nil
}
