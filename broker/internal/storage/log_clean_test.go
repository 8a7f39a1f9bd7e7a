package storage

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/storage/clean"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// word is a record of a test: no value is a tombstone.
type word struct {
	key, value string
	timestamp  int64
}

func wordBatch(o batch.BuilderOptions, words ...word) batch.Batch {
	var b batch.Builder
	b.Reset(o)
	for _, w := range words {
		value := []byte(w.value)
		if w.value == "" {
			value = nil
		}
		b.Append(w.timestamp, []byte(w.key), value, nil)
	}
	out, err := b.Build()
	if err != nil {
		panic(err)
	}
	return slices.Clone(out)
}

// put appends records "key=value" as one batch, each its own time.
func put(t testing.TB, l *Log, words ...string) {
	t.Helper()
	var list []word
	for i, w := range words {
		k, v, _ := strings.Cut(w, "=")
		list = append(list, word{k, v, 1000 + l.LogEndOffset() + int64(i)})
	}
	if _, err := l.Append(wordBatch(batch.BuilderOptions{}, list...), 0, 0); err != nil {
		t.Fatal(err)
	}
}

// roll seals the active segment, with everything synced.
func roll(t testing.TB, d *Dir, l *Log) {
	t.Helper()
	l.mu.Lock()
	_, err := l.rollLocked(l.cfg.Load(), l.end.Load())
	l.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	d.SyncOnce()
}

// words reads the log from its start: "offset:key=value" of each record.
func words(t testing.TB, l *Log) string {
	t.Helper()
	var out []string
	for _, b := range batches(t, readAll(t, l, l.LogStartOffset(), math.MaxInt64)) {
		if b.Control() {
			out = append(out, fmt.Sprintf("%d:control", b.BaseOffset()))
			continue
		}
		eachWord(t, b, func(offset int64, w word) {
			if offset >= l.LogStartOffset() {
				out = append(out, fmt.Sprintf("%d:%s=%s", offset, w.key, w.value))
			}
		})
	}
	return strings.Join(out, " ")
}

func eachWord(t testing.TB, b batch.Batch, f func(offset int64, w word)) {
	t.Helper()
	var d compress.Decompressor
	plain, err := b.Plain(&d, nil, compress.Budget{})
	if err != nil {
		t.Fatal(err)
	}
	it := batch.IterateRecords(plain, b.NumRecords())
	for it.Next() {
		r := it.Record()
		f(b.Offset(r), word{string(r.Key), string(r.Value), b.Timestamp(r)})
	}
	if it.Err() != nil {
		t.Fatal(it.Err())
	}
}

