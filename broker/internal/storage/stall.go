package storage

import (
	"sync/atomic"
	"time"
)

// watch tells whether an operation on the disk is running: it counts beginnings and ends, so it is
// odd while one is. One operation at a time.
type watch struct{ n atomic.Uint64 }

func (w *watch) begin() { w.n.Add(1) }
func (w *watch) end()   { w.n.Add(1) }

// sighting is when an operation was seen running for the first time.
type sighting struct {
	n     uint64
	since time.Time
}

// Stalled is for how long the oldest append or sync of the directory that is running now has been
// seen running by earlier calls; 0 if none has. The owner calls it every second or so: at 10 s it
// gives leadership away, at 30 s the directory up (S-13). It reads no clock and waits for no disk.
// One call at a time.
func (d *Dir) Stalled(now time.Time) time.Duration {
	oldest := time.Duration(0)
	seen := make(map[*watch]sighting, len(d.seen))
	for _, l := range d.Logs() {
		for _, w := range [...]*watch{&l.writing, &l.syncing} {
			n := w.n.Load()
			if n%2 == 0 {
				continue
			}
			s := d.seen[w]
			if s.n != n {
				s = sighting{n, now}
			}
			seen[w] = s
			oldest = max(oldest, now.Sub(s.since))
		}
	}
	d.seen = seen
	return oldest
}
