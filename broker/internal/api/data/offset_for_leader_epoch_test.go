package data

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// newEpoch makes broker 1 the leader of partition 0 anew.
func (r *rig) newEpoch() {
	change := schema.NewPartitionChange()
	change.TopicID, change.Leader = ordersID, 1
	r.replay(change)
}

func (r *rig) epochEnd(version int16, partition, current, epoch int32) kmsg.OffsetForLeaderEpochResponseTopicPartition {
	r.t.Helper()
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.Version = version
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	t.Topic = "orders"
	p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	p.Partition, p.CurrentLeaderEpoch, p.LeaderEpoch = partition, current, epoch
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	q := r.request(req)
	if d := r.h.OffsetForLeaderEpoch(q); d != network.Answered {
		r.t.Fatalf("ended by %d", d)
	}
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	r.decode(q, resp)
	if len(resp.Topics) != 1 || resp.Topics[0].Topic != "orders" {
		r.t.Fatalf("%+v", resp)
	}
	return resp.Topics[0].Partitions[0]
}

// TestPoint083EndOfAnEpoch is SURFACE 83 and 75: epochs 3 (offsets 0, 1), 4 (none), 5 (offset 2), 6 (none yet).
func TestPoint083EndOfAnEpoch(t *testing.T) {
	r := newRig(t)
	r.fill("a", "b")
	r.newEpoch()
	r.newEpoch()
	r.fill("c")
	r.newEpoch()
	f := func(partition, current, epoch int32, want int32, end int64, code int16) {
		t.Helper()
		for v := int16(2); v <= 4; v++ {
			p := r.epochEnd(v, partition, current, epoch)
			if p.Partition != partition || p.ErrorCode != code || p.LeaderEpoch != want || p.EndOffset != end {
				t.Errorf("v%d, epoch %d: %+v", v, epoch, p)
			}
		}
	}
	f(0, -1, 6, 6, 3, 0) // the leader's own, before it has records
	f(0, -1, 5, 5, 3, 0)
	f(0, -1, 4, 3, 2, 0)
	f(0, -1, 3, 3, 2, 0)
	f(0, -1, 2, 2, 0, 0) // below all: the asked one with the start of the first
	f(0, -1, 7, -1, -1, 0)
	f(0, 6, 3, 3, 2, 0)
	f(0, 5, 3, -1, -1, kerr.FencedLeaderEpoch.Code)
	f(0, 7, 3, -1, -1, kerr.UnknownLeaderEpoch.Code)
	f(1, -1, 3, -1, -1, kerr.NotLeaderForPartition.Code)
	f(9, -1, 3, -1, -1, kerr.UnknownTopicOrPartition.Code)
	r.deny["orders"] = true // and nobody may CLUSTER_ACTION
	r.deny["kafka-cluster"] = true
	f(0, -1, 3, -1, -1, kerr.TopicAuthorizationFailed.Code)
	r.deny["kafka-cluster"] = false
	f(0, -1, 3, 3, 2, 0)
}

// TestListOffsetsTellsTheEpochOfTheStart: earliest comes with the epoch that its record was written in.
func TestListOffsetsTellsTheEpochOfTheStart(t *testing.T) {
	r := newRig(t)
	f := func(want int64, epoch int32) {
		t.Helper()
		o, err := r.partition().OffsetFor(-2, 0, kafka.NoLeaderEpoch)
		if err != nil || o.Offset != want || o.Epoch != kafka.LeaderEpoch(epoch) {
			t.Errorf("%+v, %v; want offset %d of epoch %d", o, err, want, epoch)
		}
	}
	f(0, 3) // empty: where the leader will write
	r.fill("a")
	r.newEpoch()
	r.fill("b")
	f(0, 3)
	if err := r.dir.Logs()[0].SetLogStartOffset(1); err != nil {
		t.Fatal(err)
	}
	f(1, 4)
}
