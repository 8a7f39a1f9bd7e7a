package clean

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// rec is a record of a test: value "" is a tombstone, key "-" is none.
type rec struct{ key, value string }

// history is a log in memory.
type history struct {
	t    testing.TB
	log  []byte
	next int64
	opts batch.BuilderOptions
	time int64
	b    batch.Builder
	// aborted is what the transaction index would say, cut is the offset from which the last cleaning
	// left everything.
	aborted []Aborted
	open    map[kafka.ProducerID]int64
	cut     int64
}

func newHistory(t testing.TB) *history {
	return &history{t: t, time: 1000, open: map[kafka.ProducerID]int64{}}
}

func (h *history) add(recs ...rec) int64 {
	h.b.Reset(h.opts)
	for i, r := range recs {
		key, value := []byte(r.key), []byte(r.value)
		if r.key == "-" {
			key = nil
		}
		if r.value == "" {
			value = nil
		}
		h.b.Append(h.time+int64(i), key, value, []batch.Header{{Key: []byte("h"), Value: []byte{byte(i)}}})
	}
	b, err := h.b.Build()
	if err != nil {
		h.t.Fatal(err)
	}
	if h.opts.Transactional {
		if _, ok := h.open[h.opts.ProducerID]; !ok {
			h.open[h.opts.ProducerID] = h.next
		}
	}
	if h.opts.HasProducer && h.opts.BaseSequence >= 0 {
		h.opts.BaseSequence += int32(len(recs))
	}
	return h.put(b)
}

func (h *history) put(b batch.Batch) int64 {
	b.SetBaseOffset(h.next)
	b.SetLeaderEpoch(3)
	h.log = append(h.log, b...)
	h.next = b.NextOffset()
	return b.BaseOffset()
}

// end puts the marker of a producer's transaction.
func (h *history) end(id kafka.ProducerID, kind batch.ControlType) int64 {
	first, open := h.open[id]
	if kind == batch.ControlAbort && open {
		h.aborted = append(h.aborted, Aborted{id, first, h.next})
	}
	delete(h.open, id)
	return h.put(batch.EndTxnMarker(kind, id, 0, 1, h.time))
}

func (h *history) batches() []batch.Batch { return split(h.t, h.log) }

func split(t testing.TB, p []byte) (out []batch.Batch) {
	t.Helper()
	for len(p) > 0 {
		b, rest, err := batch.Next(p)
		if err == nil {
			err = b.CheckStructure()
		}
		if err != nil {
			t.Fatal(err)
		}
		out, p = append(out, b), rest
	}
	return out
}

// clean does one round over the whole history and keeps what stays.
func (h *history) clean(c *Cleaner, r Round) Stats {
	h.t.Helper()
	if r.End == 0 {
		r.End = h.next
	}
	r.FirstDirty = h.cut
	c.Begin(r)
	c.Aborted(h.aborted)
	whole := true
	for _, b := range h.batches() {
		if b.LastOffset() < r.FirstDirty {
			continue
		}
		if b.BaseOffset() >= r.End {
			break
		}
		more, err := c.Index(b)
		if err != nil {
			h.t.Fatal(err)
		}
		if !more {
			whole = false
			break
		}
	}
	c.Indexed(whole)
	c.Aborted(h.aborted)
	var out []byte
	for _, b := range h.batches() {
		if b.BaseOffset() >= r.End {
			out = append(out, b...)
			continue
		}
		var err error
		if out, _, err = c.Filter(out, b); err != nil {
			h.t.Fatal(err)
		}
	}
	h.log, h.cut = out, c.Covered()
	return c.Stats()
}

// String is the log, one batch a line: offsets, flags and records.
func (h *history) String() string {
	var s strings.Builder
	for _, b := range h.batches() {
		fmt.Fprintf(&s, "%d-%d", b.BaseOffset(), b.LastOffset())
		if ms, ok := b.Horizon(); ok {
			fmt.Fprintf(&s, " until %d", ms)
		}
		if b.Control() {
			s.WriteString(" control")
		}
		var d compress.Decompressor
		plain, err := b.Plain(&d, nil, compress.Budget{})
		if err != nil {
			h.t.Fatal(err)
		}
		it := batch.IterateRecords(plain, b.NumRecords())
		for it.Next() {
			r := it.Record()
			value := string(r.Value)
			if r.Value == nil {
				value = "null"
			}
			if b.Control() {
				fmt.Fprintf(&s, " %d", b.Offset(r))
			} else {
				fmt.Fprintf(&s, " %d:%s=%s@%d", b.Offset(r), r.Key, value, b.Timestamp(r))
			}
		}
		if it.Err() != nil {
			h.t.Fatal(it.Err())
		}
		s.WriteByte('\n')
	}
	return s.String()
}

