package admin

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// UpdateFeatures: key 57, versions 0 to 2. Differs from Kafka: the level that a feature has is the only one
// accepted; anything else is INVALID_UPDATE_VERSION with the reason.
//
//	0   (KIP-584)
//	1   upgrade types, validate only (KIP-778)
//	2   no results by feature (KIP-1022)
func (h *Handlers) UpdateFeatures(r *network.Request) network.Disposition {
	req := kmsg.NewPtrUpdateFeaturesRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	code, text := kerr.ClusterAuthorizationFailed, "Cluster authorization failed."
	if h.allowed(r, security.OpAlter, security.ResourceCluster, security.ClusterName) {
		var decided kmsg.Response
		if decided, code, text = h.decide(r, req, req.TimeoutMillis); code == nil {
			return message.Answer(r, decided)
		}
	}
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	resp.ErrorCode, resp.ErrorMessage = code.Code, &text
	return message.Answer(r, resp)
}
