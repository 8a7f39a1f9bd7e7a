package data

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func fetchRequest(version int16, maxBytes int32, from ...int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(version)
	req.MaxBytes, req.MinBytes = maxBytes, 1
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = "orders", ordersID
	for i, offset := range from {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = int32(i), offset, 1<<20
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func (r *rig) fetch(req *kmsg.FetchRequest) *kmsg.FetchResponse {
	r.t.Helper()
	q := r.request(req)
	if d := r.h.Fetch(q); d != network.Answered {
		r.t.Fatalf("ended by %d", d)
	}
	resp := kmsg.NewPtrFetchResponse()
	r.decode(q, resp)
	return resp
}

// fill appends and flushes batches, one for each value, and returns the size of one.
func (r *rig) fill(values ...string) int {
	r.t.Helper()
	size := 0
	for _, v := range values {
		b := r.records(v)
		size = len(b)
		r.produce(network.Answered, 0, 9, 1, "orders", 0, b)
	}
	r.sync()
	return size
}

func offsets(t testing.TB, records []byte) (out []int64) {
	t.Helper()
	for len(records) > 0 {
		b, rest, err := batch.Next(records)
		if err != nil || !b.VerifyCRC() {
			t.Fatalf("batch after %v: %v", out, err)
		}
		out, records = append(out, b.BaseOffset()), rest
	}
	return out
}

func TestFetchAnswersAtEveryVersion(t *testing.T) {
	r := newRig(t)
	r.fill("a", "b", "c")
	for v := int16(4); v <= 18; v++ {
		resp := r.fetch(fetchRequest(v, 1<<20, 1, 0))
		p := resp.Topics[0].Partitions
		if got := offsets(t, p[0].RecordBatches); len(got) != 2 || got[0] != 1 {
			t.Errorf("v%d: batches %v", v, got)
		}
		if p[0].HighWatermark != 3 || p[0].LastStableOffset != 3 || p[0].AbortedTransactions != nil {
			t.Errorf("v%d: %+v", v, p[0])
		}
		if p[1].ErrorCode != kerr.NotLeaderForPartition.Code || p[1].HighWatermark != -1 || len(p[1].RecordBatches) != 0 {
			t.Errorf("v%d: other leader's partition %+v", v, p[1])
		}
		if v >= 16 && (p[1].CurrentLeader.LeaderID != 2 || len(resp.Brokers) != 1) {
			t.Errorf("v%d: no leader hint: %+v %+v", v, p[1], resp.Brokers)
		}
	}
}

// TestPoint066FirstBatchAlways is SURFACE 66: the first batch always, after that the limits are hard.
func TestPoint066FirstBatchAlways(t *testing.T) {
	r := newRig(t)
	size := r.fill("a", "b", "c", "d")
	f := func(maxBytes int32, want int) {
		t.Helper()
		resp := r.fetch(fetchRequest(12, maxBytes, 0))
		if got := offsets(t, resp.Topics[0].Partitions[0].RecordBatches); len(got) != want {
			t.Errorf("max %d: batches %v, want %d", maxBytes, got, want)
		}
	}
	f(0, 1)
	f(1, 1)
	f(int32(size), 1)
	f(int32(2*size-1), 1)
	f(int32(2*size), 2)
	f(int32(100*size), 4)
}

// TestFetchSharesMaxBytes: the same partition twice stands for two partitions; the second gets what the
// first has left over.
func TestFetchSharesMaxBytes(t *testing.T) {
	r := newRig(t)
	size := r.fill("a", "b", "c")
	req := fetchRequest(12, int32(4*size), 0)
	req.Topics = append(req.Topics, req.Topics[0])
	resp := r.fetch(req)
	first, second := resp.Topics[0].Partitions[0], resp.Topics[0].Partitions[1] // one topic in the answer
	if a, b := offsets(t, first.RecordBatches), offsets(t, second.RecordBatches); len(a) != 3 || len(b) != 1 {
		t.Errorf("batches %v and %v", a, b)
	}
}

func TestFetchErrors(t *testing.T) {
	r := newRig(t)
	r.fill("a")
	f := func(code *kerr.Error, change func(*kmsg.FetchRequest)) {
		t.Helper()
		req := fetchRequest(12, 1<<20, 0)
		req.MaxWaitMillis = 60_000 // an error is answered at once (SURFACE 68)
		change(req)
		resp := r.fetch(req)
		if got := resp.Topics[0].Partitions[0].ErrorCode; got != code.Code {
			t.Errorf("error %d, want %d", got, code.Code)
		}
	}
	part := func(req *kmsg.FetchRequest) *kmsg.FetchRequestTopicPartition { return &req.Topics[0].Partitions[0] }
	f(kerr.OffsetOutOfRange, func(q *kmsg.FetchRequest) { part(q).FetchOffset = 2 })
	f(kerr.OffsetOutOfRange, func(q *kmsg.FetchRequest) { part(q).FetchOffset = -1 })
	f(kerr.FencedLeaderEpoch, func(q *kmsg.FetchRequest) { part(q).CurrentLeaderEpoch = 2 })
	f(kerr.UnknownLeaderEpoch, func(q *kmsg.FetchRequest) { part(q).CurrentLeaderEpoch = 4 })
	f(kerr.UnknownTopicOrPartition, func(q *kmsg.FetchRequest) { part(q).Partition = 9 })
	f(kerr.UnknownTopicOrPartition, func(q *kmsg.FetchRequest) { q.Topics[0].Topic = "nowhere" })
	f(kerr.UnknownTopicID, func(q *kmsg.FetchRequest) { q.SetVersion(13); q.Topics[0].TopicID = [16]byte{1} })
	f(kerr.NotLeaderForPartition, func(q *kmsg.FetchRequest) { q.ReplicaID = 2 })
	r.deny["orders"] = true
	f(kerr.TopicAuthorizationFailed, func(*kmsg.FetchRequest) {})
}

// TestFetchWaitsForTheWatermark: a fetch at the end is answered when the high watermark moves, not
// when records are merely appended, and at its deadline otherwise.
func TestFetchWaitsForTheWatermark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.fill("a")
		req := fetchRequest(12, 1<<20, 1)
		req.MaxWaitMillis = 5000
		answered := make(chan *kmsg.FetchResponse)
		begin := func() {
			r.now = time.Now()
			go func() { answered <- r.fetch(req) }()
			synctest.Wait()
		}
		begin()
		r.produce(network.Answered, 0, 9, 1, "orders", 0, r.records("b"))
		synctest.Wait()
		select {
		case <-answered:
			t.Fatal("answered although nothing was committed")
		default:
		}
		r.sync()
		if p := (<-answered).Topics[0].Partitions[0]; len(offsets(t, p.RecordBatches)) != 1 || p.HighWatermark != 2 {
			t.Errorf("%+v", p)
		}
		req.Topics[0].Partitions[0].FetchOffset = 2
		begin()
		if p := (<-answered).Topics[0].Partitions[0]; len(p.RecordBatches) != 0 || p.ErrorCode != 0 {
			t.Errorf("%+v", p)
		}
		if waited := time.Since(r.now); waited != 5*time.Second {
			t.Errorf("waited %v", waited)
		}
		if r.partition().Watermark().Waiting() {
			t.Error("the fetch is still in the list")
		}
	})
}

