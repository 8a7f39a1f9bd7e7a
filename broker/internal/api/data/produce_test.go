package data

import (
	"bytes"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func (r *rig) produceRequest(version, acks int16, topic string, partition int32, records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(version)
	req.Acks, req.TimeoutMillis = acks, 1000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	if topic == "orders" {
		t.TopicID = ordersID
	}
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, records
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// produce sends one Produce and demands how it ends and its answer's error.
func (r *rig) produce(want network.Disposition, code int16, version, acks int16, topic string, partition int32, records []byte) *kmsg.ProduceResponse {
	r.t.Helper()
	q := r.request(r.produceRequest(version, acks, topic, partition, records))
	if d := r.h.Produce(q); d != want {
		r.t.Fatalf("ended by %d, want %d", d, want)
	}
	if want != network.Answered {
		return nil
	}
	resp := kmsg.NewPtrProduceResponse()
	r.decode(q, resp)
	if got := resp.Topics[0].Partitions[0].ErrorCode; got != code {
		r.t.Fatalf("error %d, want %d", got, code)
	}
	return resp
}

func TestProduceAnswersAtEveryVersion(t *testing.T) {
	r := newRig(t)
	for v := int16(3); v <= 13; v++ {
		resp := r.produce(network.Answered, 0, v, 1, "orders", 0, r.records("a", "b"))
		if p := resp.Topics[0].Partitions[0]; p.BaseOffset != 2*int64(v-3) || p.LogAppendTime != -1 {
			t.Errorf("v%d: %+v", v, p)
		}
	}
}

// TestAcksAllWaitsForTheFlush is R-28: the answer comes when the high watermark has passed, not
// before.
func TestAcksAllWaitsForTheFlush(t *testing.T) {
	r := newRig(t)
	q := r.request(r.produceRequest(9, -1, "orders", 0, r.records("a")))
	if d := r.h.Produce(q); d != network.Pending {
		t.Fatalf("ended by %d before the flush", d)
	}
	if !r.partition().Watermark().Waiting() {
		t.Fatal("nobody waits for the high watermark")
	}
	s := slotOf(q).produce
	if !s.op.Cancel() {
		t.Fatal("it has been answered before the flush")
	}
	r.sync() // now it may
	s.settle(nil)
	s.answer()
	resp := kmsg.NewPtrProduceResponse()
	r.decode(q, resp)
	if p := resp.Topics[0].Partitions[0]; p.ErrorCode != 0 || p.BaseOffset != 0 {
		t.Errorf("%+v", p)
	}
}

func TestPoint044TimedOutRecordsStay(t *testing.T) {
	r := newRig(t)
	q := r.request(r.produceRequest(9, -1, "orders", 0, r.records("a")))
	r.h.Produce(q)
	s := slotOf(q).produce
	s.op.Cancel()
	s.settle(errTimedOut)
	s.answer()
	resp := kmsg.NewPtrProduceResponse()
	r.decode(q, resp)
	if got := resp.Topics[0].Partitions[0].ErrorCode; got != kerr.RequestTimedOut.Code {
		t.Errorf("error %d", got)
	}
	if end := r.end(); end != 1 {
		t.Errorf("log end %d: the records stay (SURFACE 44)", end)
	}
}

// end is the log end as a new append sees it, less that append.
func (r *rig) end() int64 {
	r.t.Helper()
	return r.produce(network.Answered, 0, 9, 1, "orders", 0, r.records("probe")).Topics[0].Partitions[0].BaseOffset
}

func TestAcksZeroIsSilentAndHangsUpOnErrors(t *testing.T) {
	r := newRig(t)
	r.produce(network.Silent, 0, 9, 0, "orders", 0, r.records("a"))
	if end := r.end(); end != 1 {
		t.Errorf("log end %d", end)
	}
	r.produce(network.Hangup, 0, 9, 0, "nowhere", 0, r.records("a"))
	r.produce(network.Hangup, 0, 9, 0, "orders", 0, []byte("garbage"))
}

func TestProduceErrors(t *testing.T) {
	r := newRig(t)
	good := func() []byte { return r.records("a") }
	damaged := good()
	damaged[len(damaged)-1] ^= 1
	r.replay(&schema.TopicRecord{Name: "__consumer_offsets", TopicID: kafka.TopicID{15: 201}})

	f := func(code *kerr.Error, version, acks int16, topic string, partition int32, records []byte) {
		t.Helper()
		r.produce(network.Answered, code.Code, version, acks, topic, partition, records)
	}
	f(kerr.UnknownTopicOrPartition, 9, 1, "nowhere", 0, good())
	f(kerr.UnknownTopicOrPartition, 9, 1, "orders", 2, good())
	f(kerr.UnknownTopicOrPartition, 9, 1, "orders", -1, good())
	f(kerr.UnknownTopicID, 13, 1, "nowhere", 0, good())
	f(kerr.NotLeaderForPartition, 9, 1, "orders", 1, good())
	f(kerr.InvalidRequiredAcks, 9, 2, "orders", 0, good())
	f(kerr.CorruptMessage, 9, 1, "orders", 0, damaged)
	f(kerr.InvalidRecord, 9, 1, "orders", 0, append(good(), good()...)) // SURFACE 33
	f(kerr.InvalidRecord, 9, 1, "orders", 0, []byte{})
	f(kerr.InvalidTopicException, 9, 1, "__consumer_offsets", 0, good())
	r.deny["orders"] = true
	f(kerr.TopicAuthorizationFailed, 9, 1, "orders", 0, good())
	f(kerr.TopicAuthorizationFailed, 9, 1, "orders", 7, good()) // SURFACE 17: existence is not told
	delete(r.deny, "orders")
	if end := r.end(); end != 0 {
		t.Errorf("log end %d: a refused batch must leave nothing", end)
	}
}

func TestPoint046NamesTheLeader(t *testing.T) {
	r := newRig(t)
	resp := r.produce(network.Answered, kerr.NotLeaderForPartition.Code, 10, 1, "orders", 1, r.records("a"))
	if l := resp.Topics[0].Partitions[0].CurrentLeader; l.LeaderID != 2 || l.LeaderEpoch != 4 {
		t.Errorf("leader %+v", l)
	}
	if len(resp.Brokers) != 1 || resp.Brokers[0].Port != 9093 {
		t.Errorf("endpoints %+v", resp.Brokers)
	}
}

// TestEverySentinelHasACode finds an error of replica that would reach a client as a storage error.
func TestEverySentinelHasACode(t *testing.T) {
	r := newRig(t)
	for _, err := range []error{
		replica.ErrNotLeader, replica.ErrNotEnoughReplicas, replica.ErrNotEnoughReplicasAfterAppend, replica.ErrFencedEpoch,
		replica.ErrUnknownEpoch, replica.ErrOffsetNotAvailable, replica.ErrTimestamp, storage.ErrOffsetOutOfRange, storage.ErrTooLarge,
		storage.ErrOutOfOrderSequence, storage.ErrInvalidProducerEpoch, storage.ErrInvalidTxnState, storage.ErrCoordinatorFenced,
	} {
		if c := r.h.codeOf(err); c == 0 || c == kerr.KafkaStorageError.Code || c == kerr.UnknownServerError.Code {
			t.Errorf("%v: code %d", err, c)
		}
	}
}

// TestSlotIsUsedAgain: nothing of a request shows in the next one of its slot.
func TestSlotIsUsedAgain(t *testing.T) {
	r := newRig(t)
	q := r.request(r.produceRequest(9, 1, "orders", 1, r.records("a")))
	r.h.Produce(q)
	first := bytes.Clone(q.Out)
	next := r.request(r.produceRequest(9, 1, "orders", 0, r.records("b")))
	q.Header, q.Payload, q.Out = next.Header, next.Payload, q.Out[:0]
	r.h.Produce(q)
	resp := kmsg.NewPtrProduceResponse()
	r.decode(q, resp)
	if p := resp.Topics[0].Partitions[0]; p.ErrorCode != 0 || p.Partition != 0 || len(resp.Topics) != 1 {
		t.Errorf("%+v after % x", resp, first)
	}
}
