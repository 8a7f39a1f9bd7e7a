package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeQuorum answers a DescribeQuorum (KIP-595) about the metadata log. This node is its only voter; its log end is
// what has been decided. The api has authorized it. The answer is a *kmsg.DescribeQuorumResponse.
func (c *Controller) DescribeQuorum(req *kmsg.DescribeQuorumRequest, nowMs int64) Decision {
	resp := req.ResponseKind().(*kmsg.DescribeQuorumResponse)
	for i := range req.Topics {
		out := kmsg.NewDescribeQuorumResponseTopic()
		out.Topic = req.Topics[i].Topic
		for _, wanted := range req.Topics[i].Partitions {
			p := kmsg.NewDescribeQuorumResponseTopicPartition()
			p.Partition = wanted.Partition
			if out.Topic == metadataTopic && wanted.Partition == 0 {
				c.describeQuorum(&p, nowMs)
			} else {
				p.ErrorCode, p.ErrorMessage = kerr.UnknownTopicOrPartition.Code, &kerr.UnknownTopicOrPartition.Description
			}
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	node := kmsg.NewDescribeQuorumResponseNode()
	node.NodeID = int32(c.o.NodeID) // without listeners: the quorum has none of its own
	resp.Nodes = append(resp.Nodes, node)
	return Decision{Answer: resp}
}

func (c *Controller) describeQuorum(p *kmsg.DescribeQuorumResponseTopicPartition, nowMs int64) {
	p.LeaderID, p.LeaderEpoch = int32(c.state.Leader), c.state.Term
	p.HighWatermark = c.committed.Offset() + 1
	self := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
	self.ReplicaID, self.LogEndOffset = int32(c.o.NodeID), max(c.nextOffset, p.HighWatermark)
	self.LastFetchTimestamp, self.LastCaughtUpTimestamp = nowMs, nowMs // of the leader: now (KIP-836)
	if b := c.image().Broker(c.o.NodeID); b != nil && len(b.LogDirs) > 0 {
		self.ReplicaDirectoryID = b.LogDirs[0]
	}
	p.CurrentVoters = append(p.CurrentVoters, self)
}
