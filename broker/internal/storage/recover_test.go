package storage

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// fill appends n batches and returns the log's bytes.
func fill(t testing.TB, l *Log, n int) []byte {
	t.Helper()
	for i := range n {
		appendBatch(t, l, 1+i%3, int64(100+i*7%50), kafka.LeaderEpoch(i/10))
	}
	return readAll(t, l, 0, math.MaxInt64)
}

// TestIndexRebuild deletes the caches of a cleanly closed log, opens and closes it again, and
// expects the same bytes in every file (S-07); with rolls, truncations and restarts before.
func TestIndexRebuild(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 3))
		fs := vfs.NewMem()
		cfg := Config{SegmentBytes: 1500, IndexIntervalBytes: 100}
		d, l := openTestLog(t, fs, cfg)
		for range 6 {
			fill(t, l, 10)
			d.SyncOnce()
			if err := l.TruncateTo(l.LogEndOffset() - rng.Int64N(12)); err != nil {
				t.Fatal(err)
			}
			if rng.IntN(2) == 0 {
				d.Close(true, 0)
			} else {
				fs = killed(fs)
			}
			d, l = openTestLog(t, fs, cfg)
		}
		d.Close(true, 0)

		snapshot := func() map[string][]byte {
			out := map[string][]byte{}
			names, _ := fs.List(l.Path())
			for _, n := range names {
				out[n] = fileBytes(t, fs, l.Path()+"/"+n)
			}
			return out
		}
		before := snapshot()
		for n := range before {
			if strings.HasSuffix(n, extIndex) || strings.HasSuffix(n, extTime) && rng.IntN(2) == 0 || n == epochFile {
				fs.Remove(l.Path() + "/" + n)
			}
		}
		d, l = openTestLog(t, fs, cfg)
		d.Close(true, 0)
		for n, want := range before {
			if got := fileBytes(t, fs, l.Path()+"/"+n); !bytes.Equal(got, want) {
				t.Fatalf("seed %d: %s is %x after the rebuild, was %x", seed, n, got, want)
			}
		}
		if after := snapshot(); len(after) != len(before) {
			t.Fatalf("seed %d: %d files after the rebuild, %d before", seed, len(after), len(before))
		}
	}
}

// TestSpoiledIndex puts garbage into index files of sealed and active segments of a clean log:
// reads and time searches give what they gave.
func TestSpoiledIndex(t *testing.T) {
	fs := vfs.NewMem()
	cfg := Config{SegmentBytes: 1500, IndexIntervalBytes: 100}
	d, l := openTestLog(t, fs, cfg)
	want := fill(t, l, 40)
	d.Close(true, 0)
	names, _ := fs.List(l.Path())
	rng := rand.New(rand.NewPCG(1, 1))
	for round := range 40 {
		for _, n := range names {
			if !strings.HasSuffix(n, extIndex) {
				continue
			}
			b := make([]byte, rng.IntN(60))
			for i := range b {
				b[i] = byte(rng.IntN(256)) >> rng.IntN(8)
			}
			if round%2 == 0 {
				b = b[:len(b)/offsetEntrySize*offsetEntrySize]
			}
			putFile(t, fs, l.Path()+"/"+n, b)
		}
		d, l = openTestLog(t, fs, cfg)
		if got := readAll(t, l, 0, math.MaxInt64); !bytes.Equal(got, want) {
			t.Fatalf("round %d: reads %d bytes, want %d", round, len(got), len(want))
		}
		for from := range l.LogEndOffset() {
			s, err := l.Read(from, 1, math.MaxInt64, true)
			if err != nil {
				t.Fatalf("round %d: read %d: %v", round, from, err)
			}
			p, _ := s.AppendTo(nil)
			if b := batches(t, p); b[0].BaseOffset() > from || b[0].LastOffset() < from {
				t.Fatalf("round %d: read %d gives %d", round, from, b[0].BaseOffset())
			}
			s.Close()
		}
		d.Close(true, 0)
	}
}

