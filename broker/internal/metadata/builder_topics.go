package metadata

import (
	"fmt"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// maxPartitionID bounds what one record may make us allocate. Kafka has no bound; a topic of a
// million partitions is beyond anything that was ever run.
const maxPartitionID = 1_000_000

func (b *Builder) createTopic(r *schema.TopicRecord) error {
	if b.next.Topic(r.Name) != nil || b.next.TopicByID(r.TopicID) != nil {
		return fmt.Errorf("%w: topic %s with id %s is there already", ErrReplay, r.Name, r.TopicID)
	}
	b.putTopic(&Topic{Name: r.Name, ID: r.TopicID})
	return nil
}

// putTopic enters a topic that this builder made.
func (b *Builder) putTopic(t *Topic) {
	b.next.topicsByName.ReplaceOrInsert(nameEntry{name: t.Name, topic: t})
	b.next.topicsByID.ReplaceOrInsert(idEntry{id: t.ID, topic: t})
	b.owned[t.ID] = t
	b.dirty.topics[t.ID] = struct{}{}
}

// ownTopic returns the topic for changing: the one in the trees if this builder made it, else a
// copy that takes its place, because the old one is part of a published image.
func (b *Builder) ownTopic(id kafka.TopicID) (*Topic, error) {
	if t := b.owned[id]; t != nil {
		return t, nil
	}
	old := b.next.TopicByID(id)
	if old == nil {
		return nil, fmt.Errorf("%w: no topic has id %s", ErrReplay, id)
	}
	t := &Topic{Name: old.Name, ID: old.ID, Partitions: slices.Clone(old.Partitions)}
	if plantedAliasing {
		t = old
	}
	b.putTopic(t)
	return t, nil
}

func (b *Builder) removeTopic(r *schema.RemoveTopicRecord) error {
	t := b.next.TopicByID(r.TopicID)
	if t == nil {
		return fmt.Errorf("%w: no topic has id %s", ErrReplay, r.TopicID)
	}
	b.next.topicsByName.Delete(nameEntry{name: t.Name})
	b.next.topicsByID.Delete(idEntry{id: t.ID})
	b.next.partitions -= len(t.Partitions)
	delete(b.owned, t.ID)
	delete(b.gaps, t.ID)
	b.dirty.topics[t.ID] = struct{}{}
	if res := TopicResource(t.Name); b.next.ConfigsOf(res) != nil {
		b.next.configs.Delete(configEntry{resource: res})
		b.dirty.configs[res] = struct{}{}
	}
	return nil
}

func (b *Builder) setPartition(r *schema.PartitionRecord) error {
	if r.PartitionID < 0 || r.PartitionID >= maxPartitionID {
		return fmt.Errorf("%w: partition id %d", ErrReplay, r.PartitionID)
	}
	t, err := b.ownTopic(r.TopicID)
	if err != nil {
		return err
	}
	if grow := int(r.PartitionID) + 1 - len(t.Partitions); grow > 0 {
		t.Partitions = append(t.Partitions, make([]*Partition, grow)...)
		b.next.partitions += grow
		b.countGaps(t.ID, grow)
	}
	if t.Partitions[r.PartitionID] == nil {
		b.countGaps(t.ID, -1)
	}
	t.Partitions[r.PartitionID] = &Partition{
		Replicas: r.Replicas, Directories: r.Directories, ISR: r.ISR,
		Removing: r.RemovingReplicas, Adding: r.AddingReplicas,
		ELR: r.EligibleLeaderReplicas, LastKnownELR: r.LastKnownELR,
		Leader: r.Leader, LeaderEpoch: r.LeaderEpoch, Epoch: r.PartitionEpoch, Recovery: r.LeaderRecoveryState,
	}
	return nil
}

func (b *Builder) countGaps(id kafka.TopicID, more int) {
	if b.gaps[id] += more; b.gaps[id] == 0 {
		delete(b.gaps, id)
	}
}

func (b *Builder) changePartition(r *schema.PartitionChangeRecord) error {
	t, err := b.ownTopic(r.TopicID)
	if err != nil {
		return err
	}
	old := t.Partition(r.PartitionID)
	if old == nil {
		return fmt.Errorf("%w: topic %s has no partition %d", ErrReplay, t.Name, r.PartitionID)
	}
	t.Partitions[r.PartitionID] = old.merge(r)
	return nil
}

// merge returns the partition after a change. C-15: the partition epoch rises with every change,
// the leader epoch with every change that names a leader, the present one included.
func (p *Partition) merge(r *schema.PartitionChangeRecord) *Partition {
	n := *p
	n.Epoch++
	if r.Leader != schema.NoLeaderChange {
		n.Leader = r.Leader
		if !plantedEpoch {
			n.LeaderEpoch++
		}
	}
	if r.LeaderRecoveryState != schema.NoRecoveryChange {
		n.Recovery = r.LeaderRecoveryState
	}
	replace(&n.ISR, r.ISR)
	replace(&n.Replicas, r.Replicas)
	replace(&n.Removing, r.RemovingReplicas)
	replace(&n.Adding, r.AddingReplicas)
	replace(&n.ELR, r.EligibleLeaderReplicas)
	replace(&n.LastKnownELR, r.LastKnownELR)
	replace(&n.Directories, r.Directories)
	return &n
}

func replace[T any](field *[]T, change []T) {
	if change != nil {
		*field = change
	}
}

// clearELR empties the eligible leader replicas of one topic or of all.
func (b *Builder) clearELR(r *schema.ClearElrRecord) error {
	var ids []kafka.TopicID
	if r.TopicName != "" {
		t := b.next.Topic(r.TopicName)
		if t == nil {
			return fmt.Errorf("%w: no topic %s", ErrReplay, r.TopicName)
		}
		ids = append(ids, t.ID)
	} else {
		b.next.Topics(func(t *Topic) bool { ids = append(ids, t.ID); return true })
	}
	for _, id := range ids {
		if err := b.clearTopicELR(id); err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) clearTopicELR(id kafka.TopicID) error {
	for i, p := range b.next.TopicByID(id).Partitions {
		if p == nil || len(p.ELR) == 0 && len(p.LastKnownELR) == 0 {
			continue
		}
		t, err := b.ownTopic(id)
		if err != nil {
			return err
		}
		n := *p
		n.ELR, n.LastKnownELR = nil, nil
		n.Epoch++
		t.Partitions[i] = &n
	}
	return nil
}
