package admin

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ElectLeaders: key 43, versions 0 to 2. As Kafka (SURFACE 128); it does not wait for the brokers concerned
// to have heard of the outcome.
//
//	0   preferred leaders (KIP-183)
//	1   unclean elections; error of the whole (KIP-460)
//	2   flexible
func (h *Handlers) ElectLeaders(r *network.Request) network.Disposition {
	req := kmsg.NewPtrElectLeadersRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	if !h.allowed(r, security.OpAlter, security.ResourceCluster, security.ClusterName) {
		return message.Answer(r, noElection(req, kerr.ClusterAuthorizationFailed, "Cluster authorization failed."))
	}
	decided, code, text := h.decide(r, req, req.TimeoutMillis)
	if code != nil {
		return message.Answer(r, noElection(req, code, text))
	}
	return message.Answer(r, decided)
}

// noElection answers for the whole, and for each partition because v0 knows nothing else.
func noElection(req *kmsg.ElectLeadersRequest, code *kerr.Error, text string) *kmsg.ElectLeadersResponse {
	resp := kmsg.NewPtrElectLeadersResponse()
	resp.ErrorCode = code.Code
	for _, t := range req.Topics {
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = t.Topic
		for _, index := range t.Partitions {
			p := kmsg.NewElectLeadersResponseTopicPartition()
			p.Partition, p.ErrorCode, p.ErrorMessage = index, code.Code, &text
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}
