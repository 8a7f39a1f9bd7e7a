package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// The campaigns run a share by default. STORAGE_CAMPAIGN=crash, nthop or bits runs the whole count
// of one and logs its figures (go test -v); the others are not run then.

// campaign says how much of a campaign is to be run: a share, all of it, or nothing.
func campaign(t *testing.T, name string, share, all int) int {
	switch os.Getenv("STORAGE_CAMPAIGN") {
	case "":
		return share
	case name:
		return all
	}
	t.Skip("another campaign was asked for")
	return 0
}

// report tells the figures of a whole campaign.
func report(t *testing.T, format string, args ...any) {
	if os.Getenv("STORAGE_CAMPAIGN") != "" {
		t.Logf(format, args...)
	}
}

// changing are the operations after which a crash may leave something else.
var changing = vfs.Ops(vfs.OpCreate, vfs.OpWrite, vfs.OpTruncate, vfs.OpRename, vfs.OpRemove, vfs.OpMkdir,
	vfs.OpSync, vfs.OpSyncData, vfs.OpSyncDir)

// TestCampaignCrash runs a random workload of appends, rolls, rounds, truncations, checkpoints,
// deletions, restarts and recoveries, and crashes it after every operation that reaches the disk,
// several times with another random part of the unsynced data lost; some of the recoveries are themselves crashed
// after every operation (S-19). Nothing that was flushed is lost, nothing else is served, and the
// producers are known.
func TestCampaignCrash(t *testing.T) {
	ops, subsets := campaign(t, "crash", 100, 2500), campaign(t, "crash", 2, 20)
	done, crashes, again := 0, 0, 0
	for seed := uint64(0); done < ops; seed++ {
		m := newModel(t, 5000+seed)
		depth := 0
		var try func(fs *vfs.MemFS)
		try = func(fs *vfs.MemFS) {
			depth++
			c := *m
			c.rng = rand.New(rand.NewPCG(m.rng.Uint64(), 2))
			c.list = append([]entry(nil), m.list...)
			if depth == 1 && m.rng.IntN(40) == 0 {
				fs.SetHook(func(op vfs.Op, _ string) {
					if changing.Has(op) && depth == 1 {
						again++
						try(fs.CrashClone(m.rng, vfs.CrashOptions{}))
					}
				})
			}
			crashes++
			c.recovered(fs)
			fs.SetHook(nil)
			depth--
		}
		m.open()
		for range 60 {
			m.fs.SetHook(func(op vfs.Op, _ string) {
				if !changing.Has(op) || m.log == nil || done >= ops {
					return
				}
				done++
				m.floor = max(m.floor, min(m.log.FlushedEndOffset(), m.cap))
				if m.cap == math.MaxInt64 {
					m.served = max(m.served, m.log.LogStartOffset())
				}
				for range subsets {
					try(m.fs.CrashClone(m.rng, vfs.CrashOptions{}))
				}
			})
			switch m.rng.IntN(40) {
			case 0:
				m.restartAt(m.end() + int64(m.rng.IntN(3)) - 1)
			case 1:
				m.removeLog()
			default:
				m.step()
			}
		}
		m.fs.SetHook(nil)
		m.unpin()
		m.dir.Close(false, 0)
	}
	report(t, "%d operations crashed, %d recoveries compared, %d of them after a crash inside a recovery", done, crashes, again)
}

// restartAt empties the log.
func (m *model) restartAt(offset int64) {
	offset = max(offset, 0)
	m.floor, m.cap, m.served = 0, 0, 0
	if err := m.log.Reset(offset); err != nil {
		m.fatalf("reset to %d: %v", offset, err)
	}
	m.list, m.start, m.served, m.cap = nil, offset, offset, math.MaxInt64
	m.obs.mu.Lock()
	m.obs.flushed = nil // it is not told of a flushed end that nothing was flushed for
	m.obs.mu.Unlock()
}

