package data

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeLogDirs: key 35, versions 1 to 5. Differs from Kafka: directories are told as log.dirs has them instead of as
// absolute paths; none is cordoned.
//
//	1   (KIP-113)
//	2   flexible
//	3   error of the whole (KIP-784)
//	4   bytes of the volume (KIP-827)
//	5   cordoned directories (KIP-1066)
func (h *Handlers) DescribeLogDirs(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDescribeLogDirsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	if !h.Authorizer.Allowed(r.Session.Principal, r.Session.RemoteHost, security.OpDescribe, security.ResourceCluster, security.ClusterName) {
		resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		return message.Answer(r, resp)
	}
	var wanted map[kafka.TopicPartition]bool // nil: all
	if req.Topics != nil {
		wanted = make(map[kafka.TopicPartition]bool)
		for i := range req.Topics {
			for _, index := range req.Topics[i].Partitions {
				wanted[kafka.TopicPartition{Topic: req.Topics[i].Topic, Partition: index}] = true
			}
		}
	}
	for _, d := range h.Replicas.LogDirs() {
		resp.Dirs = append(resp.Dirs, describeLogDir(&d, wanted))
	}
	return message.Answer(r, resp)
}

func describeLogDir(d *replica.LogDir, wanted map[kafka.TopicPartition]bool) kmsg.DescribeLogDirsResponseDir {
	out := kmsg.NewDescribeLogDirsResponseDir()
	out.Dir, out.TotalBytes, out.UsableBytes = d.Path, d.Total, d.Usable
	if d.Err != nil {
		out.ErrorCode = kerr.KafkaStorageError.Code
	}
	add := func(l *storage.Log, future bool, lag int64) {
		tp := l.ID().TopicPartition()
		if wanted != nil && !wanted[tp] {
			return
		}
		if n := len(out.Topics); n == 0 || out.Topics[n-1].Topic != tp.Topic {
			t := kmsg.NewDescribeLogDirsResponseDirTopic()
			t.Topic = tp.Topic
			out.Topics = append(out.Topics, t)
		}
		p := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		p.Partition, p.Size, p.IsFuture, p.OffsetLag = tp.Partition, l.Size(), future, lag
		t := &out.Topics[len(out.Topics)-1]
		t.Partitions = append(t.Partitions, p)
	}
	for _, l := range d.Logs {
		add(l, false, 0)
	}
	for _, f := range d.Futures {
		add(f.Log, true, f.Lag)
	}
	return out
}
