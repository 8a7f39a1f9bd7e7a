package batch

import (
	"errors"
	"fmt"
)

// ErrRecord is returned for record bytes that are not records of format v2, wrapped with the
// index of the record and what is wrong.
var ErrRecord = errors.New("malformed record")

// Record is a view of one record of a batch. Its slices alias the batch's plain bytes.
//
//	varint   length: bytes that follow
//	1        attributes, unused
//	varlong  timestamp delta to the batch's base timestamp
//	varint   offset delta to the batch's base offset
//	varint   key length, -1 = null, and key
//	varint   value length, -1 = null (tombstone), and value
//	varint   number of headers
//	         per header: varint key length and UTF-8 key, varint value length (-1 = null) and value
type Record struct {
	Attributes     int8
	TimestampDelta int64
	OffsetDelta    int32
	Key            []byte // nil = null
	Value          []byte // nil = null
	numHeaders     int32
	headers        []byte // known to hold numHeaders whole headers and nothing else
}

// minRecordSize is the size of a record without key, value and headers.
const minRecordSize = 7

// NumHeaders is the number of headers.
func (r Record) NumHeaders() int { return int(r.numHeaders) }

// Headers iterates over the headers.
func (r Record) Headers() Headers { return Headers{rest: r.headers, left: r.numHeaders} }

// parseRecord reads the first record of p and returns what follows it. The error, which the hot
// walker leaves to this function too, says what is wrong.
func parseRecord(p []byte) (r Record, rest []byte, err error) {
	n, i := varint(p, 0)
	switch {
	case i == badPos:
		return r, p, errors.New("length is cut off or too long")
	case n < minRecordSize-1:
		return r, p, fmt.Errorf("length %d is too small", n)
	case int(n) > len(p)-i:
		return r, p, fmt.Errorf("length %d, but only %d bytes are left", n, len(p)-i)
	}
	body, rest := p[i:i+int(n)], p[i+int(n):]
	r.Attributes = int8(body[0])
	r.TimestampDelta, i = varlong(body, 1)
	r.OffsetDelta, i = varint(body, i)
	if i == badPos {
		return r, p, errors.New("timestamp or offset delta is cut off or too long")
	}
	if r.Key, i = nullableBytes(body, i); i == badPos {
		return r, p, errors.New("key does not fit the record")
	}
	if r.Value, i = nullableBytes(body, i); i == badPos {
		return r, p, errors.New("value does not fit the record")
	}
	if r.numHeaders, i = varint(body, i); i == badPos || r.numHeaders < 0 {
		return r, p, fmt.Errorf("number of headers %d", r.numHeaders)
	}
	end := skipHeaders(body, i, r.numHeaders)
	if end == badPos {
		return r, p, errors.New("headers do not fit the record")
	}
	if end != len(body) {
		return r, p, fmt.Errorf("length %d, but the content takes %d", n, end)
	}
	r.headers = body[i:end:end]
	return r, rest, nil
}

// nullableBytes reads a length and that many bytes at i; nil for length -1. Position badPos if
// they do not fit.
func nullableBytes(p []byte, i int) ([]byte, int) {
	n, i := varint(p, i)
	if i == badPos || n < -1 || int(n) > len(p)-i {
		return nil, badPos
	}
	if n < 0 {
		return nil, i
	}
	end := i + int(n)
	return p[i:end:end], end
}

// skipHeaders returns the position after n headers at i, or badPos.
func skipHeaders(p []byte, i int, n int32) int {
	for ; n > 0; n-- {
		size, at := varint(p, i)
		if at == badPos || size < 0 || int(size) > len(p)-at {
			return badPos
		}
		size, at = varint(p, at+int(size))
		if at == badPos || size < -1 || int(size) > len(p)-at {
			return badPos
		}
		i = at + max(int(size), 0)
	}
	return i
}
