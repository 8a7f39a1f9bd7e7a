package replica

import (
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// removeLocked removes a deleted topic: nobody finds it any more, whoever waits for it is told, then the logs go, so
// that a topic of the same name has room at once. Answers that are being sent keep what they
// have pinned.
func (m *Manager) removeLocked(d metadata.TopicDelta) {
	partitions := m.ByID(d.ID())
	m.table.put(d.Name(), d.ID(), nil)
	for _, p := range partitions {
		if p == nil {
			continue
		}
		p.delete()
		if !plantedKeepDeleted {
			m.removeLogLocked(p)
		}
	}
	m.sweepLocked(d.ID())
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
