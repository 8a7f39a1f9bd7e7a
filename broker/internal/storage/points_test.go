package storage

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// aged is a log with one batch of one record, 90 bytes, for each timestamp, two to a segment, all of it flushed.
func aged(t *testing.T, fs *vfs.MemFS, c Config, timestamps ...int64) (*Dir, *Log) {
	t.Helper()
	c.SegmentBytes, c.SegmentMs = 200, math.MaxInt64
	d, l := openTestLog(t, fs, c)
	for _, ts := range timestamps {
		appendBatch(t, l, 1, ts, 0)
	}
	d.SyncOnce()
	return d, l
}

// retain does retention of a log all of which is committed and returns its new start.
func retain(t *testing.T, d *Dir, l *Log, nowMs int64) int64 {
	t.Helper()
	if _, err := d.Retain(nowMs, []Retainable{{l, l.LogEndOffset()}}); err != nil {
		t.Fatal(err)
	}
	return l.LogStartOffset()
}

// TestPoint087TimeRetention: the largest timestamp of a segment counts, not the last one, and without any that of its file. The
// active segment goes only with all the others, and is rolled first. A timestamp of the future keeps its segment and all after it.
func TestPoint087TimeRetention(t *testing.T) {
	c := Config{Delete: true, RetentionMs: 1000, RetentionBytes: -1}
	f := func(now, want int64, segments int, timestamps ...int64) {
		t.Helper()
		d, l := aged(t, vfs.NewMem(), c, timestamps...)
		if got := retain(t, d, l, now); got != want || l.Segments() != segments || l.LogEndOffset() != int64(len(timestamps)) {
			t.Errorf("at %d: the log starts at %d, want %d, with %d segments, and ends at %d", now, got, want, l.Segments(), l.LogEndOffset())
		}
	}
	f(1300, 0, 2, 300, 100, 1200, 1200)
	f(1301, 2, 1, 300, 100, 1200, 1200)
	f(2200, 2, 1, 300, 100, 1200, 1200)
	f(2201, 4, 1, 300, 100, 1200, 1200) // the whole log is past due: an empty segment follows
	f(2201, 2, 2, 300, 100, 9999, 9999, 300, 300)
	f(2201, 3, 1, 300, 100, 300)

	fs := vfs.NewMem()
	clock := func() time.Time { return time.UnixMilli(5000) }
	fs.SetClock(clock)
	d, l := aged(t, fs, c, -1, -1, -1)
	if got := retain(t, d, l, 6000); got != 0 {
		t.Errorf("without timestamps, 1000 ms after the file was written: %d", got)
	}
	if got := retain(t, d, l, 6001); got != 3 {
		t.Errorf("without timestamps, 1001 ms after the file was written: %d", got)
	}
}

// TestPoint088SizeRetention: whole segments go, oldest first, while what stays still has retention.bytes; nothing at or above the
// high watermark does, and nothing that is not flushed.
func TestPoint088SizeRetention(t *testing.T) {
	f := func(keep, want int64) {
		t.Helper()
		d, l := aged(t, vfs.NewMem(), Config{Delete: true, RetentionMs: -1, RetentionBytes: keep}, 1, 1, 1, 1, 1)
		if got := retain(t, d, l, 1<<40); got != want {
			t.Errorf("retention.bytes=%d: the log starts at %d, want %d", keep, got, want)
		}
	}
	f(-1, 0)
	f(450, 0)
	f(271, 0)
	f(270, 2)
	f(91, 2)
	f(90, 4)
	f(1, 4)
	f(0, 5)

	d, l := aged(t, vfs.NewMem(), Config{Delete: true, RetentionMs: 0, RetentionBytes: 0}, 1, 1, 1, 1)
	for _, hw := range []int64{0, 1, 2, 3, 4} {
		if _, err := d.Retain(1<<40, []Retainable{{l, hw}}); err != nil || l.LogStartOffset() != hw/2*2 {
			t.Errorf("high watermark %d: the log starts at %d, %v", hw, l.LogStartOffset(), err)
		}
	}
	appendBatch(t, l, 1, 1, 0)
	if got := retain(t, d, l, 1<<40); got != 4 {
		t.Errorf("what is not flushed has gone: the log starts at %d", got)
	}

	// cleanup.policy=compact: only what lies below the log start goes.
	d, l = aged(t, vfs.NewMem(), Config{RetentionMs: 0, RetentionBytes: 0}, 1, 1, 1, 1)
	if got := retain(t, d, l, 1<<40); got != 0 {
		t.Errorf("a compacted log was cut to %d", got)
	}
}

