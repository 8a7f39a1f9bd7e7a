package wire

import "encoding/binary"

// The primitive writers. Flexible selects compact encodings as in Reader.

func appendInt16(dst []byte, v int16) []byte { return binary.BigEndian.AppendUint16(dst, uint16(v)) }
func appendInt32(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }
func appendInt64(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

// appendCount appends the count of an array; -1 is null.
func appendCount(dst []byte, n int, flexible bool) []byte {
	if flexible {
		return AppendUvarint(dst, uint32(n+1))
	}
	return appendInt32(dst, int32(n))
}

// text is what strings are written from: names alias frames, messages are Go strings.
type text interface{ ~string | ~[]byte }

// appendString appends s cut to maxString bytes: the protocol cannot carry more.
func appendString[T text](dst []byte, s T, flexible bool) []byte {
	if len(s) > maxString {
		s = s[:maxString]
	}
	if flexible {
		dst = AppendUvarint(dst, uint32(len(s)+1))
	} else {
		dst = appendInt16(dst, int16(len(s)))
	}
	return append(dst, s...)
}

// appendNullable is appendString with the empty string written as null.
func appendNullable(dst []byte, s string, flexible bool) []byte {
	if s != "" {
		return appendString(dst, s, flexible)
	}
	if flexible {
		return append(dst, 0)
	}
	return appendInt16(dst, -1)
}

// compactSize is the size of a compact string of n bytes, n > 0 or not null.
func compactSize(n int) int {
	n = min(n, maxString)
	return UvarintLen(uint32(n+1)) + n
}

// countSize is the size of what appendCount appends.
func countSize(n int, flexible bool) int {
	if flexible {
		return UvarintLen(uint32(n + 1))
	}
	return 4
}
