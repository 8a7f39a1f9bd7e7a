package data

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteRecords: key 21, versions 0 to 2. As Kafka (SURFACE 85).
//
//	0   (KIP-107)
//	1   throttle first
//	2   flexible
func (h *Handlers) DeleteRecords(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDeleteRecordsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrDeleteRecordsResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewDeleteRecordsResponseTopic()
		out.Topic = t.Topic
		var refused error
		switch {
		case !h.allowed(r, security.OpDelete, t.Topic):
			refused = errNotAllowed
		case kafka.IsInternalTopic(t.Topic):
			refused = errInternalTopic
		}
		l := h.find(false, []byte(t.Topic), kafka.TopicID{})
		for j := range t.Partitions {
			out.Partitions = append(out.Partitions, h.deleteRecords(l, refused, &t.Partitions[j]))
		}
		resp.Topics = append(resp.Topics, out)
	}
	return message.Answer(r, resp)
}

func (h *Handlers) deleteRecords(l lookup, err error, want *kmsg.DeleteRecordsRequestTopicPartition) kmsg.DeleteRecordsResponseTopicPartition {
	out := kmsg.NewDeleteRecordsResponseTopicPartition()
	out.Partition, out.LowWatermark = want.Partition, -1
	if err == nil {
		p, missing := h.partition(l, false, want.Partition)
		if err = missing; err == nil {
			out.LowWatermark, err = p.DeleteRecords(want.Offset)
		}
	}
	out.ErrorCode = h.codeOf(err)
	return out
}
