package data

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Points of SURFACE 7.4, 7.6 and 7.7 that no other test is about, each named after its number.

// configure sets a config of the topic.
func (r *rig) configure(name, value string) {
	r.replay(&schema.ConfigRecord{ResourceType: schema.ResourceTopic, ResourceName: "orders", Name: name, Value: &value})
}

// batchOf builds a batch with n records of one timestamp; keys are null.
func (r *rig) batchOf(o batch.BuilderOptions, timestamp int64, values ...string) []byte {
	r.t.Helper()
	var b batch.Builder
	b.Reset(o)
	for _, v := range values {
		b.Append(timestamp, nil, []byte(v), nil)
	}
	built, err := b.Build()
	if err != nil {
		r.t.Fatal(err)
	}
	return bytes.Clone(built)
}

// wants sends a Produce with acks=1 and demands its error.
func (r *rig) wants(code *kerr.Error, version int16, records []byte) kmsg.ProduceResponseTopicPartition {
	r.t.Helper()
	want := int16(0)
	if code != nil {
		want = code.Code
	}
	return r.produce(network.Answered, want, version, 1, "orders", 0, records).Topics[0].Partitions[0]
}

func TestPoint027InternalTopicsRefuseClients(t *testing.T) {
	r := newRig(t)
	for i, name := range []string{"__consumer_offsets", "__transaction_state", "__share_group_state"} {
		id := kafka.TopicID{15: byte(i + 1)}
		r.replay(&schema.TopicRecord{Name: name, TopicID: id},
			&schema.PartitionRecord{TopicID: id, Replicas: []kafka.BrokerID{1}, ISR: []kafka.BrokerID{1}, Leader: 1})
		r.produce(network.Answered, kerr.InvalidTopicException.Code, 9, 1, name, 0, r.records("a"))
		q := r.request(r.produceRequest(9, 1, name, 0, r.records("a")))
		q.ClientID = []byte("__admin_client")
		if d := r.h.Produce(q); d != network.Answered {
			t.Fatalf("ended by %d", d)
		}
		resp := kmsg.NewPtrProduceResponse()
		r.decode(q, resp)
		if p := resp.Topics[0].Partitions[0]; p.ErrorCode != 0 || p.BaseOffset != 0 {
			t.Errorf("%s as __admin_client: %+v", name, p)
		}
	}
}

func TestPoint033ExactlyOneBatch(t *testing.T) {
	r := newRig(t)
	one := r.records("a")
	r.wants(kerr.InvalidRecord, 9, []byte{})
	r.wants(kerr.InvalidRecord, 9, append(bytes.Clone(one), one...))
	zstd := r.batchOf(batch.BuilderOptions{Codec: compress.Zstd}, r.now.UnixMilli(), "a")
	r.wants(kerr.UnsupportedCompressionType, 6, bytes.Clone(zstd))
	r.wants(nil, 7, zstd)
}

func TestPoint035ChecksumAndSizes(t *testing.T) {
	r := newRig(t)
	damaged := r.records("a")
	damaged[len(damaged)-1] ^= 1
	r.wants(kerr.CorruptMessage, 9, damaged)
	big := r.records(strings.Repeat("x", 500))
	r.configure("max.message.bytes", "400")
	r.wants(kerr.MessageTooLarge, 9, bytes.Clone(big))
	// The limit is for what comes over the wire: compressed it fits.
	small := r.batchOf(batch.BuilderOptions{Codec: compress.Gzip}, r.now.UnixMilli(), strings.Repeat("x", 500))
	r.wants(nil, 9, small)
	r.configure("max.message.bytes", "1000")
	r.configure("internal.segment.bytes", "300")
	r.wants(kerr.RecordListTooLarge, 9, big)
}