// TestTornTail cuts and spoils the unsynced end of a log in every way and kills: what was
// flushed stays, what is served is whole.
func TestTornTail(t *testing.T) {
	base := vfs.NewMem()
	d, l := openTestLog(t, base, Config{})
	fill(t, l, 5)
	d.SyncOnce()
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	flushed, flushedEnd := l.Size(), l.LogEndOffset()
	want := fill(t, l, 5)
	name := l.Path() + "/00000000000000000000.log"
	whole := fileBytes(t, base, name)
	for cut := int(flushed); cut <= len(whole); cut++ {
		for _, spoil := range []bool{false, true} {
			content := bytes.Clone(whole[:cut])
			if spoil {
				content = bytes.Clone(whole)
				if cut == len(whole) {
					break
				}
				if i := (cut - int(flushed)); i%90 < 16 { // base offset, length and epoch are not under the checksum
					content[cut] ^= 0x40
				} else {
					content[cut] ^= 1
				}
			}
			fs := killed(base)
			putFile(t, fs, name, content)
			d, l := openTestLog(t, fs, Config{})
			got := readAll(t, l, 0, math.MaxInt64)
			if !bytes.HasPrefix(want, got) && !spoil || int64(len(got)) < flushed || l.LogEndOffset() < flushedEnd {
				t.Fatalf("cut %d spoil %v: %d bytes are left of %d flushed", cut, spoil, len(got), flushed)
			}
			batches(t, got)
			if n, _ := fs.Stat(name); n.Size != int64(len(got)) {
				t.Fatalf("cut %d: the file is %d bytes long, %d are served", cut, n.Size, len(got))
			}
			if l.FlushedEndOffset() != l.LogEndOffset() {
				t.Fatalf("cut %d: recovered to %d, flushed %d", cut, l.LogEndOffset(), l.FlushedEndOffset())
			}
			d.Close(false, 0)
		}
	}
}

// TestRecoveredBytesAreSynced kills a process whose appends were never synced and then cuts the
// power: what the recovery in between called flushed must still be there (durability 5).
func TestRecoveredBytesAreSynced(t *testing.T) {
	fs := vfs.NewMem()
	_, l := openTestLog(t, fs, Config{SegmentBytes: 500})
	fill(t, l, 12)
	// A kill keeps unsynced writes unsynced: take the lock away, keep the disk.
	d, l := openTestLog(t, unlocked{fs}, Config{SegmentBytes: 500})
	end := l.FlushedEndOffset()
	if end != l.LogEndOffset() || end == 0 {
		t.Fatalf("flushed %d of %d after recovery", end, l.LogEndOffset())
	}
	_ = d
	_, l = openTestLog(t, powerCut(fs), Config{SegmentBytes: 500})
	if l.LogEndOffset() < end {
		t.Fatalf("%d was flushed by recovery, a power cut leaves %d", end, l.LogEndOffset())
	}
}

// TestRecoveredUnderOS: what a kill leaves of a log with FlushOS is not synced by the recovery: it counts as flushed for its
// policy, and if that becomes FlushGroup, when it is on the disk. Recovered again it is scanned from the same point.
func TestRecoveredUnderOS(t *testing.T) {
	fs := vfs.NewMem()
	c := Config{SegmentBytes: 1000, Flush: FlushOS}
	_, l := openTestLog(t, fs, c)
	fill(t, l, 30)
	active := l.active()
	size, _ := active.bounds()
	if l.Segments() < 3 || active.base == l.LogEndOffset() {
		t.Fatalf("%d segments, the last one empty", l.Segments())
	}
	want, end := readAll(t, l, 0, math.MaxInt64), l.LogEndOffset()
	d, l := openTestLog(t, unlocked{fs}, c)
	if l.FlushedEndOffset() != end || l.RecoveryPoint() != active.base {
		t.Errorf("recovered %d..%d, flushed %d, recovery point %d, want %d", l.LogStartOffset(), l.LogEndOffset(), l.FlushedEndOffset(), l.RecoveryPoint(), active.base)
	}
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	scanned := d.Recovered().Scanned
	d, l = openTestLog(t, unlocked{fs}, c)
	if r := d.Recovered(); r.Above != size || r.Scanned < size || r.Scanned > scanned || l.RecoveryPoint() != active.base {
		t.Errorf("scanned %d of %d bytes above, want %d; before it were %d", r.Scanned, r.Above, size, scanned)
	}
	c.Flush = FlushGroup
	l.SetConfig(c)
	if l.FlushedEndOffset() != active.base {
		t.Errorf("flushed %d, synced %d", l.FlushedEndOffset(), active.base)
	}
	d.SyncOnce()
	if l.FlushedEndOffset() != end {
		t.Fatalf("flushed %d of %d", l.FlushedEndOffset(), end)
	}
	if _, l = openTestLog(t, powerCut(fs), c); !bytes.Equal(readAll(t, l, 0, math.MaxInt64), want) {
		t.Errorf("a power cut leaves %d of %d", l.LogEndOffset(), end)
	}
}

