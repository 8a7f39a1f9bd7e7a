package wire

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestUvarint(t *testing.T) {
	f := func(b []byte, want uint32, wantN int) {
		t.Helper()
		if v, n := Uvarint(b); v != want || n != wantN {
			t.Errorf("%x: %d, %d", b, v, n)
		}
	}
	f(nil, 0, 0)
	f([]byte{0x80}, 0, 0)
	f([]byte{0xff, 0xff, 0xff, 0xff}, 0, 0)
	f([]byte{0}, 0, 1)
	f([]byte{0x7f, 1}, 127, 1)
	f([]byte{0x80, 0x00}, 0, 2) // padded: Kafka reads it
	f([]byte{0x81, 0x80, 0x80, 0x80, 0x00}, 1, 5)
	f([]byte{0xff, 0xff, 0xff, 0xff, 0x0f}, math.MaxUint32, 5)
	f([]byte{0xff, 0xff, 0xff, 0xff, 0x10}, 0, -5) // 33 bits
	f([]byte{0xff, 0xff, 0xff, 0xff, 0x7f}, 0, -5)
	f([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, 0, -5) // 6 bytes
}

func TestUvarlong(t *testing.T) {
	long := func(last ...byte) []byte {
		return append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, last...)
	}
	f := func(b []byte, want uint64, wantN int) {
		t.Helper()
		if v, n := Uvarlong(b); v != want || n != wantN {
			t.Errorf("%x: %d, %d", b, v, n)
		}
	}
	f(nil, 0, 0)
	f(long(), 0, 0)
	f(long(1), math.MaxUint64, 10)
	f(long(2), 0, -10)
	f(long(0x80, 0), 0, -10)
	f([]byte{0x80, 0}, 0, 2)
}

// checkVarints compares with encoding/binary and takes values there and back.
func checkVarints(t *testing.T, b []byte) {
	v, n := Uvarint(b)
	if want, wantN := binary.Uvarint(b); n > 0 && (uint64(v) != want || n != wantN) {
		t.Fatalf("%x: %d, %d, want %d, %d", b, v, n, want, wantN)
	} else if n <= 0 && wantN > 0 && wantN <= MaxUvarintLen && want <= math.MaxUint32 {
		t.Fatalf("%x: refused, is %d", b, want)
	}
	w, wn := Uvarlong(b)
	if want, wantN := binary.Uvarint(b); wn > 0 && (w != want || wn != wantN) || wn <= 0 && wantN > 0 {
		t.Fatalf("%x: %d, %d, want %d, %d", b, w, wn, want, wantN)
	}
	enc := AppendUvarint(nil, v)
	if x, n := Uvarint(enc); x != v || n != len(enc) || n != UvarintLen(v) {
		t.Fatalf("%d: %x", v, enc)
	}
	enc = AppendUvarlong(nil, w)
	if x, n := Uvarlong(enc); x != w || n != len(enc) || n != UvarlongLen(w) {
		t.Fatalf("%d: %x", w, enc)
	}
	enc = AppendVarint(nil, int32(v))
	if x, n := Varint(enc); x != int32(v) || n != len(enc) || n != VarintLen(int32(v)) {
		t.Fatalf("%d: %x", int32(v), enc)
	}
	enc = AppendVarlong(nil, int64(w))
	if x, n := Varlong(enc); x != int64(w) || n != len(enc) || n != VarlongLen(int64(w)) {
		t.Fatalf("%d: %x", int64(w), enc)
	}
	if x, n := binary.Varint(enc); x != int64(w) || n != len(enc) {
		t.Fatalf("%d: %x is not zig-zag", int64(w), enc)
	}
}

func TestVarintsRoundTrip(t *testing.T) {
	for shift := range 64 {
		for _, d := range []uint64{0, 1, math.MaxUint64} {
			checkVarints(t, binary.AppendUvarint(nil, 1<<shift+d))
		}
	}
}
