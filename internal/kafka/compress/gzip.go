package compress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// gzipFirstStep is the room made before the first byte of a gzip stream is seen, if its length
// suggests no more.
const gzipFirstStep = 4 << 10

// gzipReader is one decoder state (about 40 KiB) with its source.
type gzipReader struct {
	src bytes.Reader
	z   gzip.Reader
}

// gzipReaders lends decoder states; the collector may empty it at any time.
var gzipReaders = sync.Pool{New: func() any { return new(gzipReader) }}

func decodeGzip(o *output, src []byte) error {
	r := gzipReaders.Get().(*gzipReader)
	r.src.Reset(src)
	err := r.decode(o)
	r.src.Reset(nil)
	gzipReaders.Put(r)
	return err
}

// decode reads member after member. Like Kafka's reader it takes bytes after a member that do
// not begin another one for the end (java.util.zip.GZIPInputStream).
func (r *gzipReader) decode(o *output) error {
	for first := true; ; first = false {
		if err := r.z.Reset(&r.src); err != nil {
			if first {
				return fmt.Errorf("%w: %v", ErrCorrupt, err)
			}
			return nil
		}
		r.z.Multistream(false)
		if err := r.member(o); err != nil {
			return err
		}
	}
}

func (r *gzipReader) member(o *output) error {
	step := max(gzipFirstStep, r.src.Len())
	for {
		if o.left() == 0 {
			return r.end(o)
		}
		if len(o.spare()) == 0 {
			o.reserve(min(step, o.left()))
		}
		n, err := r.z.Read(o.spare())
		o.advance(n)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %v", ErrCorrupt, err)
		}
	}
}

// end expects the end of the member: the budget is used up.
func (r *gzipReader) end(o *output) error {
	var one [1]byte
	for {
		n, err := r.z.Read(one[:])
		switch {
		case n > 0:
			return errBudget(o.limit)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%w: %v", ErrCorrupt, err)
		}
	}
}

// gzipWriter is one encoder state (about 1 MiB) with its sink.
type gzipWriter struct {
	out   appendWriter
	z     *gzip.Writer
	level int
}

// encode appends one gzip member.
func (w *gzipWriter) encode(dst []byte, level int, src []byte) ([]byte, error) {
	if level == DefaultLevel {
		level = gzip.DefaultCompression
	}
	w.out.buf = dst
	if w.z == nil || w.level != level {
		z, err := gzip.NewWriterLevel(&w.out, level)
		if err != nil {
			return dst, fmt.Errorf("%w: %v", ErrUnsupported, err)
		}
		w.z, w.level = z, level
	} else {
		w.z.Reset(&w.out)
	}
	_, err := w.z.Write(src)
	err = errors.Join(err, w.z.Close())
	out := w.out.buf
	w.out.buf = nil
	if err != nil {
		return dst, err
	}
	return out, nil
}

// appendWriter is an io.Writer onto a slice.
type appendWriter struct{ buf []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	return len(p), nil
}
