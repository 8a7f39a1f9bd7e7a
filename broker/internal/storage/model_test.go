package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// entry is one batch of the model.
type entry struct {
	raw   batch.Batch
	base  int64
	last  int64
	epoch kafka.LeaderEpoch
}

// model drives one log with random operations and knows what it must hold: a list of batches.
type model struct {
	t    *testing.T
	rng  *rand.Rand
	fs   *vfs.MemFS
	cfg  Config
	dir  *Dir
	log  *Log
	obs  *spy
	seed uint64
	ring int64 // DirOptions.CommitLogBytes

	list  []entry
	start int64
	// served is the largest log start that anybody could see: no crash brings it back.
	served int64
	epoch  kafka.LeaderEpoch
	ts     int64
	floor  int64 // what a crash must leave: flushed, or less while a truncation runs
	pins   []pinned
	cap    int64 // what may count as flushed: less than the log says while a truncation runs
	ops    int
}

type pinned struct {
	s    Slice
	want []byte
}

func newModel(t *testing.T, seed uint64) *model {
	rng := rand.New(rand.NewPCG(seed, 1))
	pick := func(v ...int32) int32 { return v[rng.IntN(len(v))] }
	m := &model{t: t, rng: rng, fs: vfs.NewMem(), seed: seed, ts: 1000, cap: math.MaxInt64}
	m.cfg = Config{
		SegmentBytes:       pick(500, 900, 2000, 1<<20),
		SegmentMs:          int64(pick(20, 1000, 1<<30)),
		SegmentJitterMs:    int64(pick(0, 10)),
		IndexIntervalBytes: pick(-1, 100, 500, 4096),
		SegmentIndexBytes:  pick(48, 1<<20),
		Sparse:             rng.IntN(4) == 0,
		Delete:             rng.IntN(4) > 0,
		RetentionMs:        int64(pick(-1, 0, 20, 100)),
		RetentionBytes:     int64(pick(-1, 0, 700, 2500)),
		FileDeleteDelayMs:  int64(pick(0, 50)),
	}
	m.ring = int64(pick(-1, 16<<10, 16<<10, 32<<10, 128<<10))
	return m
}

func (m *model) fatalf(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("seed %d op %d: %s", m.seed, m.ops, fmt.Sprintf(format, args...))
}

func (m *model) open() {
	m.t.Helper()
	m.obs = &spy{}
	o := testOptions()
	o.CheckpointBytes = 1000
	o.MaxOpenFiles = 2
	o.CommitLogBytes = m.ring
	d, err := OpenDir(m.fs, testDir, o)
	if err != nil {
		m.fatalf("open dir: %v", err)
	}
	l, err := d.OpenLog(testTopic, m.cfg, m.obs)
	if err != nil {
		m.fatalf("open log: %v", err)
	}
	m.dir, m.log = d, l
}

func (m *model) end() int64 {
	if n := len(m.list); n > 0 {
		return m.list[n-1].last + 1
	}
	return m.start
}

// next makes a batch that continues the model, and puts it into the model: what is being
// appended may be on the disk when a crash comes.
func (m *model) next(gap int64) batch.Batch {
	m.ts += int64(m.rng.IntN(9)) - 2
	codec := compress.None
	if m.rng.IntN(10) == 0 {
		codec = compress.LZ4
	}
	b := makeBatch(1+m.rng.IntN(4), m.rng.IntN(60), m.ts, codec)
	if m.rng.IntN(5) == 0 {
		b.SetLogAppendTime(m.ts)
	}
	if m.rng.IntN(6) == 0 {
		m.epoch += kafka.LeaderEpoch(1 + m.rng.IntN(2))
	}
	b.SetBaseOffset(m.end() + gap)
	b.SetLeaderEpoch(m.epoch)
	m.list = append(m.list, entry{raw: bytes.Clone(b), base: b.BaseOffset(), last: b.LastOffset(), epoch: m.epoch})
	return b
}

