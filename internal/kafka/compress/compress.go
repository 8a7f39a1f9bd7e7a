package compress

// Compressor encodes whole streams. The zero value is ready for use; encoder states are made when
// a codec is first used and kept: up to 4 MiB in all, with zstd levels of 10 and above 36 MiB. Keep a
// Compressor per builder, not per batch or connection. Not for concurrent use.
type Compressor struct {
	gzip gzipWriter
	lz4  lz4Writer
	zstd zstdWriter
}

// Compress appends the encoded form of src to dst and returns the longer slice; on an error it
// returns dst as it was. dst and src must not overlap. level is in Kafka's range for the codec or
// DefaultLevel (see CheckLevel); it steers effort, and equal levels need not give Java's bytes.
// The streams are those of Kafka's Java clients: one gzip member, xerial-framed snappy, one lz4
// frame of independent 64 KiB blocks, one zstd frame. Error: ErrUnsupported.
func (p *Compressor) Compress(dst []byte, c Codec, level int, src []byte) ([]byte, error) {
	if err := CheckLevel(c, level); err != nil {
		return dst, err
	}
	switch c {
	case Gzip:
		return p.gzip.encode(dst, level, src)
	case Snappy:
		return encodeSnappy(dst, src), nil
	case LZ4:
		return p.lz4.encode(dst, level, src)
	case Zstd:
		return p.zstd.encode(dst, level, src)
	}
	return append(dst, src...), nil
}