// TestPoint068WaitsForMinBytes: one batch is not enough, two are.
func TestPoint068WaitsForMinBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		size := r.fill("a")
		req := fetchRequest(12, 1<<20, 1)
		req.MaxWaitMillis, req.MinBytes = 5000, int32(2*size)
		r.now = time.Now()
		answered := make(chan *kmsg.FetchResponse)
		go func() { answered <- r.fetch(req) }()
		synctest.Wait()
		r.fill("b")
		synctest.Wait()
		select {
		case <-answered:
			t.Fatal("answered with less than min_bytes")
		default:
		}
		r.fill("c")
		if p := (<-answered).Topics[0].Partitions[0]; len(offsets(t, p.RecordBatches)) != 2 {
			t.Errorf("%+v", p)
		}
	})
}

// TestFetchDoesNotWaitForMoreThanFits: waiting is for bytes that could be in the answer.
func TestFetchDoesNotWaitForMoreThanFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		size := r.fill("a", "b", "c")
		r.now = time.Now()
		f := func(maxBytes, partitionMax int32) {
			t.Helper()
			req := fetchRequest(12, maxBytes, 0)
			req.MaxWaitMillis, req.MinBytes = 60_000, 1<<30
			req.Topics[0].Partitions[0].PartitionMaxBytes = partitionMax
			r.fetch(req)
			if waited := time.Since(r.now); waited != 0 {
				t.Errorf("max_bytes %d, of the partition %d: waited %v", maxBytes, partitionMax, waited)
			}
		}
		f(int32(size), 1<<20)
		f(1<<20, int32(size))
	})
}

