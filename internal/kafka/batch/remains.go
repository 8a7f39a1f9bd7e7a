package batch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// Remains builds what compaction leaves of a batch: some of its records, or none. Offsets, times,
// leader epoch, compression, producer and sequence numbers stay what they were, and so does the
// range of offsets that the batch covers, because sequence numbers are counted by it.
//
// The zero value is ready for use. Not for concurrent use; buffers and encoder states are kept.
type Remains struct {
	buf   []byte
	codec compress.Compressor
}

// Horizon is the delete horizon of the batch in milliseconds since 1970: the time from which
// compaction may drop its tombstones, or the marker that it is (KIP-534). ok is false if none is set. It is
// kept where the base timestamp was.
func (b Batch) Horizon() (ms int64, ok bool) { return b.BaseTimestamp(), b.HasDeleteHorizon() }

// Append appends the batch that holds those records of b that are in runs, in their order: numRecords of
// them, each run as it is stored in b's plain form (Records.Raw, several in one piece if they
// follow each other), the largest timestamp of them being maxTimestamp. horizon, if it is not negative, becomes
// the delete horizon; b must not have one then. b is not changed.
//
// On an error dst is returned as it was. Errors, wrapped: ErrRecord, ErrBuild, those of compress.
func (r *Remains) Append(dst []byte, b Batch, runs [][]byte, numRecords int32, maxTimestamp, horizon int64) ([]byte, error) {
	at := len(dst)
	out := append(dst, b[:HeaderSize]...)
	h := out[at:]
	binary.BigEndian.PutUint32(h[posNumRecords:], uint32(numRecords))
	if !b.LogAppendTime() {
		binary.BigEndian.PutUint64(h[posMaxTimestamp:], uint64(maxTimestamp))
	}
	shift := int64(0)
	if horizon >= 0 {
		shift = b.BaseTimestamp() - horizon
		binary.BigEndian.PutUint64(h[posBaseTimestamp:], uint64(horizon))
		binary.BigEndian.PutUint16(h[posAttributes:], b.attributes()|attrDeleteHorizon)
	}
	plain := b.Codec() == compress.None
	into := out
	if !plain {
		into = r.buf[:0]
	}
	for _, run := range runs {
		if horizon < 0 {
			into = append(into, run...)
			continue
		}
		var err error
		if into, err = appendShifted(into, run, shift); err != nil {
			return dst, err
		}
	}
	if plain {
		out = into
	} else {
		r.buf = into
		var err error
		if out, err = r.codec.Compress(out, b.Codec(), compress.DefaultLevel, into); err != nil {
			return dst, err
		}
		if cap(r.buf) > maxPooledPlain {
			r.buf = nil
		}
	}
	if len(out)-at > math.MaxInt32 {
		return dst, fmt.Errorf("%w: more than 2 GiB", ErrBuild)
	}
	seal(out[at:])
	return out, nil
}

// AppendEmpty appends b without its records, which is how the last sequence number of a producer is kept:
// uncompressed and without delete horizon. Its largest timestamp stays.
func (r *Remains) AppendEmpty(dst []byte, b Batch) []byte {
	at := len(dst)
	dst = append(dst, b[:HeaderSize]...)
	h := dst[at:]
	binary.BigEndian.PutUint32(h[posNumRecords:], 0)
	binary.BigEndian.PutUint16(h[posAttributes:], b.attributes()&^(attrCodec|attrDeleteHorizon))
	binary.BigEndian.PutUint64(h[posBaseTimestamp:], math.MaxUint64) // -1, none
	seal(h)
	return dst
}

// seal fills in length and checksum of the whole batch p.
func seal(p []byte) {
	binary.BigEndian.PutUint32(p[posLength:], uint32(len(p)-LengthPrefix))
	binary.BigEndian.PutUint32(p[posCRC:], crc32.Checksum(p[posAttributes:], castagnoli))
}

// appendShifted appends the records of run with shift added to their timestamp deltas.
func appendShifted(dst, run []byte, shift int64) ([]byte, error) {
	for len(run) > 0 {
		n, i := varint(run, 0)
		if i == badPos || n < minRecordSize-1 || int(n) > len(run)-i {
			return dst, fmt.Errorf("%w: a run that is cut off", ErrRecord)
		}
		body := run[i : i+int(n)]
		delta, at := varlong(body, 1)
		if at == badPos {
			return dst, fmt.Errorf("%w: a timestamp delta that is cut off", ErrRecord)
		}
		delta += shift
		dst = binary.AppendVarint(dst, int64(1+varlongSize(delta)+len(body)-at))
		dst = append(dst, body[0])
		dst = binary.AppendVarint(dst, delta)
		dst = append(dst, body[at:]...)
		run = run[i+int(n):]
	}
	return dst, nil
}
