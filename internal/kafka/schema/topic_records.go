package schema

import "github.com/thalweg-io/thalweg/internal/kafka"

// TopicRecord creates a topic without partitions. Version 0.
type TopicRecord struct {
	Name    string
	TopicID kafka.TopicID
	Tags    Tags
}

// Key is KeyTopic.
func (*TopicRecord) Key() Key { return KeyTopic }

func (r *TopicRecord) code(c *coder, v int16) {
	c.str(&r.Name)
	codeUUID(c, &r.TopicID)
	c.tagged(v, &r.Tags)
}

// RemoveTopicRecord deletes a topic with its partitions and configs. Version 0.
type RemoveTopicRecord struct {
	TopicID kafka.TopicID
	Tags    Tags
}

// Key is KeyRemoveTopic.
func (*RemoveTopicRecord) Key() Key { return KeyRemoveTopic }

func (r *RemoveTopicRecord) code(c *coder, v int16) {
	codeUUID(c, &r.TopicID)
	c.tagged(v, &r.Tags)
}

// PartitionRecord is the whole state of one partition. Versions 0-2: 1 adds Directories (KIP-858),
// 2 the eligible leader replicas (KIP-966).
type PartitionRecord struct {
	PartitionID            int32
	TopicID                kafka.TopicID
	Replicas               []kafka.BrokerID // preferred leader first
	ISR                    []kafka.BrokerID
	RemovingReplicas       []kafka.BrokerID
	AddingReplicas         []kafka.BrokerID
	Leader                 kafka.BrokerID
	LeaderRecoveryState    int8 // 0 recovered, 1 recovering from an unclean election
	LeaderEpoch            kafka.LeaderEpoch
	PartitionEpoch         kafka.PartitionEpoch
	Directories            []kafka.UUID     // v1+, parallel to Replicas
	EligibleLeaderReplicas []kafka.BrokerID // v2+, nil is null
	LastKnownELR           []kafka.BrokerID // v2+, nil is null
	Tags                   Tags
}

// Key is KeyPartition.
func (*PartitionRecord) Key() Key { return KeyPartition }

func (r *PartitionRecord) code(c *coder, v int16) {
	code32(c, &r.PartitionID)
	codeUUID(c, &r.TopicID)
	codeArray(c, &r.Replicas, 4, code32)
	codeArray(c, &r.ISR, 4, code32)
	codeArray(c, &r.RemovingReplicas, 4, code32)
	codeArray(c, &r.AddingReplicas, 4, code32)
	code32(c, &r.Leader)
	code32(c, &r.LeaderEpoch)
	code32(c, &r.PartitionEpoch)
	if v >= 1 {
		codeArray(c, &r.Directories, 16, codeUUID)
	} else if len(r.Directories) > 0 {
		c.failVersion("Directories")
	}
	c.tagged(v, &r.Tags,
		field{0, "LeaderRecoveryState", 0, r.LeaderRecoveryState != 0, func() { c.int8(&r.LeaderRecoveryState) }},
		field{1, "EligibleLeaderReplicas", 2, r.EligibleLeaderReplicas != nil, func() { codeNullableArray(c, &r.EligibleLeaderReplicas, 4, code32) }},
		field{2, "LastKnownELR", 2, r.LastKnownELR != nil, func() { codeNullableArray(c, &r.LastKnownELR, 4, code32) }})
}

// NoLeaderChange and NoRecoveryChange stand for "as before" in a PartitionChangeRecord.
const (
	NoLeaderChange   kafka.BrokerID = -2
	NoRecoveryChange int8           = -1
)

// PartitionChangeRecord changes what it names of a partition; nil slices are "as before". Make it
// with NewPartitionChange, whose Leader and LeaderRecoveryState are "as before". Replay raises the
// partition epoch by one, and the leader epoch too if Leader is named, even if it names the
// present one. Versions 0-2 like PartitionRecord.
type PartitionChangeRecord struct {
	PartitionID            int32
	TopicID                kafka.TopicID
	ISR                    []kafka.BrokerID
	Leader                 kafka.BrokerID
	Replicas               []kafka.BrokerID
	RemovingReplicas       []kafka.BrokerID
	AddingReplicas         []kafka.BrokerID
	LeaderRecoveryState    int8
	EligibleLeaderReplicas []kafka.BrokerID // v2+
	LastKnownELR           []kafka.BrokerID // v2+
	Directories            []kafka.UUID     // v1+
	Tags                   Tags
}

// NewPartitionChange returns a change that changes nothing yet.
func NewPartitionChange() *PartitionChangeRecord {
	return &PartitionChangeRecord{Leader: NoLeaderChange, LeaderRecoveryState: NoRecoveryChange}
}

// Key is KeyPartitionChange.
func (*PartitionChangeRecord) Key() Key { return KeyPartitionChange }

func (r *PartitionChangeRecord) code(c *coder, v int16) {
	code32(c, &r.PartitionID)
	codeUUID(c, &r.TopicID)
	brokers := func(p *[]kafka.BrokerID) func() { return func() { codeNullableArray(c, p, 4, code32) } }
	c.tagged(v, &r.Tags,
		field{0, "ISR", 0, r.ISR != nil, brokers(&r.ISR)},
		field{1, "Leader", 0, r.Leader != NoLeaderChange, func() { code32(c, &r.Leader) }},
		field{2, "Replicas", 0, r.Replicas != nil, brokers(&r.Replicas)},
		field{3, "RemovingReplicas", 0, r.RemovingReplicas != nil, brokers(&r.RemovingReplicas)},
		field{4, "AddingReplicas", 0, r.AddingReplicas != nil, brokers(&r.AddingReplicas)},
		field{5, "LeaderRecoveryState", 0, r.LeaderRecoveryState != NoRecoveryChange, func() { c.int8(&r.LeaderRecoveryState) }},
		field{6, "EligibleLeaderReplicas", 2, r.EligibleLeaderReplicas != nil, brokers(&r.EligibleLeaderReplicas)},
		field{7, "LastKnownELR", 2, r.LastKnownELR != nil, brokers(&r.LastKnownELR)},
		field{8, "Directories", 1, r.Directories != nil, func() { codeNullableArray(c, &r.Directories, 16, codeUUID) }})
}

// ClearElrRecord empties the eligible leader replicas of one topic, or of all if the name is
// empty (KIP-966). Version 0.
type ClearElrRecord struct {
	TopicName string
	Tags      Tags
}

// Key is KeyClearElr.
func (*ClearElrRecord) Key() Key { return KeyClearElr }

func (r *ClearElrRecord) code(c *coder, v int16) {
	c.str(&r.TopicName)
	c.tagged(v, &r.Tags)
}
