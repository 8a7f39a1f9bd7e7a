package replica

import (
	"errors"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
)

// retentionBatch bounds how many logs one step of retention looks at: their log starts are made durable together.
const retentionBatch = 64

// Retention is one pass of retention over the partitions of a directory, in steps: segments that are old enough are rolled,
// those that are not to be kept any more are deleted, and nothing at or above a high watermark is. Every replica does it
// for itself. Used by one goroutine at a time.
type Retention struct {
	m    *Manager
	dir  *storage.Dir
	todo []*Partition
}

// BeginRetention begins a pass over the partitions whose logs are open in a directory now.
func (m *Manager) BeginRetention(d *storage.Dir) *Retention {
	r := &Retention{m: m, dir: d}
	for _, p := range m.table.all() {
		if at := p.place.Load(); at.dir == d && at.log != nil {
			r.todo = append(r.todo, p)
		}
	}
	return r
}

// Step does some of the partitions and reports whether there are more. It waits for the disk, with no lock that others
// want for longer than an append.
func (r *Retention) Step(now time.Time) (more bool) {
	if r.dir.Err() != nil {
		r.todo = nil
	}
	n := min(len(r.todo), retentionBatch)
	logs := make([]storage.Retainable, 0, n)
	for _, p := range r.todo[:n] {
		at := p.place.Load()
		if p.Err() != nil || at.dir != r.dir { // it has moved
			continue
		}
		if _, err := at.log.RollAged(now.UnixMilli()); err != nil {
			r.tell("cannot roll a segment", err, "topic", p.id.Topic, "partition", p.id.Partition)
			continue
		}
		logs = append(logs, storage.Retainable{Log: at.log, HighWatermark: p.retainable()})
	}
	r.todo = r.todo[n:]
	_, err := r.dir.Retain(now.UnixMilli(), logs)
	if err != nil {
		r.tell("retention could not delete everything", err)
	}
	return len(r.todo) > 0
}

// tell tells of an error, unless it is that of a log that has just been deleted or of a disk that does not answer, of which others
// tell.
func (r *Retention) tell(what string, err error, more ...any) {
	if !errors.Is(err, storage.ErrClosed) && !errors.Is(err, storage.ErrStalled) {
		r.m.lg.Error(what, append(more, "dir", r.dir.Path(), "err", err)...)
	}
}

// retainable is the offset below which retention may delete.
func (p *Partition) retainable() int64 {
	if plantedRetainUncommitted {
		return p.log().LogEndOffset()
	}
	return p.HighWatermark()
}