func cleanLog(t testing.TB, l *Log, nowMs int64) Cleaned {
	t.Helper()
	done, err := l.Clean(CleanOptions{Cleaner: clean.New(clean.Options{}), Stable: l.LogEndOffset(), NowMs: nowMs})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

var compacted = Config{Sparse: true, DeleteRetentionMs: 100}

// TestPoint090WhatIsCleaned: neither the active segment nor what lies at or above the last stable offset is touched; offsets stay; the newest
// record of a key stays; tombstones go with the first cleaning after their horizon.
func TestPoint090WhatIsCleaned(t *testing.T) {
	d, l := openTestLog(t, vfs.NewMem(), compacted)
	put(t, l, "a=1", "b=1", "c=1")
	put(t, l, "a=2")
	roll(t, d, l)
	put(t, l, "b=", "d=1")
	roll(t, d, l)
	put(t, l, "d=2")
	roll(t, d, l)
	put(t, l, "a=3", "c=2") // active
	check := func(stable, now int64, want string) {
		t.Helper()
		if _, err := l.Clean(CleanOptions{Cleaner: clean.New(clean.Options{}), Stable: stable, NowMs: now}); err != nil {
			t.Fatal(err)
		}
		if got := words(t, l); got != want {
			t.Fatalf("below %d at %d: %s\nwant %s", stable, now, got, want)
		}
	}
	all := "0:a=1 1:b=1 2:c=1 3:a=2 4:b= 5:d=1 6:d=2 7:a=3 8:c=2"
	check(3, 0, all) // in the middle of the first segment
	check(5, 0, "1:b=1 2:c=1 3:a=2 4:b= 5:d=1 6:d=2 7:a=3 8:c=2")
	check(9, 50, "2:c=1 3:a=2 4:b= 6:d=2 7:a=3 8:c=2")
	roll(t, d, l)
	put(t, l, "x=1")
	check(10, 149, "4:b= 6:d=2 7:a=3 8:c=2 9:x=1")
	check(10, 150, "4:b= 6:d=2 7:a=3 8:c=2 9:x=1") // nothing is dirty
	roll(t, d, l)
	check(10, 150, "6:d=2 7:a=3 8:c=2 9:x=1")
	if o := l.CleanedOffset(); o != 10 {
		t.Fatalf("the next cleaning begins at %d", o)
	}
}

// A reader in the middle of a cleaning keeps its bytes; one that asks again finds the new ones; positions, times and epochs are
// found as before.
func TestCleanReaders(t *testing.T) {
	fs := vfs.NewMem()
	cfg := compacted
	cfg.IndexIntervalBytes = -1
	d, l := openTestLog(t, fs, cfg)
	for i := range 60 {
		put(t, l, fmt.Sprintf("k%d=%d", i%7, i), fmt.Sprintf("u%d=1", i))
		if i%10 == 9 {
			roll(t, d, l)
		}
	}
	before := readAll(t, l, 0, math.MaxInt64)
	pin, err := l.Read(0, math.MaxInt32, math.MaxInt64, true)
	if err != nil {
		t.Fatal(err)
	}
	want, err := pin.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	done := cleanLog(t, l, 0)
	if done.SegmentsReplaced != 6 || done.SegmentsWritten != 1 || l.Segments() != 2 || done.Covered != 120 || done.More {
		t.Fatalf("%+v, %d segments", done, l.Segments())
	}
	if got, err := pin.AppendTo(nil); err != nil || string(got) != string(want) {
		t.Fatalf("a pinned slice changed: %v", err)
	}
	pin.Close()
	left := map[int64]word{}
	for _, b := range batches(t, readAll(t, l, 0, math.MaxInt64)) {
		eachWord(t, b, func(o int64, w word) { left[o] = w })
	}
	if len(left) != 67 {
		t.Fatalf("%d records are left", len(left))
	}
	for _, b := range batches(t, before) {
		eachWord(t, b, func(o int64, w word) {
			if l, ok := left[o]; ok && l != w {
				t.Fatalf("at %d: %v, want %v", o, l, w)
			}
		})
	}
	for from := range int64(121) { // every offset can be asked for
		s, err := l.Read(from, 1, math.MaxInt64, true)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.AppendTo(nil)
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		if from < 120 && (len(got) == 0 || batch.Batch(got).LastOffset() < from) {
			t.Fatalf("read at %d: %d bytes", from, len(got))
		}
		ts := 1000 + from
		found, _, _, err := l.OffsetForTimestamp(ts, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		next := from
		for _, ok := left[next]; !ok && next < 120; _, ok = left[next] {
			next++
		}
		if next < 120 && found != next {
			t.Fatalf("the first at or after %d is %d, want %d", ts, found, next)
		}
	}
}

// TestPoint092WhenALogIsDue: more than min.cleanable.dirty.ratio is dirty, or something is older than max.compaction.lag.ms;
// min.compaction.lag.ms holds whole segments back.
func TestPoint092WhenALogIsDue(t *testing.T) {
	cfg := compacted
	d, l := openTestLog(t, vfs.NewMem(), cfg)
	state := func(now int64) Cleanable {
		t.Helper()
		c, err := l.Cleanable(l.LogEndOffset(), now)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	put(t, l, "a=1") // at 1000
	if c := state(0); c.DirtyBytes != 0 || c.Ratio() != 0 || c.Due(0) {
		t.Fatalf("only an active segment: %+v", c)
	}
	roll(t, d, l)
	if c := state(0); c.Ratio() != 1 || !c.Due(0.5) || c.Due(1) || c.End != 1 || c.CleanBytes != 0 {
		t.Fatalf("one sealed segment: %+v", c)
	}
	cleanLog(t, l, 0)
	put(t, l, "b=1") // at 1001
	roll(t, d, l)
	if c := state(0); c.Ratio() != 0.5 || c.Due(0.5) || !c.Due(0.49) || c.FirstDirty != 1 || c.End != 2 {
		t.Fatalf("one clean and one dirty: %+v", c)
	}
	cfg.MaxCompactionLagMs = 500
	l.SetConfig(cfg)
	if c := state(1501); c.OverdueMs != 0 || c.Due(0.5) {
		t.Fatalf("not overdue: %+v", c)
	}
	if c := state(1502); c.OverdueMs != 1 || !c.Due(0.5) {
		t.Fatalf("overdue: %+v", c)
	}
	cfg.MaxCompactionLagMs, cfg.MinCompactionLagMs = math.MaxInt64, 500
	l.SetConfig(cfg)
	put(t, l, "c=1") // at 1002
	roll(t, d, l)
	if c := state(1500); c.DirtyBytes != 0 || c.Due(0) {
		t.Fatalf("too young: %+v", c)
	}
	if c := state(1501); c.End != 2 || c.DirtyBytes == 0 {
		t.Fatalf("the first may be cleaned: %+v", c)
	}
	if c := state(1502); c.End != 3 {
		t.Fatalf("both may be cleaned: %+v", c)
	}
}

// What the syncer has not done with is not cleaned.
func TestCleanOnlyWhatIsSynced(t *testing.T) {
	_, l := openTestLog(t, vfs.NewMem(), compacted)
	put(t, l, "a=1")
	l.mu.Lock()
	_, err := l.rollLocked(l.cfg.Load(), l.end.Load())
	l.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if c, err := l.Cleanable(1, 0); err != nil || c.DirtyBytes != 0 {
		t.Fatalf("%+v %v", c, err)
	}
}

// TestPoint093Files: the names on the way are Kafka's, the checkpoint is Kafka's file, and index files are there anew.
func TestPoint093Files(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, compacted)
	for i := range 3 {
		put(t, l, fmt.Sprint("a=", i), fmt.Sprint("b", i, "=1"))
		roll(t, d, l)
	}
	seen := map[string]bool{}
	fs.SetHook(func(op vfs.Op, name string) {
		if op == vfs.OpList {
			return
		}
		if list, err := fs.List(l.Path()); err == nil {
			for _, n := range list {
				seen[n] = true
			}
		}
	})
	cleanLog(t, l, 0)
	fs.SetHook(nil)
	emptyTrash(t, d, 0)
	for _, n := range []string{"00000000000000000000.log.cleaned", "00000000000000000000.log.swap", "00000000000000000002.log.deleted"} {
		if !seen[n] {
			t.Errorf("%s was never there", n)
		}
	}
	list, err := fs.List(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	want := "00000000000000000000.index 00000000000000000000.log 00000000000000000000.timeindex 00000000000000000006.index 00000000000000000006.log 00000000000000000006.snapshot 00000000000000000006.timeindex leader-epoch-checkpoint partition.metadata"
	if got := strings.Join(list, " "); got != want {
		t.Errorf("the files are %s\nwant %s", got, want)
	}
	content, err := readFile(fs, testDir+"/cleaner-offset-checkpoint")
	if err != nil || string(content) != "0\n1\nt 0 6\n" {
		t.Errorf("the checkpoint is %q, %v", content, err)
	}
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	d, l = openTestLog(t, fs, compacted)
	defer d.Close(true, 1)
	if o := l.CleanedOffset(); o != 6 {
		t.Errorf("after a start the next cleaning begins at %d", o)
	}
	if got := words(t, l); got != "1:b0=1 3:b1=1 4:a=2 5:b2=1" {
		t.Error(got)
	}
}

// A log that was compacted keeps its gaps when the topic is not compacted any more, also when it is recovered from its
// beginning; a new topic of the same name knows nothing of them.
func TestGapsStay(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, compacted)
	for range 3 {
		put(t, l, "a=1", "b=1")
		roll(t, d, l)
	}
	cleanLog(t, l, 0)
	l.SetConfig(Config{})
	put(t, l, "a=2")
	d.SyncOnce()
	fs = fs.CrashClone(rand.New(rand.NewPCG(1, 1)), vfs.CrashOptions{})
	for _, name := range []string{recoveryPointFile, logStartFile} {
		if err := removeIfExists(fs, testDir+"/"+name); err != nil {
			t.Fatal(err)
		}
	}
	d, l = openTestLog(t, fs, Config{})
	if got := words(t, l); got != "4:a=1 5:b=1 6:a=2" {
		t.Fatal(got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveLog(testTopic, 0); err != nil {
		t.Fatal(err)
	}
	l, err := d.OpenLog(testTopic, Config{}, nil)
	if err != nil || l.CleanedOffset() != -1 {
		t.Fatalf("%v %d", err, l.CleanedOffset())
	}
}

// What is truncated away is dirty when it is written anew.
func TestTruncationIsDirty(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, compacted)
	for range 3 {
		put(t, l, "a=1")
		roll(t, d, l)
	}
	cleanLog(t, l, 0)
	if err := l.TruncateTo(1); err != nil {
		t.Fatal(err)
	}
	if o := l.CleanedOffset(); o > 1 {
		t.Fatalf("the next cleaning begins at %d", o)
	}
	fs = fs.CrashClone(rand.New(rand.NewPCG(1, 1)), vfs.CrashOptions{})
	_, l = openTestLog(t, fs, compacted)
	if o := l.CleanedOffset(); o > 1 {
		t.Fatalf("after a crash the next cleaning begins at %d", o)
	}
	_ = d
}

// A cleaning that is told to stop, or under which the segments go, leaves the log as it is; one that is damaged too.
func TestCleanInterrupted(t *testing.T) {
	fill := func() (*vfs.MemFS, *Dir, *Log, string) {
		fs := vfs.NewMem()
		d, l := openTestLog(t, fs, compacted)
		for i := range 4 {
			put(t, l, "a=1", fmt.Sprint("b", i, "=1"))
			roll(t, d, l)
		}
		return fs, d, l, words(t, l)
	}
	run := func(l *Log, pace func()) error {
		_, err := l.Clean(CleanOptions{Cleaner: clean.New(clean.Options{}), Stable: l.LogEndOffset(), Pace: func(int) { pace() }})
		return err
	}
	_, _, l, before := fill()
	_, err := l.Clean(CleanOptions{Cleaner: clean.New(clean.Options{}), Stable: 8, Stop: func() bool { return true }})
	if !errors.Is(err, ErrInterrupted) || words(t, l) != before {
		t.Fatalf("stopped: %v", err)
	}

	_, _, l, _ = fill()
	n := 0
	err = run(l, func() {
		if n++; n == 7 {
			if err := l.SetLogStartOffset(3); err != nil {
				t.Fatal(err)
			}
		}
	})
	if !errors.Is(err, ErrInterrupted) || words(t, l) != "3:b1=1 4:a=1 5:b2=1 6:a=1 7:b3=1" {
		t.Fatalf("log start moved: %v, %s", err, words(t, l))
	}

	_, _, l, _ = fill()
	n = 0
	err = run(l, func() {
		if n++; n == 7 {
			if err := l.TruncateTo(5); err != nil {
				t.Fatal(err)
			}
		}
	})
	if !errors.Is(err, ErrInterrupted) || words(t, l) != "0:a=1 1:b0=1 2:a=1 3:b1=1" {
		t.Fatalf("truncated: %v, %s", err, words(t, l))
	}

	fs, _, l, _ := fill()
	f, err := fs.OpenReadWrite(segmentName(l.Path(), 4, extLog))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0xff}, 70); err != nil {
		t.Fatal(err)
	}
	err = run(l, func() {})
	var bad *CorruptError
	if !errors.As(err, &bad) || !strings.HasSuffix(bad.Path, "00000000000000000004.log") || l.disk.err() != nil || l.Segments() != 5 || l.CleanedOffset() > 0 {
		t.Fatalf("damaged: %v", err)
	}
}

// Lack of room is told and leaves the log as it is; after that there is room for appends, and cleaning goes on when there is room.
func TestCleanWithoutRoom(t *testing.T) {
	mem := vfs.NewMem()
	fs := vfs.WithErrors(mem)
	d, l := openTestLog(t, fs, compacted)
	for i := range 4 {
		put(t, l, "a=1", fmt.Sprint("b", i, "=1"))
		roll(t, d, l)
	}
	before := words(t, l)
	for _, op := range []vfs.Op{vfs.OpCreate, vfs.OpWrite} {
		fs.SetRules(&vfs.Rule{Ops: vfs.Ops(op), Path: "*.cleaned", Err: vfs.FaultENOSPC})
		_, err := l.Clean(CleanOptions{Cleaner: clean.New(clean.Options{}), Stable: 8})
		if !errors.Is(err, syscall.ENOSPC) || l.disk.err() != nil || words(t, l) != before {
			t.Fatalf("%v: %v", op, err)
		}
		fs.SetRules()
	}
	if cleanLog(t, l, 0); words(t, l) == before {
		t.Fatal("nothing was cleaned")
	}
}

// table is what a reader of the whole log holds in the end.
func table(t testing.TB, l *Log) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, b := range batches(t, readAll(t, l, l.LogStartOffset(), math.MaxInt64)) {
		if b.Control() {
			continue
		}
		eachWord(t, b, func(o int64, w word) {
			switch {
			case o < l.LogStartOffset():
			case w.value == "":
				delete(out, w.key)
			default:
				out[w.key] = w.value
			}
		})
	}
	return out
}

