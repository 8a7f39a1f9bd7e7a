package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

const now = int64(1_700_000_000_000)

// build makes a batch of n records with key and value at time now, now+1, …
func build(t testing.TB, opts BuilderOptions, n int) Batch {
	t.Helper()
	var b Builder
	b.Reset(opts)
	for i := range n {
		b.Append(now+int64(i), fmt.Appendf(nil, "key-%d", i), fmt.Appendf(nil, "value of record %d", i), nil)
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(out)
}

// fromRecords puts a valid header before hand-made record bytes.
func fromRecords(t testing.TB, c compress.Codec, count int32, records []byte) Batch {
	t.Helper()
	b := build(t, BuilderOptions{Codec: c}, 1)[:HeaderSize]
	if c != compress.None {
		var p compress.Compressor
		var err error
		if b, err = p.Compress(b, c, 0, records); err != nil {
			t.Fatal(err)
		}
	} else {
		b = append(b, records...)
	}
	binary.BigEndian.PutUint32(b[posLength:], uint32(len(b)-LengthPrefix))
	binary.BigEndian.PutUint32(b[posLastOffsetDelta:], uint32(count-1))
	binary.BigEndian.PutUint32(b[posNumRecords:], uint32(count))
	b.sealCRC()
	return b
}

// rec makes one record from the fields after its length.
func rec(body ...byte) []byte {
	return append(binary.AppendVarint(nil, int64(len(body))), body...)
}

func reasonOf(t testing.TB, err error) (Reason, *Invalid) {
	t.Helper()
	var bad *Invalid
	if err == nil {
		return 0, &Invalid{}
	}
	if !errors.As(err, &bad) {
		t.Fatalf("%T: %v", err, err)
	}
	return bad.Code, bad
}

// Goal: each rule about the batch as a whole has its own reason, in Kafka's order of checks.
// Method: one change to a good batch, with and without a renewed checksum.
func TestPoint034HeadersOfClientBatches(t *testing.T) {
	var v Validator
	put16 := func(pos int, x uint16) func(Batch) { return func(b Batch) { binary.BigEndian.PutUint16(b[pos:], x) } }
	put32 := func(pos int, x uint32) func(Batch) { return func(b Batch) { binary.BigEndian.PutUint32(b[pos:], x) } }
	put64 := func(pos int, x uint64) func(Batch) { return func(b Batch) { binary.BigEndian.PutUint64(b[pos:], x) } }
	f := func(want Reason, about string, change func(Batch)) {
		t.Helper()
		b := build(t, BuilderOptions{HasProducer: true, ProducerID: 7}, 3)
		change(b)
		b.sealCRC()
		sent := bytes.Clone(b)
		_, err := v.Client(b, lenient())
		if got, bad := reasonOf(t, err); got != want || !strings.Contains(bad.Message, about) {
			t.Errorf("%v, want %v about %q", err, want, about)
		}
		if err != nil && !bytes.Equal(b, sent) {
			t.Error("a refused batch was changed")
		}
	}
	f(0, "", func(Batch) {})
	f(0, "", put32(posLeaderEpoch, 12)) // of no meaning in a request
	f(ReasonMagic, "magic 2", func(b Batch) { b[posMagic] = 0 })
	f(ReasonMagic, "magic 2", func(b Batch) { b[posMagic] = 1 })
	f(ReasonCorrupt, "magic", func(b Batch) { b[posMagic] = 3 })
	f(ReasonCorrupt, "magic", func(b Batch) { b[posMagic] = 0x82 })
	f(ReasonCorrupt, "length", put32(posLength, 48))
	f(ReasonCorrupt, "length", put32(posLength, math.MaxUint32))
	f(ReasonCorrupt, "length", put32(posLength, 1<<31))
	f(ReasonInvalidRecord, "no whole record batch", put32(posLength, 1<<20))
	f(ReasonInvalidRecord, "no whole record batch", put32(posLength, math.MaxInt32-LengthPrefix))
	f(ReasonInvalidRecord, "follow the one batch", func(b Batch) {
		binary.BigEndian.PutUint32(b[posLength:], uint32(len(b)-LengthPrefix-1))
	})
	f(ReasonInvalidRecord, "base offset", put64(posBaseOffset, 1))
	f(ReasonInvalidRecord, "base offset", put64(posBaseOffset, math.MaxUint64))
	f(ReasonInvalidRecord, "last offset delta", put32(posLastOffsetDelta, math.MaxUint32))
	f(ReasonInvalidRecord, "offsets", put32(posLastOffsetDelta, 3))
	f(ReasonInvalidRecord, "0 records", put32(posNumRecords, 0))
	f(ReasonInvalidRecord, "-1 records", put32(posNumRecords, math.MaxUint32))
	f(ReasonInvalidRecord, "2 records and 3 offsets", put32(posNumRecords, 2))
	f(ReasonInvalidRecord, "control", put16(posAttributes, attrControl))
	f(ReasonInvalidRecord, "delete horizon", put16(posAttributes, attrDeleteHorizon))
	f(ReasonTimestamp, "LogAppendTime", put16(posAttributes, attrLogAppendTime))
	f(ReasonCompression, "5", put16(posAttributes, 5))
	f(ReasonCompression, "7", put16(posAttributes, 7))
	f(ReasonInvalidRecord, "sequence", put32(posBaseSequence, math.MaxUint32))
	f(0, "", put64(posProducerID, math.MaxUint64))
	f(ReasonInvalidRecord, "holds 3", func(b Batch) {
		binary.BigEndian.PutUint32(b[posNumRecords:], math.MaxInt32)
		binary.BigEndian.PutUint32(b[posLastOffsetDelta:], math.MaxInt32-1)
	})
	// The codec says gzip, the bytes are plain.
	f(ReasonInvalidRecord, "gzip", put16(posAttributes, 1))
}

// Goal: SURFACE 33: exactly one whole batch.
func TestClientOneBatch(t *testing.T) {
	var v Validator
	b := build(t, BuilderOptions{}, 2)
	for _, records := range [][]byte{nil, {}, b[:10], b[:HeaderSize], b[:len(b)-1], append(bytes.Clone(b), b...), append(bytes.Clone(b), 0)} {
		_, err := v.Client(records, lenient())
		if got, _ := reasonOf(t, err); got != ReasonInvalidRecord {
			t.Errorf("%d bytes of a batch of %d: %v", len(records), len(b), err)
		}
	}
}

// Goal: a change of any bit that the checksum covers, or of the checksum, is noticed.
func TestClientChecksum(t *testing.T) {
	var v Validator
	good := build(t, BuilderOptions{}, 2)
	for i := posCRC; i < len(good); i++ {
		b := bytes.Clone(good)
		b[i] ^= 0x04
		if got, err := reasonOf(t, firstError(v.Client(b, lenient()))); got != ReasonCorrupt {
			t.Fatalf("changed byte %d: %v", i, err)
		}
		if err := Batch(b).CheckStructure(); err == nil {
			t.Fatalf("changed byte %d passes CheckStructure", i)
		}
	}
}

func firstError(_ Batch, err error) error { return err }

func TestClientSizeAndZstdVersion(t *testing.T) {
	var v Validator
	b := build(t, BuilderOptions{Codec: compress.Zstd}, 2)
	r := lenient()
	r.MaxBytes = int32(len(b))
	if _, err := v.Client(b, r); err != nil {
		t.Errorf("as large as allowed: %v", err)
	}
	r.MaxBytes--
	if got, err := reasonOf(t, firstError(v.Client(b, r))); got != ReasonTooLarge {
		t.Errorf("one byte too large: %v", err)
	}
	r = lenient()
	r.AllowZstd = false
	if got, err := reasonOf(t, firstError(v.Client(b, r))); got != ReasonCompression {
		t.Errorf("zstd before v7: %v", err)
	}
}

// Goal: records are taken to the letter, alike in plain and in compressed form, and the malformed
// one is named. The fast walker and the iterator must agree.
func TestRecordStructure(t *testing.T) {
	var v Validator
	ok := rec(0, 0, 0, 1, 1, 0) // null key, null value, no headers
	f := func(about string, count int32, index int, parts ...[]byte) {
		t.Helper()
		plain := bytes.Join(parts, nil)
		for c := compress.None; c <= compress.Zstd; c++ {
			b := fromRecords(t, c, count, plain)
			got, bad := reasonOf(t, firstError(v.Client(b, lenient())))
			if about == "" && got != 0 || about != "" && (got != ReasonInvalidRecord || !strings.Contains(bad.Message, about)) {
				t.Errorf("%s %x: %v, want %q", c, plain, bad, about)
			}
			if about != "" && index >= 0 && (len(bad.Records) != 1 || int(bad.Records[0].Index) != index) {
				t.Errorf("%s %x: records %v, want index %d", c, plain, bad.Records, index)
			}
		}
		it := IterateRecords(plain, count)
		for it.Next() {
		}
		if failed := it.Err() != nil; failed != (about != "") && !strings.Contains(about, "offset delta") {
			t.Errorf("%x: the iterator says %v", plain, it.Err())
		}
	}
	f("", 1, -1, ok)
	f("", 2, -1, ok, rec(0, 0, 2, 1, 1, 0))
	f("", 1, -1, rec(0, 0, 0, 0, 0, 0))                               // empty key and value
	f("", 1, -1, rec(0x7f, 0, 0, 1, 1, 0))                            // attributes are not looked at
	f("", 1, -1, rec(0, 0x80, 0, 0x80, 0x80, 0, 0x81, 0, 0x81, 0, 0)) // longer than needed
	f("", 1, -1, rec(0, 0, 0, 1, 1, 2, 2, 'k', 1))                    // header with null value
	f("", 1, -1, rec(0, 0, 0, 1, 1, 4, 0, 0, 2, 'k', 2, 'v'))
	// counts
	f("holds 1", 2, -1, ok)
	f("follow the last", 1, -1, ok, ok)
	f("follow the last", 1, -1, ok, []byte{0})
	// lengths
	f("too small", 1, 0, rec(0, 0, 0, 1, 1))
	f("too small", 1, 0, []byte{1, 0, 0, 0, 1, 1, 0})
	f("only 6 bytes are left", 1, 0, []byte{14, 0, 0, 0, 1, 1, 0})
	f("only 6 bytes are left", 1, 0, []byte{0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1, 1, 0})
	f("cut off or too long", 1, 0, []byte{0xfe, 0xff, 0xff, 0xff, 0x1f, 0, 0, 0, 1, 1, 0})
	f("cut off or too long", 1, 0, []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 0, 1, 1, 0})
	f("content takes 6", 1, 0, rec(0, 0, 0, 1, 1, 0, 0))
	f("content takes 6", 2, 1, ok, rec(0, 0, 2, 1, 1, 0, 0))
	// deltas
	f("delta is cut off", 1, 0, rec(0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 1, 1, 0))
	f("delta is cut off", 1, 0, rec(0, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 1, 1, 0))
	f("delta is cut off", 1, 0, rec(0, 0xff, 0xff, 0xff, 0xff, 0xff))
	// key, value
	f("key", 1, 0, rec(0, 0, 0, 8, 1, 0))
	f("key", 1, 0, rec(0, 0, 0, 3, 1, 0))
	f("key", 1, 0, rec(0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0))
	f("value", 1, 0, rec(0, 0, 0, 1, 8, 0))
	f("value", 1, 0, rec(0, 0, 0, 1, 3, 0))
	f("value", 1, 0, rec(0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0))
	// headers
	f("number of headers", 1, 0, rec(0, 0, 0, 1, 1, 1))
	f("number of headers", 1, 0, rec(0, 0, 0, 1, 1, 0x80))
	f("headers do not fit", 1, 0, rec(0, 0, 0, 1, 1, 2))
	f("headers do not fit", 1, 0, rec(0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f))
	f("headers do not fit", 1, 0, rec(0, 0, 0, 1, 1, 2, 1, 1)) // null key
	f("headers do not fit", 1, 0, rec(0, 0, 0, 1, 1, 2, 8, 'k', 1))
	f("headers do not fit", 1, 0, rec(0, 0, 0, 1, 1, 2, 2, 'k', 3))
	f("headers do not fit", 1, 0, rec(0, 0, 0, 1, 1, 2, 2, 'k', 8))
	// offset deltas
	f("offset delta 1", 1, 0, rec(0, 0, 2, 1, 1, 0))
	f("offset delta 0", 2, 1, ok, ok)
	f("offset delta 2", 2, 1, ok, rec(0, 0, 4, 1, 1, 0))
	f("offset delta -1", 1, 0, rec(0, 0, 1, 1, 1, 0))
}

