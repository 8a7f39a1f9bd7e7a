package admin

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterClientQuotas: key 49, versions 0 and 1. Differs from Kafka: the entity of an IP address is an address, no
// host name; an entity that comes twice is answered twice.
//
//	0   (KIP-546)
//	1   flexible
func (h *Handlers) AlterClientQuotas(r *network.Request) network.Disposition {
	req := kmsg.NewPtrAlterClientQuotasRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	code, text := kerr.ClusterAuthorizationFailed, "Cluster authorization failed."
	if h.allowed(r, security.OpAlterConfigs, security.ResourceCluster, security.ClusterName) {
		var decided kmsg.Response
		if decided, code, text = h.decide(r, req, decideWaitMs); code == nil {
			return message.Answer(r, decided)
		}
	}
	resp := kmsg.NewPtrAlterClientQuotasResponse()
	for i := range req.Entries {
		e := kmsg.NewAlterClientQuotasResponseEntry()
		e.ErrorCode, e.ErrorMessage = code.Code, &text
		for _, part := range req.Entries[i].Entity {
			out := kmsg.NewAlterClientQuotasResponseEntryEntity()
			out.Type, out.Name = part.Type, part.Name
			e.Entity = append(e.Entity, out)
		}
		resp.Entries = append(resp.Entries, e)
	}
	return message.Answer(r, resp)
}
