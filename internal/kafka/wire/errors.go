package wire

import "errors"

// ErrMalformed is what every error about bytes from the network is (errors.Is). The connection
// that sent them cannot be trusted to be in step any more: Kafka closes it, and so must the
// caller. The errors below say what was wrong; they are static, so that a flood of bad frames
// costs no memory.
var ErrMalformed = errors.New("malformed request")

// What can be wrong with a frame, a header or a body.
var (
	ErrShort    error = malformed("bytes end inside a field")
	ErrVarint   error = malformed("varint is longer than 5 bytes or 32 bits")
	ErrLength   error = malformed("length of a field is negative or exceeds the bytes left")
	ErrCount    error = malformed("array count exceeds what the bytes left can hold")
	ErrNull     error = malformed("null in a field that cannot be null")
	ErrTags     error = malformed("too many tagged fields")
	ErrTagOrder error = malformed("tagged fields are not in ascending order")
	ErrTagSize  error = malformed("tagged field does not fill its size, or is not of this version")
	ErrVersion  error = malformed("API version is not supported")
	ErrFrame    error = malformed("frame length is negative, too small or over the limit")
)

type malformed string

func (e malformed) Error() string        { return string(e) }
func (e malformed) Is(target error) bool { return target == ErrMalformed }