// Goal: SURFACE 36-38: key and timestamp rules name every record concerned, a timestamp error
// decides the code, the list is bounded.
func TestRecordRules(t *testing.T) {
	var v Validator
	type in struct {
		ts  int64
		key string
	}
	f := func(want Reason, change func(*Rules), indexes string, records ...in) *Invalid {
		t.Helper()
		var bad *Invalid
		for c := compress.None; c <= compress.Zstd; c++ {
			var b Builder
			b.Reset(BuilderOptions{Codec: c})
			for _, r := range records {
				var key []byte
				if r.key != "" {
					key = []byte(r.key)
				}
				b.Append(r.ts, key, []byte("v"), nil)
			}
			out, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			rules := lenient()
			change(rules)
			var got Reason
			got, bad = reasonOf(t, firstError(v.Client(out, rules)))
			var list []string
			for _, r := range bad.Records {
				list = append(list, fmt.Sprint(r.Index))
			}
			if got != want || strings.Join(list, " ") != indexes {
				t.Errorf("%s: %v, records %v; want %v, records %s", c, got, bad.Records, want, indexes)
			}
		}
		return bad
	}
	compacted := func(r *Rules) { r.Compacted = true }
	window := func(r *Rules) { r.BeforeMaxMs, r.AfterMaxMs = 100, 10 }
	both := func(r *Rules) { compacted(r); window(r) }

	f(0, func(*Rules) {}, "", in{now, ""})
	f(0, compacted, "", in{now, "k"}, in{now, "l"})
	f(ReasonInvalidRecord, compacted, "1 3", in{now, "k"}, in{now, ""}, in{now, "k"}, in{now, ""})
	f(0, window, "", in{now - 100, ""}, in{now + 10, ""}, in{-1, ""})
	f(ReasonTimestamp, window, "0 1 3", in{now - 101, ""}, in{now + 11, ""}, in{now, ""}, in{-2, ""})
	bad := f(ReasonTimestamp, both, "0 1 2", in{now, ""}, in{0, "k"}, in{0, ""})
	for i, part := range []string{"without key", "timestamp 0", "without key"} {
		if !strings.Contains(bad.Records[i].Message, part) {
			t.Errorf("record %d: %q", i, bad.Records[i].Message)
		}
	}
	f(0, func(r *Rules) { window(r); r.LogAppendTime = true }, "", in{0, ""}, in{math.MaxInt64 / 2, ""})
	// No overflow at the ends of time.
	f(0, func(r *Rules) { r.NowMs, r.AfterMaxMs = math.MaxInt64-5, 10 }, "", in{math.MaxInt64, ""})
	f(0, func(r *Rules) { r.NowMs, r.BeforeMaxMs = -10, math.MaxInt64-1 }, "", in{math.MinInt64 / 2, ""})

	many := make([]in, 3*MaxRecordErrors)
	for i := range many {
		many[i] = in{now, ""}
	}
	many[len(many)-1] = in{0, "late"}
	var first []string
	for i := range MaxRecordErrors {
		first = append(first, fmt.Sprint(i))
	}
	bad = f(ReasonTimestamp, both, strings.Join(first, " "), many...)
	if !strings.Contains(bad.Message, fmt.Sprint(len(many))) {
		t.Errorf("the message does not count the records: %q", bad.Message)
	}
}