// keyed drives a compacted log with random operations and knows every record that was ever in it.
type keyed struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	fs      *vfs.MemFS
	cfg     Config
	dir     *Dir
	log     *Log
	cleaner *clean.Cleaner
	off     bool // nothing is ever cleaned
	record  map[int64]word
	end     int64
	epoch   kafka.LeaderEpoch
	now     int64
	seq     map[kafka.ProducerID]int32
	last    map[kafka.ProducerID]int64
	found   map[int64]int64 // when a cleaning may have met a tombstone first
}

func newKeyed(t *testing.T, seed uint64) *keyed {
	m := &keyed{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 3)), fs: vfs.NewMem(), record: map[int64]word{},
		now: 10_000, seq: map[kafka.ProducerID]int32{}, last: map[kafka.ProducerID]int64{}, found: map[int64]int64{}}
	pick := func(v ...int32) int32 { return v[m.rng.IntN(len(v))] }
	m.cfg = Config{SegmentBytes: pick(300, 900, 3000), IndexIntervalBytes: pick(-1, 100, 4096), SegmentIndexBytes: pick(200, 1<<20),
		Sparse: true, DeleteRetentionMs: 60, Flush: Policy(pick(0, 0, 1))}
	m.cleaner = clean.New(clean.Options{MapBytes: 24 * int64(pick(3, 20, 1000)), Seed: [16]byte{byte(seed)}})
	m.open(m.fs)
	return m
}

