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

// Heartbeat: key 12, versions 0 to 4. As Kafka: while a shard is being loaded it is answered success, since clients do not
// expect another code for that and the sessions begin anew anyway.
//
//	3   static members (KIP-345)
//	4   flexible
func (h *Handlers) Heartbeat(r *network.Request) network.Disposition {
	req := kmsg.NewPtrHeartbeatRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	fail := func(code *kerr.Error) kmsg.Response {
		resp := kmsg.NewPtrHeartbeatResponse()
		resp.ErrorCode = code.Code
		return resp
	}
	if code := h.refusedGroup(r, security.OpRead, req.Group); code != nil {
		return message.Answer(r, fail(code))
	}
	c := caller(r)
	h.decide(req.Group, func(t *coordinator.Turn, s *groups.Shard) {
		s.Heartbeat(t, c, req, func(resp *kmsg.HeartbeatResponse) { finish(r, resp) })
	}, func(code *kerr.Error) {
		resp := kmsg.NewPtrHeartbeatResponse()
		if code != kerr.CoordinatorLoadInProgress {
			resp.ErrorCode = code.Code
		}
		finish(r, resp)
	})
	return network.Pending
}
