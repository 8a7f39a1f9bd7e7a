package metadata

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// choices is randomness that a fuzzer chooses, one byte for each draw, and then goes on by itself.
type choices struct {
	left []byte
	next uint64
}

func (c *choices) Uint64() uint64 {
	if len(c.left) == 0 {
		c.next += 0x9e3779b97f4a7c15
		return c.next
	}
	b := c.left[0]
	c.left = c.left[1:]
	return uint64(b) * 0x0101010101010101
}

// FuzzApply replays sequences of records: those of the generator that makes what fits the state, chosen by the
// fuzzer, and between them arbitrary bytes as records, also in transactions. Whatever is accepted leaves an image that,
// if the records were the generator's, keeps its invariants (C-05, C-06, C-07, C-15); that its own records make again
// (C-20); and whose predecessor is as it was.
func FuzzApply(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, []byte{})
	for seed := range uint64(6) {
		b := make([]byte, 120)
		rng := rand.New(rand.NewPCG(seed, 3))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b, []byte{})
	}
	var raw []byte
	for _, r := range []schema.Record{topicRecord(1, "a"), broker(1), partition(1, 0), &schema.BeginTransactionRecord{}, topicRecord(2, "b"), &schema.AbortTransactionRecord{}} {
		version, _ := schema.LatestVersion(r.Key())
		value, err := schema.Append(nil, r, version)
		if err != nil {
			f.Fatal(err)
		}
		raw = append(binary.AppendUvarint(raw, uint64(len(value))), value...)
	}
	f.Add([]byte{}, raw)
	f.Fuzz(func(t *testing.T, script, raw []byte) {
		l := NewLoader(ImageOptions{ClusterID: "c"})
		source := &choices{left: script[:min(len(script), 300)]}
		g := &generator{Rand: rand.New(source), b: l.builder}
		offset := int64(0)
		apply := func(records ...schema.Record) bool { // as one decision
			if len(records) == 0 {
				return true
			}
			var b batch.Builder
			b.Reset(batch.BuilderOptions{})
			for _, r := range records {
				version, known := schema.LatestVersion(r.Key())
				if !known {
					version = 7
				}
				value, err := schema.Append(nil, r, version)
				if err != nil {
					return false // a field that only other versions have
				}
				b.Append(1, nil, value, nil)
			}
			built, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			if l.Apply(offset, 1, built) != nil {
				return false
			}
			offset += int64(len(records))
			return true
		}
		last, dump := l.Current(), l.Current().dump()
		check := func(sound bool) {
			l.PublishNow()
			image := l.Current()
			if err := image.Check(); err != nil {
				if sound {
					t.Fatal(err)
				}
				return // nobody writes such records, and an image that is not sound need not be a snapshot
			}
			checkReplay(t, image)
			for i, line := range last.dump() {
				if dump[i] != line {
					t.Fatalf("an image that was published before has changed: %q, was %q", line, dump[i])
				}
			}
			last, dump = image, image.dump()
		}
		for len(source.left) > 0 {
			before := len(source.left)
			g.b = l.builder
			if !apply(g.records()...) {
				t.Fatalf("the generator's records are refused: %v", l.failed)
			}
			if len(source.left) == before {
				break
			}
			if g.IntN(3) == 0 {
				check(true)
			}
		}
		check(true)
		for n := 0; len(raw) > 0 && n < 100; n++ {
			size, k := binary.Uvarint(raw)
			if k <= 0 {
				break
			}
			value := raw[k:][:min(size, uint64(len(raw)-k))]
			raw = raw[k+len(value):]
			r, _, err := schema.Decode(value)
			if err != nil {
				continue
			}
			if !apply(r) {
				break
			}
			check(false)
		}
	})
}
