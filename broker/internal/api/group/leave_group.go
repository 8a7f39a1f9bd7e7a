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

// LeaveGroup: key 13, versions 0 to 5. As Kafka.
//
//	3   several members at once, also static ones by their instance ids (KIP-345)
//	4   flexible
//	5   reason (KIP-800)
func (h *Handlers) LeaveGroup(r *network.Request) network.Disposition {
	req := kmsg.NewPtrLeaveGroupRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	fail := func(code *kerr.Error) kmsg.Response {
		resp := kmsg.NewPtrLeaveGroupResponse()
		resp.ErrorCode = code.Code
		return resp
	}
	if code := h.refusedGroup(r, security.OpRead, req.Group); code != nil {
		return message.Answer(r, fail(code))
	}
	c := caller(r)
	h.decide(req.Group, func(t *coordinator.Turn, s *groups.Shard) {
		s.LeaveGroup(t, c, req, func(resp *kmsg.LeaveGroupResponse) { finish(r, resp) })
	}, func(code *kerr.Error) { finish(r, fail(code)) })
	return network.Pending
}
