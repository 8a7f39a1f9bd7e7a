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

// JoinGroup: key 11, versions 0 to 9. As Kafka. It is answered when all members have joined, or time is up.
//
//	1   rebalance time-out
//	4   a member without id is given one and has to come again (KIP-394)
//	5   static members (KIP-345)
//	6   flexible
//	7   protocol type in the answer (KIP-559)
//	8   reason (KIP-800)
//	9   the leader may be told to leave the assignment as it is (KIP-814)
func (h *Handlers) JoinGroup(r *network.Request) network.Disposition {
	req := kmsg.NewPtrJoinGroupRequest()
	if decodeKept(r, req) != nil {
		return network.Hangup
	}
	fail := func(code *kerr.Error) kmsg.Response {
		resp := kmsg.NewPtrJoinGroupResponse()
		resp.ErrorCode, resp.Generation, resp.MemberID = code.Code, -1, req.MemberID
		if r.Version < 7 {
			resp.Protocol = new(string) // not nullable
		}
		return resp
	}
	if code := h.refusedGroup(r, security.OpRead, req.Group); code != nil {
		return message.Answer(r, fail(code))
	}
	c := caller(r)
	h.decide(req.Group, func(t *coordinator.Turn, s *groups.Shard) {
		s.JoinGroup(t, c, req, func(resp *kmsg.JoinGroupResponse) { finish(r, resp) })
	}, func(code *kerr.Error) { finish(r, fail(code)) })
	return network.Pending
}
