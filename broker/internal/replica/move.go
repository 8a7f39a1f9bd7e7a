package replica

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// moveChunk is how much of a log is copied at once; a larger batch is copied whole.
const moveChunk = 1 << 20

// move is a log on its way to another data directory: a copy of it follows it, as a follower does, and takes its place when it
// has caught up. All but ended is the mover's alone.
type move struct {
	p      *Partition
	to     *storage.Dir
	future atomic.Pointer[storage.Log] // nil: not begun
	ended  bool                        // called off; guarded by Manager.mu
	buf    []byte
}

// moveLocked begins the move of a partition, or calls one off that is under way, or both.
func (m *Manager) moveLocked(p *Partition, to *storage.Dir) {
	tp := p.id.TopicPartition()
	if old := m.mu.moves[tp]; old != nil {
		if old.to == to && old.p == p {
			return
		}
		old.ended = true
		delete(m.mu.moves, tp)
	}
	if p.dir() == to {
		return
	}
	x := &move{p: p, to: to}
	m.mu.moves[tp] = x
	m.mu.moving[to] = append(m.mu.moving[to], x)
	if m.toMove != nil {
		m.toMove(to)
	}
}

// callOffLocked ends the move of a partition that is going.
func (m *Manager) callOffLocked(p *Partition) {
	if x := m.mu.moves[p.id.TopicPartition()]; x != nil && x.p == p {
		x.ended = true
		delete(m.mu.moves, p.id.TopicPartition())
	}
}

// Move does a piece of what is to be moved into a directory: it copies some batches of the first log, about so many bytes and at
// most a MiB, and when those were fewer lets the copy take the log's place. It returns how much was copied and whether there
// is more to do. One call at a time for each directory. Appends to a partition wait only for the last piece of its copy; reads
// do not wait.
func (m *Manager) Move(to *storage.Dir, bytes int64, now time.Time) (copied int64, more bool) {
	m.mu.Lock()
	if len(m.mu.moving[to]) == 0 {
		m.mu.Unlock()
		return 0, false
	}
	x := m.mu.moving[to][0]
	ended := x.ended
	m.mu.Unlock()
	done, err := ended, error(nil)
	if !ended {
		copied, done, err = m.step(x, min(max(bytes, 1), moveChunk), now)
	}
	if !done && err == nil {
		return copied, true
	}
	id := x.p.id
	if f := x.future.Swap(nil); f != nil {
		err = errors.Join(err, to.DropFuture(f))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil && !x.ended {
		m.lg.Error("cannot move a log", "topic", id.Topic, "partition", id.Partition, "to", to.Path(), "err", err)
	}
	if m.mu.moves[id.TopicPartition()] == x {
		delete(m.mu.moves, id.TopicPartition())
	}
	m.mu.moving[to] = slices.DeleteFunc(m.mu.moving[to], func(y *move) bool { return y == x })
	return copied, len(m.mu.moving[to]) > 0
}

// step copies a piece, and when that is the last one, finishes.
func (m *Manager) step(x *move, bytes int64, now time.Time) (copied int64, done bool, err error) {
	if err := x.p.Err(); err != nil {
		return 0, false, err
	}
	if x.future.Load() == nil {
		if err := x.begin(); err != nil {
			return 0, false, err
		}
	}
	copied, err = x.copy(bytes, now)
	if err != nil || copied >= bytes {
		return copied, false, err
	}
	done, err = m.finish(x, now)
	return copied, done, err
}

// begin makes an empty copy that begins with the batch that holds the log start.
func (x *move) begin() error {
	start, err := x.firstBatch()
	if err != nil {
		return err
	}
	f, err := x.to.OpenFuture(x.p.id, logConfig(x.p.config.Load()), start)
	if err == nil {
		x.future.Store(f)
	}
	return err
}

// firstBatch is where the first batch of the log begins, at or before the log start.
func (x *move) firstBatch() (int64, error) {
	for {
		log := x.p.log()
		start := log.LogStartOffset()
		first, err := x.read(start, 1)
		switch {
		case errors.Is(err, storage.ErrOffsetOutOfRange): // it has risen meanwhile
			continue
		case err != nil:
			return 0, err
		case len(first) < batch.HeaderSize:
			return start, nil
		}
		return batch.Batch(first).BaseOffset(), nil
	}
}

// read reads whole batches of the log, valid until the next read.
func (x *move) read(from int64, max int32) ([]byte, error) {
	log := x.p.log()
	s, err := log.Read(from, max, log.LogEndOffset(), true)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	x.buf, err = s.AppendTo(x.buf[:0])
	return x.buf, err
}

// copy copies at most about n bytes.
func (x *move) copy(n int64, now time.Time) (copied int64, err error) {
	future := x.future.Load()
	for copied < n && err == nil {
		var batches []byte
		end, start := future.LogEndOffset(), x.p.log().LogStartOffset()
		batches, err = x.read(max(end, start), int32(min(n, moveChunk)))
		switch {
		case errors.Is(err, storage.ErrOffsetOutOfRange): // the log start has risen meanwhile
			err = nil
			continue
		case err != nil || len(batches) == 0:
			return copied, err
		}
		if first := batch.Batch(batches).BaseOffset(); end < start && first > end {
			// Retention, or DeleteRecords, was faster: the copy begins again, for it must not have a hole.
			if err = future.Reset(first); err != nil {
				return copied, err
			}
		}
		if _, err = future.AppendAsFollower(batches, now.UnixMilli()); err == nil {
			copied += int64(len(batches))
		}
	}
	return copied, err
}

// finish lets the copy take the log's place, with appends waiting. done also when the move was called off; without done and
// error it is to be tried again, because something else is done with the log.
func (m *Manager) finish(x *move, now time.Time) (done bool, err error) {
	if _, err := x.future.Load().Sync(); err != nil { // before anybody waits
		return false, err
	}
	name := x.p.id.TopicPartition()
	m.mu.Lock()
	ended := x.ended
	free := !ended && !m.mu.busy[name] && m.Partition(name.Topic, name.Partition) == x.p
	if free {
		m.mu.busy[name] = true
	}
	m.mu.Unlock()
	if !free {
		return ended, nil
	}
	from := x.p.dir()
	x.p.mu.Lock()
	err = m.swapLocked(x, now)
	x.p.appendedExclusively()
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.mu.busy, name)
	if x.p.dir() == x.to {
		m.mu.count[from]--
		m.mu.count[x.to]++
		for i, h := range m.mu.homes[x.p.id.ID] {
			if h.id.Partition == name.Partition {
				m.mu.homes[x.p.id.ID][i].dir = x.to
			}
		}
		m.placedLocked(x.p)
		m.lg.Info("a log has moved", "topic", name.Topic, "partition", name.Partition, "from", from.Path(), "to", x.to.Path())
	}
	m.openAllLocked() // one of the same name may wait
	for _, p := range m.mu.doomed {
		if m.doom != nil {
			m.doom(p.dir())
		}
	}
	return err == nil, err
}

