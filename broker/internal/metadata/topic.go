package metadata

import (
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Topic is a topic of an image. Read-only.
type Topic struct {
	Name string
	ID   kafka.TopicID
	// Partitions by index, without gaps in a published image. A partition that did not change
	// from one image to the next is the same pointer in both.
	Partitions []*Partition
}

// Partition returns the partition of that index, or nil.
func (t *Topic) Partition(index int32) *Partition {
	if t == nil || index < 0 || int(index) >= len(t.Partitions) {
		return nil
	}
	return t.Partitions[index]
}

// ReplicationFactor is the number of replicas of the first partition, as Kafka reports it.
func (t *Topic) ReplicationFactor() int {
	if p := t.Partition(0); p != nil {
		return len(p.Replicas)
	}
	return 0
}

// Partition is the state of one partition as the controller decided it. Read-only.
type Partition struct {
	Replicas     []kafka.BrokerID // preferred leader first
	Directories  []kafka.UUID     // parallel to Replicas; UnassignedDirectory if not known (KIP-858)
	ISR          []kafka.BrokerID
	Removing     []kafka.BrokerID // replicas on their way out
	Adding       []kafka.BrokerID // replicas on their way in
	ELR          []kafka.BrokerID // eligible leader replicas (KIP-966)
	LastKnownELR []kafka.BrokerID

	Leader      kafka.BrokerID       // kafka.NoBroker if there is none
	LeaderEpoch kafka.LeaderEpoch    // +1 on each leader change (C-15)
	Epoch       kafka.PartitionEpoch // +1 on each change of anything (C-15)
	Recovery    int8                 // 1 while the leader of an unclean election recovers
}

// IsReplica reports whether the broker holds a replica.
func (p *Partition) IsReplica(id kafka.BrokerID) bool { return slices.Contains(p.Replicas, id) }

// InSync reports whether the broker is in the ISR.
func (p *Partition) InSync(id kafka.BrokerID) bool { return slices.Contains(p.ISR, id) }

// Directory returns the log directory of the broker's replica; UnassignedDirectory if the
// controller does not know it, zero if the broker has no replica.
func (p *Partition) Directory(id kafka.BrokerID) kafka.UUID {
	i := slices.Index(p.Replicas, id)
	switch {
	case i < 0:
		return kafka.UUID{}
	case i >= len(p.Directories):
		return UnassignedDirectory
	}
	return p.Directories[i]
}

// Directory ids with a meaning of their own (KIP-858).
var (
	// UnassignedDirectory stands for a directory that the controller does not know yet.
	UnassignedDirectory = kafka.UUID{15: 1}
	// LostDirectory says that the replica's directory is offline.
	LostDirectory = kafka.UUID{15: 2}
)

func (p *Partition) equal(q *Partition) bool {
	return p == q || p != nil && q != nil &&
		p.Leader == q.Leader && p.LeaderEpoch == q.LeaderEpoch && p.Epoch == q.Epoch && p.Recovery == q.Recovery &&
		slices.Equal(p.Replicas, q.Replicas) && slices.Equal(p.ISR, q.ISR) && slices.Equal(p.Directories, q.Directories) &&
		slices.Equal(p.Removing, q.Removing) && slices.Equal(p.Adding, q.Adding) &&
		slices.Equal(p.ELR, q.ELR) && slices.Equal(p.LastKnownELR, q.LastKnownELR)
}
