package admin

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeQuorum: key 55, versions 0 to 2. Differs from Kafka: a voter has no controller listener, so none is
// told.
//
//	0   (KIP-595)
//	1   times of fetches (KIP-836)
//	2   directory ids, nodes, messages (KIP-853)
func (h *Handlers) DescribeQuorum(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDescribeQuorumRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	code, text := kerr.ClusterAuthorizationFailed, "Cluster authorization failed."
	if h.allowed(r, security.OpDescribe, security.ResourceCluster, security.ClusterName) {
		var decided kmsg.Response
		if decided, code, text = h.decide(r, req, decideWaitMs); code == nil {
			return message.Answer(r, decided)
		}
	}
	resp := kmsg.NewPtrDescribeQuorumResponse()
	resp.ErrorCode, resp.ErrorMessage = code.Code, &text
	return message.Answer(r, resp)
}
