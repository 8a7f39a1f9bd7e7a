package wire

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func valueOf(p any) reflect.Value { return reflect.ValueOf(p).Elem() }

// kmsgFetch is what the parser says, in kmsg's words.
func kmsgFetch(r *FetchRequest) *kmsg.FetchRequest {
	q := kmsg.NewPtrFetchRequest()
	q.Version, q.ClusterID, q.Rack = r.Version, nullable(r.ClusterID), string(r.RackID)
	q.ReplicaID = r.ReplicaID
	if r.Version >= 15 {
		q.ReplicaState.ID, q.ReplicaState.Epoch = r.ReplicaID, r.ReplicaEpoch
	}
	q.MaxWaitMillis, q.MinBytes, q.MaxBytes = r.MaxWaitMs, r.MinBytes, r.MaxBytes
	q.IsolationLevel, q.SessionID, q.SessionEpoch = r.Isolation, r.SessionID, r.SessionEpoch
	for i := range r.Topics {
		kt := kmsg.FetchRequestTopic{Topic: string(r.Topics[i].Name), TopicID: r.Topics[i].ID}
		for _, p := range r.Topics[i].Partitions {
			kt.Partitions = append(kt.Partitions, kmsg.FetchRequestTopicPartition{
				Partition: p.Index, CurrentLeaderEpoch: p.CurrentLeaderEpoch, FetchOffset: p.FetchOffset,
				LastFetchedEpoch: p.LastFetchedEpoch, LogStartOffset: p.LogStartOffset,
				PartitionMaxBytes: p.MaxBytes, ReplicaDirectoryID: p.DirectoryID, HighWatermark: p.HighWatermark,
			})
		}
		q.Topics = append(q.Topics, kt)
	}
	for i := range r.Forgotten {
		f := &r.Forgotten[i]
		q.ForgottenTopics = append(q.ForgottenTopics, kmsg.FetchRequestForgottenTopic{Topic: string(f.Name), TopicID: f.ID, Partitions: f.Partitions})
	}
	return q
}

func TestFetchRequest(t *testing.T) {
	var r FetchRequest
	random := newRandomizer(7)
	for version := int16(FetchMin); version <= FetchMax; version++ {
		for range 300 {
			body := reencode(random.request(keyFetch, version))
			if err := r.Parse(version, append(body, "trailing bytes are ignored"...)); err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			if got := reencode(kmsgFetch(&r)); !bytes.Equal(got, body) {
				t.Fatalf("version %d:\n%x parsed as\n%x", version, body, got)
			}
		}
	}
}

// What a version does not have must have the documented default, whatever was parsed before.
func TestFetchRequestDefaults(t *testing.T) {
	var r FetchRequest
	random := newRandomizer(8)
	for range 20 {
		mustBe(t, r.Parse(FetchMax, reencode(random.request(keyFetch, FetchMax))), nil)
		q := kmsg.NewPtrFetchRequest()
		q.Version, q.Topics = 4, []kmsg.FetchRequestTopic{{Topic: "t", Partitions: []kmsg.FetchRequestTopicPartition{kmsg.NewFetchRequestTopicPartition()}}}
		mustBe(t, r.Parse(4, reencode(q)), nil)
		want := FetchPartition{CurrentLeaderEpoch: -1, LastFetchedEpoch: -1, LogStartOffset: -1, HighWatermark: math.MaxInt64}
		if got := r.Topics[0].Partitions[0]; got != want {
			t.Errorf("%+v", got)
		}
		if r.SessionEpoch != -1 || r.SessionID != 0 || r.ReplicaEpoch != -1 || len(r.Forgotten) != 0 || r.RackID != nil || r.ClusterID != nil {
			t.Errorf("%+v", r)
		}
		q.Version = 15
		mustBe(t, r.Parse(15, reencode(q)), nil)
		if r.ReplicaID != -1 {
			t.Errorf("replica %d", r.ReplicaID)
		}
	}
}

