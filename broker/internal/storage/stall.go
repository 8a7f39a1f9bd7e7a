package storage

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// ErrStalled is returned for what would write to a data directory whose disk has not answered an
// earlier operation for DirOptions.StalledAfter (S-13). It passes by itself when the disk answers.
var ErrStalled = errors.New("data directory does not answer")

// Condition is how a data directory is.
type Condition uint8

const (
	// Healthy is a directory that takes everything.
	Healthy Condition = iota
	// Stalled is one whose disk does not answer: reads go on, nothing is written.
	Stalled
	// Offline is one that has failed, for good.
	Offline
)

// watch tells whether an operation on the disk is running: it counts beginnings and ends, so it is
// odd while one is. One operation at a time.
type watch struct{ n atomic.Uint64 }

func (w *watch) begin() { w.n.Add(1) }
func (w *watch) end()   { w.n.Add(1) }

// watches are those of operations that belong to no log in particular or are rare: opening,
// removing, truncating, checkpoints.
type watches struct {
	mu   sync.Mutex
	busy map[*watch]struct{}
}

// begin notes an operation; the caller calls the function when it is over.
func (w *watches) begin() (end func()) {
	one := new(watch)
	one.begin()
	w.mu.Lock()
	if w.busy == nil {
		w.busy = map[*watch]struct{}{}
	}
	w.busy[one] = struct{}{}
	w.mu.Unlock()
	return func() {
		w.mu.Lock()
		delete(w.busy, one)
		w.mu.Unlock()
	}
}

// each calls f for every operation that is running.
func (w *watches) each(f func(*watch)) {
	w.mu.Lock()
	busy := maps.Clone(w.busy)
	w.mu.Unlock()
	for one := range busy { // order-free: callers take the oldest of all
		f(one)
	}
}

// sighting is when an operation was seen running for the first time.
type sighting struct {
	n     uint64
	since time.Time
}

// Attend lets Watch see a log outside the directory's care that lies on the same disk: the
// metadata log. Call it before the first Watch.
func (d *Dir) Attend(l *Log) { d.guests = append(d.guests, l) }

// Stalled is for how long the oldest operation of the directory that is running now has been
// seen running by earlier calls; 0 if none has. It reads no clock and waits for no disk. One call at a time.
func (d *Dir) Stalled(now time.Time) time.Duration {
	oldest := time.Duration(0)
	seen := make(map[*watch]sighting, len(d.seen))
	look := func(w *watch) {
		n := w.n.Load()
		if n%2 == 0 {
			return
		}
		s := d.seen[w]
		if s.n != n {
			s = sighting{n, now}
		}
		seen[w] = s
		oldest = max(oldest, now.Sub(s.since))
	}
	for _, l := range append(d.Logs(), d.guests...) {
		look(&l.writing)
		look(&l.syncing)
		l.disk.ops.each(look)
	}
	d.disk.ops.each(look)
	if d.commit != nil {
		look(&d.commit.busy)
	}
	d.seen = seen
	return oldest
}

// Watch looks whether the disk answers, and acts on it (S-13): after DirOptions.StalledAfter
// everything that would write is refused with ErrStalled, those who wait for a flush are told, and
// that ends when the operation does; after DirOptions.OfflineAfter the directory goes offline
// for good. The owner calls it every second or two, one call at a time. It waits for no disk, and calls the observers.
func (d *Dir) Watch(now time.Time) Condition {
	age := d.Stalled(now)
	if age >= d.opts.OfflineAfter && d.disk.err() == nil && !plantedPatient {
		d.disk.lg.Error("the disk does not answer, giving the data directory up", "dir", d.path, "for", age)
		d.disk.giveUp(fmt.Errorf("an operation has not ended for %v", age))
	}
	if d.disk.err() != nil {
		if d.queue.untold() {
			d.tellFailed()
		}
		return Offline
	}
	stalled := age >= d.opts.StalledAfter && !plantedNoStall
	if was := d.disk.stalled.Swap(stalled); was != stalled {
		d.disk.lg.Warn("data directory and its disk", "dir", d.path, "answers", !stalled, "for", age)
	} else if !was {
		return Healthy
	}
	d.queue.stall(stalled)
	for _, l := range d.Logs() {
		if l.obs != nil {
			l.obs.Stalled(stalled) // also again, for those who have begun to wait since
		}
	}
	if stalled {
		return Stalled
	}
	return Healthy
}

// Answers is false while Watch knows the disk not to answer.
func (d *Dir) Answers() bool { return !d.disk.stalled.Load() }

// giveUp takes the directory offline because an operation does not end. It does no I/O; word of
// it is left in the directory (see fail) if the operation ends after all.
func (d *disk) giveUp(cause error) {
	err := fmt.Errorf("%w: %w", ErrOffline, cause)
	if d.failed.CompareAndSwap(nil, &err) {
		d.hung.Store(true)
		if d.onFail != nil {
			d.onFail()
		}
	}
}

// refuseStalled is ErrStalled while the directory is stalled. Whoever would write asks before taking a lock
// that the operation that hangs may hold.
func (d *disk) refuseStalled() error {
	switch {
	case d.hung.Load():
		return d.err()
	case d.stalled.Load():
		return ErrStalled
	}
	return nil
}
