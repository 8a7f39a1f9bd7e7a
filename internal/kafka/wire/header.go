package wire

// Header is the head of a request.
type Header struct {
	Key, Version  int16
	CorrelationID int32
	ClientID      []byte // nil is null; aliases the frame
}

// ParseHeader splits a frame (without its length prefix) into header and body. Both alias frame.
//
// Bytes: key int16, version int16, correlation id int32, client id as nullable string with an
// int16 length in all versions (header v1), then, if the request's version is flexible, tagged
// fields (header v2; none is known, they are skipped). For a key and version that are not Known
// the encoding after the client id cannot be known: h is filled, body is all that follows, and
// err is nil; the caller decides (Kafka closes the connection, except for ApiVersions, which it
// answers in version 0: KIP-511).
//
// err is ErrMalformed; h then holds what could be read, for the log.
func ParseHeader(frame []byte) (h Header, body []byte, err error) {
	r := Reader{b: frame}
	h.Key = r.Int16()
	h.Version = r.Int16()
	h.CorrelationID = r.Int32()
	h.ClientID = r.NullableString()
	if FlexibleRequest(h.Key, h.Version) && Known(h.Key, h.Version) {
		r.SkipTags()
	}
	return h, r.b, r.err
}

// ResponseHeaderSize is how many bytes AppendResponseHeader appends: 4 or 5.
func ResponseHeaderSize(key, version int16) int {
	if FlexibleResponseHeader(key, version) {
		return 5
	}
	return 4
}

// AppendResponseHeader appends the header of the answer to a request: its correlation id and, in
// flexible versions other than those of ApiVersions, an empty section of tagged fields.
func AppendResponseHeader(dst []byte, key, version int16, correlation int32) []byte {
	dst = appendInt32(dst, correlation)
	if FlexibleResponseHeader(key, version) {
		dst = append(dst, 0)
	}
	return dst
}