func (h *history) want(want string) {
	h.t.Helper()
	want = strings.TrimSpace(strings.ReplaceAll(want, "\t", "")) + "\n"
	if got := h.String(); got != want {
		h.t.Fatalf("the log is\n%swant\n%s", got, want)
	}
}

// What stays of plain records: the newest of each key, with its offset and time, and the end of the round.
func TestNewestStays(t *testing.T) {
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		h := newHistory(t)
		h.opts.Codec = codec
		h.add(rec{"a", "1"}, rec{"b", "1"}, rec{"c", "1"})
		h.add(rec{"a", "2"})
		h.add(rec{"-", "keyless"}, rec{"b", "2"}, rec{"d", "1"})
		h.add(rec{"a", "3"})
		stats := h.clean(New(Options{}), Round{})
		h.want(`
			0-2 2:c=1@1002
			4-6 5:b=2@1001 6:d=1@1002
			7-7 7:a=3@1000`)
		for _, b := range h.batches() {
			if b.Codec() != codec || b.LeaderEpoch() != 3 {
				t.Fatalf("codec %v, epoch %d", b.Codec(), b.LeaderEpoch())
			}
			if b.BaseOffset() == 0 && (b.MaxTimestamp() != 1002 || b.BaseTimestamp() != 1000) {
				t.Fatalf("times %d %d", b.BaseTimestamp(), b.MaxTimestamp())
			}
		}
		if stats.Keyless != 1 || stats.RecordsRead != 8 || stats.RecordsKept != 4 || stats.BatchesCopied != 1 || stats.BatchesRewritten != 2 {
			t.Fatalf("%+v", stats)
		}
	}
}

// A batch of which nothing dies is the same bytes, also a compressed one.
func TestCopiedWhole(t *testing.T) {
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		h := newHistory(t)
		h.opts.Codec = codec
		h.add(rec{"a", "1"}, rec{"b", strings.Repeat("x", 1000)})
		h.add(rec{"c", "1"})
		before := slices.Clone(h.log)
		h.clean(New(Options{}), Round{})
		if !bytes.Equal(h.log, before) {
			t.Fatal("changed")
		}
	}
}

// A header of a record that stays is not touched.
func TestHeadersStay(t *testing.T) {
	h := newHistory(t)
	h.add(rec{"a", "1"}, rec{"b", "1"}, rec{"a", "2"})
	h.clean(New(Options{}), Round{})
	b := h.batches()[0]
	it := batch.IterateRecords(b.Payload(), b.NumRecords())
	for want := byte(1); it.Next(); want++ {
		hs := it.Record().Headers()
		if !hs.Next() || string(hs.Header().Key) != "h" || hs.Header().Value[0] != want {
			t.Fatalf("header of record %d", want)
		}
	}
}

// A tombstone gets its horizon when it is met first, keeps it in later rounds, and goes when it has passed;
// what it deleted goes at once. Times and offsets of the batch's other records stay.
func TestTombstoneHorizon(t *testing.T) {
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		h := newHistory(t)
		h.opts.Codec = codec
		c := New(Options{})
		h.add(rec{"a", "1"})
		h.add(rec{"a", ""}, rec{"b", "1"})
		h.add(rec{"c", "1"})
		h.clean(c, Round{NowMs: 5000, DeleteRetentionMs: 100})
		with := `
			1-2 until 5100 1:a=null@1000 2:b=1@1001
			3-3 3:c=1@1000`
		h.want(with)
		h.clean(c, Round{NowMs: 5099, DeleteRetentionMs: 100})
		h.want(with)
		h.clean(c, Round{NowMs: 5100, DeleteRetentionMs: 100})
		h.want(`
			1-2 until 5100 2:b=1@1001
			3-3 3:c=1@1000`)
		if b := h.batches()[0]; b.MaxTimestamp() != 1001 {
			t.Fatalf("largest time %d", b.MaxTimestamp())
		}
	}
}

// A tombstone of a batch whose time is the broker's, and one that is never to go.
func TestTombstoneLogAppendTime(t *testing.T) {
	h := newHistory(t)
	h.add(rec{"a", ""})
	h.batches()[0].SetLogAppendTime(7777)
	h.clean(New(Options{}), Round{NowMs: 5000, DeleteRetentionMs: 1<<63 - 1})
	h.want(`0-0 until 9223372036854775807 0:a=null@7777`)
}

