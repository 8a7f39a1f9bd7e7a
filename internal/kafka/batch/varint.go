package batch

import "encoding/binary"

// Kafka's record integers are zig-zag varints: at most 5 bytes for 32 bits, 10 for 64. Bytes that
// go on beyond that, or bits beyond the width, are refused. An encoding longer than needed within
// those bounds is legal, as in Kafka.

// badPos is the position after a varint that could not be read. Reading on from it fails again,
// so that a reader of several fields needs to look only once, at the end.
const badPos = -1

// varint reads 32 bits at position i of p and returns the position after them. On failure it
// returns 0 and badPos. One and two bytes are read here: they are nearly all there are.
func varint(p []byte, i int) (int32, int) {
	if uint(i) < uint(len(p)) {
		u := uint32(p[i])
		if u < 0x80 {
			return int32(u>>1) ^ -int32(u&1), i + 1
		}
		if i+1 < len(p) && p[i+1] < 0x80 {
			u = u&0x7f | uint32(p[i+1])<<7
			return int32(u>>1) ^ -int32(u&1), i + 2
		}
	}
	return longVarint(p, i)
}

//go:noinline
func longVarint(p []byte, i int) (int32, int) {
	if i < 0 || i >= len(p) {
		return 0, badPos
	}
	u, n := binary.Uvarint(p[i:min(len(p), i+binary.MaxVarintLen32)])
	if n <= 0 || u>>32 != 0 {
		return 0, badPos
	}
	return int32(uint32(u)>>1) ^ -int32(u&1), i + n
}

// varlong reads 64 bits at position i of p and returns the position after them. On failure it
// returns 0 and badPos.
func varlong(p []byte, i int) (int64, int) {
	if uint(i) < uint(len(p)) {
		u := uint64(p[i])
		if u < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
		if i+1 < len(p) && p[i+1] < 0x80 {
			u = u&0x7f | uint64(p[i+1])<<7
			return int64(u>>1) ^ -int64(u&1), i + 2
		}
	}
	return longVarlong(p, i)
}

//go:noinline
func longVarlong(p []byte, i int) (int64, int) {
	if i < 0 || i >= len(p) {
		return 0, badPos
	}
	u, n := binary.Uvarint(p[i:])
	if n <= 0 {
		return 0, badPos
	}
	return int64(u>>1) ^ -int64(u&1), i + n
}

// varlongSize is the length of v as a varint, of 32 or of 64 bits.
func varlongSize(v int64) int {
	n := 1
	for u := uint64(v)<<1 ^ uint64(v>>63); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}
