package compress

import "fmt"

// Decompressor decodes whole streams. The zero value is ready for use and costs nothing while it
// is idle: the large decoder states are borrowed from pools during a call. Not for concurrent use.
//
// What comes after the end of a stream is treated as Apache Kafka's reader treats it, so that a
// batch which Kafka takes is not refused here:
//
//	gzip    further members are decoded; anything else after a member is ignored
//	snappy  xerial: up to three bytes after the last block are ignored, a further stream header
//	        starts a further stream; raw: there is no after
//	lz4     everything after the first frame is ignored
//	zstd    further frames and skippable frames are decoded; anything else is an error
//
// Stricter than Kafka are the checks of lz4's content size and content checksum, which Kafka
// leaves out, and zstd's window limit.
type Decompressor struct {
	// RefuseLinkedLZ4 refuses lz4 frames whose blocks depend on each other. They are legal lz4 and
	// are decoded by default, but Apache Kafka and its Java clients cannot read them, so a broker
	// should not take them in.
	RefuseLinkedLZ4 bool
}

// Decompress appends the decoded form of src to dst and returns the longer slice; on an error it
// returns dst as it was. It neither keeps nor returns a part of src. The output obeys the budget:
// not more than that is ever put out, and no buffer is made larger than that, but for zstd by a
// block and a quarter (the library's overshoot when a stream does exceed its budget).
// An empty src is corrupt for every codec but None. Errors, wrapped: ErrBudget, ErrCorrupt,
// ErrUnsupported.
func (d *Decompressor) Decompress(dst []byte, c Codec, src []byte, budget Budget) ([]byte, error) {
	if !c.Known() {
		return dst, fmt.Errorf("%w: codec id %d", ErrUnsupported, int8(c))
	}
	o := output{buf: dst, start: len(dst), limit: budget.limit(len(src))}
	if err := d.decode(&o, c, src); err != nil {
		return dst, fmt.Errorf("%s: %w", c, err)
	}
	return o.buf, nil
}

func (d *Decompressor) decode(o *output, c Codec, src []byte) error {
	if c == None {
		return decodeNone(o, src)
	}
	if len(src) == 0 {
		return fmt.Errorf("%w: no bytes", ErrCorrupt)
	}
	switch c {
	case Gzip:
		return decodeGzip(o, src)
	case Snappy:
		return decodeSnappy(o, src)
	case LZ4:
		return decodeLZ4(o, src, d.RefuseLinkedLZ4)
	default:
		return decodeZstd(o, src)
	}
}

func decodeNone(o *output, src []byte) error {
	if !o.reserve(len(src)) {
		return errBudget(o.limit)
	}
	o.buf = append(o.buf, src...)
	return nil
}