// unlocked is a file system whose lock holder has died.
type unlocked struct{ vfs.FS }

func (unlocked) Lock(string) (io.Closer, error) { return nopCloser{}, nil }

type nopCloser struct{}

func (nopCloser) Close() error { return nil }

// TestDamage spoils flushed bytes: the log does not open, nothing is cut (S-02), others serve.
func TestDamage(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, Config{IndexIntervalBytes: 200})
	fill(t, l, 20)
	other := kafka.TopicIDPartition{ID: testTopic.ID, Topic: "t", Partition: 1}
	if _, err := d.OpenLog(other, Config{}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	name := l.Path() + "/00000000000000000000.log"
	whole := fileBytes(t, fs, name)
	fs = killed(fs)
	bad := bytes.Clone(whole)
	bad[len(bad)-10] ^= 1
	for _, content := range [][]byte{bad, whole[:len(whole)-90]} {
		putFile(t, fs, name, content)
		fs = killed(fs)
		d := openTestDir(t, fs)
		_, err := d.OpenLog(testTopic, Config{IndexIntervalBytes: 200}, nil)
		var place *CorruptError
		if !errors.Is(err, ErrCorrupt) || !errors.As(err, &place) || place.Path != name {
			t.Fatalf("damaged log: %v", err)
		}
		if _, err := d.OpenLog(other, Config{}, nil); err != nil {
			t.Fatalf("the log beside it: %v", err)
		}
		if got := fileBytes(t, fs, name); !bytes.Equal(got, content) {
			t.Fatal("a damaged log was changed")
		}
		d.Close(true, 0)
		if _, err := fs.Stat(testDir + "/" + cleanFile); err == nil {
			t.Fatal("a clean-shutdown marker vouches for a log that was not recovered")
		}
	}
}

// TestFaults fails the n-th operation of a fixed workload, for every n and several errors: no
// panic; an append that failed is not there; what was flushed is there after a restart; ENOSPC on
// a write is survived, anything else takes the directory offline, for good.
func TestFaults(t *testing.T) {
	for _, fault := range []string{
		"op=write err=EIO", "op=write err=ENOSPC", "op=write err=short short", "op=write err=EROFS",
		"op=syncdata err=EIO", "op=sync-like err=EIO", "op=sync-like err=ENOSPC", "op=any err=EIO", "op=any err=EIO sticky", "op=write-like err=EROFS sticky",
	} {
		for n := 1; ; n++ {
			mem := vfs.NewMem()
			rules := vfs.MustRules(fault + " path=*/t-0/* nth=" + strconv.Itoa(n))
			workload(t, mem, vfs.WithErrors(mem, rules...), fault, n)
			if rules[0].Hits() == 0 {
				if n < 5 {
					t.Fatalf("%s: the workload has %d such operations", fault, n-1)
				}
				break
			}
		}
	}
}

