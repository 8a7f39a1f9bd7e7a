package replica

import (
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// removeLocked removes a deleted topic: nobody finds it any more, and whoever waits for it is told. Then the logs go, at
// once or by Sweep. Answers that are being sent keep what they have pinned.
func (m *Manager) removeLocked(d metadata.TopicDelta) {
	partitions := m.ByID(d.ID())
	m.table.put(d.Name(), d.ID(), nil)
	for _, p := range partitions {
		if p == nil {
			continue
		}
		p.delete()
		served := p.counters.load()
		m.mu.deleted.Add(&served)
		switch {
		case plantedKeepDeleted:
		case m.doom == nil:
			m.removeLogLocked(p)
		default:
			m.mu.doomed = append(m.mu.doomed, p)
		}
	}
	if len(m.mu.doomed) > 0 {
		m.doom()
	}
	m.mu.homes[d.ID()] = slices.DeleteFunc(m.mu.homes[d.ID()], func(h home) bool { return pick(partitions, h.id.Partition) != nil })
	m.sweepLocked(d.ID())
}

// Sweep removes one log of a deleted topic and reports whether more wait. It flushes and unlinks files: some
// milliseconds, in which Publish waits. What is not swept before the process ends is removed at the next start, which
// replays the deletion.
func (m *Manager) Sweep() (more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.mu.doomed) == 0 {
		return false
	}
	p := m.mu.doomed[0]
	m.mu.doomed[0] = nil
	m.mu.doomed = m.mu.doomed[1:]
	m.removeLogLocked(p)
	return len(m.mu.doomed) > 0
}

// makeRoomLocked removes a doomed log that has the name of one that is to be opened, so that a topic can be created
// again at once.
func (m *Manager) makeRoomLocked(id kafka.TopicIDPartition) {
	i := slices.IndexFunc(m.mu.doomed, func(p *Partition) bool { return p.id.TopicPartition() == id.TopicPartition() })
	if i >= 0 && !plantedNoRoom {
		m.removeLogLocked(m.mu.doomed[i])
		m.mu.doomed = slices.Delete(m.mu.doomed, i, i+1)
	}
}

// delete ends the partition: appends that are under way finish first.
func (p *Partition) delete() {
	err := ErrDeleted
	p.offline.Store(&err)
	p.setRole(&metadata.Partition{Leader: kafka.NoBroker, LeaderEpoch: kafka.NoLeaderEpoch})
	p.watermark.Kick() // also those who wait for a partition that nobody led
}

// removeLogLocked closes and removes a partition's log. What a failing directory keeps is removed at the next start,
// which replays the deletion.
func (m *Manager) removeLogLocked(p *Partition) {
	if p.log != nil {
		m.mu.count[p.dir]--
		if err := p.log.Close(); err != nil {
			m.lg.Error("cannot close the log of a deleted topic", "topic", p.id.Topic, "partition", p.id.Partition, "dir", p.dir.Path(), "err", err)
			return
		}
	}
	if err := p.dir.RemoveLog(p.id); err != nil {
		m.lg.Error("cannot remove the log of a deleted topic", "topic", p.id.Topic, "partition", p.id.Partition, "dir", p.dir.Path(), "err", err)
	}
}

// sweepLocked removes what was found at start of a topic that the log says was deleted (C-21): logs of a deletion that
// the last run did not finish. Only a deletion in the log leads here; what is merely unknown is left
// alone.
func (m *Manager) sweepLocked(id kafka.TopicID) {
	for _, h := range m.mu.homes[id] {
		if err := h.dir.RemoveLog(h.id); err != nil {
			m.lg.Error("cannot remove the log of a deleted topic", "topic", h.id.Topic, "partition", h.id.Partition, "dir", h.dir.Path(), "err", err)
		}
	}
	delete(m.mu.homes, id)
}
