package clean

import (
	"bytes"
	"errors"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// FuzzClean gives both passes anything that calls itself a batch, with a true checksum: it is refused as damaged or cleaned into whole
// batches within the same offsets, and never a panic. Cleaned again by the same round nothing changes.
func FuzzClean(f *testing.F) {
	h := newHistory(f)
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		h.opts = batch.BuilderOptions{Codec: codec, HasProducer: true, ProducerID: 3}
		h.add(rec{"a", "1"}, rec{"b", ""}, rec{"-", "x"}, rec{"a", "2"})
	}
	h.opts = transactional(4)
	h.add(rec{"t", "1"})
	h.end(4, batch.ControlAbort)
	h.put(batch.ControlBatch(batch.ControlLeaderChange, 0, []byte{1}, 5))
	for _, b := range h.batches() {
		f.Add([]byte(b), int64(0), false)
	}
	f.Fuzz(func(t *testing.T, p []byte, now int64, last bool) {
		b, _, err := batch.Next(p)
		if err != nil || b.BaseOffset() < 0 || b.BaseOffset() > 1<<40 {
			return
		}
		b = batch.Batch(bytes.Clone(b))
		b.SetMaxTimestamp(b.MaxTimestamp() ^ 1) // seals the checksum
		c := New(Options{MapBytes: 1 << 12})
		run := func(b batch.Batch) ([]byte, error) {
			r := Round{End: b.NextOffset() + 1, NowMs: now, DeleteRetentionMs: 5}
			if last {
				r.Last = func(kafka.ProducerID) (Last, bool) { return Last{Offset: b.LastOffset()}, true }
			}
			c.Begin(r)
			c.Aborted([]Aborted{{4, 0, 1 << 50}})
			more, err := c.Index(b)
			if err != nil {
				return nil, err
			}
			c.Indexed(more)
			c.Aborted([]Aborted{{4, 0, 1 << 50}})
			out, _, err := c.Filter(nil, b)
			return out, err
		}
		out, err := run(b)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if len(out) == 0 {
			return
		}
		kept, rest, err := batch.Next(out)
		if err != nil || len(rest) > 0 || kept.CheckStructure() != nil {
			t.Fatalf("%v, %d bytes more, %v", err, len(rest), kept.CheckStructure())
		}
		if kept.BaseOffset() != b.BaseOffset() || kept.LastOffset() != b.LastOffset() || kept.NumRecords() > b.NumRecords() || kept.ProducerID() != b.ProducerID() {
			t.Fatalf("%x\nbecame %x", []byte(b), []byte(kept))
		}
		again, err := run(kept)
		if err != nil || len(again) > 0 && !bytes.Equal(again, out) && kept.HasDeleteHorizon() == b.HasDeleteHorizon() {
			t.Fatalf("%x\nthen %x\nthen %x, %v", []byte(b), out, again, err)
		}
	})
}
