package compress

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
)

// The xerial framing that Java writes around snappy blocks: eight bytes of magic, two big-endian
// versions (own, oldest compatible), then per block its compressed length and its bytes.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const (
	xerialHeaderSize = 16
	xerialVersion    = 1
	xerialBlock      = 32 << 10 // uncompressed bytes per block, as Java's writer has it

	// snappyMaxRatio is above the best that a snappy block can do: a copy of 64 bytes is written
	// in 3. A block that claims more is lying, and no room is made for it.
	snappyMaxRatio = 22
)

// decodeSnappy reads both forms. As in Java, fewer bytes than a header are raw snappy.
func decodeSnappy(o *output, src []byte) error {
	if len(src) < xerialHeaderSize || !bytes.HasPrefix(src, xerialMagic) {
		return decodeSnappyBlock(o, src)
	}
	rest, err := xerialHeader(src)
	for err == nil && len(rest) >= 4 {
		n := binary.BigEndian.Uint32(rest)
		switch {
		case n == binary.BigEndian.Uint32(xerialMagic):
			rest, err = xerialHeader(rest)
		case uint64(n) > uint64(len(rest)-4):
			return fmt.Errorf("%w: block of %d bytes, %d left", ErrCorrupt, n, len(rest)-4)
		default:
			err = decodeSnappyBlock(o, rest[4:4+n])
			rest = rest[4+n:]
		}
	}
	return err
}

// xerialHeader steps over a stream header.
func xerialHeader(src []byte) ([]byte, error) {
	if len(src) < xerialHeaderSize || !bytes.HasPrefix(src, xerialMagic) {
		return nil, fmt.Errorf("%w: xerial header", ErrCorrupt)
	}
	if v := int32(binary.BigEndian.Uint32(src[12:])); v < xerialVersion {
		return nil, fmt.Errorf("%w: xerial version %d", ErrCorrupt, v)
	}
	return src[xerialHeaderSize:], nil
}

// decodeSnappyBlock uses the strict decoder: the faster one also takes S2's extensions, which
// other snappy readers refuse.
func decodeSnappyBlock(o *output, block []byte) error {
	n, err := snappy.DecodedLen(block)
	if err != nil || n > snappyMaxRatio*len(block) {
		return fmt.Errorf("%w: snappy length", ErrCorrupt)
	}
	if !o.reserve(n) {
		return errBudget(o.limit)
	}
	if _, err := snappy.DecodeStrict(o.spare()[:n:n], block); err != nil {
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	o.advance(n)
	return nil
}

// encodeSnappy appends src in xerial framing.
func encodeSnappy(dst, src []byte) []byte {
	dst = append(dst, xerialMagic...)
	dst = binary.BigEndian.AppendUint32(dst, xerialVersion)
	dst = binary.BigEndian.AppendUint32(dst, xerialVersion)
	for len(src) > 0 {
		n := min(len(src), xerialBlock)
		room := s2.MaxEncodedLen(n)
		dst = slices.Grow(dst, 4+room)
		at := len(dst)
		block := s2.EncodeSnappy(dst[at+4:at+4+room], src[:n])
		dst = dst[:at+4+len(block)]
		binary.BigEndian.PutUint32(dst[at:], uint32(len(block)))
		src = src[n:]
	}
	return dst
}
