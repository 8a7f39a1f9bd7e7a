package wire

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceBody is a request of a busy producer: topics with partitions of 16 KiB each.
func produceBody(version int16, topics, partitions int) []byte {
	q := kmsg.NewPtrProduceRequest()
	q.Version = version
	for i := range topics {
		t := kmsg.ProduceRequestTopic{Topic: fmt.Sprintf("orders-%04d", i), TopicID: [16]byte{1, byte(i)}}
		for j := range partitions {
			t.Partitions = append(t.Partitions, kmsg.ProduceRequestTopicPartition{Partition: int32(j), Records: make([]byte, 16<<10)})
		}
		q.Topics = append(q.Topics, t)
	}
	return q.AppendTo(nil)
}

// fetchBody is a request of a consumer without a session, or the first of one.
func fetchBody(version int16, topics, partitions int) []byte {
	q := kmsg.NewPtrFetchRequest()
	q.Version, q.Rack = version, "rack-1"
	for i := range topics {
		t := kmsg.FetchRequestTopic{Topic: fmt.Sprintf("orders-%04d", i), TopicID: [16]byte{1, byte(i)}}
		for j := range partitions {
			p := kmsg.NewFetchRequestTopicPartition()
			p.Partition = int32(j)
			t.Partitions = append(t.Partitions, p)
		}
		q.Topics = append(q.Topics, t)
	}
	return q.AppendTo(nil)
}

// appendFetch appends an answer with one partition as the broker does for each fetch.
func appendFetch(dst []byte, version int16, p *FetchPartitionResult) []byte {
	dst = AppendResponseHeader(dst, keyFetch, version, 7)
	dst = AppendFetchHead(dst, version, 0, 0, 0, 1)
	dst = AppendFetchTopic(dst, version, "orders-0001", goldenTopic, 1)
	dst = AppendFetchPartition(dst, version, p, 1<<20)
	dst = AppendFetchPartitionEnd(dst, version, p)
	dst = AppendFetchTopicEnd(dst, version)
	return AppendFetchEnd(dst, version, nil)
}

// In steady state nothing allocates, in any version.
func TestNoAllocations(t *testing.T) {
	none := func(what string, version int16, f func()) {
		t.Helper()
		f()
		if n := testing.AllocsPerRun(10, f); n != 0 {
			t.Errorf("%s version %d: %v allocations", what, version, n)
		}
	}
	dst := make([]byte, 0, 4096)
	for v := int16(ProduceMin); v <= ProduceMax; v++ {
		var r ProduceRequest
		body, answer := produceBody(v, 5, 3), goldenProduceResponse(v)
		none("parse Produce", v, func() { mustBe(t, r.Parse(v, body), nil) })
		none("append Produce", v, func() { answer.Append(dst, v) })
	}
	for v := int16(FetchMin); v <= FetchMax; v++ {
		var r FetchRequest
		body, p := fetchBody(v, 5, 3), FetchPartitionResult{CurrentLeader: CurrentLeader{1, 2, true}}
		none("parse Fetch", v, func() { mustBe(t, r.Parse(v, body), nil) })
		none("append Fetch", v, func() { appendFetch(dst, v, &p) })
	}
	random := newRandomizer(30)
	everyVersion(func(key, version int16) {
		body := random.request(key, version).AppendTo(nil)
		frame := header(key, version, "client", "\x00")
		none("check", version, func() { mustBe(t, Check(key, version, body), nil) })
		none("header", version, func() {
			_, _, err := ParseHeader(frame)
			mustBe(t, err, nil)
		})
	})
}

func BenchmarkParseHeader(b *testing.B) {
	frame := header(0, 13, "client-1", "\x00")
	b.ReportAllocs()
	for b.Loop() {
		ParseHeader(frame)
	}
}

func BenchmarkProduceParse(b *testing.B) {
	for _, v := range []int16{3, 9, 13} {
		for _, n := range []int{1, 100} {
			b.Run(fmt.Sprintf("v%d/partitions=%d", v, n), func(b *testing.B) {
				var r ProduceRequest
				body := produceBody(v, 1, n)
				b.ReportAllocs()
				for b.Loop() {
					if err := r.Parse(v, body); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkFetchParse(b *testing.B) {
	for _, v := range []int16{4, 12, 18} {
		for _, n := range []int{1, 100} {
			b.Run(fmt.Sprintf("v%d/partitions=%d", v, n), func(b *testing.B) {
				var r FetchRequest
				body := fetchBody(v, 1, n)
				b.ReportAllocs()
				for b.Loop() {
					if err := r.Parse(v, body); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkProduceAppend(b *testing.B) {
	for _, v := range []int16{3, 9, 13} {
		b.Run(fmt.Sprintf("v%d", v), func(b *testing.B) {
			r := ProduceResponse{Topics: []ProduceTopicResult{{Name: []byte("orders-0001"), Partitions: make([]ProduceResult, 1)}}}
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				r.Append(AppendResponseHeader(dst, keyProduce, v, 7), v)
			}
		})
	}
}

func BenchmarkFetchAppend(b *testing.B) {
	for _, v := range []int16{4, 12, 18} {
		b.Run(fmt.Sprintf("v%d", v), func(b *testing.B) {
			var p FetchPartitionResult
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				appendFetch(dst, v, &p)
			}
		})
	}
}

// The price of Check beside that of the decode behind it.
func BenchmarkCheck(b *testing.B) {
	q := kmsg.NewPtrOffsetCommitRequest()
	q.Version = 9
	q.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "orders-0001"}}
	for range 100 {
		q.Topics[0].Partitions = append(q.Topics[0].Partitions, kmsg.NewOffsetCommitRequestTopicPartition())
	}
	body := q.AppendTo(nil)
	b.Run("Check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := Check(8, 9, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("kmsg", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			q := &kmsg.OffsetCommitRequest{Version: 9}
			if err := q.ReadFrom(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