func (m *keyed) open(fs *vfs.MemFS) {
	m.t.Helper()
	o := testOptions()
	o.CheckpointBytes, o.MaxOpenFiles = 2000, 2
	d, err := OpenDir(fs, testDir, o)
	if err != nil {
		m.t.Fatalf("seed %d: %v", m.seed, err)
	}
	l, err := d.OpenLog(testTopic, m.cfg, nil)
	if err != nil {
		m.t.Fatalf("seed %d: %v", m.seed, err)
	}
	m.dir, m.log, m.fs = d, l, fs
}

func (m *keyed) step() {
	m.now += m.rng.Int64N(20)
	switch n := m.rng.IntN(20); {
	case n < 14:
		m.write()
	case n < 16:
		m.dir.SyncOnce()
	case n < 19:
		m.dir.SyncOnce()
		if m.rng.IntN(2) == 0 && m.end > 0 {
			m.rollNow()
		}
		if !m.off {
			m.clean()
		}
	default:
		m.restart()
	}
}

func (m *keyed) rollNow() {
	if size, _ := m.log.active().bounds(); size > 0 {
		roll(m.t, m.dir, m.log)
	}
}

func (m *keyed) write() {
	id := kafka.ProducerID(m.rng.IntN(3) - 1)
	o := batch.BuilderOptions{Codec: compress.Codec(m.rng.IntN(5))}
	if id >= 0 {
		o.HasProducer, o.ProducerID, o.BaseSequence = true, id, m.seq[id]
	}
	var list []word
	for range 1 + m.rng.IntN(4) {
		w := word{fmt.Sprint("k", m.rng.IntN(9)), fmt.Sprint("v", m.rng.IntN(1000)), m.now}
		switch m.rng.IntN(9) {
		case 0, 1:
			w.value = ""
		case 2:
			w.key = fmt.Sprint("k", 9+m.rng.IntN(1000))
		}
		list = append(list, w)
	}
	if m.rng.IntN(15) == 0 {
		m.epoch++
	}
	if _, err := m.log.AppendClient(wordBatch(o, list...), m.epoch, m.now); err != nil {
		m.t.Fatalf("seed %d: %v", m.seed, err)
	}
	for i, w := range list {
		m.record[m.end+int64(i)] = w
	}
	m.end += int64(len(list))
	if id >= 0 {
		m.seq[id], m.last[id] = m.seq[id]+int32(len(list)), m.end-1
	}
}