// Goal: as in Kafka, the stored largest timestamp is the records', whatever the client said, and
// LogAppendTime replaces it; the checksum follows (SURFACE 39, 40).
func TestClientSetsTimestamps(t *testing.T) {
	var v Validator
	for c := compress.None; c <= compress.Zstd; c++ {
		for _, claimed := range []int64{now + 2, 0, -1, math.MaxInt64, math.MinInt64} {
			b := build(t, BuilderOptions{Codec: c}, 3)
			binary.BigEndian.PutUint64(b[posMaxTimestamp:], uint64(claimed))
			b.sealCRC()
			got, err := v.Client(b, lenient())
			if err != nil || got.MaxTimestamp() != now+2 || !got.VerifyCRC() || got.LogAppendTime() {
				t.Errorf("%s claimed %d: %v, largest %d", c, claimed, err, got.MaxTimestamp())
			}
			r := lenient()
			r.LogAppendTime, r.NowMs = true, now+99
			got, err = v.Client(b, r)
			if err != nil || got.MaxTimestamp() != now+99 || !got.VerifyCRC() || !got.LogAppendTime() {
				t.Errorf("%s append time: %v, largest %d", c, err, got.MaxTimestamp())
			}
		}
	}
	var none Builder
	none.Reset(BuilderOptions{})
	none.Append(-1, nil, nil, nil)
	b, err := none.Build()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Client(b, lenient()); err != nil || got.MaxTimestamp() != -1 {
		t.Errorf("no timestamp: %v", err)
	}
}

