package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// consumerState is the state of a consumer group.
type consumerState uint8

const consumerEmpty consumerState = iota

// String is Kafka's name of the state.
func (s consumerState) String() string { return "Empty" }

// consumerGroup is a group whose coordinator assigns (KIP-848).
type consumerGroup struct {
	name    string
	members map[string]struct{}
}

func (g *consumerGroup) state() consumerState                                    { return consumerEmpty }
func (g *consumerGroup) isSubscribed(string) bool                                { return false }
func (g *consumerGroup) closed(*kerr.Error)                                      {}
func (g *consumerGroup) checkFetch(*kmsg.OffsetFetchRequestGroup) *kerr.Error    { return nil }
func (s *Shard) consumerLoaded(*coordinator.Turn, *consumerGroup)                {}
func (s *Shard) consumerPublished(*coordinator.Turn, *metadata.Delta)            {}
func (s *Shard) dropConsumer(*coordinator.Turn, string)                          {}
func (s *Shard) replayConsumer(schema.OffsetsKey, schema.OffsetsValue)           {}
func (s *Shard) appendConsumerTombstones(*coordinator.Turn, *consumerGroup) bool { return true }
func (s *Shard) joinConsumer(t *coordinator.Turn, c Caller, g *consumerGroup, req *kmsg.JoinGroupRequest, w *joinWaiter) {
	w.answer(t, joinError(w.version, req.MemberID, kerr.InconsistentGroupProtocol))
}
func (s *Shard) syncConsumer(t *coordinator.Turn, g *consumerGroup, req *kmsg.SyncGroupRequest, w *syncWaiter) {
	w.answer(t, syncError(w.version, kerr.UnknownMemberID))
}
func (s *Shard) heartbeatConsumer(t *coordinator.Turn, g *consumerGroup, req *kmsg.HeartbeatRequest) *kerr.Error {
	return kerr.UnknownMemberID
}
func (s *Shard) leaveConsumer(t *coordinator.Turn, g *consumerGroup, members []kmsg.LeaveGroupRequestMember) []kmsg.LeaveGroupResponseMember {
	return s.leave(t, nil, members)
}
func (s *Shard) checkConsumerCommit(t *coordinator.Turn, g *consumerGroup, req *kmsg.OffsetCommitRequest) *kerr.Error {
	return kerr.UnknownMemberID
}

// ConsumerGroupHeartbeat is how a member of a consumer group joins, stays, learns its assignment and leaves.
func (s *Shard) ConsumerGroupHeartbeat(t *coordinator.Turn, c Caller, req *kmsg.ConsumerGroupHeartbeatRequest, reply func(*kmsg.ConsumerGroupHeartbeatResponse)) {
	r := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	r.Version, r.ErrorCode = req.Version, kerr.UnsupportedVersion.Code
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			r.ErrorCode = code.Code
		}
		reply(r)
	})
}

// ConsumerGroupDescribe describes one consumer group.
func (s *Shard) ConsumerGroupDescribe(t *coordinator.Turn, c Caller, name string, reply func(kmsg.ConsumerGroupDescribeResponseGroup)) {
	r := kmsg.NewConsumerGroupDescribeResponseGroup()
	r.Group, r.ErrorCode = name, kerr.GroupIDNotFound.Code
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			r.ErrorCode = code.Code
		}
		reply(r)
	})
}
