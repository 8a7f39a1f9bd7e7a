package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetDelete deletes offsets of topics that no member is subscribed to (SURFACE 110).
func (s *Shard) OffsetDelete(t *coordinator.Turn, c Caller, req *kmsg.OffsetDeleteRequest, reply func(*kmsg.OffsetDeleteResponse)) {
	r := kmsg.NewPtrOffsetDeleteResponse()
	r.Version = req.Version
	if code := s.checkOffsetDelete(req.Group); code != nil {
		r.ErrorCode = code.Code
	} else {
		r.Topics = s.deleteOffsets(t, req)
	}
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			r.ErrorCode, r.Topics = code.Code, nil
		}
		reply(r)
	})
}

func (s *Shard) checkOffsetDelete(group string) *kerr.Error {
	g := s.classic[group]
	switch {
	case s.consumer[group] != nil:
		return nil
	case g == nil:
		return kerr.GroupIDNotFound
	case g.state != empty && g.protocolType != consumerProtocolType:
		return kerr.NonEmptyGroup
	}
	return nil
}

// subscribed reports whether offsets of a topic may be needed by a member of the group.
func (s *Shard) subscribed(group, topic string) bool {
	if g := s.consumer[group]; g != nil {
		return g.isSubscribed(topic)
	}
	g := s.classic[group]
	return g != nil && g.isSubscribed(topic)
}

func (s *Shard) deleteOffsets(t *coordinator.Turn, req *kmsg.OffsetDeleteRequest) (all []kmsg.OffsetDeleteResponseTopic) {
	for _, topic := range req.Topics {
		out := kmsg.NewOffsetDeleteResponseTopic()
		out.Topic = topic.Topic
		subscribed := s.subscribed(req.Group, topic.Topic)
		for _, p := range topic.Partitions {
			e := kmsg.NewOffsetDeleteResponseTopicPartition()
			e.Partition = p.Partition
			switch {
			case subscribed:
				e.ErrorCode = kerr.GroupSubscribedToTopic.Code
			case s.offsets[req.Group].get(topic.Topic, p.Partition) != nil || s.unstable(req.Group, topic.Topic, p.Partition):
				if key := offsetKey(req.Group, topic.Topic, p.Partition); t.Fits(1, len(key)) {
					t.Append(key, nil)
				} else {
					e.ErrorCode = kerr.UnknownServerError.Code
				}
			}
			out.Partitions = append(out.Partitions, e)
		}
		all = append(all, out)
	}
	return all
}
