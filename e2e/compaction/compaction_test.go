package main

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = 3 * time.Minute

// TestVerifier plays the scenario of Kafka's verifier against a Thalweg and against an Apache Kafka.
func TestVerifier(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an Apache Kafka")
	}
	for _, b := range []broker{newThalweg(t), newApache(t)} {
		b.start(t)
		if err := verify(t.Context(), b.addr(), 10_000, 4, 2, 10, patience, 4711); err != nil {
			t.Errorf("%s: %v", b.name(), err)
		}
		b.stop(t)
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
	ours, theirs := newThalweg(t), newApache(t)
	both := []broker{ours, theirs}
	var topics [2][]*moving // by the broker that they begin at
	for i, b := range both {
		b.start(t)
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
			b.stop(t)
		}
		for i, b := range both {
			for _, m := range topics[(i+round)%2] {
				move(t, m.topic, b, both[1-i])
			}
		}
		for i, b := range both {
			b.start(t)
			for _, m := range topics[(i+round+1)%2] {
				o, err := m.read(t.Context(), b.addr())
				if err != nil {
					t.Fatalf("%s, moved: %v", b.name(), err)
				}
				t.Logf("%s reads %s: %v", b.name(), m.topic, o)
				m.goOn(t, b)
			}
		}
	}
}

func (m *moving) makeTopic(t *testing.T, b broker) {
	t.Helper()
	at, table := m.at, m.table
	if err := m.create(t.Context(), connect(t, b)); err != nil {
		t.Fatalf("%s: create %s: %v", b.name(), m.topic, err)
	}
	if at != nil {
		m.at, m.table = at, table
	}
}

func connect(t *testing.T, b broker) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(b.addr()), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// goOn writes, waits until the log has been compacted, and compares.
func (m *moving) goOn(t *testing.T, b broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := connect(t, b)
	before, err := m.size(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if m.txn && b.name() == "Apache Kafka" {
		err = m.transactions(ctx, b.addr(), 40)
	} else {
		err = m.write(ctx, b.addr())
	}
	if err != nil {
		t.Fatalf("%s: write %s: %v", b.name(), m.topic, err)
	}
	if m.codecIsNone() { // what compresses well is smaller than a segment
		if _, err := m.awaitSmaller(ctx, c, before+int64(m.records*m.value), 0.6); err != nil {
			t.Fatalf("%s: %v", b.name(), err)
		}
	}
	o, err := m.read(ctx, b.addr())
	if err != nil {
		t.Fatalf("%s: %v", b.name(), err)
	}
	t.Logf("%s compacted %s: %v", b.name(), m.topic, o)
}

func (m *moving) codecIsNone() bool { return m.codec == kgo.NoCompression() }

const identity = "partition.metadata"

// move copies the files of a partition, but for its identity.
func move(t *testing.T, topic string, from, into broker) {
	t.Helper()
	source, target := filepath.Join(from.dir(), topic+"-0"), filepath.Join(into.dir(), topic+"-0")
	for _, name := range list(t, target) {
		if name != identity {
			if err := os.Remove(filepath.Join(target, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range list(t, source) {
		if name == identity || strings.HasSuffix(name, ".deleted") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(source, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(target, name), content, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
