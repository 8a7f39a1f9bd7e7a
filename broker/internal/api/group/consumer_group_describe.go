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

// ConsumerGroupDescribe: key 69, versions 0 to 1 (KIP-848). As Kafka: a group with a topic that the client may not describe is refused as
// a whole.
//
//	1   type of the members (KIP-1099)
func (h *Handlers) ConsumerGroupDescribe(r *network.Request) network.Disposition {
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrConsumerGroupDescribeResponse()
	resp.Groups = make([]kmsg.ConsumerGroupDescribeResponseGroup, len(req.Groups))
	c, session := caller(r), *r.Session
	describes := func(topic string) bool {
		return h.Authorizer.Allowed(session.Principal, session.RemoteHost, security.OpDescribe, security.ResourceTopic, topic)
	}
	all := newGather(len(req.Groups), func() { finish(r, resp) })
	for i, name := range req.Groups {
		operations := int32(notRequested)
		if req.IncludeAuthorizedOperations {
			operations = h.operations(r, name)
		}
		put := func(g kmsg.ConsumerGroupDescribeResponseGroup) {
			if !describable(&g, describes) {
				g = refusedDescription(name, kerr.TopicAuthorizationFailed)
			}
			g.AuthorizedOperations = notRequested
			if g.ErrorCode == 0 {
				g.AuthorizedOperations = operations
			}
			all.put(func() { resp.Groups[i] = g })
		}
		fail := func(code *kerr.Error) { put(refusedDescription(name, code)) }
		switch code := h.refusedGroup(r, security.OpDescribe, name); {
		case name == "":
			fail(kerr.InvalidGroupID)
		case code != nil:
			fail(code)
		default:
			h.decide(name, func(t *coordinator.Turn, s *groups.Shard) { s.ConsumerGroupDescribe(t, c, name, put) }, fail)
		}
	}
	return network.Pending
}

func refusedDescription(name string, code *kerr.Error) kmsg.ConsumerGroupDescribeResponseGroup {
	g := kmsg.NewConsumerGroupDescribeResponseGroup()
	text := code.Description
	g.Group, g.ErrorCode, g.ErrorMessage = name, code.Code, &text
	return g
}

// describable reports whether the client may describe every topic that the description names.
func describable(g *kmsg.ConsumerGroupDescribeResponseGroup, describes func(topic string) bool) bool {
	for i := range g.Members {
		m := &g.Members[i]
		for _, topic := range m.SubscribedTopics {
			if !describes(topic) {
				return false
			}
		}
		for _, a := range []kmsg.Assignment{m.Assignment, m.TargetAssignment} {
			for _, tp := range a.TopicPartitions {
				if !describes(tp.Topic) {
					return false
				}
			}
		}
	}
	return true
}