// Only what the round covers dies; the first batch may straddle its beginning.
func TestFirstDirtyAndEnd(t *testing.T) {
	h := newHistory(t)
	c := New(Options{})
	h.add(rec{"a", "1"}, rec{"b", "1"})
	h.add(rec{"b", "2"}, rec{"c", "1"})
	h.add(rec{"a", "2"}, rec{"c", "2"})
	h.cut = 3
	h.clean(c, Round{End: 4})
	h.want(`
		0-1 0:a=1@1000 1:b=1@1001
		2-3 2:b=2@1000 3:c=1@1001
		4-5 4:a=2@1000 5:c=2@1001`)
	h.cut = 0
	h.clean(c, Round{End: 4})
	h.want(`
		0-1 0:a=1@1000
		2-3 2:b=2@1000 3:c=1@1001
		4-5 4:a=2@1000 5:c=2@1001`)
	if c.Covered() != 4 {
		t.Fatal(c.Covered())
	}
	h.clean(c, Round{End: 6})
	h.want(`
		2-3 2:b=2@1000
		4-5 4:a=2@1000 5:c=2@1001`)
}

// The batch that ends where the round ends stays, even if it is empty; a round later it may go.
func TestPoint091EndOfRoundStays(t *testing.T) {
	h := newHistory(t)
	c := New(Options{})
	h.add(rec{"a", "1"})
	h.add(rec{"-", "x"}, rec{"-", "y"})
	h.clean(c, Round{})
	h.want("0-0 0:a=1@1000\n1-2")
	h.add(rec{"b", "1"})
	h.clean(c, Round{})
	h.want("0-0 0:a=1@1000\n3-3 3:b=1@1000")
}

// A map that is too small makes several rounds; together they leave what one leaves.
func TestSeveralRounds(t *testing.T) {
	h := newHistory(t)
	for i := range 300 {
		h.add(rec{fmt.Sprint("k", i%37), fmt.Sprint(i)}, rec{fmt.Sprint("k", i%41), fmt.Sprint(i)}, rec{fmt.Sprint("only", i), "1"})
	}
	one := newHistory(t)
	one.log, one.next = slices.Clone(h.log), h.next
	one.clean(New(Options{}), Round{})
	c := New(Options{MapBytes: 50 * slotSize})
	rounds := 0
	for h.cut < h.next {
		was := h.cut
		h.clean(c, Round{})
		if n, limit := c.Keys(); h.cut <= was || n > limit || limit > 45 {
			t.Fatalf("round %d: from %d to %d with %d of %d keys", rounds, was, h.cut, n, limit)
		}
		rounds++
	}
	if rounds < 8 || h.String() != one.String() {
		t.Fatalf("%d rounds leave\n%swant\n%s", rounds, h, one)
	}
}

// The last batch of a producer that is remembered stays without its records (91, T-17).
func TestPoint091LastSequenceStays(t *testing.T) {
	h := newHistory(t)
	h.opts = batch.BuilderOptions{HasProducer: true, ProducerID: 9, ProducerEpoch: 2, BaseSequence: 40, Codec: compress.Zstd}
	h.add(rec{"a", "1"})
	h.add(rec{"a", "2"}, rec{"a", "3"})
	h.opts = batch.BuilderOptions{}
	h.add(rec{"a", "4"})
	last := func(id kafka.ProducerID) (Last, bool) { return Last{Offset: 2, Epoch: 2}, id == 9 }
	c := New(Options{})
	for range 2 {
		h.clean(c, Round{Last: last})
		h.want("1-2\n3-3 3:a=4@1000")
		b := h.batches()[0]
		if b.ProducerID() != 9 || b.ProducerEpoch() != 2 || b.BaseSequence() != 41 || b.LastSequence() != 42 || b.NumRecords() != 0 ||
			len(b) != batch.HeaderSize || b.MaxTimestamp() != 1001 || b.LeaderEpoch() != 3 || b.Codec() != compress.None {
			t.Fatalf("the empty batch is %x", []byte(b))
		}
		h.cut = 0
	}
	h.clean(c, Round{})
	h.want("3-3 3:a=4@1000")
}

func transactional(id kafka.ProducerID) batch.BuilderOptions {
	return batch.BuilderOptions{HasProducer: true, ProducerID: id, Transactional: true}
}