func (m *keyed) restart() {
	if err := m.dir.Close(true, 1); err != nil {
		m.t.Fatal(err)
	}
	m.open(m.fs)
	m.check()
}

func (m *keyed) clean() {
	stable := m.end - m.rng.Int64N(m.end+1)/4
	c, err := m.log.Cleanable(stable, m.now)
	if err != nil {
		m.t.Fatal(err)
	}
	for o := range c.End {
		if w, ok := m.record[o]; ok && w.value == "" && m.found[o] == 0 {
			m.found[o] = m.now
		}
	}
	done, err := m.log.Clean(CleanOptions{Cleaner: m.cleaner, Stable: stable, NowMs: m.now, BufferBytes: 1 + m.rng.IntN(500)})
	if err != nil {
		m.t.Fatalf("seed %d: %v", m.seed, err)
	}
	if c.DirtyBytes > 0 && (done.Covered <= done.FirstDirty || done.End != c.End || done.More != (done.Covered < done.End)) {
		m.t.Fatalf("seed %d: %+v of %+v", m.seed, done, c)
	}
	m.check()
	m.dense()
}

// check compares what is in the log with what was written.
func (m *keyed) check() {
	m.t.Helper()
	l := m.log
	newest, left := map[string]int64{}, map[int64]bool{}
	for _, o := range slices.Sorted(maps.Keys(m.record)) {
		newest[m.record[o].key] = o
	}
	previous, ends := int64(-1), map[int64]bool{}
	for _, b := range batches(m.t, readAll(m.t, l, l.LogStartOffset(), math.MaxInt64)) {
		if b.BaseOffset() <= previous {
			m.t.Fatalf("seed %d: a batch at %d after %d", m.seed, b.BaseOffset(), previous)
		}
		previous = b.LastOffset()
		ends[previous] = true
		eachWord(m.t, b, func(o int64, w word) {
			left[o] = true
			if m.record[o] != w {
				m.t.Fatalf("seed %d: at %d %v, want %v", m.seed, o, w, m.record[o])
			}
		})
	}
	for key, o := range newest {
		w := m.record[o]
		if left[o] || w.value == "" && m.found[o] > 0 && m.now >= m.found[o]+m.cfg.DeleteRetentionMs {
			continue
		}
		m.t.Fatalf("seed %d: the newest record of %s at %d is gone: %v; cleaned to %d of %d", m.seed, key, o, w, l.CleanedOffset(), m.end)
	}
	if l.LogEndOffset() != m.end {
		m.t.Fatalf("seed %d: the log ends at %d, want %d", m.seed, l.LogEndOffset(), m.end)
	}
	for id, o := range m.last {
		if !ends[o] {
			m.t.Fatalf("seed %d: the last batch of producer %d is gone", m.seed, id)
		}
	}
	for _, p := range l.Producers() {
		if int(p.LastSequence) != int(m.seq[p.ID])-1 {
			m.t.Fatalf("seed %d: producer %d is at %d, want %d", m.seed, p.ID, p.LastSequence, m.seq[p.ID]-1)
		}
	}
}

