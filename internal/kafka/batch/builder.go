package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

var (
	// ErrEmpty is returned by Build if nothing was appended.
	ErrEmpty = errors.New("batch has no records")
	// ErrBuild is returned by Build, wrapped, for what cannot be put into a batch.
	ErrBuild = errors.New("batch cannot be built")
)

// BuilderOptions say what a batch is besides its records. The zero value is an uncompressed batch
// of no producer.
type BuilderOptions struct {
	Codec compress.Codec
	Level int // of the codec, in Kafka's range; compress.DefaultLevel = its default

	// HasProducer says that the three fields after it are meant: producer 0 with epoch 0 and
	// sequence 0 is a real producer. Without it they must all be 0 or all be -1.
	HasProducer   bool
	ProducerID    kafka.ProducerID
	ProducerEpoch kafka.ProducerEpoch
	BaseSequence  int32 // of the first record; -1 for writes outside the producer's sequence

	Transactional bool
	Control       bool // the records are control records (see ControlBatch)
}

// Builder builds batches, reusing its buffers and encoder states. Reset, Append as often as
// needed, Build. The zero value must be Reset first. Not for concurrent use.
type Builder struct {
	opts  BuilderOptions
	buf   []byte // header and plain records
	out   []byte // header and compressed records
	count int32
	base  int64 // timestamp of the first record
	max   int64
	err   error // first thing that could not be appended
	codec compress.Compressor
}

// Reset begins a batch. The one built before is overwritten.
func (b *Builder) Reset(opts BuilderOptions) {
	b.opts = opts
	b.buf = append(b.buf[:0], make([]byte, HeaderSize)...)
	b.count, b.base, b.max, b.err = 0, 0, noTimestamp, nil
	if !opts.HasProducer && !opts.withoutProducer() {
		b.err = fmt.Errorf("%w: producer fields without HasProducer", ErrBuild)
	}
}

func (o *BuilderOptions) withoutProducer() bool {
	return o.ProducerID == 0 && o.ProducerEpoch == 0 && o.BaseSequence == 0 ||
		o.ProducerID == kafka.NoProducerID && o.ProducerEpoch == kafka.NoProducerEpoch && o.BaseSequence == -1
}

// Append adds a record. key, value and headers are copied; a nil key or value is null, which is
// not the same as empty; a header's key must not be nil. timestampMs is in milliseconds since 1970
// or -1 for none. What cannot be appended is reported by Build.
func (b *Builder) Append(timestampMs int64, key, value []byte, headers []Header) {
	if b.count == 0 {
		b.base = timestampMs
	}
	b.max = max(b.max, timestampMs)
	delta := timestampMs - b.base
	size := 1 + varlongSize(delta) + varlongSize(int64(b.count)) + nullableSize(key) +
		nullableSize(value) + varlongSize(int64(len(headers)))
	for _, h := range headers {
		if h.Key == nil && b.err == nil {
			b.err = fmt.Errorf("%w: header without key", ErrBuild)
		}
		size += nullableSize(h.Key) + nullableSize(h.Value)
	}
	if size > math.MaxInt32-len(b.buf)-binary.MaxVarintLen32 && b.err == nil {
		b.err = fmt.Errorf("%w: more than 2 GiB", ErrBuild)
	}
	if b.err != nil {
		return
	}
	p := binary.AppendVarint(b.buf, int64(size))
	p = append(p, 0)
	p = binary.AppendVarint(p, delta)
	p = binary.AppendVarint(p, int64(b.count))
	p = appendNullable(p, key)
	p = appendNullable(p, value)
	p = binary.AppendVarint(p, int64(len(headers)))
	for _, h := range headers {
		p = appendNullable(p, h.Key)
		p = appendNullable(p, h.Value)
	}
	b.buf = p
	b.count++
}

func nullableSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varlongSize(int64(len(b))) + len(b)
}

func appendNullable(p, b []byte) []byte {
	if b == nil {
		return append(p, 1) // -1
	}
	return append(binary.AppendVarint(p, int64(len(b))), b...)
}

// NumRecords is the number of records appended since Reset.
func (b *Builder) NumRecords() int { return int(b.count) }

// Size is the size in bytes that the batch would have without compression.
func (b *Builder) Size() int { return len(b.buf) }

// Build finishes the batch: base offset 0, leader epoch -1, base timestamp that of the first
// record. It aliases the builder's buffers until the next Reset. Errors, wrapped: ErrEmpty,
// ErrBuild, compress.ErrUnsupported.
func (b *Builder) Build() (Batch, error) {
	if b.err != nil {
		return nil, b.err
	}
	if b.count == 0 {
		return nil, ErrEmpty
	}
	out := b.buf
	if b.opts.Codec != compress.None {
		var err error
		b.out = append(b.out[:0], b.buf[:HeaderSize]...)
		b.out, err = b.codec.Compress(b.out, b.opts.Codec, b.opts.Level, b.buf[HeaderSize:])
		if err != nil {
			return nil, err
		}
		if len(b.out) > math.MaxInt32 {
			return nil, fmt.Errorf("%w: more than 2 GiB", ErrBuild)
		}
		out = b.out
	}
	b.header(out)
	return Batch(out[:len(out):len(out)]), nil
}

// header fills in the header of p, the whole batch, and seals it.
func (b *Builder) header(p []byte) {
	id, epoch, sequence := b.opts.ProducerID, b.opts.ProducerEpoch, b.opts.BaseSequence
	if !b.opts.HasProducer {
		id, epoch, sequence = kafka.NoProducerID, kafka.NoProducerEpoch, -1
	}
	binary.BigEndian.PutUint64(p[posBaseOffset:], 0)
	binary.BigEndian.PutUint32(p[posLength:], uint32(len(p)-LengthPrefix))
	binary.BigEndian.PutUint32(p[posLeaderEpoch:], math.MaxUint32) // kafka.NoLeaderEpoch
	p[posMagic] = Magic
	binary.BigEndian.PutUint16(p[posAttributes:], b.opts.attributes())
	binary.BigEndian.PutUint32(p[posLastOffsetDelta:], uint32(b.count-1))
	binary.BigEndian.PutUint64(p[posBaseTimestamp:], uint64(b.base))
	binary.BigEndian.PutUint64(p[posMaxTimestamp:], uint64(b.max))
	binary.BigEndian.PutUint64(p[posProducerID:], uint64(id))
	binary.BigEndian.PutUint16(p[posProducerEpoch:], uint16(epoch))
	binary.BigEndian.PutUint32(p[posBaseSequence:], uint32(sequence))
	binary.BigEndian.PutUint32(p[posNumRecords:], uint32(b.count))
	binary.BigEndian.PutUint32(p[posCRC:], crc32.Checksum(p[posAttributes:], castagnoli))
}

func (o *BuilderOptions) attributes() uint16 {
	a := uint16(o.Codec) & attrCodec
	if o.Transactional {
		a |= attrTransactional
	}
	if o.Control {
		a |= attrControl
	}
	return a
}
