package replica

import (
	"cmp"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// removeLocked removes a deleted topic: nobody finds it any more, and whoever waits for it is told, the last of them by
// the caller. Then the logs go, at once or by Sweep. Answers that are being sent keep what they have pinned.
func (m *Manager) removeLocked(d metadata.TopicDelta) (done []func()) {
	partitions := m.ByID(d.ID())
	m.table.put(d.Name(), d.ID(), nil)
	for _, p := range partitions {
		if p == nil {
			continue
		}
		p.delete()
		m.callOffLocked(p)
		served := p.counters.load()
		m.mu.deleted.Add(&served)
		m.mu.count[p.dir()]--
		if o := m.mu.openings[p.id]; o != nil {
			delete(m.mu.openings, p.id)
			if o.busy {
				continue // whoever opens it finds out
			}
			m.mu.waiting[o.dir] = slices.DeleteFunc(m.mu.waiting[o.dir], func(w *opening) bool { return w == o })
			done = append(done, o.tellLocked()...)
		}
		if !plantedKeepDeleted {
			m.doomLocked(p)
		}
	}
	m.mu.homes[d.ID()] = slices.DeleteFunc(m.mu.homes[d.ID()], func(h home) bool { return pick(partitions, h.id.Partition) != nil })
	m.sweepLocked(d.ID())
	return done
}

// doomLocked removes a deleted partition's log, or has it removed by Sweep.
func (m *Manager) doomLocked(p *Partition) {
	if m.doom == nil {
		m.removeLog(p)
		return
	}
	m.mu.doomed = append(m.mu.doomed, p)
	m.doom(p.dir())
}

// Sweep removes one log of a deleted topic from a directory and reports whether more may wait. It renames: some
// milliseconds, in which nobody waits; the files are for storage.Dir.Unlink. What is not swept before the process ends is
// removed at the next start, which replays the deletion.
func (m *Manager) Sweep(d *storage.Dir) (more bool) {
	m.mu.Lock()
	p := m.doomedLocked(func(p *Partition) bool { return p.dir() == d && !m.mu.busy[p.id.TopicPartition()] })
	if p == nil {
		m.mu.Unlock()
		return false
	}
	name := p.id.TopicPartition()
	m.mu.busy[name] = true
	m.mu.Unlock()
	m.removeLog(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.mu.busy, name)
	m.openAllLocked() // one of the same name may wait
	return len(m.mu.doomed) > 0
}

// doomedLocked takes the first doomed log that is such, or returns nil.
func (m *Manager) doomedLocked(such func(*Partition) bool) *Partition {
	i := slices.IndexFunc(m.mu.doomed, such)
	if i < 0 {
		return nil
	}
	p := m.mu.doomed[i]
	if i == 0 {
		m.mu.doomed[0] = nil
		m.mu.doomed = m.mu.doomed[1:]
	} else {
		m.mu.doomed = slices.Delete(m.mu.doomed, i, i+1)
	}
	return p
}

// inTheWayLocked takes a doomed log that has the name of one that is to be opened, so that a topic can be created
// again at once.
func (m *Manager) inTheWayLocked(id kafka.TopicIDPartition) *Partition {
	return m.doomedLocked(func(p *Partition) bool {
		return p.id.TopicPartition() == id.TopicPartition() && !plantedNoRoom
	})
}

// delete ends the partition: appends that are under way finish first.
func (p *Partition) delete() {
	err := ErrDeleted
	p.offline.Store(&err)
	p.setRole(&metadata.Partition{Leader: kafka.NoBroker, LeaderEpoch: kafka.NoLeaderEpoch})
	p.watermark.Kick() // also those who wait for a partition that nobody led
}

// removeLog closes and removes a partition's log. What a failing directory keeps is removed at the next start,
// which replays the deletion.
func (m *Manager) removeLog(p *Partition) {
	if p.log() != nil {
		if err := p.log().Discard(); err != nil {
			m.lg.Error("cannot close the log of a deleted topic", "topic", p.id.Topic, "partition", p.id.Partition, "dir", p.dir().Path(), "err", err)
			return
		}
	}
	if err := p.dir().RemoveLog(p.id, p.config.Load().FileDeleteDelayMs); err != nil {
		m.lg.Error("cannot remove the log of a deleted topic", "topic", p.id.Topic, "partition", p.id.Partition, "dir", p.dir().Path(), "err", err)
	}
}

// sweepLocked removes what was found at start of a topic that the log says was deleted (C-21): logs of a deletion that
// the last run did not finish. Only a deletion in the log leads here; what is merely unknown is left
// alone.
func (m *Manager) sweepLocked(id kafka.TopicID) {
	for _, h := range m.mu.homes[id] {
		if err := h.dir.RemoveLog(h.id, 0); err != nil {
			m.lg.Error("cannot remove the log of a deleted topic", "topic", h.id.Topic, "partition", h.id.Partition, "dir", h.dir.Path(), "err", err)
		}
	}
	delete(m.mu.homes, id)
}

// parkLocked takes aside what was found at start and what the metadata, replayed up to where this start began, does not know
// or gives to other brokers (C-21): Kafka's stray logs. It is kept, since the metadata may be what is wrong.
func (m *Manager) parkLocked() {
	var strays []home
	for id, homes := range m.mu.homes { // order-free: sorted below
		if !slices.ContainsFunc(homes, func(h home) bool { return !m.belongsLocked(h.id) }) {
			continue
		}
		for _, h := range homes {
			if !m.belongsLocked(h.id) {
				strays = append(strays, h)
			}
		}
		m.mu.homes[id] = slices.DeleteFunc(homes, func(h home) bool { return !m.belongsLocked(h.id) })
	}
	slices.SortFunc(strays, func(a, b home) int {
		return cmp.Or(cmp.Compare(a.id.Topic, b.id.Topic), cmp.Compare(a.id.Partition, b.id.Partition), cmp.Compare(a.dir.Path(), b.dir.Path()))
	})
	for _, h := range strays {
		lg := m.lg.With("topic", h.id.Topic, "partition", h.id.Partition, "topic_id", h.id.ID, "dir", h.dir.Path())
		if plantedRemoveStray {
			_ = h.dir.RemoveLog(h.id, 0)
			continue
		}
		if err := h.dir.Park(h.id); err != nil {
			lg.Error("cannot take a stray log aside", "err", err)
			continue
		}
		lg.Warn("a stray log, which the metadata does not know or gives to other brokers, has been taken aside and is kept")
	}
}

// belongsLocked reports whether the metadata gives a partition to this broker.
func (m *Manager) belongsLocked(id kafka.TopicIDPartition) bool {
	if m.mu.image == nil {
		return true
	}
	t := m.mu.image.TopicByID(id.ID)
	return t != nil && t.Name == id.Topic && int(id.Partition) < len(t.Partitions) && t.Partitions[id.Partition].IsReplica(m.self)
}
