package storage

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestDirIdentity: an empty directory is formatted, a formatted one must be the one that is meant
// (C-11), anything else is refused and left as it is.
func TestDirIdentity(t *testing.T) {
	fs := vfs.NewMem()
	d := openTestDir(t, fs)
	id := d.ID()
	if d.ClusterID() != "cluster" || id.IsZero() || d.Path() != testDir {
		t.Fatalf("formatted as %q %v", d.ClusterID(), id)
	}
	if _, err := OpenDir(fs, testDir, testOptions()); !errors.Is(err, ErrLocked) {
		t.Fatalf("second opening: %v", err)
	}
	d.Close(false, 0)
	fs = powerCut(fs)
	open := func(change func(*DirOptions)) error {
		o := testOptions()
		change(&o)
		d, err := OpenDir(fs, testDir, o)
		if err == nil {
			if d.ID() != id {
				t.Fatalf("directory id changed from %v to %v", id, d.ID())
			}
			d.Close(false, 0)
		}
		return err
	}
	if err := open(func(o *DirOptions) { o.ClusterID = "" }); err != nil {
		t.Fatal(err)
	}
	if err := open(func(o *DirOptions) { o.ClusterID = "other" }); !errors.Is(err, ErrWrongCluster) {
		t.Fatalf("other cluster: %v", err)
	}
	if err := open(func(o *DirOptions) { o.NodeID = 8 }); !errors.Is(err, ErrWrongNode) {
		t.Fatalf("other node: %v", err)
	}
	if err := open(func(o *DirOptions) {}); err != nil {
		t.Fatalf("a refused opening keeps the lock: %v", err)
	}
	fs.MkdirAll("/strange/x")
	if _, err := OpenDir(fs, "/strange", testOptions()); !errors.Is(err, ErrNotEmpty) {
		t.Fatalf("unformatted directory with content: %v", err)
	}
}

// TestParseMeta: what Kafka writes is read; what is not understood is refused.
func TestParseMeta(t *testing.T) {
	id := kafka.MakeUUID([16]byte{9})
	good := "#\n#Sat Nov 21 01:39:00 UTC 2026\ncluster.id=abc\ndirectory.id=" + id.String() + "\nnode.id=3\nversion=1\n"
	m, err := parseMeta([]byte(good))
	if err != nil || m != (metaProperties{"abc", 3, id}) {
		t.Fatalf("%v %v", m, err)
	}
	if again, err := parseMeta(m.encode()); err != nil || again != m {
		t.Fatalf("%v %v", again, err)
	}
	f := func(from, to string) {
		t.Helper()
		bad := strings.Replace(good, from, to, 1)
		if m, err := parseMeta([]byte(bad)); !errors.Is(err, ErrMeta) {
			t.Errorf("%q gives %v, %v", bad, m, err)
		}
	}
	f("version=1", "version=0")
	f("version=1\n", "")
	f("cluster.id=abc", "cluster.id=")
	f("cluster.id=abc", `cluster.id=a\u0062`)
	f("node.id=3", "node.id=-1")
	f("node.id=3", "node.id=x")
	f("node.id=3", "node.id")
	f(id.String(), "AAAAAAAAAAAAAAAAAAAAAA")
	f(id.String(), "short")
}

// TestMarker: a clean stop leaves the marker as its last act; a start takes it away durably before
// anything else; a crash after that start is unclean (S-04).
func TestMarker(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, Config{})
	if _, ok := d.Clean(); ok {
		t.Fatal("a new directory claims a clean stop")
	}
	appendBatch(t, l, 1, 0, 0)
	if err := d.Close(true, 42); err != nil {
		t.Fatal(err)
	}
	if got := string(fileBytes(t, fs, testDir+"/"+cleanFile)); got != `{"version":0,"brokerEpoch":42,"nodeId":7,"directoryId":"`+d.ID().String()+`"}` {
		t.Fatalf("marker is %s", got)
	}
	fs = powerCut(fs)
	d, l = openTestLog(t, fs, Config{})
	if epoch, ok := d.Clean(); !ok || epoch != 42 || l.LogEndOffset() != 1 {
		t.Fatalf("after a clean stop: %d %v, log end %d", epoch, ok, l.LogEndOffset())
	}
	fs = powerCut(fs)
	d, _ = openTestLog(t, fs, Config{})
	if epoch, ok := d.Clean(); ok || epoch != kafka.NoBrokerEpoch {
		t.Fatal("a crash after a start counts as a clean stop")
	}
	d.Close(false, 0)
	if d, _ = openTestLog(t, fs, Config{}); d.clean {
		t.Fatal("a stop that was not clean left a marker")
	}
	d.Close(false, 0)
	putFile(t, fs, testDir+"/"+cleanFile, []byte("garbage"))
	if d = openTestDir(t, fs); d.clean {
		t.Fatal("a marker that makes no sense counts")
	}
	d.Close(false, 0)
	f := func(content string, clean bool) {
		t.Helper()
		putFile(t, fs, testDir+"/"+cleanFile, []byte(content))
		d := openTestDir(t, fs)
		epoch, ok := d.Clean()
		if ok != clean || ok != (epoch == 5) {
			t.Errorf("marker %s: clean %v, epoch %d", content, ok, epoch)
		}
		d.Close(false, 0)
	}
	id := d.ID().String()
	f(`{"version":0,"brokerEpoch":5}`, true) // Kafka's
	f(`{"version":0,"brokerEpoch":5,"nodeId":7,"directoryId":"`+id+`","more":1}`, true)
	f(`{"version":0,"brokerEpoch":5,"nodeId":8,"directoryId":"`+id+`"}`, false)
	f(`{"version":0,"brokerEpoch":5,"nodeId":7,"directoryId":"`+kafka.MakeUUID([16]byte{1}).String()+`"}`, false)
	f(`{"version":1,"brokerEpoch":5}`, false)
	f(`{"brokerEpoch":5}`, false)
	f(``, false)
}