// TestPoint089Rolling: by size; by the first batch's timestamp against the incoming one, less the jitter, or by the clock if the
// records have no time; when an index is full; when an offset does not fit into 31 bits after the segment's first one.
func TestPoint089Rolling(t *testing.T) {
	type write struct {
		ts, now int64
		roll    bool
	}
	f := func(name string, c Config, writes ...write) {
		t.Helper()
		_, l := openTestLog(t, vfs.NewMem(), c)
		for i, w := range writes {
			before := l.Segments()
			if _, err := l.Append(makeBatch(1, 20, w.ts, compress.None), 0, w.now); err != nil {
				t.Fatal(err)
			}
			if rolled := l.Segments() > before; rolled != w.roll {
				t.Errorf("%s: batch %d rolled: %v", name, i, rolled)
			}
		}
	}
	f("size", Config{SegmentBytes: 180}, write{}, write{}, write{roll: true}, write{}, write{roll: true})
	f("age", Config{SegmentMs: 100}, write{ts: 1000}, write{ts: 50}, write{ts: 1100}, write{ts: 1101, roll: true}, write{ts: 1201}, write{ts: 1202, roll: true})
	f("age without timestamps", Config{SegmentMs: 100}, write{-1, 10, false}, write{-1, 110, false}, write{-1, 111, true})
	f("index", Config{SegmentIndexBytes: 36, IndexIntervalBytes: -1}, write{ts: 1}, write{ts: 2}, write{ts: 3}, write{ts: 4, roll: true})

	_, l := openTestLog(t, vfs.NewMem(), Config{SegmentMs: 100, SegmentJitterMs: 50})
	appendBatch(t, l, 1, 1000, 0)
	jitter := l.active().jitterMs
	if appendBatch(t, l, 1, 1100-jitter, 0); l.Segments() != 1 || jitter <= 0 || jitter > 50 {
		t.Errorf("rolled too early, or jitter %d of 50", jitter)
	}
	if appendBatch(t, l, 1, 1101-jitter, 0); l.Segments() != 2 {
		t.Errorf("jitter %d is not subtracted", jitter)
	}

	_, l = openTestLog(t, vfs.NewMem(), Config{Sparse: true})
	far := makeBatch(1, 20, 1, compress.None)
	for i, base := range []int64{0, math.MaxInt32, math.MaxInt32 + 1} {
		far.SetBaseOffset(base)
		far.SetLeaderEpoch(0)
		if _, err := l.AppendAsFollower(far, 1); err != nil || l.Segments() != 1+i/2 {
			t.Errorf("offset %d: %d segments, %v", base, l.Segments(), err)
		}
	}
}

