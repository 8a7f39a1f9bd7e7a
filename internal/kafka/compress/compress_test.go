package compress

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

var codecs = []Codec{Gzip, Snappy, LZ4, Zstd}

// roomy is a budget that no honest test input meets.
var roomy = Budget{MaxBytes: 64 << 20, MaxRatio: 1 << 20, RatioFloor: 1 << 20}

func text(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "record %d of a text with some repetition; ", i*i)
	}
	return b.Bytes()[:n]
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func compressed(t testing.TB, c Codec, src []byte) []byte {
	t.Helper()
	var p Compressor
	out, err := p.Compress(nil, c, DefaultLevel, src)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	return out
}

// Goal: what is compressed comes back, for every codec, level and size around block borders, with
// one reused Compressor and Decompressor and behind existing bytes.
func TestRoundTrip(t *testing.T) {
	levels := map[Codec][]int{None: {0}, Gzip: {0, -1, 1, 9}, Snappy: {0}, LZ4: {0, 1, 9, 17}, Zstd: {0, -7, 1, 3, 7, 22}}
	var p Compressor
	var d Decompressor
	for c, ls := range levels {
		for _, level := range ls {
			for _, n := range []int{1, 13, 100, 32<<10 - 1, 32 << 10, 32<<10 + 1, 64 << 10, 64<<10 + 1, 300_000} {
				for kind, src := range map[string][]byte{"text": text(n), "noise": noise(n), "zeros": make([]byte, n)} {
					out, err := p.Compress([]byte("head"), c, level, src)
					if err != nil || !bytes.HasPrefix(out, []byte("head")) {
						t.Fatalf("compress %s level %d %s %d: %v", c, level, kind, n, err)
					}
					back, err := d.Decompress([]byte("before"), c, out[4:], roomy)
					if err != nil || string(back[:6]) != "before" || !bytes.Equal(back[6:], src) {
						t.Fatalf("decompress %s level %d %s %d: %v", c, level, kind, n, err)
					}
				}
			}
		}
	}
}

// Goal: streams of the codecs' own libraries are read, also in forms that we do not write.
func TestReadsForeignStreams(t *testing.T) {
	src := text(200_000)
	var d Decompressor
	check := func(name string, c Codec, stream []byte) {
		t.Helper()
		got, err := d.Decompress(nil, c, stream, roomy)
		if err != nil || !bytes.Equal(got, src) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	var b bytes.Buffer
	gz, _ := kgzip.NewWriterLevel(&b, 9)
	gz.Name, gz.Comment, gz.Extra = "a name", "a comment", []byte("extra")
	gz.Write(src)
	gz.Close()
	check("gzip with header fields", Gzip, b.Bytes())
	check("raw snappy", Snappy, s2.EncodeSnappy(nil, src))
	for _, opts := range [][]lz4.Option{
		{lz4.BlockSizeOption(lz4.Block64Kb)}, {lz4.BlockSizeOption(lz4.Block256Kb)},
		{lz4.BlockSizeOption(lz4.Block1Mb), lz4.BlockChecksumOption(true)},
		{lz4.BlockSizeOption(lz4.Block4Mb), lz4.ChecksumOption(true)},
		{lz4.SizeOption(uint64(len(src))), lz4.BlockChecksumOption(true), lz4.ChecksumOption(true)},
	} {
		b.Reset()
		w := lz4.NewWriter(&b)
		if err := w.Apply(opts...); err != nil {
			t.Fatal(err)
		}
		w.Write(src)
		w.Close()
		check("lz4", LZ4, b.Bytes())
	}
	b.Reset()
	zw, _ := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	zw.Write(src)
	zw.Close()
	check("zstd streamed, without content size", Zstd, b.Bytes())
	skip := binary.LittleEndian.AppendUint32([]byte{0x50, 0x2a, 0x4d, 0x18}, 3)
	check("zstd skippable frame", Zstd, append(append(skip, "abc"...), b.Bytes()...))
}

// Goal: our streams are read by the codecs' own libraries.
func TestForeignReadersReadOurs(t *testing.T) {
	src := text(200_000)
	check := func(c Codec, r io.Reader, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, src) {
			t.Errorf("%s: %d bytes, %v", c, len(got), err)
		}
	}
	gz, err := kgzip.NewReader(bytes.NewReader(compressed(t, Gzip, src)))
	check(Gzip, gz, err)
	check(LZ4, lz4.NewReader(bytes.NewReader(compressed(t, LZ4, src))), nil)
	zr, err := zstd.NewReader(bytes.NewReader(compressed(t, Zstd, src)))
	check(Zstd, zr, err)
}

