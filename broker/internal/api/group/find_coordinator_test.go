package group

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// deny is an authorizer that allows nothing.
type deny struct{}

func (deny) Allowed(security.Principal, string, security.Operation, security.Resource, string) bool {
	return false
}

func TestFindCoordinator(t *testing.T) {
	f := func(auth security.Authorizer, version int16, kind int8, want *kerr.Error) {
		t.Helper()
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.SetVersion(version)
		req.CoordinatorKey, req.CoordinatorKeys, req.CoordinatorType = "k", []string{"k", "l"}, kind
		r := &network.Request{
			Header: wire.Header{Key: req.Key(), Version: version}, Payload: req.AppendTo(nil), Session: &network.Session{},
		}
		if d := New(Options{Authorizer: auth}).FindCoordinator(r); d != network.Answered {
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
		f(security.AllowAll{}, v, 0, kerr.UnsupportedVersion)
		f(deny{}, v, 0, kerr.GroupAuthorizationFailed)
	}
	f(security.AllowAll{}, 6, 1, kerr.UnsupportedVersion)
	f(security.AllowAll{}, 6, 2, kerr.UnsupportedVersion)
	f(security.AllowAll{}, 5, 2, kerr.InvalidRequest)
	f(security.AllowAll{}, 6, 3, kerr.InvalidRequest)
	f(deny{}, 6, 1, kerr.TransactionalIDAuthorizationFailed)
	f(deny{}, 6, 2, kerr.ClusterAuthorizationFailed)
}
