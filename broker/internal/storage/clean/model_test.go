package clean

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// entry is a record of the model.
type entry struct {
	offset    int64
	key       string
	value     string // "" is a tombstone
	timestamp int64
	aborted   bool
	found     int64 // when a round first found the tombstone, -1
}

// machine runs random histories and rounds against what the documentation says must be left.
type machine struct {
	*history
	rng      *rand.Rand
	all      []entry // every data record ever written, by offset
	byOffset map[int64]int
	now      int64
	last     map[kafka.ProducerID]Last
	txn      map[kafka.ProducerID][]int64 // offsets of the open transaction
	seq      map[kafka.ProducerID]int32
}

const modelRetention = 50

// After any history and any number of rounds: the newest value of each key is the model's, no key is lost, no record
// has another offset, value or time, nothing aborted is left, tombstones leave only after their horizon, every remembered
// producer has its last batch.
func TestModel(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		m := &machine{history: newHistory(t), rng: rand.New(rand.NewPCG(seed, 1)), byOffset: map[int64]int{},
			now: 10_000, last: map[kafka.ProducerID]Last{}, txn: map[kafka.ProducerID][]int64{}, seq: map[kafka.ProducerID]int32{}}
		c := New(Options{Seed: [16]byte{byte(seed)}, MapBytes: int64(slotSize * (2 + m.rng.IntN(40)))})
		for step := range 60 {
			m.now += m.rng.Int64N(40)
			switch n := m.rng.IntN(10); {
			case n < 6:
				m.write()
			case n < 8:
				m.finish()
			default:
				m.round(c)
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
	}
}

func (m *machine) write() {
	id := kafka.ProducerID(m.rng.IntN(5) - 1)
	m.opts = batch.BuilderOptions{Codec: compress.Codec(m.rng.IntN(5))}
	if id >= 0 {
		m.opts.HasProducer, m.opts.ProducerID, m.opts.BaseSequence = true, id, m.seq[id]
		m.opts.Transactional = id >= 2
	}
	m.time = m.now
	var recs []rec
	for range 1 + m.rng.IntN(4) {
		r := rec{fmt.Sprint("k", m.rng.IntN(12)), fmt.Sprint("v", m.rng.IntN(1000))}
		switch m.rng.IntN(8) {
		case 0, 1:
			r.value = ""
		case 2:
			r.key = fmt.Sprint("k", 100+m.rng.IntN(1000))
		}
		recs = append(recs, r)
	}
	base := m.add(recs...)
	for i, r := range recs {
		offset := base + int64(i)
		m.byOffset[offset] = len(m.all)
		m.all = append(m.all, entry{offset: offset, key: r.key, value: r.value, timestamp: m.now + int64(i), found: -1})
		if m.opts.Transactional {
			m.txn[id] = append(m.txn[id], offset)
		}
	}
	if id >= 0 {
		m.seq[id] += int32(len(recs))
		m.last[id] = Last{Offset: m.next - 1}
	}
}

// finish ends an open transaction.
func (m *machine) finish() {
	for id := kafka.ProducerID(2); id < 4; id++ {
		offsets := m.txn[id]
		if len(offsets) == 0 || m.rng.IntN(2) == 0 {
			continue
		}
		delete(m.txn, id)
		kind := batch.ControlCommit
		if m.rng.IntN(2) == 0 {
			kind = batch.ControlAbort
			for _, o := range offsets {
				m.all[m.byOffset[o]].aborted = true
			}
		}
		m.end(id, kind)
	}
}

// stable is the last stable offset.
func (m *machine) stable() int64 {
	end := m.next
	for _, offsets := range m.txn {
		if len(offsets) > 0 {
			end = min(end, offsets[0])
		}
	}
	return end
}

func (m *machine) round(c *Cleaner) {
	end := m.stable()
	if end <= m.cut {
		return
	}
	from := m.cut
	m.clean(c, Round{End: end, NowMs: m.now, DeleteRetentionMs: modelRetention, Last: func(id kafka.ProducerID) (Last, bool) {
		l, ok := m.last[id]
		return l, ok
	}})
	if m.cut <= from {
		m.t.Errorf("a round from %d to %d", from, m.cut)
	}
	m.check(end)
}

func (m *machine) check(end int64) {
	newest := map[string]int64{} // of what the rounds have covered
	for _, e := range m.all {
		if e.offset < m.cut && !e.aborted {
			newest[e.key] = e.offset
		}
	}
	left := map[int64]bool{}
	ends := map[int64]bool{}
	previous := int64(-1)
	for _, b := range m.batches() {
		if b.BaseOffset() <= previous {
			m.t.Errorf("a batch at %d after %d", b.BaseOffset(), previous)
		}
		previous = b.LastOffset()
		ends[b.LastOffset()] = true
		if b.Control() {
			continue
		}
		var d compress.Decompressor
		plain, err := b.Plain(&d, nil, compress.Budget{})
		if err != nil {
			m.t.Fatal(err)
		}
		it := batch.IterateRecords(plain, b.NumRecords())
		for it.Next() {
			m.record(b, it.Record(), end)
			left[b.Offset(it.Record())] = true
		}
	}
	for i := range m.all {
		e := &m.all[i]
		must := !e.aborted && (e.offset >= m.cut || newest[e.key] == e.offset)
		switch {
		case e.offset >= end, must && e.value != "":
			if !left[e.offset] {
				m.t.Errorf("%+v is gone; covered %d, end %d", *e, m.cut, end)
			}
		case must && !left[e.offset] && (e.found < 0 || m.now < e.found+modelRetention):
			m.t.Errorf("tombstone %+v is gone at %d", *e, m.now)
		case !must && left[e.offset]:
			m.t.Errorf("%+v is left; covered %d, newest %d", *e, m.cut, newest[e.key])
		}
		if left[e.offset] && e.value == "" && e.found < 0 && e.offset < end {
			e.found = m.now
		}
	}
	for id, l := range m.last {
		if l.Offset < end && !ends[l.Offset] {
			m.t.Errorf("the last batch of producer %d, to %d, is gone", id, l.Offset)
		}
	}
}

// record compares one that is left with what was written.
func (m *machine) record(b batch.Batch, r batch.Record, end int64) {
	i, ok := m.byOffset[b.Offset(r)]
	if !ok {
		m.t.Errorf("nothing was ever written to %d", b.Offset(r))
		return
	}
	e := m.all[i]
	if string(r.Key) != e.key || string(r.Value) != e.value || (r.Value == nil) != (e.value == "") || b.Timestamp(r) != e.timestamp || r.NumHeaders() != 1 {
		m.t.Errorf("at %d: %q=%q at %d, want %+v", e.offset, r.Key, r.Value, b.Timestamp(r), e)
	}
	if horizon, has := b.Horizon(); has && r.Value == nil && e.offset < end && e.found >= 0 && horizon != e.found+modelRetention {
		m.t.Errorf("tombstone %+v is to stay until %d", e, horizon)
	}
}

// What two cleaners with other secrets and other maps leave after all rounds is the same.
func TestMapSizeChangesNothing(t *testing.T) {
	for seed := range uint64(50) {
		m := &machine{history: newHistory(t), rng: rand.New(rand.NewPCG(seed, 2)), byOffset: map[int64]int{},
			now: 10_000, last: map[kafka.ProducerID]Last{}, txn: map[kafka.ProducerID][]int64{}, seq: map[kafka.ProducerID]int32{}}
		for range 60 {
			m.write()
			m.finish()
		}
		var want string
		for i, places := range []int64{3, 10, 100, 10_000} {
			h := newHistory(t)
			h.log, h.next, h.aborted = slices.Clone(m.log), m.next, m.aborted
			c := New(Options{Seed: [16]byte{byte(i)}, MapBytes: places * slotSize})
			for end := m.stable(); h.cut < end; {
				h.clean(c, Round{End: end, NowMs: m.now, DeleteRetentionMs: 1 << 40})
			}
			for range 3 { // what the first round left because its transaction had data goes in the next
				h.cut = 0
				h.clean(New(Options{}), Round{End: m.stable(), NowMs: m.now, DeleteRetentionMs: 1 << 40})
			}
			// When a round met what it gave a horizon, depends on the rounds.
			got := regexp.MustCompile(` until \d+`).ReplaceAllString(h.String(), "")
			if i == 0 {
				want = got
			} else if got != want {
				t.Fatalf("seed %d: %d places leave\n%swant\n%s", seed, places, got, want)
			}
		}
	}
}
