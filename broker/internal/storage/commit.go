package storage

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
)

const (
	// commitBulkBytes is how much a log may owe for it to go through the commit log; with more its segment is
	// synced instead. Measured: docs/decisions/2026-11-29-commit-log.md.
	commitBulkBytes = 128 << 10
	// commitFiles is the number of files of a ring, unless they would be too small.
	commitFiles = 32
	// commitTries bounds how often an operation whose entry found no room makes room and starts again.
	commitTries = 100
)

// errCommitFull is returned inside the package for an entry that the commit log has no room for.
var errCommitFull = errors.New("commit log is full")

// committer is the commit log of a directory with what storage must know to use it: which logs have bytes
// in it that are not durable in their segments, and since which generation. Its methods do not start anything;
// rounds (SyncOnce) and sweeps (Sweep) are called.
//
// mu is held from the first byte that is gathered until what was gathered is durable and published, and
// for entries of other kinds likewise, so that the order of the entries is that of the events. Lock
// order: Log.syncMu, committer.mu, Log.mu, committer.dirty.mu.
type committer struct {
	disk     *disk
	points   *dirPoints
	bulk     int64 // see commitBulkBytes
	maxDirty int   // logs with unsynced segments from which a sweep is due
	steps    uint64
	busy     watch // writing and syncing
	copies   keeper

	sweeping sync.Mutex // one sweep at a time
	making   atomic.Bool
	// swept is the generation at the beginning of the last sweep, and owing says that CheckpointBytes have been
	// appended since.
	swept atomic.Uint64
	owing atomic.Bool

	mu sync.Mutex
	w  *commitlog.Writer // guarded by mu
	// starts is the lowest generation with a log start that the checkpoint file does not have yet, 0 none. Guarded by mu.
	starts uint64

	dirty struct {
		sync.Mutex
		logs   []*Log // with bytes in the commit log that are not synced, by generation; from next on
		next   int
		chores []*Log // with sealed segments that are not synced
		n      atomic.Int64
	}
}

// commitState is what a log's directory's committer knows of it.
type commitState struct {
	last    uint64 // generation of the log's last entry, 0 none; guarded by committer.mu
	entered bool   // an operation of the log's holds committer.mu; guarded by it
	dirty   bool   // on the list; this and what follows guarded by committer.dirty
	since   uint64 // generation of the first entry that is not synced elsewhere
	again   uint64 // of the first one since its sync has begun, 0 none
	chore   bool
}

// newCommitter makes the commit log of a directory; nil if it has none. after is the highest generation
// found.
func newCommitter(d *disk, p *dirPoints, o *DirOptions, m *metaProperties, after uint64) *committer {
	if o.CommitLogBytes < 0 {
		return nil
	}
	fileBytes := max(o.CommitLogBytes/commitFiles/commitlog.BlockSize, 2) * commitlog.BlockSize
	files := int(max(o.CommitLogBytes/fileBytes, 2))
	c := &committer{disk: d, points: p, maxDirty: o.MaxOpenFiles, steps: uint64(max(files/2, 1))}
	c.w = commitlog.NewWriter(commitlog.Options{FS: d.fs, Dir: d.path, Directory: m.directory, FileBytes: fileBytes, MaxFiles: files, After: after})
	c.bulk = min(commitBulkBytes, int64(c.w.Capacity()-commitlog.EntryHeader))
	c.swept.Store(after)
	return c
}

// prepareLocked makes a file if there is none or the present one is all but full, unless somebody is at it or there is no
// room on the disk. Mostly it has been made ahead. Called with mu held.
func (c *committer) prepareLocked() error {
	if !c.w.Short() || c.w.Left() > c.bulk+commitlog.EntryHeader || c.making.Load() || c.disk.space.full.Load() && !c.w.Empty() {
		return nil
	}
	c.busy.begin()
	err := c.w.Prepare()
	c.busy.end()
	return c.madeOf(err)
}

// madeOf takes the outcome of making a file: lack of room or of descriptors is no failure, the ring goes on with what it has.
func (c *committer) madeOf(err error) error {
	switch {
	case err == nil, errors.Is(err, commitlog.ErrFull), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return nil
	case errors.Is(err, syscall.ENOSPC):
		c.disk.ranOut()
		return nil
	}
	return c.disk.fail(err)
}

// commitLocked makes what was gathered durable. Errors: errCommitFull: nothing was, and it has to be made
// durable otherwise; ErrOffline. Called with mu held.
func (c *committer) commitLocked() error {
	c.busy.begin()
	err := c.w.Commit()
	c.busy.end()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, commitlog.ErrFull):
		return fmt.Errorf("%w: %w", errCommitFull, err)
	}
	return c.disk.fail(err)
}

