package data

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func (r *rig) deleteRecords(version int16, topic string, partition int32, offset int64) (low int64, code int16) {
	r.t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Version, req.TimeoutMillis = version, 1000
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = topic
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = partition, offset
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	q := r.request(req)
	if d := r.h.DeleteRecords(q); d != network.Answered {
		r.t.Fatalf("ended by %d", d)
	}
	resp := kmsg.NewPtrDeleteRecordsResponse()
	r.decode(q, resp)
	out := resp.Topics[0].Partitions[0]
	if resp.Topics[0].Topic != topic || out.Partition != partition {
		r.t.Fatalf("%+v", resp)
	}
	return out.LowWatermark, out.ErrorCode
}

// TestPoint085DeleteRecords is SURFACE 85: up to the high watermark and not beyond, even if there are records.
func TestPoint085DeleteRecords(t *testing.T) {
	r := newRig(t)
	r.fill("a", "b", "c", "d")
	r.produce(network.Answered, 0, 9, 1, "orders", 0, r.records("e")) // not flushed: above the high watermark
	f := func(offset, want int64, code *kerr.Error) {
		t.Helper()
		for v := int16(0); v <= 2; v++ {
			low, got := r.deleteRecords(v, "orders", 0, offset)
			if low != want || code == nil && got != 0 || code != nil && got != code.Code {
				t.Errorf("v%d, offset %d: low watermark %d, error %d", v, offset, low, got)
			}
		}
	}
	f(5, -1, kerr.OffsetOutOfRange)
	f(-2, -1, kerr.OffsetOutOfRange)
	f(0, 0, nil)
	f(2, 2, nil)
	f(1, 2, nil) // does not go back
	resp := r.fetch(fetchRequest(12, 1<<20, 1))
	if p := resp.Topics[0].Partitions[0]; p.ErrorCode != kerr.OffsetOutOfRange.Code {
		t.Errorf("%+v", p)
	}
	if p := r.fetch(fetchRequest(12, 1<<20, 2)).Topics[0].Partitions[0]; p.LogStartOffset != 2 || offsets(t, p.RecordBatches)[0] != 2 {
		t.Errorf("%+v", p)
	}
	f(-1, 4, nil) // the high watermark
	r.sync()
	f(-1, 5, nil)
}

func TestDeleteRecordsErrors(t *testing.T) {
	r := newRig(t)
	r.fill("a")
	f := func(topic string, partition int32, code *kerr.Error) {
		t.Helper()
		if low, got := r.deleteRecords(2, topic, partition, -1); low != -1 || got != code.Code {
			t.Errorf("%s-%d: low watermark %d, error %d, want %v", topic, partition, low, got, code)
		}
	}
	f("orders", 1, kerr.NotLeaderForPartition)
	f("orders", 7, kerr.UnknownTopicOrPartition)
	f("nowhere", 0, kerr.UnknownTopicOrPartition)
	f("__consumer_offsets", 0, kerr.InvalidTopicException)
	compact := "compact"
	r.replay(&schema.ConfigRecord{ResourceType: schema.ResourceTopic, ResourceName: "orders", Name: "cleanup.policy", Value: &compact})
	f("orders", 0, kerr.PolicyViolation)
	r.deny["orders"] = true
	f("orders", 0, kerr.TopicAuthorizationFailed)
}
