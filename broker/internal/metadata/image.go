package metadata

import (
	"github.com/google/btree"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Image is the state of the cluster at one offset of the metadata log. It never changes. The zero
// value is not usable; NewImage makes an empty one.
type Image struct {
	clusterID string
	nodeID    kafka.BrokerID
	defaults  *Defaults
	offset    int64
	epoch     int32

	topicsByName *btree.BTreeG[nameEntry]
	topicsByID   *btree.BTreeG[idEntry]
	brokers      *btree.BTreeG[brokerEntry]
	configs      *btree.BTreeG[configEntry]
	quotas       *btree.BTreeG[quotaEntry]

	features       []Feature // by name; replaced as a whole
	nextProducerID kafka.ProducerID
	ignored        int64
	partitions     int
}

// Feature is the finalized level of a feature.
type Feature struct {
	Name  string
	Level int16
}

// The entries of the trees are values, so that a lookup key is not allocated.
type (
	nameEntry struct {
		name  string
		topic *Topic
	}
	idEntry struct {
		id    kafka.TopicID
		topic *Topic
	}
	brokerEntry struct {
		id     kafka.BrokerID
		broker *Broker
	}
	configEntry struct {
		resource Resource
		values   []ConfigValue // by name; replaced as a whole
	}
)

// treeDegree makes a node about a cache page of entries; one change copies one path of nodes.
const treeDegree = 16

// ImageOptions is what is known of a cluster before its log says anything.
type ImageOptions struct {
	ClusterID string
	NodeID    kafka.BrokerID // whose dynamic broker configs count in TopicConfig
	Defaults  *Defaults      // topic config defaults of server.properties; nil is none
}

// NewImage returns the image of an empty metadata log; its offset is -1.
func NewImage(o ImageOptions) *Image {
	if o.Defaults == nil {
		o.Defaults = new(Defaults)
	}
	return &Image{
		clusterID: o.ClusterID, nodeID: o.NodeID, defaults: o.Defaults, offset: -1, epoch: -1,
		topicsByName: btree.NewG(treeDegree, func(a, b nameEntry) bool { return a.name < b.name }),
		topicsByID:   btree.NewG(treeDegree, func(a, b idEntry) bool { return lessUUID(&a.id, &b.id) }),
		brokers:      btree.NewG(treeDegree, func(a, b brokerEntry) bool { return a.id < b.id }),
		configs:      btree.NewG(treeDegree, func(a, b configEntry) bool { return a.resource.less(b.resource) }),
		quotas:       btree.NewG(treeDegree, func(a, b quotaEntry) bool { return compareQuotaEntities(a.entity, b.entity) < 0 }),
	}
}

func lessUUID(a, b *kafka.UUID) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// ClusterID is the cluster's id as the node was told at start.
func (m *Image) ClusterID() string { return m.clusterID }

// Offset is the offset of the last metadata record contained (inclusive), -1 for none.
func (m *Image) Offset() int64 { return m.offset }

// Epoch is the term of the batch that Offset is in, -1 for none.
func (m *Image) Epoch() int32 { return m.epoch }

// Broker returns a registered broker, fenced or not, or nil.
func (m *Image) Broker(id kafka.BrokerID) *Broker {
	e, _ := m.brokers.Get(brokerEntry{id: id})
	return e.broker
}

// Brokers yields the registered brokers in order of id until yield returns false.
func (m *Image) Brokers(yield func(*Broker) bool) {
	m.brokers.Ascend(func(e brokerEntry) bool { return yield(e.broker) })
}

// NumBrokers is the number of registered brokers.
func (m *Image) NumBrokers() int { return m.brokers.Len() }

// Topic returns the topic of that name, or nil.
func (m *Image) Topic(name string) *Topic {
	e, _ := m.topicsByName.Get(nameEntry{name: name})
	return e.topic
}

// TopicByID returns the topic of that id, or nil.
func (m *Image) TopicByID(id kafka.TopicID) *Topic {
	e, _ := m.topicsByID.Get(idEntry{id: id})
	return e.topic
}

// Topics yields all topics in order of name until yield returns false.
func (m *Image) Topics(yield func(*Topic) bool) {
	m.topicsByName.Ascend(func(e nameEntry) bool { return yield(e.topic) })
}

// TopicsFrom is Topics beginning with the first name at or after name.
func (m *Image) TopicsFrom(name string, yield func(*Topic) bool) {
	m.topicsByName.AscendGreaterOrEqual(nameEntry{name: name}, func(e nameEntry) bool { return yield(e.topic) })
}

// NumTopics is the number of topics.
func (m *Image) NumTopics() int { return m.topicsByName.Len() }

// NumPartitions is the number of partitions of all topics.
func (m *Image) NumPartitions() int { return m.partitions }

// Partition returns a partition by topic name, or nil.
func (m *Image) Partition(topic string, index int32) *Partition {
	return m.Topic(topic).Partition(index)
}

// Features returns the finalized features by name; read-only. Features of level 0 are absent.
func (m *Image) Features() []Feature { return m.features }

// Feature returns the finalized level of a feature, 0 if it is off.
func (m *Image) Feature(name string) int16 {
	for i := range m.features {
		if m.features[i].Name == name {
			return m.features[i].Level
		}
	}
	return 0
}

// NextProducerID is the first producer id that was never given to any broker.
func (m *Image) NextProducerID() kafka.ProducerID { return m.nextProducerID }

// Ignored is the number of records seen since the node started whose type or version this node
// does not understand. They are not part of the state, of the hash or of Records: while it is not
// zero, a snapshot made from the image would lose something.
func (m *Image) Ignored() int64 { return m.ignored }