// removeLog deletes the partition and creates it again.
func (m *model) removeLog() {
	m.unpin()
	if err := m.log.Close(); err != nil {
		m.fatalf("close: %v", err)
	}
	m.floor, m.cap, m.served = 0, 0, 0
	if err := m.dir.RemoveLog(testTopic, 0); err != nil {
		m.fatalf("remove: %v", err)
	}
	m.list, m.start, m.epoch = nil, 0, 0
	l, err := m.dir.OpenLog(testTopic, m.cfg, m.obs)
	if err != nil {
		m.fatalf("create again: %v", err)
	}
	m.log, m.cap = l, math.MaxInt64
	m.obs.flushed = nil
}

// TestCampaignNthOp fails the n-th operation of a workload, for every n, with every error, once or
// from then on. No panic, no error of an unknown kind; a directory that has failed takes nothing
// more and leaves no marker; after a power cut, on a healthy disk, what was flushed is there and nothing else
// but what was appended (S-09, S-11, S-12).
func TestCampaignNthOp(t *testing.T) {
	seeds, step := campaign(t, "nthop", 1, 5), campaign(t, "nthop", 23, 1)
	cases := 0
	for _, fault := range []string{"err=EIO", "err=ENOSPC", "err=EROFS", "op=write err=short short", "latency=1us", "err=EIO after"} {
		for _, sticky := range []string{"", " sticky"} {
			for seed := range uint64(seeds) {
				for n := 1 + int(seed)%step; ; n += step {
					rule := vfs.MustRules(fault + sticky + " nth=" + strconv.Itoa(n))
					w := &faulty{t: t, name: fmt.Sprintf("seed %d %s%s nth=%d", seed, fault, sticky, n), rng: rand.New(rand.NewPCG(seed, 7)), rule: rule[0]}
					w.run()
					cases++
					if rule[0].Hits() == 0 {
						break
					}
				}
			}
		}
	}
	report(t, "%d cases", cases)
}

// faulty is a workload on a disk that fails, with what may be on the disk after it.
type faulty struct {
	t    *testing.T
	name string
	rng  *rand.Rand
	rule *vfs.Rule
	mem  *vfs.MemFS
	fs   vfs.FS
	d    *Dir
	l    *Log
	err  error // of opening
	now  int64

	list       []batch.Batch // what was appended, or may have been
	floor      int64         // at least this is there
	start, top int64         // the log start is one of them
}

var faultyConfig = Config{SegmentBytes: 400, IndexIntervalBytes: 100}

func (w *faulty) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s: %s", w.name, fmt.Sprintf(format, args...))
}

func (w *faulty) open() bool {
	o := testOptions()
	o.CheckpointBytes = 600
	var err error
	if w.d, err = OpenDir(w.fs, testDir, o); err != nil {
		w.d, w.err = nil, err
		return false
	}
	w.l, w.err = w.d.OpenLog(testTopic, faultyConfig, nil)
	return w.err == nil
}

func (w *faulty) run() {
	w.mem = vfs.NewMem()
	fs := vfs.WithErrors(w.mem, w.rule)
	fs.SetSleep(func(time.Duration) {})
	w.fs = fs
	going := w.open()
	for i := 0; i < 40 && going; i++ {
		going = w.step(i)
		if going && w.d.Err() != nil {
			w.offline()
			going = false
		}
	}
	failed := w.d != nil && w.d.Err() != nil
	if w.d != nil {
		w.d.Close(true, 0)
	}
	if _, err := w.mem.Stat(testDir + "/" + cleanFile); failed && err == nil {
		w.fatalf("a clean-shutdown marker after %v", w.d.Err())
	}
	w.fs = powerCut(w.mem)
	if !w.open() {
		w.fatalf("the directory does not open on a healthy disk: %v", w.err)
	}
	w.verify()
	w.d.Close(false, 0)
}

