package replica

import (
	"errors"
	"path/filepath"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

var (
	// ErrNoSuchDir: no data directory has that path.
	ErrNoSuchDir = errors.New("no such data directory")
	// ErrNoReplica: this broker has no replica of the partition.
	ErrNoReplica = errors.New("no replica of the partition here")
	// ErrCannotMove: the replica lies in another directory, and this build does not move replicas.
	ErrCannotMove = errors.New("replicas are not moved between data directories")
)

// maxPreferred bounds for how many partitions that are not here it is remembered where they should go.
const maxPreferred = 10_000

// Place says in which data directory a partition is to lie (KIP-113). Where it lies there already it is done. A partition
// that is not here is remembered, until this process ends, for the directory that it is created in, and answered with
// ErrNoReplica, as Kafka does. Errors: ErrNoSuchDir, ErrOffline for a directory or partition that has failed,
// ErrNoReplica, ErrCannotMove.
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
	case p.dir == dir:
		return nil
	}
	return ErrCannotMove
}

func (m *Manager) dirAt(path string) *storage.Dir {
	for _, d := range m.dirs {
		if path != "" && filepath.Clean(d.Path()) == filepath.Clean(path) {
			return d
		}
	}
	return nil
}

// Producers lists the idempotent and transactional producers that the replica here knows, which need not be the leader
// (SURFACE 86). Errors: ErrOffline; ErrNotLeader while its log is being opened.
func (p *Partition) Producers() ([]storage.ProducerState, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	if p.log == nil {
		return nil, ErrNotLeader
	}
	return p.log.Producers(), nil
}
