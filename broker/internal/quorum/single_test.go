package quorum

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// fold is a Machine that keeps what it is given.
type fold struct {
	entries []Entry
	states  []State
	fail    error
	onLead  func(State)
}

func (f *fold) Apply(es []Entry) error {
	for _, e := range es {
		e.Batch = bytes.Clone(e.Batch)
		f.entries = append(f.entries, e)
	}
	return f.fail
}

func (f *fold) Lead(s State) {
	f.states = append(f.states, s)
	if f.onLead != nil {
		f.onLead(s)
	}
}

func (f *fold) batches() (out []string) {
	for _, e := range f.entries {
		if e.Batch != nil {
			it := batch.IterateRecords(e.Batch.Payload(), e.Batch.NumRecords())
			it.Next()
			out = append(out, string(it.Record().Value))
		}
	}
	return out
}

func alone(fs vfs.FS, m Machine) Options {
	return Options{FS: fs, Dir: "meta", ID: 0, Voters: []kafka.BrokerID{0}, Machine: m, SegmentBytes: 1 << 20, MaxBatchBytes: 1 << 19, NowMs: 5000}
}

// start opens a lone voter and makes it leader.
func start(t testing.TB, o Options) *Core {
	t.Helper()
	c, err := tryStart(o)
	if err != nil {
		t.Fatal(err)
	}
	if !c.State().Self {
		t.Fatalf("a lone voter does not lead: %+v", c.State())
	}
	return c
}

func tryStart(o Options) (*Core, error) {
	c, err := Open(o)
	if err != nil {
		return nil, err
	}
	if err := drain(c); err != nil {
		return c, err
	}
	if err := c.Campaign(); err != nil {
		return c, err
	}
	return c, drain(c)
}

func drain(c *Core) error {
	for {
		if busy, err := c.Advance(); !busy || err != nil {
			return err
		}
	}
}

func propose(c *Core, b batch.Batch) error {
	if _, err := c.Propose(b); err != nil {
		return err
	}
	return drain(c)
}

