package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// ring is the test's data directory with a commit log so large that nothing is swept by itself.
func openRing(t testing.TB, fs vfs.FS, c Config) (*Dir, *Log) {
	t.Helper()
	o := testOptions()
	o.CommitLogBytes = 1 << 20
	d, err := OpenDir(fs, testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.OpenLog(testTopic, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, l
}

// flush appends n batches in an epoch and makes them durable by a round. It returns the log's bytes.
func flush(t testing.TB, d *Dir, l *Log, n int, epoch kafka.LeaderEpoch) []byte {
	t.Helper()
	for range n {
		appendBatch(t, l, 2, int64(epoch), epoch)
	}
	d.SyncOnce()
	if f := l.FlushedEndOffset(); f != l.LogEndOffset() || d.Err() != nil {
		t.Fatalf("flushed %d of %d, %v", f, l.LogEndOffset(), d.Err())
	}
	return readAll(t, l, l.LogStartOffset(), math.MaxInt64)
}

// crashing takes a disk's power after every operation that changes it, in several ways, and hands what is left to check, while
// run runs. Every recovery is itself crashed once more, at a place drawn.
type crashing struct {
	t    *testing.T
	rng  *rand.Rand
	fs   *vfs.MemFS
	step string
	n    int
}

func (x *crashing) during(step string, check func(d *Dir, l *Log) error, run func()) {
	x.t.Helper()
	x.step = step
	x.fs.SetHook(func(op vfs.Op, name string) {
		if changing.Has(op) {
			for i := range 6 {
				x.crash(x.fs, i, check)
			}
		}
	})
	run()
	x.fs.SetHook(nil)
	for i := range 6 {
		x.crash(x.fs, i, check)
	}
}

// crash cuts the power of a disk: everything unsynced is lost, kept, or drawn.
func (x *crashing) crash(fs *vfs.MemFS, i int, check func(d *Dir, l *Log) error) {
	x.t.Helper()
	o := vfs.CrashOptions{}
	switch i {
	case 0:
		o.Unsynced = vfs.LoseUnsynced
	case 1:
		o.Unsynced = vfs.KeepUnsynced
	}
	c := fs.CrashClone(x.rng, o)
	x.n++
	if i%2 == 0 { // in the recovery, too
		at, n := x.rng.IntN(60), 0
		c.SetHook(func(op vfs.Op, _ string) {
			if n++; n == at && changing.Has(op) {
				x.crash(c, 1+2*x.rng.IntN(2), check)
			}
		})
	}
	d, l := openRing(x.t, c, x.config())
	c.SetHook(nil)
	if l.FlushedEndOffset() != l.LogEndOffset() {
		x.t.Fatalf("%s: recovered to %d, flushed %d", x.step, l.LogEndOffset(), l.FlushedEndOffset())
	}
	if err := check(d, l); err != nil {
		x.t.Fatalf("%s, crash %d: %v", x.step, x.n, err)
	}
	// What was recovered is durable.
	again := c.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
	if d, l = openRing(x.t, again, x.config()); check(d, l) != nil {
		x.t.Fatalf("%s, crash %d and another one: %v", x.step, x.n, check(d, l))
	}
}

func (x *crashing) config() Config { return Config{SegmentBytes: 500} }

// one says that a log must hold one of some contents, or, if a part of it is not owed, a part that begins with what is.
func one(owed []byte, whole ...[]byte) func(*Dir, *Log) error {
	return func(_ *Dir, l *Log) error {
		var out bytes.Buffer
		for from := l.LogStartOffset(); from < l.LogEndOffset(); {
			s, err := l.Read(from, math.MaxInt32, math.MaxInt64, true)
			if err != nil {
				return err
			}
			p, err := s.AppendTo(nil)
			if err != nil || len(p) == 0 {
				return fmt.Errorf("%d bytes at %d: %w", len(p), from, err)
			}
			out.Write(p)
			from = s.NextOffset()
			s.Close()
		}
		for _, w := range whole {
			if bytes.HasPrefix(w, out.Bytes()) && bytes.HasPrefix(out.Bytes(), owed) {
				return nil
			}
		}
		return fmt.Errorf("the log is %d..%d with %d bytes, owed are %d", l.LogStartOffset(), l.LogEndOffset(), out.Len(), len(owed))
	}
}

func newCrashing(t *testing.T, seed uint64) (*crashing, *Dir, *Log) {
	x := &crashing{t: t, rng: rand.New(rand.NewPCG(seed, 5)), fs: vfs.NewMem()}
	d, l := openRing(t, x.fs, x.config())
	return x, d, l
}

// TestCrashTruncateAppend: truncate, append, cut: what was truncated does not come back, and what was flushed after it is there.
func TestCrashTruncateAppend(t *testing.T) {
	for seed := range uint64(seeds(t, 4)) {
		x, d, l := newCrashing(t, seed)
		a := flush(t, d, l, 3, 1)
		at := l.LogEndOffset()
		ab := flush(t, d, l, 4, 1)
		x.during("truncate", one(a, ab), func() {
			if err := l.TruncateTo(at); err != nil {
				t.Fatal(err)
			}
		})
		x.during("truncated", one(a, a), func() {})
		var c batchList
		x.during("append", func(d *Dir, l *Log) error { return one(a, append(bytes.Clone(a), c.bytes()...))(d, l) }, func() {
			for range 5 {
				b := makeBatch(2, 20, 9, 0)
				b.SetBaseOffset(l.LogEndOffset())
				b.SetLeaderEpoch(2)
				c.raw = append(c.raw, bytes.Clone(b))
				if _, err := l.Append(b, 2, 0); err != nil {
					t.Fatal(err)
				}
			}
		})
		ac := readAll(t, l, 0, math.MaxInt64)
		x.during("round", one(a, ac), func() { d.SyncOnce() })
		x.during("flushed", one(ac, ac), func() {})
		x.during("sweep", one(ac, ac), func() { d.sweep() })
		d.Close(false, 0)
	}
}

type batchList struct{ raw [][]byte }

func (b *batchList) bytes() []byte { return bytes.Join(b.raw, nil) }

// TestCrashReset: reset, append, cut.
func TestCrashReset(t *testing.T) {
	for seed := range uint64(seeds(t, 4)) {
		x, d, l := newCrashing(t, seed)
		a := flush(t, d, l, 5, 1)
		x.during("reset", func(_ *Dir, l *Log) error { // some segments may be gone
			if p := readAll(t, l, l.LogStartOffset(), math.MaxInt64); !bytes.Contains(a, p) {
				return fmt.Errorf("%d bytes that were not there", len(p))
			}
			return nil
		}, func() {
			if err := l.Reset(4); err != nil { // into what was there
				t.Fatal(err)
			}
		})
		x.during("emptied", one(nil, nil), func() {})
		b := flush(t, d, l, 2, 2)
		x.during("flushed", one(b, b), func() {})
		d.Close(false, 0)
	}
}

// TestCrashDeleteCreate: delete, create again under the same topic id, cut: nothing of the old log is in the new one. Not even
// if its directory comes back empty.
func TestCrashDeleteCreate(t *testing.T) {
	for seed := range uint64(seeds(t, 4)) {
		x, d, l := newCrashing(t, seed)
		a := flush(t, d, l, 5, 1)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		x.during("remove", func(d *Dir, l *Log) error { // renamed or not
			if l.LogEndOffset() == 0 {
				return nil
			}
			return one(a, a)(d, l)
		}, func() {
			if err := d.RemoveLog(testTopic, 0); err != nil {
				t.Fatal(err)
			}
		})
		x.during("create", one(nil, nil), func() {
			var err error
			if l, err = d.OpenLog(testTopic, x.config(), nil); err != nil {
				t.Fatal(err)
			}
		})
		b := flush(t, d, l, 2, 2)
		x.during("flushed", one(b, b), func() {})
		d.Close(false, 0)
	}
}

// TestCrashLogStart: log start, cut: it does not go back, and what lies above it is there.
func TestCrashLogStart(t *testing.T) {
	for seed := range uint64(seeds(t, 4)) {
		x, d, l := newCrashing(t, seed)
		a := flush(t, d, l, 9, 1)
		if l.Segments() < 3 {
			t.Fatalf("%d segments", l.Segments())
		}
		for _, to := range []int64{3, 8, 15, l.LogEndOffset()} {
			from := l.LogStartOffset()
			kept := func(start int64) func(d *Dir, l *Log) error {
				return func(d *Dir, l *Log) error {
					if s := l.LogStartOffset(); s != to && s != start || l.LogEndOffset() != 18 {
						return fmt.Errorf("the log is %d..%d", s, l.LogEndOffset())
					}
					var want []byte
					for _, b := range batches(t, a) {
						if b.LastOffset() >= l.LogStartOffset() {
							want = append(want, b...)
						}
					}
					return one(want, want)(d, l)
				}
			}
			x.during("start", kept(from), func() {
				if err := l.SetLogStartOffset(to); err != nil {
					t.Fatal(err)
				}
			})
			x.during("started", kept(to), func() {})
			x.during("unlink", kept(to), func() {
				for d.Trash().Waiting > 0 {
					if _, err := d.Unlink(1 << 40); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
		d.Close(false, 0)
	}
}

// TestCrashLogStartDelete: a log start that is in the commit log only does not go back when the log's deletion is told there,
// but a crash leaves the log. Found by TestMoveSurvivesCrashes.
func TestCrashLogStartDelete(t *testing.T) {
	for _, end := range []string{"delete", "reset"} {
		x, d, l := newCrashing(t, 1)
		flush(t, d, l, 5, 1)
		if err := l.SetLogStartOffset(3); err != nil {
			t.Fatal(err)
		}
		x.during(end, func(_ *Dir, l *Log) error {
			if l.LogEndOffset() > 0 && l.LogStartOffset() < 3 {
				return fmt.Errorf("the log is %d..%d", l.LogStartOffset(), l.LogEndOffset())
			}
			return nil
		}, func() {
			if end == "reset" {
				if err := l.Reset(20); err != nil {
					t.Fatal(err)
				}
				return
			}
			l.freeze()
			l.abandon() // it is being moved away
			if err := d.RemoveLog(testTopic, 0); err != nil {
				t.Fatal(err)
			}
		})
		d.Close(false, 0)
	}
}

// TestCrashInReplay cuts the power at every operation of a recovery that replays a whole log, and of the one
// after that.
func TestCrashInReplay(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	fs := vfs.NewMem()
	d, l := openRing(t, fs, Config{}) // one segment: sealed ones would be synced soon
	flush(t, d, l, 12, 1)
	all := flush(t, d, l, 1, 1)
	lost := powerCut(fs)
	depth := 0
	var try func(fs *vfs.MemFS)
	try = func(fs *vfs.MemFS) {
		depth++
		defer func() { depth-- }()
		fs.SetHook(func(op vfs.Op, _ string) {
			if changing.Has(op) && (depth == 1 || depth == 2 && rng.IntN(25) == 0) {
				try(fs.CrashClone(rng, vfs.CrashOptions{}))
				try(powerCut(fs))
			}
		})
		_, l := openRing(t, fs, Config{SegmentBytes: 500})
		fs.SetHook(nil)
		if got := readAll(t, l, 0, math.MaxInt64); !bytes.Equal(got, all) || l.FlushedEndOffset() != l.LogEndOffset() {
			t.Fatalf("depth %d: %d bytes of %d, flushed %d of %d", depth, len(got), len(all), l.FlushedEndOffset(), l.LogEndOffset())
		}
		if names, _ := fs.List(testDir); strings.Contains(strings.Join(names, " "), "replay") {
			t.Fatalf("left %v", names)
		}
		after := powerCut(fs)
		if _, l := openRing(t, after, Config{SegmentBytes: 500}); l.LogEndOffset() != 26 {
			t.Fatalf("depth %d: recovered and not durable: %d", depth, l.LogEndOffset())
		}
	}
	try(lost)
}

// TestTornCommit spoils the last write of the commit log at every byte after a power cut: what earlier writes hold is there, and of
// the last one whole batches in front of the place, or all of it if the place is behind its end.
func TestTornCommit(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openRing(t, fs, Config{})
	first := flush(t, d, l, 2, 1)
	all := flush(t, d, l, 2, 1)
	fs = powerCut(fs)
	name := testDir + "/.thalweg-commitlog-000"
	content := fileBytes(t, fs, name)
	begin := 2 * commitlog.BlockSize
	end := begin + commitlog.EntryHeader + len(all) - len(first)
	for at := begin; at < end+10; at++ {
		spoiled := bytes.Clone(content)
		spoiled[at] ^= 0x10
		c := killed(fs)
		putFile(t, c, name, spoiled)
		_, l := openRing(t, c, Config{})
		want := first
		if at >= end {
			want = all
		}
		if got := readAll(t, l, 0, math.MaxInt64); !bytes.Equal(got, want) {
			t.Fatalf("byte %d of %d: %d bytes are left, want %d", at-begin, end-begin, len(got), len(want))
		}
	}
}

// TestRefill: a torn place in a segment above the recovery point is filled again from the commit log, wherever it is; damage is
// what it cannot fill (durability 7): then nothing is changed.
func TestRefill(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openRing(t, fs, Config{SegmentBytes: 700})
	a := flush(t, d, l, 4, 1)
	if _, err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	c := d.commit
	c.mu.Lock()
	c.w.Free(c.w.Generation() + 1) // as after a sweep that could not write the checkpoint: the recovery point on disk is 0
	c.mu.Unlock()
	l.commit.dirty, c.dirty.logs = false, nil
	all := flush(t, d, l, 7, 2)
	names, _ := fs.List(l.Path())
	for _, name := range names {
		if !strings.HasSuffix(name, extLog) {
			continue
		}
		name = l.Path() + "/" + name
		whole := fileBytes(t, fs, name)
		for at := 0; at < len(whole); at += 7 {
			spoiled := bytes.Clone(whole)
			spoiled[at] ^= 2
			clone := killed(fs)
			putFile(t, clone, name, spoiled)
			base, _ := parseSegmentName(name[len(l.Path())+1:], extLog)
			d, err := OpenDir(clone, testDir, testOptions())
			if err != nil {
				t.Fatal(err)
			}
			l, err := d.OpenLog(testTopic, Config{SegmentBytes: 700}, nil)
			epoch := false // of a batch: no checksum covers it
			for pos, rest := 0, whole; len(rest) > 0; {
				b, after, err := batch.Next(rest)
				if err != nil {
					t.Fatal(err)
				}
				epoch = epoch || at >= pos+12 && at < pos+16
				pos, rest = pos+len(b), after
			}
			if base == 0 && at < len(a) || epoch && err != nil { // these are in no file of the commit log any more
				if !errors.Is(err, ErrCorrupt) {
					t.Fatalf("byte %d of %s: %v", at, name, err)
				}
				if got := fileBytes(t, clone, name); !bytes.Equal(got, spoiled) {
					t.Fatalf("a damaged log was changed: %d bytes of %d, %v", len(got), len(spoiled), err)
				}
				// The file that would be replayed stays, and so does the damage.
				if d.Close(true, 0); !bytes.Equal(fileBytes(t, clone, name), spoiled) {
					t.Fatal("a damaged log was changed")
				}
				if d, err = OpenDir(clone, testDir, testOptions()); err != nil {
					t.Fatal(err)
				}
				if _, err = d.OpenLog(testTopic, Config{SegmentBytes: 700}, nil); !errors.Is(err, ErrCorrupt) {
					t.Fatalf("byte %d of %s, at the second start: %v", at, name, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("byte %d of %s: %v", at, name, err)
			}
			if got := readAll(t, l, 0, math.MaxInt64); !bytes.Equal(got, all) && !epoch {
				t.Fatalf("byte %d of %s: %d bytes of %d", at, name, len(got), len(all))
			}
		}
	}
}

// TestOtherIdentity: what the commit log has of another topic id, of another directory or of nobody is not replayed, and nothing of
// it stays.
func TestOtherIdentity(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openRing(t, fs, Config{})
	flush(t, d, l, 4, 1)
	other := kafka.MakeUUID([16]byte{7})
	for _, change := range []func(fs *vfs.MemFS){
		func(fs *vfs.MemFS) { putFile(t, fs, l.Path()+"/"+partitionFile, encodePartition(other)) },
		func(fs *vfs.MemFS) {
			meta := bytes.Replace(fileBytes(t, fs, testDir+"/"+metaFile), []byte(d.ID().String()), []byte(other.String()), 1)
			putFile(t, fs, testDir+"/"+metaFile, meta)
		},
		func(fs *vfs.MemFS) { // Kafka was there, and stopped cleanly
			putFile(t, fs, testDir+"/"+cleanFile, []byte(`{"version":0,"brokerEpoch":7}`))
		},
	} {
		c := powerCut(fs)
		change(c)
		d, err := OpenDir(c, testDir, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		for _, tip := range d.Found() {
			l, err := d.OpenLog(tip, Config{}, nil)
			if err != nil || l.LogEndOffset() != 0 {
				t.Fatalf("%v, %d", err, l.LogEndOffset())
			}
		}
		if names, _ := c.List(testDir); strings.Contains(strings.Join(names, " "), "thalweg") {
			t.Fatalf("left %v", names)
		}
	}
}

// TestCleanStopLeavesNoCommitLog: after a clean stop everything is in the segments, and the directory has no file of ours in its root.
func TestCleanStopLeavesNoCommitLog(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openRing(t, fs, Config{})
	all := flush(t, d, l, 4, 1)
	if names, _ := fs.List(testDir); !strings.Contains(strings.Join(names, " "), "thalweg-commitlog") {
		t.Fatalf("a round without a commit log: %v", names)
	}
	if err := d.Close(true, 0); err != nil {
		t.Fatal(err)
	}
	fs = powerCut(fs)
	if names, _ := fs.List(testDir); strings.Contains(strings.Join(names, " "), "thalweg") {
		t.Fatalf("left %v", names)
	}
	if got := fileBytes(t, fs, l.Path()+"/00000000000000000000.log"); !bytes.Equal(got, all) {
		t.Fatalf("%d bytes of %d", len(got), len(all))
	}
}

// TestBulkIsNotWrittenTwice: a log that owes much has its segment synced, the others beside it go through the commit log, and
// either way a power cut leaves all of it. A change of the policy leaves nothing behind.
func TestBulkIsNotWrittenTwice(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openRing(t, fs, Config{Flush: FlushOS})
	small := testTopic
	small.Partition = 1
	m, err := d.OpenLog(small, Config{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	appendBatch(t, m, 1, 1, 0)
	d.SyncOnce()
	for range 40 {
		appendBatch(t, l, 40, 1, 0)
	}
	l.SetConfig(Config{}) // what came before is owed now
	appendBatch(t, l, 1, 1, 0)
	appendBatch(t, m, 1, 1, 0)
	if owed := l.Size(); owed < d.commit.bulk {
		t.Fatalf("%d bytes are not much", owed)
	}
	synced := map[string]int{}
	fs.SetHook(func(op vfs.Op, name string) {
		if op == vfs.OpSyncData {
			synced[name[strings.LastIndexByte(name[:strings.LastIndexByte(name, '/')], '/'):]]++
		}
	})
	d.SyncOnce()
	fs.SetHook(nil)
	if synced["/t-0/00000000000000000000.log"] != 1 || synced["/data/.thalweg-commitlog-000"] != 1 || len(synced) != 2 {
		t.Fatalf("synced %v", synced)
	}
	appendBatch(t, l, 1, 1, 0) // and this one goes through the commit log again
	clear(synced)
	fs.SetHook(func(op vfs.Op, name string) {
		if op == vfs.OpSyncData {
			synced[name[strings.LastIndexByte(name, '/'):]]++
		}
	})
	d.SyncOnce()
	fs.SetHook(nil)
	if synced["/.thalweg-commitlog-000"] != 1 || len(synced) != 1 {
		t.Fatalf("synced %v", synced)
	}
	want, ends := readAll(t, l, 0, math.MaxInt64), m.LogEndOffset()
	d, l = openRing(t, powerCut(fs), Config{})
	if m, err = d.OpenLog(small, Config{}, nil); err != nil || m.LogEndOffset() != ends {
		t.Fatalf("%v: %d", err, m.LogEndOffset())
	}
	if got := readAll(t, l, 0, math.MaxInt64); !bytes.Equal(got, want) {
		t.Fatalf("%d bytes of %d", len(got), len(want))
	}
}

// TestRingIsFull: while nothing can be freed, because the checkpoints cannot be written, rounds go on without the commit
// log, and what must be told to it is refused for lack of room; when there is room again all is as before.
func TestRingIsFull(t *testing.T) {
	mem := vfs.NewMem()
	fs := vfs.WithErrors(mem)
	o := testOptions() // four blocks of entries
	d, err := OpenDir(fs, testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.OpenLog(testTopic, Config{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	flush(t, d, l, 2, 0)
	if err := l.SetLogStartOffset(1); err != nil { // an entry, until the checkpoint is written
		t.Fatal(err)
	}
	fs.SetRules(vfs.MustRules("op=write path=*checkpoint* err=ENOSPC")...)
	for range 12 {
		flush(t, d, l, 1, 0)
	}
	if err := l.TruncateTo(l.LogEndOffset() - 2); !errors.Is(err, errNoRoom) || d.Err() != nil {
		t.Fatalf("truncate: %v, %v", err, d.Err())
	}
	end := l.LogEndOffset()
	flush(t, d, l, 1, 0)
	c := powerCut(mem)
	if _, again := openTestLog(t, c, Config{}); again.LogEndOffset() != end+2 || again.LogStartOffset() != 1 {
		t.Fatalf("after a power cut %d..%d, want 1..%d", again.LogStartOffset(), again.LogEndOffset(), end+2)
	}
	fs.SetRules()
	if err := l.TruncateTo(end); err != nil {
		t.Fatal(err)
	}
	flush(t, d, l, 1, 1)
	if _, again := openTestLog(t, powerCut(mem), Config{}); again.LogEndOffset() != end+2 || again.LogStartOffset() != 1 || again.LatestEpoch() != 1 {
		t.Fatalf("after another power cut %d..%d", again.LogStartOffset(), again.LogEndOffset())
	}
	if err := d.Close(true, 0); err != nil {
		t.Fatal(err)
	}
}

// TestRecoveryOfManyLogs: after a kill and after a power cut, a hundred logs come back whole, and no more is scanned than what lies above
// their recovery points, but for the last indexed batch below each.
func TestRecoveryOfManyLogs(t *testing.T) {
	const logs, interval = 100, 256
	fs := vfs.NewMem()
	o := testOptions()
	o.CommitLogBytes, o.CheckpointBytes = 4<<20, 50_000 // 200,000, as many logs share it
	d, err := OpenDir(fs, testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{IndexIntervalBytes: interval}
	tip := func(i int) kafka.TopicIDPartition {
		x := testTopic
		x.Partition = int32(i)
		return x
	}
	var all []*Log
	for i := range logs {
		l, err := d.OpenLog(tip(i), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	for round := range 80 {
		for i, l := range all {
			if (round+i)%3 > 0 {
				appendBatch(t, l, 1, int64(round), 0)
			}
		}
		d.SyncOnce()
	}
	above, largest := int64(0), int64(0)
	for i, l := range all {
		point := d.points.of(tip(i).TopicPartition()).recovery
		if point == 0 || point == l.LogEndOffset() {
			t.Fatalf("the recovery point of log %d is %d of %d", i, point, l.LogEndOffset())
		}
		for _, b := range batches(t, readAll(t, l, point, math.MaxInt64)) {
			above += int64(len(b))
			largest = max(largest, int64(len(b)))
		}
	}
	for name, left := range map[string]*vfs.MemFS{"kill": killed(fs), "power cut": powerCut(fs)} { // order-free: each by itself
		d, err := OpenDir(left, testDir, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range all {
			again, err := d.OpenLog(tip(i), cfg, nil)
			if err != nil || again.LogEndOffset() != l.LogEndOffset() {
				t.Fatalf("%s: log %d ends at %d, want %d: %v", name, i, again.LogEndOffset(), l.LogEndOffset(), err)
			}
		}
		r := d.Recovered()
		if r.Scanned > above+logs*(interval+2*largest) || name == "kill" && (r.Scanned < above || r.Above != above || r.Replayed != 0) {
			t.Errorf("%s: %d bytes scanned, %d are above the recovery points, it says %d", name, r.Scanned, above, r.Above)
		}
		if name == "power cut" && r.Replayed == 0 {
			t.Error("nothing was replayed")
		}
	}
}

// TestCommitLogFields: an entry is found where and as docs/format/commit-log.md says.
func TestCommitLogFields(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openRing(t, fs, Config{})
	p := flush(t, d, l, 1, 3)
	b := fileBytes(t, fs, testDir+"/.thalweg-commitlog-000")
	id := d.ID()
	if string(b[:4]) != "TWCL" || binary.BigEndian.Uint64(b[8:]) != 1 || binary.BigEndian.Uint64(b[16:]) != uint64(len(b)) || !bytes.Equal(b[32:48], id[:]) {
		t.Fatalf("header %x", b[:64])
	}
	e := b[4096:]
	if e[4] != 1 || e[5] != 1 || binary.BigEndian.Uint64(e[8:]) != 1 || !bytes.Equal(e[16:32], testTopic.ID[:]) || binary.BigEndian.Uint32(e[32:]) != 0 ||
		binary.BigEndian.Uint32(e[36:]) != 3 || binary.BigEndian.Uint64(e[40:]) != 0 || binary.BigEndian.Uint64(e[48:]) != 2 ||
		binary.BigEndian.Uint32(e[56:]) != uint32(len(p)) || !bytes.Equal(e[64:64+len(p)], p) {
		t.Fatalf("entry %x", e[:64+len(p)])
	}
}

// TestWriteOut: a log that has got more than the kernel should keep to itself is written out also in a round that it owes nothing in.
func TestWriteOut(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openRing(t, fs, Config{})
	outs := 0
	fs.SetHook(func(op vfs.Op, _ string) {
		if op == vfs.OpWriteOut {
			outs++
		}
	})
	for range writeOutBytes/4000 + 1 {
		appendBatch(t, l, 150, 0, 0)
	}
	if _, err := l.Sync(); err != nil { // by somebody else
		t.Fatal(err)
	}
	if d.SyncOnce(); outs != 1 {
		t.Fatalf("%d hints", outs)
	}
	if appendBatch(t, l, 1, 0, 0); !d.SyncOnce() || outs != 1 {
		t.Fatalf("%d hints", outs)
	}
}
