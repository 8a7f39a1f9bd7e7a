package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// checkConsumerCommit checks that the caller may commit for a consumer group (SURFACE 107). An older epoch may commit what the member has
// had since then (KIP-1251): the commit was on its way when the member moved on, and nobody else can have had the partition.
func (s *Shard) checkConsumerCommit(t *coordinator.Turn, g *consumerGroup, req *kmsg.OffsetCommitRequest) *kerr.Error {
	if req.Generation < 0 && len(g.members) == 0 {
		return nil
	}
	m := g.members[req.MemberID]
	switch {
	case m == nil:
		return kerr.UnknownMemberID
	case m.classic != nil && req.Generation != m.epoch:
		return kerr.IllegalGeneration
	case m.classic != nil:
		return nil
	case req.Version < 9:
		return kerr.UnsupportedVersion
	case req.Generation == m.epoch:
		return nil
	case req.Generation > m.epoch || req.Generation < 0:
		return kerr.StaleMemberEpoch
	}
	for _, topic := range req.Topics {
		id := topic.TopicID
		if known := t.Image().Topic(topic.Topic); known != nil {
			id = known.ID
		}
		for _, p := range topic.Partitions {
			tp := topicPartition{id, p.Partition}
			since, ok := m.assigned[tp]
			if !ok {
				since, ok = m.revoking[tp]
			}
			if !ok || since > req.Generation {
				return kerr.StaleMemberEpoch
			}
		}
	}
	return nil
}

// checkFetch checks that a member that names itself is one, of the present epoch.
func (g *consumerGroup) checkFetch(req *kmsg.OffsetFetchRequestGroup) *kerr.Error {
	if req.MemberID == nil && req.MemberEpoch < 0 {
		return nil
	}
	id := ""
	if req.MemberID != nil {
		id = *req.MemberID
	}
	m := g.members[id]
	switch {
	case m == nil:
		return kerr.UnknownMemberID
	case m.classic != nil && req.MemberEpoch != m.epoch:
		return kerr.IllegalGeneration
	case req.MemberEpoch != m.epoch:
		return kerr.StaleMemberEpoch
	}
	return nil
}
