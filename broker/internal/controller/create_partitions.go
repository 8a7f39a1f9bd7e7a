package controller

import (
	"errors"
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreatePartitions decides a CreatePartitions (SURFACE 24): topics grow to the asked-for total, one by one. The api has
// authorized the topics and refused names that come twice. The answer is a *kmsg.CreatePartitionsResponse in
// order of the request.
func (c *Controller) CreatePartitions(req *kmsg.CreatePartitionsRequest, caller Caller) Decision {
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	d := Decision{Answer: resp}
	for i := range req.Topics {
		wanted := &req.Topics[i]
		r := kmsg.NewCreatePartitionsResponseTopic()
		r.Topic = wanted.Topic
		err := c.growTopic(&d, wanted, caller)
		if errors.Is(err, errTooManyRecords) {
			return excessiveGrowth(req)
		}
		if err != nil {
			r.ErrorCode, r.ErrorMessage = codeOf(err), textOf(err)
		}
		resp.Topics = append(resp.Topics, r)
	}
	if req.ValidateOnly {
		d.Records = nil
	} else if len(d.Records) > 0 {
		c.lg.Info("partitions are created", "principal", caller.Principal, "records", len(d.Records))
	}
	return d
}

// excessiveGrowth refuses every topic of the request.
func excessiveGrowth(req *kmsg.CreatePartitionsRequest) Decision {
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	for i := range req.Topics {
		r := kmsg.NewCreatePartitionsResponseTopic()
		r.Topic, r.ErrorCode, r.ErrorMessage = req.Topics[i].Topic, codeOf(errTooManyRecords), textOf(errTooManyRecords)
		resp.Topics = append(resp.Topics, r)
	}
	return Decision{Answer: resp}
}

// growTopic adds the records of one topic's new partitions to the decision.
func (c *Controller) growTopic(d *Decision, wanted *kmsg.CreatePartitionsRequestTopic, caller Caller) error {
	topic := c.image().Topic(wanted.Topic)
	if topic == nil {
		return kerr.UnknownTopicOrPartition
	}
	have := len(topic.Partitions)
	more := int(wanted.Count) - have
	switch {
	case more == 0:
		return refuse(kerr.InvalidPartitions, fmt.Sprintf("Topic already has %d partition(s).", have))
	case more < 0:
		return refuse(kerr.InvalidPartitions, fmt.Sprintf("The topic %s currently has %d partition(s); %d would not be an increase.", wanted.Topic, have, wanted.Count))
	case wanted.Assignment != nil && len(wanted.Assignment) != more:
		return refuse(kerr.InvalidReplicaAssignment, fmt.Sprintf("Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", more, len(wanted.Assignment)))
	case more > c.o.MaxRecordsPerOp-len(d.Records):
		return errTooManyRecords
	}
	if err := c.roomFor(d, more); err != nil {
		return err
	}
	records, err := c.newPartitions(topic, more, wanted.Assignment)
	if err != nil {
		return err
	}
	if err := caller.mutate(more); err != nil {
		return err
	}
	for i, p := range records {
		p.TopicID, p.PartitionID = topic.ID, int32(have+i)
		d.add(metadata.PartitionRecordVersion, p)
	}
	return nil
}

// newPartitions are the added partitions, by the request's assignment or by placement, with as many replicas as
// the topic has.
func (c *Controller) newPartitions(topic *metadata.Topic, more int, manual []kmsg.CreatePartitionsRequestTopicAssignment) ([]*schema.PartitionRecord, error) {
	factor, have := topic.ReplicationFactor(), len(topic.Partitions)
	replicas := make([][]kafka.BrokerID, 0, more)
	var err error
	if manual == nil {
		if replicas, err = c.place(more, factor); err != nil {
			return nil, refuse(kerr.InvalidReplicationFactor, fmt.Sprintf("Unable to replicate the partition %d time(s): %s", factor, err))
		}
	}
	for i := range manual {
		ids, err := c.manualReplicas(manual[i].Replicas, factor)
		if err != nil {
			return nil, err
		}
		replicas = append(replicas, ids)
	}
	records := make([]*schema.PartitionRecord, more)
	for i := range records {
		if records[i] = c.newPartition(replicas[i]); records[i] == nil {
			return nil, refuse(kerr.InvalidReplicaAssignment, fmt.Sprintf("All brokers specified in the manual partition assignment for "+
				"partition %d are fenced or in controlled shutdown.", have+i))
		}
	}
	return records, nil
}
