package storage

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// readTries bounds how often a read starts again because the segment that it had looked up was
// truncated or deleted, or its index was rebuilt.
const readTries = 100

// Slice is a range of whole batches in a segment file, still as stored. It pins the file: the
// bytes stay what they are until Close, also if the log is truncated, deleted or closed
// (durability 9). A value; the zero Slice is empty and may be closed. Copies share one pin.
type Slice struct {
	file *segFile
	src  vfs.File
	off  int64
	n    int64
	next int64
}

// Len is the number of bytes.
func (s *Slice) Len() int { return int(s.n) }

// Region is where the bytes are: n bytes at off of src, which on an OS file system is also a
// vfs.Descriptor, for sendfile. Valid until Close. src is nil if the Slice is empty.
func (s *Slice) Region() (src io.ReaderAt, off, n int64) {
	if s.src == nil {
		return nil, 0, 0
	}
	return s.src, s.off, s.n
}

// NextOffset is where to read on: no batch between the end of the Slice and it was left out.
// In an empty Slice it is the offset that was asked for.
func (s *Slice) NextOffset() int64 { return s.next }

// AppendTo reads the batches into memory. Errors: of reading.
func (s *Slice) AppendTo(dst []byte) ([]byte, error) {
	if s.n == 0 {
		return dst, nil
	}
	at := len(dst)
	if cap(dst)-at < int(s.n) {
		grown := make([]byte, at, at+int(s.n))
		copy(grown, dst)
		dst = grown
	}
	dst = dst[:at+int(s.n)]
	if n, err := s.src.ReadAt(dst[at:], s.off); err != nil && !(err == io.EOF && n == int(s.n)) {
		return dst[:at], err
	}
	return dst, nil
}

// Close gives the pin back. Once per Slice, copies included.
func (s *Slice) Close() {
	if s.file != nil {
		s.file.release()
	}
	*s = Slice{next: s.next}
}

// Read returns whole batches beginning with the one that contains from (after compaction: the
// next one), at most maxBytes bytes, and no batch with an offset at or above bound. With minOne it
// returns at least one batch, even if that is larger than maxBytes (KIP-74). A read ends with its
// segment; ask again at NextOffset. from equal to bound or to the log end gives an empty Slice.
//
// The caller closes the Slice. Safe for concurrent use, does not wait for appends, does not
// allocate. Errors: ErrOffsetOutOfRange if from is below LogStartOffset or above LogEndOffset;
// CorruptError; ErrOffline; ErrClosed. Source: Fetch v4+, KIP-74, KIP-98.
func (l *Log) Read(from int64, maxBytes int32, bound int64, minOne bool) (Slice, error) {
	for range readTries {
		s, seg, err := l.read(from, maxBytes, bound, minOne)
		switch {
		case err == nil:
			return s, nil
		case isDetached(err):
			if err := l.stopped(); err != nil {
				return Slice{}, err
			}
		case err == errIndex:
			if err := l.reindex(seg); err != nil {
				return Slice{}, err
			}
		default:
			return Slice{}, l.ioFailed(err)
		}
	}
	return Slice{}, fmt.Errorf("%w: segments kept changing", ErrCorrupt)
}

// stopped tells why a file may be detached for good.
func (l *Log) stopped() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.usableLocked()
}

func (l *Log) read(from int64, maxBytes int32, bound int64, minOne bool) (Slice, *segment, error) {
	if err := l.disk.err(); err != nil {
		return Slice{}, nil, err
	}
	end := l.end.Load() // before the list, which then covers it
	if from < l.start.Load() || from > end {
		return Slice{}, nil, ErrOffsetOutOfRange
	}
	bound = min(bound, end)
	if from >= bound {
		return Slice{next: from}, nil, nil
	}
	segs := *l.segs.Load()
	if from < segs[0].base && !plantedServeGap { // the log start has risen since
		return Slice{}, nil, ErrOffsetOutOfRange
	}
	for i := find(segs, from); i < len(segs) && segs[i].base < bound; i++ {
		s, found, err := segs[i].read(from, int64(max(maxBytes, 0)), bound, minOne)
		if err != nil || found {
			return s, segs[i], err
		}
	}
	return Slice{next: from}, nil, nil
}

