package storage

import (
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"sync"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// scanWindow is what one read of a header scan brings in: about an index interval.
const scanWindow = 4096

// scan walks batch headers in a segment file with a pooled window, so that looking up a position
// allocates nothing. Not for concurrent use.
type scan struct {
	f   vfs.File
	seg *segment
	end int64 // nothing at or after end is looked at
	off int64 // file position of buf[0]
	n   int   // valid bytes in buf
	buf [scanWindow]byte
}

var scans = sync.Pool{New: func() any { return new(scan) }}

func getScan(f vfs.File, s *segment, end int64) *scan {
	w := scans.Get().(*scan)
	w.f, w.seg, w.end, w.off, w.n = f, s, end, 0, 0
	return w
}

func (w *scan) put() {
	w.f, w.seg = nil, nil
	scans.Put(w)
}

// header returns the header of the batch at pos as a view whose record part is cut off. It is
// valid until the next call. The size is checked against the end, nothing else is.
// Errors: CorruptError, or of reading.
func (w *scan) header(pos int64) (batch.Batch, error) {
	if pos+batch.HeaderSize > w.end {
		return nil, w.seg.corrupt(pos, -1, "batch header is cut off")
	}
	if pos < w.off || pos+batch.HeaderSize > w.off+int64(w.n) {
		n := min(int64(len(w.buf)), w.end-pos)
		if _, err := w.f.ReadAt(w.buf[:n], pos); err != nil {
			w.n = 0
			return nil, readError(w.seg, pos, err)
		}
		w.off, w.n = pos, int(n)
	}
	i := int(pos - w.off)
	h := batch.Batch(w.buf[i : i+batch.HeaderSize : i+batch.HeaderSize])
	if reason := implausible(h, w.end-pos); reason != "" {
		return nil, w.seg.corrupt(pos, -1, reason)
	}
	return h, nil
}

// whole returns the batch at pos, n bytes long, with its records if it fits into the window; else
// its header. Valid until the next call.
func (w *scan) whole(pos, n int64) (batch.Batch, error) {
	if n > int64(len(w.buf)) {
		return w.header(pos)
	}
	if pos < w.off || pos+n > w.off+int64(w.n) {
		m := min(int64(len(w.buf)), w.end-pos)
		if _, err := w.f.ReadAt(w.buf[:m], pos); err != nil {
			w.n = 0
			return nil, readError(w.seg, pos, err)
		}
		w.off, w.n = pos, int(m)
	}
	return batch.Batch(w.buf[pos-w.off:][:n:n]), nil
}

// size is the whole length of the batch whose header h is.
func size(h batch.Batch) int64 {
	n, err := batch.Size(h)
	if err != nil {
		panic("BUG: size of an unchecked batch header")
	}
	return int64(n)
}

// implausible says why h cannot be the header of a batch that ends within room bytes; "" if it can.
func implausible(h batch.Batch, room int64) string {
	if h[16] != batch.Magic {
		return fmt.Sprintf("magic byte %d", int8(h[16]))
	}
	n, err := batch.Size(h)
	switch {
	case err != nil:
		return err.Error()
	case int64(n) > room:
		return "batch is cut off"
	case h.LastOffsetDelta() < 0 || h.BaseOffset() < 0 || h.LastOffset() < h.BaseOffset() || h.LastOffset() == math.MaxInt64:
		return "impossible offsets"
	case h.NumRecords() < 0 || int64(h.NumRecords()) > int64(h.LastOffsetDelta())+1:
		return "impossible record count"
	}
	return ""
}

// readError turns the error of a read into one with its place; a file that ended early is damage.
func readError(s *segment, pos int64, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return s.corrupt(pos, -1, "file is shorter than its log")
	}
	return fmt.Errorf("read %s at %d: %w", s.log.path(), pos, err)
}

// verifyWindow is what one read of a checksum scan brings in.
const verifyWindow = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var windows = sync.Pool{New: func() any { b := make([]byte, verifyWindow); return &b }}

// order is what a batch must respect with regard to the batches before it.
type order struct {
	next   int64             // the next offset
	epoch  kafka.LeaderEpoch // the latest leader epoch
	sparse bool              // gaps are allowed
	any    bool              // epochs may fall
}

// follow checks that the batch continues the log: contiguous offsets, epochs that do not
// fall. It says why not, or "" and moves on.
func (o *order) follow(h batch.Batch) string {
	base, epoch := h.BaseOffset(), h.LeaderEpoch()
	switch {
	case base < o.next || base > o.next && !o.sparse:
		return fmt.Sprintf("base offset %d where %d was expected", base, o.next)
	case epoch >= 0 && epoch < o.epoch && !o.any:
		return fmt.Sprintf("leader epoch %d after %d", epoch, o.epoch)
	}
	o.next = h.LastOffset() + 1
	o.epoch = max(o.epoch, epoch)
	return ""
}

// verify walks the batches of s from pos to end with their checksums and calls visit with the
// header of each good one. It returns the position of the first bad one and why it is bad, or
// end and "". The error is of reading.
func verify(f vfs.File, s *segment, pos, end int64, o *order, visit func(pos int64, h batch.Batch)) (int64, string, error) {
	bp := windows.Get().(*[]byte)
	defer windows.Put(bp)
	buf, off, n := *bp, int64(0), int64(0)
	hdr := make([]byte, batch.HeaderSize) // outlives the window's next filling
	fill := func(at int64) error {
		m := min(int64(len(buf)), end-at)
		if _, err := f.ReadAt(buf[:m], at); err != nil {
			n = 0
			return readError(s, at, err)
		}
		off, n = at, m
		return nil
	}
	for pos < end {
		if end-pos < batch.HeaderSize {
			return pos, "batch header is cut off", nil
		}
		if pos < off || pos+batch.HeaderSize > off+n {
			if err := fill(pos); err != nil {
				return pos, "", err
			}
		}
		h := batch.Batch(buf[pos-off:][:batch.HeaderSize])
		if reason := implausible(h, end-pos); reason != "" {
			return pos, reason, nil
		}
		total := size(h)
		if pos+total > off+n && pos > off && total <= int64(len(buf)) {
			if err := fill(pos); err != nil {
				return pos, "", err
			}
			h = batch.Batch(buf[:batch.HeaderSize])
		}
		copy(hdr, h)
		sum := uint32(0)
		for at := pos + 21; at < pos+total; {
			if at >= off+n {
				if err := fill(at); err != nil {
					return pos, "", err
				}
			}
			part := buf[at-off : min(off+n, pos+total)-off]
			sum = crc32.Update(sum, castagnoli, part)
			at += int64(len(part))
		}
		h = batch.Batch(hdr)
		if sum != h.CRC() {
			return pos, "checksum does not match", nil
		}
		if !s.fits(h.LastOffset()) {
			return pos, "offset is too far from the segment's base", nil
		}
		if reason := o.follow(h); reason != "" {
			return pos, reason, nil
		}
		visit(pos, h)
		pos += total
	}
	return pos, "", nil
}
