package compress

import "testing"

// benchText is what a batch of small JSON-like records looks like: 256 KiB.
var benchText = text(256 << 10)

func BenchmarkDecompress(b *testing.B) {
	for _, c := range codecs {
		b.Run(c.String(), func(b *testing.B) {
			stream := compressed(b, c, benchText)
			budget := DefaultBudget(1 << 20)
			var d Decompressor
			dst := make([]byte, 0, 2*len(benchText))
			b.SetBytes(int64(len(benchText)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Decompress(dst, c, stream, budget); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompress(b *testing.B) {
	for _, c := range codecs {
		b.Run(c.String(), func(b *testing.B) {
			var p Compressor
			dst := make([]byte, 0, 2*len(benchText))
			b.SetBytes(int64(len(benchText)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Compress(dst, c, DefaultLevel, benchText); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
