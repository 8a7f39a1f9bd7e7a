package batch

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// FuzzClient: arbitrary bytes, with length and checksum made right so that the rules behind them
// are reached. What is accepted has a valid structure, is accepted again unchanged, and franz-go
// reads the same records in it; compressed batches are shown to it uncompressed, since readers
// differ in what they take behind the end of a stream.
func FuzzClient(f *testing.F) {
	for _, d := range kafkaBatches(f) {
		if len(d.bytes) < 4096 {
			f.Add([]byte(d.bytes), true)
		}
	}
	for c := compress.None; c <= compress.Zstd; c++ {
		f.Add([]byte(build(f, BuilderOptions{Codec: c}, 3)), true)
		f.Add([]byte(fromRecords(f, c, 1, rec(0, 0, 0, 1, 1, 2, 2, 'k', 1))), true)
		f.Add([]byte(fromRecords(f, c, 2, rec(0, 0, 0, 1, 1, 0))), false)
	}
	r := lenient()
	r.Budget = compress.DefaultBudget(1 << 16)
	f.Fuzz(func(t *testing.T, data []byte, repair bool) {
		data = bytes.Clone(data)
		if repair && len(data) >= HeaderSize {
			binary.BigEndian.PutUint32(data[posLength:], uint32(len(data)-LengthPrefix))
			Batch(data).sealCRC()
		}
		var v Validator
		b, err := v.Client(data, r)
		if err != nil {
			reasonOf(t, err)
			return
		}
		if err := b.CheckStructure(); err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(b)
		if again, err := v.Client(data, r); err != nil || !bytes.Equal(again, before) {
			t.Fatalf("second time: %v", err)
		}
		var d compress.Decompressor
		plain, err := b.Plain(&d, nil, r.Budget)
		if err != nil {
			t.Fatal(err)
		}
		show := append(bytes.Clone(b[:HeaderSize]), plain...)
		show[posAttributes], show[posAttributes+1] = 0, show[posAttributes+1]&^(attrCodec|0x80) // franz-go takes bit 7, which has no meaning, for another time
		binary.BigEndian.PutUint32(show[posLength:], uint32(len(show)-LengthPrefix))
		Batch(show).sealCRC()
		if err := sameAsFranz(show, plain); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzRecords: the iterator and the fast walker agree on arbitrary record bytes, and what the
// iterator reads is built again to the same records.
func FuzzRecords(f *testing.F) {
	for _, d := range kafkaBatches(f) {
		if d.Codec == "none" && len(d.bytes) < 4096 {
			f.Add(d.bytes.Payload(), d.bytes.NumRecords())
		}
	}
	f.Add(rec(0, 0, 0, 1, 1, 4, 0, 0, 2, 'k', 2, 'v'), int32(1))
	f.Add(rec(0, 0x80, 0, 0x80, 0x80, 0, 0x81, 0, 0x81, 0, 0), int32(1))
	f.Add([]byte{0xfe, 0xff, 0xff, 0xff, 0x0f, 0}, int32(1<<31-1))
	f.Fuzz(func(t *testing.T, plain []byte, n int32) {
		var b Builder
		b.Reset(BuilderOptions{})
		consecutive, count := true, int32(0)
		it := IterateRecords(plain, n)
		for it.Next() {
			r := it.Record()
			consecutive = consecutive && r.OffsetDelta == count
			count++
			var headers []Header
			for h := r.Headers(); h.Next(); {
				headers = append(headers, h.Header())
			}
			b.Append(r.TimestampDelta, r.Key, r.Value, headers)
		}
		if it.Err() == nil && count != max(n, 0) {
			t.Fatalf("%d records of %d without an error", count, n)
		}
		if n > 0 {
			w := walker{oldest: -1 << 63, newest: 1<<63 - 1}
			bad := w.walk(plain, n)
			if fine := it.Err() == nil && consecutive; fine != (bad == nil) {
				t.Fatalf("iterator: %v, consecutive %v; walker: %v", it.Err(), consecutive, bad)
			}
		}
		if it.Err() != nil || count == 0 {
			return
		}
		out, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		x, y := IterateRecords(plain, n), IterateRecords(out.Payload(), n)
		for x.Next() && y.Next() {
			if p, q := x.Record(), y.Record(); !same(p.Key, q.Key) || !same(p.Value, q.Value) || p.NumHeaders() != q.NumHeaders() ||
				p.TimestampDelta != out.Timestamp(q) {
				t.Fatalf("%+v became %+v", p, q)
			}
		}
		if y.Next(); y.Err() != nil {
			t.Fatal(y.Err())
		}
	})
}
