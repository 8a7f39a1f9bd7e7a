package admin

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestDescribeClusterAtEveryVersion(t *testing.T) {
	r := newRig(t)
	for v := int16(0); v <= 2; v++ {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.Version, req.IncludeFencedBrokers = v, true
		resp := call[*kmsg.DescribeClusterResponse](r, r.h.DescribeCluster, req)
		want := 2
		if v >= 2 {
			want = 3
		}
		if resp.ErrorCode != 0 || resp.ClusterID != clusterID || resp.ControllerID != 1 || len(resp.Brokers) != want || resp.EndpointType != 1 {
			t.Errorf("v%d: %+v", v, resp)
		}
		if b := resp.Brokers[1]; b.NodeID != 2 || b.Host != "host" || b.Port != 9092 || *b.Rack != "r" || b.IsFenced {
			t.Errorf("v%d: %+v", v, b)
		}
		if v >= 2 && !resp.Brokers[2].IsFenced {
			t.Errorf("v%d: %+v", v, resp.Brokers[2])
		}
	}
}

func TestDescribeClusterOperations(t *testing.T) {
	r := newRig(t)
	f := func(asked bool, want int32) {
		t.Helper()
		req := kmsg.NewPtrDescribeClusterRequest()
		req.Version, req.IncludeClusterAuthorizedOperations = 2, asked
		if got := call[*kmsg.DescribeClusterResponse](r, r.h.DescribeCluster, req).ClusterAuthorizedOperations; got != want {
			t.Errorf("asked %v: %b, want %b", asked, got, want)
		}
	}
	f(false, notRequested)
	f(true, 0b1_1111_1010_0000)
	r.deny["alter"] = true
	f(true, 0b1_1111_0010_0000)
	r.deny["describe"] = true // who may not describe the cluster is not told (SURFACE 19)
	f(true, 0)
}

func TestDescribeClusterEndpointTypes(t *testing.T) {
	r := newRig(t)
	f := func(version int16, kind int8, want *kerr.Error) {
		t.Helper()
		req := kmsg.NewPtrDescribeClusterRequest()
		req.Version, req.EndpointType = version, kind
		resp := call[*kmsg.DescribeClusterResponse](r, r.h.DescribeCluster, req)
		if want == nil && resp.ErrorCode != 0 || want != nil && (resp.ErrorCode != want.Code || resp.ErrorMessage == nil || len(resp.Brokers) != 0) {
			t.Errorf("v%d, type %d: %+v", version, kind, resp)
		}
	}
	f(0, 2, nil) // v0 has no such field
	f(1, 1, nil)
	f(1, 2, kerr.MismatchedEndpointType)
	f(2, 7, kerr.UnsupportedEndpointType)
}
