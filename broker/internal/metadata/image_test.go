package metadata

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

func bigImage(t testing.TB, topics int) *Image {
	b := NewBuilder(NewImage(ImageOptions{ClusterID: "c"}))
	apply := func(r schema.Record) {
		if err := b.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
	apply(broker(1))
	value := "5"
	for i := range topics {
		one := []kafka.BrokerID{1}
		topic := kafka.TopicID{0: byte(i), 1: byte(i >> 8), 2: byte(i >> 16), 15: 200}
		apply(&schema.TopicRecord{Name: fmt.Sprint("topic-", i), TopicID: topic})
		apply(&schema.PartitionRecord{TopicID: topic, Replicas: one, ISR: one, Leader: 1, Directories: []kafka.UUID{{}}})
		apply(&schema.ConfigRecord{ResourceType: 2, ResourceName: fmt.Sprint("topic-", i), Name: minInsyncReplicas, Value: &value})
	}
	image, _ := b.Freeze()
	return image
}

// TestLookupsDoNotAllocate: every request looks topics and brokers up.
func TestLookupsDoNotAllocate(t *testing.T) {
	m := bigImage(t, 300)
	topic := m.Topic("topic-77").ID
	var found int
	if n := testing.AllocsPerRun(100, func() {
		found = 0
		if m.Topic("topic-77") != nil && m.Topic("topic-x") == nil {
			found++
		}
		if m.TopicByID(topic).Partition(0) != nil && m.TopicByID(kafka.TopicID{}).Partition(0) == nil {
			found++
		}
		if b := m.Broker(1); b.Active() && !m.Broker(2).Active() {
			found++
		}
		if v, ok := m.Config(TopicResource("topic-77"), minInsyncReplicas); ok && v == "5" {
			found++
		}
		if v, source, ok := m.TopicConfig("topic-77", "segment.bytes"); ok && v == "1073741824" && source == SourceDefault {
			found++
		}
	}); n != 0 || found != 5 {
		t.Errorf("%v allocations, %d of 5 lookups right", n, found)
	}
}

// TestHelpers covers what a partition and a broker say of themselves.
func TestHelpers(t *testing.T) {
	p := &Partition{Replicas: []kafka.BrokerID{1, 2, 3}, Directories: []kafka.UUID{{7}, LostDirectory}, ISR: []kafka.BrokerID{2}}
	if p.Directory(1) != (kafka.UUID{7}) || p.Directory(3) != UnassignedDirectory || p.Directory(9) != (kafka.UUID{}) || p.Directory(2) != LostDirectory {
		t.Error("directories")
	}
	if !p.InSync(2) || p.InSync(1) || !p.IsReplica(1) || p.IsReplica(9) {
		t.Error("membership")
	}
	n := &Broker{Endpoints: []Endpoint{{Listener: "A", Host: "a"}, {Listener: "B", Host: "b"}}}
	if e, ok := n.Endpoint("B"); !ok || e.Host != "b" {
		t.Error("endpoint")
	}
	if _, ok := n.Endpoint("C"); ok {
		t.Error("endpoint of an unknown listener")
	}
	if _, ok := (*Broker)(nil).Endpoint("A"); ok || (*Broker)(nil).Active() || (*Topic)(nil).Partition(0) != nil {
		t.Error("nil")
	}
	m := bigImage(t, 20)
	var names []string
	m.TopicsFrom("topic-18", func(t *Topic) bool { names = append(names, t.Name); return len(names) < 3 })
	if got := strings.Join(names, " "); got != "topic-18 topic-19 topic-2" || m.NumTopics() != 20 || m.NumPartitions() != 20 {
		t.Errorf("topics from topic-18: %s", got)
	}
}

// TestCheck breaks each invariant once.
func TestCheck(t *testing.T) {
	good := func() *schema.PartitionRecord {
		return &schema.PartitionRecord{
			TopicID: id(1), Replicas: []kafka.BrokerID{1, 2}, ISR: []kafka.BrokerID{1, 2}, Leader: 1, PartitionEpoch: 3,
			Directories: []kafka.UUID{UnassignedDirectory, UnassignedDirectory},
		}
	}
	f := func(want string, edit func(*schema.PartitionRecord)) {
		t.Helper()
		b := NewBuilder(NewImage(ImageOptions{}))
		r := good()
		edit(r)
		for _, r := range []schema.Record{
			broker(1), &schema.RegisterBrokerRecord{BrokerID: 2}, &schema.RegisterBrokerRecord{BrokerID: 3, Fenced: true}, topicRecord(1, "a"), r,
		} {
			if err := b.Apply(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.View().Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	f("", func(*schema.PartitionRecord) {})
	f("", func(r *schema.PartitionRecord) { r.Leader, r.ISR = -1, []kafka.BrokerID{2} })
	f("replicas", func(r *schema.PartitionRecord) { r.Directories = r.Directories[:1] })
	f("C-07", func(r *schema.PartitionRecord) { r.ISR = []kafka.BrokerID{1, 3} })
	f("C-07", func(r *schema.PartitionRecord) { r.ISR = []kafka.BrokerID{1, 1} })
	f("C-07", func(r *schema.PartitionRecord) { r.EligibleLeaderReplicas = []kafka.BrokerID{2} })
	f("C-07", func(r *schema.PartitionRecord) { r.Replicas[1], r.ISR = 3, []kafka.BrokerID{1, 3} })
	f("C-07", func(r *schema.PartitionRecord) { r.Replicas[1], r.ISR, r.Leader = 3, []kafka.BrokerID{3}, 3 })
	f("C-06", func(r *schema.PartitionRecord) { r.ISR, r.LastKnownELR = []kafka.BrokerID{1}, []kafka.BrokerID{2} })
	f("C-05", func(r *schema.PartitionRecord) { r.ISR = []kafka.BrokerID{2} })
	f("C-15", func(r *schema.PartitionRecord) { r.LeaderEpoch = 4 })
	f("gap", func(r *schema.PartitionRecord) { r.PartitionID = 1 })
}

// TestEpochs is C-15: what raises which epoch.
func TestEpochs(t *testing.T) {
	p := &Partition{Leader: 1, LeaderEpoch: 5, Epoch: 7, ISR: []kafka.BrokerID{1, 2}}
	f := func(leader kafka.LeaderEpoch, epoch kafka.PartitionEpoch, edit func(*schema.PartitionChangeRecord)) {
		t.Helper()
		r := schema.NewPartitionChange()
		edit(r)
		if n := p.merge(r); n.LeaderEpoch != leader || n.Epoch != epoch {
			t.Errorf("leader epoch %d, partition epoch %d", n.LeaderEpoch, n.Epoch)
		}
	}
	f(5, 8, func(r *schema.PartitionChangeRecord) { r.ISR = []kafka.BrokerID{1} })
	f(6, 8, func(r *schema.PartitionChangeRecord) { r.Leader = 2 })
	f(6, 8, func(r *schema.PartitionChangeRecord) { r.Leader = -1 })
	f(6, 8, func(r *schema.PartitionChangeRecord) { r.Leader = 1 }) // a restart of the same leader
	if p.Leader != 1 || p.Epoch != 7 {
		t.Error("merge changed its receiver")
	}
}

func BenchmarkTopicLookup(b *testing.B) {
	m := bigImage(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if m.Topic("topic-7777") == nil {
			b.Fatal("missing")
		}
	}
}

// BenchmarkChange is one partition change published, among many topics: O(log n).
func BenchmarkChange(b *testing.B) {
	for _, topics := range []int{100, 10_000} {
		b.Run(fmt.Sprint(topics), func(b *testing.B) {
			builder := NewBuilder(bigImage(b, topics))
			r := schema.NewPartitionChange()
			r.TopicID, r.Leader = kafka.TopicID{0: 50, 15: 200}, 1
			b.ReportAllocs()
			for b.Loop() {
				if err := builder.Apply(r); err != nil {
					b.Fatal(err)
				}
				builder.Freeze()
			}
		})
	}
}
