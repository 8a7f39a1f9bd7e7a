package clean

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// BenchmarkClean is a whole round, both passes, in memory: bytes of log per second of one core
// (PERFORMANCE K1). dead is how many in a hundred records have a newer one of their key.
func BenchmarkClean(b *testing.B) {
	for _, size := range []int{100, 1024} {
		for _, codec := range []compress.Codec{compress.None, compress.LZ4, compress.Zstd} {
			for _, dead := range []int{0, 10, 90} {
				b.Run(fmt.Sprintf("record=%d/codec=%v/dead=%d", size, codec, dead), func(b *testing.B) {
					benchClean(b, size, codec, dead)
				})
			}
		}
	}
}

const benchBytes = 64 << 20

func benchClean(b *testing.B, size int, codec compress.Codec, dead int) {
	rng := rand.New(rand.NewPCG(7, 7))
	records := benchBytes / size
	keys := max(records*(100-dead)/100, 1)
	order := rng.Perm(records) // a key is one of keys; every one comes
	h := newHistory(b)
	h.opts.Codec = codec
	per := max(16<<10/size, 1)
	value := make([]byte, size-16-12)
	for i := 0; i < records; {
		h.b.Reset(h.opts)
		for ; i < records && h.b.NumRecords() < per; i++ {
			for j := 0; j+8 <= len(value); j += 16 { // half of it compresses
				v := rng.Uint64()
				for k := range 8 {
					value[j+k] = byte(v >> (8 * k))
				}
			}
			h.b.Append(1_700_000_000_000+int64(i), fmt.Appendf(nil, "key-%012d", order[i]%keys), value, nil)
		}
		x, err := h.b.Build()
		if err != nil {
			b.Fatal(err)
		}
		h.put(x)
	}
	bs := h.batches()
	c := New(Options{Seed: [16]byte{1, 2, 3}})
	out := make([]byte, 0, 2<<20)
	b.SetBytes(int64(len(h.log)))
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuSeconds()
	for range b.N {
		c.Begin(Round{End: h.next})
		for _, x := range bs {
			if _, err := c.Index(x); err != nil {
				b.Fatal(err)
			}
		}
		c.Indexed(true)
		for _, x := range bs {
			if len(out) > 1<<20 {
				out = out[:0]
			}
			var err error
			if out, _, err = c.Filter(out, x); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.StopTimer()
	if used := cpuSeconds() - before; used > 0 { // the figure on a machine with other work to do
		b.ReportMetric(float64(len(h.log))*float64(b.N)/1e6/used, "MB/cpu-s")
	}
	s := c.Stats()
	b.ReportMetric(100*(1-float64(s.RecordsKept)/float64(s.RecordsRead)), "dead%")
}