// TestRetentionKeepsPinnedSlices: what a reader has keeps its bytes, also on a real file system, while its segment is deleted and
// unlinked.
func TestRetentionKeepsPinnedSlices(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"memory": vfs.NewMem(), "disk": vfs.OS()} {
		path := testDir
		if name == "disk" {
			path = t.TempDir() + "/data"
		}
		d, err := OpenDir(fs, path, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		l, err := d.OpenLog(testTopic, Config{SegmentBytes: 200, Delete: true, RetentionBytes: 0, RetentionMs: -1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			appendBatch(t, l, 1, 1, 0)
		}
		d.SyncOnce()
		s, err := l.Read(0, math.MaxInt32, math.MaxInt64, true)
		if err != nil {
			t.Fatal(err)
		}
		want, err := s.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		if retain(t, d, l, 1) != 5 {
			t.Fatalf("%s: the log starts at %d", name, l.LogStartOffset())
		}
		emptyTrash(t, d, 1)
		if got, err := s.AppendTo(nil); err != nil || string(got) != string(want) {
			t.Errorf("%s: a pinned range has changed: %v", name, err)
		}
		s.Close()
		if err := d.Close(true, 1); err != nil {
			t.Fatal(err)
		}
		if names, err := fs.List(l.Path()); err != nil || len(names) != 4 { // a segment with its indexes, identity
			t.Errorf("%s: %q are left, %v", name, names, err)
		}
	}
}

// TestReadMeetsRisingStart: a reader that has looked up the log start before it rose and the segments after that is told that its
// offset is out of range, and is not given what follows the gap.
func TestReadMeetsRisingStart(t *testing.T) {
	_, l := aged(t, vfs.NewMem(), Config{}, 1, 1, 1, 1)
	if err := l.SetLogStartOffset(2); err != nil {
		t.Fatal(err)
	}
	l.start.Store(0) // as the reader saw it
	if s, err := l.Read(0, math.MaxInt32, math.MaxInt64, true); err != ErrOffsetOutOfRange {
		t.Errorf("%d bytes from %d on, %v", s.Len(), s.NextOffset(), err)
	}
}

// TestLongNamesGoAside: partitions of a topic whose name leaves no room for their numbers in the names of deleted directories, and
// the same partition over and over, do not meet there.
func TestLongNamesGoAside(t *testing.T) {
	for name, o := range map[string]DirOptions{
		"random": testOptions(), "always the same": {ClusterID: "cluster", NodeID: 7, Random: func() [16]byte { return [16]byte{1} }},
	} {
		fs := vfs.NewMem()
		d, err := OpenDir(fs, testDir, o)
		if err != nil {
			t.Fatal(err)
		}
		tip := testTopic
		tip.Topic = strings.Repeat("n", 249)
		for i := range int32(6) {
			tip.Partition = i / 2 * 100
			l, err := d.OpenLog(tip, Config{}, nil)
			if err == nil {
				err = errors.Join(l.Discard(), d.RemoveLog(tip, 1000))
			}
			if err != nil {
				t.Fatalf("%s, partition %d: %v", name, tip.Partition, err)
			}
		}
		names, err := fs.List(testDir)
		if err != nil {
			t.Fatal(err)
		}
		gone := 0
		for _, n := range names {
			if deletedDir.MatchString(n) && len(n) == 255 {
				gone++
			}
		}
		if gone != 6 {
			t.Errorf("%s: %d directories on their way out: %q", name, gone, names)
		}
		emptyTrash(t, d, 0)
		emptyTrash(t, d, 1000)
		if names, _ := fs.List(testDir); strings.Contains(strings.Join(names, " "), "nnn") {
			t.Errorf("%s: %q are left", name, names)
		}
	}
}

// TestRetentionKeepsProducers: producers of whom only deleted batches told are known after a crash, so that a batch which is sent
// again is not taken for a new one (SURFACE 52). A crash at any operation leaves either the batches or the producers.
func TestRetentionKeepsProducers(t *testing.T) {
	for _, policy := range []Policy{FlushGroup, FlushOS} {
		fs := vfs.NewMem()
		c := Config{SegmentBytes: 250, Delete: true, RetentionBytes: 0, RetentionMs: -1, Flush: policy}
		d, l := openTestLog(t, fs, c)
		batches := []sent{{id: 5, n: 2, ts: 7}, {id: 5, seq: 2, n: 2, ts: 7}, {id: 5, seq: 4, n: 2, ts: 7}}
		for _, b := range batches {
			if _, err := l.AppendClient(b.batch(), 0, 7); err != nil {
				t.Fatal(err)
			}
		}
		if policy == FlushGroup {
			d.SyncOnce() // the batches, but nothing that comes with a sealed segment
		}
		end := l.LogEndOffset()
		known := func(fs *vfs.MemFS, when string) {
			t.Helper()
			d, l := openTestLog(t, fs, c)
			defer d.Close(false, 0)
			if l.LogEndOffset() == end {
				if o, err := l.AppendClient(batches[2].batch(), 0, 7); err != nil || !o.Duplicate {
					t.Fatalf("policy %d, %s: %+v, %v", policy, when, o, err)
				}
			} else if policy == FlushGroup {
				t.Fatalf("%s: the log ends at %d, want %d", when, l.LogEndOffset(), end)
			}
		}
		fs.SetHook(func(op vfs.Op, name string) {
			if changing.Has(op) {
				known(powerCut(fs), op.String()+" "+name)
			}
		})
		if got := retain(t, d, l, 7); got != end {
			t.Fatalf("the log starts at %d, want %d", got, end)
		}
		emptyTrash(t, d, 7)
		fs.SetHook(nil)
		known(powerCut(fs), "at the end")
		known(killed(fs), "killed at the end")
	}
}

// TestIdleLogsCostRetentionNothing: a pass over logs that it has seen before and in which nothing is to go does not touch the disk.
func TestIdleLogsCostRetentionNothing(t *testing.T) {
	fs := vfs.NewMem()
	c := Config{SegmentBytes: 200, Delete: true, RetentionMs: 1000, RetentionBytes: 1 << 20}
	d, l := openTestLog(t, fs, c)
	for range 6 {
		appendBatch(t, l, 1, 1000, 0)
	}
	d.SyncOnce()
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	counted := vfs.WithErrors(fs)
	d, err := OpenDir(counted, testDir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if l, err = d.OpenLog(testTopic, c, nil); err != nil {
		t.Fatal(err)
	}
	pass := func() int64 {
		before := counted.Counts()
		if rolled, err := l.RollAged(1500); err != nil || rolled {
			t.Fatalf("rolled %v, %v", rolled, err)
		}
		if retain(t, d, l, 1500) != 0 {
			t.Fatalf("the log starts at %d", l.LogStartOffset())
		}
		return counted.Counts().Sub(before).Total(^vfs.OpSet(0))
	}
	pass()
	if n := pass(); n != 0 {
		t.Errorf("%d operations on the disk for nothing", n)
	}
}

// TestRetentionHoldsNobodyUp: while the disk takes its time with the log start, with new names or with unlinking, batches are
// appended, synced and told as flushed, and read.
func TestRetentionHoldsNobodyUp(t *testing.T) {
	for _, rule := range []string{
		"op=sync path=*/log-start-offset-checkpoint.tmp latency=1s", "op=syncdir path=/data latency=1s",
		"op=rename path=*/00000000000000000000.log latency=1s", "op=remove path=*.deleted latency=1s",
	} {
		reached, release := make(chan bool), make(chan bool)
		fs := vfs.WithErrors(vfs.NewMem())
		fs.SetSleep(func(time.Duration) { reached <- true; <-release })
		d, l := openTestLog(t, fs, Config{SegmentBytes: 200, Delete: true, RetentionMs: -1, RetentionBytes: 90})
		for range 5 {
			appendBatch(t, l, 1, 1, 0)
		}
		d.SyncOnce()
		fs.SetRules(vfs.MustRules(rule + " nth=1")...)
		done := make(chan error)
		go func() {
			_, err := d.Retain(1, []Retainable{{l, l.LogEndOffset()}})
			if err == nil {
				_, err = d.Unlink(1)
			}
			done <- err
		}()
		select {
		case <-reached:
		case err := <-done:
			t.Fatalf("%s: never reached, %v", rule, err)
		}
		if base := appendBatch(t, l, 1, 1, 0); base != 5 {
			t.Errorf("%s: appended at %d", rule, base)
		}
		if d.SyncOnce(); l.FlushedEndOffset() != 6 {
			t.Errorf("%s: flushed to %d", rule, l.FlushedEndOffset())
		}
		if got := batches(t, readAll(t, l, 4, math.MaxInt64)); len(got) != 2 {
			t.Errorf("%s: %d batches read", rule, len(got))
		}
		close(release)
		if err := <-done; err != nil || l.LogStartOffset() != 4 {
			t.Errorf("%s: the log starts at %d, %v", rule, l.LogStartOffset(), err)
		}
	}
}

// TestWhatCannotBeUnlinked: a directory that somebody has put into one that is to go is told of and left; the data directory stays in service. A disk that fails takes it offline.
func TestWhatCannotBeUnlinked(t *testing.T) {
	mem := vfs.NewMem()
	fs := vfs.WithErrors(mem)
	d, l := openTestLog(t, fs, Config{})
	appendBatch(t, l, 1, 1, 0)
	if err := errors.Join(l.Discard(), d.RemoveLog(testTopic, 0)); err != nil {
		t.Fatal(err)
	}
	names, err := mem.List(testDir)
	if err != nil {
		t.Fatal(err)
	}
	gone := ""
	for _, n := range names {
		if deletedDir.MatchString(n) {
			gone = testDir + "/" + n
		}
	}
	if err := mem.MkdirAll(gone + "/mine/deeper"); err != nil {
		t.Fatal(err)
	}
	emptyTrash(t, d, 0)
	if _, err := mem.Stat(gone + "/mine/deeper"); err != nil || d.Err() != nil {
		t.Fatalf("%v, directory %v", err, d.Err())
	}
	if w := d.Trash(); w.Waiting != 0 {
		t.Errorf("%d still wait", w.Waiting)
	}

	d.disk.trash.add(&doomed{dir: gone, whole: true})
	fs.SetRules(vfs.MustRules("op=remove err=EIO")...)
	if _, err := d.Unlink(0); !errors.Is(err, ErrOffline) || d.Err() == nil {
		t.Errorf("after EIO: %v, directory %v", err, d.Err())
	}
}