func TestPoint036ErrorsArePerPartition(t *testing.T) {
	r := newRig(t)
	req := r.produceRequest(9, 1, "orders", 0, r.records("a"))
	other := kmsg.NewProduceRequestTopicPartition()
	other.Partition, other.Records = 7, r.records("b")
	req.Topics[0].Partitions = append(req.Topics[0].Partitions, other)
	q := r.request(req)
	r.h.Produce(q)
	resp := kmsg.NewPtrProduceResponse()
	r.decode(q, resp)
	if p := resp.Topics[0].Partitions; p[0].ErrorCode != 0 || p[1].ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("%+v", p)
	}
	r.configure("cleanup.policy", "compact")
	for version, listed := range map[int16]int{7: 0, 8: 2, 13: 2} {
		p := r.wants(kerr.InvalidRecord, version, r.records("no key", "nor here"))
		if len(p.ErrorRecords) != listed || p.BaseOffset != -1 {
			t.Fatalf("v%d: %+v", version, p)
		}
		for i, e := range p.ErrorRecords {
			if int(e.RelativeOffset) != i || e.ErrorMessage == nil {
				t.Errorf("v%d: %+v", version, e)
			}
		}
	}
	r.configure("message.timestamp.before.max.ms", "1000")
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	b.Append(r.now.UnixMilli(), nil, []byte("no key"), nil)
	b.Append(r.now.UnixMilli()-5000, []byte("key"), []byte("old"), nil)
	both, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	r.wants(kerr.InvalidTimestamp, 9, both) // wins over INVALID_RECORD
	if end := r.partition().HighWatermark(); end > 1 {
		t.Errorf("high watermark %d: the whole of a refused batch is refused", end)
	}
}

func TestPoint037CompactedTopicsNeedKeys(t *testing.T) {
	r := newRig(t)
	r.configure("cleanup.policy", "compact")
	r.wants(kerr.InvalidRecord, 9, r.records("no key"))
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	b.Append(r.now.UnixMilli(), []byte("key"), nil, nil)
	keyed, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	r.wants(nil, 9, keyed)
}

func TestPoint038TimestampWindow(t *testing.T) {
	r := newRig(t)
	r.configure("message.timestamp.before.max.ms", "1000")
	r.configure("message.timestamp.after.max.ms", "2000")
	at := func(offset int64) []byte { return r.batchOf(batch.BuilderOptions{}, r.now.UnixMilli()+offset, "a") }
	r.wants(nil, 9, at(-1000))
	r.wants(kerr.InvalidTimestamp, 9, at(-1001))
	r.wants(nil, 9, at(2000))
	r.wants(kerr.InvalidTimestamp, 9, at(2001))
	r.wants(nil, 9, r.batchOf(batch.BuilderOptions{}, -1, "without a time"))
	r.configure("message.timestamp.type", "LogAppendTime")
	r.wants(nil, 9, at(-5000))
}

// TestPoint040BytesStayAsSent: of a batch that is kept as it came only base offset and leader epoch differ. (Another codec
// than the producer's is not made, see the page of differences.)
func TestPoint040BytesStayAsSent(t *testing.T) {
	r := newRig(t)
	r.fill("before")
	for _, codec := range []compress.Codec{compress.None, compress.Gzip, compress.Snappy, compress.LZ4, compress.Zstd} {
		sent := r.batchOf(batch.BuilderOptions{Codec: codec}, r.now.UnixMilli(), strings.Repeat("x", 100), "y")
		offset := r.wants(nil, 9, bytes.Clone(sent)).BaseOffset
		r.sync()
		got := batch.Batch(r.fetch(fetchRequest(12, 1<<20, offset)).Topics[0].Partitions[0].RecordBatches)
		if got.BaseOffset() != offset || got.LeaderEpoch() != 3 {
			t.Errorf("%v: offset %d, epoch %d", codec, got.BaseOffset(), got.LeaderEpoch())
		}
		copy(got[0:8], sent[0:8])
		copy(got[12:16], sent[12:16])
		if !bytes.Equal(got, sent) {
			t.Errorf("%v: stored % x, sent % x", codec, got, sent)
		}
	}
}

func TestPoint042Acks(t *testing.T) {
	r := newRig(t)
	req := r.produceRequest(9, 2, "orders", 0, r.records("a"))
	other := kmsg.NewProduceRequestTopicPartition()
	other.Partition, other.Records = 7, r.records("b")
	req.Topics[0].Partitions = append(req.Topics[0].Partitions, other)
	q := r.request(req)
	r.h.Produce(q)
	resp := kmsg.NewPtrProduceResponse()
	r.decode(q, resp)
	for _, p := range resp.Topics[0].Partitions {
		if p.ErrorCode != kerr.InvalidRequiredAcks.Code {
			t.Errorf("%+v", p)
		}
	}
	if end := r.end(); end != 0 {
		t.Errorf("log end %d", end)
	}
}

