package storage

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// sent is a batch as a producer sends it.
type sent struct {
	id    kafka.ProducerID
	epoch kafka.ProducerEpoch
	seq   int32
	n     int
	ts    int64
	txn   bool
}

func (s sent) batch() batch.Batch {
	var b batch.Builder
	b.Reset(batch.BuilderOptions{HasProducer: true, ProducerID: s.id, ProducerEpoch: s.epoch, BaseSequence: s.seq, Transactional: s.txn})
	for i := range max(s.n, 1) {
		b.Append(s.ts+int64(i), nil, []byte("value"), nil)
	}
	out, err := b.Build()
	if err != nil {
		panic(err)
	}
	return slices.Clone(out)
}

// TestSequences is the table of what a leader does with a client's batch (SURFACE 48-50, 54).
func TestSequences(t *testing.T) {
	_, l := openTestLog(t, vfs.NewMem(), Config{})
	f := func(s sent, want error, base int64, dup bool) {
		t.Helper()
		end := l.LogEndOffset()
		o, err := l.AppendClient(s.batch(), 1, 0)
		switch {
		case !errors.Is(err, want):
			t.Fatalf("%+v: %v, want %v", s, err, want)
		case err != nil || dup:
			if l.LogEndOffset() != end {
				t.Fatalf("%+v was appended", s)
			}
		case l.LogEndOffset() != base+int64(max(s.n, 1)):
			t.Fatalf("%+v was not appended", s)
		}
		n := int64(max(s.n, 1))
		if err == nil && o != (Outcome{base, base + n - 1, s.ts + n - 1, dup}) {
			t.Fatalf("%+v: %+v, want base %d, duplicate %v", s, o, base, dup)
		}
	}
	gap, fenced := ErrOutOfOrderSequence, ErrInvalidProducerEpoch
	f(sent{id: 1, seq: 7, n: 2, ts: 100}, nil, 0, false) // unknown: any sequence
	f(sent{id: 1, seq: 7, n: 2, ts: 100}, nil, 0, true)
	f(sent{id: 1, seq: 10}, gap, 0, false)
	f(sent{id: 1, seq: 8}, gap, 0, false) // part of a batch is no duplicate
	f(sent{id: 1, seq: 7, n: 3}, gap, 0, false)
	for i := range int64(5) {
		f(sent{id: 1, seq: 9 + int32(i), ts: 200 + i}, nil, 2+i, false)
	}
	for i := range int64(5) { // five are remembered, in any order
		f(sent{id: 1, seq: 13 - int32(i), ts: 204 - i}, nil, 6-i, true)
	}
	f(sent{id: 1, seq: 7, n: 2}, gap, 0, false) // the sixth is not
	f(sent{id: 2, seq: 0}, nil, 7, false)       // producers do not disturb each other
	f(sent{id: 1, seq: 14}, nil, 8, false)

	f(sent{id: 1, epoch: 2, seq: 5}, gap, 0, false) // a new epoch begins at 0
	f(sent{id: 1, epoch: 2, seq: 0}, nil, 9, false)
	f(sent{id: 1, epoch: 2, seq: 0}, nil, 9, true)
	f(sent{id: 1, epoch: 1, seq: 14}, fenced, 0, false)
	f(sent{id: 1, epoch: 0, seq: 14}, fenced, 0, false) // the old epoch's window is gone

	f(sent{id: 3, seq: math.MaxInt32 - 1, n: 3}, nil, 10, false) // wraps inside the batch
	f(sent{id: 3, seq: math.MaxInt32 - 1, n: 3, ts: 0}, nil, 10, true)
	f(sent{id: 3, seq: 1}, nil, 13, false)
	f(sent{id: 4, seq: math.MaxInt32}, nil, 14, false)
	f(sent{id: 4, seq: 1}, gap, 0, false)
	f(sent{id: 4, seq: 0}, nil, 15, false) // and between two

	f(sent{id: 5, seq: 0, txn: true}, nil, 16, false)
	f(sent{id: 5, seq: 1}, ErrInvalidTxnState, 0, false)
	if _, err := l.Append(batch.EndTxnMarker(batch.ControlCommit, 5, 0, 9, 300), 1, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(batch.EndTxnMarker(batch.ControlCommit, 5, 0, 8, 300), 1, 0); !errors.Is(err, ErrCoordinatorFenced) {
		t.Fatal(err)
	}
	f(sent{id: 5, seq: 1}, nil, 18, false)                               // a marker ends the transaction, not the sequence
	l.Append(batch.EndTxnMarker(batch.ControlAbort, 5, 3, 9, 300), 1, 0) // and may raise the epoch
	f(sent{id: 5, seq: 2}, fenced, 0, false)
	f(sent{id: 5, epoch: 3, seq: 2}, gap, 0, false)
	f(sent{id: 5, epoch: 3, seq: 0}, nil, 20, false)

	// The broker's own appends are held to the epoch only, a follower's to nothing.
	if base, err := l.Append(sent{id: 1, epoch: 2, seq: 77}.batch(), 1, 0); err != nil || base != 21 {
		t.Fatal(base, err)
	}
	if _, err := l.Append(sent{id: 1, epoch: 1, seq: 78}.batch(), 1, 0); !errors.Is(err, fenced) {
		t.Fatal(err)
	}
	b := sent{id: 1, epoch: 1, seq: 500, n: 2}.batch()
	b.SetBaseOffset(22)
	b.SetLeaderEpoch(1)
	if _, err := l.AppendAsFollower(b, 0); err != nil {
		t.Fatal(err)
	}
	f(sent{id: 1, epoch: 1, seq: 502}, nil, 24, false)
	want := []ProducerState{{1, 1, 502, 0, -1, -1}, {2, 0, 0, 0, -1, -1}, {3, 0, 1, 0, -1, -1}, {4, 0, 0, 0, -1, -1}, {5, 3, 0, 0, 9, -1}}
	if got := l.Producers(); !slices.Equal(got, want) {
		t.Fatalf("producers %v, want %v", got, want)
	}
}

// TestDuplicateOnFullDisk: a duplicate is answered although nothing can be written; a failed append
// leaves the state alone, so that it may be repeated.
func TestDuplicateOnFullDisk(t *testing.T) {
	fs := vfs.NewMem()
	rules := vfs.MustRules("op=write path=*.log nth=3 err=ENOSPC sticky")
	_, l := openTestLog(t, vfs.WithErrors(fs, rules...), Config{})
	for i := range int32(2) {
		if _, err := l.AppendClient(sent{id: 1, seq: i}.batch(), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	before := l.Producers()
	for range 2 {
		if _, err := l.AppendClient(sent{id: 1, seq: 2}.batch(), 0, 0); err == nil || errors.Is(err, ErrOutOfOrderSequence) {
			t.Fatalf("append on a full disk: %v", err)
		}
	}
	if !slices.Equal(before, l.Producers()) {
		t.Fatalf("a failed append made %v of %v", l.Producers(), before)
	}
	if o, err := l.AppendClient(sent{id: 1, seq: 0}.batch(), 0, 0); err != nil || !o.Duplicate || o.BaseOffset != 0 {
		t.Fatalf("%+v %v", o, err)
	}
}

// TestProducerExpiry: idle producers are forgotten by the time of their records, never while their
// transaction is open; too many make the idlest go.
func TestProducerExpiry(t *testing.T) {
	_, l := openTestLog(t, vfs.NewMem(), Config{ProducerExpirationMs: 1000, MaxProducers: 16})
	add := func(s sent) {
		t.Helper()
		if _, err := l.AppendClient(s.batch(), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	ids := func() (out []kafka.ProducerID) {
		for _, p := range l.Producers() {
			out = append(out, p.ID)
		}
		return out
	}
	add(sent{id: 1, ts: 100})
	add(sent{id: 2, ts: 100, txn: true})
	add(sent{id: 3, ts: 600})
	if n := l.ExpireProducers(1099); n != 0 {
		t.Fatalf("%d expired early", n)
	}
	if n := l.ExpireProducers(1100); n != 1 || !slices.Equal(ids(), []kafka.ProducerID{2, 3}) {
		t.Fatalf("%d expired, left %v", n, ids())
	}
	add(sent{id: 1, seq: 55, ts: 2000}) // unknown again
	for id := kafka.ProducerID(10); id < 23; id++ {
		add(sent{id: id, ts: int64(2000 + id), n: 1})
		add(sent{id: id, seq: 1, ts: int64(2000 + id)})
	}
	if len(ids()) != 16 {
		t.Fatalf("%d producers", len(ids()))
	}
	add(sent{id: 99, ts: 1}) // three go: the transaction of 2 is open
	if got := ids(); len(got) != 14 || got[0] != 2 || got[1] != 11 {
		t.Fatalf("left %v", got)
	}
	for id := kafka.ProducerID(11); id < 23; id++ { // those that moved in the table are whole
		if o, err := l.AppendClient(sent{id: id, ts: int64(2000 + id)}.batch(), 0, 0); err != nil || !o.Duplicate {
			t.Fatalf("producer %d: %+v %v", id, o, err)
		}
	}
	if n := l.ExpireProducers(math.MaxInt64); n != 13 || !slices.Equal(ids(), []kafka.ProducerID{2}) {
		t.Fatalf("%d expired, left %v", n, ids())
	}
}

// TestProducersOfADirectory: all logs of a directory together remember no more producers than they may, whoever comes and
// goes; each log still knows who writes to it now.
func TestProducersOfADirectory(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions()
	o.MaxProducers = 20
	d, err := OpenDir(fs, testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	var logs []*Log
	for i := range int32(4) {
		tip := testTopic
		tip.Partition = i
		l, err := d.OpenLog(tip, Config{MaxProducers: 16, SegmentBytes: 400}, nil)
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, l)
	}
	check := func(when string, most int64) {
		t.Helper()
		sum := 0
		for _, l := range d.Logs() {
			sum += len(l.Producers())
		}
		if n := d.disk.producers.Load(); n != int64(sum) || n > most {
			t.Fatalf("%s: %d are counted, there are %d, at most %d", when, n, sum, most)
		}
	}
	id := kafka.ProducerID(0)
	for i := range 200 {
		l := logs[i*i%len(logs)]
		if i > 100 {
			l = logs[i%len(logs)]
		}
		for seq := range int32(2) { // a producer that writes is not forgotten
			if o, err := l.AppendClient(sent{id: id, seq: seq, ts: int64(i)}.batch(), 0, 0); err != nil || o.Duplicate {
				t.Fatalf("producer %d: %+v, %v", id, o, err)
			}
			if o, err := l.AppendClient(sent{id: id, seq: seq, ts: int64(i)}.batch(), 0, 0); err != nil || !o.Duplicate {
				t.Fatalf("producer %d again: %+v, %v", id, o, err)
			}
		}
		id++
		check("appending", 20+int64(len(logs)))
	}
	if d.disk.producers.Load() < 10 {
		t.Fatalf("only %d are left", d.disk.producers.Load())
	}
	d.SyncOnce()
	if err := logs[0].TruncateTo(logs[0].LogEndOffset() / 2); err != nil {
		t.Fatal(err)
	}
	check("truncated", 20+int64(len(logs)))
	if err := logs[1].Reset(5); err != nil {
		t.Fatal(err)
	}
	check("reset", 20+int64(len(logs)))
	logs[2].ExpireProducers(math.MaxInt64)
	check("expired", 20+int64(len(logs)))
	for _, l := range logs {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	check("closed", 0)
	if _, err := d.OpenLog(testTopic, Config{MaxProducers: 16}, nil); err != nil {
		t.Fatal(err)
	}
	check("opened", 20)
}

// TestProducerSnapshotBytes pins the format (SURFACE §8.4) with bytes as Kafka's schema lays them out.
func TestProducerSnapshotBytes(t *testing.T) {
	var p producers
	b := sent{id: 0x0102, epoch: 3, seq: 4, n: 3, ts: 50, txn: true}.batch()
	b.SetBaseOffset(16)
	p.add(b, -1)
	p.add(batch.EndTxnMarker(batch.ControlAbort, 7, 1, 5, 60), 5)
	got := fmt.Sprintf("%x", p.encode())
	want := "0001" + "CRC_____" + "00000002" +
		"0000000000000007" + "0001" + "ffffffff" + "ffffffffffffffff" + "00000000" + "000000000000003c" + "00000005" + "ffffffffffffffff" +
		"0000000000000102" + "0003" + "00000006" + "0000000000000012" + "00000002" + "0000000000000034" + "ffffffff" + "0000000000000010"
	want = strings.Replace(want, "CRC_____", got[4:12], 1)
	if got != want {
		t.Fatalf("snapshot is\n%s, want\n%s", got, want)
	}
	back, err := parseSnapshot(p.encode(), 19)
	if err != nil || string(back.encode()) != string(p.encode()) {
		t.Fatalf("%v", err)
	}
	if _, err := parseSnapshot(p.encode(), 18); !errors.Is(err, errSnapshot) {
		t.Fatalf("a snapshot that knows more than the offset in its name: %v", err)
	}
	raw := p.encode()
	for i := range len(raw) * 8 {
		raw[i/8] ^= 1 << (i % 8)
		if _, err := parseSnapshot(raw, 19); !errors.Is(err, errSnapshot) {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
		raw[i/8] ^= 1 << (i % 8)
	}
	for n := range raw {
		if _, err := parseSnapshot(raw[:n], 19); !errors.Is(err, errSnapshot) {
			t.Fatalf("cut to %d: %v", n, err)
		}
	}
}

// TestSnapshotAhead: snapshots above the log end describe batches that are gone. They are removed
// by truncation and at open, before others take their offsets.
func TestSnapshotAhead(t *testing.T) {
	fs := vfs.NewMem()
	cfg := Config{SegmentBytes: 250}
	d, l := openTestLog(t, fs, cfg)
	for i := range int32(12) {
		if _, err := l.AppendClient(sent{id: 1, seq: i}.batch(), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	d.SyncOnce()
	if err := l.TruncateTo(5); err != nil {
		t.Fatal(err)
	}
	var above []string
	names, _ := fs.List(l.Path())
	for _, n := range names {
		if at, ok := parseSegmentName(n, extSnap); ok && at > 5 {
			above = append(above, n)
		}
	}
	if above != nil {
		t.Fatalf("truncation to 5 left %v", above)
	}
	// As after a crash that lost the end of the log but not the snapshot.
	var p producers
	b := sent{id: 1, epoch: 9, seq: 0}.batch()
	b.SetBaseOffset(6)
	p.add(b, -1)
	putFile(t, fs, segmentName(l.Path(), 7, extSnap), p.encode())
	_, l = openTestLog(t, killed(fs), cfg)
	if got := l.Producers(); len(got) != 1 || got[0].Epoch != 0 || got[0].LastSequence != 4 {
		t.Fatalf("producers %+v", got)
	}
	for i := range int32(4) {
		if _, err := l.AppendClient(sent{id: 1, seq: 5 + i}.batch(), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// refProducer is the state of a producer in the plain words of the rules.
type refProducer struct {
	epoch       kafka.ProducerEpoch
	coordinator int32
	txn, ts     int64
	window      []seqBatch // oldest first
}

type refProducers map[kafka.ProducerID]refProducer

func (r refProducers) add(b batch.Batch) {
	e, ok := r[b.ProducerID()]
	if !ok {
		e = refProducer{epoch: -1, coordinator: -1, txn: -1}
	}
	if b.ProducerEpoch() != e.epoch {
		e.epoch, e.window = b.ProducerEpoch(), nil
	}
	e.ts = b.MaxTimestamp()
	if b.Control() {
		e.coordinator, _ = marker(b)
		e.txn = -1
	} else {
		s := seqBatch{b.LastOffset(), b.MaxTimestamp(), b.LastSequence(), b.LastOffsetDelta()}
		if k := len(e.window); k > 0 && int32((uint32(e.window[k-1].seq)+1)&math.MaxInt32) != b.BaseSequence() {
			e.window = nil
		}
		e.window = append(slices.Clone(e.window), s)
		e.window = e.window[max(0, len(e.window)-5):]
		if b.Transactional() && e.txn < 0 {
			e.txn = b.BaseOffset()
		}
	}
	r[b.ProducerID()] = e
}

// stateOf is the log's state in the same words.
func stateOf(l *Log) refProducers {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := refProducers{}
	p := &l.mu.producers
	for _, e := range p.list {
		r := refProducer{epoch: e.epoch, coordinator: e.coordinator, txn: e.txnFirst, ts: e.timestamp}
		var batches [windowBatches]seqBatch
		if n := p.remembered(&e, &batches); n > 0 {
			r.window = batches[:n]
		}
		out[e.id] = r
	}
	return out
}

// wrongProducers compares a log's producer state, perhaps reloaded, with all its batches and says what is wrong.
func wrongProducers(l *Log, list []batch.Batch) string {
	full, alive := refProducers{}, map[kafka.ProducerID]bool{}
	for _, b := range list {
		if b.ProducerID() >= 0 {
			full.add(b)
			alive[b.ProducerID()] = alive[b.ProducerID()] || b.LastOffset() >= l.LogStartOffset()
		}
	}
	got := stateOf(l)
	for id, want := range full {
		have, ok := got[id]
		if !ok {
			if alive[id] {
				return fmt.Sprintf("producer %d is unknown", id)
			}
			continue
		}
		n := len(have.window)
		if k := len(want.window); n == 0 && k > 0 && want.window[k-1].last >= l.LogStartOffset() || n > k && l.LogStartOffset() == 0 {
			return fmt.Sprintf("producer %d has %d batches of %d", id, n, k)
		}
		have.window = have.window[max(0, n-len(want.window)):] // of batches that were deleted
		n = len(have.window)
		for i := range have.window {
			w := want.window[len(want.window)-n+i]
			if i == 0 { // a snapshot has no time of its own for the last batch
				w.timestamp = have.window[i].timestamp
			}
			if have.window[i] != w {
				return fmt.Sprintf("producer %d: batch %+v, want %+v", id, have.window[i], w)
			}
		}
		have.window, want.window = nil, nil
		if l.LogStartOffset() > 0 { // what begins below it may be known to a snapshot only
			have.txn, want.txn, have.coordinator, want.coordinator = 0, 0, 0, 0
		}
		if !reflect.DeepEqual(have, want) && alive[id] {
			return fmt.Sprintf("producer %d: %+v, want %+v", id, have, want)
		}
	}
	for id := range got {
		if _, ok := full[id]; !ok && l.LogStartOffset() == 0 {
			return fmt.Sprintf("producer %d has no batch", id)
		}
	}
	return ""
}

// TestProducerState drives a log with random producers, truncations, restarts and crashes. Between
// restarts the state is exactly that of the plain rules. A restart keeps everything but batches of the window that
// only a snapshot knew of, and producers of whom only deleted batches told (SURFACE 52). What is
// rebuilt without any snapshot is the same again (S-07).
func TestProducerState(t *testing.T) {
	for seed := range uint64(seeds(t, 40)) {
		producerRun(t, seed)
	}
}

func producerRun(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 5))
	fs := vfs.NewMem()
	cfg := Config{SegmentBytes: []int32{300, 900, 1 << 20}[rng.IntN(3)], IndexIntervalBytes: 100}
	var d *Dir
	var l *Log
	var list []batch.Batch
	ref := refProducers{}
	open := func() {
		o := testOptions()
		o.CheckpointBytes = 1500
		var err error
		if d, err = OpenDir(fs, testDir, o); err == nil {
			l, err = d.OpenLog(testTopic, cfg, nil)
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	// reloaded compares the log's state with what the batches say and goes on with it.
	reloaded := func(what string) {
		t.Helper()
		for len(list) > 0 && list[len(list)-1].LastOffset() >= l.LogEndOffset() {
			list = list[:len(list)-1]
		}
		if problem := wrongProducers(l, list); problem != "" {
			t.Fatalf("seed %d: %s: %s", seed, what, problem)
		}
		ref = stateOf(l)
	}
	open()
	epochs := map[kafka.ProducerID]kafka.ProducerEpoch{}
	for op := range 250 {
		id := kafka.ProducerID(rng.IntN(6))
		e, known := ref[id]
		switch r := rng.IntN(100); {
		case r < 60: // the next batch, or one in a new epoch
			s := sent{id: id, epoch: epochs[id], n: 1 + rng.IntN(3), ts: int64(op), txn: e.txn >= 0 && known || rng.IntN(6) == 0}
			if known && e.epoch == s.epoch && len(e.window) > 0 {
				s.seq = e.window[len(e.window)-1].seq + 1
			}
			if rng.IntN(10) == 0 {
				epochs[id]++
				s.epoch, s.seq = epochs[id], 0
			}
			b := s.batch()
			o, err := l.AppendClient(b, 0, 0)
			if err != nil || o.Duplicate || o.LastOffset != b.LastOffset() {
				t.Fatalf("seed %d: %+v: %+v, %v", seed, s, o, err)
			}
			list = append(list, b)
			ref.add(b)
		case r < 68 && known && len(e.window) > 0: // again one of those that are remembered
			w := e.window[rng.IntN(len(e.window))]
			s := sent{id: id, epoch: e.epoch, seq: w.firstSeq(), n: int(w.delta) + 1, txn: true}
			if o, err := l.AppendClient(s.batch(), 0, 0); err != nil || o != (Outcome{w.last - int64(w.delta), w.last, w.timestamp, true}) {
				t.Fatalf("seed %d: %+v: %+v, %v", seed, s, o, err)
			}
		case r < 72 && known && len(e.window) > 0: // a gap
			s := sent{id: id, epoch: e.epoch, seq: e.window[len(e.window)-1].seq + 2, txn: true}
			if _, err := l.AppendClient(s.batch(), 0, 0); !errors.Is(err, ErrOutOfOrderSequence) {
				t.Fatalf("seed %d: %+v: %v", seed, s, err)
			}
		case r < 78 && known:
			b := batch.EndTxnMarker(batch.ControlAbort, id, e.epoch, max(e.coordinator, 0), int64(op))
			if _, err := l.Append(b, 0, 0); err != nil {
				t.Fatalf("seed %d: marker: %v", seed, err)
			}
			list = append(list, b)
			ref.add(b)
		case r < 84:
			d.SyncOnce()
		case r < 87 && l.LogEndOffset() > l.LogStartOffset():
			if err := l.TruncateTo(l.LogEndOffset() - rng.Int64N(min(8, l.LogEndOffset()-l.LogStartOffset()))); err != nil {
				t.Fatal(err)
			}
			reloaded("truncation")
		case r < 89:
			if err := l.SetLogStartOffset(l.LogStartOffset() + rng.Int64N(l.LogEndOffset()-l.LogStartOffset()+1)); err != nil {
				t.Fatal(err)
			}
		case r < 92:
			if err := d.Close(true, 0); err != nil {
				t.Fatal(err)
			}
			open()
			for id, want := range ref { // it may know more than before: the segments tell
				got := stateOf(l)[id]
				got.window = got.window[max(0, len(got.window)-len(want.window)):]
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d op %d: after a clean stop %+v, want %+v", seed, op, got, want)
				}
			}
			reloaded("clean stop")
		case r < 95:
			fs = fs.CrashClone(rng, vfs.CrashOptions{})
			open()
			reloaded("crash")
		case r < 96: // without some of the snapshots, or with spoiled ones
			d.Close(rng.IntN(2) == 0, 0)
			names, _ := fs.List(l.Path())
			for _, n := range names {
				if !strings.HasSuffix(n, extSnap) || rng.IntN(3) == 0 {
					continue
				}
				fs.Remove(l.Path() + "/" + n)
				if rng.IntN(2) == 0 {
					putFile(t, fs, l.Path()+"/"+n, []byte("\x00\x01spoiled"))
				}
			}
			open()
			reloaded("rebuild")
		}
		if got := stateOf(l); !reflect.DeepEqual(got, ref) {
			t.Fatalf("seed %d op %d: state %+v, want %+v", seed, op, got, ref)
		}
	}
	d.Close(true, 0)
}
