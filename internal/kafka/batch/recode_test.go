package batch

import (
	"bytes"
	"errors"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// A batch in another compression has the same records and the same header but for length, checksum and codec; none is changed
// that is in that compression already.
func TestRecode(t *testing.T) {
	r := BorrowRecoder()
	defer r.Return()
	for from := compress.None; from <= compress.Zstd; from++ {
		var b Builder
		b.Reset(BuilderOptions{Codec: from, HasProducer: true, ProducerID: 5, ProducerEpoch: 2, BaseSequence: 77, Transactional: true})
		b.Append(1000, []byte("key"), bytes.Repeat([]byte("value"), 100), []Header{{Key: []byte("h")}})
		b.Append(1005, nil, nil, nil)
		in, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		in.SetBaseOffset(9)
		in.SetLeaderEpoch(4)
		before := bytes.Clone(in)
		var d compress.Decompressor
		want, err := in.Plain(&d, nil, compress.Budget{})
		if err != nil {
			t.Fatal(err)
		}
		for to := compress.None; to <= compress.Zstd; to++ {
			out, err := r.Recode(in, to, compress.DefaultLevel, compress.Budget{})
			if err != nil {
				t.Fatal(err)
			}
			if to == from && &out[0] != &in[0] {
				t.Errorf("%v was copied", to)
			}
			if err := out.CheckStructure(); err != nil {
				t.Fatal(err)
			}
			plain, err := out.Plain(&d, nil, compress.Budget{})
			if err != nil || !bytes.Equal(plain, want) || out.Codec() != to {
				t.Fatalf("%v to %v: %v, codec %v", from, to, err, out.Codec())
			}
			if !bytes.Equal(out[posLastOffsetDelta:HeaderSize], in[posLastOffsetDelta:HeaderSize]) || out.BaseOffset() != 9 || out.LeaderEpoch() != 4 || !out.Transactional() {
				t.Fatalf("%v to %v: the header has changed", from, to)
			}
		}
		if !bytes.Equal(in, before) {
			t.Fatal("the batch was changed")
		}
	}
	if _, err := r.Recode(Batch(make([]byte, HeaderSize)), compress.LZ4, 99, compress.Budget{}); !errors.Is(err, compress.ErrUnsupported) {
		t.Fatalf("level 99: %v", err)
	}
}

// Levels do what they say: the highest makes no more bytes than the lowest.
func TestRecodeLevels(t *testing.T) {
	var b Builder
	b.Reset(BuilderOptions{})
	for i := range 400 {
		b.Append(1, []byte{byte(i)}, bytes.Repeat([]byte{byte(i * 7), byte(i * 3), 'x', byte(i / 5)}, 20+i%13), nil)
	}
	in, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	r := BorrowRecoder()
	defer r.Return()
	for codec, levels := range map[compress.Codec][2]int{compress.Gzip: {1, 9}, compress.LZ4: {9, 17}, compress.Zstd: {1, 19}} {
		low, err := r.Recode(in, codec, levels[0], compress.Budget{})
		if err != nil {
			t.Fatal(err)
		}
		n := len(low)
		high, err := r.Recode(in, codec, levels[1], compress.Budget{})
		if err != nil {
			t.Fatal(err)
		}
		if len(high) >= n {
			t.Errorf("%v: %d bytes at level %d, %d at %d", codec, n, levels[0], len(high), levels[1])
		}
	}
}