// send appends as an idempotent client does, now and then twice.
func (m *model) send() {
	id := kafka.ProducerID(m.rng.IntN(3))
	s := sent{id: id, n: 1 + m.rng.IntN(3), ts: m.ts}
	if e, ok := stateOf(m.log)[id]; ok {
		s.epoch = e.epoch
		if k := len(e.window); k > 0 {
			s.seq = int32((uint32(e.window[k-1].seq) + 1) & math.MaxInt32)
		}
	}
	b, want := s.batch(), m.end()
	b.SetBaseOffset(want)
	b.SetLeaderEpoch(m.epoch)
	m.list = append(m.list, entry{raw: bytes.Clone(b), base: want, last: b.LastOffset(), epoch: m.epoch})
	for _, again := range []bool{false, true, true}[:1+m.rng.IntN(3)] {
		o, err := m.log.AppendClient(b, m.epoch, m.ts)
		if err != nil || o != (Outcome{want, want + int64(s.n) - 1, b.MaxTimestamp(), again}) {
			m.fatalf("send %+v: %+v, %v, want %d, duplicate %v", s, o, err, want, again)
		}
	}
}

func (m *model) append() {
	if m.rng.IntN(2) == 0 {
		m.send()
		return
	}
	want := m.end()
	b := m.next(0)
	b.SetBaseOffset(0)
	b.SetLeaderEpoch(-1)
	base, err := m.log.Append(b, m.epoch, m.ts)
	if err != nil || base != want {
		m.fatalf("append: %d, %v, want %d", base, err, want)
	}
}

func (m *model) follow() {
	var p []byte
	for range 1 + m.rng.IntN(5) {
		gap := int64(0)
		if m.cfg.Sparse && m.rng.IntN(2) == 0 {
			gap = int64(m.rng.IntN(5))
			if m.rng.IntN(20) == 0 {
				gap = math.MaxInt32
			}
		}
		p = append(p, m.next(gap)...)
	}
	if a, err := m.log.AppendAsFollower(p, m.ts); err != nil || a.NextOffset != m.end() || int(a.Bytes) != len(p) {
		m.fatalf("follow: %+v, %v", a, err)
	}
}

// want is what a read may return at most.
func (m *model) want(from, max, bound int64, minOne bool) (out []byte, next int64) {
	bound = min(bound, m.end())
	next = from
	if from >= bound {
		return nil, from
	}
	for _, e := range m.list {
		if e.last < from {
			continue
		}
		if e.last >= bound || int64(len(out)+len(e.raw)) > max && !(minOne && len(out) == 0) {
			break
		}
		out, next = append(out, e.raw...), e.last+1
	}
	return out, next
}

func (m *model) read(pin bool) {
	span := m.end() - m.start + 2
	at := func() int64 { return m.start - 1 + m.rng.Int64N(span+1) }
	if m.cfg.Sparse && len(m.list) > 0 { // most offsets may be in gaps
		at = func() int64 { return m.list[m.rng.IntN(len(m.list))].base + int64(m.rng.IntN(5)) - 1 }
	}
	from, bound, max, one := at(), at(), int64(m.rng.IntN(1000)), m.rng.IntN(2) == 0
	if m.rng.IntN(3) == 0 {
		bound, max = m.end(), 1<<30
	}
	s, err := m.log.Read(from, int32(max), bound, one)
	if from < m.start || from > m.end() {
		if !errors.Is(err, ErrOffsetOutOfRange) {
			m.fatalf("read at %d of %d..%d: %v", from, m.start, m.end(), err)
		}
		return
	}
	if err != nil {
		m.fatalf("read at %d: %v", from, err)
	}
	got, err := s.AppendTo(nil)
	if err != nil {
		m.fatalf("read at %d: %v", from, err)
	}
	want, next := m.want(from, max, bound, one)
	if !bytes.HasPrefix(want, got) || len(got) == 0 && len(want) > 0 {
		m.fatalf("read from=%d max=%d bound=%d one=%v: %d bytes, want %d", from, max, bound, one, len(got), len(want))
	}
	bs := batches(m.t, got)
	if len(got) < len(want) { // only the end of a segment may stop it earlier
		next = bs[len(bs)-1].LastOffset() + 1
		rest, _, _ := batch.Next(want[len(got):])
		found := false
		for _, seg := range *m.log.segs.Load() {
			found = found || seg.base > bs[len(bs)-1].LastOffset() && seg.base <= rest.BaseOffset()
		}
		if !found {
			m.fatalf("read from=%d max=%d bound=%d stopped at %d inside a segment", from, max, bound, next)
		}
	}
	if n := s.NextOffset(); n < next || len(got) == 0 && n != from {
		m.fatalf("read from=%d bound=%d: next offset %d, want %d", from, bound, n, next)
	}
	if pin && s.Len() > 0 {
		m.pins = append(m.pins, pinned{s, got})
		return
	}
	s.Close()
}

