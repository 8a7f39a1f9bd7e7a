package metadata

import (
	"encoding/binary"
	"hash/fnv"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// MetadataVersion is the feature that says which record versions may be written; the log of a
// cluster begins with its level.
const MetadataVersion = "metadata.version"

// Records yields the image as the records that lead to it from nothing, until yield returns false:
// features, brokers, topics each with its partitions, configs, client quotas, producer ids. Each comes with the
// version to write it in. Records may alias the image; they are read-only. Replaying them gives an
// equal image (C-20); it is the content of a snapshot.
func (m *Image) Records(yield func(r schema.Record, version int16) bool) {
	_ = m.featureRecords(yield) && m.brokerRecords(yield) && m.topicRecords(yield) &&
		m.configRecords(yield) && m.quotaRecords(yield) && m.producerRecords(yield)
}

type yieldRecord = func(r schema.Record, version int16) bool

// featureRecords puts metadata.version first, as the format of the log demands.
func (m *Image) featureRecords(yield yieldRecord) bool {
	if level := m.Feature(MetadataVersion); level != 0 && !yield(&schema.FeatureLevelRecord{Name: MetadataVersion, FeatureLevel: level}, 0) {
		return false
	}
	for _, f := range m.features {
		if f.Name != MetadataVersion && !yield(&schema.FeatureLevelRecord{Name: f.Name, FeatureLevel: f.Level}, 0) {
			return false
		}
	}
	return true
}

func (m *Image) brokerRecords(yield yieldRecord) bool {
	ok := true
	m.Brokers(func(n *Broker) bool {
		r, version := n.record()
		ok = yield(r, version)
		return ok
	})
	return ok
}

func (n *Broker) record() (*schema.RegisterBrokerRecord, int16) {
	r := &schema.RegisterBrokerRecord{
		BrokerID: n.ID, BrokerEpoch: n.Epoch, IncarnationID: n.Incarnation,
		Fenced: n.Fenced, InControlledShutdown: n.InControlledShutdown,
		LogDirs: n.LogDirs, CordonedLogDirs: n.CordonedLogDirs,
	}
	if n.Rack != "" {
		r.Rack = &n.Rack
	}
	for _, e := range n.Endpoints {
		r.Endpoints = append(r.Endpoints, schema.BrokerEndpoint{Name: e.Listener, Host: e.Host, Port: uint16(e.Port), SecurityProtocol: e.SecurityProtocol})
	}
	for _, f := range n.Features {
		r.Features = append(r.Features, schema.BrokerFeature{Name: f.Name, MinSupportedVersion: f.Min, MaxSupportedVersion: f.Max})
	}
	if n.CordonedLogDirs != nil {
		return r, 4
	}
	return r, 3
}

func (m *Image) topicRecords(yield yieldRecord) bool {
	ok := true
	m.Topics(func(t *Topic) bool {
		ok = yield(&schema.TopicRecord{Name: t.Name, TopicID: t.ID}, 0)
		for i := 0; ok && i < len(t.Partitions); i++ {
			if p := t.Partitions[i]; p != nil {
				ok = yield(p.record(t.ID, int32(i)), PartitionRecordVersion)
			}
		}
		return ok
	})
	return ok
}

// Versions in which records of partitions are written. They need metadata.version 4.0-IV1, which is
// below the level that new clusters begin with.
const (
	PartitionRecordVersion       = 2
	PartitionChangeRecordVersion = 2
)

func (p *Partition) record(topic kafka.TopicID, index int32) *schema.PartitionRecord {
	r := &schema.PartitionRecord{
		PartitionID: index, TopicID: topic, Replicas: p.Replicas, ISR: p.ISR, Directories: p.Directories,
		RemovingReplicas: p.Removing, AddingReplicas: p.Adding, Leader: p.Leader, LeaderRecoveryState: p.Recovery,
		LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.Epoch,
	}
	if len(p.ELR) > 0 {
		r.EligibleLeaderReplicas = p.ELR
	}
	if len(p.LastKnownELR) > 0 {
		r.LastKnownELR = p.LastKnownELR
	}
	return r
}

func (m *Image) configRecords(yield yieldRecord) bool {
	ok := true
	m.Configs(func(res Resource, values []ConfigValue) bool {
		for i := 0; ok && i < len(values); i++ {
			ok = yield(&schema.ConfigRecord{ResourceType: res.Type, ResourceName: res.Name, Name: values[i].Name, Value: &values[i].Value}, 0)
		}
		return ok
	})
	return ok
}

// producerRecords names no broker: whose the last block was does not matter any more.
func (m *Image) producerRecords(yield yieldRecord) bool {
	return m.nextProducerID == 0 || yield(&schema.ProducerIDsRecord{
		BrokerID: kafka.NoBroker, BrokerEpoch: kafka.NoBrokerEpoch, NextProducerID: m.nextProducerID,
	}, 0)
}

// Hash is a number that equal images share and different ones hardly ever do, on every node and
// build: FNV-1a over the records of the image in their order. Offset, cluster id, server defaults
// and ignored records are not part of it. It costs a walk over the whole image (C-18, C-20).
func (m *Image) Hash() uint64 {
	h := fnv.New64a()
	buf := make([]byte, 4, 512)
	m.Records(func(r schema.Record, version int16) bool {
		var err error
		buf, err = schema.Append(buf[:4], r, version)
		if err != nil {
			panic("BUG: image holds what no record can: " + err.Error())
		}
		binary.BigEndian.PutUint32(buf, uint32(len(buf)))
		h.Write(buf)
		return true
	})
	return h.Sum64()
}

// Equal reports whether two images hold the same state; see Hash for what counts.
func (m *Image) Equal(o *Image) bool {
	a, b := m.dump(), o.dump()
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (m *Image) dump() []string {
	var all []string
	m.Records(func(r schema.Record, version int16) bool {
		buf, err := schema.Append(nil, r, version)
		if err != nil {
			panic("BUG: image holds what no record can: " + err.Error())
		}
		all = append(all, string(buf))
		return true
	})
	return all
}