// dense checks that below what is clean no key has two records.
func (m *keyed) dense() {
	m.t.Helper()
	seen := map[string]int64{}
	for _, b := range batches(m.t, readAll(m.t, m.log, 0, m.log.CleanedOffset())) {
		eachWord(m.t, b, func(o int64, w word) {
			if old, ok := seen[w.key]; ok && o < m.log.CleanedOffset() {
				m.t.Fatalf("seed %d: %s is left at %d and at %d, cleaned to %d", m.seed, w.key, old, o, m.log.CleanedOffset())
			}
			seen[w.key] = o
		})
	}
}

// After any history and any number of cleanings the newest value of each key is there, nothing has moved, tombstones go only after
// their horizon.
func TestCleanModel(t *testing.T) {
	for seed := range uint64(seeds(t, 15)) {
		m := newKeyed(t, seed)
		for range 80 {
			m.step()
		}
		m.check()
	}
}

// The same history with cleaning and without gives the same table, the same log end, the same epochs and the same producers.
func TestCleanMetamorphic(t *testing.T) {
	for seed := range uint64(seeds(t, 12)) {
		var logs []*Log
		for _, off := range []bool{false, true} {
			m := newKeyed(t, seed)
			m.off = off
			rng := rand.New(rand.NewPCG(seed, 9))
			for range 60 {
				m.rng = rand.New(rand.NewPCG(rng.Uint64(), 1)) // what cleaning draws changes nothing that follows
				m.step()
			}
			logs = append(logs, m.log)
		}
		a, b := logs[0], logs[1]
		if !maps.Equal(table(t, a), table(t, b)) {
			t.Fatalf("seed %d: %v\nwithout cleaning %v", seed, table(t, a), table(t, b))
		}
		if a.LogEndOffset() != b.LogEndOffset() || !slices.Equal(a.Producers(), b.Producers()) {
			t.Fatalf("seed %d: ends %d and %d, producers %v and %v", seed, a.LogEndOffset(), b.LogEndOffset(), a.Producers(), b.Producers())
		}
		for e := range kafka.LeaderEpoch(20) {
			e1, o1 := a.EndOffsetForEpoch(e)
			e2, o2 := b.EndOffsetForEpoch(e)
			if e1 != e2 || o1 != o2 {
				t.Fatalf("seed %d: epoch %d ends at %d/%d and %d/%d", seed, e, e1, o1, e2, o2)
			}
		}
	}
}

