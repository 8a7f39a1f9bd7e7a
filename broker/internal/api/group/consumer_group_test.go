package group

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// hiding lets everything be done but to a topic named secret.
type hiding struct{}

func (hiding) Allowed(_ security.Principal, _ string, _ security.Operation, res security.Resource, name string) bool {
	return res != security.ResourceTopic || name != "secret"
}

// TestPoint116TopicAuthorization: a topic that the member may not describe fails the heartbeat as a whole; a group that the client may not read is
// refused before. (That regular expressions leave such topics out is in coordinator/group's scripts.)
func TestPoint116TopicAuthorization(t *testing.T) {
	f := func(auth security.Authorizer, topics []string, want *kerr.Error) {
		t.Helper()
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.SetVersion(1)
		req.Group, req.MemberID, req.SubscribedTopicNames = "g", "m", topics
		r := &network.Request{Header: wire.Header{Key: req.Key(), Version: 1}, Payload: req.AppendTo(nil), Session: &network.Session{}}
		if d := New(Options{Authorizer: auth}).ConsumerGroupHeartbeat(r); d != network.Answered {
			t.Fatalf("ended by %d", d)
		}
		resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
		resp.SetVersion(1)
		if err := resp.ReadFrom(r.Out); err != nil || resp.ErrorCode != want.Code || resp.ErrorMessage == nil {
			t.Errorf("%+v, want %s (%v)", resp, want.Message, err)
		}
	}
	f(hiding{}, []string{"t", "secret"}, kerr.TopicAuthorizationFailed)
	f(deny{}, []string{"t"}, kerr.GroupAuthorizationFailed)
	g := kmsg.NewConsumerGroupDescribeResponseGroup()
	m := kmsg.NewConsumerGroupDescribeResponseGroupMember()
	tp := kmsg.NewAssignmentTopicPartition()
	tp.Topic = "secret"
	m.TargetAssignment.TopicPartitions = append(m.TargetAssignment.TopicPartitions, tp)
	g.Members = append(g.Members, m)
	sees := func(topic string) bool { return topic != "secret" }
	if describable(&g, sees) {
		t.Error("a group with a hidden topic is described")
	}
	if g.Members[0].TargetAssignment.TopicPartitions[0].Topic = "t"; !describable(&g, sees) {
		t.Error("a group without hidden topics is not described")
	}
}
