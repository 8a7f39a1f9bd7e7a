package data

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterReplicaLogDirs: key 34, versions 1 and 2. A replica that lies in another directory begins to move, one that lies where
// it should is done and moves no more, and where one is to be created is remembered. DescribeLogDirs shows how far moves are.
//
//	1   (KIP-113)
//	2   flexible
func (h *Handlers) AlterReplicaLogDirs(r *network.Request) network.Disposition {
	req := kmsg.NewPtrAlterReplicaLogDirsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	allowed := h.Authorizer.Allowed(r.Session.Principal, r.Session.RemoteHost, security.OpAlter, security.ResourceCluster, security.ClusterName)
	resp := kmsg.NewPtrAlterReplicaLogDirsResponse()
	place := make(map[string]int) // of a topic in the answer
	for i := range req.Dirs {
		d := &req.Dirs[i]
		for j := range d.Topics {
			t := &d.Topics[j]
			at, known := place[t.Topic]
			if !known {
				at = len(resp.Topics)
				place[t.Topic] = at
				out := kmsg.NewAlterReplicaLogDirsResponseTopic()
				out.Topic = t.Topic
				resp.Topics = append(resp.Topics, out)
			}
			for _, index := range t.Partitions {
				p := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
				p.Partition = index
				if p.ErrorCode = kerr.ClusterAuthorizationFailed.Code; allowed {
					p.ErrorCode = h.place(t.Topic, index, d.Dir)
				}
				resp.Topics[at].Partitions = append(resp.Topics[at].Partitions, p)
			}
		}
	}
	return message.Answer(r, resp)
}

func (h *Handlers) place(topic string, index int32, dir string) int16 {
	if kafka.CheckTopicName(topic) != nil || index < 0 {
		return kerr.InvalidTopicException.Code
	}
	return h.codeOf(h.Replicas.Place(topic, index, dir))
}
