package replica

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// opening is a partition whose log is not open yet. Until it is, a Partition without a log stands in:
// it leads nothing, and clients are told to try again (SURFACE 36). Guarded by Manager.mu but for what
// Open does with it alone.
type opening struct {
	standIn *Partition
	role    *metadata.Partition // as last published
	dir     *storage.Dir
	before  *Partition // of a deleted topic, whose log has the same name and goes first
	busy    bool       // in Open
	starved bool       // waits for Retry
	waiters []*waiter
}

// waiter waits for some openings to end, well or badly.
type waiter struct {
	left int
	done func()
}

// openLocked lets a stand-in take the place of a partition until its log is open.
func (m *Manager) openLocked(id kafka.TopicIDPartition, cfg *metadata.TopicConfig) *Partition {
	p := newPartition(id, m.self, cfg)
	p.place.Store(&place{dir: m.homeLocked(id)})
	m.mu.count[p.dir()]++
	if err := m.missingLocked(id); err != nil {
		m.lg.Error("cannot open log", "topic", id.Topic, "partition", id.Partition, "err", err)
		p.Failed(err)
		return p
	}
	o := &opening{standIn: p, dir: p.dir()}
	m.mu.openings[id] = o
	m.mu.waiting[p.dir()] = append(m.mu.waiting[p.dir()], o)
	return p
}

// missingLocked refuses a new, empty log to a partition that may lie in a directory that is not there (S-17).
func (m *Manager) missingLocked(id kafka.TopicIDPartition) error {
	if len(m.lost) == 0 || m.mu.settled || plantedEmptyForLost {
		return nil
	}
	for _, h := range m.mu.homes[id.ID] {
		if h.id.Partition == id.Partition {
			return nil
		}
	}
	return fmt.Errorf("%w: it is in none of the directories that are there, and may be in %s: %w", ErrOffline, m.lost[0].Path, m.lost[0].Err)
}

// Settle tells that everything that was published so far was there before this start: what comes from now
// on and is in no directory is new, and gets an empty log; what is in a directory and was not published is a stray, and is taken aside.
// It may rename directories.
func (m *Manager) Settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.settled = true
	m.parkLocked()
}

// openAllLocked opens what waits, at once, or has it opened.
func (m *Manager) openAllLocked() {
	for _, d := range m.dirs {
		switch {
		case len(m.mu.waiting[d]) == 0:
		case m.opening != nil:
			m.opening(d)
		default:
			for o := m.takeLocked(d); o != nil; o = m.takeLocked(d) {
				p, err := m.open(o)
				m.openedLocked(o, p, err)
			}
		}
	}
}

// Open opens one log that waits to be opened in a directory, and reports whether more wait. It may do
// much I/O, in which nobody waits but who asks for that partition. It may be called on several goroutines at once.
func (m *Manager) Open(d *storage.Dir) (more bool) {
	m.mu.Lock()
	o := m.takeLocked(d)
	m.mu.Unlock()
	if o == nil {
		return false
	}
	p, err := m.open(o)
	m.mu.Lock()
	done := m.openedLocked(o, p, err)
	more = len(m.mu.waiting[d]) > 0
	m.mu.Unlock()
	for _, f := range done {
		f()
	}
	return more
}

// takeLocked takes the first opening that nothing of the same name is in the way of.
func (m *Manager) takeLocked(d *storage.Dir) *opening {
	queue := m.mu.waiting[d]
	i := slices.IndexFunc(queue, func(o *opening) bool { return !m.mu.busy[o.standIn.id.TopicPartition()] })
	if i < 0 {
		return nil
	}
	o := queue[i]
	if i == 0 {
		queue[0] = nil
		m.mu.waiting[d] = queue[1:]
	} else {
		m.mu.waiting[d] = slices.Delete(queue, i, i+1)
	}
	o.busy = true
	m.mu.busy[o.standIn.id.TopicPartition()] = true
	o.before = m.inTheWayLocked(o.standIn.id)
	return o
}

// open makes the partition of an opening. On error it has no log.
func (m *Manager) open(o *opening) (*Partition, error) {
	if o.before != nil {
		m.removeLog(o.before)
	}
	in := o.standIn
	p := newPartition(in.id, m.self, in.config.Load())
	log, err := o.dir.OpenLog(in.id, logConfig(p.config.Load()), p)
	if err != nil {
		return nil, err
	}
	if kafka.IsInternalTopic(in.id.Topic) {
		_ = log.Establish() // whoever writes for the broker serves others, too; if it cannot be, the append says so
	}
	p.place.Store(&place{o.dir, log})
	return p, nil
}