// swapLocked is called with the partition's mu held.
func (m *Manager) swapLocked(x *move, now time.Time) error {
	p, old, future := x.p, x.p.log(), x.future.Load()
	if _, err := x.copy(1<<62, now); err != nil {
		return err
	}
	if _, err := old.Sync(); err != nil { // whoever waits for a flush of the old one is answered
		return err
	}
	p.advance()
	if err := future.SetLogStartOffset(old.LogStartOffset()); err != nil {
		return err
	}
	future.SetHighWatermarkHint(p.HighWatermark())
	if err := x.to.CompleteFuture(future, old, p.HighWatermark()); err != nil {
		return err
	}
	from := p.dir()
	// Until it is renamed away the old one counts, and to remove it makes void what the commit log says of it.
	if err := old.SavePoints(); err != nil {
		return err
	}
	if err := old.Discard(); err != nil { // it is flushed, and nothing else of it is needed
		return err
	}
	if err := from.RemoveLog(p.id, p.config.Load().FileDeleteDelayMs); err != nil {
		p.Failed(err) // it is closed; after the next start it is served again
		return err
	}
	x.future.Store(nil) // it is not to be thrown away any more
	err := x.to.AdoptFuture(future)
	var log *storage.Log
	if err == nil {
		log, err = x.to.OpenLog(p.id, logConfig(p.config.Load()), p)
	}
	if err != nil {
		err = fmt.Errorf("log moved to %s: %w", x.to.Path(), err)
		p.Failed(err)
		return err
	}
	p.place.Store(&place{x.to, log})
	log.SetConfig(logConfig(p.config.Load())) // it may have changed meanwhile, for the old one
	p.watermark.Kick()
	return nil
}

// appendedExclusively gives mu back and lets a role hold that came meanwhile.
func (p *Partition) appendedExclusively() {
	p.mu.Unlock()
	p.settle()
	p.advance()
}

// Future is a copy of a log on its way to a directory, and how many offsets it lacks.
type Future struct {
	Log *storage.Log
	Lag int64
}

// futuresLocked are the copies on their way to a directory that have been begun.
func (m *Manager) futuresLocked(to *storage.Dir) (out []Future) {
	for _, x := range m.mu.moving[to] {
		if f := x.future.Load(); f != nil && !x.ended {
			out = append(out, Future{f, max(0, x.p.log().LogEndOffset()-f.LogEndOffset())})
		}
	}
	return out
}

// resumeLocked begins a move again that the last run did not finish.
func (m *Manager) resumeLocked(p *Partition) {
	if to := m.mu.again[p.id]; to != nil {
		delete(m.mu.again, p.id)
		m.moveLocked(p, to)
	}
}