func TestPoint047TransactionalRecordsNeedAnID(t *testing.T) {
	r := newRig(t)
	txn := r.batchOf(batch.BuilderOptions{HasProducer: true, ProducerID: 7, Transactional: true}, r.now.UnixMilli(), "a")
	req := r.produceRequest(9, 1, "orders", 0, r.records("plain"))
	other := kmsg.NewProduceRequestTopicPartition()
	other.Partition, other.Records = 1, txn
	req.Topics[0].Partitions = append(req.Topics[0].Partitions, other)
	q := r.request(req)
	r.h.Produce(q)
	resp := kmsg.NewPtrProduceResponse()
	r.decode(q, resp)
	for _, p := range resp.Topics[0].Partitions {
		if p.ErrorCode != kerr.TransactionalIDAuthorizationFailed.Code {
			t.Errorf("%+v: the whole request fails", p)
		}
	}
	if end := r.end(); end != 0 {
		t.Errorf("log end %d", end)
	}
}

func TestPoint067BatchThatHoldsTheOffset(t *testing.T) {
	r := newRig(t)
	r.wants(nil, 9, r.records("a", "b", "c"))
	r.wants(nil, 9, r.records("d"))
	r.sync()
	for from := range int64(3) {
		got := offsets(t, r.fetch(fetchRequest(12, 1, from)).Topics[0].Partitions[0].RecordBatches)
		if len(got) != 1 || got[0] != 0 {
			t.Errorf("from %d: batches %v, want the whole one at 0", from, got)
		}
	}
}

func TestPoint070BetweenWatermarkAndEnd(t *testing.T) {
	r := newRig(t)
	r.fill("a")
	r.wants(nil, 9, r.records("b")) // not committed
	f := func(offset int64, code int16) {
		t.Helper()
		p := r.fetch(fetchRequest(12, 1<<20, offset)).Topics[0].Partitions[0]
		if p.ErrorCode != code || len(p.RecordBatches) != 0 {
			t.Errorf("offset %d: %+v", offset, p)
		}
	}
	f(1, 0)
	f(2, 0)
	f(3, kerr.OffsetOutOfRange.Code)
	r.sync()
	if _, code := r.deleteRecords(2, "orders", 0, 1); code != 0 {
		t.Fatal(code)
	}
	f(0, kerr.OffsetOutOfRange.Code)
}

func TestPoint071OffsetsWithoutData(t *testing.T) {
	r := newRig(t)
	r.fill("a", "b")
	if _, code := r.deleteRecords(2, "orders", 0, 1); code != 0 {
		t.Fatal(code)
	}
	resp := r.fetch(fetchRequest(12, 1<<20, 2, 0)).Topics[0].Partitions
	if p := resp[0]; p.HighWatermark != 2 || p.LastStableOffset != 2 || p.LogStartOffset != 1 || len(p.RecordBatches) != 0 {
		t.Errorf("without data: %+v", p)
	}
	if p := resp[1]; p.ErrorCode == 0 || p.HighWatermark != -1 || p.LastStableOffset != -1 || p.LogStartOffset != -1 {
		t.Errorf("with an error: %+v", p)
	}
}

func TestPoint075LeaderEpochOfTheClient(t *testing.T) {
	r := newRig(t)
	f := func(epoch int32, code int16) {
		t.Helper()
		req := fetchRequest(12, 1<<20, 0)
		req.Topics[0].Partitions[0].CurrentLeaderEpoch = epoch
		if p := r.fetch(req).Topics[0].Partitions[0]; p.ErrorCode != code {
			t.Errorf("epoch %d: error %d, want %d", epoch, p.ErrorCode, code)
		}
	}
	f(-1, 0)
	f(3, 0)
	f(2, kerr.FencedLeaderEpoch.Code)
	f(4, kerr.UnknownLeaderEpoch.Code)
}

func TestPoint077BrokersFetchMaxBytes(t *testing.T) {
	r := newRig(t)
	size := r.fill("a", "b", "c", "d")
	r.h.FetchMax = int32(2 * size)
	if got := offsets(t, r.fetch(fetchRequest(12, 1<<20, 0)).Topics[0].Partitions[0].RecordBatches); len(got) != 2 {
		t.Errorf("batches %v", got)
	}
}

