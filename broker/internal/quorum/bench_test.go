package quorum

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// counter is a Machine that costs nothing.
type counter struct{ n int }

func (c *counter) Apply(es []Entry) error { c.n += len(es); return nil }
func (c *counter) Lead(State)             {}

// BenchmarkPropose is propose → durable → applied on a lone voter and a memory disk: one decision at
// a time, and 64 that share a sync.
func BenchmarkPropose(b *testing.B) {
	for _, group := range []int{1, 64} {
		for _, size := range []int{100, 10_000} {
			b.Run(fmt.Sprintf("group=%d/bytes=%d", group, size), func(b *testing.B) {
				m := &counter{}
				o := alone(vfs.NewMem(), m)
				o.SegmentBytes = 64 << 20
				c := start(b, o)
				one := bigBatch(b, size)
				applied := m.n
				b.SetBytes(int64(len(one)))
				b.ReportAllocs()
				for i := 0; i < b.N; {
					for range min(group, b.N-i) {
						if _, err := c.Propose(one); err != nil {
							b.Fatal(err)
						}
						i++
					}
					if err := drain(c); err != nil {
						b.Fatal(err)
					}
				}
				if m.n != applied+b.N {
					b.Fatalf("%d proposals, %d applied", b.N, m.n-applied)
				}
			})
		}
	}
}

func bigBatch(b *testing.B, size int) batch.Batch {
	var bu batch.Builder
	bu.Reset(batch.BuilderOptions{})
	bu.Append(1000, nil, bytes.Repeat([]byte{'x'}, size), nil)
	out, err := bu.Build()
	if err != nil {
		b.Fatal(err)
	}
	return out
}
