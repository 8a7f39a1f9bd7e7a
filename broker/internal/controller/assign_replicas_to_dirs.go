package controller

import (
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// AssignReplicasToDirs decides an AssignReplicasToDirs (KIP-858): in which directories a broker's replicas lie, as it says.
// Partitions are decided one by one: UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER for one that the
// broker has no replica of, LOG_DIR_NOT_FOUND for a directory that the broker has not registered. The answer is a
// *kmsg.AssignReplicasToDirsResponse.
func (c *Controller) AssignReplicasToDirs(req *kmsg.AssignReplicasToDirsRequest) (d Decision) {
	resp := req.ResponseKind().(*kmsg.AssignReplicasToDirsResponse)
	d.Answer = resp
	if refused := c.checkEpoch(int64(req.BrokerID), req.BrokerEpoch); refused != nil {
		resp.ErrorCode = refused.Code
		return d
	}
	b := c.image().Broker(kafka.BrokerID(req.BrokerID))
	for i := range req.Directories {
		dir := &req.Directories[i]
		out := kmsg.NewAssignReplicasToDirsResponseDirectory()
		out.ID = dir.ID
		for j := range dir.Topics {
			topic := kmsg.NewAssignReplicasToDirsResponseDirectoryTopic()
			topic.TopicID = dir.Topics[j].TopicID
			for k := range dir.Topics[j].Partitions {
				p := kmsg.NewAssignReplicasToDirsResponseDirectoryTopicPartition()
				p.Partition = dir.Topics[j].Partitions[k].Partition
				if refused := c.assignDir(&d, b, dir.ID, topic.TopicID, p.Partition); refused != nil {
					p.ErrorCode = refused.Code
				}
				topic.Partitions = append(topic.Partitions, p)
			}
			out.Topics = append(out.Topics, topic)
		}
		resp.Directories = append(resp.Directories, out)
	}
	return d
}

// assignDir decides one replica.
func (c *Controller) assignDir(d *Decision, b *metadata.Broker, dir kafka.UUID, id kafka.TopicID, index int32) *kerr.Error {
	topic := c.image().TopicByID(id)
	if topic == nil {
		return kerr.UnknownTopicID
	}
	p := topic.Partition(index)
	switch {
	case p == nil:
		return kerr.UnknownTopicOrPartition
	case !p.IsReplica(b.ID):
		return kerr.NotLeaderForPartition
	case !slices.Contains(b.LogDirs, dir):
		return kerr.LogDirNotFound
	case p.Directory(b.ID) == dir:
		return nil
	}
	change := schema.NewPartitionChange()
	change.TopicID, change.PartitionID = id, index
	for _, r := range p.Replicas {
		at := p.Directory(r)
		if r == b.ID {
			at = dir
		}
		change.Directories = append(change.Directories, at)
	}
	d.add(metadata.PartitionChangeRecordVersion, change)
	return nil
}
