package data

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListOffsets: key 2, versions 1 to 11. Differs from Kafka: nothing is tiered, so the timestamps about tiers
// find nothing.
//
//	2   isolation level (KIP-98)
//	4   leader epochs (KIP-320)
//	5   OFFSET_NOT_AVAILABLE is known
//	6   flexible
//	7   offset of the largest timestamp (KIP-734)
//	8   earliest local offset (KIP-405)
//	9   latest tiered offset (KIP-1005)
//	10  time-out for tiered look-ups (KIP-1075)
//	11  earliest offset to be tiered (KIP-1023)
func (h *Handlers) ListOffsets(r *network.Request) network.Disposition {
	req := kmsg.NewPtrListOffsetsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrListOffsetsResponse()
	asked := make(map[kafka.TopicPartition]int)
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			asked[kafka.TopicPartition{Topic: t.Topic, Partition: p.Partition}]++
		}
	}
	for i := range req.Topics {
		resp.Topics = append(resp.Topics, h.listTopic(r, req, &req.Topics[i], asked))
	}
	return message.Answer(r, resp)
}

func (h *Handlers) listTopic(r *network.Request, req *kmsg.ListOffsetsRequest, t *kmsg.ListOffsetsRequestTopic, asked map[kafka.TopicPartition]int) kmsg.ListOffsetsResponseTopic {
	out := kmsg.NewListOffsetsResponseTopic()
	out.Topic = t.Topic
	allowed := h.allowed(r, security.OpDescribe, t.Topic)
	l := h.find(false, []byte(t.Topic), kafka.TopicID{})
	for i := range t.Partitions {
		p := &t.Partitions[i]
		switch {
		case !allowed:
			out.Partitions = append(out.Partitions, noOffset(p.Partition, kerr.TopicAuthorizationFailed.Code))
		case asked[kafka.TopicPartition{Topic: t.Topic, Partition: p.Partition}] > 1: // SURFACE 81, also over several entries of the topic
			out.Partitions = append(out.Partitions, noOffset(p.Partition, kerr.InvalidRequest.Code))
		default:
			out.Partitions = append(out.Partitions, h.listPartition(req, l, p))
		}
	}
	return out
}

// firstVersion is from which version on a client may use each special timestamp (SURFACE 80).
var firstVersion = map[int64]int16{
	replica.TimestampLatest: 0, replica.TimestampEarliest: 0, replica.TimestampOfMax: 7,
	replica.TimestampEarliestLocal: 8, replica.TimestampLatestTiered: 9, replica.TimestampPendingUpload: 11,
}

func (h *Handlers) listPartition(req *kmsg.ListOffsetsRequest, l lookup, want *kmsg.ListOffsetsRequestTopicPartition) kmsg.ListOffsetsResponseTopicPartition {
	first, special := firstVersion[want.Timestamp]
	if want.Timestamp < 0 && (!special || req.Version < first) {
		return noOffset(want.Partition, kerr.UnsupportedVersion.Code)
	}
	p, err := h.partition(l, false, want.Partition)
	var o replica.Offset
	if err == nil {
		o, err = p.OffsetFor(want.Timestamp, kafka.Isolation(req.IsolationLevel), kafka.LeaderEpoch(want.CurrentLeaderEpoch))
	}
	if err != nil {
		code := h.codeOf(err)
		if code == kerr.OffsetNotAvailable.Code && req.Version < 5 {
			code = kerr.LeaderNotAvailable.Code
		}
		return noOffset(want.Partition, code)
	}
	out := noOffset(want.Partition, 0)
	out.Offset, out.Timestamp, out.LeaderEpoch = o.Offset, o.Timestamp, int32(o.Epoch)
	return out
}

func noOffset(partition int32, code int16) kmsg.ListOffsetsResponseTopicPartition {
	out := kmsg.NewListOffsetsResponseTopicPartition()
	out.Partition, out.ErrorCode = partition, code
	out.Offset, out.Timestamp, out.LeaderEpoch = -1, -1, -1
	return out
}