func workload(t *testing.T, mem *vfs.MemFS, fs vfs.FS, fault string, n int) {
	t.Helper()
	d := openTestDir(t, fs)
	obs := &spy{}
	var acked []byte
	flushed, err := int64(0), error(nil)
	l, err := d.OpenLog(testTopic, Config{SegmentBytes: 400}, obs)
	if err != nil {
		d.Close(true, 0)
	} else {
		for i := range 10 {
			b := makeBatch(2, 20, int64(i), 0)
			base, aerr := l.Append(b, 1, 0)
			switch {
			case aerr == nil:
				acked = append(acked, b...)
			case errors.Is(aerr, syscall.ENOSPC) || strings.Contains(aerr.Error(), "short"):
				if d.Err() == nil && l.LogEndOffset() != int64(len(acked)/len(b)*2) {
					t.Fatalf("%s nth=%d: a failed append moved the log end to %d", fault, n, l.LogEndOffset())
				}
			case !errors.Is(aerr, ErrOffline):
				t.Fatalf("%s nth=%d: append: %v", fault, n, aerr)
			}
			_ = base
			if i%3 == 2 {
				d.SyncOnce()
				if d.Err() == nil && l.FlushedEndOffset() != l.LogEndOffset() {
					t.Fatalf("%s nth=%d: %d of %d flushed after a round", fault, n, l.FlushedEndOffset(), l.LogEndOffset())
				}
			}
			if i == 7 {
				if terr := l.TruncateTo(l.LogEndOffset() - 2); terr == nil && len(acked) > 0 {
					acked = acked[:len(acked)-len(b)]
				} else if !errors.Is(terr, ErrOffline) && !errors.Is(terr, ErrOffsetOutOfRange) {
					t.Fatalf("%s nth=%d: truncate: %v", fault, n, terr)
				} else if len(acked) > 0 && errors.Is(terr, ErrOffline) {
					acked = acked[:len(acked)-len(b)] // may be there or not
				}
			}
		}
		flushed = min(obs.last(), int64(len(acked)/len(makeBatch(2, 20, 0, 0))*2))
		if d.Err() != nil {
			checkOffline(t, d, l, obs, fault, n)
		}
		d.Close(true, 0)
	}
	_, left := mem.Stat(testDir + "/" + cleanFile)
	if d.Err() != nil && left == nil {
		t.Fatalf("%s nth=%d: a clean-shutdown marker after %v", fault, n, d.Err())
	}
	_, l = openTestLog(t, powerCut(mem), Config{SegmentBytes: 400})
	got := readAll(t, l, 0, math.MaxInt64)
	if l.LogEndOffset() < flushed {
		t.Fatalf("%s nth=%d: %d flushed, %d recovered", fault, n, flushed, l.LogEndOffset())
	}
	batches(t, got)
	if m := min(len(got), len(acked)); !bytes.Equal(got[:m], acked[:m]) {
		t.Fatalf("%s nth=%d: recovered something else than what was appended", fault, n)
	}
}

// checkOffline: everything answers ErrOffline, no append is taken, no flush is told, the observer
// hears of it once (S-09).
func checkOffline(t *testing.T, d *Dir, l *Log, obs *spy, fault string, n int) {
	t.Helper()
	for d.SyncOnce() {
	}
	told := obs.last()
	if _, err := l.Append(makeBatch(1, 1, 0, 0), 1, 0); !errors.Is(err, ErrOffline) {
		t.Fatalf("%s nth=%d: append offline: %v", fault, n, err)
	}
	if _, err := l.Read(0, 100, math.MaxInt64, true); !errors.Is(err, ErrOffline) {
		t.Fatalf("%s nth=%d: read offline: %v", fault, n, err)
	}
	if _, err := l.Sync(); !errors.Is(err, ErrOffline) {
		t.Fatalf("%s nth=%d: sync offline: %v", fault, n, err)
	}
	if len(obs.failed) != 1 || !errors.Is(obs.failed[0], ErrOffline) || obs.last() != told {
		t.Fatalf("%s nth=%d: observer heard %v", fault, n, obs.failed)
	}
}

// TestFailedFsyncIsFinal: a fdatasync that fails once must not be tried again (S-09).
func TestFailedFsyncIsFinal(t *testing.T) {
	mem := vfs.NewMem()
	fs := vfs.WithErrors(mem, vfs.MustRules("op=syncdata nth=1 err=EIO")...)
	obs := &spy{}
	d := openTestDir(t, fs)
	l, err := d.OpenLog(testTopic, Config{}, obs)
	if err != nil {
		t.Fatal(err)
	}
	appendBatch(t, l, 1, 0, 0)
	d.SyncOnce()
	if !errors.Is(d.Err(), ErrOffline) || !errors.Is(d.Err(), syscall.EIO) || l.FlushedEndOffset() != 0 || obs.last() != -1 {
		t.Fatalf("after a failed fdatasync: %v, flushed %d, told %d", d.Err(), l.FlushedEndOffset(), obs.last())
	}
	if err := d.Close(true, 0); !errors.Is(err, ErrOffline) {
		t.Fatalf("close: %v", err)
	}
}

