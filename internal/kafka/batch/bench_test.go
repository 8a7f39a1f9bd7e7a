package batch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// benchBatch is a batch of about 64 KiB of records of the given size, key included. The values
// are text of moderate entropy.
func benchBatch(b *testing.B, c compress.Codec, size int) Batch {
	b.Helper()
	var bb Builder
	bb.Reset(BuilderOptions{Codec: c})
	fillBench(&bb, size)
	out, err := bb.Build()
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Clone(out)
}

func fillBench(bb *Builder, size int) {
	r := rand.New(rand.NewPCG(1, 2))
	value := make([]byte, size-8)
	for i := range 64 << 10 / size {
		for j := range value {
			value[j] = "etaoin shrdlu 01"[r.Uint32()&15]
		}
		bb.Append(now+int64(i), fmt.Appendf(nil, "key-%04d", i), value, nil)
	}
}

// perRecord runs op, which handles n records, and reports the mean and the best time per record.
// On a shared machine the best is the one to compare.
func perRecord(b *testing.B, n int32, op func()) {
	best := time.Duration(1 << 62)
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		op()
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/record")
	b.ReportMetric(float64(best.Nanoseconds())/float64(n), "best-ns/record")
}

// BenchmarkWalk is the walk over the records alone (goal: 15 ns for 100 bytes).
func BenchmarkWalk(b *testing.B) {
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			batch := benchBatch(b, compress.None, size)
			b.SetBytes(int64(len(batch)))
			perRecord(b, batch.NumRecords(), func() {
				w := walker{base: batch.BaseTimestamp(), oldest: 0, newest: 1 << 62, maxTimestamp: noTimestamp}
				if bad := w.walk(batch.Payload(), batch.NumRecords()); bad != nil {
					b.Fatal(bad)
				}
			})
		})
	}
}

func BenchmarkIterate(b *testing.B) {
	batch := benchBatch(b, compress.None, 100)
	b.SetBytes(int64(len(batch)))
	perRecord(b, batch.NumRecords(), func() {
		it := IterateRecords(batch.Payload(), batch.NumRecords())
		for it.Next() {
		}
		if it.Err() != nil {
			b.Fatal(it.Err())
		}
	})
}

func BenchmarkCRC(b *testing.B) {
	batch := benchBatch(b, compress.None, 1024)
	b.SetBytes(int64(len(batch)))
	perRecord(b, batch.NumRecords(), func() {
		if !batch.VerifyCRC() {
			b.Fatal("checksum")
		}
	})
}

// BenchmarkClient is the whole validation of a produced batch, checksum included.
func BenchmarkClient(b *testing.B) {
	for _, size := range []int{100, 1024} {
		for c := compress.None; c <= compress.Zstd; c++ {
			b.Run(fmt.Sprintf("%s/%d", c, size), func(b *testing.B) {
				batch := benchBatch(b, c, size)
				var v Validator
				r := lenient()
				b.SetBytes(int64(size) * int64(batch.NumRecords())) // uncompressed
				perRecord(b, batch.NumRecords(), func() {
					if _, err := v.Client(batch, r); err != nil {
						b.Fatal(err)
					}
				})
			})
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	key, value := []byte("key-0001"), bytes.Repeat([]byte("etaoin shrdlu 01"), 6)[:92]
	for c := compress.None; c <= compress.Zstd; c++ {
		b.Run(c.String(), func(b *testing.B) {
			var bb Builder
			b.SetBytes(64 << 10)
			perRecord(b, 655, func() {
				bb.Reset(BuilderOptions{Codec: c})
				for i := range 655 {
					bb.Append(now+int64(i), key, value, nil)
				}
				if _, err := bb.Build(); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}
