package compress

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
)

const bombSize = 256 << 20

// bomb is 256 MiB of zeros, made piecewise so that the test itself stays small.
func bomb(t testing.TB, c Codec) []byte {
	t.Helper()
	piece := make([]byte, 1<<20)
	var b bytes.Buffer
	switch c {
	case Gzip:
		one := compressed(t, c, piece)
		for range bombSize / len(piece) {
			b.Write(one)
		}
	case Zstd:
		w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20))
		if err != nil {
			t.Fatal(err)
		}
		for range bombSize / len(piece) {
			w.Write(piece)
		}
		w.Close()
	case Snappy:
		one := compressed(t, c, piece)
		b.Write(one)
		for range bombSize/len(piece) - 1 {
			b.Write(one[xerialHeaderSize:])
		}
	case LZ4:
		one := compressed(t, c, piece)
		b.Write(one[:len(one)-4])
		for range bombSize/len(piece) - 1 {
			b.Write(one[7 : len(one)-4])
		}
		b.Write([]byte{0, 0, 0, 0})
	}
	return b.Bytes()
}

// Goal: a bomb is refused at the budget, and what is allocated on the way stays near the budget.
// Method: 256 MiB of zeros per codec, several budgets, allocation measured.
func TestBudgetStopsBombs(t *testing.T) {
	budgets := []Budget{
		DefaultBudget(1 << 20),
		{MaxBytes: 64 << 20, MaxRatio: 10, RatioFloor: 100},
		{MaxBytes: 1000},
		{},
	}
	for _, c := range codecs {
		stream := bomb(t, c)
		for i, budget := range budgets {
			t.Run(fmt.Sprintf("%s/%d", c, i), func(t *testing.T) {
				limit := budget.limit(len(stream))
				var d Decompressor
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				out, err := d.Decompress(nil, c, stream, budget)
				runtime.ReadMemStats(&after)
				if !errors.Is(err, ErrBudget) || len(out) != 0 {
					t.Errorf("%d bytes from %d, limit %d: %v", len(out), len(stream), limit, err)
				}
				// All steps of a doubling buffer together are three times the limit at the most,
				// with zstd's overshoot (the decoder without assembly has more) five times; a
				// decoder state may have to be made.
				if used, most := after.TotalAlloc-before.TotalAlloc, uint64(5*limit+1<<20); used > most {
					t.Errorf("%d bytes were allocated, limit %d", used, limit)
				}
			})
		}
	}
}

// Goal: zstd at its best, 32,768:1 by run-length blocks, ends at the budget and passes within it.
func TestBudgetZstdRatio(t *testing.T) {
	var d Decompressor
	rle := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x48}
	for range 600 {
		rle = append(rle, 0x02, 0x00, 0x10, 'x') // 128 KiB of x
	}
	rle = append(rle, 0x03, 0x00, 0x10, 'x')
	if _, err := d.Decompress(nil, Zstd, rle, Budget{MaxRatio: 1 << 20}); !errors.Is(err, ErrBudget) {
		t.Errorf("run-length blocks: %v", err)
	}
	got, err := d.Decompress(nil, Zstd, rle, Budget{MaxBytes: 100 << 20, MaxRatio: 1 << 20})
	if err != nil || len(got) != 601*128<<10 {
		t.Errorf("run-length blocks within the budget: %d, %v", len(got), err)
	}
}

// Goal: the bound is exact: what is as long as the budget passes, one byte more does not.
func TestBudgetIsExact(t *testing.T) {
	var d Decompressor
	for _, c := range append([]Codec{None}, codecs...) {
		for _, n := range []int{1, 1000, 70_000, 300_000} {
			for kind, src := range map[string][]byte{"text": text(n), "zeros": make([]byte, n)} {
				stream := compressed(t, c, src)
				got, err := d.Decompress(nil, c, stream, Budget{MaxBytes: int64(n), MaxRatio: 1 << 20})
				if err != nil || !bytes.Equal(got, src) {
					t.Errorf("%s %s %d: %v", c, kind, n, err)
				}
				if n == 1 {
					continue // a budget of 0 is the default
				}
				if _, err := d.Decompress(nil, c, stream, Budget{MaxBytes: int64(n - 1), MaxRatio: 1 << 20}); !errors.Is(err, ErrBudget) {
					t.Errorf("%s %s %d with one byte less: %v", c, kind, n, err)
				}
				again := Budget{MaxBytes: 1 << 30, MaxRatio: 1, RatioFloor: int64(n - 1)}
				if len(stream) < n {
					if _, err := d.Decompress(nil, c, stream, again); !errors.Is(err, ErrBudget) {
						t.Errorf("%s %s %d by ratio: %v", c, kind, n, err)
					}
				}
			}
		}
	}
}

func TestDefaultBudget(t *testing.T) {
	f := func(maxMessage int, want int64) {
		t.Helper()
		if b := DefaultBudget(maxMessage); b.MaxBytes != want || b.MaxRatio != 1000 || b.RatioFloor != 1<<20 {
			t.Errorf("DefaultBudget(%d) = %+v", maxMessage, b)
		}
	}
	f(1<<20, 20<<20)
	f(1048588, 20*1048588)
	f(10<<20, 64<<20)
	f(100<<20, 100<<20)
	f(1000, 1<<20)
	if n := (Budget{}).limit(100); n != 1<<20 {
		t.Errorf("zero budget allows %d for 100 bytes", n)
	}
	if n := (Budget{}).limit(10 << 20); n != 64<<20 {
		t.Errorf("zero budget allows %d for 10 MiB", n)
	}
	if n := (Budget{MaxBytes: 1 << 62, MaxRatio: 1 << 62, RatioFloor: 1 << 62}).limit(1 << 30); n != hardLimit {
		t.Errorf("no budget is above the hard limit: %d", n)
	}
}

// Goal: decompressors cost nothing while idle, so that each of many connections may have one.
func TestIdleDecompressorIsSmall(t *testing.T) {
	streams := map[Codec][]byte{}
	for _, c := range codecs {
		streams[c] = compressed(t, c, text(100_000))
	}
	idle := make([]Decompressor, 1000)
	buf := make([]byte, 0, 100_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range idle {
		for c, s := range streams {
			if _, err := idle[i].Decompress(buf[:0], c, s, roomy); err != nil {
				t.Fatal(err)
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d idle decompressors hold %d bytes", len(idle), grown)
	}
	runtime.KeepAlive(idle)
}

// Goal: no allocation once warm.
func TestNoSteadyAllocation(t *testing.T) {
	src := text(100_000)
	var p Compressor
	var d Decompressor
	for _, c := range codecs {
		stream := compressed(t, c, src)
		zip, plain := make([]byte, 0, 2*len(src)), make([]byte, 0, 2*len(src))
		if n := testing.AllocsPerRun(50, func() {
			if _, err := d.Decompress(plain[:0], c, stream, roomy); err != nil {
				t.Fatal(err)
			}
		}); n >= 1 && !raceEnabled {
			t.Errorf("decompress %s: %v allocations", c, n)
		}
		if n := testing.AllocsPerRun(50, func() {
			if _, err := p.Compress(zip[:0], c, DefaultLevel, src); err != nil {
				t.Fatal(err)
			}
		}); n >= 1 && !raceEnabled {
			t.Errorf("compress %s: %v allocations", c, n)
		}
	}
}
