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

// Layout of record batch v2 (SURFACE §8.2). All integers are big-endian. The CRC covers
// everything from posAttributes on, so base offset and leader epoch may be set without
// touching it.
const (
	posBaseOffset      = 0
	posLength          = 8 // bytes after this field
	posLeaderEpoch     = 12
	posMagic           = 16
	posCRC             = 17
	posAttributes      = 21
	posLastOffsetDelta = 23
	posBaseTimestamp   = 27
	posMaxTimestamp    = 35
	posProducerID      = 43
	posProducerEpoch   = 51
	posBaseSequence    = 53
	posNumRecords      = 57

	// HeaderSize is the size of a batch without records.
	HeaderSize = 61
	// LengthPrefix is what a reader needs to know a batch's whole size: base offset and length.
	LengthPrefix = 12
	// Magic is the only batch version written.
	Magic = 2
)

// Attribute bits.
const (
	attrCodec         = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
	attrDeleteHorizon = 0x40
)

var (
	// ErrShort is returned when the bytes end before the batch does.
	ErrShort = errors.New("batch is cut off")
	// ErrMagic is returned for a batch that is not of version 2.
	ErrMagic = errors.New("batch has an unsupported magic byte")
	// ErrSize is returned for a length field that cannot be true.
	ErrSize = errors.New("batch has an impossible length")
	// ErrHeader is returned for header fields that contradict each other.
	ErrHeader = errors.New("batch header contradicts itself")
	// ErrCRC is returned when the checksum does not match the content.
	ErrCRC = errors.New("batch checksum does not match")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is a view of exactly one record batch v2. It owns nothing: it aliases the bytes that it
// was made from. Its methods may be called once Next has accepted the bytes.
type Batch []byte

// Size reads the whole size of the batch that begins at prefix, which holds at least
// LengthPrefix bytes. Errors: ErrShort, ErrSize.
func Size(prefix []byte) (int, error) {
	if len(prefix) < LengthPrefix {
		return 0, ErrShort
	}
	n := int32(binary.BigEndian.Uint32(prefix[posLength:]))
	if n < HeaderSize-LengthPrefix || n > math.MaxInt32-LengthPrefix {
		return 0, fmt.Errorf("%w: %d", ErrSize, n)
	}
	return int(n) + LengthPrefix, nil
}

// Next splits the first batch off buf. It checks size and magic only; the checksum is VerifyCRC's
// and the records are a Validator's. Errors: ErrShort, ErrSize, ErrMagic.
func Next(buf []byte) (b Batch, rest []byte, err error) {
	if len(buf) > posMagic && buf[posMagic] != Magic {
		return nil, buf, fmt.Errorf("%w: %d", ErrMagic, int8(buf[posMagic]))
	}
	n, err := Size(buf)
	if err != nil {
		return nil, buf, err
	}
	if n > len(buf) {
		return nil, buf, ErrShort
	}
	return Batch(buf[:n:n]), buf[n:], nil
}

// BaseOffset is the offset of the first record.
func (b Batch) BaseOffset() int64 { return int64(binary.BigEndian.Uint64(b[posBaseOffset:])) }

// LastOffset is the offset of the last record (inclusive), also after compaction.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// NextOffset is the first offset after the batch.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// LeaderEpoch is the epoch of the leader that appended the batch.
func (b Batch) LeaderEpoch() kafka.LeaderEpoch {
	return kafka.LeaderEpoch(binary.BigEndian.Uint32(b[posLeaderEpoch:]))
}

// CRC is the checksum as stored.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[posCRC:]) }

// VerifyCRC reports whether the stored checksum matches the content.
func (b Batch) VerifyCRC() bool { return crc32.Checksum(b[posAttributes:], castagnoli) == b.CRC() }

func (b Batch) attributes() uint16 { return binary.BigEndian.Uint16(b[posAttributes:]) }

// Codec is the compression of the records.
func (b Batch) Codec() compress.Codec { return compress.Codec(b.attributes() & attrCodec) }

// LogAppendTime reports whether MaxTimestamp is the broker's time and stands for every record.
func (b Batch) LogAppendTime() bool { return b.attributes()&attrLogAppendTime != 0 }

// Transactional reports whether the records belong to a transaction.
func (b Batch) Transactional() bool { return b.attributes()&attrTransactional != 0 }

// Control reports whether the batch holds a control record, which clients skip.
func (b Batch) Control() bool { return b.attributes()&attrControl != 0 }

// HasDeleteHorizon reports whether BaseTimestamp is a delete horizon set by compaction.
func (b Batch) HasDeleteHorizon() bool { return b.attributes()&attrDeleteHorizon != 0 }

// LastOffsetDelta is LastOffset minus BaseOffset.
func (b Batch) LastOffsetDelta() int32 { return int32(binary.BigEndian.Uint32(b[posLastOffsetDelta:])) }

// BaseTimestamp is the first record's timestamp in milliseconds since 1970.
func (b Batch) BaseTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[posBaseTimestamp:])) }

