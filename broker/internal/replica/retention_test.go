package replica

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestRetentionKeepsWhatIsNotCommitted: a leader whose follower has not got the records deletes none of them, however old they
// are.
func TestRetentionKeepsWhatIsNotCommitted(t *testing.T) {
	r := newRig(t, func(c *metadata.TopicConfig) { c.FlushOS, c.RetentionMs, c.RetentionBytes = true, 0, 0 })
	r.lead(1, 1, 2)
	if _, err := r.append(1, now.UnixMilli()); err != nil {
		t.Fatal(err)
	}
	later := now.Add(time.Hour)
	pass := func() {
		if (&Retention{m: NewManager(Options{Logger: slog.New(slog.DiscardHandler)}), dir: r.dir, todo: []*Partition{r.p}}).Step(later) {
			t.Error("there is more than one partition")
		}
	}
	if pass(); r.p.log().LogStartOffset() != 0 {
		t.Fatalf("the log starts at %d, the high watermark is %d", r.p.log().LogStartOffset(), r.p.HighWatermark())
	}
	r.lead(2, 1)
	if pass(); r.p.log().LogStartOffset() != 1 {
		t.Errorf("committed and expired, but the log starts at %d", r.p.log().LogStartOffset())
	}
	if _, err := r.read(0); !errors.Is(err, storage.ErrOffsetOutOfRange) {
		t.Errorf("a reader below the start: %v", err)
	}
}

// TestRetentionOfManyPartitions: a pass does all of them, in steps, with the settings that count when it comes to them; an offline
// one is passed over.
func TestRetentionOfManyPartitions(t *testing.T) {
	const partitions = retentionBatch + 3
	n := newNode(t, vfs.NewMem())
	n.publish(topic("a", idA, partitions)...)
	n.publish(&schema.ConfigRecord{ResourceType: schema.ResourceTopic, ResourceName: "a", Name: "flush.policy", Value: new("os")})
	r := &rig{t: t, dir: n.dir}
	for i := range int32(partitions) {
		r.p = n.m.Partition("a", i)
		r.mustAppend(1)
	}
	n.m.Partition("a", 1).Failed(errors.New("a test"))
	left := func() (n1 int) {
		for i := range int32(partitions) {
			if n.m.Partition("a", i).log().LogStartOffset() == 0 {
				n1++
			}
		}
		return n1
	}
	run := func() (steps int) {
		for pass, more := n.m.BeginRetention(n.dir), true; more; steps++ {
			more = pass.Step(now.Add(time.Hour))
		}
		return steps
	}
	if steps := run(); steps != 2 || left() != partitions {
		t.Fatalf("%d steps, %d of %d partitions left alone", steps, left(), partitions)
	}
	n.publish(&schema.ConfigRecord{ResourceType: schema.ResourceTopic, ResourceName: "a", Name: "retention.ms", Value: new("1000")})
	if run(); left() != 1 {
		t.Errorf("%d of %d partitions left alone, want the offline one", left(), partitions)
	}
}

// TestStraysAreParked: when the metadata is known as far as it goes, logs that it does not know or that it gives to other brokers
// are taken aside with all that is in them, told of, and left alone from then on; a topic of the same name begins empty.
func TestStraysAreParked(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	n.publish(append(topic("a", idA, 2), topic("b", idB, 1)...)...)
	r := &rig{t: t, dir: n.dir, p: n.m.Partition("a", 0)}
	r.mustAppend(3)
	for n.dir.SyncOnce() {
	}
	if err := n.dir.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	content := func(name string) []byte {
		f, err := n.fs.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		size, _ := f.Size()
		p := make([]byte, size)
		f.ReadAt(p, 0)
		return p
	}
	before := content("data/a-0/00000000000000000000.log")

	n = newNode(t, n.fs)
	var told bytes.Buffer
	n.m.lg = slog.New(slog.NewTextHandler(&told, nil))
	elsewhere := append([]schema.Record{&schema.RegisterBrokerRecord{BrokerID: 2, BrokerEpoch: 2}}, topic("b", idB, 1)...)
	p := elsewhere[2].(*schema.PartitionRecord)
	p.Replicas, p.ISR, p.Leader = []kafka.BrokerID{2}, []kafka.BrokerID{2}, 2
	n.publish(elsewhere...)
	n.m.Settle()
	strays := n.dir.Strays()
	if len(strays) != 3 || len(n.dir.Found()) != 0 || strings.Count(told.String(), "stray log") != 3 {
		t.Fatalf("strays %q, found %v, told %s", strays, n.dir.Found(), told.String())
	}
	for i, prefix := range []string{"a-0.", "a-1.", "b-0."} {
		if !strings.HasPrefix(strays[i], prefix) || !strings.HasSuffix(strays[i], "-stray") || len(strays[i]) != len(prefix)+32+len("-stray") {
			t.Errorf("stray %q", strays[i])
		}
	}
	if after := content("data/" + strays[0] + "/00000000000000000000.log"); len(before) == 0 || !bytes.Equal(before, after) {
		t.Error("the records have changed")
	}
	n.publish(topic("a", kafka.TopicID{15: 3}, 1)...)
	if p := n.m.Partition("a", 0); p.Err() != nil || p.log().LogEndOffset() != 0 {
		t.Errorf("a topic of the same name: %v", p.Err())
	}
	n.wantDirs(append([]string{"a-0"}, strays...)...)
	if err := n.dir.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	n = newNode(t, n.fs)
	n.m.Settle()
	if got := n.dir.Strays(); len(got) != 4 { // the three, and a-0, which is not known this time
		t.Errorf("after a restart: %q", got)
	}
}
