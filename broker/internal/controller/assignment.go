package controller

import (
	"fmt"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// assign decides the partitions of a new topic, by the request's own assignment or by placement,
// with at most room records.
func (c *Controller) assign(topic *kmsg.CreateTopicsRequestTopic, room int) ([]*schema.PartitionRecord, error) {
	switch {
	case len(topic.ReplicaAssignment) > 0:
		return c.assignManually(topic, room)
	case topic.ReplicationFactor < -1 || topic.ReplicationFactor == 0:
		return nil, refuse(kerr.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	case topic.NumPartitions < -1 || topic.NumPartitions == 0:
		return nil, refuse(kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	partitions, replicas := topic.NumPartitions, topic.ReplicationFactor
	if partitions == -1 {
		partitions = c.o.NumPartitions
	}
	if replicas == -1 {
		replicas = c.defaultReplicas(topic.Topic)
	}
	if int64(partitions) > int64(room) {
		return nil, errTooManyRecords
	}
	placed, err := c.place(int(partitions), int(replicas))
	if err != nil {
		return nil, refuse(kerr.InvalidReplicationFactor, fmt.Sprintf("Unable to replicate the partition %d time(s): %s", replicas, err))
	}
	records := make([]*schema.PartitionRecord, len(placed))
	for i := range placed {
		records[i] = c.newPartition(placed[i]) // its first replica is active
	}
	return records, nil
}

// defaultReplicas is what a replication factor of -1 means. Internal topics differ from Kafka: as
// many as there are brokers, up to three, so that a small cluster works without configuration and a
// large one is safe (ARCHITECTURE, decision 11).
func (c *Controller) defaultReplicas(topic string) int16 {
	if !kafka.IsInternalTopic(topic) {
		return c.o.ReplicationFactor
	}
	active := 0
	c.image().Brokers(func(b *metadata.Broker) bool {
		if b.Active() {
			active++
		}
		return active < 3
	})
	return int16(max(active, 1))
}

// newPartition is a partition with these replicas: the active ones in the ISR, the first of them
// leading. It is nil if none is active.
func (c *Controller) newPartition(replicas []kafka.BrokerID) *schema.PartitionRecord {
	p := &schema.PartitionRecord{Replicas: replicas}
	for _, id := range replicas {
		b := c.image().Broker(id)
		if b.Active() {
			p.ISR = append(p.ISR, id)
		}
		p.Directories = append(p.Directories, defaultDirectory(b))
	}
	if len(p.ISR) == 0 {
		return nil
	}
	p.Leader = p.ISR[0]
	return p
}

// defaultDirectory is where a broker will put a new replica as far as the controller can tell:
// it knows if there is only one directory (KIP-858).
func defaultDirectory(b *metadata.Broker) kafka.UUID {
	if b != nil && len(b.LogDirs) == 1 {
		return b.LogDirs[0]
	}
	return metadata.UnassignedDirectory
}

func (c *Controller) assignManually(topic *kmsg.CreateTopicsRequestTopic, room int) ([]*schema.PartitionRecord, error) {
	if topic.ReplicationFactor != -1 {
		return nil, refuse(kerr.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	}
	if topic.NumPartitions != -1 {
		return nil, refuse(kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	byIndex := make(map[int32]*schema.PartitionRecord, min(len(topic.ReplicaAssignment), room+1))
	factor := -1
	for _, a := range topic.ReplicaAssignment {
		if byIndex[a.Partition] != nil {
			return nil, refuse(kerr.InvalidReplicaAssignment, fmt.Sprintf("Found multiple manual partition assignments for partition %d", a.Partition))
		}
		replicas, err := c.manualReplicas(a.Replicas, factor)
		if err != nil {
			return nil, err
		}
		factor = len(replicas)
		if byIndex[a.Partition] = c.newPartition(replicas); byIndex[a.Partition] == nil {
			return nil, refuse(kerr.InvalidReplicaAssignment, fmt.Sprintf("All brokers specified in the manual partition assignment for "+
				"partition %d are fenced or in controlled shutdown.", a.Partition))
		}
		if len(byIndex) > room {
			return nil, errTooManyRecords
		}
	}
	records := make([]*schema.PartitionRecord, len(byIndex))
	for i := range records {
		if records[i] = byIndex[int32(i)]; records[i] == nil {
			return nil, refuse(kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
	}
	return records, nil
}

// manualReplicas checks one partition's replicas; factor is the number that earlier partitions
// have, or -1.
func (c *Controller) manualReplicas(ids []int32, factor int) ([]kafka.BrokerID, error) {
	if len(ids) == 0 {
		return nil, refuse(kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	}
	replicas := make([]kafka.BrokerID, len(ids))
	for i, id := range ids {
		replicas[i] = kafka.BrokerID(id)
	}
	sorted := slices.Sorted(slices.Values(replicas))
	for i, id := range sorted {
		if c.image().Broker(id) == nil {
			return nil, refuse(kerr.InvalidReplicaAssignment, fmt.Sprintf("The manual partition assignment includes broker %d, but no such broker is registered.", id))
		}
		if i > 0 && sorted[i-1] == id {
			return nil, refuse(kerr.InvalidReplicaAssignment, fmt.Sprintf("The manual partition assignment includes the broker %d more than once.", id))
		}
	}
	if factor >= 0 && len(ids) != factor {
		return nil, refuse(kerr.InvalidReplicaAssignment, fmt.Sprintf("The manual partition assignment includes a partition with %d "+
			"replica(s), but this is not consistent with previous partitions, which have %d replica(s).", len(ids), factor))
	}
	return replicas, nil
}
