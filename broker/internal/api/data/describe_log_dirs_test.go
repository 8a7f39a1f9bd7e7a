package data

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestDescribeLogDirsAtEveryVersion(t *testing.T) {
	c := newConsumer(t, 12)
	r := c.r
	size := c.write("a", 3)
	describe := func(version int16, topics ...kmsg.DescribeLogDirsRequestTopic) *kmsg.DescribeLogDirsResponse {
		t.Helper()
		req := kmsg.NewPtrDescribeLogDirsRequest()
		req.Version, req.Topics = version, topics
		q := r.request(req)
		if d := r.h.DescribeLogDirs(q); d != network.Answered {
			t.Fatalf("ended by %d", d)
		}
		resp := kmsg.NewPtrDescribeLogDirsResponse()
		r.decode(q, resp)
		return resp
	}
	for v := int16(1); v <= 5; v++ {
		resp := describe(v) // null: all
		if len(resp.Dirs) != 1 || resp.Dirs[0].Dir != "data" || resp.Dirs[0].ErrorCode != 0 || len(resp.Dirs[0].Topics) != 4 {
			t.Fatalf("v%d: %+v", v, resp)
		}
		a := resp.Dirs[0].Topics[0]
		if p := a.Partitions[0]; a.Topic != "a" || p.Partition != 0 || p.Size != int64(3*size) || p.OffsetLag != 0 || p.IsFuture {
			t.Errorf("v%d: %+v", v, a)
		}
		if d := resp.Dirs[0]; v >= 4 && (d.TotalBytes <= 0 || d.UsableBytes <= 0 || d.UsableBytes > d.TotalBytes) {
			t.Errorf("v%d: %d of %d bytes", v, d.UsableBytes, d.TotalBytes)
		}
		one := kmsg.DescribeLogDirsRequestTopic{Topic: "b", Partitions: []int32{0, 7}}
		if resp := describe(v, one, kmsg.DescribeLogDirsRequestTopic{Topic: "none"}); len(resp.Dirs[0].Topics) != 1 || len(resp.Dirs[0].Topics[0].Partitions) != 1 {
			t.Errorf("v%d: %+v", v, resp)
		}
		if resp := describe(v, []kmsg.DescribeLogDirsRequestTopic{}...); len(resp.Dirs) != 1 {
			t.Errorf("v%d: %+v", v, resp)
		}
		r.deny["kafka-cluster"] = true
		if resp := describe(v); len(resp.Dirs) != 0 || v >= 3 && resp.ErrorCode != kerr.ClusterAuthorizationFailed.Code {
			t.Errorf("v%d: %+v", v, resp)
		}
		r.deny["kafka-cluster"] = false
	}
}
