package replica

import (
	"errors"
	"log/slog"
	"slices"
	"syscall"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// openNow opens a partition that nobody leads yet.
func openNow(m *Manager, id kafka.TopicIDPartition, cfg *metadata.TopicConfig) *Partition {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.openLocked(id, cfg)
	m.table.put(id.Topic, id.ID, []*Partition{p})
	m.setRoleLocked(p, &metadata.Partition{Leader: kafka.NoBroker, LeaderEpoch: kafka.NoLeaderEpoch})
	m.openAllLocked()
	return m.Partition(id.Topic, id.Partition)
}

// later lets a node's logs be opened by its test.
func (n *node) later() (asked *int) {
	asked = new(int)
	n.m.opening = func(*storage.Dir) { *asked++ }
	return asked
}

// TestOpeningIsNotThePublishers: who publishes does not wait for logs to be opened. Until one is, its partition leads
// nothing and clients try again; then it has the role and the settings that were published last.
func TestOpeningIsNotThePublishers(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	asked := n.later()
	n.publish(topic("a", idA, 2)...)
	n.wantDirs()
	first := n.m.Partition("a", 0)
	preparing := func(index int32, epoch kafka.LeaderEpoch, want bool) {
		t.Helper()
		if got := n.m.Preparing(idA, index, epoch); got != want {
			t.Errorf("partition %d in epoch %d: preparing %v", index, epoch, got)
		}
	}
	preparing(0, 0, true)
	preparing(2, 0, true) // of an image that comes
	if _, err := first.Append(nil, &AppendOptions{}); !errors.Is(err, ErrNotLeader) || *asked == 0 {
		t.Fatalf("before: %v, asked %d times", err, *asked)
	}
	if _, err := first.Producers(); !errors.Is(err, ErrNotLeader) {
		t.Errorf("producers before: %v", err)
	}
	if s, _ := n.m.Stats(); len(s) != 2 || s[0].Offline || s[0].Leading {
		t.Errorf("before: %+v", s)
	}
	told := 0
	n.m.AfterOpening(func() { told++ }, "a", "unknown")
	n.publish(&schema.PartitionChangeRecord{PartitionID: 1, TopicID: idA, Leader: 1})
	key, value := "min.insync.replicas", "7"
	n.publish(&schema.ConfigRecord{ResourceType: 2, ResourceName: "a", Name: key, Value: &value})
	if more := n.m.Open(n.dir); !more || told != 0 {
		t.Fatalf("more: %v, told %d times", more, told)
	}
	n.wantDirs("a-0")
	preparing(0, 0, false)
	preparing(0, 1, true) // likewise
	preparing(1, 0, true)
	if p := n.m.Partition("a", 0); p == first || p.Err() != nil || !p.role.Load().leading || p.counters.load().FailedProduces != 1 {
		t.Errorf("opened: %+v", p)
	}
	if more := n.m.Open(n.dir); more || told != 1 {
		t.Fatalf("more: %v, told %d times", more, told)
	}
	p := n.m.Partition("a", 1)
	if _, epoch := p.Leader(); !p.role.Load().leading || epoch != 1 || p.config.Load().MinInSyncReplicas != 7 {
		t.Errorf("%+v, %d", p.role.Load(), p.config.Load().MinInSyncReplicas)
	}
	if n.m.Open(n.dir) {
		t.Error("something is left to open")
	}
	n.m.AfterOpening(func() { told++ })
	if told != 2 {
		t.Error("nothing waits, and nobody was told")
	}
}

// TestDeletedBeforeItIsOpen: a topic may go while its logs wait to be opened or are being opened. Nothing of it
// stays, whoever waits is told, and one of the same name is opened after that.
func TestDeletedBeforeItIsOpen(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	n.later()
	told, doomed := 0, 0
	n.m.doom = func(*storage.Dir) { doomed++ }
	n.publish(topic("a", idA, 3)...)
	n.m.AfterOpening(func() { told++ }, "a")
	n.m.mu.Lock()
	running := n.m.takeLocked(n.dir)
	n.m.mu.Unlock()
	p, err := n.m.open(running)
	if err != nil {
		t.Fatal(err)
	}
	n.publish(&schema.RemoveTopicRecord{TopicID: idA})
	n.publish(topic("a", idB, 1)...)
	if n.m.Open(n.dir) || n.m.Partition("a", 0).log() != nil {
		t.Fatal("opened beside the old one")
	}
	if told != 0 {
		t.Fatal("told before the end")
	}
	n.m.mu.Lock()
	for _, done := range n.m.openedLocked(running, p, nil) {
		done()
	}
	n.m.mu.Unlock()
	if told != 1 || doomed == 0 {
		t.Fatalf("told %d times, doomed %d times", told, doomed)
	}
	n.m.Open(n.dir)
	if p := n.m.Partition("a", 0); p.log() == nil || p.ID().ID != idB {
		t.Fatalf("%+v", p)
	}
	for n.m.Sweep(n.dir) {
	}
	n.wantDirs("a-0")
	if n.m.mu.count[n.dir] != 1 || len(n.m.mu.openings)+len(n.m.mu.busy)+len(n.m.mu.doomed) != 0 {
		t.Errorf("%+v", n.m.mu.count)
	}
}

// TestOpenedWhenThereIsRoom: a log that finds no room is offline, and is opened as soon as there is some (S-11).
func TestOpenedWhenThereIsRoom(t *testing.T) {
	mem := vfs.NewMem()
	full := vfs.WithErrors(mem)
	n := newNodeOn(t, mem, full)
	full.SetRules(vfs.MustRules("op=create err=ENOSPC")...)
	n.publish(topic("a", idA, 1)...)
	p := n.m.Partition("a", 0)
	if err := p.Err(); !errors.Is(err, ErrOffline) || !errors.Is(err, syscall.ENOSPC) || n.dir.Err() != nil {
		t.Fatalf("%v, directory %v", err, n.dir.Err())
	}
	n.m.Retry()
	if n.m.Partition("a", 0).Err() == nil {
		t.Fatal("opened without room")
	}
	full.SetRules()
	n.m.Retry()
	p = n.m.Partition("a", 0)
	if p.Err() != nil || !p.role.Load().leading {
		t.Fatalf("%v, %+v", p.Err(), p.role.Load())
	}
	n.wantDirs("a-0")
}

// TestLostDirectory: what may lie in a directory that could not be opened stays offline instead of beginning empty
// elsewhere; what is new, or is there, serves (S-12, S-17).
func TestLostDirectory(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	n.publish(topic("there", idA, 1)...)
	if err := n.dir.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	n = newNode(t, n.fs)
	n.m.lost = []LogDir{{Path: "gone", Err: syscall.EROFS}}
	n.publish(append(topic("there", idA, 1), topic("elsewhere", idB, 1)...)...)
	n.m.Settle()
	n.publish(topic("new", kafka.TopicID{15: 3}, 1)...)
	if err := n.m.Partition("elsewhere", 0).Err(); !errors.Is(err, ErrOffline) || !errors.Is(err, syscall.EROFS) {
		t.Errorf("elsewhere: %v", err)
	}
	if a, b := n.m.Partition("there", 0).Err(), n.m.Partition("new", 0).Err(); a != nil || b != nil {
		t.Errorf("there: %v, new: %v", a, b)
	}
	n.wantDirs("new-0", "there-0")
	dirs := n.m.LogDirs()
	if len(dirs) != 2 || dirs[1].Path != "gone" || !errors.Is(dirs[1].Err, syscall.EROFS) {
		t.Errorf("%+v", dirs)
	}
}

// TestNewLogsGoWhereTheyCan: a directory that has failed or is full gets no new partitions while another one is well.
func TestNewLogsGoWhereTheyCan(t *testing.T) {
	fs := vfs.NewMem()
	lg := slog.New(slog.DiscardHandler)
	var dirs []*storage.Dir
	for _, name := range []string{"one", "two"} {
		d, err := storage.OpenDir(fs, name, storage.DirOptions{
			ClusterID: "AQIDBAUGBwgJCgsMDQ4PEA", NodeID: 1, Random: func() [16]byte { return [16]byte{9, 9, 9} }, Logger: lg, ReserveBytes: 1 << 20,
		})
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, d)
	}
	n := &node{t: t, fs: fs, dir: dirs[0], m: NewManager(Options{Self: 1, Dirs: dirs, Logger: lg}),
		builder: metadata.NewBuilder(metadata.NewImage(metadata.ImageOptions{NodeID: 1}))}
	n.publish(append(topic("a", idA, 4), &schema.RegisterBrokerRecord{BrokerID: 1, BrokerEpoch: 1})...)
	if got := []int{n.m.mu.count[dirs[0]], n.m.mu.count[dirs[1]]}; !slices.Equal(got, []int{2, 2}) {
		t.Fatalf("%v", got)
	}
	fs.SetCapacity(vfs.BlockSize)
	if full, err := dirs[0].CheckSpace(); !full || err != nil {
		t.Fatal(full, err)
	}
	fs.SetCapacity(0)
	n.publish(topic("b", idB, 3)...)
	if got := []int{n.m.mu.count[dirs[0]], n.m.mu.count[dirs[1]]}; !slices.Equal(got, []int{2, 5}) {
		t.Fatalf("%v", got)
	}
}