// TestMarkerNeedsSync: under the clean marker nothing is scanned, so everything must be durable.
func TestMarkerNeedsSync(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, Config{SegmentBytes: 500, Flush: FlushOS})
	want := fill(t, l, 12)
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	_, l = openTestLog(t, powerCut(fs), Config{SegmentBytes: 500})
	if got := readAll(t, l, 0, 1<<40); string(got) != string(want) {
		t.Fatalf("%d bytes after a clean stop and a power cut, want %d", len(got), len(want))
	}
}

// TestFound: partitions are found by their identity; everything else is reported and left alone.
func TestFound(t *testing.T) {
	fs := vfs.NewMem()
	d, _ := openTestLog(t, fs, Config{})
	dotted := kafka.TopicIDPartition{ID: kafka.MakeUUID([16]byte{5}), Topic: "a-b.c", Partition: 12}
	if _, err := d.OpenLog(dotted, Config{}, nil); err != nil {
		t.Fatal(err)
	}
	d.Close(true, 0)
	for _, name := range []string{"no-identity-0", "t-0.0a1b-delete", "x-01", "noise", metadataTopic + "-0"} {
		fs.MkdirAll(testDir + "/" + name)
	}
	fs.MkdirAll(testDir + "/bad-1")
	putFile(t, fs, testDir+"/bad-1/"+partitionFile, []byte("version: 1\ntopic_id: x"))
	d = openTestDir(t, fs)
	if got := d.Found(); len(got) != 2 || got[0] != dotted || got[1] != testTopic {
		t.Fatalf("found %v", got)
	}
	if got := strings.Join(d.Strays(), " "); got != "bad-1 no-identity-0 noise t-0.0a1b-delete x-01" {
		t.Fatalf("strays %s", got)
	}
	for _, name := range d.Strays() {
		if _, err := fs.Stat(testDir + "/" + name); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTopicID: a directory is its topic id's and nobody else's.
func TestTopicID(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, Config{})
	if got := string(fileBytes(t, fs, l.Path()+"/"+partitionFile)); got != "version: 0\ntopic_id: "+testTopic.ID.String() {
		t.Fatalf("identity is %q", got)
	}
	if _, err := d.OpenLog(testTopic, Config{}, nil); !errors.Is(err, ErrOpen) {
		t.Fatalf("second opening: %v", err)
	}
	appendBatch(t, l, 3, 0, 0)
	if err := d.RemoveLog(testTopic, 0); !errors.Is(err, ErrOpen) {
		t.Fatalf("removing an open log: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	other := testTopic
	other.ID = kafka.MakeUUID([16]byte{77})
	for name, call := range map[string]func() error{
		"open":    func() error { _, err := d.OpenLog(other, Config{}, nil); return err },
		"remove":  func() error { return d.RemoveLog(other, 0) },
		"zero id": func() error { _, err := d.OpenLog(kafka.TopicIDPartition{Topic: "z"}, Config{}, nil); return err },
	} {
		if err := call(); !errors.Is(err, ErrTopicID) {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if _, err := d.OpenLog(kafka.TopicIDPartition{ID: other.ID, Topic: "../x"}, Config{}, nil); err == nil {
		t.Fatal("a name that is a path was opened")
	}
	if err := d.RemoveLog(testTopic, 0); err != nil {
		t.Fatal(err)
	}
	// The name is free again, and nothing of the old log is remembered, not even after a crash.
	l, err := d.OpenLog(other, Config{}, nil)
	if err != nil || l.LogEndOffset() != 0 {
		t.Fatalf("new topic of the old name: %v", err)
	}
	fs = powerCut(fs)
	d = openTestDir(t, fs)
	if l, err = d.OpenLog(other, Config{}, nil); err != nil || l.LogEndOffset() != 0 {
		t.Fatalf("after a crash: %v", err)
	}
	if got := d.Strays(); len(got) != 0 {
		t.Fatalf("strays %v", got)
	}
	appendBatch(t, l, 1, 0, 0)
	fs.Remove(l.Path() + "/" + partitionFile)
	fs = killed(fs)
	d = openTestDir(t, fs)
	if _, err := d.OpenLog(other, Config{}, nil); !errors.Is(err, ErrTopicID) {
		t.Fatalf("segments without identity: %v", err)
	}
}

// TestHighWatermarkHint: what the owner says is kept over restarts and never above the log end.
func TestHighWatermarkHint(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, Config{})
	if l.HighWatermarkHint() != -1 {
		t.Fatalf("hint of a new log: %d", l.HighWatermarkHint())
	}
	appendBatch(t, l, 5, 0, 0)
	l.SetHighWatermarkHint(4)
	d.Close(true, 0)
	if got := string(fileBytes(t, fs, testDir+"/"+highWatermarkFile)); got != "0\n1\nt 0 4\n" {
		t.Fatalf("checkpoint is %q", got)
	}
	if got := string(fileBytes(t, fs, testDir+"/"+recoveryPointFile)); got != "0\n1\nt 0 5\n" {
		t.Fatalf("recovery points are %q", got)
	}
	d, l = openTestLog(t, fs, Config{})
	if l.HighWatermarkHint() != 4 {
		t.Fatalf("hint after a restart: %d", l.HighWatermarkHint())
	}
	if err := l.TruncateTo(0); err != nil || l.HighWatermarkHint() != 0 {
		t.Fatalf("hint after a truncation: %d, %v", l.HighWatermarkHint(), err)
	}
	d.Close(false, 0)
}

// TestSyncOnce: one round syncs every dirty file once, then tells; without appends there is nothing.
func TestSyncOnce(t *testing.T) {
	t.Run("commit log", func(t *testing.T) { testSyncOnce(t, 0, 1) })
	t.Run("none", func(t *testing.T) { testSyncOnce(t, -1, 2) })
}

func testSyncOnce(t *testing.T, commitLogBytes int64, wantSyncs int) {
	fs := vfs.NewMem()
	o := testOptions()
	o.CommitLogBytes = commitLogBytes
	d, err := OpenDir(fs, testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	if c := d.commit; c != nil { // the first round makes the first file
		c.mu.Lock()
		if err := c.prepareLocked(); err != nil {
			t.Fatal(err)
		}
		c.mu.Unlock()
	}
	var logs []*Log
	var spies []*spy
	for p := range int32(3) {
		tip := testTopic
		tip.Partition = p
		s := &spy{}
		l, err := d.OpenLog(tip, Config{}, s)
		if err != nil {
			t.Fatal(err)
		}
		logs, spies = append(logs, l), append(spies, s)
	}
	for range 5 {
		appendBatch(t, logs[0], 2, 0, 0)
		appendBatch(t, logs[2], 1, 0, 0)
	}
	syncs := 0
	fs.SetHook(func(op vfs.Op, _ string) {
		if op == vfs.OpSyncData || op == vfs.OpSync || op == vfs.OpSyncDir {
			syncs++
			if spies[0].last() != -1 || logs[0].FlushedEndOffset() != 0 {
				t.Error("a flushed end was published before the round's syncs were done")
			}
		}
	})
	if !d.SyncOnce() || syncs != wantSyncs {
		t.Fatalf("%d syncs for two dirty files", syncs)
	}
	fs.SetHook(nil)
	if spies[0].last() != 10 || spies[1].last() != -1 || spies[2].last() != 5 {
		t.Fatalf("told %d %d %d", spies[0].last(), spies[1].last(), spies[2].last())
	}
	if d.SyncOnce() {
		t.Fatal("work without appends")
	}
	d.Close(false, 0)
}

// TestPolicyOS: nothing waits for a sync, the observer is not called, and only sealed segments are
// synced; a change to group syncs what was left.
func TestPolicyOS(t *testing.T) {
	fs := vfs.NewMem()
	d := openTestDir(t, fs)
	s := &spy{}
	l, err := d.OpenLog(testTopic, Config{Flush: FlushOS, SegmentBytes: 300}, s)
	if err != nil {
		t.Fatal(err)
	}
	appendBatch(t, l, 1, 0, 0)
	if d.SyncOnce() || l.FlushedEndOffset() != 1 {
		t.Fatalf("an append under os was queued, flushed %d", l.FlushedEndOffset())
	}
	for range 3 {
		appendBatch(t, l, 1, 0, 0)
	}
	if !d.SyncOnce() || l.RecoveryPoint() != 3 || s.last() != -1 {
		t.Fatalf("after a roll: recovery point %d, told %d", l.RecoveryPoint(), s.last())
	}
	c := l.Config()
	c.Flush = FlushGroup
	l.SetConfig(c)
	if l.FlushedEndOffset() != 3 || !d.SyncOnce() || s.last() != 4 {
		t.Fatalf("after the change: flushed %d, told %d", l.FlushedEndOffset(), s.last())
	}
	d.Close(false, 0)
}

// TestUnreadableIsNotMissing: what cannot be read just now is not what is not there. A partition
// taken for a stray would lose its checkpoints and with them its log start; found by
// TestCampaignNthOp.
func TestUnreadableIsNotMissing(t *testing.T) {
	mem := vfs.NewMem()
	d, l := openTestLog(t, mem, Config{})
	appendBatch(t, l, 4, 0, 0)
	if err := l.SetLogStartOffset(2); err != nil {
		t.Fatal(err)
	}
	d.Close(true, 0)
	for _, name := range []string{partitionFile, logStartFile, recoveryPointFile, metaFile, cleanFile} {
		fs := vfs.WithErrors(mem, vfs.MustRules("op=read-like path=*/"+name+" nth=1 err=EIO")...)
		if _, err := OpenDir(fs, testDir, testOptions()); !errors.Is(err, syscall.EIO) {
			t.Fatalf("%s cannot be read: %v", name, err)
		}
		if d, l = openTestLog(t, mem, Config{}); l.LogStartOffset() != 2 {
			t.Fatalf("after %s could not be read the log starts at %d", name, l.LogStartOffset())
		}
		d.Close(true, 0)
	}
}

// TestIdleLogsCostARestartNothing: a clean stop and start, with a new leader epoch in which nothing is written, changes no file
// of a log: with thousands of them it would take half a minute.
func TestIdleLogsCostARestartNothing(t *testing.T) {
	mem := vfs.NewMem()
	changed := map[string]int{}
	for round := range 4 {
		d := openTestDir(t, mem)
		mem.SetHook(func(op vfs.Op, name string) {
			if vfs.OpSet(vfs.WriteLike).Has(op) && strings.Contains(name, "/t-") {
				changed[name]++
			}
		})
		for i := range int32(6) {
			tip := testTopic
			tip.Partition = i
			l, err := d.OpenLog(tip, Config{SegmentBytes: 300}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for n := int32(0); n < 4*i && round == 0; n++ {
				appendBatch(t, l, 1, int64(n), kafka.LeaderEpoch(n/3))
			}
			l.AssignEpoch(kafka.LeaderEpoch(100 + round))
		}
		d.SyncOnce()
		if err := d.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(true, 0); err != nil {
			t.Fatal(err)
		}
		mem.SetHook(nil)
		if round > 0 && len(changed) > 0 {
			t.Fatalf("restart %d: %v", round, changed)
		}
		clear(changed)
	}
	d := openTestDir(t, mem) // an epoch that gets records is there after a crash
	tip := testTopic
	tip.Partition = 5
	l, err := d.OpenLog(tip, Config{SegmentBytes: 300}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.AssignEpoch(200)
	at := appendBatch(t, l, 1, 0, 200)
	d.SyncOnce()
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	again := openTestDir(t, powerCut(mem))
	if l, err = again.OpenLog(tip, Config{SegmentBytes: 300}, nil); err != nil || l.EpochAt(at) != 200 || l.EpochAt(at-1) == 200 {
		t.Fatalf("%v, epoch %d", err, l.EpochAt(at))
	}
}

// TestIdleLogsCostACheckpointNothing counts the operations of a checkpoint over logs that have not
// changed since the last one: it runs in the syncer, where every acknowledgement waits for it.
func TestIdleLogsCostACheckpointNothing(t *testing.T) {
	fs := vfs.WithCounts(vfs.NewMem())
	d, l := openTestLog(t, fs, Config{})
	appendBatch(t, l, 3, 1, 0)
	for d.SyncOnce() {
	}
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	before := fs.Counts()
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	after := fs.Counts()
	if n := after.Sub(before).Total(vfs.WriteLike); n != 0 {
		t.Errorf("%d operations that change the disk: %v", n, after.Sub(before))
	}
	l.SetHighWatermarkHint(2)
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	_, l = openTestLog(t, fs, Config{})
	if hint := l.HighWatermarkHint(); hint != 2 {
		t.Errorf("hint %d: it may move while the recovery point stays", hint)
	}
}