// TestHugeRequestsLeaveNothingBehind: the memory that one large request needs is given back with its
// answer, also if nothing is sent from files, and repetitions of a partition are looked at once.
func TestHugeRequestsLeaveNothingBehind(t *testing.T) {
	r := newRig(t)
	r.fill("a")
	from := make([]int64, 5*maxUnchecked)
	for i := range from {
		from[i] = 1 // at the end: nothing to send
	}
	req := fetchRequest(12, 1<<20, from...)
	for i := range req.Topics[0].Partitions {
		req.Topics[0].Partitions[i].Partition = int32(i % 2)
	}
	q := r.request(req)
	if d := r.h.Fetch(q); d != network.Answered {
		t.Fatalf("ended by %d", d)
	}
	resp := kmsg.NewPtrFetchResponse()
	r.decode(q, resp)
	if n := len(resp.Topics[0].Partitions); n != 2 {
		t.Errorf("%d partitions in the answer", n)
	}
	for i := range req.Topics[0].Partitions {
		req.Topics[0].Partitions[i].Partition = int32(i)
	}
	q2 := r.request(req)
	q.Header, q.Payload, q.Out = q2.Header, q2.Payload, nil
	r.h.Fetch(q)
	s := slotOf(q).fetch
	if cap(s.parts) > wire.MaxKept || cap(s.wants) > wire.MaxKept || cap(s.answer.bytes) > maxKeptAnswer {
		t.Errorf("kept %d parts, %d wants, %d bytes", cap(s.parts), cap(s.wants), cap(s.answer.bytes))
	}
	p := r.request(r.produceRequest(9, 1, "orders", 0, r.records("a")))
	r.h.Produce(p)
	slotOf(p).produce.results = make([]wire.ProduceResult, 0, wire.MaxKept+1)
	slotOf(p).produce.trim()
	if slotOf(p).produce.results != nil {
		t.Error("a produce keeps its results")
	}
}

func TestPoint080SpecialTimestamps(t *testing.T) {
	r := newRig(t)
	r.fill("a", "b")
	f := func(version int16, ts, want int64, code int16) {
		t.Helper()
		req := kmsg.NewPtrListOffsetsRequest()
		req.SetVersion(version)
		req.ReplicaID = -1
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic = "orders"
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Timestamp = ts
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		q := r.request(req)
		if d := r.h.ListOffsets(q); d != network.Answered {
			t.Fatalf("ended by %d", d)
		}
		resp := kmsg.NewPtrListOffsetsResponse()
		r.decode(q, resp)
		if p := resp.Topics[0].Partitions[0]; p.ErrorCode != code || p.Offset != want {
			t.Errorf("v%d, timestamp %d: %+v", version, ts, p)
		}
	}
	for v := int16(1); v <= 11; v++ {
		f(v, -1, 2, 0)
		f(v, -2, 0, 0)
		f(v, r.now.UnixMilli(), 0, 0)
		f(v, r.now.UnixMilli()+1, -1, 0)
		f(v, -7, -1, kerr.UnsupportedVersion.Code)
	}
	f(6, -3, -1, kerr.UnsupportedVersion.Code)
	f(7, -3, 0, 0)
	f(7, -4, -1, kerr.UnsupportedVersion.Code)
	f(8, -4, 0, 0)
	f(11, -6, -1, 0)
}

// TestPoint081DuplicatedPartitions is SURFACE 81, also if the topic is named twice.
func TestPoint081DuplicatedPartitions(t *testing.T) {
	r := newRig(t)
	r.fill("a")
	req := kmsg.NewPtrListOffsetsRequest()
	req.SetVersion(7)
	req.ReplicaID = -1
	for range 2 {
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic = "orders"
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Timestamp = -1
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
	}
	q := r.request(req)
	r.h.ListOffsets(q)
	resp := kmsg.NewPtrListOffsetsResponse()
	r.decode(q, resp)
	for _, topic := range resp.Topics {
		if code := topic.Partitions[0].ErrorCode; code != kerr.InvalidRequest.Code {
			t.Errorf("error %d", code)
		}
	}
}
