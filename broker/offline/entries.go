package offline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// ErrOldFormat is returned for batches of the formats before Kafka 0.11 (magic 0 and 1).
var ErrOldFormat = errors.New("batches of the formats before Kafka 0.11 are not read")

// Sizes that decide where the batches of a file end, as in Kafka.
const (
	headerUpToMagic = 17
	minLength       = 14 // of the smallest batch that there ever was, after its length field
)

// Entries walks the batches of a file: a segment or a snapshot of the metadata.
//
//	e, err := offline.Open(path)
//	for e.Next() {
//		e.Batch()
//	}
//	err = e.Err()
type Entries struct {
	file     *os.File
	end      int64
	pos      int64 // of the current batch
	next     int64 // of the one after it
	batch    batch.Batch
	err      error
	finished bool
}

// Open opens a file of batches. Whoever opens it closes it.
func Open(path string) (*Entries, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Entries{file: file, end: info.Size()}, nil
}

// Close closes the file.
func (e *Entries) Close() error { return e.file.Close() }

// Limit makes the file look no longer than n bytes.
func (e *Entries) Limit(n int64) { e.end = min(e.end, n) }

// MoveTo moves to the batch at a position, for the next call of Next.
func (e *Entries) MoveTo(position int64) {
	e.next, e.finished, e.err = position, false, nil
}

// Size is how long the file is, or looks.
func (e *Entries) Size() int64 { return e.end }

// Next moves to the next whole batch and reports whether there is one. A header that cannot be one
// is an error; a batch that does not end within the file is the end.
func (e *Entries) Next() bool {
	if e.finished {
		return false
	}
	e.finished = true
	if e.next >= e.end-headerUpToMagic {
		return false
	}
	var head [headerUpToMagic]byte
	if _, err := e.file.ReadAt(head[:], e.next); err != nil {
		e.err = err
		return false
	}
	length := int64(int32(binary.BigEndian.Uint32(head[8:])))
	switch {
	case length < minLength:
		e.err = fmt.Errorf("Found record size %d smaller than minimum record overhead (%d) in file %s.", length, minLength, e.file.Name())
		return false
	case e.next > e.end-batch.LengthPrefix-length:
		return false
	case int8(head[16]) < batch.Magic:
		e.err = fmt.Errorf("%s at %d: %w", e.file.Name(), e.next, ErrOldFormat)
		return false
	case length < batch.HeaderSize-batch.LengthPrefix:
		e.err = fmt.Errorf("%s at %d: a batch of %d bytes is shorter than its header", e.file.Name(), e.next, length+batch.LengthPrefix)
		return false
	}
	e.batch = make(batch.Batch, length+batch.LengthPrefix)
	if _, err := e.file.ReadAt(e.batch, e.next); err != nil && !errors.Is(err, io.EOF) {
		e.err = err
		return false
	}
	e.pos, e.next, e.finished = e.next, e.next+int64(len(e.batch)), false
	return true
}

// Batch is the current batch. It stays valid after Next.
func (e *Entries) Batch() batch.Batch { return e.batch }

// Position is the place of the current batch in the file.
func (e *Entries) Position() int64 { return e.pos }

// Trailing is how many bytes lie after the last batch, once Next has reported the end.
func (e *Entries) Trailing() int64 { return e.end - e.next }

// Err is why the walk ended before the last batch, or nil.
func (e *Entries) Err() error { return e.err }

// Records calls f for every record of a batch until it returns false. Errors: those of batch and
// compress, after f was called for the records before the damage.
func Records(b batch.Batch, f func(batch.Record) bool) error {
	var d compress.Decompressor
	plain, err := b.Plain(&d, nil, compress.DefaultBudget(len(b)))
	if err != nil {
		return err
	}
	it := batch.IterateRecords(plain, b.NumRecords())
	for it.Next() {
		if !f(it.Record()) {
			return nil
		}
	}
	return it.Err()
}