func (m *model) unpin() {
	for _, p := range m.pins {
		got, err := p.s.AppendTo(nil)
		if err != nil || !bytes.Equal(got, p.want) {
			m.fatalf("a pinned range has changed: %v", err)
		}
		p.s.Close()
	}
	m.pins = nil
}

func (m *model) truncate() {
	if m.end() == m.start {
		return
	}
	to := m.start + m.rng.Int64N(m.end()-m.start)
	if m.rng.IntN(2) == 0 {
		to = max(m.list[len(m.list)-1].base-int64(m.rng.IntN(4)), m.start)
	}
	keep := len(m.list)
	for keep > 0 && m.list[keep-1].last >= to {
		keep--
	}
	if keep == 0 || m.list[keep-1].last < m.start { // nothing is left: the log begins again
		keep = 0
	}
	left := m.list[:keep:keep]
	end := m.start
	if keep > 0 {
		end = left[keep-1].last + 1
	}
	m.floor, m.cap = min(m.floor, end), end
	if err := m.log.TruncateTo(to); err != nil {
		m.fatalf("truncate to %d: %v", to, err)
	}
	m.cap = math.MaxInt64
	m.list = left
	if got := m.log.LogEndOffset(); got != end {
		m.fatalf("truncate to %d ends at %d, want %d", to, got, end)
	}
}

func (m *model) raiseStart() {
	if m.end() == m.start {
		return
	}
	to := m.start + m.rng.Int64N(m.end()-m.start+1)
	if m.cfg.Sparse {
		to = m.list[m.rng.IntN(len(m.list))].last + 1
	}
	if to < m.start {
		return
	}
	if err := m.log.SetLogStartOffset(to); err != nil {
		m.fatalf("log start %d: %v", to, err)
	}
	m.start = to
	m.floor = max(m.floor, to)
}

// retain does retention and compares what it does with the rules, worked out from the batches.
func (m *model) retain() {
	now, hw := m.ts+int64(m.rng.IntN(150)), m.start+m.rng.Int64N(m.end()-m.start+1)
	if m.rng.IntN(2) == 0 {
		hw = m.end()
	}
	if m.rng.IntN(3) == 0 {
		if _, err := m.log.RollAged(now + int64(m.rng.IntN(50))); err != nil {
			m.fatalf("roll: %v", err)
		}
	}
	want := m.retained(now, min(hw, m.log.FlushedEndOffset()))
	if _, err := m.dir.Retain(now, []Retainable{{m.log, hw}}); err != nil {
		m.fatalf("retention: %v", err)
	}
	if got := m.log.LogStartOffset(); got != want {
		m.fatalf("retention at %d below %d of %+v: the log starts at %d, want %d", now, hw, m.cfg, got, want)
	}
	m.start = want
	m.floor = max(m.floor, want)
	if next, err := m.dir.Unlink(now); err != nil || next < now {
		m.fatalf("unlink at %d: next at %d, %v", now, next, err)
	}
}

