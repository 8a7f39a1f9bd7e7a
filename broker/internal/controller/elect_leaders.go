package controller

import (
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kinds of elections (SURFACE §1.4).
const (
	electPreferred = 0
	electUnclean   = 1
)

// ElectLeaders decides an ElectLeaders (SURFACE 128): partitions one by one. Without topics it means all partitions, and
// answers only for those where there is something to tell. The api has authorized it. The answer is a
// *kmsg.ElectLeadersResponse.
func (c *Controller) ElectLeaders(req *kmsg.ElectLeadersRequest, caller Caller) Decision {
	resp := req.ResponseKind().(*kmsg.ElectLeadersResponse)
	d := Decision{Answer: resp}
	if req.ElectionType != electPreferred && req.ElectionType != electUnclean {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return d
	}
	if req.Topics == nil {
		c.image().Topics(func(t *metadata.Topic) bool {
			out := kmsg.NewElectLeadersResponseTopic()
			out.Topic = t.Name
			for i := range t.Partitions {
				if r := c.electLeader(&d, req.ElectionType, t.Name, int32(i)); r.ErrorCode != kerr.ElectionNotNeeded.Code {
					out.Partitions = append(out.Partitions, r)
				}
			}
			resp.Topics = append(resp.Topics, out)
			return true
		})
	}
	for i := range req.Topics {
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = req.Topics[i].Topic
		for _, index := range req.Topics[i].Partitions {
			out.Partitions = append(out.Partitions, c.electLeader(&d, req.ElectionType, out.Topic, index))
		}
		resp.Topics = append(resp.Topics, out)
	}
	if len(d.Records) > c.o.MaxRecordsPerOp {
		resp.Topics, resp.ErrorCode, d.Records = nil, codeOf(errTooManyRecords), nil
	}
	if len(d.Records) > 0 {
		c.lg.Info("leaders are elected", "principal", caller.Principal, "type", req.ElectionType, "partitions", len(d.Records))
	}
	return d
}

// electLeader decides one partition and returns its answer. A partition that a request names twice is decided
// twice on the same state, which does no harm.
func (c *Controller) electLeader(d *Decision, kind int8, topic string, index int32) kmsg.ElectLeadersResponseTopicPartition {
	r := kmsg.NewElectLeadersResponseTopicPartition()
	r.Partition = index
	t := c.image().Topic(topic)
	p := t.Partition(index)
	var err error
	switch {
	case t == nil:
		err = refuse(kerr.UnknownTopicOrPartition, "No such topic as "+topic)
	case p == nil:
		err = refuse(kerr.UnknownTopicOrPartition, fmt.Sprintf("No such partition as %s-%d", topic, index))
	case kind == electPreferred:
		err = c.electPreferred(d, partitionAt{p, t, index})
	default:
		err = c.electUnclean(d, partitionAt{p, t, index})
	}
	if err != nil {
		r.ErrorCode, r.ErrorMessage = codeOf(err), textOf(err)
	}
	return r
}

// electPreferred gives the partition to its first replica, if that is in sync.
func (c *Controller) electPreferred(d *Decision, p partitionAt) error {
	preferred := p.Replicas[0]
	s := c.seats()
	switch {
	case p.Leader == preferred:
		return kerr.ElectionNotNeeded
	case !p.InSync(preferred) || !s.acceptable(preferred):
		return kerr.PreferredLeaderNotAvailable
	}
	change := schema.NewPartitionChange()
	change.TopicID, change.PartitionID, change.Leader = p.topic.ID, p.index, preferred
	d.add(metadata.PartitionChangeRecordVersion, change)
	return nil
}

// electUnclean gives a partition without leader to an active replica: one that is in sync or eligible if there is one,
// else any, and then records may be lost (C-05).
func (c *Controller) electUnclean(d *Decision, p partitionAt) error {
	if p.Leader != kafka.NoBroker {
		return kerr.ElectionNotNeeded
	}
	change := schema.NewPartitionChange()
	change.TopicID, change.PartitionID = p.topic.ID, p.index
	s := c.seats()
	if change.Leader = s.elect(p, p.ISR); change.Leader != kafka.NoBroker {
		d.add(metadata.PartitionChangeRecordVersion, change)
		return nil
	}
	eligible := s.elect(p, p.ELR)
	if change.Leader = eligible; eligible == kafka.NoBroker {
		if change.Leader = s.elect(p, p.Replicas); change.Leader == kafka.NoBroker {
			return kerr.EligibleLeadersNotAvailable
		}
		change.LeaderRecoveryState = 1
		c.countUnclean(p)
	}
	change.ISR = []kafka.BrokerID{change.Leader}
	if len(p.ELR) > 0 {
		change.EligibleLeaderReplicas = append([]kafka.BrokerID{}, without(p.ELR, change.Leader)...)
	}
	d.add(metadata.PartitionChangeRecordVersion, change)
	return nil
}
