package wire

import (
	"encoding/binary"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// maxString is the longest string in bytes, in both encodings (Kafka's limit for compact ones;
// the plain ones have an int16 length anyway).
const maxString = 1<<15 - 1

// Reader is a cursor over the bytes of one request. The first failure sticks: from then on every
// method returns zero and Err says why, so a parser may read a run of fields and ask once. What
// it returns aliases the bytes. A value type that never allocates; not for concurrent use.
//
// Flexible selects the encoding of strings, bytes and array counts (KIP-482): compact unsigned
// varints of length+1, else int16 and int32 with -1 for null.
type Reader struct {
	b        []byte
	err      error
	flexible bool
}

// NewReader returns a reader at the start of b.
func NewReader(b []byte, flexible bool) Reader { return Reader{b: b, flexible: flexible} }

// Err returns the first failure, which is ErrMalformed, or nil.
func (r *Reader) Err() error { return r.err }

// Left returns how many bytes have not been read; 0 after a failure.
func (r *Reader) Left() int { return len(r.b) }

// Rest returns the bytes that have not been read; nil after a failure.
func (r *Reader) Rest() []byte { return r.b }

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// Span returns the next n bytes, with no room to append into what follows.
func (r *Reader) Span(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail(ErrLength)
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

// Int8 reads one byte.
func (r *Reader) Int8() int8 {
	if len(r.b) < 1 {
		r.fail(ErrShort)
		return 0
	}
	v := int8(r.b[0])
	r.b = r.b[1:]
	return v
}

// Int16 reads two bytes, big-endian, as all numbers of the protocol are.
func (r *Reader) Int16() int16 {
	if len(r.b) < 2 {
		r.fail(ErrShort)
		return 0
	}
	v := int16(binary.BigEndian.Uint16(r.b))
	r.b = r.b[2:]
	return v
}

// Int32 reads four bytes.
func (r *Reader) Int32() int32 {
	if len(r.b) < 4 {
		r.fail(ErrShort)
		return 0
	}
	v := int32(binary.BigEndian.Uint32(r.b))
	r.b = r.b[4:]
	return v
}

// Int64 reads eight bytes.
func (r *Reader) Int64() int64 {
	if len(r.b) < 8 {
		r.fail(ErrShort)
		return 0
	}
	v := int64(binary.BigEndian.Uint64(r.b))
	r.b = r.b[8:]
	return v
}

// UUID reads sixteen bytes.
func (r *Reader) UUID() (u kafka.UUID) {
	if len(r.b) < len(u) {
		r.fail(ErrShort)
		return u
	}
	copy(u[:], r.b)
	r.b = r.b[len(u):]
	return u
}

// Uvarint reads an unsigned varint; see the function of that name for what is refused.
func (r *Reader) Uvarint() uint32 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := uint32(r.b[0])
		r.b = r.b[1:]
		return v
	}
	return r.uvarintSlow()
}

func (r *Reader) uvarintSlow() uint32 {
	v, n := uvarintSlow(r.b)
	if n <= 0 {
		if n < 0 {
			r.fail(ErrVarint)
		} else {
			r.fail(ErrShort)
		}
		return 0
	}
	r.b = r.b[n:]
	return v
}

// String reads a string that cannot be null: at most 32767 bytes, not checked to be UTF-8.
func (r *Reader) String() []byte {
	s := r.NullableString()
	if s == nil {
		r.fail(ErrNull)
	}
	return s
}

// NullableString reads a string; nil is null, an empty one is not nil.
func (r *Reader) NullableString() []byte {
	if !r.flexible {
		n := int(r.Int16())
		if n < 0 || r.err != nil {
			return nil
		}
		return r.Span(n)
	}
	n := int64(r.Uvarint()) - 1
	if n < 0 || r.err != nil {
		return nil
	}
	if n > maxString {
		r.fail(ErrLength)
		return nil
	}
	return r.Span(int(n))
}

// NullableBytes reads a run of bytes; nil is null, an empty one is not nil.
func (r *Reader) NullableBytes() []byte {
	n := int64(-1)
	if r.flexible {
		n = int64(r.Uvarint()) - 1
	} else {
		n = int64(r.Int32())
	}
	if n < 0 || r.err != nil {
		return nil
	}
	if n > int64(len(r.b)) {
		r.fail(ErrLength)
		return nil
	}
	return r.Span(int(n))
}

// Count reads the count of an array that cannot be null. It is refused unless that many elements
// of minSize bytes each (at least 1) can be in the bytes left, so the caller may size memory by it.
func (r *Reader) Count(minSize int) int {
	n := r.NullableCount(minSize)
	if n < 0 {
		r.fail(ErrNull)
		return 0
	}
	return n
}

// NullableCount is Count for an array that may be null: -1.
func (r *Reader) NullableCount(minSize int) int {
	var n int64
	if r.flexible {
		n = int64(r.Uvarint()) - 1
	} else {
		n = int64(r.Int32())
	}
	if r.err != nil {
		return 0
	}
	if n < 0 {
		return -1
	}
	if n*int64(max(minSize, 1)) > int64(len(r.b)) && !plantedCountGate {
		r.fail(ErrCount)
		return 0
	}
	return int(n)
}