// step does one thing and says whether to go on.
func (w *faulty) step(i int) bool {
	end := w.l.LogEndOffset()
	switch {
	case i == 33:
		return w.remove()
	case i%13 == 12:
		to := max(end-1-int64(w.rng.IntN(4)), w.l.LogStartOffset())
		w.floor = min(w.floor, to-2) // a batch that straddles goes as a whole
		if err := w.l.TruncateTo(to); err == nil {
			for k := len(w.list); k > 0 && w.list[k-1].LastOffset() >= w.l.LogEndOffset(); k-- {
				w.list = w.list[:k-1]
			}
		} else if !errors.Is(err, ErrOffline) && (!resumable(err) || w.l.LogEndOffset() != end) {
			w.fatalf("truncate from %d: %d, %v", end, w.l.LogEndOffset(), err)
		}
	case i%17 == 16:
		w.top = w.l.LogStartOffset() + w.rng.Int64N(end-w.l.LogStartOffset()+1)
		if err := w.l.SetLogStartOffset(w.top); err == nil {
			w.start = w.top
		} else if w.d.Err() == nil && (!resumable(err) || w.l.LogStartOffset() != w.start) {
			w.fatalf("log start: %d, %v", w.l.LogStartOffset(), err)
		}
	case i%11 == 10:
		w.retain(i == 32)
	case i%19 == 18:
		clean := w.d.Err() == nil
		if err := w.d.Close(true, 0); err == nil && clean {
			w.floor = end
		}
		return w.open()
	case i%5 == 4:
		w.d.SyncOnce()
	case i == 23:
		if err := w.d.Checkpoint(); err != nil && w.d.Err() == nil && !resumable(err) {
			w.fatalf("checkpoint: %v", err)
		}
	default:
		w.append(end)
	}
	if f := w.l.FlushedEndOffset(); w.d.Err() == nil {
		w.floor = max(w.floor, f)
	}
	return true
}

// retain does retention, down to nothing or some segments, and unlinks.
func (w *faulty) retain(all bool) {
	c := faultyConfig
	c.Delete, c.RetentionMs, c.RetentionBytes = true, -1, 600
	if all {
		c.RetentionBytes = 0
	}
	w.l.SetConfig(c)
	w.d.SyncOnce()
	hw := w.l.FlushedEndOffset()
	p, err := w.l.planRetention(0, hw)
	if err == nil {
		w.top = max(w.start, p.start)
		_, err = w.d.Retain(0, []Retainable{{w.l, hw}})
	}
	if start := w.l.LogStartOffset(); err == nil && start == w.top {
		w.start = start
	} else if err == nil || w.d.Err() == nil && (!resumable(err) || start != w.start && start != w.top) {
		w.fatalf("retention: the log starts at %d, want %d or %d, %v", start, w.start, w.top, err)
	} else if w.d.Err() == nil {
		w.start = start
	}
	if _, err := w.d.Unlink(0); err != nil && w.d.Err() == nil && !resumable(err) {
		w.fatalf("unlink: %v", err)
	}
}

// remove deletes the partition and creates it again.
func (w *faulty) remove() bool {
	w.floor, w.top = 0, 0
	if err := w.l.Close(); err != nil && w.d.Err() == nil && !resumable(err) {
		w.fatalf("close: %v", err)
	}
	if err := w.d.RemoveLog(testTopic, 0); err != nil {
		if w.d.Err() == nil && !errors.Is(err, errNoCommitRoom) {
			w.fatalf("remove: %v", err)
		}
		return false
	}
	w.list, w.start = nil, 0
	var err error
	if w.l, err = w.d.OpenLog(testTopic, faultyConfig, nil); err != nil && w.d.Err() == nil && !resumable(err) {
		w.fatalf("create again: %v", err)
	}
	return err == nil
}

