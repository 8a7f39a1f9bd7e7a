package compress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	// MaxZstdWindow is the largest window that a zstd frame may ask its readers for: what levels
	// up to 19 use. Above it are only zstd's "ultra" levels 20 to 22.
	MaxZstdWindow = 8 << 20

	zstdMaxBlock     = 128 << 10 // no block decodes to more (RFC 8878 §3.1.1.2)
	zstdWriteWindow  = 1 << 20   // batches are rarely larger, and encoder tables grow with it
	zstdDefaultLevel = 3
)

// zstdReader is one decoder state (about 180 KiB once it has decoded compressed blocks).
type zstdReader struct{ z *zstd.Decoder }

// zstdReaders lends decoder states; the collector may empty it at any time. With a concurrency
// of one a decoder has no goroutines and needs no Close.
var zstdReaders = sync.Pool{New: func() any {
	z, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(MaxZstdWindow),
		zstd.WithDecoderMaxMemory(hardLimit),
		zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic("BUG: zstd decoder options: " + err.Error())
	}
	return &zstdReader{z}
}}

// decodeZstd decodes straight into the output, which is also the decoder's history, so that a
// window costs no memory.
func decodeZstd(o *output, src []byte) error {
	least, most, err := scanZstd(src)
	if err != nil {
		return err
	}
	if least > int64(o.left()) {
		return errBudget(o.limit)
	}
	r := zstdReaders.Get().(*zstdReader)
	if most <= int64(o.left()) {
		err = r.decode(o, src, int(most))
	} else {
		err = r.decodeBounded(o, src)
	}
	zstdReaders.Put(r)
	return err
}

// decode is for streams that cannot exceed the budget: most is what they can become.
func (r *zstdReader) decode(o *output, src []byte, most int) error {
	o.reserve(most)
	dst := o.spare()[:0]
	out, err := r.z.DecodeAll(src, dst)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return o.take(out, dst)
}

// decodeBounded is for streams that may exceed the budget, bombs mostly. It tries with little room
// first. There is always one block more room than is tried for, so that an error before the output
// is longer than that is a true one, and an error after it a lack of room.
func (r *zstdReader) decodeBounded(o *output, src []byte) error {
	limit := o.left()
	room := min(limit, max(cap(o.buf)-len(o.buf)-zstdMaxBlock, zstdMaxBlock, 8*len(src)))
	for {
		o.buf = growExactly(o.buf, room+zstdMaxBlock)
		dst := o.buf[len(o.buf) : len(o.buf) : len(o.buf)+room+zstdMaxBlock]
		out, err := r.z.DecodeAll(src, dst)
		switch {
		case err == nil && len(out) <= limit:
			return o.take(out, dst)
		case err == nil:
			return errBudget(o.limit)
		case !errors.Is(err, zstd.ErrDecoderSizeExceeded) && len(out) <= room:
			return fmt.Errorf("%w: %v", ErrCorrupt, err)
		case room == limit:
			return errBudget(o.limit)
		}
		room = min(limit, 4*room)
	}
}

// take accepts out, which was decoded in place into dst, the room behind o's bytes.
func (o *output) take(out, dst []byte) error {
	if len(out) > cap(dst) || len(out) > 0 && &out[0] != &dst[:1][0] {
		return fmt.Errorf("%w: zstd blocks contradict their headers", ErrCorrupt)
	}
	o.advance(len(out))
	return nil
}

// scanZstd walks the frame and block headers, decoding nothing, and returns the fewest and the
// most bytes that the stream can become. It also refuses what must not reach the decoder.
func scanZstd(src []byte) (least, most int64, err error) {
	for len(src) > 0 {
		var h zstd.Header
		if err := h.Decode(src); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("frame header is cut off")
			}
			return 0, 0, fmt.Errorf("%w: zstd %v", ErrCorrupt, err)
		}
		if h.Skippable {
			n := int64(h.HeaderSize) + int64(h.SkippableSize)
			if n > int64(len(src)) {
				return 0, 0, fmt.Errorf("%w: zstd skippable frame is cut off", ErrCorrupt)
			}
			src = src[n:]
			continue
		}
		if h.DictionaryID != 0 {
			return 0, 0, fmt.Errorf("%w: zstd dictionary", ErrUnsupported)
		}
		if max(h.WindowSize, singleSegmentWindow(&h)) > MaxZstdWindow {
			return 0, 0, fmt.Errorf("%w: zstd window above %d bytes", ErrUnsupported, MaxZstdWindow)
		}
		lo, hi, rest, err := scanZstdBlocks(src[h.HeaderSize:], h.HasCheckSum)
		if err != nil {
			return 0, 0, err
		}
		if h.HasFCS {
			if h.FrameContentSize < uint64(lo) || h.FrameContentSize > uint64(hi) {
				return 0, 0, fmt.Errorf("%w: zstd content size", ErrCorrupt)
			}
			lo, hi = int64(h.FrameContentSize), int64(h.FrameContentSize)
		}
		least, most, src = least+lo, most+hi, rest
	}
	return least, most, nil
}

// singleSegmentWindow is the window of a frame without one: its whole content.
func singleSegmentWindow(h *zstd.Header) uint64 {
	if h.SingleSegment {
		return h.FrameContentSize
	}
	return 0
}

func scanZstdBlocks(src []byte, checksum bool) (least, most int64, rest []byte, err error) {
	for last := false; !last; {
		if len(src) < 3 {
			return 0, 0, nil, fmt.Errorf("%w: zstd frame is cut off", ErrCorrupt)
		}
		h := uint32(src[0]) | uint32(binary.LittleEndian.Uint16(src[1:]))<<8
		last = h&1 != 0
		size := int64(h >> 3)
		src = src[3:]
		switch h >> 1 & 3 {
		case 0: // stored
			least, most = least+size, most+size
		case 1: // one byte, repeated
			least, most, size = least+size, most+size, 1
		case 2: // compressed
			most += zstdMaxBlock
		default:
			return 0, 0, nil, fmt.Errorf("%w: zstd block type", ErrCorrupt)
		}
		if size > int64(len(src)) {
			return 0, 0, nil, fmt.Errorf("%w: zstd block is cut off", ErrCorrupt)
		}
		src = src[size:]
	}
	if checksum {
		if len(src) < 4 {
			return 0, 0, nil, fmt.Errorf("%w: zstd checksum is cut off", ErrCorrupt)
		}
		src = src[4:]
	}
	return least, most, src, nil
}

// zstdWriter is one encoder state: 2.5 MiB at the default level, 36 MiB from level 10 on.
type zstdWriter struct {
	z     *zstd.Encoder
	level zstd.EncoderLevel
}

// encode appends one frame. Kafka's levels are mapped to the nearest of the encoder's four.
func (w *zstdWriter) encode(dst []byte, level int, src []byte) ([]byte, error) {
	if level == DefaultLevel {
		level = zstdDefaultLevel
	}
	l := zstd.EncoderLevelFromZstd(level)
	if w.z == nil || w.level != l {
		z, err := zstd.NewWriter(nil,
			zstd.WithEncoderLevel(l),
			zstd.WithEncoderConcurrency(1),
			zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(zstdWriteWindow),
			zstd.WithZeroFrames(true))
		if err != nil {
			return dst, fmt.Errorf("%w: %v", ErrUnsupported, err)
		}
		w.z, w.level = z, l
	}
	return w.z.EncodeAll(src, dst), nil
}