// TestStaleIndexOfSealedSegment: the recovery point on disk may be the end of a segment from the
// time when it was the active one; its index files may be older still, if a crash undid their
// removal. Found by TestCrashAtEverySync, seed 1912 of 2000.
func TestStaleIndexOfSealedSegment(t *testing.T) {
	fs := vfs.NewMem()
	cfg := Config{SegmentMs: 50}
	d, l := openTestLog(t, fs, cfg)
	appendBatch(t, l, 5, 100, 0)
	appendBatch(t, l, 5, 120, 0)
	d.SyncOnce()
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	name := l.Path() + "/00000000000000000000"
	offsets, times := fileBytes(t, fs, name+extIndex), fileBytes(t, fs, name+extTime)
	if err := l.TruncateTo(5); err != nil {
		t.Fatal(err)
	}
	fs = killed(fs)
	putFile(t, fs, name+extIndex, offsets)
	putFile(t, fs, name+extTime, times)
	_, l = openTestLog(t, fs, cfg)
	appendBatch(t, l, 6, 400, 0) // rolls
	_, l = openTestLog(t, killed(fs), cfg)
	if o, ts, _, err := l.MaxTimestamp(11); l.Segments() != 2 || o != 10 || ts != 405 || err != nil {
		t.Fatalf("%d segments, max time: offset %d, time %d, %v", l.Segments(), o, ts, err)
	}
}

// TestShortAfterCleanStop: a log that lost bytes after a clean stop is damaged, and nothing of it
// is cut; found by TestCampaignBits.
func TestShortAfterCleanStop(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, Config{SegmentBytes: 300})
	fill(t, l, 5)
	active := (*l.segs.Load())[l.Segments()-1].log.path()
	d.Close(true, 0)
	whole := fileBytes(t, fs, active)
	for _, n := range []int{0, len(whole) / 2} {
		putFile(t, fs, active, whole[:n])
		d := openTestDir(t, fs)
		if _, err := d.OpenLog(testTopic, Config{SegmentBytes: 300}, nil); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d bytes of %d: %v", n, len(whole), err)
		}
		d.Close(true, 0)
		if got := fileBytes(t, fs, active); len(got) != n {
			t.Fatal("a damaged log was changed")
		}
	}
}

// TestRecoveryIsBounded: after a kill only what lies above the recovery point is read, and after a clean stop only the
// end of the last segment; the indexes of the others are read when somebody asks (S-20).
func TestRecoveryIsBounded(t *testing.T) {
	cfg := Config{SegmentBytes: 4096, IndexIntervalBytes: 512}
	mem := vfs.NewMem()
	d, l := openTestLog(t, mem, cfg)
	for range 400 {
		appendBatch(t, l, 1, 0, 0)
	}
	d.SyncOnce()
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	point := l.RecoveryPoint()
	for range 60 {
		appendBatch(t, l, 1, 0, 0)
	}
	d.SyncOnce()
	segs := *l.segs.Load()
	above := segs[find(segs, point)-1].base // the one before may be looked at, too
	if len(segs) < 9 || above < segs[len(segs)/2].base {
		t.Fatalf("%d segments, the recovery point is in the one of %d", len(segs), above)
	}
	open := func(fs *vfs.MemFS) (reads map[int64]int) {
		t.Helper()
		reads = map[int64]int{}
		fs.SetHook(func(op vfs.Op, name string) {
			base := name[strings.LastIndexByte(name, '/')+1:]
			for _, ext := range []string{extLog, extIndex, extTime} {
				if at, ok := parseSegmentName(base, ext); ok && op == vfs.OpRead {
					reads[at]++
				}
			}
		})
		dir, again := openTestLog(t, fs, cfg)
		fs.SetHook(nil)
		if again.LogEndOffset() != l.LogEndOffset() {
			t.Fatalf("the log ends at %d, want %d", again.LogEndOffset(), l.LogEndOffset())
		}
		if err := dir.Close(true, 0); err != nil {
			t.Fatal(err)
		}
		return reads
	}
	fs := killed(mem)
	for at, n := range open(fs) { // order-free: each is judged for itself
		if at < above {
			t.Errorf("after a kill the segment of %d, below the recovery point %d, was read %d times", at, point, n)
		}
	}
	for at, n := range open(fs) { // order-free: likewise
		if at != segs[len(segs)-1].base || n > 4 {
			t.Errorf("after a clean stop the segment of %d was read %d times", at, n)
		}
	}
}

