package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"sort"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// errIndex is returned inside the package when an index file is missing or contradicts the log;
// the index is then rebuilt and the caller starts again.
var errIndex = errors.New("index does not match the log")

// indexFile is an open index file under binary search: single entries until what is left fits into
// one read, so a file costs a few small reads of the page cache and no memory. Its scratch is the
// window of a scan.
type indexFile struct {
	x     *segFile
	f     vfs.File
	n     int // entry size
	count int
	buf   []byte
}

func (w *scan) open(x *segFile, entry int) (indexFile, error) {
	f, err := x.acquire()
	if errors.Is(err, fs.ErrNotExist) {
		return indexFile{}, errIndex
	}
	if err != nil {
		return indexFile{}, err
	}
	length, err := x.length(f)
	if err == nil && length%int64(entry) != 0 {
		err = errIndex
	}
	if err != nil {
		x.release()
		return indexFile{}, err
	}
	w.n = 0 // the window is scratch now
	return indexFile{x: x, f: f, n: entry, count: int(length) / entry, buf: w.buf[:]}, nil
}

func (x *indexFile) close() { x.x.release() }

// read returns entries i to j.
func (x *indexFile) read(i, j int) ([]byte, error) {
	b := x.buf[:(j-i)*x.n]
	if _, err := x.f.ReadAt(b, int64(i)*int64(x.n)); err != nil {
		return nil, fmt.Errorf("read %s entry %d: %w", x.x.path(), i, err)
	}
	return b, nil
}

// last finds the last entry that holds; nil if none. holds must be true for the entries up to
// some point and false after.
func (x *indexFile) last(holds func(entry []byte) bool) ([]byte, error) {
	lo, hi := 0, x.count // entries below lo hold, entries at or above hi do not
	for hi-lo+1 > len(x.buf)/x.n {
		mid := int(uint(lo+hi) >> 1)
		b, err := x.read(mid, mid+1)
		if err != nil {
			return nil, err
		}
		if holds(b) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	page, err := x.read(max(lo-1, 0), hi)
	if err != nil {
		return nil, err
	}
	n := sort.Search(len(page)/x.n, func(i int) bool { return !holds(page[i*x.n:]) })
	if n == 0 {
		return nil, nil
	}
	return page[(n-1)*x.n : n*x.n], nil
}

// floor is the last offset entry with rel below relEnd and pos at or below pos; zero if none.
func (x *indexFile) floor(relEnd int64, pos int64) (offsetEntry, error) {
	b, err := x.last(func(b []byte) bool {
		e := parseOffsetEntry(b)
		return int64(e.rel) < relEnd && int64(e.pos) <= pos
	})
	if b == nil {
		return offsetEntry{}, err
	}
	return parseOffsetEntry(b), nil
}

// floorTime is the last time entry at or below ts; noTime if none.
func (x *indexFile) floorTime(ts int64) (timeEntry, error) {
	b, err := x.last(func(b []byte) bool { return parseTimeEntry(b).ts <= ts })
	if b == nil {
		return noTime, err
	}
	return parseTimeEntry(b), nil
}

// floor is the position of the last indexed batch that begins at or below pos and ends below
// offset end; 0 if none. An entry from a file is checked against the batch that it points to.
func (s *segment) floor(w *scan, end, pos int64) (int64, error) {
	s.mu.Lock()
	if s.mu.loaded {
		rel := min(max(end-s.base, 0), 1<<32-1)
		p := s.mu.index.floorEnd(pos, uint32(rel))
		s.mu.Unlock()
		return p, nil
	}
	s.mu.Unlock()
	x, err := w.open(&s.indexes().idx, offsetEntrySize)
	if err != nil {
		return 0, err
	}
	e, err := x.floor(end-s.base, pos)
	x.close()
	if err != nil || e.pos == 0 {
		return 0, err
	}
	h, err := w.header(int64(e.pos))
	if err != nil {
		if errors.Is(err, ErrCorrupt) {
			return 0, errIndex
		}
		return 0, err
	}
	if h.LastOffset() != s.base+int64(e.rel) {
		return 0, errIndex
	}
	return int64(e.pos), nil
}

// floorTime is the last time entry at or below ts; noTime if none.
func (s *segment) floorTime(w *scan, ts int64) (timeEntry, error) {
	s.mu.Lock()
	if s.mu.loaded {
		e := s.mu.index.floorTime(ts)
		s.mu.Unlock()
		return e, nil
	}
	s.mu.Unlock()
	x, err := w.open(&s.indexes().tidx, timeEntrySize)
	if err != nil {
		return noTime, err
	}
	defer x.close()
	return x.floorTime(ts)
}

// lastTimeEntry reads the maximum that sealing wrote.
func (s *segment) lastTimeEntry() (timeEntry, error) {
	w := getScan(nil, s, 0)
	defer w.put()
	x, err := w.open(&s.indexes().tidx, timeEntrySize)
	if err != nil {
		return noTime, err
	}
	defer x.close()
	if x.count == 0 {
		return noTime, nil
	}
	b, err := x.read(x.count-1, x.count)
	if err != nil {
		return noTime, err
	}
	return parseTimeEntry(b), nil
}

// rebuildIndex makes the index anew from the batch headers and keeps it in memory. It also
// returns the offset after the last batch. The caller writes the files.
func (s *segment) rebuildIndex(interval int32) (next int64, err error) {
	f, err := s.log.acquire()
	if err != nil {
		return 0, err
	}
	defer s.log.release()
	size, _ := s.bounds()
	w := getScan(f, s, size)
	defer w.put()
	x := newIndex()
	next, err = s.indexFrom(w, &x, 0, size, interval, nil)
	if err != nil {
		return next, err
	}
	s.mu.Lock()
	s.mu.index, s.mu.loaded = x, true
	s.mu.max, s.mu.maxOK = x.max, true
	s.mu.Unlock()
	return next, nil
}

// indexFrom adds the batches between two positions to x.
func (s *segment) indexFrom(w *scan, x *index, pos, end int64, interval int32, visit func(h batch.Batch)) (next int64, err error) {
	next = s.base
	for pos < end {
		h, err := w.header(pos)
		if err != nil {
			return next, err
		}
		last := h.LastOffset()
		if h.BaseOffset() < next || !s.fits(last) {
			return next, s.corrupt(pos, next, "offset does not fit")
		}
		x.add(pos, uint32(last-s.base), h.MaxTimestamp(), interval)
		if visit != nil {
			visit(h)
		}
		next = last + 1
		pos += size(h)
	}
	return next, nil
}

// readIndex loads both files into memory. ok is false if one is missing or makes no sense.
func (s *segment) readIndex(v vfs.FS) (x index, ok bool, err error) {
	offsets, err := readFile(v, s.indexes().idx.path())
	if err == nil {
		var times []byte
		if times, err = readFile(v, s.indexes().tidx.path()); err == nil {
			size, _ := s.bounds()
			x, ok = parseIndex(offsets, times, size)
			return x, ok, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return newIndex(), false, nil
	}
	return newIndex(), false, err
}
