package compress

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// fuzzBudget is small, so that a fuzzer meets it.
var fuzzBudget = Budget{MaxBytes: 256 << 10, MaxRatio: 50, RatioFloor: 4 << 10}

// fuzzDecompress: arbitrary bytes never panic; the output obeys the budget; errors are of the three
// kinds and leave dst alone; what is accepted decodes the same again behind other bytes, and
// survives being compressed and decompressed.
func fuzzDecompress(f *testing.F, c Codec) {
	seeds(f, c)
	f.Fuzz(func(t *testing.T, stream []byte) {
		var d Decompressor
		out, err := d.Decompress(nil, c, stream, fuzzBudget)
		if err != nil {
			if len(out) != 0 || !errors.Is(err, ErrBudget) && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("%d bytes, %v", len(out), err)
			}
			return
		}
		if len(out) > fuzzBudget.limit(len(stream)) {
			t.Fatalf("%d bytes from %d", len(out), len(stream))
		}
		again, err := d.Decompress([]byte("prefix"), c, stream, fuzzBudget)
		if err != nil || !bytes.Equal(again[6:], out) {
			t.Fatalf("second time: %d and %d bytes, %v", len(again)-6, len(out), err)
		}
		if len(out) == 0 {
			return
		}
		var p Compressor
		zip, err := p.Compress(nil, c, DefaultLevel, out)
		if err != nil {
			t.Fatal(err)
		}
		back, err := d.Decompress(nil, c, zip, roomy)
		if err != nil || !bytes.Equal(back, out) {
			t.Fatalf("round trip: %d and %d bytes, %v", len(back), len(out), err)
		}
	})
}

// seeds adds streams made by Kafka, by us, and a bomb.
func seeds(f *testing.F, c Codec) {
	raw, err := os.ReadFile("../batch/testdata/kafka/streams.json")
	if err != nil {
		f.Fatal(err)
	}
	var streams []struct{ Codec, Stream string }
	if err := json.Unmarshal(raw, &streams); err != nil {
		f.Fatal(err)
	}
	for _, s := range streams {
		if b, err := hex.DecodeString(s.Stream); err == nil && s.Codec == c.String() {
			f.Add(b)
		}
	}
	f.Add(compressed(f, c, []byte("short")))
	f.Add(compressed(f, c, text(5000)))
	f.Add(compressed(f, c, make([]byte, 100_000)))
	if c == LZ4 {
		frame, _ := linkedFrame()
		f.Add(frame)
	}
	if c == Zstd {
		f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x48, 0x02, 0x00, 0x10, 'x', 0x03, 0x00, 0x10, 'x'})
	}
}

func FuzzGzip(f *testing.F)   { fuzzDecompress(f, Gzip) }
func FuzzSnappy(f *testing.F) { fuzzDecompress(f, Snappy) }
func FuzzLZ4(f *testing.F)    { fuzzDecompress(f, LZ4) }
func FuzzZstd(f *testing.F)   { fuzzDecompress(f, Zstd) }
