package metadata

import (
	"cmp"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Delta is what changed from one published image to the next. It names only what differs in the
// end: a topic that came and went in between is in Vanished only. Read-only.
type Delta struct {
	// Base and Image are the images before and after.
	Base, Image *Image
	// Topics that were created, changed or deleted, by id, in order of name and id. A topic
	// deleted and created again under the same name appears twice, the deletion first.
	Topics []TopicDelta
	// Vanished are the ids of topics that the log created and deleted in between, in order. Nobody
	// has seen them in an image, but their data may lie on a disk.
	Vanished []kafka.TopicID
	// Brokers that were registered, changed or unregistered, in order of id.
	Brokers []BrokerDelta
	// Configs are the resources whose configs changed, in order.
	Configs []Resource
	// ClientQuotas are the entities whose quotas changed, in order.
	ClientQuotas []QuotaEntity
	// Features and ProducerIDs say that these changed.
	Features, ProducerIDs bool
}

// TopicDelta is one topic before and after.
type TopicDelta struct {
	Old, New *Topic // nil: was not there; is not there any more
}

// ID is the topic's id.
func (d TopicDelta) ID() kafka.TopicID {
	if d.New != nil {
		return d.New.ID
	}
	return d.Old.ID
}

// Name is the topic's name.
func (d TopicDelta) Name() string {
	if d.New != nil {
		return d.New.Name
	}
	return d.Old.Name
}

// Deleted reports whether the log deleted the topic. Nothing else is a reason to delete data (C-21).
func (d TopicDelta) Deleted() bool { return d.New == nil }

// Partitions yields the partitions that differ, in order of index, until yield returns false. Old is
// nil for a new one, new for one that is gone with its topic.
func (d TopicDelta) Partitions(yield func(index int32, before, after *Partition) bool) {
	n := 0
	for _, t := range []*Topic{d.Old, d.New} {
		if t != nil {
			n = max(n, len(t.Partitions))
		}
	}
	for i := range int32(n) {
		before, after := d.Old.Partition(i), d.New.Partition(i)
		if before != after && !yield(i, before, after) {
			return
		}
	}
}

// BrokerDelta is one broker before and after.
type BrokerDelta struct {
	ID       kafka.BrokerID
	Old, New *Broker // nil: was not there; is not there any more
}

// Empty reports whether nothing differs but the offset.
func (d *Delta) Empty() bool {
	return len(d.Topics) == 0 && len(d.Vanished) == 0 && len(d.Brokers) == 0 && len(d.Configs) == 0 && len(d.ClientQuotas) == 0 && !d.Features && !d.ProducerIDs
}

// delta compares what is marked dirty.
func (b *Builder) delta(image *Image) *Delta {
	d := &Delta{Base: b.base, Image: image, Features: b.dirty.features, ProducerIDs: b.dirty.producerIDs}
	for id := range b.dirty.topics { // order-free: both results are sorted
		t := TopicDelta{Old: b.base.TopicByID(id), New: image.TopicByID(id)}
		switch {
		case t.Old != t.New:
			d.Topics = append(d.Topics, t)
		case t.New == nil:
			d.Vanished = append(d.Vanished, id)
		}
	}
	slices.SortFunc(d.Vanished, func(x, y kafka.TopicID) int { return slices.Compare(x[:], y[:]) })
	slices.SortFunc(d.Topics, compareTopicDeltas)
	for id := range b.dirty.brokers {
		if n := (BrokerDelta{ID: id, Old: b.base.Broker(id), New: image.Broker(id)}); n.Old != n.New {
			d.Brokers = append(d.Brokers, n)
		}
	}
	slices.SortFunc(d.Brokers, func(x, y BrokerDelta) int { return cmp.Compare(x.ID, y.ID) })
	for r := range b.dirty.configs {
		if !slices.Equal(b.base.ConfigsOf(r), image.ConfigsOf(r)) {
			d.Configs = append(d.Configs, r)
		}
	}
	slices.SortFunc(d.Configs, func(x, y Resource) int {
		return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.Name, y.Name))
	})
	for e := range b.dirty.quotas {
		if !slices.Equal(b.base.ClientQuotasOf(e), image.ClientQuotasOf(e)) {
			d.ClientQuotas = append(d.ClientQuotas, e)
		}
	}
	slices.SortFunc(d.ClientQuotas, compareQuotaEntities)
	return d
}

func compareTopicDeltas(x, y TopicDelta) int {
	deleted := func(d TopicDelta) int {
		if d.Deleted() {
			return 0
		}
		return 1
	}
	xid, yid := x.ID(), y.ID()
	return cmp.Or(cmp.Compare(x.Name(), y.Name()), cmp.Compare(deleted(x), deleted(y)), slices.Compare(xid[:], yid[:]))
}
