package metadata

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

func batchOf(t testing.TB, records ...schema.Record) batch.Batch {
	t.Helper()
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	for _, r := range records {
		version, ok := schema.LatestVersion(r.Key())
		if !ok {
			version = 7
		}
		value, err := schema.Append(nil, r, version)
		if err != nil {
			t.Fatal(err)
		}
		b.Append(1, nil, value, nil)
	}
	built, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func id(n byte) kafka.TopicID { return kafka.TopicID{0: n, 15: 200} }

func topicRecord(n byte, name string) schema.Record {
	return &schema.TopicRecord{Name: name, TopicID: id(n)}
}

func partition(n byte, index int32) schema.Record {
	one := []kafka.BrokerID{1}
	return &schema.PartitionRecord{TopicID: id(n), PartitionID: index, Replicas: one, ISR: one, Leader: 1, Directories: []kafka.UUID{UnassignedDirectory}}
}

func broker(epoch kafka.BrokerEpoch) schema.Record {
	return &schema.RegisterBrokerRecord{BrokerID: 1, BrokerEpoch: epoch, LogDirs: []kafka.UUID{{1}}}
}

// show is what a publisher is told, in one line.
func show(d *Delta, m *Image) string {
	var s strings.Builder
	fmt.Fprintf(&s, "@%d/%d", m.Offset(), m.Epoch())
	for _, x := range d.Topics {
		switch {
		case x.Deleted():
			fmt.Fprintf(&s, " -%s", x.Name())
		case x.Old == nil:
			fmt.Fprintf(&s, " +%s", x.Name())
		default:
			fmt.Fprintf(&s, " %s", x.Name())
		}
		x.Partitions(func(i int32, before, after *Partition) bool { fmt.Fprintf(&s, ".%d", i); return true })
	}
	for _, x := range d.Brokers {
		fmt.Fprintf(&s, " broker%d", x.ID)
	}
	for _, r := range d.Configs {
		fmt.Fprintf(&s, " config:%s", r.Name)
	}
	if d.Features {
		s.WriteString(" features")
	}
	if d.ProducerIDs {
		s.WriteString(" producer-ids")
	}
	return s.String()
}

// TestLoader feeds batches and compares what each PublishNow tells.
func TestLoader(t *testing.T) {
	l := NewLoader(ImageOptions{ClusterID: "c"})
	var told string
	l.Subscribe(PublisherFunc(func(d *Delta, m *Image) {
		if m != l.Current() || d.Image != m {
			t.Error("a publisher was told an image that is not current")
		}
		told = show(d, m)
	}))
	apply := func(offset int64, records ...schema.Record) {
		t.Helper()
		var b batch.Batch
		if len(records) > 0 {
			b = batchOf(t, records...)
		}
		if err := l.Apply(offset, 3, b); err != nil {
			t.Fatal(err)
		}
	}
	publish := func(want string) {
		t.Helper()
		told = ""
		if d := l.PublishNow(); (d == nil) != (want == "") || told != want {
			t.Errorf("told %q, want %q", told, want)
		}
	}
	value := "1"
	publish("")
	apply(0)
	publish("@0/3")
	apply(1, broker(1), topicRecord(1, "a"), partition(1, 1), partition(1, 0))
	publish("@4/3 +a.0.1 broker1")
	change := schema.NewPartitionChange()
	change.TopicID, change.PartitionID, change.Leader = id(1), 1, -1
	apply(5, change)
	apply(6, &schema.FeatureLevelRecord{Name: "f", FeatureLevel: 1}, &schema.ProducerIDsRecord{NextProducerID: 5})
	publish("@7/3 a.1 features producer-ids")
	apply(8, &schema.RemoveTopicRecord{TopicID: id(1)}, topicRecord(2, "a"), partition(2, 0))
	publish("@10/3 -a.0.1 +a.0") // another topic under the same name
	apply(11, topicRecord(3, "b"), partition(3, 0), &schema.RemoveTopicRecord{TopicID: id(3)})
	publish("@13/3") // came and went
	apply(14, &schema.ConfigRecord{ResourceType: 2, ResourceName: "a", Name: "x", Value: &value})
	publish("@14/3 config:a")
	apply(15, &schema.RemoveTopicRecord{TopicID: id(2)})
	publish("@15/3 -a.0 config:a")

	apply(16, topicRecord(4, "c"), partition(4, 0), &schema.BeginTransactionRecord{}, topicRecord(5, "d"))
	publish("") // the batch ends inside the transaction
	apply(20, partition(5, 0))
	publish("")
	apply(21, &schema.EndTransactionRecord{}, topicRecord(6, "e"), partition(6, 0))
	publish("@23/3 +c.0 +d.0 +e.0")
	apply(24, &schema.BeginTransactionRecord{}, &schema.RemoveTopicRecord{TopicID: id(4)}, &schema.AbortTransactionRecord{})
	publish("@26/3")
	if l.Current().Topic("c") == nil {
		t.Error("an aborted deletion took effect")
	}
	apply(27, &schema.Opaque{Type: 18, Body: []byte{1}})
	publish("@27/3")
	if n := l.Current().Ignored(); n != 1 {
		t.Errorf("%d records ignored, want 1", n)
	}
}

// TestLoaderErrors: what does not fit stops the loader, which then refuses everything.
func TestLoaderErrors(t *testing.T) {
	change := schema.NewPartitionChange()
	change.TopicID = id(9)
	missing := schema.NewPartitionChange()
	missing.TopicID, missing.PartitionID = id(1), 7
	tests := []struct {
		name    string
		want    error
		records []schema.Record
	}{
		{"change of an unknown topic", ErrReplay, []schema.Record{change}},
		{"change of an unknown partition", ErrReplay, []schema.Record{missing}},
		{"partition of an unknown topic", ErrReplay, []schema.Record{partition(9, 0)}},
		{"gap between partitions", ErrReplay, []schema.Record{partition(1, 2)}},
		{"partition id out of bounds", ErrReplay, []schema.Record{partition(1, 1<<30)}},
		{"negative partition id", ErrReplay, []schema.Record{partition(1, -1)}},
		{"topic twice", ErrReplay, []schema.Record{topicRecord(2, "a")}},
		{"topic id twice", ErrReplay, []schema.Record{topicRecord(1, "z")}},
		{"removal of an unknown topic", ErrReplay, []schema.Record{&schema.RemoveTopicRecord{TopicID: id(9)}}},
		{"former incarnation", ErrReplay, []schema.Record{&schema.BrokerRegistrationChangeRecord{BrokerID: 1, BrokerEpoch: 0, Fenced: 1}}},
		{"strange change", ErrReplay, []schema.Record{&schema.BrokerRegistrationChangeRecord{BrokerID: 1, BrokerEpoch: 1, Fenced: 5}}},
		{"unregistered broker", ErrReplay, []schema.Record{&schema.UnregisterBrokerRecord{BrokerID: 2}}},
		{"producer ids back", ErrReplay, []schema.Record{&schema.ProducerIDsRecord{NextProducerID: 0}}},
		{"ELR of an unknown topic", ErrReplay, []schema.Record{&schema.ClearElrRecord{TopicName: "z"}}},
		{"transaction in a transaction", ErrTransaction, []schema.Record{&schema.BeginTransactionRecord{}, &schema.BeginTransactionRecord{}}},
		{"end of nothing", ErrTransaction, []schema.Record{&schema.EndTransactionRecord{}}},
		{"abort of nothing", ErrTransaction, []schema.Record{&schema.AbortTransactionRecord{}}},
	}
	for _, test := range tests {
		l := NewLoader(ImageOptions{})
		if err := l.Apply(0, 0, batchOf(t, broker(1), topicRecord(1, "a"), partition(1, 0))); err != nil {
			t.Fatal(err)
		}
		if err := l.Apply(3, 0, batchOf(t, test.records...)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err := l.Apply(9, 0, nil); !errors.Is(err, test.want) {
			t.Errorf("%s: the loader went on: %v", test.name, err)
		}
	}
}

// TestFenceRecords: the records of older metadata versions mean what the newer one means, and
// ClearElr empties what it names.
func TestFenceRecords(t *testing.T) {
	b := NewBuilder(NewImage(ImageOptions{}))
	apply := func(r schema.Record) {
		t.Helper()
		if err := b.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
	apply(broker(1))
	apply(&schema.FenceBrokerRecord{ID: 1, Epoch: 1})
	if b.View().Broker(1).Active() {
		t.Error("not fenced")
	}
	apply(&schema.UnfenceBrokerRecord{ID: 1, Epoch: 1})
	if !b.View().Broker(1).Active() {
		t.Error("not unfenced")
	}
	apply(topicRecord(1, "a"))
	apply(&schema.PartitionRecord{TopicID: id(1), Replicas: []kafka.BrokerID{1, 2}, EligibleLeaderReplicas: []kafka.BrokerID{2}, Leader: -1})
	for _, name := range []string{"a", ""} {
		before := b.View().Partition("a", 0)
		apply(&schema.ClearElrRecord{TopicName: name})
		p := b.View().Partition("a", 0)
		if changed := len(before.ELR) > 0; len(p.ELR) != 0 || (p.Epoch != before.Epoch) != changed {
			t.Errorf("ClearElr %q: %+v", name, p)
		}
	}
	apply(&schema.UnregisterBrokerRecord{BrokerID: 1, BrokerEpoch: 1})
	if b.View().Broker(1) != nil {
		t.Error("not unregistered")
	}
}

// TestReadersBesideTheLoader: images are read while later ones are made, and builders started from
// them, on the loader's goroutine. Meant for the race detector; the reader checks that what it holds
// does not move.
func TestReadersBesideTheLoader(t *testing.T) {
	l := NewLoader(ImageOptions{})
	if err := l.Apply(0, 0, batchOf(t, broker(1), topicRecord(1, "a"), partition(1, 0))); err != nil {
		t.Fatal(err)
	}
	l.PublishNow()
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				m := l.Current()
				topic := m.Topic("a")
				epoch := topic.Partition(0).Epoch
				m.Topics(func(*Topic) bool { return true })
				if m.TopicByID(topic.ID) != topic || m.Topic("a").Partition(0).Epoch != epoch || int64(epoch) != max(m.Offset()-2, 0) {
					t.Errorf("image at %d has epoch %d", m.Offset(), epoch)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	change := schema.NewPartitionChange()
	change.TopicID, change.Leader = id(1), 1
	b := batchOf(t, change)
	for offset := range int64(300) {
		if err := l.Apply(3+offset, 0, b); err != nil {
			t.Fatal(err)
		}
		l.PublishNow()
		working := NewBuilder(l.Current())
		if err := working.Apply(topicRecord(byte(2), "b")); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	readers.Wait()
}
