package group

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// deny is an authorizer that allows nothing.
type deny struct{}

func (deny) Allowed(security.Principal, string, security.Operation, security.Resource, string) bool {
	return false
}

// offsetsImage is a cluster in which broker 1 leads partition 0 of the offsets topic, and nobody partition 1.
func offsetsImage(t *testing.T) *metadata.Image {
	t.Helper()
	b := metadata.NewBuilder(metadata.NewImage(metadata.ImageOptions{}))
	id := kafka.TopicID{15: 200}
	one := []kafka.BrokerID{1}
	for _, r := range []schema.Record{
		&schema.RegisterBrokerRecord{BrokerID: 1, BrokerEpoch: 1, Endpoints: []schema.BrokerEndpoint{{Name: "PLAINTEXT", Host: "h", Port: 9092}}},
		&schema.TopicRecord{Name: kafka.OffsetsTopic, TopicID: id},
		&schema.PartitionRecord{PartitionID: 0, TopicID: id, Replicas: one, ISR: one, Leader: 1},
		&schema.PartitionRecord{PartitionID: 1, TopicID: id, Replicas: one, ISR: one, Leader: kafka.NoBroker},
	} {
		if err := b.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
	image, _ := b.Freeze()
	return image
}

func TestFindCoordinator(t *testing.T) {
	image, created := metadata.NewImage(metadata.ImageOptions{}), 0
	f := func(auth security.Authorizer, version int16, kind int8, want *kerr.Error) {
		t.Helper()
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.SetVersion(version)
		req.CoordinatorKey, req.CoordinatorKeys, req.CoordinatorType = "k", []string{"k", "l"}, kind
		r := &network.Request{
			Header: wire.Header{Key: req.Key(), Version: version}, Payload: req.AppendTo(nil), Session: &network.Session{},
		}
		h := New(Options{Authorizer: auth, Image: func() *metadata.Image { return image }, CreateTopic: func(string) { created++ }})
		if d := h.FindCoordinator(r); d != network.Answered {
			t.Fatalf("v%d ended by %d", version, d)
		}
		resp := kmsg.NewPtrFindCoordinatorResponse()
		resp.SetVersion(version)
		if err := resp.ReadFrom(r.Out); err != nil {
			t.Fatal(err)
		}
		if version < 4 {
			if resp.ErrorCode != want.Code || resp.NodeID != -1 || version >= 1 && resp.ErrorMessage == nil {
				t.Errorf("v%d: %+v", version, resp)
			}
			return
		}
		if len(resp.Coordinators) != 2 || resp.Coordinators[0].Key != "k" || resp.Coordinators[1].ErrorCode != want.Code {
			t.Errorf("v%d: %+v", version, resp)
		}
	}
	for v := int16(0); v <= 6; v++ {
		f(security.AllowAll{}, v, 0, kerr.CoordinatorNotAvailable) // SURFACE 111
		f(deny{}, v, 0, kerr.GroupAuthorizationFailed)
	}
	f(security.AllowAll{}, 6, 1, kerr.UnsupportedVersion)
	f(security.AllowAll{}, 6, 2, kerr.UnsupportedVersion)
	f(security.AllowAll{}, 5, 2, kerr.InvalidRequest)
	f(security.AllowAll{}, 6, 3, kerr.InvalidRequest)
	f(deny{}, 6, 1, kerr.TransactionalIDAuthorizationFailed)
	f(deny{}, 6, 2, kerr.ClusterAuthorizationFailed)
	if created != 10 { // one key before version 4, two from then on
		t.Errorf("the offsets topic was asked for %d times", created)
	}
}

// TestFindCoordinatorNamesTheLeader of the group's shard, with its address on the listener that the client came in on.
func TestFindCoordinatorNamesTheLeader(t *testing.T) {
	image := offsetsImage(t)
	h := New(Options{Authorizer: security.AllowAll{}, Image: func() *metadata.Image { return image }, CreateTopic: func(string) { t.Error("created") }})
	f := func(listener, group string, want *kerr.Error) {
		t.Helper()
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		if code := h.locate(listener, group, &c); code != want || code == nil && (c.NodeID != 1 || c.Host != "h" || c.Port != 9092) {
			t.Errorf("%v, %+v", code, c)
		}
	}
	f("PLAINTEXT", "abc", nil)                          // hashes to 96354
	f("PLAINTEXT", "abb", kerr.CoordinatorNotAvailable) // to 96353, whose partition nobody leads
	f("OTHER", "abc", kerr.CoordinatorNotAvailable)
}