// A crash at every operation of a cleaning leaves a log that opens with nothing lost, and that can be cleaned on; now and then the
// recovery is crashed at each of its operations too.
func TestCleanCrash(t *testing.T) {
	for seed := range uint64(seeds(t, 3)) {
		m := newKeyed(t, 500+seed)
		for range 30 {
			m.write()
		}
		m.rollNow()
		m.dir.SyncOnce()
		clones, deep := 0, 0
		var try func(fs *vfs.MemFS, depth int)
		try = func(fs *vfs.MemFS, depth int) {
			c := *m
			c.found = maps.Clone(m.found)
			clones++
			if depth == 0 && deep < 4 && m.rng.IntN(20) == 0 {
				deep++
				fs.SetHook(func(vfs.Op, string) { try(fs.CrashClone(m.rng, vfs.CrashOptions{}), 1) })
			}
			c.open(fs)
			fs.SetHook(nil)
			c.check()
			c.dir.SyncOnce()
			for o, w := range c.record {
				if w.value == "" && c.found[o] == 0 {
					c.found[o] = c.now
				}
			}
			for more := true; more; {
				done, err := c.log.Clean(CleanOptions{Cleaner: clean.New(clean.Options{}), Stable: c.end, NowMs: c.now})
				if err != nil {
					m.t.Fatalf("seed %d: %v", m.seed, err)
				}
				more = done.More
			}
			c.check()
			c.dense()
		}
		for range 2 {
			for o := range m.end {
				if w := m.record[o]; w.value == "" && m.found[o] == 0 {
					m.found[o] = m.now
				}
			}
			m.fs.SetHook(func(op vfs.Op, name string) { try(m.fs.CrashClone(m.rng, vfs.CrashOptions{}), 0) })
			if _, err := m.log.Clean(CleanOptions{Cleaner: m.cleaner, Stable: m.end, NowMs: m.now}); err != nil {
				t.Fatal(err)
			}
			m.fs.SetHook(nil)
			m.check()
			m.now += 100
			for range 10 {
				m.write()
			}
			m.rollNow()
			m.dir.SyncOnce()
		}
		if clones < 20 {
			t.Fatalf("seed %d: only %d crashes", seed, clones)
		}
	}
}