// retained is the log start that retention should give.
func (m *model) retained(now, bound int64) int64 {
	start, segs := m.start, *m.log.segs.Load()
	sizes, newest := make([]int64, len(segs)), make([]int64, len(segs))
	total := int64(0)
	for _, e := range m.list {
		if i := find(segs, e.base); e.base >= segs[0].base {
			sizes[i] += int64(len(e.raw))
			newest[i] = max(newest[i], e.raw.MaxTimestamp())
			total += int64(len(e.raw))
		}
	}
	for i := range segs {
		end := m.end()
		if i+1 < len(segs) {
			end = segs[i+1].base
		}
		bySize := m.cfg.RetentionBytes >= 0 && total-sizes[i] >= m.cfg.RetentionBytes
		byTime := m.cfg.RetentionMs >= 0 && now-newest[i] > m.cfg.RetentionMs
		byStart := i+1 < len(segs) && end <= m.start
		if end > bound || i+1 == len(segs) && sizes[i] == 0 || !byStart && !(m.cfg.Delete && (bySize || byTime)) {
			break
		}
		start, total = max(start, end), total-sizes[i]
	}
	return start
}

// check compares everything that can be asked.
func (m *model) check() {
	m.t.Helper()
	l := m.log
	if l.LogStartOffset() != m.start || l.LogEndOffset() != m.end() {
		m.fatalf("log is %d..%d, want %d..%d", l.LogStartOffset(), l.LogEndOffset(), m.start, m.end())
	}
	if f := l.FlushedEndOffset(); f > l.LogEndOffset() || l.RecoveryPoint() > f {
		m.fatalf("recovery %d, flushed %d, end %d", l.RecoveryPoint(), f, l.LogEndOffset())
	}
	want, _ := m.want(m.start, math.MaxInt64, math.MaxInt64, true)
	if got := readAll(m.t, l, m.start, math.MaxInt64); !bytes.Equal(got, want) {
		m.fatalf("log holds %d bytes, want %d", len(got), len(want))
	}
	var c epochCache
	for _, e := range m.list {
		c.assign(e.epoch, e.base)
	}
	// What a log remembers of epochs without batches, below its first and above its last, depends
	// on how it came to be.
	var got epochCache
	got.replace(slices.Clone(l.epochs.mu.entries), true)
	first := m.end()
	for _, e := range m.list {
		if e.last >= m.start {
			first = max(e.base, m.start)
			break
		}
	}
	for _, e := range []*epochCache{&c, &got} {
		e.truncateStart(first)
		e.truncateEnd(m.end())
	}
	if !slices.Equal(got.mu.entries, c.mu.entries) {
		m.fatalf("epochs %v, want %v", l.epochs.mu.entries, c.mu.entries)
	}
	m.checkTimes()
	raw := make([]batch.Batch, len(m.list))
	for i := range m.list {
		raw[i] = m.list[i].raw
	}
	if problem := wrongProducers(m.log, raw); problem != "" {
		m.fatalf("%s", problem)
	}
}