// Aborted data goes with the first round and counts for no key; a commit's stays. A marker stays as
// long as a batch of its transaction was met, then until its horizon has passed (91).
func TestPoint091Transactions(t *testing.T) {
	h := newHistory(t)
	h.add(rec{"a", "0"}, rec{"b", "0"})
	h.opts = transactional(1)
	h.add(rec{"a", "aborted"})
	h.opts = transactional(2)
	h.add(rec{"b", "committed"})
	h.opts = transactional(1)
	h.add(rec{"c", "aborted"})
	h.end(2, batch.ControlCommit) // 5
	h.end(1, batch.ControlAbort)  // 6
	h.opts = batch.BuilderOptions{}
	h.add(rec{"z", "1"})
	c := New(Options{})
	clean := func(now int64) { h.clean(c, Round{NowMs: now, DeleteRetentionMs: 100}) }
	clean(1000)
	h.want(`
		0-1 0:a=0@1000
		3-3 3:b=committed@1000
		5-5 control 5
		6-6 control 6
		7-7 7:z=1@1000`)
	clean(1001) // nothing is left of the aborted one: its marker has 100 ms
	h.want(`
		0-1 0:a=0@1000
		3-3 3:b=committed@1000
		5-5 control 5
		6-6 until 1101 control 6
		7-7 7:z=1@1000`)
	h.add(rec{"b", "1"})
	clean(1101)
	h.want(`
		0-1 0:a=0@1000
		5-5 control 5
		7-7 7:z=1@1000
		8-8 8:b=1@1000`)
	clean(1102)
	clean(1201)
	h.want(`
		0-1 0:a=0@1000
		5-5 until 1202 control 5
		7-7 7:z=1@1000
		8-8 8:b=1@1000`)
	clean(1202)
	h.want(`
		0-1 0:a=0@1000
		7-7 7:z=1@1000
		8-8 8:b=1@1000`)
}

// The marker that is the last a remembered producer wrote stays without its record, for its epoch.
func TestLastMarkerStays(t *testing.T) {
	h := newHistory(t)
	h.end(5, batch.ControlCommit)
	h.add(rec{"a", "1"})
	last := func(id kafka.ProducerID) (Last, bool) { return Last{Offset: -1, Epoch: 0}, id == 5 }
	c := New(Options{})
	h.clean(c, Round{NowMs: 10, Last: last})
	h.clean(c, Round{NowMs: 11, Last: last})
	h.clean(c, Round{NowMs: 12, Last: last})
	h.want("0-0 control\n1-1 1:a=1@1000")
	h.clean(c, Round{NowMs: 13})
	h.want("1-1 1:a=1@1000")
}

// Control records that end no transaction stay.
func TestOtherControlStays(t *testing.T) {
	h := newHistory(t)
	h.put(batch.ControlBatch(batch.ControlLeaderChange, 0, []byte{1}, 5))
	h.add(rec{"a", "1"})
	for now := range int64(3) {
		h.clean(New(Options{}), Round{NowMs: now})
	}
	h.want("0-0 control 0\n1-1 1:a=1@1000")
}

// An aborted transaction whose marker is gone does not touch what its producer does later.
func TestAbortedWithoutMarker(t *testing.T) {
	h := newHistory(t)
	h.opts = transactional(1)
	h.add(rec{"a", "aborted"})
	h.aborted = []Aborted{{1, 0, 1}}
	h.next = 2
	h.add(rec{"b", "committed"})
	h.end(1, batch.ControlCommit)
	h.clean(New(Options{}), Round{})
	h.want("2-2 2:b=committed@1000\n3-3 control 3")
}

// A damaged batch ends either pass; what was appended before stays as it was.
func TestDamaged(t *testing.T) {
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		h := newHistory(t)
		h.opts.Codec = codec
		h.add(rec{"a", "1"}, rec{"b", "22222"})
		good := h.batches()[0]
		for i := 16; i < len(good); i++ {
			bad := batch.Batch(slices.Clone(good))
			bad[i] ^= 0x10
			c := New(Options{})
			c.Begin(Round{End: 2})
			if _, err := c.Index(bad); !errors.Is(err, ErrDamaged) {
				t.Fatalf("index with byte %d changed: %v", i, err)
			}
			out, kept, err := c.Filter([]byte("before"), bad)
			if !errors.Is(err, ErrDamaged) || kept || string(out) != "before" {
				t.Fatalf("filter with byte %d changed: %q %v %v", i, out, kept, err)
			}
		}
	}
}

// In steady state nothing is allocated.
func TestCleanAllocatesNothing(t *testing.T) {
	h := newHistory(t)
	for i := range 100 {
		h.add(rec{fmt.Sprint(i % 10), "v"}, rec{fmt.Sprint("u", i), "v"})
	}
	c, bs := New(Options{}), h.batches()
	out := make([]byte, 0, len(h.log))
	run := func() {
		c.Begin(Round{End: h.next})
		for _, b := range bs {
			if _, err := c.Index(b); err != nil {
				t.Fatal(err)
			}
		}
		c.Indexed(true)
		out = out[:0]
		for _, b := range bs {
			var err error
			if out, _, err = c.Filter(out, b); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	if n := testing.AllocsPerRun(10, run); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
