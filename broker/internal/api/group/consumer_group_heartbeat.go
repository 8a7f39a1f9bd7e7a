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

// ConsumerGroupHeartbeat: key 68, versions 0 to 1 (KIP-848). As Kafka (SURFACE 113-116).
//
//	1   regular expressions; the member makes its id itself (KIP-1082)
func (h *Handlers) ConsumerGroupHeartbeat(r *network.Request) network.Disposition {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	fail := func(code *kerr.Error) kmsg.Response {
		resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
		resp.ErrorCode = code.Code
		text := code.Description
		resp.ErrorMessage = &text
		return resp
	}
	code := h.refusedGroup(r, security.OpRead, req.Group)
	for _, topic := range req.SubscribedTopicNames {
		if code == nil && !h.allowed(r, security.OpDescribe, security.ResourceTopic, topic) {
			code = kerr.TopicAuthorizationFailed
		}
	}
	if code != nil {
		return message.Answer(r, fail(code))
	}
	c, session := caller(r), *r.Session
	c.Describe = func(topic string) bool {
		return h.Authorizer.Allowed(session.Principal, session.RemoteHost, security.OpDescribe, security.ResourceTopic, topic)
	}
	h.decide(req.Group, func(t *coordinator.Turn, s *groups.Shard) {
		s.ConsumerGroupHeartbeat(t, c, req, func(resp *kmsg.ConsumerGroupHeartbeatResponse) { finish(r, resp) })
	}, func(code *kerr.Error) { finish(r, fail(code)) })
	return network.Pending
}
