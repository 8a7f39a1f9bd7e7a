package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	groups "github.com/thalweg-io/thalweg/broker/internal/coordinator/group"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetDelete: key 47, version 0 (KIP-496). As Kafka (SURFACE 110); topics that were refused are answered first.
func (h *Handlers) OffsetDelete(r *network.Request) network.Disposition {
	req := kmsg.NewPtrOffsetDeleteRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrOffsetDeleteResponse()
	if code := h.refusedGroup(r, security.OpDelete, req.Group); code != nil {
		resp.ErrorCode = code.Code
		return message.Answer(r, resp)
	}
	resp.Topics, req.Topics = h.deletable(r, req.Topics)
	c := caller(r)
	h.decide(req.Group, func(t *coordinator.Turn, s *groups.Shard) {
		s.OffsetDelete(t, c, req, func(decided *kmsg.OffsetDeleteResponse) {
			if resp.ErrorCode = decided.ErrorCode; resp.ErrorCode != 0 {
				resp.Topics = nil
			}
			resp.Topics = append(resp.Topics, decided.Topics...)
			finish(r, resp)
		})
	}, func(code *kerr.Error) {
		resp.ErrorCode, resp.Topics = code.Code, nil
		finish(r, resp)
	})
	return network.Pending
}

// deletable parts the topics of a request into the answers about those that the group is not asked about, and the rest.
func (h *Handlers) deletable(r *network.Request, topics []kmsg.OffsetDeleteRequestTopic) (refused []kmsg.OffsetDeleteResponseTopic, rest []kmsg.OffsetDeleteRequestTopic) {
	image := h.Image()
	for _, t := range topics {
		topic, _, code := h.topicOf(r, image, security.OpRead, false, t.Topic, [16]byte{})
		out, kept := kmsg.NewOffsetDeleteResponseTopic(), kmsg.NewOffsetDeleteRequestTopic()
		out.Topic, kept.Topic = t.Topic, t.Topic
		for _, p := range t.Partitions {
			e := kmsg.NewOffsetDeleteResponseTopicPartition()
			e.Partition = p.Partition
			switch {
			case code != nil:
				e.ErrorCode = code.Code
			case topic.Partition(p.Partition) == nil:
				e.ErrorCode = kerr.UnknownTopicOrPartition.Code
			default:
				kept.Partitions = append(kept.Partitions, p)
				continue
			}
			out.Partitions = append(out.Partitions, e)
		}
		if len(out.Partitions) > 0 {
			refused = append(refused, out)
		}
		if len(kept.Partitions) > 0 {
			rest = append(rest, kept)
		}
	}
	return refused, rest
}