// linkedFrame is a frame whose second block copies from the first: legal lz4, but not Kafka's.
func linkedFrame() (frame, plain []byte) {
	first := []byte("abcdefghijklmnopqrstuvwxyz")
	frame = binary.LittleEndian.AppendUint32(nil, lz4Magic)
	frame = append(frame, lz4Version, 4<<4)
	frame = append(frame, byte(xxh32(frame[4:])>>8))
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(first))|lz4Stored)
	frame = append(frame, first...)
	// No literals and 14 bytes from 26 back, then five literals.
	second := []byte{0x0a, 26, 0, 0x50, '1', '2', '3', '4', '5'}
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(second)))
	frame = append(frame, second...)
	return append(frame, 0, 0, 0, 0), []byte("abcdefghijklmnopqrstuvwxyzabcdefghijklmn12345")
}

func TestLinkedLZ4(t *testing.T) {
	frame, plain := linkedFrame()
	var d Decompressor
	if got, err := d.Decompress(nil, LZ4, frame, roomy); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("linked blocks: %q, %v", got, err)
	}
	// The window must not reach into what the caller's slice held before.
	if got, err := d.Decompress([]byte("0123456789"), LZ4, frame, roomy); err != nil || string(got) != "0123456789"+string(plain) {
		t.Errorf("linked blocks behind a prefix: %q, %v", got, err)
	}
	if got, err := io.ReadAll(lz4.NewReader(bytes.NewReader(frame))); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("the frame of this test is not legal: %q, %v", got, err)
	}
	d.RefuseLinkedLZ4 = true
	if _, err := d.Decompress(nil, LZ4, frame, roomy); !errors.Is(err, ErrUnsupported) {
		t.Errorf("RefuseLinkedLZ4: %v", err)
	}
}

// Goal: streams that are odd at their end are taken or refused as Apache Kafka's readers do. The
// file is made by Kafka (../batch/testdata/gen).
func TestTailsLikeKafka(t *testing.T) {
	raw, err := os.ReadFile("../batch/testdata/kafka/streams.json")
	if err != nil {
		t.Fatal(err)
	}
	var streams []struct {
		Codec, Name, Stream string
		Plain               *string
	}
	if err := json.Unmarshal(raw, &streams); err != nil || len(streams) < 70 {
		t.Fatalf("%d streams, %v", len(streams), err)
	}
	differs := map[string]error{
		"zstd begunagain": ErrCorrupt, // Kafka takes the end of the bytes for the end of the frames
		"zstd empty":      ErrCorrupt, // a batch without records has no stream at all
		"lz4 linked":      nil,        // legal lz4
	}
	d := Decompressor{}
	for _, s := range streams {
		c, err := Parse(s.Codec)
		if err != nil {
			t.Fatal(err)
		}
		stream, _ := hex.DecodeString(s.Stream)
		got, err := d.Decompress(nil, c, stream, roomy)
		name := s.Codec + " " + s.Name
		if want, ok := differs[name]; ok {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
			continue
		}
		switch {
		case s.Plain == nil && !errors.Is(err, ErrCorrupt):
			t.Errorf("%s: Kafka refuses it, we say %v", name, err)
		case s.Plain != nil && (err != nil || *s.Plain != digest(got)):
			t.Errorf("%s: %s, %v; Kafka reads %s", name, digest(got), err, *s.Plain)
		}
	}
}

func digest(b []byte) string { return fmt.Sprintf("%d:%x", len(b), sha256.Sum256(b)) }

