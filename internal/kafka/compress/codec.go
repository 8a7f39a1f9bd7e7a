package compress

import (
	"errors"
	"fmt"
)

// Codec is Kafka's compression id: bits 0-2 of a batch's attributes.
type Codec int8

// Wire values of Codec.
const (
	None   Codec = 0
	Gzip   Codec = 1
	Snappy Codec = 2
	LZ4    Codec = 3
	Zstd   Codec = 4
)

var (
	// ErrUnsupported is returned for a codec id that Kafka does not know, for a level outside the
	// codec's range, and for streams that are legal but need what is not offered: a zstd window
	// above MaxZstdWindow, a dictionary.
	ErrUnsupported = errors.New("compression is not supported")
	// ErrCorrupt is returned when the bytes are not a whole stream of the codec.
	ErrCorrupt = errors.New("compressed data is corrupt")
	// ErrBudget is returned when decoding would put out more than the Budget allows.
	ErrBudget = errors.New("compressed data expands beyond its budget")
)

// DefaultLevel asks for the codec's own default level.
const DefaultLevel = 0

// String is Kafka's name of the codec, as in compression.type.
func (c Codec) String() string {
	switch c {
	case None:
		return "none"
	case Gzip:
		return "gzip"
	case Snappy:
		return "snappy"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	}
	return "unknown"
}

// Known reports whether c is one of the five wire values.
func (c Codec) Known() bool { return c >= None && c <= Zstd }

// Parse reads a codec's name as Kafka writes it, in lower case. "uncompressed" and "producer"
// are values of a topic's compression.type, not codecs, and are refused. Error: ErrUnsupported.
func Parse(name string) (Codec, error) {
	for c := None; c <= Zstd; c++ {
		if c.String() == name {
			return c, nil
		}
	}
	return None, fmt.Errorf("%w: codec %q", ErrUnsupported, name)
}

// CheckLevel returns nil if level is DefaultLevel or within Kafka's range for the codec
// (KIP-390, KIP-780): gzip 1 to 9 or -1, lz4 1 to 17, zstd -131072 to 22. None and snappy have no
// levels. Error: ErrUnsupported.
func CheckLevel(c Codec, level int) error {
	ok := level == DefaultLevel
	switch c {
	case None, Snappy:
	case Gzip:
		ok = ok || level == -1 || level >= 1 && level <= 9
	case LZ4:
		ok = ok || level >= 1 && level <= 17
	case Zstd:
		ok = ok || level >= -131072 && level <= 22
	default:
		return fmt.Errorf("%w: codec id %d", ErrUnsupported, int8(c))
	}
	if !ok {
		return fmt.Errorf("%w: %s level %d", ErrUnsupported, c, level)
	}
	return nil
}
