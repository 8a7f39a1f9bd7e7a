package bench

import (
	"math/rand/v2"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// shape is a batch that is sent again and again.
type shape struct {
	records int // in a batch
	value   int // bytes of each value
	codec   compress.Codec
}

// sized is a batch of about so many bytes of values.
func sized(batchBytes, value int) shape {
	return shape{records: max(1, batchBytes/value), value: value}
}

// bytes are those of the values in a batch: what throughput is counted in.
func (s shape) bytes() int64 { return int64(s.records) * int64(s.value) }

// build makes the batch. Values are text of a small vocabulary, the same in each run.
func (s shape) build() ([]byte, error) {
	var b batch.Builder
	b.Reset(batch.BuilderOptions{Codec: s.codec, Level: compress.DefaultLevel})
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Now().UnixMilli()
	value := make([]byte, s.value)
	for range s.records {
		fill(value, random)
		b.Append(now, nil, value, nil)
	}
	built, err := b.Build()
	return append([]byte(nil), built...), err
}

// text is a value of the batch.
func (s shape) text() []byte {
	value := make([]byte, s.value)
	fill(value, rand.New(rand.NewPCG(1, 2)))
	return value
}

// fill writes words of eight letters, which compress to about a third.
func fill(value []byte, random *rand.Rand) {
	const letters = "etaoinsh"
	var word [8]byte
	for i := 0; i < len(value); i += len(word) {
		bits := random.Uint32N(4096) * 0x9e3779b1
		for j := range word {
			word[j] = letters[bits>>(4*j)&7]
		}
		copy(value[i:], word[:])
	}
}