// openedLocked ends an opening and returns whom to tell. A log that cannot be opened makes an offline partition,
// which answers KAFKA_STORAGE_ERROR while the others serve (durability 7); one that found no room, or
// no answer from the disk, is tried again by Retry (S-11, S-13).
func (m *Manager) openedLocked(o *opening, p *Partition, err error) (done []func()) {
	in := o.standIn
	id := in.id
	o.busy = false
	delete(m.mu.busy, id.TopicPartition())
	if len(m.mu.waiting[o.dir]) > 0 && m.opening != nil {
		m.opening(o.dir) // one of the same name may wait for this one
	}
	if len(m.mu.doomed) > 0 && m.doom != nil {
		m.doom(o.dir) // likewise
	}
	done = o.tellLocked()
	if m.mu.openings[id] != o { // its topic was deleted meanwhile
		if p == nil {
			p = in
		}
		m.doomLocked(p)
		return done
	}
	if err != nil {
		m.lg.Error("cannot open log", "topic", id.Topic, "partition", id.Partition, "dir", o.dir.Path(), "err", err)
		in.Failed(fmt.Errorf("open log: %w", err))
		o.starved = o.dir.Err() == nil && passing(err)
		if !o.starved {
			delete(m.mu.openings, id)
		}
		return done
	}
	delete(m.mu.openings, id)
	cfg := in.config.Load()
	p.config.Store(cfg)
	p.log().SetConfig(logConfig(cfg)) // it may have changed meanwhile
	p.counters.add(in.counters.load())
	p.setRole(o.role)
	next := slices.Clone(m.ByID(id.ID))
	next[id.Partition] = p
	m.table.put(id.Topic, id.ID, next)
	in.watermark.Kick()
	m.resumeLocked(p)
	m.placedLocked(p)
	return done
}

// passing is true for errors of opening that go away without a restart.
func passing(err error) bool {
	return (errors.Is(err, syscall.ENOSPC) || errors.Is(err, storage.ErrStalled) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) && !plantedNoSecondOpening
}

// tellLocked takes the functions whose last opening this is.
func (o *opening) tellLocked() (done []func()) {
	for _, w := range o.waiters {
		if w.left--; w.left == 0 {
			done = append(done, w.done)
		}
	}
	o.waiters = nil
	return done
}

// Retry tries to open the logs again that could not be opened for lack of room, or because the disk did not answer.
func (m *Manager) Retry() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.mu.openings { // order-free: they go to queues of a broker with real time
		if o.starved {
			o.starved = false
			m.mu.waiting[o.dir] = append(m.mu.waiting[o.dir], o)
		}
	}
	m.openAllLocked()
}

// Preparing reports whether this broker is named the leader of a partition in an epoch and cannot serve it yet, but will:
// the image that says so has not been published to the manager, or the log is being opened. It takes no lock.
func (m *Manager) Preparing(id kafka.TopicID, index int32, epoch kafka.LeaderEpoch) bool {
	p := pick(m.ByID(id), index)
	if p == nil {
		return true
	}
	r := p.role.Load()
	return p.Err() == nil && !(r.leading && r.epoch >= epoch)
}

// AfterOpening calls done, once, when the partitions of the topics that wait to be opened now have been tried,
// perhaps before it returns; without topics, all partitions. done must not block.
func (m *Manager) AfterOpening(done func(), topics ...string) {
	w := &waiter{done: done, left: 1}
	wait := func(o *opening) {
		if o != nil && !o.starved {
			w.left++
			o.waiters = append(o.waiters, w)
		}
	}
	m.mu.Lock()
	for _, topic := range topics {
		for _, p := range m.ByName([]byte(topic)) {
			if p != nil {
				wait(m.mu.openings[p.id])
			}
		}
	}
	if len(topics) == 0 {
		for _, o := range m.mu.openings { // order-free: it is counted
			wait(o)
		}
	}
	w.left--
	ready := w.left == 0
	m.mu.Unlock()
	if ready {
		done()
	}
}
