package broker_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawClient replays prepared requests over a TCP connection and reads answers into one buffer: it
// allocates nothing, so that what is counted is the broker's.
type rawClient struct {
	t    testing.TB
	conn net.Conn
	buf  []byte
}

func dialRaw(t testing.TB, addr string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &rawClient{t: t, conn: conn, buf: make([]byte, 4<<20)}
}

func (c *rawClient) send(frame []byte) {
	if _, err := c.conn.Write(frame); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads one answer and returns what follows its correlation id.
func (c *rawClient) receive() []byte {
	if _, err := io.ReadFull(c.conn, c.buf[:4]); err != nil {
		c.t.Fatal(err)
	}
	n := int(binary.BigEndian.Uint32(c.buf))
	if _, err := io.ReadFull(c.conn, c.buf[:n]); err != nil {
		c.t.Fatal(err)
	}
	return c.buf[4:n]
}

func (c *rawClient) call(frame []byte) []byte { c.send(frame); return c.receive() }

// frame is a request as a client sends it.
func frame(req kmsg.Request) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("raw")).AppendRequest(nil, req, 1)
}

// createTopic makes a topic of one partition and returns its id.
func createTopic(t testing.TB, c *rawClient, name string, configs ...string) [16]byte {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	req.TimeoutMillis = 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
	for i := 0; i < len(configs); i += 2 {
		cfg := kmsg.NewCreateTopicsRequestTopicConfig()
		cfg.Name, cfg.Value = configs[i], &configs[i+1]
		topic.Configs = append(topic.Configs, cfg)
	}
	req.Topics = append(req.Topics, topic)
	resp := kmsg.NewPtrCreateTopicsResponse()
	resp.SetVersion(7)
	if err := resp.ReadFrom(c.call(frame(req))[1:]); err != nil {
		t.Fatal(err)
	}
	if len(resp.Topics) != 1 || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create %s: %+v", name, resp.Topics)
	}
	return resp.Topics[0].TopicID
}

// produceFrame is a Produce of one batch of n records of the given size.
func produceFrame(t testing.TB, topic string, id [16]byte, version, acks int16, n, size int) []byte {
	t.Helper()
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	now := time.Now().UnixMilli()
	for i := range n {
		b.Append(now, fmt.Appendf(nil, "key-%d", i), make([]byte, size), nil)
	}
	records, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(version)
	req.Acks, req.TimeoutMillis = acks, 10_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.TopicID = topic, id
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = records
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return frame(req)
}

func checkProduced(t testing.TB, version int16, body []byte) {
	t.Helper()
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(version)
	if err := resp.ReadFrom(body[headerTag(version >= 9):]); err != nil {
		t.Fatal(err)
	}
	if p := resp.Topics[0].Partitions[0]; p.ErrorCode != 0 {
		t.Fatalf("produce: error %d", p.ErrorCode)
	}
}

// headerTag is the size of an answer header's empty section of tagged fields.
func headerTag(flexible bool) int {
	if flexible {
		return 1
	}
	return 0
}

func fetchFrame(topic string, id [16]byte, version int16, offset int64, maxBytes, waitMs int32) []byte {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(version)
	req.MaxBytes, req.MaxWaitMillis, req.MinBytes = maxBytes, waitMs, 1
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.TopicID = topic, id
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.FetchOffset, rp.PartitionMaxBytes = offset, maxBytes
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return frame(req)
}

func checkFetched(t testing.TB, version int16, body []byte) (records []byte) {
	t.Helper()
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(version)
	if err := resp.ReadFrom(body[headerTag(version >= 12):]); err != nil {
		t.Fatal(err)
	}
	if p := resp.Topics[0].Partitions[0]; resp.ErrorCode != 0 || p.ErrorCode != 0 {
		t.Fatalf("fetch: errors %d, %d", resp.ErrorCode, p.ErrorCode)
	}
	return resp.Topics[0].Partitions[0].RecordBatches
}

// hotCase is one shape of the hot path. Its call sends one request and reads the answer.
type hotCase struct {
	name  string
	bytes int // record bytes per call
	call  func()
}

// hotCases prepares a broker on a real file system and the calls to measure.
func hotCases(t testing.TB) []hotCase {
	b := brokertest.Start(t, brokertest.WithDir(t.TempDir()))
	c := dialRaw(t, b.Addr())
	var cases []hotCase
	for _, policy := range []string{"group", "os"} {
		for _, version := range []int16{9, 13} {
			for _, shape := range []struct{ n, size int }{{1, 100}, {64, 1000}} {
				topic := fmt.Sprintf("%s-%d-%d", policy, version, shape.n)
				id := createTopic(t, c, topic, "flush.policy", policy)
				for _, acks := range []int16{1, -1} {
					f := produceFrame(t, topic, id, version, acks, shape.n, shape.size)
					checkProduced(t, version, c.call(f))
					cases = append(cases, hotCase{
						fmt.Sprintf("Produce/v%d/%s/acks=%d/%dx%dB", version, policy, acks, shape.n, shape.size),
						shape.n * shape.size, func() { c.call(f) },
					})
				}
			}
		}
	}
	return append(cases, fetchCases(t, c)...)
}

func fetchCases(t testing.TB, c *rawClient) (cases []hotCase) {
	id := createTopic(t, c, "fetched", "flush.policy", "os")
	f := produceFrame(t, "fetched", id, 13, 1, 64, 1000)
	for range 32 {
		checkProduced(t, 13, c.call(f))
	}
	for _, version := range []int16{12, 18} {
		for _, maxBytes := range []int32{1, 1 << 20} { // at least one batch; many
			f := fetchFrame("fetched", id, version, 64, maxBytes, 500)
			n := len(checkFetched(t, version, c.call(f)))
			cases = append(cases, hotCase{fmt.Sprintf("Fetch/v%d/%dB", version, n), n, func() { c.call(f) }})
		}
		f := fetchFrame("fetched", id, version, 32*64, 1<<20, 1) // at the end: waits in vain
		checkFetched(t, version, c.call(f))
		cases = append(cases, hotCase{fmt.Sprintf("Fetch/v%d/waits", version), 0, func() { c.call(f) }})
	}
	return cases
}

// TestHotPathAllocatesNothing counts the allocations of the whole process, broker and raw client,
// over many requests in each shape (PERFORMANCE: 0 allocations per Produce and per Fetch).
func TestHotPathAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const rounds, calls = 50, 50
	for _, h := range hotCases(t) {
		t.Run(h.name, func(t *testing.T) {
			for range 50 { // buffers find their sizes
				h.call()
			}
			// The process does other things too, by the clock: a tick of the quorum, a heartbeat every
			// two seconds, a checkpoint after every 64 MiB. On a slow disk they fall into most rounds.
			// A request that allocates does so in every round.
			least := uint64(math.MaxUint64)
			for i := 0; i < rounds && least > calls/10; i++ {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for range calls {
					h.call()
				}
				runtime.ReadMemStats(&after)
				least = min(least, after.Mallocs-before.Mallocs)
			}
			if least > calls/10 {
				t.Errorf("at least %d allocations in %d requests", least, calls)
			}
		})
	}
}

func BenchmarkHotPath(b *testing.B) {
	for _, h := range hotCases(b) {
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(h.bytes))
			for b.Loop() {
				h.call()
			}
		})
	}
}
