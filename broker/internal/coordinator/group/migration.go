package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// classicSession is what a member of the classic protocol is in the middle of, in a consumer group.
type classicSession struct{}

func (g *consumerGroup) closed(*kerr.Error) {}

// upgrade makes a consumer group of a classic one.
func (s *Shard) upgrade(d *decision, old *classicGroup) *refusal {
	if old.state != empty {
		return refuse(kerr.GroupIDNotFound, "Group %s is not a consumer group.", old.name)
	}
	for _, id := range sortedKeys(old.pending) {
		d.t.Cancel(timerName("session", old.name, id))
	}
	key := keyBytes(schema.OffsetsKey{Type: schema.OffsetsGroupMetadata, Group: old.name})
	d.size += len(key)
	d.records = append(d.records, record{key, nil})
	return nil
}

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
