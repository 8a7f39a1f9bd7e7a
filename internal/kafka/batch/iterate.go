package batch

import "fmt"

// Records iterates over the records of a batch:
//
//	it := batch.IterateRecords(plain, b.NumRecords())
//	for it.Next() {
//		r := it.Record()
//	}
//	if err := it.Err(); err != nil { … }
//
// It allocates nothing unless there is an error. It does not demand consecutive offsets, which
// compaction breaks.
type Records struct {
	rest   []byte
	raw    []byte // begins with the current record
	record Record
	index  int32
	count  int32
	err    error
}

// IterateRecords begins an iteration over plain, which holds exactly n uncompressed records (see
// Batch.Plain). Fewer or more bytes than that are an error at the place where it shows: the
// records before it have been delivered.
func IterateRecords(plain []byte, n int32) Records {
	it := Records{rest: plain, count: n}
	if n < 0 {
		it.count, it.rest = 0, nil
		it.err = fmt.Errorf("%w: number of records %d", ErrRecord, n)
	}
	return it
}

// Next moves to the next record and reports whether there is one. After the last it checks that
// nothing follows.
func (it *Records) Next() bool {
	if it.err != nil {
		return false
	}
	if it.index == it.count {
		if len(it.rest) != 0 && !plantedCount {
			it.err = fmt.Errorf("%w: %d bytes after the last of %d records", ErrRecord, len(it.rest), it.count)
		}
		return false
	}
	r, rest, err := parseRecord(it.rest)
	if err != nil {
		it.err = fmt.Errorf("%w %d of %d: %w", ErrRecord, it.index, it.count, err)
		return false
	}
	it.record, it.raw, it.rest = r, it.rest, rest
	it.index++
	return true
}

// Record is the current record. It stays valid after Next.
func (it *Records) Record() Record { return it.record }

// Raw is the current record as it is stored, its length included: a part of plain.
func (it *Records) Raw() []byte { return it.raw[:len(it.raw)-len(it.rest)] }

// Err is why the iteration ended early: an ErrRecord, or nil at the regular end.
func (it *Records) Err() error { return it.err }

// Header is one header of a record: a UTF-8 key, which is never nil when read, and a value, nil
// for null.
type Header struct {
	Key   []byte
	Value []byte
}

// Headers iterates over the headers of a record. It cannot fail: the record was checked.
type Headers struct {
	rest   []byte
	left   int32
	header Header
}

// Next moves to the next header and reports whether there is one.
func (h *Headers) Next() bool {
	if h.left <= 0 {
		return false
	}
	h.left--
	i := 0
	h.header.Key, i = nullableBytes(h.rest, i)
	h.header.Value, i = nullableBytes(h.rest, i)
	if i == badPos {
		panic("BUG: headers of a parsed record cannot be read again")
	}
	h.rest = h.rest[i:]
	return true
}

// Header is the current header.
func (h *Headers) Header() Header { return h.header }