// TestStartBeyondEnd: a log start above the log's end is damage, unless a crash may have taken the end of a log with FlushOS: the
// log does not open, nothing is changed, others serve (durability 7).
func TestStartBeyondEnd(t *testing.T) {
	for _, clean := range []bool{false, true} {
		for _, flush := range []Policy{FlushGroup, FlushOS} {
			fs := vfs.NewMem()
			c := Config{SegmentBytes: 500, Flush: flush}
			d, l := openTestLog(t, fs, c)
			fill(t, l, 20)
			end := l.LogEndOffset()
			if _, err := l.Sync(); err != nil {
				t.Fatal(err)
			}
			if clean {
				if err := d.Close(true, 0); err != nil {
					t.Fatal(err)
				}
			} else if err := d.Checkpoint(); err != nil {
				t.Fatal(err)
			}
			fs = killed(fs)
			putFile(t, fs, testDir+"/"+logStartFile, offsets{testTopic.TopicPartition(): 1000}.encode())
			before, _ := fs.List(l.Path())
			d = openTestDir(t, fs)
			l, err := d.OpenLog(testTopic, c, nil)
			if !clean && flush == FlushOS {
				if err != nil || l.LogStartOffset() != 1000 || l.LogEndOffset() != 1000 {
					t.Errorf("of FlushOS: %v", err)
				}
				continue
			}
			if !errors.Is(err, ErrCorrupt) || d.Err() != nil {
				t.Fatalf("clean %v, policy %d: %v, %v", clean, flush, err, d.Err())
			}
			other := kafka.TopicIDPartition{ID: testTopic.ID, Topic: "t", Partition: 1}
			if _, err := d.OpenLog(other, Config{}, nil); err != nil {
				t.Fatal(err)
			}
			for d.Trash().Waiting > 0 {
				if _, err := d.Unlink(1 << 40); err != nil {
					t.Fatal(err)
				}
			}
			if after, _ := fs.List(testDir + "/t-0"); !slices.Equal(before, after) {
				t.Errorf("clean %v, policy %d: there were %v, there are %v", clean, flush, before, after)
			}
			fs = killed(fs)
			putFile(t, fs, testDir+"/"+logStartFile, offsets{testTopic.TopicPartition(): 5}.encode())
			if _, l := openTestLog(t, fs, c); l.LogStartOffset() != 5 || l.LogEndOffset() != end {
				t.Errorf("put right: %d..%d", l.LogStartOffset(), l.LogEndOffset())
			}
		}
	}
}

// TestStartIsFlushed: records are deleted only when they are durable, so that no crash leaves a log that ends below its start.
func TestStartIsFlushed(t *testing.T) {
	fs := vfs.NewMem()
	_, l := openTestLog(t, fs, Config{})
	fill(t, l, 5)
	end := l.LogEndOffset()
	if l.FlushedEndOffset() >= end {
		t.Fatal("flushed already")
	}
	if err := l.SetLogStartOffset(end); err != nil {
		t.Fatal(err)
	}
	if _, l := openTestLog(t, powerCut(fs), Config{}); l.LogStartOffset() != end || l.LogEndOffset() != end {
		t.Errorf("after a power cut %d..%d, want %d", l.LogStartOffset(), l.LogEndOffset(), end)
	}
}
