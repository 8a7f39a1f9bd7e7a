package group

import (
	"maps"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// committed is one committed offset: the record's value and where it lies in the log.
type committed struct {
	schema.OffsetCommitValue
	at int64
}

// groupOffsets are the offsets of one group: topic → partition → offset. No topic is there without partitions.
type groupOffsets map[string]map[int32]*committed

func (o groupOffsets) get(topic string, partition int32) *committed { return o[topic][partition] }

func (o groupOffsets) put(topic string, partition int32, c *committed) {
	if o[topic] == nil {
		o[topic] = map[int32]*committed{}
	}
	o[topic][partition] = c
}

func (o groupOffsets) remove(topic string, partition int32) {
	delete(o[topic], partition)
	if len(o[topic]) == 0 {
		delete(o, topic)
	}
}

// each yields topics and partitions in order.
func (o groupOffsets) each(yield func(kafka.TopicPartition, *committed) bool) {
	for _, topic := range sortedKeys(o) {
		for _, partition := range slices.Sorted(maps.Keys(o[topic])) {
			if !yield(kafka.TopicPartition{Topic: topic, Partition: partition}, o[topic][partition]) {
				return
			}
		}
	}
}

// replayOffset takes in the record of an offset; nil is a tombstone. One that belongs to a transaction waits for its end.
func (s *Shard) replayOffset(r coordinator.Replayed, k schema.OffsetsKey, v *schema.OffsetCommitValue) {
	if v == nil {
		s.removeOffset(s.offsets, k)
		for _, open := range s.pending { // order-free: each removes the same key from a map of its own
			s.removeOffset(open, k)
		}
		return
	}
	if s.classic[k.Group] == nil && s.consumer[k.Group] == nil {
		s.classic[k.Group] = newClassicGroup(k.Group, -1) // a simple group: whoever commits manages itself
	}
	into := s.offsets
	if r.Transactional {
		if s.pending[r.ProducerID] == nil {
			s.pending[r.ProducerID] = map[string]groupOffsets{}
		}
		into = s.pending[r.ProducerID]
	}
	if into[k.Group] == nil {
		into[k.Group] = groupOffsets{}
	}
	if loading := s.config.OffsetsRetentionCheckMs == 0; plantedOldValue && loading && into[k.Group].get(k.Topic, k.Partition) != nil {
		return
	}
	into[k.Group].put(k.Topic, k.Partition, &committed{*v, r.Offset})
}

func (s *Shard) removeOffset(from map[string]groupOffsets, k schema.OffsetsKey) {
	if o := from[k.Group]; o != nil {
		o.remove(k.Topic, k.Partition)
		if len(o) == 0 {
			delete(from, k.Group)
		}
	}
}

// endTransaction makes the offsets of a transaction count, or drops them. What was committed later by other means stays.
func (s *Shard) endTransaction(id kafka.ProducerID, commit bool) {
	open := s.pending[id]
	delete(s.pending, id)
	if !commit {
		return
	}
	for _, group := range sortedKeys(open) {
		for tp, c := range open[group].each {
			if s.offsets[group] == nil {
				s.offsets[group] = groupOffsets{}
			}
			if old := s.offsets[group].get(tp.Topic, tp.Partition); old == nil || old.at < c.at {
				s.offsets[group].put(tp.Topic, tp.Partition, c)
			}
		}
	}
}

// unstable reports whether a transaction that is not over has an offset for the partition.
func (s *Shard) unstable(group, topic string, partition int32) bool {
	for _, open := range s.pending { // order-free: any of them
		if open[group].get(topic, partition) != nil {
			return true
		}
	}
	return false
}

// inTransaction reports whether a transaction that is not over has an offset of the group.
func (s *Shard) inTransaction(group string) bool {
	for _, open := range s.pending { // order-free: any of them
		if len(open[group]) > 0 {
			return true
		}
	}
	return false
}

// offsetKey is the key of an offset's record.
func offsetKey(group, topic string, partition int32) []byte {
	return keyBytes(schema.OffsetsKey{Type: schema.OffsetsCommit, Group: group, Topic: topic, Partition: partition})
}
