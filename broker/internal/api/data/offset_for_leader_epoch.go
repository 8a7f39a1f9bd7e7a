package data

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetForLeaderEpoch: key 23, versions 2 to 4. As Kafka (SURFACE 83).
//
//	2   current leader epoch (KIP-320)
//	3   replica id
//	4   flexible
func (h *Handlers) OffsetForLeaderEpoch(r *network.Request) network.Disposition {
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	peer := h.Authorizer.Allowed(r.Session.Principal, r.Session.RemoteHost, security.OpClusterAction, security.ResourceCluster, security.ClusterName)
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewOffsetForLeaderEpochResponseTopic()
		out.Topic = t.Topic
		allowed := peer || h.allowed(r, security.OpDescribe, t.Topic)
		l := h.find(false, []byte(t.Topic), kafka.TopicID{})
		for j := range t.Partitions {
			out.Partitions = append(out.Partitions, h.epochEnd(l, allowed, &t.Partitions[j]))
		}
		resp.Topics = append(resp.Topics, out)
	}
	return message.Answer(r, resp)
}

func (h *Handlers) epochEnd(l lookup, allowed bool, want *kmsg.OffsetForLeaderEpochRequestTopicPartition) kmsg.OffsetForLeaderEpochResponseTopicPartition {
	out := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
	out.Partition, out.LeaderEpoch, out.EndOffset = want.Partition, -1, -1
	if !allowed {
		out.ErrorCode = kerr.TopicAuthorizationFailed.Code
		return out
	}
	p, err := h.partition(l, false, want.Partition)
	if err == nil {
		var epoch kafka.LeaderEpoch
		epoch, out.EndOffset, err = p.EpochEnd(kafka.LeaderEpoch(want.LeaderEpoch), kafka.LeaderEpoch(want.CurrentLeaderEpoch))
		out.LeaderEpoch = int32(epoch)
	}
	out.ErrorCode = h.codeOf(err)
	return out
}
