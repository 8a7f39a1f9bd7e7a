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

// SyncGroup: key 14, versions 0 to 5. As Kafka. It is answered when the leader's assignment is written down.
//
//	3   static members (KIP-345)
//	4   flexible
//	5   the protocol that the member believes in, and the group's in the answer (KIP-559)
func (h *Handlers) SyncGroup(r *network.Request) network.Disposition {
	req := kmsg.NewPtrSyncGroupRequest()
	if decodeKept(r, req) != nil {
		return network.Hangup
	}
	fail := func(code *kerr.Error) kmsg.Response {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.ErrorCode = code.Code
		return resp
	}
	switch code := h.refusedGroup(r, security.OpRead, req.Group); {
	case code != nil:
		return message.Answer(r, fail(code))
	case r.Version >= 5 && (req.ProtocolType == nil || req.Protocol == nil): // mandatory since KIP-559
		return message.Answer(r, fail(kerr.InconsistentGroupProtocol))
	}
	c := caller(r)
	h.decide(req.Group, func(t *coordinator.Turn, s *groups.Shard) {
		s.SyncGroup(t, c, req, func(resp *kmsg.SyncGroupResponse) { finish(r, resp) })
	}, func(code *kerr.Error) { finish(r, fail(code)) })
	return network.Pending
}