// checkTimes compares time searches with a walk over all records.
func (m *model) checkTimes() {
	bound := m.end()
	if n := len(m.list); n > 0 && m.rng.IntN(2) == 0 {
		bound = max(m.list[m.rng.IntN(n)].last+1, m.start)
	}
	target := m.ts - int64(m.rng.IntN(60))
	hit, top := noPoint, noPoint
	for _, e := range m.list {
		if e.last >= bound {
			break
		}
		var d compress.Decompressor
		plain, err := e.raw.Plain(&d, nil, compress.DefaultBudget(1<<20))
		if err != nil {
			m.fatalf("%v", err)
		}
		for it := batch.IterateRecords(plain, e.raw.NumRecords()); it.Next(); {
			o, ts := e.raw.Offset(it.Record()), e.raw.Timestamp(it.Record())
			if o < m.start {
				continue
			}
			if ts >= target && hit.offset < 0 {
				hit = timePoint{o, ts, e.epoch}
			}
			if ts > top.ts {
				top = timePoint{o, ts, e.epoch}
			}
		}
	}
	o, ts, epoch, err := m.log.OffsetForTimestamp(target, bound)
	if got := (timePoint{o, ts, epoch}); err != nil || got != hit {
		m.fatalf("time %d below %d: %v %v, want %v", target, bound, got, err, hit)
	}
	o, ts, epoch, err = m.log.MaxTimestamp(bound)
	if got := (timePoint{o, ts, epoch}); err != nil || got != top {
		m.fatalf("max time below %d: %v %v, want %v", bound, got, err, top)
	}
}

// crashed recovers a disk after a crash and brings the model to what is left: at least what was
// flushed, at most what was appended, and nothing else.
func (m *model) recovered(fs *vfs.MemFS) {
	m.t.Helper()
	m.fs = fs
	m.pins = nil
	m.open()
	l := m.log
	end := l.LogEndOffset()
	if end < m.floor {
		m.fatalf("the log ends at %d, but %d was flushed", end, m.floor)
	}
	if f := l.FlushedEndOffset(); f != end {
		m.fatalf("recovered to %d, flushed %d", end, f)
	}
	keep := len(m.list)
	for keep > 0 && m.list[keep-1].last >= end {
		keep--
	}
	m.list = m.list[:keep]
	if m.start = l.LogStartOffset(); m.start < m.served {
		m.fatalf("the log starts at %d, but was seen to start at %d", m.start, m.served)
	}
	if m.end() != end {
		if end != m.start {
			m.fatalf("the log ends at %d, inside a batch or where none was", end)
		}
		m.list = nil // what was left lies below the log start: the log began again there
	}
	m.check()
}

func (m *model) step() {
	m.ops++
	if f := m.log.FlushedEndOffset(); f > m.floor && m.obs.last() < f && m.obs.last() >= 0 {
		m.fatalf("flushed %d, told %d", f, m.obs.last())
	}
	switch r := m.rng.IntN(100); {
	case r < 35:
		m.append()
	case r < 50:
		m.follow()
	case r < 70:
		m.read(r < 53)
	case r < 80:
		m.dir.SyncOnce()
	case r < 84:
		m.truncate()
	case r < 86:
		m.raiseStart()
	case r < 88:
		m.retain()
	case r < 89:
		m.unpin()
	case r < 91:
		m.unpin()
		if err := m.dir.Close(true, 3); err != nil {
			m.fatalf("close: %v", err)
		}
		m.floor = m.end()
		m.recovered(m.fs)
		if _, ok := m.dir.Clean(); !ok {
			m.fatalf("not clean after a clean stop")
		}
	case r < 94:
		m.recovered(killed(m.fs))
	case r < 97:
		m.recovered(m.fs.CrashClone(m.rng, vfs.CrashOptions{}))
	case r < 98:
		if err := m.dir.Checkpoint(); err != nil {
			m.fatalf("checkpoint: %v", err)
		}
	default:
		m.check()
	}
	m.floor = max(m.floor, m.log.FlushedEndOffset())
	m.served = max(m.served, m.log.LogStartOffset())
}

// seeds is how many runs a random test makes: few by default, STORAGE_SEEDS for a campaign.
func seeds(t *testing.T, few int) int {
	if s := os.Getenv("STORAGE_SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return few
}

// TestModel drives a log with random operations, restarts and crashes under random settings, and
// compares it with a list of batches after every restart and now and then.
func TestModel(t *testing.T) {
	for seed := range uint64(seeds(t, 60)) {
		m := newModel(t, seed)
		m.open()
		for range 300 {
			m.step()
		}
		m.unpin()
		m.check()
	}
}