// read does Log.Read within one segment. found is false if all its batches end below from.
func (s *segment) read(from, maxBytes, bound int64, minOne bool) (Slice, bool, error) {
	f, err := s.log.acquire()
	if err != nil {
		return Slice{}, false, err
	}
	out, found, err := s.resolve(f, from, maxBytes, bound, minOne)
	if out.n == 0 {
		s.log.release()
	} else {
		out.file, out.src = &s.log, f
	}
	return out, found, err
}

// resolve turns offsets into positions: from memory if the boundaries were seen lately, else by
// index and header scan.
func (s *segment) resolve(f vfs.File, from, maxBytes, bound int64, minOne bool) (Slice, bool, error) {
	s.mu.Lock()
	size, next := s.mu.size, s.mu.next
	start, knowStart := s.markLocked(from)
	limit, knowLimit := s.markLocked(bound)
	s.mu.Unlock()
	if bound >= next {
		limit, knowLimit = size, true
	} else if plantedBound {
		knowLimit = false
	}
	if knowStart && knowLimit && start < limit && limit-start <= maxBytes {
		return Slice{off: start, n: limit - start, next: min(bound, next)}, true, nil
	}
	if !knowLimit {
		limit = size
	}
	w := getScan(f, s, size)
	defer w.put()
	if !knowStart {
		var err error
		if start, err = s.seek(w, from); err != nil {
			return Slice{}, false, err
		}
	}
	if start >= size {
		return Slice{next: from}, false, nil
	}
	if knowLimit && start < limit && limit-start <= maxBytes {
		return Slice{off: start, n: limit - start, next: min(bound, next)}, true, nil
	}
	return s.extent(w, start, limit, maxBytes, bound, from, minOne)
}

// markLocked looks for the boundary at offset among those seen lately.
func (s *segment) markLocked(offset int64) (int64, bool) {
	if r := s.mu.recent; r != nil {
		if pos, ok := r.append.at(offset); ok {
			return pos, true
		}
		if pos, ok := r.read.at(offset); ok {
			return pos, true
		}
	}
	if s.mu.synced.pos > 0 && s.mu.synced.offset == offset {
		return s.mu.synced.pos, true
	}
	return 0, offset == s.base
}

// seek is the position of the first batch that ends at or above offset, or the end of the scan.
func (s *segment) seek(w *scan, offset int64) (int64, error) {
	pos, err := s.floor(w, offset+1, math.MaxInt64)
	for err == nil && pos < w.end {
		h, herr := w.header(pos)
		if herr != nil {
			return 0, herr
		}
		if h.LastOffset() >= offset {
			break
		}
		pos += size(h)
	}
	return pos, err
}

// extent finds how many batches from start on fit into maxBytes and end below bound.
func (s *segment) extent(w *scan, start, limit, maxBytes, bound, from int64, minOne bool) (Slice, bool, error) {
	end, next := start, from
	if p, err := s.floor(w, bound, start+maxBytes); err != nil {
		return Slice{}, false, err
	} else if p > start {
		end, next = p, bound // bound if p is the limit; else the loop sets it
	}
	for end < limit {
		h, err := w.header(end)
		if err != nil {
			return Slice{}, false, err
		}
		n := size(h)
		above := h.LastOffset() >= bound
		if plantedBound {
			above = h.BaseOffset() > bound
		}
		if above || end+n-start > maxBytes && !(minOne && end == start) {
			if end > start {
				next = h.BaseOffset()
			}
			break
		}
		end += n
		next = h.LastOffset() + 1
	}
	if end == start {
		return Slice{next: from}, true, nil
	}
	s.mu.Lock()
	s.recentLocked().read.push(next, end)
	s.mu.Unlock()
	return Slice{off: start, n: end - start, next: next}, true, nil
}

// reindex rebuilds the index of a sealed segment from its batches (S-07).
func (l *Log) reindex(s *segment) error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.disk.lg.Warn("rebuilding the index of a segment", "path", s.log.path())
	_, err := s.rebuildIndex(l.cfg.Load().IndexIntervalBytes)
	if err == nil {
		s.indexes().idx.forget()
		s.indexes().tidx.forget()
		err = s.writeIndex(l.disk.fs, true, true)
	}
	if err == nil {
		err = l.disk.fs.SyncDir(l.path)
	}
	if err == nil || isDetached(err) {
		return nil
	}
	if errors.Is(err, ErrCorrupt) {
		return err
	}
	return l.ioFailed(err)
}
