package schema

import "github.com/thalweg-io/thalweg/internal/kafka"

// OffsetCommitValue is a committed offset. Versions: 1 adds ExpireTimestamp, 2 drops it, 3 adds
// LeaderEpoch (KIP-320), 4 is flexible and adds TopicID. Kafka writes 4, or 1 if the commit named
// its own retention.
type OffsetCommitValue struct {
	Offset          int64
	LeaderEpoch     kafka.LeaderEpoch // -1: unknown
	Metadata        string
	CommitTimestamp int64         // ms
	ExpireTimestamp int64         // ms, -1: by the broker's retention; version 1 only
	TopicID         kafka.TopicID // zero: unknown
	Tags            Tags
}

// NewOffsetCommit returns a value with everything unknown: -1, never 0.
func NewOffsetCommit() *OffsetCommitValue {
	return &OffsetCommitValue{Offset: -1, LeaderEpoch: kafka.NoLeaderEpoch, CommitTimestamp: -1, ExpireTimestamp: noExpiry}
}

func (r *OffsetCommitValue) code(c *coder, v int16) {
	code64(c, &r.Offset)
	if v >= 3 {
		code32(c, &r.LeaderEpoch)
	}
	c.str(&r.Metadata)
	code64(c, &r.CommitTimestamp)
	if v == 1 {
		code64(c, &r.ExpireTimestamp)
	}
	c.tagged(v, &r.Tags,
		field{number: 0, name: "topicId", since: 4, set: !r.TopicID.IsZero(), code: func() { codeUUID(c, &r.TopicID) }})
}

// GroupMetadataValue is the state of a classic group. Versions: 1 adds the members' rebalance
// timeouts, 2 CurrentStateTimestamp, 3 instance ids (KIP-345), 4 is flexible. Kafka writes 3.
type GroupMetadataValue struct {
	ProtocolType          string
	Generation            int32
	Protocol              *string
	Leader                *string
	CurrentStateTimestamp int64 // ms, -1: unknown
	Members               []GroupMember
	Tags                  Tags
}

// GroupMember is one member of a classic group.
type GroupMember struct {
	MemberID           string
	InstanceID         *string
	ClientID           string
	ClientHost         string
	RebalanceTimeoutMs int32 // -1: not told (version 0)
	SessionTimeoutMs   int32
	Subscription       []byte
	Assignment         []byte
	Tags               Tags
}

func (r *GroupMetadataValue) code(c *coder, v int16) {
	c.str(&r.ProtocolType)
	code32(c, &r.Generation)
	c.nullable(&r.Protocol)
	c.nullable(&r.Leader)
	if v >= 2 {
		code64(c, &r.CurrentStateTimestamp)
	}
	smallest := 18 // the fixed encoding of an empty member; the flexible one has at least 11
	if v >= 4 {
		smallest = 11
	}
	codeArray(c, &r.Members, smallest, func(c *coder, m *GroupMember) { m.code(c, v) })
	c.tagged(v, &r.Tags)
}

func (m *GroupMember) code(c *coder, v int16) {
	c.str(&m.MemberID)
	if v >= 3 {
		c.nullable(&m.InstanceID)
	}
	c.str(&m.ClientID)
	c.str(&m.ClientHost)
	if v >= 1 {
		code32(c, &m.RebalanceTimeoutMs)
	} else if !c.encode {
		m.RebalanceTimeoutMs = -1
	}
	code32(c, &m.SessionTimeoutMs)
	c.bytes(&m.Subscription)
	c.bytes(&m.Assignment)
	c.tagged(v, &m.Tags)
}
