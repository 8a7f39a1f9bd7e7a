package main

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/peer"
)

const patience = 3 * time.Minute

// TestVerifier plays the scenario of Kafka's verifier against a Thalweg and against an Apache Kafka.
func TestVerifier(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an Apache Kafka")
	}
	for _, b := range []peer.Broker{peer.Thalweg(t, peer.Build(t), settings), peer.Apache(t, kafka.Need(t), settings)} {
		b.Start(t)
		if err := verify(t.Context(), b.Addr(), 10_000, 4, 2, 10, patience, 4711); err != nil {
			t.Errorf("%s: %v", b.Name(), err)
		}
		b.Stop(t)
	}
}

// moving is a topic that goes from one broker's directory into the other's and back.
type moving struct {
	*plan
	txn bool // Kafka writes transactions to it
}

// TestBothWays: see the package comment.
func TestBothWays(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an Apache Kafka three times")
	}
	ours, theirs := peer.Thalweg(t, peer.Build(t), settings), peer.Apache(t, kafka.Need(t), settings)
	both := []peer.Broker{ours, theirs}
	var topics [2][]*moving // by the broker that they begin at
	for i, b := range both {
		b.Start(t)
		for name, codec := range map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
			"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(), "txn": kgo.NoCompression()} {
			if name == "txn" && b == ours {
				continue // not served yet
			}
			topics[i] = append(topics[i], &moving{&plan{topic: []string{"ours-", "theirs-"}[i] + name, keys: 300, records: 6_000, deletes: 10, value: 200, codec: codec,
				rng: rand.New(rand.NewPCG(uint64(i), uint64(len(name)))), config: map[string]string{"cleanup.policy": "compact", "internal.segment.bytes": "150000",
					"compression.type": "producer", "delete.retention.ms": "1000"}}, name == "txn"})
		}
	}
	for i, b := range both {
		for _, list := range topics {
			for _, m := range list {
				m.makeTopic(t, b)
			}
		}
		for _, m := range topics[i] {
			m.goOn(t, b)
		}
	}
	for round := range 2 {
		for _, b := range both {
			b.Stop(t)
		}
		for i, b := range both {
			for _, m := range topics[(i+round)%2] {
				peer.Move(t, m.topic, b, both[1-i])
			}
		}
		for i, b := range both {
			b.Start(t)
			for _, m := range topics[(i+round+1)%2] {
				o, err := m.read(t.Context(), b.Addr())
				if err != nil {
					t.Fatalf("%s, moved: %v", b.Name(), err)
				}
				t.Logf("%s reads %s: %v", b.Name(), m.topic, o)
				m.goOn(t, b)
			}
		}
	}
}

func (m *moving) makeTopic(t *testing.T, b peer.Broker) {
	t.Helper()
	at, table := m.at, m.table
	if err := m.create(t.Context(), connect(t, b)); err != nil {
		t.Fatalf("%s: create %s: %v", b.Name(), m.topic, err)
	}
	if at != nil {
		m.at, m.table = at, table
	}
}

func connect(t *testing.T, b peer.Broker) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// goOn writes, waits until the log has been compacted, and compares.
func (m *moving) goOn(t *testing.T, b peer.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := connect(t, b)
	before, err := m.size(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if m.txn && b.Name() == "Apache Kafka" {
		err = m.transactions(ctx, b.Addr(), 40)
	} else {
		err = m.write(ctx, b.Addr())
	}
	if err != nil {
		t.Fatalf("%s: write %s: %v", b.Name(), m.topic, err)
	}
	if m.codecIsNone() { // what compresses well is smaller than a segment
		if _, err := m.awaitSmaller(ctx, c, before+int64(m.records*m.value), 0.6); err != nil {
			t.Fatalf("%s: %v", b.Name(), err)
		}
	}
	o, err := m.read(ctx, b.Addr())
	if err != nil {
		t.Fatalf("%s: %v", b.Name(), err)
	}
	t.Logf("%s compacted %s: %v", b.Name(), m.topic, o)
}

func (m *moving) codecIsNone() bool { return m.codec == kgo.NoCompression() }
