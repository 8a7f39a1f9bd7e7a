package data

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzProduce: arbitrary bytes as the body of a Produce, or as its records, on a log in memory: no panic; the log stays one
// that readers understand, it grows by what is acknowledged and by nothing else (RELIABILITY 6.6, 14).
func FuzzProduce(f *testing.F) {
	r := newRig(f)
	good := r.records("a", "bc", "")
	f.Add(true, byte(9), byte(1), []byte(good))
	f.Add(true, byte(3), byte(0), []byte(good[:len(good)-1]))
	f.Add(true, byte(13), byte(2), append(append([]byte(nil), good...), good...))
	for _, version := range []int16{3, 8, 9, 13} {
		req := r.produceRequest(version, 1, "orders", 0, good)
		f.Add(false, byte(version), byte(0), req.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, recordsOnly bool, version, acks byte, body []byte) {
		r := newRig(t)
		v := 3 + int16(version)%11
		req := r.produceRequest(v, int16(acks%2), "orders", 0, body)
		q := r.request(req)
		if !recordsOnly {
			q.Payload = body
		}
		switch d := r.h.Produce(q); d {
		case network.Pending:
			if !slotOf(q).produce.op.Cancel() {
				t.Fatal("answered before the flush")
			}
			slotOf(q).produce.settle(nil)
			slotOf(q).produce.answer()
		case network.Hangup, network.Silent:
			r.sync()
			checkLog(t, r)
			return
		}
		r.sync()
		resp := kmsg.NewPtrProduceResponse()
		r.decode(q, resp)
		end := checkLog(t, r)
		accepted := false
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				if p.ErrorCode != 0 {
					continue
				}
				accepted = true
				if p.BaseOffset < 0 || p.BaseOffset >= end {
					t.Fatalf("acknowledged at %d, the log ends at %d", p.BaseOffset, end)
				}
			}
		}
		if accepted != (end > 0) {
			t.Fatalf("acknowledged: %v, the log ends at %d", accepted, end)
		}
	})
}

// checkLog reads all that is in the log, which must be whole batches without a gap, and returns its end.
func checkLog(t *testing.T, r *rig) (end int64) {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.SessionEpoch = 12, 1<<30, epochFinal
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic = "orders"
	p := kmsg.NewFetchRequestTopicPartition()
	p.PartitionMaxBytes = 1 << 30
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	got := r.fetch(req).Topics[0].Partitions[0]
	if got.ErrorCode != 0 {
		t.Fatalf("fetch: error %d", got.ErrorCode)
	}
	for records := got.RecordBatches; len(records) > 0; {
		b, rest, err := batch.Next(records)
		if err != nil || !b.VerifyCRC() || b.BaseOffset() != end {
			t.Fatalf("where %d was due: %v", end, err)
		}
		it := batch.IterateRecords(b.Payload(), b.NumRecords())
		if b.Codec() == 0 && !it.Next() {
			t.Fatalf("the batch at %d has no records: %v", end, it.Err())
		}
		end, records = b.BaseOffset()+int64(b.LastOffsetDelta())+1, rest
	}
	if got.HighWatermark != end {
		t.Fatalf("the high watermark is %d, the records end at %d", got.HighWatermark, end)
	}
	return end
}