// Goal: compressed batches are decoded within the budget, damage in them is the client's fault.
func TestClientCompressed(t *testing.T) {
	var v Validator
	zeros := fromRecords(t, compress.None, 1, zerosRecord(8<<20))
	for c := compress.Gzip; c <= compress.Zstd; c++ {
		b := fromRecords(t, c, 1, zeros.Payload())
		r := lenient()
		if _, err := v.Client(b, &Rules{MaxBytes: math.MaxInt32, BeforeMaxMs: math.MaxInt64, AfterMaxMs: math.MaxInt64,
			AllowZstd: true, Budget: compress.Budget{MaxBytes: 64 << 20, MaxRatio: 1 << 20}}); err != nil {
			t.Errorf("%s within the budget: %v", c, err)
		}
		r.Budget = compress.DefaultBudget(200_000)
		if got, err := reasonOf(t, firstError(v.Client(b, r))); got != ReasonTooLarge {
			t.Errorf("%s bomb: %v", c, err)
		}
		small := build(t, BuilderOptions{Codec: c}, 3)
		cut := bytes.Clone(small[:len(small)-5])
		binary.BigEndian.PutUint32(cut[posLength:], uint32(len(cut)-LengthPrefix))
		Batch(cut).sealCRC()
		if got, err := reasonOf(t, firstError(v.Client(cut, lenient()))); got != ReasonInvalidRecord {
			t.Errorf("%s cut off: %v", c, err)
		}
	}
	linked := fromRecords(t, compress.LZ4, 1, rec(0, 0, 0, 1, 1, 0))
	linked[HeaderSize+4] &^= 0x20
	linked[HeaderSize+6] = 0xc0 // header checksum of FLG 40, BD 40
	linked.sealCRC()
	if got, err := reasonOf(t, firstError(v.Client(linked, lenient()))); got != ReasonCompression {
		t.Errorf("linked lz4 blocks: %v", err)
	}
}

// zerosRecord is a record with a value of about n zeros.
func zerosRecord(n int) []byte {
	body := []byte{0, 0, 0, 1}
	body = binary.AppendVarint(body, int64(n))
	body = append(body, make([]byte, n)...)
	return rec(append(body, 0)...)
}

// Goal: the success path allocates nothing.
func TestClientDoesNotAllocate(t *testing.T) {
	var v Validator
	r := lenient()
	for c := compress.None; c <= compress.Zstd; c++ {
		b := build(t, BuilderOptions{Codec: c}, 100)
		n := testing.AllocsPerRun(100, func() {
			if _, err := v.Client(b, r); err != nil {
				t.Fatal(err)
			}
		})
		if n >= 1 && !raceEnabled {
			t.Errorf("%s: %v allocations", c, n)
		}
	}
}