func (w *faulty) append(end int64) {
	s := sent{id: kafka.ProducerID(w.rng.IntN(2)), n: 1 + w.rng.IntN(3), ts: end}
	if e, ok := stateOf(w.l)[s.id]; ok && len(e.window) > 0 {
		s.seq = e.window[len(e.window)-1].seq + 1
	}
	b := s.batch()
	w.now += spaceCheckMs
	_, err := w.l.AppendClient(b, 1, w.now)
	switch {
	case err == nil:
	case w.d.Err() != nil: // it may be there or not
		b.SetBaseOffset(end)
		b.SetLeaderEpoch(1)
	case resumable(err):
		if w.l.LogEndOffset() != end {
			w.fatalf("a failed append moved the log end from %d to %d", end, w.l.LogEndOffset())
		}
		return
	default:
		w.fatalf("append: %v", err)
	}
	w.list = append(w.list, bytes.Clone(b))
}

// offline: nothing is taken, read or told any more (S-09).
func (w *faulty) offline() {
	flushed := w.l.FlushedEndOffset()
	for w.d.SyncOnce() {
	}
	if _, err := w.l.AppendClient(sent{id: 50}.batch(), 9, 0); !errors.Is(err, ErrOffline) && !errors.Is(err, ErrClosed) {
		w.fatalf("append offline: %v", err)
	}
	if _, err := w.l.Sync(); err == nil || w.l.FlushedEndOffset() != flushed {
		w.fatalf("flushed offline: %v", err)
	}
}

// verify compares the recovered log with what was appended.
func (w *faulty) verify() {
	end, start := w.l.LogEndOffset(), w.l.LogStartOffset()
	if end < w.floor {
		w.fatalf("the log ends at %d, %d was flushed", end, w.floor)
	}
	if start != w.start && start != w.top {
		w.fatalf("the log starts at %d, want %d or %d", start, w.start, w.top)
	}
	var all []byte
	for k := len(w.list); k > 0 && w.list[k-1].LastOffset() >= end; k-- {
		w.list = w.list[:k-1]
	}
	for _, b := range w.list {
		if b.LastOffset() >= start {
			all = append(all, b...)
		}
	}
	if got := readAll(w.t, w.l, start, math.MaxInt64); !bytes.Equal(got, all) {
		w.fatalf("%d..%d holds %d bytes, want %d", start, end, len(got), len(all))
	}
	if problem := wrongProducers(w.l, w.list); problem != "" {
		w.fatalf("%s", problem)
	}
}

// TestCampaignBits flips every single bit of every file of a small directory, and cuts every file
// to every length. Opening or reading it fails, or what is served is what was stored: a batch with a
// good checksum has the records that were appended, at their offsets. The log is never cut below
// its recovery point. Not covered by the checksum, as in Kafka, are a batch's base offset and
// leader epoch: they are checked where a log is scanned, and counted here where it is not.
func TestCampaignBits(t *testing.T) {
	step := campaign(t, "bits", 37, 1)
	flips, cuts, refused, uncovered := 0, 0, 0, 0
	for _, kind := range []string{"clean", "unclean, checkpointed", "unclean, not checkpointed"} {
		r := newRot(t, kind)
		for name, content := range r.files {
			for bit := r.next(step); bit < len(content)*8; bit += step {
				spoiled := bytes.Clone(content)
				spoiled[bit/8] ^= 1 << (bit % 8)
				flips++
				switch r.try(name, spoiled, bit/8) {
				case rotRefused:
					refused++
				case rotUncovered:
					uncovered++
				}
			}
			for n := r.next(step); n < len(content); n += step {
				cuts++
				if r.try(name, content[:n], -1) == rotRefused {
					refused++
				}
			}
		}
	}
	report(t, "%d bits flipped, %d truncations; %d refused to open or to read, %d in fields without checksum", flips, cuts, refused, uncovered)
}

// rot is a small directory and what it holds.
type rot struct {
	t     *testing.T
	kind  string
	fs    *vfs.MemFS
	files map[string][]byte
	want  map[int64][]byte // batches by base offset, without their leader epoch
	all   []byte
	point int64 // recovery point: nothing below may be cut
	end   int64
	n     int
}

type rotResult uint8

const (
	rotHarmless rotResult = iota
	rotRefused
	rotUncovered
)

var rotConfig = Config{SegmentBytes: 330, IndexIntervalBytes: 90}

