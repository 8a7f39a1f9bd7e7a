package replica

import (
	"errors"
	"path/filepath"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

var (
	// ErrNoSuchDir: no data directory has that path.
	ErrNoSuchDir = errors.New("no such data directory")
	// ErrNoReplica: this broker has no replica of the partition.
	ErrNoReplica = errors.New("no replica of the partition here")
)

// maxPreferred bounds for how many partitions that are not here it is remembered where they should go.
const maxPreferred = 10_000

// Place says in which data directory a partition is to lie (KIP-113). Where it lies there already it is done, and a move to
// elsewhere that is under way ends. Where it lies in another one a move begins: see Move. A partition that is not here is
// remembered, until this process ends, for the directory that it is created in, and answered with ErrNoReplica, as Kafka does.
// Errors: ErrNoSuchDir, ErrOffline for a directory or partition that has failed, ErrNoReplica; ErrNotLeader while the
// partition's log is being opened.
func (m *Manager) Place(topic string, index int32, path string) error {
	dir := m.dirAt(path)
	for _, lost := range m.lost {
		if filepath.Clean(lost.Path) == filepath.Clean(path) {
			return errors.Join(ErrOffline, lost.Err)
		}
	}
	switch {
	case dir == nil:
		return ErrNoSuchDir
	case dir.Err() != nil:
		return errors.Join(ErrOffline, dir.Err())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.Partition(topic, index)
	tp := kafka.TopicPartition{Topic: topic, Partition: index}
	switch {
	case p == nil:
		if len(m.mu.preferred) < maxPreferred {
			m.mu.preferred[tp] = dir
		}
		return ErrNoReplica
	case p.Err() != nil:
		return p.Err()
	case p.log() == nil:
		return ErrNotLeader
	}
	m.moveLocked(p, dir)
	return nil
}

func (m *Manager) dirAt(path string) *storage.Dir {
	for _, d := range m.dirs {
		if path != "" && filepath.Clean(d.Path()) == filepath.Clean(path) {
			return d
		}
	}
	return nil
}

// placedLocked notes a partition whose directory the metadata has wrong; an unknown one is left unknown.
func (m *Manager) placedLocked(p *Partition) {
	delete(m.mu.misplaced, p.id)
	if m.mu.image == nil {
		return
	}
	said := m.mu.image.TopicByID(p.id.ID).Partition(p.id.Partition).Directory(m.self)
	if at := p.dir(); said != metadata.UnassignedDirectory && said != at.ID() {
		m.mu.misplaced[p.id] = at
	}
}

// Misplaced are the partitions that lie in another directory than the metadata said when they were opened or moved here. Each is
// told once, unless Unassigned gives it back.
func (m *Manager) Misplaced() map[kafka.TopicIDPartition]*storage.Dir {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.mu.misplaced) == 0 {
		return nil
	}
	out := m.mu.misplaced
	m.mu.misplaced = make(map[kafka.TopicIDPartition]*storage.Dir)
	return out
}

// Unassigned takes back what Misplaced has told and the controller has not heard of.
func (m *Manager) Unassigned(of map[kafka.TopicIDPartition]*storage.Dir) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, dir := range of { // order-free: a map goes into a map
		if _, newer := m.mu.misplaced[id]; !newer {
			m.mu.misplaced[id] = dir
		}
	}
}
