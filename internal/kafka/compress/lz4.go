package compress

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/pierrec/lz4/v4"
)

// The lz4 frame format (lz4_Frame_format.md 1.6). All integers are little-endian.
//
//	4  magic 0x184D2204
//	1  FLG: bits 7-6 version (1), 5 independent blocks, 4 block checksums, 3 content size,
//	   2 content checksum, 1 reserved, 0 dictionary id
//	1  BD: bit 7 reserved, 6-4 largest block (4 = 64 KiB … 7 = 4 MiB), 3-0 reserved
//	8  content size, if FLG says so
//	1  header checksum: second byte of the XXH32 of FLG to here
//	   blocks: size (highest bit: stored as it is), bytes, XXH32 if FLG says so
//	4  end mark 0
//	4  XXH32 of the content, if FLG says so
const (
	lz4Magic       = 0x184D2204
	lz4Version     = 1 << 6
	lz4Independent = 1 << 5
	lz4BlockSum    = 1 << 4
	lz4ContentSize = 1 << 3
	lz4ContentSum  = 1 << 2
	lz4DictID      = 1 << 0
	lz4Stored      = 1 << 31

	// lz4MaxRatio is above the best that an lz4 block can do: 255 bytes per length byte.
	lz4MaxRatio = 255
	// lz4Window is how far back a linked block may reach.
	lz4Window = 64 << 10
	// lz4WriteBlock is the block size written, Java's: BD value 4.
	lz4WriteBlock = 64 << 10
)

// lz4Frame is the header of a frame.
type lz4Frame struct {
	flags       byte
	maxBlock    int
	contentSize uint64
}

func decodeLZ4(o *output, src []byte, refuseLinked bool) error {
	f, rest, err := parseLZ4Header(src)
	if err != nil {
		return err
	}
	if refuseLinked && f.flags&lz4Independent == 0 {
		return fmt.Errorf("%w: linked lz4 blocks", ErrUnsupported)
	}
	if f.flags&lz4ContentSize != 0 && f.contentSize > uint64(o.left()) {
		return errBudget(o.limit)
	}
	start := len(o.buf)
	for done := false; !done; {
		if rest, done, err = f.block(o, start, rest); err != nil {
			return err
		}
	}
	return f.verify(o.buf[start:], rest)
}

func parseLZ4Header(src []byte) (f lz4Frame, rest []byte, err error) {
	if len(src) < 7 || binary.LittleEndian.Uint32(src) != lz4Magic {
		return f, nil, fmt.Errorf("%w: no lz4 frame", ErrCorrupt)
	}
	f.flags = src[4]
	bd := src[5]
	if f.flags&0xC2 != lz4Version || bd&0x8F != 0 || bd>>4 < 4 {
		return f, nil, fmt.Errorf("%w: lz4 frame descriptor %02x %02x", ErrCorrupt, f.flags, bd)
	}
	if f.flags&lz4DictID != 0 {
		return f, nil, fmt.Errorf("%w: lz4 dictionary", ErrUnsupported)
	}
	f.maxBlock = 1 << (8 + 2*(bd>>4))
	n := 6
	if f.flags&lz4ContentSize != 0 {
		if n += 8; len(src) < n+1 {
			return f, nil, fmt.Errorf("%w: lz4 frame descriptor is cut off", ErrCorrupt)
		}
		f.contentSize = binary.LittleEndian.Uint64(src[6:])
	}
	if byte(xxh32(src[4:n])>>8) != src[n] {
		return f, nil, fmt.Errorf("%w: lz4 header checksum", ErrCorrupt)
	}
	return f, src[n+1:], nil
}

