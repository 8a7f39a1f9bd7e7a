package replica

import (
	"errors"
	"log/slog"
	"math"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// node is a manager over a disk, told by a builder of images what there is.
type node struct {
	t       *testing.T
	fs      *vfs.MemFS
	dir     *storage.Dir
	m       *Manager
	builder *metadata.Builder
}

func newNode(t *testing.T, fs *vfs.MemFS) *node {
	t.Helper()
	return newNodeOn(t, fs, fs)
}

// newNodeOn is a node that reaches its disk through v.
func newNodeOn(t *testing.T, fs *vfs.MemFS, v vfs.FS) *node {
	t.Helper()
	lg := slog.New(slog.DiscardHandler)
	dir, err := storage.OpenDir(v, "data", storage.DirOptions{
		ClusterID: "AQIDBAUGBwgJCgsMDQ4PEA", NodeID: 1, Random: func() [16]byte { return [16]byte{9, 9, 9} }, Logger: lg,
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{
		t: t, fs: fs, dir: dir, m: NewManager(Options{Self: 1, Dirs: []*storage.Dir{dir}, Logger: lg, FS: fs}),
		builder: metadata.NewBuilder(metadata.NewImage(metadata.ImageOptions{NodeID: 1})),
	}
	n.publish(&schema.RegisterBrokerRecord{BrokerID: 1, BrokerEpoch: 1})
	return n
}

func (n *node) publish(records ...schema.Record) {
	n.t.Helper()
	for _, r := range records {
		if err := n.builder.Apply(r); err != nil {
			n.t.Fatal(err)
		}
	}
	image, delta := n.builder.Freeze()
	n.m.Publish(delta, image)
}

// topic are the records of a topic whose partitions broker 1 leads.
func topic(name string, id kafka.TopicID, partitions int32) (out []schema.Record) {
	out = append(out, &schema.TopicRecord{Name: name, TopicID: id})
	for i := range partitions {
		out = append(out, &schema.PartitionRecord{PartitionID: i, TopicID: id, Replicas: []kafka.BrokerID{1}, ISR: []kafka.BrokerID{1}, Leader: 1})
	}
	return out
}

// partitionDirs lists the directories of partitions.
func (n *node) partitionDirs() []string {
	n.t.Helper()
	names, err := n.fs.List("data")
	if err != nil {
		n.t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		info, err := n.fs.Stat("data/" + name)
		return err != nil || !info.Dir
	})
}

// wantDirs compares what is on the disk when the trash is empty.
func (n *node) wantDirs(want ...string) {
	n.t.Helper()
	for now := int64(1); now < math.MaxInt64; {
		var err error
		if now, err = n.dir.Unlink(now); err != nil {
			n.t.Fatal(err)
		}
	}
	if got := n.partitionDirs(); !slices.Equal(got, want) {
		n.t.Errorf("on the disk: %q, want %q", got, want)
	}
}

var idA, idB = kafka.TopicID{15: 1}, kafka.TopicID{15: 2}

// TestDeletionRemovesTheLogs: and makes room for a topic of the same name, in one publish too.
func TestDeletionRemovesTheLogs(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	n.publish(topic("a", idA, 2)...)
	n.wantDirs("a-0", "a-1")
	old := n.m.Partition("a", 0)
	n.publish(append([]schema.Record{&schema.RemoveTopicRecord{TopicID: idA}}, topic("a", idB, 1)...)...)
	n.wantDirs("a-0")
	if p := n.m.Partition("a", 0); p == nil || p == old || p.Err() != nil || p.ID().ID != idB {
		t.Errorf("%+v", p)
	}
	if err := old.Err(); !errors.Is(err, ErrDeleted) {
		t.Errorf("the old partition: %v", err)
	}
	if n.m.ByID(idA) != nil || len(n.m.ByName([]byte("a"))) != 1 {
		t.Error("the old topic is still found")
	}
	n.publish(&schema.RemoveTopicRecord{TopicID: idB})
	n.wantDirs()
	if n.m.mu.count[n.dir] != 0 {
		t.Errorf("%d partitions counted", n.m.mu.count[n.dir])
	}
}

// TestDeletionIsSwept: the publisher does not wait for the disk, but a topic of the same name finds room at once.
func TestDeletionIsSwept(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	called := 0
	n.m.doom = func(*storage.Dir) { called++ }
	n.publish(append(topic("a", idA, 3), topic("b", idB, 1)...)...)
	n.publish(&schema.RemoveTopicRecord{TopicID: idA})
	n.wantDirs("a-0", "a-1", "a-2", "b-0")
	if called == 0 || n.m.ByID(idA) != nil || len(n.m.LogDirs()[0].Logs) != 1 {
		t.Errorf("called %d times, %d logs", called, len(n.m.LogDirs()[0].Logs))
	}
	again := kafka.TopicID{15: 3}
	n.publish(topic("a", again, 2)...)
	if p := n.m.Partition("a", 1); p == nil || p.Err() != nil || p.ID().ID != again {
		t.Fatalf("no room for the new topic: %+v", p)
	}
	n.wantDirs("a-0", "a-1", "a-2", "b-0")
	if n.m.Sweep(n.dir) {
		t.Error("more than the third log is doomed")
	}
	n.wantDirs("a-0", "a-1", "b-0")
	if n.m.Sweep(n.dir) || len(n.m.LogDirs()[0].Logs) != 3 {
		t.Error("something was swept that is not deleted")
	}
	n.publish(&schema.RemoveTopicRecord{TopicID: again}, &schema.RemoveTopicRecord{TopicID: idB})
	for n.m.Sweep(n.dir) {
	}
	n.wantDirs()
}

// TestTopicsGrow: new partitions get logs, old ones keep theirs.
func TestTopicsGrow(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	n.publish(topic("a", idA, 1)...)
	first := n.m.Partition("a", 0)
	n.publish(topic("a", idA, 3)[2:]...)
	n.wantDirs("a-0", "a-1", "a-2")
	if n.m.Partition("a", 0) != first || n.m.Partition("a", 2) == nil {
		t.Error("partitions got mixed up")
	}
}

// TestOnlyTheLogDeletes is C-21: what the metadata does not mention stays; what it says was deleted goes, also if it
// came and went before anybody looked.
func TestOnlyTheLogDeletes(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	n.publish(append(topic("a", idA, 1), topic("b", idB, 1)...)...)
	n = newNode(t, n.fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced}))
	n.wantDirs("a-0", "b-0") // it has heard of brokers only
	n.publish(append(topic("a", idA, 1), &schema.RemoveTopicRecord{TopicID: idA})...)
	n.wantDirs("b-0")
	n.publish(topic("b", idB, 1)...)
	n.publish(&schema.RemoveTopicRecord{TopicID: idB})
	n.wantDirs()
}