func TestFetchRequestCut(t *testing.T) {
	var r FetchRequest
	random := newRandomizer(9)
	for version := int16(FetchMin); version <= FetchMax; version++ {
		body := reencode(random.request(keyFetch, version))
		for n := range body {
			if err := r.Parse(version, body[:n]); err == nil || !errors.Is(err, ErrMalformed) {
				t.Fatalf("version %d: %d of %d bytes: %v", version, n, len(body), err)
			}
			if len(r.Topics) != 0 || r.ReplicaID != -1 {
				t.Fatal("a refused request holds something")
			}
		}
	}
}

func TestFetchRequestRefused(t *testing.T) {
	f := func(version int16, body string, want error) {
		t.Helper()
		var r FetchRequest
		var err error
		n := allocated(func() { err = r.Parse(version, []byte(body)) })
		if err != want || n > 100_000 {
			t.Errorf("%v, %d bytes allocated", err, n)
		}
	}
	const i4 = "\x00\x00\x00\x01"
	v4 := i4 + i4 + i4 + i4 + "\x00"
	v12, v17 := v4+i4+i4, i4+i4+i4+"\x00"+i4+i4
	id := "0123456789abcdef"
	part := i4 + i4 + "\x00\x00\x00\x00" + i4 + i4 + "\x00\x00\x00\x00" + i4 + i4
	f(3, "", ErrVersion)
	f(19, "", ErrVersion)
	f(4, v4+"\xff\xff\xff\xff", ErrNull)
	f(4, v4+"\x00\x10\x00\x00.....", ErrCount)                                     // a million topics
	f(4, v4+i4+"\x00\x01t\x00\x10\x00\x00...", ErrCount)                           // a million partitions
	f(17, v17+"\x80\x80\x40....", ErrCount)                                        // a million topics
	f(17, v17+"\x01\x80\x80\x40....", ErrCount)                                    // a million forgotten topics
	f(17, v17+"\x01\x02"+id+"\x80\x80\x40....", ErrCount)                          // a million forgotten partitions
	f(17, v17+"\x01\x01\x00\x00", ErrNull)                                         // rack null
	f(17, v17+"\x01\x01\x01\x00", nil)                                             // the smallest there is
	f(17, v17+"\x01\x01\x01\x02\x01\x0d0123456789ab\x00\x00\x01\x00", ErrTagOrder) // replica state before cluster id
	f(17, v17+"\x01\x01\x01\x01\x01\x0d0123456789ab\x00", nil)                     // replica state
	f(17, v17+"\x01\x01\x01\x01\x01\x0e0123456789ab\x00.", ErrTagSize)
	f(17, v17+"\x01\x01\x01\x01\x01\x0c0123456789ab", ErrShort)       // its tags are missing
	f(13, v12+"\x01\x01\x01\x01\x01\x0d0123456789ab\x00", ErrTagSize) // not before version 15
	f(17, v17+"\x02"+id+"\x02"+part+"\x01\x00\x10"+id+"\x00\x01\x01\x00", nil)
	f(17, v17+"\x02"+id+"\x02"+part+"\x01\x00\x0f"+id[:15]+"\x00\x01\x01\x00", ErrShort)
	f(16, v17+"\x02"+id+"\x02"+part+"\x01\x00\x10"+id+"\x00\x01\x01\x00", ErrTagSize)     // directory: 17
	f(17, v17+"\x02"+id+"\x02"+part+"\x01\x01\x08"+id[:8]+"\x00\x01\x01\x00", ErrTagSize) // high watermark: 18
	f(18, v17+"\x02"+id+"\x02"+part+"\x01\x01\x08"+id[:8]+"\x00\x01\x01\x00", nil)
	f(18, v17+"\x02"+id+"\x02"+part+"\x01\x02\x01x\x00\x01\x01\x00", nil) // unknown: skipped
}

