package batch

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// franzRead is what franz-go's consumer makes of a batch.
func franzRead(b Batch) ([]*kgo.Record, error) {
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.RecordBatches = b
	o := kgo.ProcessFetchPartitionOpts{KeepControlRecords: true, Topic: "t", Offset: b.BaseOffset()}
	p, _ := kgo.ProcessFetchPartition(o, &rp, kgo.DefaultDecompressor(), nil)
	return p.Records, p.Err
}

// sameAsFranz says how our reading of an accepted batch differs from franz-go's, or nil. plain is
// its uncompressed records.
func sameAsFranz(b Batch, plain []byte) error {
	theirs, err := franzRead(b)
	if err != nil {
		return fmt.Errorf("franz-go cannot read it: %w", err)
	}
	if len(theirs) != int(b.NumRecords()) {
		return fmt.Errorf("franz-go reads %d records of %d", len(theirs), b.NumRecords())
	}
	it := IterateRecords(plain, b.NumRecords())
	for i, r := range theirs {
		if !it.Next() {
			return fmt.Errorf("our iteration ends at %d: %w", i, it.Err())
		}
		o := it.Record()
		// franz-go counts nanoseconds: it does not hold times after the year 2262.
		ts := b.Timestamp(o)
		const longest = math.MaxInt64 / int64(time.Millisecond)
		far := false
		for _, ms := range []int64{ts, b.BaseTimestamp(), o.TimestampDelta} {
			far = far || ms > longest || ms < -longest
		}
		if b.Offset(o) != r.Offset || !far && ts != r.Timestamp.UnixMilli() || !same(o.Key, r.Key) || !same(o.Value, r.Value) {
			return fmt.Errorf("record %d: offset %d time %d key %q value %q, franz-go: %+v", i,
				b.Offset(o), ts, o.Key, o.Value, r)
		}
		h := o.Headers()
		for _, w := range r.Headers {
			if !h.Next() || string(h.Header().Key) != w.Key || !same(h.Header().Value, w.Value) {
				return fmt.Errorf("record %d: header %q, franz-go: %q", i, h.Header(), w)
			}
		}
		if h.Next() {
			return fmt.Errorf("record %d: more headers than franz-go reads", i)
		}
	}
	if it.Next() || it.Err() != nil {
		return errors.Join(errors.New("more records than franz-go reads"), it.Err())
	}
	return nil
}

// same treats null and empty as different.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

// Goal: franz-go reads what we build, with every codec; and its message type reads our header.
func TestFranzReadsOurs(t *testing.T) {
	var b Builder
	var d compress.Decompressor
	for c := compress.None; c <= compress.Zstd; c++ {
		b.Reset(BuilderOptions{Codec: c, HasProducer: true, ProducerID: 3, ProducerEpoch: 1, BaseSequence: 12, Transactional: true})
		b.Append(now, []byte("k"), nil, nil)
		b.Append(now-5, nil, []byte{}, []Header{{Key: []byte("a"), Value: nil}, {Key: []byte{}, Value: []byte{1}}})
		for i := range 5000 {
			b.Append(now+int64(i), fmt.Appendf(nil, "key %d", i%7), bytes.Repeat([]byte{byte(i)}, i%300), nil)
		}
		out, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		out.SetBaseOffset(1000)
		plain, err := out.Plain(&d, nil, budget)
		if err != nil {
			t.Fatal(err)
		}
		if err := sameAsFranz(out, plain); err != nil {
			t.Errorf("%s: %v", c, err)
		}
		var k kmsg.RecordBatch
		if err := k.ReadFrom(out); err != nil {
			t.Fatal(err)
		}
		if k.FirstOffset != 1000 || int(k.Length) != len(out)-LengthPrefix || k.PartitionLeaderEpoch != -1 || k.Magic != 2 ||
			uint32(k.CRC) != out.CRC() || k.LastOffsetDelta != 5001 || k.FirstTimestamp != now || k.MaxTimestamp != now+4999 ||
			k.ProducerID != 3 || k.ProducerEpoch != 1 || k.FirstSequence != 12 || k.NumRecords != 5002 ||
			!bytes.Equal(k.Records, out.Payload()) || k.Attributes != int16(c)|attrTransactional {
			t.Errorf("%s: kmsg reads %+v", c, k)
		}
	}
}
