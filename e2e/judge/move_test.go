package judge

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/peer"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// moved is a topic whose files go from one broker to the other.
type moved struct {
	topic string
	codec compress.Codec
	way   way
	*producer
	last    int // records of the producer's last batch
	at      int64
	first   int64         // what the broker that was left had: from this offset
	batches []batch.Batch // these batches
}

// way is how a topic is moved.
type way int

const (
	byHand  way = iota // the files themselves
	adopted            // by "log adopt"
	kept               // by "log adopt --keep-producers"
)

// TestMove moves partitions, with both brokers stopped, from each one's directory into the other's, and back. Wherever
// they are they are served byte for byte, the producers are known and go on; where they are to be forgotten, another producer
// with the same id begins.
func TestMove(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an Apache Kafka three times")
	}
	home := kafka.Need(t)
	bin := peer.Build(t)
	ours, theirs := peer.Thalweg(t, bin, settings), peer.Apache(t, home, settings)
	both := []peer.Broker{ours, theirs}
	var topics [2][]*moved // by the broker that they begin at
	for i, b := range both {
		b.Start(t)
		c := connect(t, b)
		begin := func(name string, codec compress.Codec, w way) {
			m := &moved{topic: []string{"ours-", "theirs-"}[i] + name, codec: codec, way: w, producer: c.newProducer()}
			topics[i] = append(topics[i], m)
			c.create(m.topic)
			c.fill(b.Addr(), m.topic, codec, "")
			m.goOn(c)
		}
		for _, codec := range codecs {
			begin(codec.String(), codec, byHand)
		}
		begin("adopted", compress.Zstd, adopted)
		begin("kept", compress.LZ4, kept)
		if b == ours {
			begin("fallen", compress.None, byHand) // by hand, with epochs above Kafka's
		}
		c.deleteRecords(topics[i][0].topic, 7)
		c.deleteRecords(topics[i][len(codecs)].topic, 11)
	}
	for range 3 { // raises the leader epoch each time
		ours.Kill(t)
		ours.Start(t)
		c := connect(t, ours)
		for _, m := range topics[0][len(codecs):] {
			m.goOn(c)
		}
	}
	for i, b := range both {
		c := connect(t, b)
		for _, m := range topics[1-i] {
			c.create(m.topic)
			c.id(m.topic)
		}
	}
	for round := range 2 {
		for i, b := range both {
			c := connect(t, b)
			for _, m := range topics[(i+round)%2] {
				m.first, m.batches = c.batches(m.topic)
			}
			b.Stop(t)
		}
		for i, b := range both {
			for _, m := range topics[(i+round)%2] {
				m.move(t, bin, b, both[1-i])
			}
		}
		for i, b := range both {
			b.Start(t)
			there, gone := topics[(i+round+1)%2], topics[(i+round)%2]
			if round == 1 && b == ours {
				there = refused(t, b, there)
			}
			for _, m := range there {
				m.check(connect(t, b), b)
			}
			if b == ours { // what came is scanned, and what was appended
				b.Kill(t)
				b.Start(t)
				for _, m := range there {
					m.same(connect(t, b), b)
				}
			}
			if round == 0 {
				for _, m := range gone {
					m.makeRoom(connect(t, b))
				}
			}
		}
	}
	for _, b := range both {
		b.Stop(t)
	}
}

// refused takes the topic that Kafka went on with in lower leader epochs, and was moved back by hand, out of the list. We take it for
// damaged at once: after a crash its end would be cut off.
func refused(t *testing.T, b peer.Broker, list []*moved) []*moved {
	t.Helper()
	i := slices.IndexFunc(list, func(m *moved) bool { return m.topic == "ours-fallen" })
	p := connect(t, b).fetch(list[i].topic, 0)
	if err := kerr.ErrorForCode(p.ErrorCode); err != kerr.KafkaStorageError {
		t.Errorf("a log whose leader epochs fall is served: %v", err)
	}
	return slices.Delete(list, i, i+1)
}

// move moves the topic's files.
func (m *moved) move(t *testing.T, bin string, from, into peer.Broker) {
	t.Helper()
	source, target := filepath.Join(from.Dir(), m.topic+"-0"), filepath.Join(into.Dir(), m.topic+"-0")
	args := []string{"log", "adopt", source, target}
	switch m.way {
	case byHand:
		peer.Move(t, m.topic, from, into)
		return
	case kept:
		args = append(args, "--keep-producers")
	}
	out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	for i := range m.batches { // as the copy has them
		m.batches[i].SetLeaderEpoch(0)
	}
}

// makeRoom empties a topic whose log was copied, so that it may come back.
func (m *moved) makeRoom(c *client) {
	c.t.Helper()
	id := c.id(m.topic)
	resp, err := kadm.NewClient(c.Client).DeleteTopic(c.t.Context(), m.topic)
	if err != nil || resp.Err != nil {
		c.t.Fatalf("delete %s: %v %v", m.topic, err, resp.Err)
	}
	delete(c.ids, m.topic)
	c.create(m.topic)
	for c.id(m.topic) == id { // the client may know the former one still
		delete(c.ids, m.topic)
	}
}

// goOn lets the producer append, and remembers where.
func (m *moved) goOn(c *client) {
	c.t.Helper()
	m.last = 3 + len(m.batches)%5
	m.at = c.goOn(m.topic, m.producer, m.codec, m.last)
}

// check looks at a topic that has been moved.
func (m *moved) check(c *client, b peer.Broker) {
	c.t.Helper()
	m.same(c, b)
	if m.way == adopted {
		m.next = 0 // somebody else has got the id
	} else {
		c.repeat(m.topic, m.producer, m.codec, m.last, m.at)
	}
	m.goOn(c)
	if m.way == adopted && m.at < m.batches[len(m.batches)-1].NextOffset() {
		c.t.Errorf("%s takes the first batch of another producer for one of %s that it has: %d", b.Name(), m.topic, m.at)
	}
	m.first, m.batches = c.batches(m.topic)
}

// same wants the batches that were there.
func (m *moved) same(c *client, b peer.Broker) {
	c.t.Helper()
	first, got := c.batches(m.topic)
	if first != m.first || len(got) != len(m.batches) {
		c.t.Errorf("%s has %d batches of %s from %d, not %d from %d", b.Name(), len(got), m.topic, first, len(m.batches), m.first)
	}
	for i := range min(len(got), len(m.batches)) {
		if !bytes.Equal(got[i], m.batches[i]) {
			c.t.Fatalf("%s: batch %d of %s, at offset %d, is another one:\n%.200x\n%.200x", b.Name(), i, m.topic, m.batches[i].BaseOffset(), got[i], m.batches[i])
		}
	}
	c.t.Logf("%s: %d batches of %s", b.Name(), len(got), m.topic)
}
