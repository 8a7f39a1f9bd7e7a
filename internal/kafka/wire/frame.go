package wire

import "encoding/binary"

// Bounds of a frame. All sizes are of the bytes behind the length prefix.
const (
	// PrefixSize is the length prefix, an int32.
	PrefixSize = 4
	// PeekSize is how much of a frame, prefix included, must be there for PeekKey.
	PeekSize = PrefixSize + 4
	// MinFrame is the smallest request: key, version, correlation id, null client id.
	MinFrame = 10
	// MaxFrame is Kafka's default of socket.request.max.bytes.
	MaxFrame = 100 << 20
)

// FrameSize reads the length prefix of a frame: how many bytes follow it. It needs the first
// PrefixSize bytes of prefix and looks at no others; with fewer the error is ErrShort and more
// must be read. ErrFrame: the length is negative, smaller than MinFrame, or greater than limit.
// The caller must not allocate by it before it has also asked LimitOf.
func FrameSize(prefix []byte, limit int) (int, error) {
	if len(prefix) < PrefixSize {
		return 0, ErrShort
	}
	n := int64(int32(binary.BigEndian.Uint32(prefix)))
	if n < MinFrame || n > int64(limit) {
		return 0, ErrFrame
	}
	return int(n), nil
}

// PeekKey reads the API key and version of a frame of which only the head has arrived: the first
// PeekSize bytes, prefix included. ok is false if there are fewer.
func PeekKey(head []byte) (key, version int16, ok bool) {
	if len(head) < PeekSize {
		return 0, 0, false
	}
	return int16(binary.BigEndian.Uint16(head[4:])), int16(binary.BigEndian.Uint16(head[6:])), true
}
