package storage

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/storage/clean"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// inTxn appends records "key=value" of a producer's transaction, and endOf its marker.
func inTxn(t testing.TB, l *Log, id kafka.ProducerID, words ...string) int64 {
	t.Helper()
	var list []word
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		list = append(list, word{k, v, 1000})
	}
	base, err := l.Append(wordBatch(batch.BuilderOptions{HasProducer: true, ProducerID: id, BaseSequence: -1, Transactional: true}, list...), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func endOf(t testing.TB, l *Log, id kafka.ProducerID, kind batch.ControlType) int64 {
	t.Helper()
	base, err := l.Append(batch.EndTxnMarker(kind, id, 0, 0, 1000), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func aborted(t testing.TB, l *Log, from, bound int64) string {
	t.Helper()
	list, err := l.AppendAborted(nil, from, bound)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range list {
		out = append(out, fmt.Sprintf("%d:%d-%d/%d", a.ProducerID, a.FirstOffset, a.LastOffset, a.LastStableOffset))
	}
	return strings.Join(out, " ")
}

// The file is Kafka's, byte for byte: what kafka-dump-log prints of it is "version: 0 producerId: 7 firstOffset: 0 lastOffset: 2 lastStableOffset: 1".
func TestTxnIndexBytes(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, Config{})
	inTxn(t, l, 7, "a=1")
	inTxn(t, l, 8, "b=1")
	endOf(t, l, 7, batch.ControlAbort)
	roll(t, d, l)
	content, err := readFile(fs, segmentName(l.Path(), 0, extTxn))
	if err != nil {
		t.Fatal(err)
	}
	const want = "0000" + "0000000000000007" + "0000000000000000" + "0000000000000002" + "0000000000000001"
	if got := hex.EncodeToString(content); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestTxnIndex: the aborted transactions of a range, in memory and from files, and the last stable offset.
func TestTxnIndex(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, Config{})
	stable := func(hw, want int64) {
		t.Helper()
		if got := l.LastStableOffset(hw); got != want {
			t.Errorf("last stable offset below %d: %d, want %d", hw, got, want)
		}
	}
	put(t, l, "x=1")                    // 0
	inTxn(t, l, 1, "a=1")               // 1
	inTxn(t, l, 2, "b=1")               // 2
	stable(3, 1)                        // 1 is the oldest that is open
	stable(1, 1)                        //
	endOf(t, l, 1, batch.ControlAbort)  // 3
	stable(3, 1)                        // its marker is not below the high watermark
	stable(4, 2)                        // now it is
	inTxn(t, l, 1, "a=2")               // 4
	endOf(t, l, 2, batch.ControlCommit) // 5
	roll(t, d, l)                       //
	endOf(t, l, 1, batch.ControlAbort)  // 6
	stable(7, 7)                        //
	inTxn(t, l, 3, "c=1")               // 7
	roll(t, d, l)                       //
	endOf(t, l, 3, batch.ControlAbort)  // 8
	endOf(t, l, 3, batch.ControlAbort)  // 9: of nothing
	all := "1:1-3/2 1:4-6/7 3:7-8/9"
	check := func(l *Log) {
		t.Helper()
		for _, f := range []struct {
			from, bound int64
			want        string
		}{
			{0, 100, all}, {0, 1, ""}, {0, 2, "1:1-3/2"}, {3, 4, "1:1-3/2"}, {4, 5, "1:4-6/7"}, {4, 7, "1:4-6/7"}, {5, 8, "1:4-6/7 3:7-8/9"}, {7, 8, "3:7-8/9"}, {9, 10, ""},
		} {
			if got := aborted(t, l, f.from, f.bound); got != f.want {
				t.Errorf("in [%d, %d): %s, want %s", f.from, f.bound, got, f.want)
			}
		}
	}
	check(l)
	stable(10, 10)
	roll(t, d, l)
	check(l)
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	d, l = openTestLog(t, fs, Config{})
	check(l)
	if err := l.TruncateTo(8); err != nil {
		t.Fatal(err)
	}
	stable(8, 7)
	if got := aborted(t, l, 0, 100); got != "1:1-3/2 1:4-6/7" {
		t.Errorf("truncated: %s", got)
	}
	if err := l.TruncateTo(6); err != nil {
		t.Fatal(err)
	}
	stable(6, 4)
	if got := aborted(t, l, 0, 100); got != "1:1-3/2" {
		t.Errorf("truncated: %s", got)
	}
	if err := l.Reset(50); err != nil {
		t.Fatal(err)
	}
	stable(50, 50)
	if got := aborted(t, l, 50, 100); got != "" {
		t.Errorf("reset: %s", got)
	}
	_ = d
}

// txnModel writes random transactions and knows what the index must say.
type txnModel struct {
	t     *testing.T
	rng   *rand.Rand
	fs    *vfs.MemFS
	d     *Dir
	l     *Log
	first map[kafka.ProducerID]int64
	want  []AbortedTxn
}

func (m *txnModel) step() {
	id := kafka.ProducerID(m.rng.IntN(4))
	switch n := m.rng.IntN(10); {
	case n < 5:
		at := inTxn(m.t, m.l, id, fmt.Sprint("k", m.rng.IntN(5), "=1"))
		if _, open := m.first[id]; !open {
			m.first[id] = at
		}
	case n < 8:
		kind := batch.ControlType(m.rng.IntN(2))
		at := endOf(m.t, m.l, id, kind)
		first, open := m.first[id]
		delete(m.first, id)
		if kind == batch.ControlAbort && open {
			a := AbortedTxn{id, first, at, at + 1}
			for _, o := range m.first {
				a.LastStableOffset = min(a.LastStableOffset, o)
			}
			m.want = append(m.want, a)
		}
	case n == 8:
		put(m.t, m.l, "x=1")
	default:
		m.d.SyncOnce()
		if m.rng.IntN(2) == 0 {
			if err := m.d.Checkpoint(); err != nil {
				m.t.Fatal(err)
			}
		}
	}
}

// shrink forgets what lies at or above end.
func (m *txnModel) shrink(end int64) {
	m.want = slices.DeleteFunc(m.want, func(a AbortedTxn) bool { return a.LastOffset >= end })
	m.first = map[kafka.ProducerID]int64{}
	for _, p := range m.l.Producers() {
		if p.TxnFirstOffset >= 0 {
			m.first[p.ID] = p.TxnFirstOffset
		}
	}
}

func (m *txnModel) check(what string) {
	m.t.Helper()
	got, err := m.l.AppendAborted(nil, 0, math.MaxInt64)
	if err != nil {
		m.t.Fatal(err)
	}
	if !slices.Equal(got, m.want) {
		m.t.Fatalf("%s: %v\nwant %v", what, got, m.want)
	}
	for range 5 {
		from := m.rng.Int64N(m.l.LogEndOffset() + 1)
		bound := from + m.rng.Int64N(20)
		var want []AbortedTxn
		for _, a := range m.want {
			if a.LastOffset >= from && a.FirstOffset < bound {
				want = append(want, a)
			}
		}
		got, err := m.l.AppendAborted(nil, from, bound)
		if err != nil || !slices.Equal(got, want) {
			m.t.Fatalf("%s in [%d, %d): %v, %v\nwant %v", what, from, bound, got, err, want)
		}
	}
}

// After any transactions, restarts, crashes and truncations the index says what the log says (T-19); deleted together with the other
// index files it is made anew, the same bytes (S-07).
func TestTxnIndexModel(t *testing.T) {
	for seed := range uint64(seeds(t, 40)) {
		m := &txnModel{t: t, rng: rand.New(rand.NewPCG(seed, 5)), fs: vfs.NewMem(), first: map[kafka.ProducerID]int64{}}
		cfg := Config{SegmentBytes: int32(300 + m.rng.IntN(1500)), IndexIntervalBytes: -1}
		m.d, m.l = openTestLog(t, m.fs, cfg)
		for range 6 {
			for range 30 {
				m.step()
			}
			m.check("running")
			switch m.rng.IntN(4) {
			case 0:
				if err := m.d.Close(true, 1); err != nil {
					t.Fatal(err)
				}
				if m.rng.IntN(2) == 0 {
					m.deleteIndexes()
				}
				m.d, m.l = openTestLog(t, m.fs, cfg)
			case 1:
				m.fs = m.fs.CrashClone(m.rng, vfs.CrashOptions{})
				m.d, m.l = openTestLog(t, m.fs, cfg)
				m.shrink(m.l.LogEndOffset())
			case 2:
				if err := m.l.TruncateTo(m.rng.Int64N(m.l.LogEndOffset() + 1)); err != nil {
					t.Fatal(err)
				}
				m.shrink(m.l.LogEndOffset())
			}
			m.check(fmt.Sprint("seed ", seed))
		}
	}
}

// deleteIndexes deletes all index files of a stopped log and checks that the next start makes the same ones of sealed segments.
func (m *txnModel) deleteIndexes() {
	before := map[string][]byte{}
	names, err := m.fs.List(m.l.Path())
	if err != nil {
		m.t.Fatal(err)
	}
	active := fmt.Sprintf("%020d", (*m.l.segs.Load())[m.l.Segments()-1].base)
	for _, n := range names {
		if !strings.HasSuffix(n, "index") {
			continue
		}
		if !strings.HasPrefix(n, active) {
			if before[n], err = readFile(m.fs, m.l.Path()+"/"+n); err != nil {
				m.t.Fatal(err)
			}
		}
		if err := m.fs.Remove(m.l.Path() + "/" + n); err != nil {
			m.t.Fatal(err)
		}
	}
	d, l := openTestLog(m.t, m.fs, m.l.Config())
	for n, want := range before {
		if got, err := readFile(m.fs, l.Path()+"/"+n); err != nil || !bytes.Equal(got, want) {
			m.t.Fatalf("%s: %x, %v, want %x", n, got, err, want)
		}
	}
	if err := d.Close(true, 1); err != nil {
		m.t.Fatal(err)
	}
}

// TestPoint091AbortedDataGoes: what was aborted goes with the first cleaning and counts for nothing, an open transaction holds everything from
// its beginning on back, markers stay until nothing of their transaction is left and their horizon has passed, and the
// index of the new segment is that of what is left.
func TestPoint091AbortedDataGoes(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, compacted)
	put(t, l, "a=0", "b=0")             // 0, 1
	inTxn(t, l, 1, "a=aborted")         // 2
	inTxn(t, l, 2, "b=committed")       // 3
	endOf(t, l, 1, batch.ControlAbort)  // 4
	endOf(t, l, 2, batch.ControlCommit) // 5
	roll(t, d, l)                       //
	inTxn(t, l, 3, "a=open")            // 6
	put(t, l, "b=1", "x=1")             // 7, 8
	roll(t, d, l)
	put(t, l, "b=2")
	run := func(now int64, want string) {
		t.Helper()
		l.cleaned.Store(0) // everything again
		if _, err := l.Clean(CleanOptions{Cleaner: clean.New(clean.Options{}), Stable: l.LogEndOffset(), NowMs: now}); err != nil {
			t.Fatal(err)
		}
		if got := words(t, l); got != want {
			t.Fatalf("%s\nwant %s", got, want)
		}
	}
	l.mu.Lock()
	l.mu.producers.remove(l.mu.producers.index[1]) // they are not remembered any more
	l.mu.producers.remove(l.mu.producers.index[2])
	l.mu.Unlock()
	run(0, "0:a=0 3:b=committed 4:control 5:control 6:a=open 7:b=1 8:x=1 9:b=2")
	if got := aborted(t, l, 0, 100); got != "" {
		t.Errorf("the index still has %s", got)
	}
	run(10, "0:a=0 3:b=committed 4:control 5:control 6:a=open 7:b=1 8:x=1 9:b=2")
	run(110, "0:a=0 3:b=committed 5:control 6:a=open 7:b=1 8:x=1 9:b=2")
	endOf(t, l, 3, batch.ControlAbort) // 10
	roll(t, d, l)
	run(120, "0:a=0 5:control 8:x=1 9:b=2 10:control")
}

// An entry of a marker that a power cut took with it goes from the file at the next start: later, something else is at its offsets.
func TestTxnIndexForgetsWhatIsLost(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, Config{})
	put(t, l, "x=1")
	d.SyncOnce()
	inTxn(t, l, 1, "a=1")
	endOf(t, l, 1, batch.ControlAbort)
	if err := d.Checkpoint(); err != nil { // writes the index files of the active segment as they are
		t.Fatal(err)
	}
	for range 2 {
		fs = fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
		d, l = openTestLog(t, fs, Config{})
		for range 5 {
			put(t, l, "y=1")
		}
		d.SyncOnce()
		if got := aborted(t, l, 0, 100); got != "" {
			t.Fatalf("the index says %s", got)
		}
	}
}