// TestSingle: a lone voter leads at once, applies what it is given, and after a clean and an
// unclean stop has it all again, in a higher term.
func TestSingle(t *testing.T) {
	fs := vfs.NewMem()
	f := &fold{}
	c := start(t, alone(fs, f))
	for i := range 3 {
		if err := propose(c, testBatch(t, fmt.Sprint("v", i), 2)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"v0a", "v1a", "v2a"}
	if got := f.batches(); !equal(got, want) {
		t.Fatalf("applied %v", got)
	}
	// Membership, then the empty entry of term 2, then 2 records each.
	for i, e := range f.entries {
		if offset := []int64{0, 1, 2, 4, 6}[i]; e.Offset != offset || e.Index != uint64(i+1) || (e.Batch == nil) != (i < 2) {
			t.Fatalf("entry %d: %+v", i, e)
		}
	}
	if last := f.states[len(f.states)-1]; last != (State{Leader: 0, Term: 2, Self: true}) {
		t.Fatalf("states %+v", f.states)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Propose(testBatch(t, "late", 1)); !errors.Is(err, ErrStopped) {
		t.Fatalf("proposal after Close: %v", err)
	}
	for term := int32(3); term < 6; term++ {
		f = &fold{}
		o := alone(fs, f)
		o.Voters = nil // not needed any more
		c = start(t, o)
		if got := f.batches(); !equal(got, want) || c.State().Term != term {
			t.Fatalf("after a restart: %v, %+v", got, c.State())
		}
		text := fmt.Sprint("term", term)
		if err := propose(c, testBatch(t, text, 1)); err != nil {
			t.Fatal(err)
		}
		want = append(want, text+"a")
		fs = fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
	}
}

func equal(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// TestSingleCrash cuts the power after every file operation of a short life, and again in the
// restart after it. What was applied is there afterwards, in order (etcd issue 14370).
func TestSingleCrash(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	f := &fold{}
	var clones []*vfs.MemFS
	var applied []int
	fs := vfs.NewMem()
	fs.SetHook(func(op vfs.Op, _ string) {
		switch op {
		case vfs.OpSync, vfs.OpSyncData, vfs.OpSyncDir, vfs.OpRename, vfs.OpWrite:
			clones = append(clones, fs.CrashClone(rng, vfs.CrashOptions{}))
			applied = append(applied, len(f.batches()))
		}
	})
	o := alone(fs, f)
	o.SegmentBytes, o.MaxBatchBytes = 400, 300
	c := start(t, o)
	for i := range 8 {
		if err := propose(c, testBatch(t, fmt.Sprint("v", i), 1+i%3)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	all := f.batches()
	if len(clones) < 20 {
		t.Fatalf("only %d crashes", len(clones))
	}
	for i, clone := range clones {
		again := &fold{}
		o := o
		o.Machine = again
		var inner []*vfs.MemFS
		clone.SetHook(func(op vfs.Op, _ string) {
			if op == vfs.OpSync || op == vfs.OpRename || op == vfs.OpSyncData || op == vfs.OpTruncate {
				inner = append(inner, clone.CrashClone(rng, vfs.CrashOptions{}))
			}
		})
		o.FS = clone
		c := start(t, o)
		check := func(got []string, when string) {
			t.Helper()
			if len(got) < applied[i] || !equal(got, all[:len(got)]) {
				t.Fatalf("crash %d, %s: %d were applied, found %v of %v", i, when, applied[i], got, all)
			}
		}
		check(again.batches(), "first restart")
		if c.State().Term < 2 {
			t.Fatalf("crash %d: %+v", i, c.State())
		}
		clone.SetHook(nil)
		for _, second := range inner[:min(len(inner), 6)] {
			twice := &fold{}
			o.FS, o.Machine = second, twice
			start(t, o)
			check(twice.batches(), "second restart")
		}
	}
}

// TestFailingDisk fails the n-th file operation, for every n, for good: the quorum ends with that
// error, acknowledges nothing any more, and on a healed disk what was applied is there.
func TestFailingDisk(t *testing.T) {
	for n := 1; ; n++ {
		mem := vfs.NewMem()
		f := &fold{}
		fs := vfs.WithErrors(mem, vfs.MustRules(fmt.Sprintf("op=write-like nth=%d err=EIO sticky", n))...)
		c, err := tryStart(alone(fs, f))
		for i := 0; i < 4 && err == nil; i++ {
			if err = propose(c, testBatch(t, fmt.Sprint("v", i), 1)); err == nil && len(f.batches()) != i+1 {
				t.Fatalf("operation %d failed: proposal %d was neither applied nor refused", n, i)
			}
		}
		if err == nil {
			if n < 10 {
				t.Fatalf("no failure at operation %d", n)
			}
			return
		}
		if !errors.Is(err, syscall.EIO) {
			t.Fatalf("operation %d failed: %v", n, err)
		}
		applied := f.batches()
		if c != nil {
			if c.Err() == nil {
				t.Fatalf("operation %d failed with %v, and the quorum goes on", n, err)
			}
			if busy, again := c.Advance(); busy || !errors.Is(again, syscall.EIO) {
				t.Fatalf("operation %d failed, then Advance: %v", n, again)
			}
			if err := c.Tick(1); err == nil {
				t.Fatalf("operation %d failed, then Tick goes on", n)
			}
			if _, err := c.Propose(testBatch(t, "more", 1)); err == nil {
				t.Fatalf("operation %d failed, then a proposal is taken", n)
			}
			c.Close()
		}
		again := &fold{}
		start(t, alone(mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced}), again))
		if got := again.batches(); len(got) < len(applied) || !equal(got[:len(applied)], applied) {
			t.Fatalf("operation %d failed: applied %v, found %v", n, applied, got)
		}
	}
}

// TestNoRoom: on a full disk the quorum stands still at whichever operation it is that finds no room, refuses proposals and
// applies nothing; when there is room it goes on by itself, and what it applied then survives (S-11).
func TestNoRoom(t *testing.T) {
	stood := 0
	for n := 1; ; n++ {
		mem := vfs.NewMem()
		fs := vfs.WithErrors(mem)
		f := &fold{}
		o := alone(fs, f)
		o.SegmentBytes, o.MaxBatchBytes = 256, 256
		c := start(t, o)
		must(t, propose(c, testBatch(t, "before", 1)))
		rules := vfs.MustRules(fmt.Sprintf("op=write,create,rename nth=%d err=ENOSPC sticky", n))
		fs.SetRules(rules...)
		for i := 0; i < 6 && c.stuck == nil; i++ {
			if _, err := c.Propose(testBatch(t, fmt.Sprint("v", i), 1)); err != nil && !errors.Is(err, ErrNotLeader) {
				t.Fatal(err)
			}
			if _, err := c.Propose(testBatch(t, fmt.Sprint("w", i), 1)); err != nil && !errors.Is(err, ErrNotLeader) {
				t.Fatal(err)
			}
			must(t, drain(c))
		}
		if c.stuck == nil {
			if rules[0].Hits() == 0 {
				break
			}
			continue // it was the turn of a file that can wait
		}
		stood++
		applied := f.batches()
		if _, err := c.Propose(testBatch(t, "more", 1)); !errors.Is(err, ErrNoRoom) && !errors.Is(err, ErrNotLeader) {
			t.Fatalf("operation %d: a proposal without room: %v", n, err)
		}
		for range 3 {
			must(t, c.Tick(1))
			must(t, drain(c))
		}
		if got := f.batches(); !equal(got, applied) || c.Err() != nil {
			t.Fatalf("operation %d: applied %v and then %v, %v", n, applied, got, c.Err())
		}
		again := &fold{}
		start(t, alone(mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced}), again))
		if got := again.batches(); len(got) < len(applied) || !equal(got[:len(applied)], applied) {
			t.Fatalf("operation %d, after a power cut: applied %v, found %v", n, applied, got)
		}
		fs.SetRules()
		must(t, drain(c))
		must(t, propose(c, testBatch(t, "after", 1)))
		all := f.batches()
		if c.stuck != nil || len(all) <= len(applied) || all[len(all)-1] != "aftera" {
			t.Fatalf("operation %d, with room again: %v", n, all)
		}
		must(t, c.Close())
		found := &fold{}
		start(t, alone(mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced}), found))
		if got := found.batches(); !equal(got, all) {
			t.Fatalf("operation %d, after a restart: %v, want %v", n, got, all)
		}
	}
	if stood < 4 {
		t.Fatalf("it stood still %d times", stood)
	}
}

