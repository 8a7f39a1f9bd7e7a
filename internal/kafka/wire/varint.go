package wire

import "math/bits"

// MaxUvarintLen and MaxUvarlongLen are the longest encodings of 32 and 64 bits.
const (
	MaxUvarintLen  = 5
	MaxUvarlongLen = 10
)

// Uvarint reads an unsigned varint of at most 32 bits from the front of b: seven bits a byte,
// lowest first. n is its length; n is 0 if b ends inside it and negative if it is over-long: more
// than five bytes, or more than 32 bits (Kafka drops the excess bits, encoding/binary reads on;
// both make two readers see different lengths). Padding within five bytes is allowed, because
// Kafka reads it and clients that reserve room for a length before they know it write it.
func Uvarint(b []byte) (v uint32, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint32(b[0]), 1
	}
	return uvarintSlow(b)
}

func uvarintSlow(b []byte) (v uint32, n int) {
	for i := 0; i < len(b) && i < MaxUvarintLen; i++ {
		c := b[i]
		if i == MaxUvarintLen-1 && c > 0x0f && !plantedLongVarint {
			return 0, -MaxUvarintLen
		}
		v |= uint32(c&0x7f) << (7 * i)
		if c < 0x80 || i == MaxUvarintLen-1 {
			return v, i + 1
		}
	}
	return 0, 0
}

// Uvarlong is Uvarint for 64 bits and ten bytes.
func Uvarlong(b []byte) (v uint64, n int) {
	for i := 0; i < len(b) && i < MaxUvarlongLen; i++ {
		c := b[i]
		if i == MaxUvarlongLen-1 && c > 1 {
			return 0, -MaxUvarlongLen
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// Varint reads a zig-zag varint of at most 32 bits; n as for Uvarint. Only records use them.
func Varint(b []byte) (v int32, n int) {
	u, n := Uvarint(b)
	return int32(u>>1) ^ -int32(u&1), n
}

// Varlong is Varint for 64 bits.
func Varlong(b []byte) (v int64, n int) {
	u, n := Uvarlong(b)
	return int64(u>>1) ^ -int64(u&1), n
}

// AppendUvarint appends v in its shortest form, 1 to 5 bytes.
func AppendUvarint(dst []byte, v uint32) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// AppendUvarlong appends v in its shortest form, 1 to 10 bytes.
func AppendUvarlong(dst []byte, v uint64) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// AppendVarint appends v in zig-zag form, 1 to 5 bytes.
func AppendVarint(dst []byte, v int32) []byte {
	return AppendUvarint(dst, uint32(v<<1)^uint32(v>>31))
}

// AppendVarlong appends v in zig-zag form, 1 to 10 bytes.
func AppendVarlong(dst []byte, v int64) []byte {
	return AppendUvarlong(dst, uint64(v<<1)^uint64(v>>63))
}

// UvarintLen is how many bytes AppendUvarint writes for v.
func UvarintLen(v uint32) int { return (bits.Len32(v|1) + 6) / 7 }

// UvarlongLen is how many bytes AppendUvarlong writes for v.
func UvarlongLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// VarintLen is how many bytes AppendVarint writes for v.
func VarintLen(v int32) int { return UvarintLen(uint32(v<<1) ^ uint32(v>>31)) }

// VarlongLen is how many bytes AppendVarlong writes for v.
func VarlongLen(v int64) int { return UvarlongLen(uint64(v<<1) ^ uint64(v>>63)) }
