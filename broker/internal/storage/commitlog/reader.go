package commitlog

import (
	"fmt"
	"io"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Reader goes through the entries of one file, in order. Not for concurrent use.
type Reader struct {
	name   string
	f      vfs.File
	size   int64
	header header
	limit  int64 // nothing begins at or after it
	whole  bool  // and everything before it was written

	pos, next int64
	last      bool // of its write
	entry     Entry
	payload   []byte

	buf []byte // bytes of the file from off on
	off int64
}

// Open opens a file of entries; nil if it has no good header or is another directory's. Errors:
// ErrVersion, of the file system.
func Open(v vfs.FS, name string, directory kafka.UUID) (*Reader, error) {
	r, err := Inspect(v, name)
	if err == nil && r != nil && r.header.directory != directory {
		r.Close()
		return nil, nil
	}
	return r, err
}

// Inspect is Open for a file of whatever directory.
func Inspect(v vfs.FS, name string) (*Reader, error) {
	f, err := v.Open(name)
	if err != nil {
		return nil, err
	}
	r := &Reader{name: name, f: f}
	if r.size, err = f.Size(); err == nil {
		r.limit = r.size
		var b []byte
		var ok bool
		if b, err = r.view(0, headerSize); err == nil && b != nil {
			r.header, ok, err = parseHeader(b)
		}
		if err == nil && ok {
			r.Rewind()
			return r, nil
		}
	}
	f.Close()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return nil, nil
}

// Header is what a file says of itself.
type Header struct {
	Generation  uint64
	PreviousEnd int64 // of the file of the generation before, 0 unknown
	Directory   kafka.UUID
}

// Header is that of the file.
func (r *Reader) Header() Header {
	return Header{r.header.generation, r.header.previousEnd, r.header.directory}
}

// Last reports whether the present entry is the last one of its write.
func (r *Reader) Last() bool { return r.last }

// End is where the entry after the present one would begin: after the last one, where the entries end.
func (r *Reader) End() int64 { return r.next }

// Rewind goes back to before the first entry.
func (r *Reader) Rewind() { r.next = BlockSize }

// Next goes to the next entry; false at the first one that is torn or foreign, or at the end.
// Errors: of reading.
func (r *Reader) Next() (bool, error) {
	b, err := r.entryAt(r.next)
	if err != nil || b == nil {
		return false, err
	}
	e, last, ok := parseEntry(b, r.header.generation)
	if !ok {
		return false, nil
	}
	r.entry, r.payload, r.last = e, b[EntryHeader:], last
	r.pos = r.next
	r.next += int64(len(b))
	if last {
		r.next = (r.next + BlockSize - 1) / BlockSize * BlockSize
	}
	return true, nil
}

// entryAt is the bytes of the entry at pos, if there can be one.
func (r *Reader) entryAt(pos int64) ([]byte, error) {
	if pos >= r.limit {
		return nil, nil
	}
	b, err := r.view(pos, EntryHeader)
	if err != nil || b == nil || !plausible(b, r.header.generation) {
		return nil, err
	}
	return r.view(pos, EntryHeader+payloadSize(b))
}

// Entry is the present entry.
func (r *Reader) Entry() Entry { return r.entry }

// Payload is that of the present entry. Valid until the next call of any other method.
func (r *Reader) Payload() []byte { return r.payload }

// Position is where the present entry is, for Go.
func (r *Reader) Position() int64 { return r.pos }

// Go goes to the entry at a position that Position told. Error: of reading, or that it is not there any more.
func (r *Reader) Go(pos int64) error {
	r.next = pos
	ok, err := r.Next()
	if err == nil && !ok {
		err = fmt.Errorf("%s: no entry at %d", r.name, pos)
	}
	return err
}

// Damaged reports, after the last entry, that more was written than can be read.
func (r *Reader) Damaged() bool { return r.whole && r.next < r.limit }

// Complete reports, after the last entry of a file that was made by Create, that nothing of it could not be read.
func (r *Reader) Complete() bool { return r.next == r.size }

// Name is that of the file.
func (r *Reader) Name() string { return r.name }

// view returns n bytes at pos, nil if the file is shorter.
func (r *Reader) view(pos, n int64) ([]byte, error) {
	if n > r.size-pos {
		return nil, nil
	}
	if pos < r.off || pos+n > r.off+int64(len(r.buf)) {
		want := min(max(n, maxWindow), r.size-pos)
		if int64(cap(r.buf)) < want {
			r.buf = make([]byte, want)
		}
		r.buf = r.buf[:want]
		if m, err := r.f.ReadAt(r.buf, pos); err != nil && !(err == io.EOF && m == len(r.buf)) {
			r.buf = r.buf[:0]
			return nil, fmt.Errorf("read %s at %d: %w", r.name, pos, err)
		}
		r.off = pos
	}
	return r.buf[pos-r.off:][:n:n], nil
}

// Close closes the file.
func (r *Reader) Close() { r.f.Close() }