// fetchAnswer appends a random answer of kmsg's piece by piece, checking each announced size.
func fetchAnswer(t *testing.T, k *kmsg.FetchResponse) []byte {
	v := k.Version
	piece := func(dst []byte, before, size int) {
		t.Helper()
		if len(dst)-before != size {
			t.Fatalf("version %d: a piece of %d bytes was announced as %d", v, len(dst)-before, size)
		}
	}
	dst := AppendFetchHead(nil, v, k.ThrottleMillis, k.ErrorCode, k.SessionID, len(k.Topics))
	piece(dst, 0, FetchHeadSize(v, len(k.Topics)))
	for i := range k.Topics {
		kt := &k.Topics[i]
		at, inner := len(dst), 0
		dst = AppendFetchTopic(dst, v, kt.Topic, kt.TopicID, len(kt.Partitions))
		for j := range kt.Partitions {
			kp := &kt.Partitions[j]
			p, n := fetchPartition(v, kp), len(kp.RecordBatches)
			if kp.RecordBatches == nil {
				n = -1
			}
			start := len(dst)
			dst = AppendFetchPartition(dst, v, p, n)
			dst = append(dst, kp.RecordBatches...)
			dst = AppendFetchPartitionEnd(dst, v, p)
			piece(dst, start+max(n, 0), FetchPartitionSize(v, p, n))
			inner += len(dst) - start
		}
		dst = AppendFetchTopicEnd(dst, v)
		piece(dst, at+inner, FetchTopicSize(v, len(kt.Topic), len(kt.Partitions)))
	}
	var endpoints []NodeEndpoint
	for i := range k.Brokers {
		b := &k.Brokers[i]
		endpoints = append(endpoints, NodeEndpoint{b.NodeID, b.Host, b.Port, message(&b.Rack)})
	}
	if v < 16 {
		k.Brokers = nil
	}
	at := len(dst)
	dst = AppendFetchEnd(dst, v, endpoints)
	piece(dst, at, FetchEndSize(v, endpoints))
	return dst
}

func fetchPartition(version int16, k *kmsg.FetchResponseTopicPartition) *FetchPartitionResult {
	p := &FetchPartitionResult{
		Index: k.Partition, ErrorCode: k.ErrorCode, HighWatermark: k.HighWatermark,
		LastStableOffset: k.LastStableOffset, LogStartOffset: k.LogStartOffset, PreferredReadReplica: k.PreferredReadReplica,
		DivergingEpoch: EpochEndOffset{k.DivergingEpoch.Epoch, k.DivergingEpoch.EndOffset, true},
		CurrentLeader:  CurrentLeader{k.CurrentLeader.LeaderID, k.CurrentLeader.LeaderEpoch, true},
		SnapshotID:     SnapshotID{k.SnapshotID.EndOffset, k.SnapshotID.Epoch, true},
	}
	if k.AbortedTransactions != nil {
		p.Aborted = []AbortedTransaction{}
	}
	for _, a := range k.AbortedTransactions {
		p.Aborted = append(p.Aborted, AbortedTransaction{a.ProducerID, a.FirstOffset})
	}
	return p
}

func TestFetchResponse(t *testing.T) {
	random := newRandomizer(10)
	for version := int16(FetchMin); version <= FetchMax; version++ {
		for range 300 {
			k := kmsg.NewPtrFetchResponse()
			random.fillStruct(valueOf(k))
			k.Version = version
			got := fetchAnswer(t, k)
			if want := k.AppendTo(nil); !bytes.Equal(got, want) {
				t.Fatalf("version %d:\n%x, want\n%x", version, got, want)
			}
		}
	}
}

func TestFetchResponseOptional(t *testing.T) {
	for _, p := range []FetchPartitionResult{
		{},
		{CurrentLeader: CurrentLeader{ID: 1}, DivergingEpoch: EpochEndOffset{Epoch: 1}, SnapshotID: SnapshotID{Epoch: 1}},
		{CurrentLeader: CurrentLeader{-1, -1, true}, DivergingEpoch: EpochEndOffset{-1, -1, true}, SnapshotID: SnapshotID{-1, -1, true}},
	} {
		if b := AppendFetchPartitionEnd(nil, 18, &p); !bytes.Equal(b, []byte{0}) {
			t.Errorf("%+v is written: %x", p, b)
		}
	}
}
