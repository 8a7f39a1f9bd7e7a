package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// Goal: Size and Next are safe on any bytes and say what is wrong.
func TestSizeAndNext(t *testing.T) {
	good := build(t, BuilderOptions{}, 2)
	f := func(buf []byte, want error) {
		t.Helper()
		if _, _, err := Next(buf); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", len(buf), err, want)
		}
	}
	for n := range good {
		f(good[:n], ErrShort)
	}
	length := func(n uint32) []byte {
		b := bytes.Clone(good)
		binary.BigEndian.PutUint32(b[posLength:], n)
		return b
	}
	for _, n := range []uint32{0, 1, 48, 1 << 31, math.MaxUint32, math.MaxInt32} {
		f(length(n), ErrSize)
		if _, err := Size(length(n)[:LengthPrefix]); !errors.Is(err, ErrSize) {
			t.Errorf("Size of length %d: %v", n, err)
		}
	}
	f(length(math.MaxInt32-LengthPrefix), ErrShort)
	magic := bytes.Clone(good)
	magic[posMagic] = 1
	f(magic, ErrMagic)
	f(magic[:posMagic+1], ErrMagic)

	two := append(bytes.Clone(good), good...)
	b, rest, err := Next(two)
	if err != nil || !bytes.Equal(b, good) || !bytes.Equal(rest, good) || cap(b) != len(b) {
		t.Errorf("two batches: %d and %d bytes, %v", len(b), len(rest), err)
	}
}

// Goal: CheckStructure takes what compaction leaves and refuses what cannot be.
func TestCheckStructure(t *testing.T) {
	f := func(want error, change func(b Batch) Batch) {
		t.Helper()
		b := change(build(t, BuilderOptions{}, 3))
		if len(b) >= HeaderSize {
			b.sealCRC()
		}
		if err := b.CheckStructure(); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	put32 := func(pos int, x uint32) func(Batch) Batch {
		return func(b Batch) Batch { binary.BigEndian.PutUint32(b[pos:], x); return b }
	}
	f(nil, func(b Batch) Batch { return b })
	f(nil, put32(posLastOffsetDelta, 1000))
	f(nil, put32(posNumRecords, 0))
	f(nil, func(b Batch) Batch { b.SetBaseOffset(math.MaxInt64 - 3); return b })
	f(ErrHeader, func(b Batch) Batch { b.SetBaseOffset(math.MaxInt64 - 2); return b })
	f(ErrHeader, func(b Batch) Batch { b.SetBaseOffset(-1); return b })
	f(ErrHeader, put32(posLastOffsetDelta, 1))
	f(ErrHeader, put32(posLastOffsetDelta, math.MaxUint32))
	f(ErrHeader, put32(posNumRecords, math.MaxUint32))
	f(ErrShort, func(b Batch) Batch { return b[:60] })
	f(ErrShort, func(Batch) Batch { return nil })
	f(ErrSize, func(b Batch) Batch { return b[:len(b)-1] })
	f(ErrMagic, func(b Batch) Batch { b[posMagic] = 0; return b })
	bad := build(t, BuilderOptions{}, 3)
	bad[len(bad)-1]++
	if err := bad.CheckStructure(); !errors.Is(err, ErrCRC) {
		t.Errorf("changed content: %v", err)
	}
}

// Goal: the setters that the log uses leave the checksum valid, the others renew it.
func TestSetters(t *testing.T) {
	b := build(t, BuilderOptions{}, 3)
	b.SetBaseOffset(1 << 40)
	b.SetLeaderEpoch(9)
	if b.BaseOffset() != 1<<40 || b.LastOffset() != 1<<40+2 || b.NextOffset() != 1<<40+3 || b.LeaderEpoch() != 9 || !b.VerifyCRC() {
		t.Errorf("offsets %d to %d, epoch %d, checksum %v", b.BaseOffset(), b.LastOffset(), b.LeaderEpoch(), b.VerifyCRC())
	}
	b.SetMaxTimestamp(77)
	if b.MaxTimestamp() != 77 || !b.VerifyCRC() {
		t.Error("SetMaxTimestamp")
	}
	b.SetLogAppendTime(78)
	it := IterateRecords(b.Payload(), 3)
	if it.Next(); !b.LogAppendTime() || b.Timestamp(it.Record()) != 78 || !b.VerifyCRC() {
		t.Error("SetLogAppendTime")
	}
}

func TestBuilder(t *testing.T) {
	var b Builder
	f := func(want error, opts BuilderOptions, fill func()) {
		t.Helper()
		b.Reset(opts)
		fill()
		if _, err := b.Build(); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", opts, err, want)
		}
	}
	one := func() { b.Append(1, nil, nil, nil) }
	f(ErrEmpty, BuilderOptions{}, func() {})
	f(nil, BuilderOptions{}, one)
	f(nil, BuilderOptions{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1}, one)
	f(ErrBuild, BuilderOptions{ProducerID: 5}, one)
	f(ErrBuild, BuilderOptions{}, func() { b.Append(1, nil, nil, []Header{{Value: []byte("v")}}) })
	f(compress.ErrUnsupported, BuilderOptions{Codec: 6}, one)
	f(compress.ErrUnsupported, BuilderOptions{Codec: compress.Gzip, Level: 12}, one)

	b.Reset(BuilderOptions{HasProducer: true, Transactional: true})
	one()
	out, err := b.Build()
	if err != nil || out.ProducerID() != 0 || out.ProducerEpoch() != 0 || out.BaseSequence() != 0 || !out.Transactional() {
		t.Errorf("producer 0: %v", err)
	}
	b.Reset(BuilderOptions{})
	one()
	if out, err = b.Build(); err != nil || out.ProducerID() != kafka.NoProducerID || out.LastSequence() != -1 ||
		out.LeaderEpoch() != kafka.NoLeaderEpoch || out.Transactional() {
		t.Errorf("no producer: %v", err)
	}
}

