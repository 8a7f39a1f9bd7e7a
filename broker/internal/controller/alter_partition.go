package controller

import (
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterPartition decides an AlterPartition (v2 and later; KIP-497, 841, 903): the ISR that a leader asks for, if
// everything it knows is current (C-02). Partitions are decided one by one. The answer is a
// *kmsg.AlterPartitionResponse.
func (c *Controller) AlterPartition(req *kmsg.AlterPartitionRequest) (d Decision) {
	resp := req.ResponseKind().(*kmsg.AlterPartitionResponse)
	d.Answer = resp
	if refused := c.checkEpoch(int64(req.BrokerID), req.BrokerEpoch); refused != nil {
		resp.ErrorCode = refused.Code
		return d
	}
	for i := range req.Topics {
		wanted := &req.Topics[i]
		topic := c.image().TopicByID(kafka.TopicID(wanted.TopicID))
		answer := kmsg.NewAlterPartitionResponseTopic()
		answer.TopidID = wanted.TopicID
		for j := range wanted.Partitions {
			answer.Partitions = append(answer.Partitions, c.alterISR(&d, req, topic, &wanted.Partitions[j]))
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return d
}

// alterISR decides one partition and returns its answer.
func (c *Controller) alterISR(d *Decision, req *kmsg.AlterPartitionRequest, topic *metadata.Topic,
	wanted *kmsg.AlterPartitionRequestTopicPartition) kmsg.AlterPartitionResponseTopicPartition {
	r := kmsg.NewAlterPartitionResponseTopicPartition()
	r.Partition = wanted.Partition
	isr := wantedISR(req.Version, wanted)
	p := topic.Partition(wanted.Partition)
	if refused := c.checkISR(req, topic, p, wanted, isr); refused != nil {
		r.ErrorCode = refused.Code
		return r
	}
	change := schema.NewPartitionChange()
	change.TopicID, change.PartitionID = topic.ID, wanted.Partition
	r.PartitionEpoch = int32(p.Epoch)
	ids := brokerIDs(isr)
	if !slices.Equal(ids, p.ISR) {
		change.ISR = ids
	}
	if wanted.LeaderRecoveryState != p.Recovery {
		change.LeaderRecoveryState = wanted.LeaderRecoveryState
	}
	if len(p.ELR)+len(p.LastKnownELR) > 0 && len(ids) >= c.image().MinInSyncReplicas(topic.Name) { // C-06
		change.EligibleLeaderReplicas, change.LastKnownELR = []kafka.BrokerID{}, []kafka.BrokerID{}
	} else if elr := slices.DeleteFunc(slices.Clone(p.ELR), func(id kafka.BrokerID) bool { return slices.Contains(ids, id) }); len(elr) != len(p.ELR) {
		change.EligibleLeaderReplicas = append([]kafka.BrokerID{}, elr...) // C-07
	}
	if change.ISR != nil || change.LeaderRecoveryState != schema.NoRecoveryChange {
		d.add(metadata.PartitionChangeRecordVersion, change)
		r.PartitionEpoch++
	}
	r.LeaderID, r.LeaderEpoch, r.LeaderRecoveryState = int32(p.Leader), int32(p.LeaderEpoch), wanted.LeaderRecoveryState
	for _, id := range ids {
		r.ISR = append(r.ISR, int32(id))
	}
	return r
}

// wantedISR is the asked-for ISR in the form of v3; before, broker epochs are unknown (-1).
func wantedISR(version int16, wanted *kmsg.AlterPartitionRequestTopicPartition) []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR {
	if version >= 3 {
		return wanted.NewEpochISR
	}
	isr := make([]kmsg.AlterPartitionRequestTopicPartitionNewEpochISR, len(wanted.NewISR))
	for i, id := range wanted.NewISR {
		isr[i].BrokerID, isr[i].BrokerEpoch = id, int64(kafka.NoBrokerEpoch)
	}
	return isr
}

func brokerIDs(isr []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR) []kafka.BrokerID {
	ids := make([]kafka.BrokerID, len(isr))
	for i := range isr {
		ids[i] = kafka.BrokerID(isr[i].BrokerID)
	}
	return ids
}

// checkISR is the table of C-02. Epochs above ours mean that we are no longer the controller.
func (c *Controller) checkISR(req *kmsg.AlterPartitionRequest, topic *metadata.Topic, p *metadata.Partition,
	wanted *kmsg.AlterPartitionRequestTopicPartition, isr []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR) *kerr.Error {
	switch {
	case topic == nil:
		return kerr.UnknownTopicID
	case p == nil:
		return kerr.UnknownTopicOrPartition
	case wanted.LeaderEpoch > int32(p.LeaderEpoch) || wanted.PartitionEpoch > int32(p.Epoch):
		return kerr.NotController
	case wanted.LeaderEpoch < int32(p.LeaderEpoch):
		return kerr.FencedLeaderEpoch
	case kafka.BrokerID(req.BrokerID) != p.Leader:
		return kerr.InvalidRequest
	case wanted.PartitionEpoch < int32(p.Epoch):
		return kerr.InvalidUpdateVersion
	case !validISR(p, brokerIDs(isr)):
		return kerr.InvalidRequest
	case wanted.LeaderRecoveryState < 0 || wanted.LeaderRecoveryState > 1,
		wanted.LeaderRecoveryState == 1 && (len(isr) > 1 || p.Recovery == 0):
		return kerr.InvalidRequest
	case !c.eligible(isr):
		return kerr.IneligibleReplica
	}
	return nil
}

// validISR: the leader and other replicas, each once.
func validISR(p *metadata.Partition, isr []kafka.BrokerID) bool {
	for i, id := range isr {
		if !p.IsReplica(id) || slices.Contains(isr[:i], id) {
			return false
		}
	}
	return slices.Contains(isr, p.Leader)
}

// eligible: every member is active and is the incarnation that the leader saw.
func (c *Controller) eligible(isr []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR) bool {
	for i := range isr {
		b := c.image().Broker(kafka.BrokerID(isr[i].BrokerID))
		if !b.Active() || isr[i].BrokerEpoch != int64(kafka.NoBrokerEpoch) && isr[i].BrokerEpoch != int64(b.Epoch) {
			return false
		}
	}
	return true
}