// A failure of every operation of a cleaning, one after the other: the log serves what it served, or is offline, and the next start finds
// nothing lost.
func TestCleanFailure(t *testing.T) {
	for nth := int64(1); ; nth++ {
		mem := vfs.NewMem()
		fs := vfs.WithErrors(mem)
		d, l := openTestLog(t, fs, compacted)
		for i := range 3 {
			put(t, l, fmt.Sprint("a=", i), fmt.Sprint("b", i, "=1"))
			roll(t, d, l)
		}
		want := table(t, l)
		fs.SetRules(&vfs.Rule{Nth: nth, Err: vfs.FaultEIO})
		_, err := l.Clean(CleanOptions{Cleaner: clean.New(clean.Options{}), Stable: 6})
		fs.SetRules()
		if err == nil {
			if nth < 15 {
				t.Fatalf("only %d operations", nth)
			}
			return
		}
		if d.Err() == nil && !maps.Equal(table(t, l), want) {
			t.Fatalf("operation %d: %v", nth, table(t, l))
		}
		crashed := mem.CrashClone(rand.New(rand.NewPCG(uint64(nth), 1)), vfs.CrashOptions{})
		_, l = openTestLog(t, crashed, compacted)
		if !maps.Equal(table(t, l), want) || l.LogEndOffset() != 6 {
			t.Fatalf("operation %d, after a start: %v", nth, table(t, l))
		}
	}
}

// A swap of Apache Kafka's that was interrupted is finished: its index files are made anew, the segments that it replaces go. One that
// belongs to a split that was not finished goes, and one that is not whole is not touched.
func TestForeignSwap(t *testing.T) {
	type file struct{ name, content string }
	seg := func(base int64, words ...string) string {
		var list []word
		for _, w := range words {
			k, v, _ := strings.Cut(w, "=")
			list = append(list, word{k, v, 1000})
		}
		b := wordBatch(batch.BuilderOptions{}, list...)
		b.SetBaseOffset(base)
		b.SetLeaderEpoch(0)
		return string(b)
	}
	name := func(base int64, ext string) string { return fmt.Sprintf("%020d%s", base, ext) }
	try := func(want string, names string, files ...file) {
		t.Helper()
		fs := vfs.NewMem()
		d, l := openTestLog(t, fs, compacted)
		put(t, l, "x=0", "a=0")
		roll(t, d, l)
		put(t, l, "x=1", "a=1")
		roll(t, d, l)
		put(t, l, "z=1")
		if err := d.Close(true, 1); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if err := writeDurably(fs, l.Path()+"/"+f.name, []byte(f.content)); err != nil {
				t.Fatal(err)
			}
		}
		d = openTestDir(t, fs)
		l, err := d.OpenLog(testTopic, compacted, nil)
		if want == "" {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("opened: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := words(t, l); got != want {
			t.Fatalf("%s\nwant %s", got, want)
		}
		list, err := fs.List(l.Path())
		if err != nil {
			t.Fatal(err)
		}
		list = slices.DeleteFunc(list, func(n string) bool { return !strings.Contains(n, ".log") && !strings.HasSuffix(n, "index") })
		slices.Sort(list)
		if got := strings.Join(list, " "); got != strings.ReplaceAll(names, "~", "0000000000000000000") {
			t.Fatalf("%s\nwant %s", got, names)
		}
	}
	whole := seg(0, "y=0", "y=1", "x=1", "a=1")
	try("0:y=0 1:y=1 2:x=1 3:a=1 4:z=1", "~0.index ~0.log ~0.timeindex ~4.index ~4.log ~4.timeindex",
		file{name(0, ".log.swap"), whole}, file{name(0, ".index.swap"), "garbage"}, file{name(0, ".timeindex.swap"), "garbage"}, file{name(0, ".txnindex.swap"), ""})
	try("0:x=0 1:a=0 2:x=1 3:a=1 4:z=1", "~0.index ~0.log ~0.timeindex ~2.index ~2.log ~2.timeindex ~4.index ~4.log ~4.timeindex",
		file{name(0, ".log.swap"), whole}, file{name(0, ".index.cleaned"), ""})
	try("2:x=1 3:a=1 4:z=1", "~0.index ~0.log ~0.timeindex ~2.index ~2.log ~2.timeindex ~4.index ~4.log ~4.timeindex",
		file{name(0, ".log.swap"), ""})
	try("", "", file{name(0, ".log.swap"), whole[:len(whole)-1]})
}