// TestPoint078OldMessageSetsAreRefused: as Kafka does of a client. (That logs of old brokers with such messages in them are
// served as they are is not so here, see the page of differences.)
func TestPoint078OldMessageSetsAreRefused(t *testing.T) {
	r := newRig(t)
	for magic := range byte(2) {
		old := r.records("a")
		old[16] = magic
		r.wants(kerr.InvalidRecord, 9, old)
	}
}

func TestPoint079StorageErrorOfOldClients(t *testing.T) {
	r := newRig(t)
	r.partition().Failed(errors.New("EIO"))
	for version, want := range map[int16]*kerr.Error{4: kerr.NotLeaderForPartition, 5: kerr.NotLeaderForPartition, 6: kerr.KafkaStorageError, 18: kerr.KafkaStorageError} {
		if p := r.fetch(fetchRequest(version, 1<<20, 0)).Topics[0].Partitions[0]; p.ErrorCode != want.Code {
			t.Errorf("v%d: error %d, want %v", version, p.ErrorCode, want)
		}
	}
}

// listOffset asks for one offset by time.
func (r *rig) listOffset(version int16, timestamp int64) kmsg.ListOffsetsResponseTopicPartition {
	r.t.Helper()
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = version, -1
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = "orders"
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Timestamp, rp.CurrentLeaderEpoch = timestamp, -1
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	q := r.request(req)
	if d := r.h.ListOffsets(q); d != network.Answered {
		r.t.Fatalf("ended by %d", d)
	}
	resp := kmsg.NewPtrListOffsetsResponse()
	r.decode(q, resp)
	return resp.Topics[0].Partitions[0]
}

func TestPoint081FirstOffsetAtOrAfter(t *testing.T) {
	r := newRig(t)
	start := r.now.UnixMilli()
	for _, after := range []int64{0, 10, 5, 20} {
		r.wants(nil, 9, r.batchOf(batch.BuilderOptions{}, start+after, "a"))
	}
	r.sync()
	r.wants(nil, 9, r.batchOf(batch.BuilderOptions{}, start+30, "not committed"))
	f := func(after, offset, timestamp int64) {
		t.Helper()
		if p := r.listOffset(9, start+after); p.ErrorCode != 0 || p.Offset != offset || p.Timestamp != timestamp {
			t.Errorf("%d: %+v, want %d at %d", after, p, offset, timestamp)
		}
	}
	f(0, 0, start)
	f(1, 1, start+10)
	f(10, 1, start+10)
	f(11, 3, start+20)
	f(21, -1, -1) // there is one, but nobody may see it yet
	f(31, -1, -1)
	r.sync()
	f(21, 4, start+30)
}

func TestPoint082WatermarkBelowTheEpoch(t *testing.T) {
	r := newRig(t)
	r.fill("a")
	r.wants(nil, 9, r.records("b")) // not committed
	r.newEpoch()
	for version, want := range map[int16]*kerr.Error{4: kerr.LeaderNotAvailable, 5: kerr.OffsetNotAvailable} {
		if p := r.listOffset(version, -1); p.ErrorCode != want.Code {
			t.Errorf("v%d, latest: error %d, want %v", version, p.ErrorCode, want)
		}
		if p := r.listOffset(version, r.now.UnixMilli()+1); p.ErrorCode != want.Code {
			t.Errorf("v%d, beyond: error %d, want %v", version, p.ErrorCode, want)
		}
		if p := r.listOffset(version, -2); p.ErrorCode != 0 || p.Offset != 0 {
			t.Errorf("v%d, earliest: %+v", version, p)
		}
	}
	r.sync()
	if p := r.listOffset(5, -1); p.ErrorCode != 0 || p.Offset != 2 {
		t.Errorf("committed: %+v", p)
	}
}