func newRot(t *testing.T, kind string) *rot {
	r := &rot{t: t, kind: kind, files: map[string][]byte{}, want: map[int64][]byte{}}
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, rotConfig)
	for i := range int32(8) {
		b := sent{id: 3, seq: i * 2, n: 2, ts: int64(i)}.batch()
		if _, err := l.AppendClient(b, kafka.LeaderEpoch(1+i/3), 0); err != nil {
			t.Fatal(err)
		}
		r.all = append(r.all, b...)
		r.want[b.BaseOffset()] = withoutEpoch(b)
		if i == 5 {
			d.SyncOnce()
			if kind == "unclean, checkpointed" {
				if err := d.Checkpoint(); err != nil {
					t.Fatal(err)
				}
				r.point = l.RecoveryPoint()
			}
		}
	}
	r.end = l.LogEndOffset()
	if kind == "clean" {
		d.Close(true, 4)
		r.point = r.end
	} else {
		d.SyncOnce()
		r.point = d.points.of(testTopic.TopicPartition()).recovery // a sweep may have written it
	}
	r.fs = killed(fs)
	for _, dir := range []string{testDir, l.Path()} {
		names, _ := fs.List(dir)
		for _, n := range names {
			if info, _ := fs.Stat(dir + "/" + n); !info.Dir && info.Size > 0 {
				r.files[dir+"/"+n] = fileBytes(t, fs, dir+"/"+n)
			}
		}
	}
	return r
}

// next is where a share of the positions begins: elsewhere for every file.
func (r *rot) next(step int) int { r.n++; return r.n * 7 % step }

func withoutEpoch(b batch.Batch) []byte {
	c := batch.Batch(bytes.Clone(b))
	c.SetLeaderEpoch(0)
	return c
}

// try opens the directory with one file spoiled, at byte at or by truncation (-1), and reads it.
func (r *rot) try(name string, content []byte, at int) rotResult {
	fs := killed(r.fs)
	putFile(r.t, fs, name, content)
	d, err := OpenDir(fs, testDir, testOptions())
	if err != nil {
		return rotRefused
	}
	defer d.Close(false, 0)
	l, err := d.OpenLog(testTopic, rotConfig, nil)
	if err != nil {
		return rotRefused
	}
	header := strings.HasSuffix(name, extLog) && at >= 0 && r.header(name, at)
	end := l.LogEndOffset()
	if end < r.point && strings.HasSuffix(name, extLog) && !header {
		r.t.Fatalf("%s: %s byte %d: the log was cut to %d, its recovery point was %d", r.kind, name, at, end, r.point)
	}
	result := rotHarmless
	for from := l.LogStartOffset(); from < end; {
		s, err := l.Read(from, 1, math.MaxInt64, true)
		if err != nil {
			return rotRefused
		}
		p, err := s.AppendTo(nil)
		next := s.NextOffset()
		s.Close()
		if err != nil || len(p) == 0 {
			return rotRefused
		}
		b, _, err := batch.Next(p)
		if err != nil || !b.VerifyCRC() {
			return rotRefused // by the client
		}
		if !bytes.Equal(withoutEpoch(b), r.want[b.BaseOffset()]) {
			if header && r.point > 0 {
				return rotUncovered
			}
			r.t.Fatalf("%s: %s byte %d: a wrong record is served at offset %d", r.kind, name, at, b.BaseOffset())
		}
		if next <= from {
			return rotRefused
		}
		from = next
	}
	return result
}

// header says whether a byte of a segment is in a base offset or leader epoch, which no checksum
// covers.
func (r *rot) header(name string, at int) bool {
	pos := 0
	for rest := r.files[name]; len(rest) > 0; {
		b, after, err := batch.Next(rest)
		if err != nil {
			r.t.Fatal(err)
		}
		if at < pos+len(b) {
			return at < pos+8 || at >= pos+12 && at < pos+16
		}
		pos, rest = pos+len(b), after
	}
	return false
}