// MaxTimestamp is the largest record timestamp, or the append time (LogAppendTime).
func (b Batch) MaxTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[posMaxTimestamp:])) }

// ProducerID is the idempotent producer's id or kafka.NoProducerID.
func (b Batch) ProducerID() kafka.ProducerID {
	return kafka.ProducerID(binary.BigEndian.Uint64(b[posProducerID:]))
}

// ProducerEpoch is the producer's epoch or kafka.NoProducerEpoch.
func (b Batch) ProducerEpoch() kafka.ProducerEpoch {
	return kafka.ProducerEpoch(binary.BigEndian.Uint16(b[posProducerEpoch:]))
}

// BaseSequence is the producer's sequence number of the first record or -1.
func (b Batch) BaseSequence() int32 { return int32(binary.BigEndian.Uint32(b[posBaseSequence:])) }

// LastSequence is the producer's sequence number of the last record or -1. Sequences wrap from
// 2^31-1 to 0 (SURFACE 49).
func (b Batch) LastSequence() int32 {
	base := b.BaseSequence()
	if base < 0 {
		return -1
	}
	return int32((uint32(base) + uint32(b.LastOffsetDelta())) & math.MaxInt32)
}

// NumRecords is the number of records in the batch; it may be 0 after compaction.
func (b Batch) NumRecords() int32 { return int32(binary.BigEndian.Uint32(b[posNumRecords:])) }

// Payload is the records as stored: compressed if Codec says so.
func (b Batch) Payload() []byte { return b[HeaderSize:] }

// Offset is the offset of a record of this batch.
func (b Batch) Offset(r Record) int64 { return b.BaseOffset() + int64(r.OffsetDelta) }

// Timestamp is the time of a record of this batch in milliseconds since 1970, or -1 for none: its
// own, or the batch's if LogAppendTime.
func (b Batch) Timestamp(r Record) int64 {
	if b.LogAppendTime() {
		return b.MaxTimestamp()
	}
	return b.BaseTimestamp() + r.TimestampDelta
}

// SetBaseOffset sets the offset of the first record. The checksum does not cover it.
func (b Batch) SetBaseOffset(o int64) { binary.BigEndian.PutUint64(b[posBaseOffset:], uint64(o)) }

// SetLeaderEpoch stamps the leader's epoch. The checksum does not cover it.
func (b Batch) SetLeaderEpoch(e kafka.LeaderEpoch) {
	binary.BigEndian.PutUint32(b[posLeaderEpoch:], uint32(e))
}

// SetLogAppendTime makes ms the time of every record (SURFACE 39) and renews the checksum. It does
// nothing if that is the batch's time already.
func (b Batch) SetLogAppendTime(ms int64) {
	if b.LogAppendTime() && b.MaxTimestamp() == ms {
		return
	}
	binary.BigEndian.PutUint16(b[posAttributes:], b.attributes()|attrLogAppendTime)
	binary.BigEndian.PutUint64(b[posMaxTimestamp:], uint64(ms))
	b.sealCRC()
}

// SetMaxTimestamp sets the largest timestamp of a batch whose records carry their own times and
// renews the checksum. It does nothing if the header says so already.
func (b Batch) SetMaxTimestamp(ms int64) {
	if b.MaxTimestamp() == ms {
		return
	}
	binary.BigEndian.PutUint64(b[posMaxTimestamp:], uint64(ms))
	b.sealCRC()
}

func (b Batch) sealCRC() {
	binary.BigEndian.PutUint32(b[posCRC:], crc32.Checksum(b[posAttributes:], castagnoli))
}