// block decodes the next block of a frame whose content begins at start; done is the end mark.
func (f *lz4Frame) block(o *output, start int, src []byte) (rest []byte, done bool, err error) {
	size, src, ok := cutUint32(src)
	if !ok {
		return nil, false, fmt.Errorf("%w: lz4 frame has no end mark", ErrCorrupt)
	}
	if size == 0 {
		return src, true, nil
	}
	n := int(size &^ lz4Stored)
	if n == 0 || n > f.maxBlock || n > len(src) {
		return nil, false, fmt.Errorf("%w: lz4 block of %d bytes, %d left", ErrCorrupt, n, len(src))
	}
	data, rest := src[:n], src[n:]
	if f.flags&lz4BlockSum != 0 {
		sum, after, ok := cutUint32(rest)
		if !ok || sum != xxh32(data) {
			return nil, false, fmt.Errorf("%w: lz4 block checksum", ErrCorrupt)
		}
		rest = after
	}
	if size&lz4Stored != 0 {
		if !o.reserve(n) {
			return nil, false, errBudget(o.limit)
		}
		o.buf = append(o.buf, data...)
		return rest, false, nil
	}
	return rest, false, f.uncompress(o, start, data)
}

// uncompress decodes one block. The block does not say how large it becomes: room is made for
// the most that its own length and the frame allow.
func (f *lz4Frame) uncompress(o *output, start int, data []byte) error {
	most := min(f.maxBlock, lz4MaxRatio*len(data))
	room := min(most, o.left())
	o.reserve(room)
	var dict []byte
	if f.flags&lz4Independent == 0 {
		dict = o.buf[max(start, len(o.buf)-lz4Window):]
	}
	n, err := lz4.UncompressBlockWithDict(data, o.spare()[:room:room], dict)
	if err != nil {
		if room < most { // the decoder does not tell a short buffer from damage
			return errBudget(o.limit)
		}
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	o.advance(n)
	return nil
}

// verify checks what the frame says about its whole content.
func (f *lz4Frame) verify(content, rest []byte) error {
	if f.flags&lz4ContentSize != 0 && uint64(len(content)) != f.contentSize {
		return fmt.Errorf("%w: lz4 content size", ErrCorrupt)
	}
	if f.flags&lz4ContentSum != 0 {
		if sum, _, ok := cutUint32(rest); !ok || sum != xxh32(content) {
			return fmt.Errorf("%w: lz4 content checksum", ErrCorrupt)
		}
	}
	return nil
}

func cutUint32(b []byte) (v uint32, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, b, false
	}
	return binary.LittleEndian.Uint32(b), b[4:], true
}

// lz4Writer is the encoder state: hash tables, 0.4 MiB if both kinds of level were used.
type lz4Writer struct {
	fast *lz4.Compressor
	high *lz4.CompressorHC
}

// javaDefaultLZ4 is the level for which Java takes the fast compressor; all other levels mean the
// high compressor.
const javaDefaultLZ4 = 9

// encode appends one frame of independent 64 KiB blocks without checksums, as Java writes it.
func (w *lz4Writer) encode(dst []byte, level int, src []byte) ([]byte, error) {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, lz4Magic)
	dst = append(dst, lz4Version|lz4Independent, 4<<4)
	dst = append(dst, byte(xxh32(dst[at+4:])>>8))
	for len(src) > 0 {
		n := min(len(src), lz4WriteBlock)
		dst = slices.Grow(dst, 4+n)
		at := len(dst)
		// Room for one byte less than the input: what does not shrink is stored.
		size, err := w.compress(level, src[:n], dst[at+4:at+4+n-1])
		if err != nil || size == 0 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(n)|lz4Stored)
			dst = append(dst, src[:n]...)
		} else {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(size))
			dst = dst[:at+4+size]
		}
		src = src[n:]
	}
	return append(dst, 0, 0, 0, 0), nil
}

func (w *lz4Writer) compress(level int, src, dst []byte) (int, error) {
	if level == DefaultLevel || level == javaDefaultLZ4 {
		if w.fast == nil {
			w.fast = new(lz4.Compressor)
		}
		return w.fast.CompressBlock(src, dst)
	}
	if w.high == nil {
		w.high = new(lz4.CompressorHC)
	}
	w.high.Level = lz4.CompressionLevel(1 << (8 + min(level, 9)))
	return w.high.CompressBlock(src, dst)
}