func TestBuilderDoesNotAllocate(t *testing.T) {
	var b Builder
	key, value := []byte("key"), bytes.Repeat([]byte("value "), 20)
	headers := []Header{{Key: []byte("h"), Value: []byte("v")}}
	for c := compress.None; c <= compress.Zstd; c++ {
		n := testing.AllocsPerRun(20, func() {
			b.Reset(BuilderOptions{Codec: c})
			for i := range 100 {
				b.Append(int64(i), key, value, headers)
			}
			if _, err := b.Build(); err != nil {
				t.Fatal(err)
			}
		})
		if n >= 1 && !raceEnabled {
			t.Errorf("%s: %v allocations", c, n)
		}
	}
}

// Goal: Plain never aliases the batch, and keeps what dst held.
func TestPlainCopies(t *testing.T) {
	var d compress.Decompressor
	for c := compress.None; c <= compress.Zstd; c++ {
		b := build(t, BuilderOptions{Codec: c}, 2)
		want := build(t, BuilderOptions{}, 2).Payload()
		plain, err := b.Plain(&d, []byte("x"), budget)
		if err != nil || string(plain[:1]) != "x" || !bytes.Equal(plain[1:], want) {
			t.Fatalf("%s: %v", c, err)
		}
		before := bytes.Clone(b)
		clear(plain)
		if !bytes.Equal(b, before) {
			t.Errorf("%s: Plain aliases the batch", c)
		}
	}
}

func TestIterateNegativeCount(t *testing.T) {
	it := IterateRecords([]byte{1, 2, 3}, -1)
	if it.Next() || !errors.Is(it.Err(), ErrRecord) {
		t.Errorf("count -1: %v", it.Err())
	}
}

// Goal: varints equal encoding/binary's on every border, cut off and too long ones fail, and
// failure sticks.
func TestVarints(t *testing.T) {
	for shift := range 64 {
		for _, d := range []int64{-1, 0, 1} {
			for _, v := range []int64{int64(1)<<shift + d, -(int64(1) << shift) + d} {
				p := binary.AppendVarint([]byte{0xff}, v)
				if varlongSize(v) != len(p)-1 {
					t.Errorf("size of %d: %d, want %d", v, varlongSize(v), len(p)-1)
				}
				if got, i := varlong(p, 1); got != v || i != len(p) {
					t.Errorf("varlong %d: %d at %d", v, got, i)
				}
				got, i := varint(p, 1)
				if fits := v == int64(int32(v)); fits && (int64(got) != v || i != len(p)) || !fits && i != badPos {
					t.Errorf("varint %d: %d at %d", v, got, i)
				}
				for n := 1; n < len(p); n++ {
					if _, i := varlong(p[:n], 1); i != badPos {
						t.Errorf("varlong %d cut to %d bytes: %d", v, n-1, i)
					}
				}
			}
		}
	}
	for _, p := range []string{"", "\x80", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if v, i := varlong([]byte(p), 0); v != 0 || i != badPos {
			t.Errorf("varlong %x: %d at %d", p, v, i)
		}
	}
	if v, i := varint([]byte{2}, badPos); v != 0 || i != badPos {
		t.Error("varint reads after a failure")
	}
	if v, i := varlong([]byte{2}, badPos); v != 0 || i != badPos {
		t.Error("varlong reads after a failure")
	}
}
