package schema

import "github.com/thalweg-io/thalweg/internal/kafka"

// The records of KIP-848 consumer groups. All have version 0, which is flexible.

// ConsumerGroupEpochValue is a group's epoch; it exists as long as the group.
type ConsumerGroupEpochValue struct {
	Epoch        int32
	MetadataHash int64 // of the subscribed topics as last seen; 0: not known
	Tags         Tags
}

func (r *ConsumerGroupEpochValue) code(c *coder, v int16) {
	code32(c, &r.Epoch)
	c.tagged(v, &r.Tags,
		field{number: 0, name: "metadataHash", set: r.MetadataHash != 0, code: func() { code64(c, &r.MetadataHash) }})
}

// ConsumerPartitionMetadataValue is what Kafka 4.0 wrote about subscribed topics.
type ConsumerPartitionMetadataValue struct {
	Topics []ConsumerTopicMetadata
	Tags   Tags
}

// ConsumerTopicMetadata is one subscribed topic.
type ConsumerTopicMetadata struct {
	TopicID       kafka.TopicID
	TopicName     string
	NumPartitions int32
	Racks         []ConsumerPartitionRacks
	Tags          Tags
}

// ConsumerPartitionRacks are the racks of one partition's replicas.
type ConsumerPartitionRacks struct {
	Partition int32
	Racks     []string
	Tags      Tags
}

func (r *ConsumerPartitionMetadataValue) code(c *coder, v int16) {
	codeArray(c, &r.Topics, 23, func(c *coder, t *ConsumerTopicMetadata) {
		codeUUID(c, &t.TopicID)
		c.str(&t.TopicName)
		code32(c, &t.NumPartitions)
		codeArray(c, &t.Racks, 6, func(c *coder, p *ConsumerPartitionRacks) {
			code32(c, &p.Partition)
			codeArray(c, &p.Racks, 1, (*coder).str)
			c.tagged(v, &p.Tags)
		})
		c.tagged(v, &t.Tags)
	})
	c.tagged(v, &r.Tags)
}

// ConsumerMemberValue is a member's subscription.
type ConsumerMemberValue struct {
	InstanceID         *string
	RackID             *string
	ClientID           string
	ClientHost         string
	SubscribedTopics   []string
	SubscribedRegex    *string
	RebalanceTimeoutMs int32
	ServerAssignor     *string
	Classic            *ClassicMemberMetadata // nil: the member speaks the consumer protocol
	Tags               Tags
}

// ClassicMemberMetadata is what a member needs that speaks the classic protocol to a group that
// was converted.
type ClassicMemberMetadata struct {
	SessionTimeoutMs int32
	Protocols        []ClassicProtocol
	Tags             Tags
}

// ClassicProtocol is one assignment strategy that a classic member supports.
type ClassicProtocol struct {
	Name     string
	Metadata []byte
	Tags     Tags
}

func (r *ConsumerMemberValue) code(c *coder, v int16) {
	c.nullable(&r.InstanceID)
	c.nullable(&r.RackID)
	c.str(&r.ClientID)
	c.str(&r.ClientHost)
	codeArray(c, &r.SubscribedTopics, 1, (*coder).str)
	c.nullable(&r.SubscribedRegex)
	code32(c, &r.RebalanceTimeoutMs)
	c.nullable(&r.ServerAssignor)
	c.tagged(v, &r.Tags, field{number: 0, name: "classicMemberMetadata", set: r.Classic != nil, code: func() { codeClassic(c, &r.Classic, v) }})
}

// codeClassic codes a struct that may be null: one byte, -1 or 1, and then its fields.
func codeClassic(c *coder, p **ClassicMemberMetadata, v int16) {
	present := int8(1)
	c.int8(&present)
	switch {
	case c.err != nil || present < 0:
		return
	case !c.encode:
		*p = new(ClassicMemberMetadata)
	}
	m := *p
	code32(c, &m.SessionTimeoutMs)
	codeArray(c, &m.Protocols, 3, func(c *coder, p *ClassicProtocol) {
		c.str(&p.Name)
		c.bytes(&p.Metadata)
		c.tagged(v, &p.Tags)
	})
	c.tagged(v, &m.Tags)
}

// ConsumerTargetEpochValue is the epoch of a group's target assignment.
type ConsumerTargetEpochValue struct {
	AssignmentEpoch     int32
	AssignmentTimestamp int64 // ms; 0: not known
	Tags                Tags
}

func (r *ConsumerTargetEpochValue) code(c *coder, v int16) {
	code32(c, &r.AssignmentEpoch)
	c.tagged(v, &r.Tags,
		field{number: 0, name: "assignmentTimestamp", set: r.AssignmentTimestamp != 0, code: func() { code64(c, &r.AssignmentTimestamp) }})
}

// ConsumerTargetMemberValue is what a member is to own at the target's epoch.
type ConsumerTargetMemberValue struct {
	Partitions []AssignedTopic
	Tags       Tags
}

func (r *ConsumerTargetMemberValue) code(c *coder, v int16) {
	codeArray(c, &r.Partitions, 18, func(c *coder, t *AssignedTopic) { t.code(c, v, false) })
	c.tagged(v, &r.Tags)
}

// AssignedTopic is a topic's partitions within an assignment.
type AssignedTopic struct {
	TopicID    kafka.TopicID
	Partitions []int32
	// Epochs are, in the order of Partitions, the member epochs at which each was assigned; nil:
	// not known. In current assignments only.
	Epochs []int32
	Tags   Tags
}

func (t *AssignedTopic) code(c *coder, v int16, epochs bool) {
	codeUUID(c, &t.TopicID)
	codeArray(c, &t.Partitions, 4, code32[int32])
	if !epochs {
		c.tagged(v, &t.Tags)
		return
	}
	c.tagged(v, &t.Tags, field{number: 0, name: "assignmentEpochs", set: t.Epochs != nil, code: func() {
		codeNullableArray(c, &t.Epochs, 4, code32[int32])
	}})
}

// ConsumerCurrentAssignmentValue is what a member owns and has to give back.
type ConsumerCurrentAssignmentValue struct {
	MemberEpoch         int32
	PreviousMemberEpoch int32
	State               int8 // 0 stable, 1 unrevoked partitions, 2 unreleased partitions
	Assigned            []AssignedTopic
	PendingRevocation   []AssignedTopic
	Tags                Tags
}

func (r *ConsumerCurrentAssignmentValue) code(c *coder, v int16) {
	code32(c, &r.MemberEpoch)
	code32(c, &r.PreviousMemberEpoch)
	c.int8(&r.State)
	codeArray(c, &r.Assigned, 18, func(c *coder, t *AssignedTopic) { t.code(c, v, true) })
	codeArray(c, &r.PendingRevocation, 18, func(c *coder, t *AssignedTopic) { t.code(c, v, true) })
	c.tagged(v, &r.Tags)
}

// ConsumerRegularExpressionValue is what a regular expression of a group's subscriptions was
// resolved to.
type ConsumerRegularExpressionValue struct {
	Topics    []string // sorted
	Version   int64    // of the metadata that it was resolved with
	Timestamp int64    // ms
	Tags      Tags
}

func (r *ConsumerRegularExpressionValue) code(c *coder, v int16) {
	codeArray(c, &r.Topics, 1, (*coder).str)
	code64(c, &r.Version)
	code64(c, &r.Timestamp)
	c.tagged(v, &r.Tags)
}
