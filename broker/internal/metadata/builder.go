package metadata

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/internal/invariants"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// ErrReplay is returned when a record does not fit the state it is replayed on, such as a change
// of a partition that does not exist. The log and this program disagree; the node cannot go on.
var ErrReplay = errors.New("metadata record does not fit the state")

// Builder replays records on top of an image. It is the only code that changes cluster state: the
// loader replays what is committed, the controller what it proposes. A change costs O(log n).
// It belongs to one goroutine. After an error it must be thrown away.
type Builder struct {
	next Image // trees belong to the builder; objects in them may be shared with base
	base *Image

	owned map[kafka.TopicID]*Topic // made since the last Freeze: may be changed in place
	gaps  map[kafka.TopicID]int    // partitions that are missing below the highest one
	dirty dirtySet
}

// dirtySet names what was touched since base.
type dirtySet struct {
	topics      map[kafka.TopicID]struct{}
	brokers     map[kafka.BrokerID]struct{}
	configs     map[Resource]struct{}
	quotas      map[QuotaEntity]struct{}
	features    bool
	producerIDs bool
}

// NewBuilder starts from an image, which it leaves as it is. Call it only on the goroutine that
// makes images (package comment).
func NewBuilder(base *Image) *Builder {
	b := &Builder{base: base, next: *base, gaps: make(map[kafka.TopicID]int)}
	b.next.cloneTrees()
	b.reset()
	return b
}

func (m *Image) cloneTrees() {
	m.topicsByName = m.topicsByName.Clone()
	m.topicsByID = m.topicsByID.Clone()
	m.brokers = m.brokers.Clone()
	m.configs = m.configs.Clone()
	m.quotas = m.quotas.Clone()
}

func (b *Builder) reset() {
	b.owned = make(map[kafka.TopicID]*Topic)
	b.dirty = dirtySet{
		topics:  make(map[kafka.TopicID]struct{}),
		brokers: make(map[kafka.BrokerID]struct{}),
		configs: make(map[Resource]struct{}),
		quotas:  make(map[QuotaEntity]struct{}),
	}
}

// fork returns a builder that begins where b is and can be thrown away or put in b's place.
func (b *Builder) fork() *Builder {
	f := &Builder{base: b.base, next: b.next, owned: make(map[kafka.TopicID]*Topic), gaps: maps.Clone(b.gaps), dirty: dirtySet{
		topics: maps.Clone(b.dirty.topics), brokers: maps.Clone(b.dirty.brokers), configs: maps.Clone(b.dirty.configs), quotas: maps.Clone(b.dirty.quotas),
		features: b.dirty.features, producerIDs: b.dirty.producerIDs,
	}}
	f.next.cloneTrees()
	clear(b.owned) // what b owned is shared now
	return f
}

// View is the state so far. It is not a snapshot: it changes with the next Apply, so use it only
// between two of them, and keep nothing but what Freeze gives out.
func (b *Builder) View() *Image { return &b.next }

// Freeze returns the state as an image and what changed since the image before, which was the one
// that the builder was made from or last froze. The builder goes on from there.
func (b *Builder) Freeze() (*Image, *Delta) {
	image := new(Image)
	*image = b.next
	image.cloneTrees()
	delta := b.delta(image)
	b.base = image
	b.reset()
	if invariants.Enabled {
		if err := image.Check(); err != nil {
			invariants.Check(false, "%v", err)
		}
	}
	return image, delta
}

// Seen moves the offset of the state to the last offset of a batch of that epoch. Offsets that do
// not grow are a mistake of the caller.
func (b *Builder) Seen(offset int64, epoch int32) {
	invariants.Check(offset > b.next.offset, "metadata offset %d after %d", offset, b.next.offset)
	b.next.offset, b.next.epoch = offset, epoch
}

// Apply replays one record; see the package comment. Records that are not understood are counted
// and passed over. Transaction records are the loader's and mean nothing here. Errors: ErrReplay.
func (b *Builder) Apply(r schema.Record) error {
	switch r := r.(type) {
	case *schema.RegisterBrokerRecord:
		b.registerBroker(r)
	case *schema.UnregisterBrokerRecord:
		return b.unregisterBroker(r)
	case *schema.FenceBrokerRecord:
		return b.changeBroker(r.ID, r.Epoch, func(n *Broker) { n.Fenced = true })
	case *schema.UnfenceBrokerRecord:
		return b.changeBroker(r.ID, r.Epoch, func(n *Broker) { n.Fenced = false })
	case *schema.BrokerRegistrationChangeRecord:
		return b.changeRegistration(r)
	case *schema.TopicRecord:
		return b.createTopic(r)
	case *schema.RemoveTopicRecord:
		return b.removeTopic(r)
	case *schema.PartitionRecord:
		return b.setPartition(r)
	case *schema.PartitionChangeRecord:
		return b.changePartition(r)
	case *schema.ClearElrRecord:
		return b.clearELR(r)
	case *schema.ConfigRecord:
		b.setConfig(Resource{r.ResourceType, r.ResourceName}, r.Name, r.Value)
	case *schema.ClientQuotaRecord:
		b.setQuota(r)
	case *schema.FeatureLevelRecord:
		b.setFeature(r)
	case *schema.ProducerIDsRecord:
		return b.setProducerIDs(r)
	case *schema.NoOpRecord, *schema.BeginTransactionRecord, *schema.EndTransactionRecord, *schema.AbortTransactionRecord:
	case *schema.Opaque:
		b.next.ignored++
	default:
		b.next.ignored++
	}
	return nil
}

// complete fails if a topic has a gap between its partitions. Kafka promises no order of the
// partitions, but all of them come in one decision.
func (b *Builder) complete() error {
	if len(b.gaps) > 0 {
		return fmt.Errorf("%w: %d topics have gaps between their partitions", ErrReplay, len(b.gaps))
	}
	return nil
}

func (b *Builder) setConfig(res Resource, name string, value *string) {
	values := b.next.ConfigsOf(res)
	i, found := findConfig(values, name)
	switch {
	case value == nil && !found:
		return
	case value == nil:
		values = slices.Delete(slices.Clone(values), i, i+1)
	case found:
		values = slices.Clone(values)
		values[i].Value = *value
	default:
		values = slices.Insert(slices.Clone(values), i, ConfigValue{Name: name, Value: *value})
	}
	if len(values) == 0 {
		b.next.configs.Delete(configEntry{resource: res})
	} else {
		b.next.configs.ReplaceOrInsert(configEntry{resource: res, values: values})
	}
	b.dirty.configs[res] = struct{}{}
}

func (b *Builder) setFeature(r *schema.FeatureLevelRecord) {
	features := slices.Clone(b.next.features)
	i, found := slices.BinarySearchFunc(features, r.Name, func(f Feature, n string) int { return strings.Compare(f.Name, n) })
	switch {
	case r.FeatureLevel == 0 && found:
		features = slices.Delete(features, i, i+1)
	case r.FeatureLevel == 0:
	case found:
		features[i].Level = r.FeatureLevel
	default:
		features = slices.Insert(features, i, Feature{Name: r.Name, Level: r.FeatureLevel})
	}
	b.next.features = features
	b.dirty.features = true
}

// setProducerIDs never goes back: a block given out twice would make two producers one.
func (b *Builder) setProducerIDs(r *schema.ProducerIDsRecord) error {
	if r.NextProducerID <= b.next.nextProducerID {
		return fmt.Errorf("%w: next producer id %d after %d", ErrReplay, r.NextProducerID, b.next.nextProducerID)
	}
	b.next.nextProducerID = r.NextProducerID
	b.dirty.producerIDs = true
	return nil
}