func TestPoint086ActiveProducers(t *testing.T) {
	r := newRig(t)
	describe := func(topic string, partition int32) kmsg.DescribeProducersResponseTopicPartition {
		t.Helper()
		req := kmsg.NewPtrDescribeProducersRequest()
		rt := kmsg.NewDescribeProducersRequestTopic()
		rt.Topic, rt.Partitions = topic, []int32{partition}
		req.Topics = append(req.Topics, rt)
		q := r.request(req)
		if d := r.h.DescribeProducers(q); d != network.Answered {
			t.Fatalf("ended by %d", d)
		}
		resp := kmsg.NewPtrDescribeProducersResponse()
		r.decode(q, resp)
		return resp.Topics[0].Partitions[0]
	}
	if p := describe("orders", 0); p.ErrorCode != 0 || len(p.ActiveProducers) != 0 {
		t.Errorf("nobody: %+v", p)
	}
	at := r.now.Add(-time.Second).UnixMilli()
	r.wants(nil, 9, r.batchOf(batch.BuilderOptions{HasProducer: true, ProducerID: 9, ProducerEpoch: 2}, at, "a", "b"))
	r.wants(nil, 9, r.batchOf(batch.BuilderOptions{HasProducer: true, ProducerID: 5}, at+1, "c"))
	p := describe("orders", 0)
	if len(p.ActiveProducers) != 2 {
		t.Fatalf("%+v", p)
	}
	want := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
	want.ProducerID, want.ProducerEpoch, want.LastSequence, want.LastTimestamp = 9, 2, 1, at
	want.CoordinatorEpoch, want.CurrentTxnStartOffset = -1, -1
	if got := p.ActiveProducers[1]; got.ProducerID != 9 || got.ProducerEpoch != want.ProducerEpoch || got.LastSequence != want.LastSequence ||
		got.LastTimestamp != want.LastTimestamp || got.CoordinatorEpoch != want.CoordinatorEpoch || got.CurrentTxnStartOffset != want.CurrentTxnStartOffset {
		t.Errorf("%+v, want %+v", got, want)
	}
	if p := describe("orders", 1); p.ErrorCode != kerr.NotLeaderForPartition.Code {
		t.Errorf("no replica here: %+v", p)
	}
	if p := describe("nowhere", 0); p.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("unknown: %+v", p)
	}
	if p := describe("no/name", 0); p.ErrorCode != kerr.InvalidTopicException.Code {
		t.Errorf("bad name: %+v", p)
	}
	r.deny["orders"] = true
	if p := describe("orders", 0); p.ErrorCode != kerr.TopicAuthorizationFailed.Code {
		t.Errorf("not allowed: %+v", p)
	}
}

// TestAlterReplicaLogDirs: what needs no move is done or remembered, what needs one is refused.
func TestAlterReplicaLogDirs(t *testing.T) {
	r := newRig(t)
	r.fill("a")
	place := func(version int16, dir, topic string, partition int32) int16 {
		t.Helper()
		req := kmsg.NewPtrAlterReplicaLogDirsRequest()
		req.Version = version
		d := kmsg.NewAlterReplicaLogDirsRequestDir()
		d.Dir = dir
		rt := kmsg.NewAlterReplicaLogDirsRequestDirTopic()
		rt.Topic, rt.Partitions = topic, []int32{partition}
		d.Topics = append(d.Topics, rt)
		req.Dirs = append(req.Dirs, d)
		q := r.request(req)
		if d := r.h.AlterReplicaLogDirs(q); d != network.Answered {
			t.Fatalf("ended by %d", d)
		}
		resp := kmsg.NewPtrAlterReplicaLogDirsResponse()
		r.decode(q, resp)
		if resp.Topics[0].Topic != topic || resp.Topics[0].Partitions[0].Partition != partition {
			t.Fatalf("%+v", resp)
		}
		return resp.Topics[0].Partitions[0].ErrorCode
	}
	for v := int16(1); v <= 2; v++ {
		if code := place(v, "data", "orders", 0); code != 0 {
			t.Errorf("v%d, where it is: %d", v, code)
		}
		if code := place(v, "elsewhere", "orders", 0); code != kerr.LogDirNotFound.Code {
			t.Errorf("v%d, unknown directory: %d", v, code)
		}
		if code := place(v, "data", "future", 0); code != kerr.ReplicaNotAvailable.Code {
			t.Errorf("v%d, not here yet: %d", v, code)
		}
		if code := place(v, "data", "no/name", 0); code != kerr.InvalidTopicException.Code {
			t.Errorf("v%d, bad name: %d", v, code)
		}
		r.deny["kafka-cluster"] = true
		if code := place(v, "data", "orders", 0); code != kerr.ClusterAuthorizationFailed.Code {
			t.Errorf("v%d, not allowed: %d", v, code)
		}
		r.deny["kafka-cluster"] = false
	}
}