// Goal: every single-byte change of a checksummed stream is either refused or harmless, and every
// prefix is refused: nothing is silently cut.
func TestDamage(t *testing.T) {
	src := text(3000)
	var d Decompressor
	for _, c := range codecs {
		stream := compressed(t, c, src)
		for n := range stream {
			got, err := d.Decompress(nil, c, stream[:n], roomy)
			if err == nil && c == Snappy && n >= xerialHeaderSize && n < xerialHeaderSize+4 && len(got) == 0 {
				continue // a xerial header alone is an empty stream, also for Java
			}
			if err == nil {
				t.Errorf("%s: %d of %d bytes were accepted", c, n, len(stream))
			}
		}
		if c != Gzip && c != Zstd {
			continue
		}
		for i := range stream {
			bad := bytes.Clone(stream)
			bad[i] ^= 0x10
			if got, err := d.Decompress(nil, c, bad, roomy); err == nil && !bytes.Equal(got, src) {
				t.Errorf("%s: damage at %d went unnoticed", c, i)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	f := func(c Codec, stream string, want error) {
		t.Helper()
		b, err := hex.DecodeString(strings.ReplaceAll(stream, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		var d Decompressor
		dst := []byte("kept")
		if got, err := d.Decompress(dst, c, b, roomy); !errors.Is(err, want) || string(got) != "kept" {
			t.Errorf("%s %s: %q, %v, want %v", c, stream, got, err, want)
		}
	}
	f(5, "00", ErrUnsupported)
	f(-1, "00", ErrUnsupported)
	for _, c := range codecs {
		f(c, "", ErrCorrupt)
		f(c, "ff", ErrCorrupt)
		f(c, "00000000000000000000000000000000", ErrCorrupt)
	}
	// snappy: a length that the bytes cannot make, S2's repeat extension, xerial version 0, a block
	// longer than what is left.
	f(Snappy, "80808001 00", ErrCorrupt)
	f(Snappy, "08 0c 61626364 01 00", ErrCorrupt)
	f(Snappy, "82534e4150505900 00000001 00000000 00000002 0000", ErrCorrupt)
	f(Snappy, "82534e4150505900 00000001 00000001 7fffffff 0000", ErrCorrupt)
	// lz4: wrong header checksum, version 0, block size 3, reserved bit, dictionary, no end mark,
	// empty stored block, block larger than the frame's largest.
	f(LZ4, "04224d18 6040 83 00000000", ErrCorrupt)
	f(LZ4, "04224d18 2040 82 00000000", ErrCorrupt)
	f(LZ4, "04224d18 6030 82 00000000", ErrCorrupt)
	f(LZ4, "04224d18 6240 82 00000000", ErrCorrupt)
	f(LZ4, "04224d18 6140 01000000 82 00000000", ErrUnsupported)
	f(LZ4, "04224d18 6040 82", ErrCorrupt)
	f(LZ4, "04224d18 6040 82 00000080 00000000", ErrCorrupt)
	f(LZ4, "04224d18 6040 82 01000180", ErrCorrupt)
	// zstd: a window of 16 MiB, a single segment of 16 MiB, a dictionary, a reserved block type, a
	// stored block that is cut off.
	f(Zstd, "28b52ffd 00 70 010000", ErrUnsupported)
	f(Zstd, "28b52ffd a0 00000001 010000", ErrUnsupported)
	f(Zstd, "28b52ffd 21 07 00 010000", ErrUnsupported)
	f(Zstd, "28b52ffd 20 01 0f0000 61", ErrCorrupt)
	f(Zstd, "28b52ffd 20 05 290000 61", ErrCorrupt)
}

func TestParseAndLevels(t *testing.T) {
	for _, c := range append(codecs, None) {
		if got, err := Parse(c.String()); got != c || err != nil {
			t.Errorf("Parse(%s): %v, %v", c, got, err)
		}
	}
	for _, name := range []string{"", "GZIP", "producer", "uncompressed", "unknown"} {
		if _, err := Parse(name); !errors.Is(err, ErrUnsupported) {
			t.Errorf("Parse(%q): %v", name, err)
		}
	}
	ok := func(c Codec, level int, want bool) {
		t.Helper()
		if err := CheckLevel(c, level); (err == nil) != want {
			t.Errorf("CheckLevel(%s, %d): %v", c, level, err)
		}
	}
	ok(Gzip, -1, true)
	ok(Gzip, 10, false)
	ok(Gzip, -2, false)
	ok(LZ4, 17, true)
	ok(LZ4, 18, false)
	ok(LZ4, -1, false)
	ok(Zstd, -131072, true)
	ok(Zstd, 23, false)
	ok(Snappy, 1, false)
	ok(None, 0, true)
	ok(7, 0, false)
}
