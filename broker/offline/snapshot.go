package offline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
)

// Layout of a producer snapshot: see docs/format/log.md.
const (
	snapshotVersion    = 1
	snapshotHeaderSize = 10
	snapshotEntrySize  = 46
)

// Producer is an entry of a .snapshot file; -1 stands for none in every field.
type Producer struct {
	ID               int64
	Epoch            int16
	LastSequence     int32
	LastOffset       int64
	OffsetDelta      int32 // last minus first offset of the last batch
	Timestamp        int64
	CoordinatorEpoch int32
	TxnFirstOffset   int64
}

// FirstSequence is that of the last batch. Sequence numbers go on with 0 after the largest int32.
func (p Producer) FirstSequence() int32 {
	if p.LastSequence >= p.OffsetDelta {
		return p.LastSequence - p.OffsetDelta
	}
	return math.MaxInt32 - (p.OffsetDelta - p.LastSequence) + 1
}

// ReadSnapshot reads a .snapshot file.
func ReadSnapshot(path string) (list []Producer, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	const schema = "Snapshot failed schema validation: "
	if len(b) < 2 {
		return nil, errors.New(schema + "null") // as Java has no words for a file that ends too early
	}
	if v := int16(binary.BigEndian.Uint16(b)); v != snapshotVersion {
		return nil, fmt.Errorf(schema+"Snapshot contained an unknown file version %d", v)
	}
	if len(b) < snapshotHeaderSize {
		return nil, errors.New(schema + "null")
	}
	count, rest := int64(int32(binary.BigEndian.Uint32(b[6:]))), int64(len(b)-snapshotHeaderSize)
	switch {
	case count < 0:
		return nil, errors.New(schema + "non-nullable field producerEntries was serialized as null")
	case count > rest:
		return nil, fmt.Errorf(schema+"Tried to allocate a collection of size %d, but there are only %d bytes remaining.", count, rest)
	case count*snapshotEntrySize > rest:
		return nil, errors.New(schema + "null")
	}
	stored, computed := binary.BigEndian.Uint32(b[2:]), crc32.Checksum(b[6:], castagnoli)
	if stored != computed {
		return nil, fmt.Errorf("Snapshot is corrupt (CRC is no longer valid). Stored crc: %d. Computed crc: %d", stored, computed)
	}
	b = b[snapshotHeaderSize : snapshotHeaderSize+count*snapshotEntrySize]
	for ; len(b) > 0; b = b[snapshotEntrySize:] {
		u64 := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[i:])) }
		u32 := func(i int) int32 { return int32(binary.BigEndian.Uint32(b[i:])) }
		list = append(list, Producer{u64(0), int16(binary.BigEndian.Uint16(b[8:])), u32(10), u64(14), u32(22), u64(26), u32(34), u64(38)})
	}
	return list, nil
}
