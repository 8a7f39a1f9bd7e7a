package data

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeProducers: key 61, version 0. As Kafka (SURFACE 86).
//
//	0   (KIP-664)
func (h *Handlers) DescribeProducers(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDescribeProducersRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrDescribeProducersResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewDescribeProducersResponseTopic()
		out.Topic = t.Topic
		var refusal *kerr.Error
		text := ""
		if err := kafka.CheckTopicName(t.Topic); err != nil {
			refusal, text = kerr.InvalidTopicException, err.Error()
		} else if !h.allowed(r, security.OpRead, t.Topic) {
			refusal, text = kerr.TopicAuthorizationFailed, "Topic authorization failed."
		}
		l := h.find(false, []byte(t.Topic), kafka.TopicID{})
		for _, index := range t.Partitions {
			p := kmsg.NewDescribeProducersResponseTopicPartition()
			if p.Partition = index; refusal != nil {
				p.ErrorCode, p.ErrorMessage = refusal.Code, &text
			} else {
				h.producersOf(l, &p)
			}
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return message.Answer(r, resp)
}

func (h *Handlers) producersOf(l lookup, out *kmsg.DescribeProducersResponseTopicPartition) {
	p, err := h.partition(l, false, out.Partition)
	if err != nil {
		out.ErrorCode = h.codeOf(err)
		return
	}
	producers, err := p.Producers()
	out.ErrorCode = h.codeOf(err)
	for _, s := range producers {
		a := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
		a.ProducerID, a.ProducerEpoch, a.LastSequence, a.LastTimestamp = int64(s.ID), int32(s.Epoch), s.LastSequence, s.LastTimestamp
		a.CoordinatorEpoch, a.CurrentTxnStartOffset = s.CoordinatorEpoch, s.TxnFirstOffset
		out.ActiveProducers = append(out.ActiveProducers, a)
	}
}
