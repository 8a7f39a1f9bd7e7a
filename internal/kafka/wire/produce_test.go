package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// kmsgProduce is what the parser says, in kmsg's words.
func kmsgProduce(r *ProduceRequest) *kmsg.ProduceRequest {
	q := &kmsg.ProduceRequest{Version: r.Version, Acks: r.Acks, TimeoutMillis: r.TimeoutMs, TransactionID: nullable(r.TransactionalID)}
	for i := range r.Topics {
		t := &r.Topics[i]
		kt := kmsg.ProduceRequestTopic{Topic: string(t.Name), TopicID: t.ID}
		for _, p := range t.Partitions {
			kt.Partitions = append(kt.Partitions, kmsg.ProduceRequestTopicPartition{Partition: p.Index, Records: p.Records})
		}
		q.Topics = append(q.Topics, kt)
	}
	return q
}

func nullable(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

// canonical strips unknown tagged fields by encoding what was parsed again.
func reencode(q kmsg.Request) []byte { return q.AppendTo(nil) }

// Every random request that kmsg encodes is parsed to the same values, with one request reused
// throughout so that nothing of an earlier one may show through.
func TestProduceRequest(t *testing.T) {
	var r ProduceRequest
	random := newRandomizer(3)
	for version := int16(ProduceMin); version <= ProduceMax; version++ {
		for range 300 {
			q := random.request(keyProduce, version)
			body := reencode(q)
			if err := r.Parse(version, append(body, "trailing bytes are ignored"...)); err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			if got := reencode(kmsgProduce(&r)); !bytes.Equal(got, body) {
				t.Fatalf("version %d:\n%x parsed as\n%x", version, body, got)
			}
			checkProduceViews(t, &r)
		}
	}
}

// checkProduceViews checks that nothing can be appended into a neighbour.
func checkProduceViews(t *testing.T, r *ProduceRequest) {
	for i := range r.Topics {
		ps := r.Topics[i].Partitions
		if len(ps) != cap(ps) {
			t.Fatal("partitions of a topic have room to append into the next one's")
		}
		for j := range ps {
			if len(ps[j].Records) != cap(ps[j].Records) {
				t.Fatal("records have room to append into what follows them")
			}
		}
	}
}

func TestProduceRequestUnknownTags(t *testing.T) {
	var r ProduceRequest
	random := newRandomizer(4)
	for version := int16(9); version <= ProduceMax; version++ {
		for range 50 {
			random.tags = 0
			q := random.request(keyProduce, version).(*kmsg.ProduceRequest)
			want := reencode(q)
			q.UnknownTags.Set(1000, []byte("x"))
			for i := range q.Topics {
				q.Topics[i].UnknownTags.Set(0, nil)
				for j := range q.Topics[i].Partitions {
					q.Topics[i].Partitions[j].UnknownTags.Set(7, []byte("yy"))
				}
			}
			if err := r.Parse(version, reencode(q)); err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			if got := reencode(kmsgProduce(&r)); !bytes.Equal(got, want) {
				t.Fatalf("version %d:\n%x parsed as\n%x", version, want, got)
			}
		}
	}
}

// Every proper prefix is refused, and a refused request is empty.
func TestProduceRequestCut(t *testing.T) {
	var r ProduceRequest
	random := newRandomizer(5)
	for version := int16(ProduceMin); version <= ProduceMax; version++ {
		body := reencode(random.request(keyProduce, version))
		for n := range body {
			err := r.Parse(version, body[:n])
			if err == nil || !errors.Is(err, ErrMalformed) {
				t.Fatalf("version %d: %d of %d bytes: %v", version, n, len(body), err)
			}
			if len(r.Topics) != 0 || r.TransactionalID != nil {
				t.Fatal("a refused request holds something")
			}
		}
	}
}

func TestProduceRequestRefused(t *testing.T) {
	f := func(version int16, body string, want error) {
		t.Helper()
		var r ProduceRequest
		var err error
		n := allocated(func() { err = r.Parse(version, []byte(body)) })
		if err != want || n > 100_000 {
			t.Errorf("%v, %d bytes allocated", err, n)
		}
	}
	v3, v9 := "\xff\xff\x00\x01\x00\x00\x00\x05", "\x00\x00\x01\x00\x00\x00\x05"
	f(2, "", ErrVersion)
	f(14, "", ErrVersion)
	f(3, v3+"\xff\xff\xff\xff", ErrNull)                              // topics null
	f(9, v9+"\x00", ErrNull)                                          // topics null
	f(3, v3+"\x00\x10\x00\x00........", ErrCount)                     // a million topics
	f(9, v9+"\x80\x80\x40........", ErrCount)                         // a million topics
	f(3, v3+"\x00\x00\x00\x01\x00\x01t\x00\x10\x00\x00...", ErrCount) // a million partitions
	f(9, v9+"\x02\x02t\x80\x80\x40......", ErrCount)                  // a million partitions
	f(9, v9+"\x02\x00\x01\x00\x00", ErrNull)                          // topic name null
	f(3, v3+"\x00\x00\x00\x01\xff\xff\x00\x00\x00\x00", ErrNull)      // topic name null
	f(9, v9+"\x02\x02t\x02\x00\x00\x00\x00\x09...", ErrLength)        // records longer than the rest
	f(9, v9+"\xff\xff\xff\xff\x1f......", ErrVarint)                  // over-long count
	f(9, v9+"\x01\x02\x05\x00\x05\x00", ErrTagOrder)
}

// Topics without partitions cost twenty times their size; Parse stops before that.
func TestProduceRequestMemory(t *testing.T) {
	body := append([]byte("\x00\x00\x01\x00\x00\x00\x05"), AppendUvarint(nil, 1_000_001)...)
	body = append(body, bytes.Repeat([]byte{1, 1, 0}, 1_000_000)...)
	var r ProduceRequest
	var err error
	n := allocated(func() { err = r.Parse(9, append(body, 0)) })
	if err != ErrCount || n > int64(len(body))*2 {
		t.Errorf("%v, %d bytes allocated", err, n)
	}
}

func TestResetGivesUpLargeSlices(t *testing.T) {
	q := &kmsg.ProduceRequest{Version: 12, Topics: make([]kmsg.ProduceRequestTopic, 2*MaxKept)}
	for i := range q.Topics {
		q.Topics[i].Topic = "a-topic-with-a-name"
		q.Topics[i].Partitions = []kmsg.ProduceRequestTopicPartition{{Records: make([]byte, 70)}}
	}
	var r ProduceRequest
	mustBe(t, r.Parse(12, reencode(q)), nil)
	if len(r.Topics) != 2*MaxKept {
		t.Fatalf("%d topics", len(r.Topics))
	}
	r.Reset()
	if r.Topics != nil || r.partitions != nil {
		t.Errorf("kept room for %d topics, %d partitions", cap(r.Topics), cap(r.partitions))
	}
	q.Topics = q.Topics[:10]
	mustBe(t, r.Parse(12, reencode(q)), nil)
	r.Reset()
	if cap(r.Topics) < 10 || r.Topics[:1][0].Name != nil || r.partitions[:1][0].Records != nil {
		t.Error("small slices must stay, without their contents")
	}
}

// produceAnswer turns a random answer of kmsg's into ours.
func produceAnswer(k *kmsg.ProduceResponse) *ProduceResponse {
	r := &ProduceResponse{ThrottleMs: k.ThrottleMillis}
	for i := range k.Topics {
		t := ProduceTopicResult{Name: []byte(k.Topics[i].Topic), ID: k.Topics[i].TopicID}
		for j := range k.Topics[i].Partitions {
			p := &k.Topics[i].Partitions[j]
			res := ProduceResult{
				Index: p.Partition, ErrorCode: p.ErrorCode, BaseOffset: p.BaseOffset,
				LogAppendTimeMs: p.LogAppendTime, LogStartOffset: p.LogStartOffset,
				ErrorMessage: message(&p.ErrorMessage),
				Leader:       CurrentLeader{p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch, true},
			}
			for l := range p.ErrorRecords {
				e := &p.ErrorRecords[l]
				res.RecordErrors = append(res.RecordErrors, ProduceRecordError{e.RelativeOffset, message(&e.ErrorMessage)})
			}
			if k.Version < 10 {
				p.CurrentLeader = kmsg.NewProduceResponseTopicPartitionCurrentLeader()
			}
			t.Partitions = append(t.Partitions, res)
		}
		r.Topics = append(r.Topics, t)
	}
	for i := range k.Brokers {
		b := &k.Brokers[i]
		r.Endpoints = append(r.Endpoints, NodeEndpoint{b.NodeID, b.Host, b.Port, message(&b.Rack)})
	}
	if k.Version < 10 {
		k.Brokers = nil
	}
	return r
}

// message is the text of a nullable string; empty ones are null with us.
func message(s **string) string {
	if *s == nil || **s == "" {
		*s = nil
		return ""
	}
	return **s
}

func TestProduceResponse(t *testing.T) {
	random := newRandomizer(6)
	for version := int16(ProduceMin); version <= ProduceMax; version++ {
		for range 300 {
			k := kmsg.NewPtrProduceResponse()
			random.fillStruct(valueOf(k))
			k.Version = version
			r := produceAnswer(k)
			if got, want := r.Append([]byte("head"), version), k.AppendTo([]byte("head")); !bytes.Equal(got, want) {
				t.Fatalf("version %d:\n%x, want\n%x", version, got, want)
			}
		}
	}
}

// A leader that is not set, or is nobody, is left out, as Kafka does.
func TestProduceResponseLeader(t *testing.T) {
	size := func(l CurrentLeader) int {
		r := ProduceResponse{Topics: []ProduceTopicResult{{ID: kafka.TopicID{1}, Partitions: []ProduceResult{{Leader: l}}}}}
		return len(r.Append(nil, 13))
	}
	without := size(CurrentLeader{})
	for _, l := range []CurrentLeader{{ID: 3, Epoch: 4}, {ID: -1, Epoch: -1, Set: true}} {
		if size(l) != without {
			t.Errorf("%+v is written", l)
		}
	}
	if size(CurrentLeader{ID: 3, Epoch: -1, Set: true}) != without+2+9 {
		t.Error("a leader that is set is not written")
	}
}