// controlLocked makes an entry durable that is not an append, if the ring has anything that it could concern. Errors:
// errCommitFull, ErrOffline. Called with mu held.
func (c *committer) controlLocked(kind commitlog.Kind, id commitlog.Log, l *Log, base int64) error {
	if c.w.Empty() || kind != commitlog.Start && l != nil && l.commit.last < c.w.Oldest() {
		return nil
	}
	if plantedNoTruncateEntry && kind == commitlog.Truncate || plantedNoDeleteEntry && kind == commitlog.Delete || plantedNoStartEntry && kind == commitlog.Start {
		return nil
	}
	if err := c.prepareLocked(); err != nil {
		return err
	}
	if c.w.Room() < commitlog.EntryHeader {
		return errCommitFull
	}
	if c.starts > 0 && (kind == commitlog.Delete || kind == commitlog.Reset) && !plantedStartForgotten {
		// What it makes void goes with a log start that is in no file yet; a crash may still leave the log as it was.
		if err := c.points.writeStart(); err != nil {
			return c.disk.noRoom(err)
		}
		c.starts = 0
	}
	e := commitlog.Entry{Kind: kind, Log: id, Epoch: -1, Base: base, Next: base}
	if l != nil {
		e.Epoch = l.epochs.latest()
	}
	c.w.Add(e, 0)
	if err := c.commitLocked(); err != nil {
		return err
	}
	if l != nil {
		l.commit.last = c.w.Generation()
	}
	return nil
}

// startLocked is controlLocked for a log start. noted says that the entry is all that there needs to be until
// the next sweep; without it the checkpoint file must be written now.
func (c *committer) startLocked(l *Log, start int64) (noted bool, err error) {
	if c.w.Empty() {
		return false, nil
	}
	err = c.controlLocked(commitlog.Start, l.commitID(), l, start)
	if errors.Is(err, errCommitFull) {
		return false, nil
	}
	if err == nil && c.starts == 0 {
		c.starts = c.w.Generation()
	}
	return err == nil, err
}

// owe notes that the log has bytes in the commit log, from generation g on, that are not synced elsewhere.
func (c *committer) owe(l *Log, g uint64) {
	c.dirty.Lock()
	defer c.dirty.Unlock()
	s := &l.commit
	switch {
	case !s.dirty:
		s.dirty, s.since, s.again = true, g, 0
		c.dirty.logs = append(c.dirty.logs, l)
		c.dirty.n.Add(1)
	case s.again == 0:
		s.again = g
	}
}

// chore notes that the log has sealed segments that are not synced.
func (c *committer) chore(l *Log) {
	c.dirty.Lock()
	if !l.commit.chore {
		l.commit.chore = true
		c.dirty.chores = append(c.dirty.chores, l)
	}
	c.dirty.Unlock()
}

// takeChore is the next log with sealed segments; nil if none.
func (c *committer) takeChore() *Log {
	c.dirty.Lock()
	defer c.dirty.Unlock()
	n := len(c.dirty.chores)
	if n == 0 {
		return nil
	}
	l := c.dirty.chores[n-1]
	c.dirty.chores[n-1] = nil
	c.dirty.chores = c.dirty.chores[:n-1]
	l.commit.chore = false
	return l
}

// first is the log that is dirty for longest; what it gets from now on is noted apart. nil: none is.
func (c *committer) first() *Log {
	c.dirty.Lock()
	defer c.dirty.Unlock()
	if c.dirty.next == len(c.dirty.logs) {
		return nil
	}
	l := c.dirty.logs[c.dirty.next]
	l.commit.again = 0
	return l
}

// clean takes the first log, which was synced, off the list, or to its end if it has got more since.
func (c *committer) clean() {
	c.dirty.Lock()
	defer c.dirty.Unlock()
	q := &c.dirty
	l := q.logs[q.next]
	q.logs[q.next] = nil
	q.next++
	if 2*q.next >= len(q.logs) {
		n := copy(q.logs, q.logs[q.next:])
		clear(q.logs[n:])
		q.logs, q.next = q.logs[:n], 0
	}
	if s := &l.commit; s.again > 0 {
		s.since, s.again = s.again, 0
		q.logs = append(q.logs, l)
		return
	}
	l.commit.dirty = false
	q.n.Add(-1)
}

// freeLocked lets the ring use the files again that nothing depends on. Called with mu held.
func (c *committer) freeLocked() {
	g := c.w.Generation() + 1
	c.dirty.Lock()
	if c.dirty.next < len(c.dirty.logs) && !plantedEarlyFree {
		g = c.dirty.logs[c.dirty.next].commit.since
	}
	c.dirty.Unlock()
	if c.starts > 0 {
		g = min(g, c.starts)
	}
	c.w.Free(g)
}

// due says whether it is time for a sweep.
func (c *committer) due() bool {
	if c.owing.Load() || c.dirty.n.Load() > int64(c.maxDirty) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.w.Generation() >= c.swept.Load()+c.steps
}

// shortLocked says whether a file should be made ahead. Called with mu held.
func (c *committer) shortLocked() bool {
	return c.w.Short() && !c.w.Empty() && c.w.Left() < int64(c.w.Capacity()/2) && !c.disk.space.full.Load()
}