// TestDeletionLeavesWhatIsNotTheTopics: a directory without the topic's identity stays; the topic is gone all the same.
func TestDeletionLeavesWhatIsNotTheTopics(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	n.publish(topic("a", idA, 1)...)
	if err := n.m.Partition("a", 0).log().Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.fs.Remove("data/a-0/partition.metadata"); err != nil {
		t.Fatal(err)
	}
	n.publish(&schema.RemoveTopicRecord{TopicID: idA})
	n.wantDirs("a-0")
	if n.m.ByID(idA) != nil {
		t.Error("still found")
	}
}

// TestDeleteRecordsBounds is SURFACE 85: never beyond what is committed.
func TestDeleteRecordsBounds(t *testing.T) {
	r := newRig(t, nil)
	r.lead(1, 1)
	r.mustAppend(3)
	f := func(offset, want int64, wantErr error) {
		t.Helper()
		low, err := r.p.DeleteRecords(offset)
		if low != want || !errors.Is(err, wantErr) {
			t.Errorf("offset %d: %d, %v", offset, low, err)
		}
	}
	f(1, -1, storage.ErrOffsetOutOfRange) // appended, but not flushed
	for r.dir.SyncOnce() {
	}
	f(1, 1, nil)
	f(0, 1, nil)
	f(4, -1, storage.ErrOffsetOutOfRange)
	f(-2, -1, storage.ErrOffsetOutOfRange)
	f(ToHighWatermark, 3, nil)
	r.p.setRole(&metadata.Partition{Leader: 2, LeaderEpoch: 2, Replicas: []kafka.BrokerID{1, 2}, ISR: []kafka.BrokerID{1, 2}})
	f(ToHighWatermark, -1, ErrNotLeader)
}