// TestNoRoomForATerm: nobody leads in a term that could not be saved, until it can be.
func TestNoRoomForATerm(t *testing.T) {
	mem := vfs.NewMem()
	must(t, start(t, alone(mem, &fold{})).Close())
	for n := 1; n <= 3; n++ { // create, write, rename
		fs, f := vfs.WithErrors(mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})), &fold{}
		c, err := Open(alone(fs, f))
		must(t, err)
		must(t, drain(c))
		fs.SetRules(vfs.MustRules(fmt.Sprintf("op=write,create,rename path=%s* nth=%d err=ENOSPC sticky", stateFileName, n))...)
		must(t, c.Campaign())
		for range 3 {
			must(t, drain(c))
		}
		if c.stuck == nil || c.State().Self {
			t.Fatalf("operation %d: stuck %v, %+v", n, c.stuck != nil, c.State())
		}
		fs.SetRules()
		must(t, drain(c))
		if !c.State().Self || uint64(c.State().Term) != c.state.saved.hard.term {
			t.Fatalf("operation %d, with room again: %+v", n, c.State())
		}
		must(t, c.Close())
	}
}

// TestFailingRead: an error of reading older entries ends the quorum as an error, not as raft's panic.
func TestFailingRead(t *testing.T) {
	mem := vfs.NewMem()
	c := start(t, alone(mem, &fold{}))
	for i := range 5 {
		if err := propose(c, testBatch(t, fmt.Sprint(i), 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	fs := vfs.WithErrors(mem)
	c, err := Open(alone(fs, &fold{}))
	if err != nil {
		t.Fatal(err)
	}
	fs.SetRules(vfs.MustRules("op=read path=*.log err=EIO sticky")...)
	if err := drain(c); !errors.Is(err, syscall.EIO) || !errors.Is(c.Err(), syscall.EIO) {
		t.Fatalf("replay over a failing disk: %v, %v", err, c.Err())
	}
}

// TestMachineError: what the Machine cannot apply ends the quorum.
func TestMachineError(t *testing.T) {
	f := &fold{}
	c := start(t, alone(vfs.NewMem(), f))
	f.fail = errors.New("no")
	if err := propose(c, testBatch(t, "x", 1)); !errors.Is(err, f.fail) || c.Err() != err {
		t.Fatalf("%v, %v", err, c.Err())
	}
}

// TestProposeInLead: the Machine may propose from its callbacks, and gets the right index.
func TestProposeInLead(t *testing.T) {
	f := &fold{}
	var c *Core
	var index uint64
	f.onLead = func(s State) {
		if s.Self {
			var err error
			if index, err = c.Propose(testBatch(t, "first", 1)); err != nil {
				t.Error(err)
			}
		}
	}
	c, err := Open(alone(vfs.NewMem(), f))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := drain(c); err != nil {
			t.Fatal(err)
		}
		if err := c.Campaign(); err != nil {
			t.Fatal(err)
		}
	}
	if last := f.entries[len(f.entries)-1]; last.Index != index || last.Batch == nil {
		t.Fatalf("proposed %d, applied %+v", index, last)
	}
}

// TestRefusals: what Open refuses, and what Propose does.
func TestRefusals(t *testing.T) {
	mem := vfs.NewMem()
	c := start(t, alone(mem, &fold{}))
	if _, err := c.Propose(make(batch.Batch, 1<<20)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large batch: %v", err)
	}
	if err := propose(c, testBatch(t, "x", 1)); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	reopen := func(change func(fs *vfs.MemFS, o *Options)) error {
		fs := mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
		o := alone(fs, &fold{})
		change(fs, &o)
		_, err := Open(o)
		return err
	}
	check := func(what string, want error, change func(fs *vfs.MemFS, o *Options)) {
		t.Helper()
		if err := reopen(change); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("nothing", nil, func(*vfs.MemFS, *Options) {})
	check("another node", ErrIdentity, func(_ *vfs.MemFS, o *Options) { o.ID, o.Voters = 1, []kafka.BrokerID{1} })
	check("no state file", ErrCorrupt, func(fs *vfs.MemFS, o *Options) { must(t, fs.Remove(o.statePath())) })
	check("log gone", ErrCorrupt, func(fs *vfs.MemFS, o *Options) {
		names, err := fs.List(o.logDir())
		must(t, err)
		for _, n := range names {
			must(t, fs.Remove(o.logDir()+"/"+n))
		}
	})
	check("state of term 0", ErrCorrupt, func(fs *vfs.MemFS, o *Options) {
		st := savedState{id: 0, hard: hardState{vote: -1}, voters: []kafka.BrokerID{0}}
		must(t, writeFile(fs, o.statePath(), encodeState(&st)))
	})
	for _, o := range []Options{
		{},
		{FS: mem, Dir: "x", Machine: &fold{}, ID: -1},
		{FS: mem, Dir: "x", Machine: &fold{}, ID: 1, Voters: []kafka.BrokerID{0}},
		{FS: mem, Dir: "x", Machine: &fold{}, ID: 1, Voters: []kafka.BrokerID{1, 1}},
		{FS: mem, Dir: "x", Machine: &fold{}, ID: 1, Voters: []kafka.BrokerID{1, -1}},
		{FS: mem, Dir: "x", Machine: &fold{}, ElectionTicks: 1},
		{FS: mem, Dir: "x", Machine: &fold{}, MaxInflightBytes: 1},
		{FS: mem, Dir: "x", Machine: &fold{}, SegmentBytes: 1},
		{FS: mem, Dir: "x", Machine: &fold{}, TailBytes: -1},
	} {
		if _, err := Open(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestBootstrapOnce: a crash at any point of the first start leaves a directory that starts, with
// the voters it was first told, and is never initialised again.
func TestBootstrapOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	fs := vfs.NewMem()
	var clones []*vfs.MemFS
	fs.SetHook(func(vfs.Op, string) { clones = append(clones, fs.CrashClone(rng, vfs.CrashOptions{})) })
	o := Options{FS: fs, Dir: "meta", ID: 1, Voters: []kafka.BrokerID{2, 1, 0}, Machine: &fold{}}
	c, err := Open(o)
	must(t, err)
	must(t, drain(c))
	for i, clone := range clones {
		f := &fold{}
		o.FS, o.Machine = clone, f
		c, err := Open(o)
		must(t, err)
		must(t, drain(c))
		if len(f.entries) != 3 || len(c.voters()) != 3 || c.term != bootstrapTerm || c.log.last() != 3 {
			t.Fatalf("crash %d: %d entries, voters %v, term %d", i, len(f.entries), c.voters(), c.term)
		}
	}
}

// TestCompact: below the floor nothing is known but the floor's term; the floor, its configuration
// and the entries above it survive a restart, and a reference replaces the rest.
func TestCompact(t *testing.T) {
	fs := vfs.NewMem()
	c := start(t, alone(fs, &fold{}))
	for i := range 6 {
		must(t, propose(c, testBatch(t, fmt.Sprint("v", i), 1+i)))
	}
	if err := c.Compact(99, []byte("r")); !errors.Is(err, ErrCompacted) {
		t.Fatalf("beyond what is applied: %v", err)
	}
	must(t, c.Compact(5, []byte("ref-5")))
	if err := c.Compact(5, []byte("r")); !errors.Is(err, ErrCompacted) {
		t.Fatalf("twice: %v", err)
	}
	check := func(c *Core, when string) {
		t.Helper()
		first, _ := c.log.FirstIndex()
		term, err := c.log.Term(5)
		if first != 6 || term != 2 || err != nil {
			t.Fatalf("%s: first index %d, term %d, %v", when, first, term, err)
		}
		if _, err := c.log.Term(4); err == nil {
			t.Fatalf("%s: entry 4 has a term", when)
		}
		if _, err := c.log.Entries(5, 7, 1<<20); err == nil {
			t.Fatalf("%s: entry 5 can be read", when)
		}
		es, err := c.log.Entries(6, 9, 1<<20)
		if err != nil || len(es) != 3 || !bytes.Contains(es[0].GetData(), []byte("v3")) {
			t.Fatalf("%s: entries %v, %v", when, es, err)
		}
		snap, err := c.log.Snapshot()
		if err != nil || string(snap.Data[8:]) != "ref-5" || snap.Metadata.GetIndex() != 5 || len(snap.Metadata.ConfState.Voters) != 1 {
			t.Fatalf("%s: %v, %v", when, snap, err)
		}
		if s, ok := c.Snapshot(); !ok || s.Offset != 1+1+1+2+3 || s.Term != 2 {
			t.Fatalf("%s: %+v", when, s)
		}
	}
	check(c, "at once")
	f := &fold{}
	c = start(t, alone(fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced}), f))
	check(c, "after a restart")
	if got := f.batches(); !equal(got, []string{"v3a", "v4a", "v5a"}) {
		t.Fatalf("applied %v", got)
	}
	must(t, propose(c, testBatch(t, "more", 1)))
}
