package broker_test

import (
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// idempotent sends one record of a producer with a sequence and returns the answer.
func idempotent(t *testing.T, c *rawClient, topic string, epoch kafka.ProducerEpoch, sequence int32) kmsg.ProduceResponseTopicPartition {
	t.Helper()
	return ask[*kmsg.ProduceResponse](c, idempotentRequest(t, topic, epoch, sequence), true).Topics[0].Partitions[0]
}

// idempotentRequest is the request for it.
func idempotentRequest(t *testing.T, topic string, epoch kafka.ProducerEpoch, sequence int32) *kmsg.ProduceRequest {
	t.Helper()
	var b batch.Builder
	b.Reset(batch.BuilderOptions{HasProducer: true, ProducerID: 7, ProducerEpoch: epoch, BaseSequence: sequence})
	b.Append(time.Now().UnixMilli(), nil, []byte("once"), nil)
	records, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(9)
	req.Acks, req.TimeoutMillis = -1, 10_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = records
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

// TestIdempotentProducer is SURFACE 48-50 from a client's side, before and after a restart and a power cut: a
// batch that is sent again is answered with its original place and is not appended again.
func TestIdempotentProducer(t *testing.T) {
	b := brokertest.Start(t)
	createTopic(t, dialRaw(t, b.Addr()), "orders")
	check := func(b *brokertest.Broker, epoch kafka.ProducerEpoch, sequence int32, offset int64, code int16) {
		t.Helper()
		p := idempotent(t, dialRaw(t, b.Addr()), "orders", epoch, sequence)
		if p.ErrorCode != code || p.BaseOffset != offset {
			t.Errorf("epoch %d sequence %d: error %d at %d, want %d at %d", epoch, sequence, p.ErrorCode, p.BaseOffset, code, offset)
		}
	}
	for i := range int32(7) {
		check(b, 0, i, int64(i), 0)
	}
	check(b, 0, 6, 6, 0) // the last five are known
	check(b, 0, 2, 2, 0)
	check(b, 0, 8, -1, kerr.OutOfOrderSequenceNumber.Code) // a gap
	b = b.Restart()
	check(b, 0, 6, 6, 0)
	check(b, 0, 7, 7, 0)
	b = b.Crash()
	check(b, 0, 7, 7, 0)
	check(b, 1, 5, -1, kerr.OutOfOrderSequenceNumber.Code) // a new epoch begins at 0
	check(b, 1, 0, 8, 0)
	check(b, 0, 8, -1, kerr.InvalidProducerEpoch.Code)
	check(b, 1, 0, 8, 0)
}
