package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetFetch returns the committed offsets of one group (SURFACE 108, RELIABILITY T-14). Topics carry their names, with version 10
// their ids too; nil means all topics. With requireStable an offset that a transaction may still change is refused.
func (s *Shard) OffsetFetch(t *coordinator.Turn, c Caller, requireStable bool, req *kmsg.OffsetFetchRequestGroup, reply func(kmsg.OffsetFetchResponseGroup)) {
	r := kmsg.NewOffsetFetchResponseGroup()
	r.Group = req.Group
	var code *kerr.Error
	if g := s.consumer[req.Group]; g != nil {
		code = g.checkFetch(req)
	}
	offsets := s.offsets[req.Group]
	switch {
	case code != nil:
		r.ErrorCode = code.Code
	case req.Topics == nil:
		r.Topics = s.fetchAll(t, c, req.Group, requireStable)
	default:
		for _, topic := range req.Topics {
			out := kmsg.NewOffsetFetchResponseGroupTopic()
			out.Topic, out.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				unstable := requireStable && s.unstable(req.Group, topic.Topic, p)
				out.Partitions = append(out.Partitions, fetched(p, offsets.get(topic.Topic, p), unstable))
			}
			r.Topics = append(r.Topics, out)
		}
	}
	if plantedFetchAhead {
		reply(r)
		return
	}
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			r.ErrorCode, r.Topics = code.Code, nil
		}
		reply(r)
	})
}

// fetchAll returns all offsets of a group. By version 10 topics are known by id, so those that are gone are left out.
func (s *Shard) fetchAll(t *coordinator.Turn, c Caller, group string, requireStable bool) (all []kmsg.OffsetFetchResponseGroupTopic) {
	for tp, offset := range s.offsets[group].each {
		if len(all) == 0 || all[len(all)-1].Topic != tp.Topic {
			out := kmsg.NewOffsetFetchResponseGroupTopic()
			out.Topic = tp.Topic
			if known := t.Image().Topic(tp.Topic); known != nil {
				out.TopicID = known.ID
			} else if c.Version >= 10 {
				continue
			}
			all = append(all, out)
		}
		unstable := requireStable && s.unstable(group, tp.Topic, tp.Partition)
		out := &all[len(all)-1]
		out.Partitions = append(out.Partitions, fetched(tp.Partition, offset, unstable))
	}
	return all
}

// fetched is the answer about one partition; without an offset it says -1, never 0.
func fetched(partition int32, offset *committed, unstable bool) kmsg.OffsetFetchResponseGroupTopicPartition {
	e := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	none := ""
	e.Partition, e.Offset, e.LeaderEpoch, e.Metadata = partition, -1, -1, &none
	switch {
	case unstable:
		e.ErrorCode = kerr.UnstableOffsetCommit.Code
	case offset != nil:
		text := offset.Metadata
		e.Offset, e.LeaderEpoch, e.Metadata = offset.Offset, int32(offset.LeaderEpoch), &text
	}
	return e
}
