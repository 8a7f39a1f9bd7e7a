package storage

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
)

// SweepOnce does one step of what the syncer leaves for later: it syncs the sealed segments of one log, or, if
// it is time, all segments with bytes that are durable in the commit log only, and writes the checkpoints; or it makes the
// next file of the ring. It reports whether there was anything to do. Start calls it from a goroutine;
// without that SyncOnce does.
func (d *Dir) SweepOnce() bool {
	c := d.commit
	if c == nil || d.disk.err() != nil {
		return false
	}
	if l := c.takeChore(); l != nil {
		d.syncSealed(l)
		return true
	}
	if c.due() {
		d.sweep()
		return true
	}
	return c.makeAhead()
}

// syncSealed syncs what a log has in sealed segments, and writes their index files.
func (d *Dir) syncSealed(l *Log) {
	r, err := l.syncFiles(false)
	d.queue.settle(r.bytes)
	if err != nil {
		return // ErrClosed, or the directory is offline
	}
	if end, rose := l.publishFlushed(r); rose {
		l.tellFlushed(end)
	}
}

// sweep syncs the segments of every log with bytes that are in the commit log only and
// frees the files that nothing depends on any more (durability 4). Recovery points, and the index files that they need, are
// written only if that is due: they cost more than the syncs.
func (d *Dir) sweep() {
	c := d.commit
	c.sweeping.Lock()
	defer c.sweeping.Unlock()
	c.mu.Lock()
	c.swept.Store(c.w.Generation())
	starts := c.starts
	c.starts = 0 // what comes from now on
	c.mu.Unlock()
	checkpoint := c.owing.Swap(false)
	if plantedEarlyFree {
		c.mu.Lock()
		c.freeLocked()
		c.mu.Unlock()
	}
	for n := c.dirty.n.Load(); n > 0; n-- {
		l := c.first()
		if l == nil {
			break
		}
		if _, err := l.Sync(); err != nil && !errors.Is(err, ErrClosed) { // a closed log was synced
			return
		}
		c.clean()
	}
	var err error
	if checkpoint {
		err = d.Checkpoint()
	} else if starts > 0 {
		if err = d.points.writeStart(); err != nil {
			err = d.disk.noRoom(err)
		}
	}
	if err != nil {
		c.mu.Lock()
		if starts > 0 {
			c.starts = starts
		}
		c.mu.Unlock()
		d.disk.lg.Error("cannot write the checkpoints", "dir", d.path, "error", err)
		if d.disk.err() != nil {
			return
		}
	}
	c.mu.Lock()
	c.freeLocked()
	c.mu.Unlock()
}

// makeAhead makes the next file of the ring before it is needed, without keeping rounds waiting.
func (c *committer) makeAhead() bool {
	c.mu.Lock()
	var s *commitlog.Spare
	if c.shortLocked() {
		s = c.w.Spare()
	}
	c.making.Store(s != nil)
	c.mu.Unlock()
	if s == nil {
		return false
	}
	end := c.disk.ops.begin()
	err := s.Make()
	end()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.w.Take(s)
	}
	c.making.Store(false)
	c.madeOf(err)
	return err == nil
}

// errAgain is returned inside the package by what is to be tried again.
var errAgain = errors.New("try again")

// errNoCommitRoom is returned for what the commit log must be told of and has no room for, also after a sweep: the
// checkpoints cannot be written. Nothing has changed, and it may be tried again.
var errNoCommitRoom = fmt.Errorf("%w: commit log is full: %w", errNoRoom, syscall.ENOSPC)

// roomFor turns the lack of room for an entry into errAgain, after there is some; other errors stay.
func (d *Dir) roomFor(err error) error {
	if !errors.Is(err, errCommitFull) {
		return err
	}
	if err := d.makeRoom(); err != nil {
		return err
	}
	return errAgain
}

// makeRoom sweeps so that there is room for an entry. Errors: ErrOffline; errNoRoom (wrapped) if
// there is none all the same.
func (d *Dir) makeRoom() error {
	d.sweep()
	if err := d.disk.err(); err != nil {
		return err
	}
	c := d.commit
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.prepareLocked(); err != nil {
		return err
	}
	if c.w.Room() < commitlog.EntryHeader {
		return errNoCommitRoom
	}
	return nil
}
