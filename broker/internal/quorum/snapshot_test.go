package quorum

import (
	"errors"
	"fmt"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Fetch implements Fetcher: the test says when it has ended.
func (n *node) Fetch(from kafka.BrokerID, s Snapshot) { n.fetches = append(n.fetches, s) }

// Restore implements Restorer.
func (n *node) Restore(s Snapshot) error {
	if s.Index <= n.applied || string(s.Ref) != fmt.Sprint("ref-", s.Index) {
		n.c.t.Fatalf("node %d restores %+v after entry %d", n.id, s, n.applied)
	}
	n.applied = s.Index
	n.restored++
	return nil
}

// behind makes a cluster whose node 2 has missed entries that the others have compacted.
func behind(t *testing.T) (c *cluster, l, late *node) {
	c = newCluster(t, 3, 1)
	l = c.elect()
	if l.id == 2 {
		l.core.TransferLeader(0)
		l.work()
		l = c.elect()
	}
	late = c.nodes[2]
	c.isolate(late, true)
	for i := range 10 {
		if _, err := l.propose(fmt.Sprint("missed", i), 2); err != nil {
			t.Fatal(err)
		}
		c.settle()
	}
	l.compact()
	c.isolate(late, false)
	return c, l, late
}

func (n *node) compact() {
	n.c.t.Helper()
	at := n.core.Status().Applied
	if err := n.core.Compact(at, fmt.Append(nil, "ref-", at)); err != nil {
		n.c.t.Fatal(err)
	}
}

// untilFetch ticks everybody until a node is told to fetch a snapshot.
func (c *cluster) untilFetch(n *node) Snapshot {
	c.t.Helper()
	for range 1000 {
		c.settle()
		if len(n.fetches) > 0 {
			s := n.fetches[len(n.fetches)-1]
			n.fetches = nil
			return s
		}
		for _, o := range c.nodes {
			o.tick()
		}
	}
	c.t.Fatal("nobody is referred to a snapshot")
	return Snapshot{}
}

// TestSnapshotInstall: a follower that is too far behind begins from a snapshot, at whatever operation
// on its disk the power fails, and gets what follows.
func TestSnapshotInstall(t *testing.T) {
	c, l, late := behind(t)
	s := c.untilFetch(late)
	if s.Index != l.core.Status().Floor || s.Offset != l.core.log.floor().offset {
		t.Fatalf("referred to %+v, the leader's floor is at %+v", s, l.core.Status())
	}
	var disks []*vfs.MemFS
	late.fs.SetHook(func(vfs.Op, string) {
		disks = append(disks, late.fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced}))
	})
	if err := late.core.Fetched(s.Ref, true); err != nil {
		t.Fatal(err)
	}
	late.work()
	late.fs.SetHook(nil)
	if late.restored != 1 || late.applied != s.Index {
		t.Fatalf("restored %d times, applied %d", late.restored, late.applied)
	}
	installed := 0
	for i, disk := range disks {
		core, err := Open(Options{FS: disk, Dir: "meta", ID: late.id, Machine: &fold{}, SegmentBytes: 8192, MaxBatchBytes: 4096})
		if err != nil {
			t.Fatalf("power cut at operation %d of %d: %v", i, len(disks), err)
		}
		if st := core.Status(); st.Floor == s.Index {
			installed++
			if st.Last < s.Index || core.log.log.LogEndOffset() < s.Offset {
				t.Fatalf("power cut at operation %d: %+v", i, st)
			}
		} else if st.Floor != 0 || installed > 0 {
			t.Fatalf("power cut at operation %d: floor at %d", i, st.Floor)
		}
	}
	if installed == 0 || installed == len(disks) {
		t.Fatalf("%d of %d power cuts find the snapshot installed", installed, len(disks))
	}
	if _, err := l.propose("after", 3); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		c.settle()
		for _, n := range c.nodes {
			n.tick()
		}
	}
	if late.applied != l.applied || late.core.Status().Last != l.core.Status().Last {
		t.Fatalf("the follower has applied %d of %d: %+v", late.applied, l.applied, late.core.Status())
	}
}

// TestSnapshotLost: a reference that got lost, or could not be fetched, comes again.
func TestSnapshotLost(t *testing.T) {
	c, _, late := behind(t)
	first := c.untilFetch(late)
	if err := late.core.Fetched([]byte("another"), true); err != nil || late.restored != 0 {
		t.Fatalf("%v, restored %d times", err, late.restored)
	}
	if err := late.core.Fetched(first.Ref, false); err != nil {
		t.Fatal(err)
	}
	if err := late.core.Fetched(first.Ref, true); err != nil { // nobody waits for it any more
		t.Fatal(err)
	}
	late.work()
	if late.restored != 0 {
		t.Fatal("installed what could not be fetched")
	}
	if s := c.untilFetch(late); s.Index != first.Index {
		t.Fatalf("referred to %+v, before to %+v", s, first)
	}
}

// TestSnapshotRefused: a message that names no sane snapshot has no effect.
func TestSnapshotRefused(t *testing.T) {
	f := func(offset int64, index, term uint64) {
		t.Helper()
		fl := floor{index: index, term: term, offset: offset, ref: []byte("r")}
		snap, err := (&entryLog{file: &stateFile{saved: savedState{floor: fl}}}).Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		snap.Metadata.ConfState.Voters = []uint64{1, 2}
		if _, err := decodeSnapshot(snap); !errors.Is(err, ErrMessage) {
			t.Errorf("offset %d index %d term %d: %v", offset, index, term, err)
		}
	}
	f(5, 0, 1)
	f(5, 3, 0)
	f(2, 3, 1)
	f(-1, 3, 1)
	f(5, 3, maxTerm+1)
}

// TestNeedsSnapshot: a member that came after the floor needs a younger one.
func TestNeedsSnapshot(t *testing.T) {
	c := newCluster(t, 3, 2)
	l := c.elect()
	if l.core.NeedsSnapshot() {
		t.Fatal("without a floor")
	}
	l.compact()
	if l.core.NeedsSnapshot() {
		t.Fatal("nobody has come")
	}
	if _, err := l.core.ProposeMembership(Change{AddLearner, 7}); err != nil {
		t.Fatal(err)
	}
	c.nodes = append(c.nodes, make([]*node, 5)...)
	for i := 3; i < 8; i++ {
		c.nodes[i] = &node{c: c, id: kafka.BrokerID(i)}
	}
	l.work()
	c.settle()
	if !l.core.NeedsSnapshot() {
		t.Fatal("a learner has come")
	}
	l.compact()
	if l.core.NeedsSnapshot() {
		t.Fatal("compacted behind it")
	}
}
