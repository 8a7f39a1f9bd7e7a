package group

import (
	"bytes"
	"maps"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// topicPartition is a partition of a topic that is known by id.
type topicPartition struct {
	topic     kafka.TopicID
	partition int32
}

func comparePartitions(a, b topicPartition) int {
	if c := bytes.Compare(a.topic[:], b.topic[:]); c != 0 {
		return c
	}
	return int(a.partition) - int(b.partition)
}

// assignment is a set of partitions; the value is the member epoch in which each was assigned, where that is of interest.
// An assignment that is part of a group is not changed any more.
type assignment map[topicPartition]int32

// sorted are the partitions in order of topic id and number.
func (a assignment) sorted() []topicPartition {
	return slices.SortedFunc(maps.Keys(a), comparePartitions)
}

// same reports whether two hold the same partitions.
func (a assignment) same(b assignment) bool {
	return len(a) == len(b) && a.within(b)
}

// within reports whether b holds all partitions of a.
func (a assignment) within(b assignment) bool {
	for tp := range a {
		if _, ok := b[tp]; !ok {
			return false
		}
	}
	return true
}

// topics are the partitions by topic, as records have them.
func (a assignment) topics(epochs bool) (all []schema.AssignedTopic) {
	for _, tp := range a.sorted() {
		if len(all) == 0 || all[len(all)-1].TopicID != tp.topic {
			all = append(all, schema.AssignedTopic{TopicID: tp.topic})
		}
		t := &all[len(all)-1]
		t.Partitions = append(t.Partitions, tp.partition)
		if epochs {
			t.Epochs = append(t.Epochs, a[tp])
		}
	}
	return all
}

// assignmentOf reads what a record has; a partition whose epoch is not told has been there since the given one.
func assignmentOf(topics []schema.AssignedTopic, epoch int32) assignment {
	a := assignment{}
	for _, t := range topics {
		for i, p := range t.Partitions {
			e := epoch
			if i < len(t.Epochs) {
				e = t.Epochs[i]
			}
			a[topicPartition{t.TopicID, p}] = e
		}
	}
	return a
}
