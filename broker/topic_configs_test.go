package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// codecs are compression.type's values and what a reader sees of them.
var codecs = map[string]uint8{"uncompressed": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

// TestPoint040CompressionOfTheTopic: batches are stored in compression.type, whatever the producer chose, from the next batch on; with producer
// they are kept as they come. Offsets, keys, values, headers and times are the producer's.
func TestPoint040CompressionOfTheTopic(t *testing.T) {
	b := brokertest.Start(t)
	admin := cleanerClient(t, b)
	compactedTopic(t, admin, "t", map[string]string{"cleanup.policy": "delete", "internal.segment.bytes": "100000"})
	clients := map[string]*kgo.Client{}
	for name, c := range map[string]kgo.CompressionCodec{"uncompressed": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "zstd": kgo.ZstdCompression()} {
		clients[name] = cleanerClient(t, b, kgo.ProducerBatchCompression(c))
	}
	value := bytes.Repeat([]byte("compressible "), 50)
	type sent struct {
		codec uint8
		key   string
		at    time.Time
	}
	var want []sent
	for _, topic := range []string{"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd", "producer"} {
		alterTopic(t, admin, "t", "compression.type", topic)
		for from, c := range clients {
			r := &kgo.Record{Topic: "t", Key: []byte(topic + " " + from), Value: value, Timestamp: time.UnixMilli(time.Now().UnixMilli()),
				Headers: []kgo.RecordHeader{{Key: "h", Value: []byte{1}}}}
			if err := c.ProduceSync(context.Background(), r, &kgo.Record{Topic: "t", Value: value}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			codec, ok := codecs[topic]
			if !ok {
				codec = codecs[from]
			}
			want = append(want, sent{codec, string(r.Key), r.Timestamp})
		}
	}
	got := drain(t, b, "t")
	for i, w := range want {
		r := got[int64(2*i)]
		if r == nil || r.Attrs.CompressionType() != w.codec || string(r.Key) != w.key || !bytes.Equal(r.Value, value) || !r.Timestamp.Equal(w.at) || len(r.Headers) != 1 {
			t.Errorf("record %d: %+v, want %+v", i, r, w)
		}
	}
}

// compression.*.level is what the batches are stored with; what a topic's compression makes of a batch is held to max.message.bytes.
func TestCompressionLevels(t *testing.T) {
	b := brokertest.Start(t, withMetrics())
	admin := cleanerClient(t, b)
	c := cleanerClient(t, b, kgo.ProducerBatchCompression(kgo.NoCompression()))
	var value []byte
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20_000 { // words, some more often than others
		value = fmt.Appendf(value, "%x ", 7919*rng.IntN(1+rng.IntN(4000)))
	}
	for codec, levels := range map[string][2]string{"gzip": {"1", "9"}, "lz4": {"9", "17"}, "zstd": {"-100", "19"}} {
		var sizes []float64
		for i, level := range levels {
			topic := fmt.Sprint(codec, "-", i)
			compactedTopic(t, admin, topic, map[string]string{"cleanup.policy": "delete", "internal.segment.bytes": "1000000", "compression.type": codec, "compression." + codec + ".level": level})
			if err := c.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, gaugeOf(t, b, "kafka_log_log_size", "topic="+topic))
		}
		if sizes[1] >= sizes[0] {
			t.Errorf("%s: %v bytes at level %s, %v at %s", codec, sizes[0], levels[0], sizes[1], levels[1])
		}
	}
	compactedTopic(t, admin, "small", map[string]string{"cleanup.policy": "delete", "max.message.bytes": "1000", "compression.type": "uncompressed"})
	g := cleanerClient(t, b, kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.ProducerBatchMaxBytes(1<<20))
	err := g.ProduceSync(context.Background(), &kgo.Record{Topic: "small", Value: make([]byte, 5000)}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("5000 bytes where 1000 are allowed: %v", err)
	}
}

// flush.messages and flush.ms make the records of a topic durable whose flushing is left to the system.
func TestFlushOfATopic(t *testing.T) {
	b := brokertest.Start(t)
	admin := cleanerClient(t, b)
	for topic, config := range map[string][2]string{"messages": {"flush.messages", "1"}, "ms": {"flush.ms", "20"}} {
		compactedTopic(t, admin, topic, map[string]string{"cleanup.policy": "delete", "flush.policy": "os", config[0]: config[1]})
		if err := admin.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Value: []byte("kept")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(drain(t, b.Crash(), "messages")); n != 1 {
		t.Errorf("flush.messages=1: %d records after a power cut", n)
	}
	until(t, "flush.ms is over", func() bool { return len(drain(t, b.Crash(), "ms")) == 1 })
}

// A record without key is refused on a compacted topic, with the place of each one, and nothing of its batch is appended.
func TestKeylessOnACompactedTopic(t *testing.T) {
	b := brokertest.Start(t)
	c := cleanerClient(t, b)
	compactedTopic(t, c, "table", nil)
	err := c.ProduceSync(context.Background(), &kgo.Record{Topic: "table", Value: []byte("x")}).FirstErr()
	if !errors.Is(err, kerr.InvalidRecord) {
		t.Fatalf("a keyless record: %v", err)
	}
	alterTopic(t, c, "table", "cleanup.policy", "delete")
	if err := c.ProduceSync(context.Background(), &kgo.Record{Topic: "table", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatalf("not compacted any more: %v", err)
	}
}
