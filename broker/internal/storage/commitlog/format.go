package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// The header of a file, big-endian, in a block of its own:
//
//	0  4 bytes  magic "TWCL"
//	4  uint16   version, 1
//	6  uint16   zero
//	8  uint64   generation of the file
//	16 uint64   length of the file
//	24 uint64   bytes used in the file of the generation before, 0 unknown
//	32 16 bytes directory id
//	48 12 bytes zero
//	60 uint32   CRC-32C of bytes 0 to 59
//	64 …        zero
//
// An entry:
//
//	0  uint32   CRC-32C of everything after it, payload included
//	4  uint8    kind
//	5  uint8    flags: bit 0 last of its write
//	6  uint16   zero
//	8  uint64   generation of the file
//	16 16 bytes topic id
//	32 int32    partition
//	36 int32    leader epoch
//	40 int64    base offset
//	48 int64    next offset
//	56 uint32   payload length
//	60 uint32   zero
//	64 …        payload
const (
	magic   = "TWCL"
	version = 1

	// BlockSize is what writes begin at a multiple of, and the size of a file's header.
	BlockSize = 4096
	// EntryHeader is the size of an entry without payload.
	EntryHeader = 64

	headerSize = 64
	flagLast   = 1
	// minPayload is the smallest batch.
	minPayload = 61
)

// ErrVersion is returned for a file of a version that this one does not know (S-01).
var ErrVersion = errors.New("commit log of an unknown version")

// Kind is what an entry tells.
type Kind uint8

const (
	// Append is record batches, in the payload, that continue the log at Base and end at Next.
	Append Kind = 1 + iota
	// Truncate says that the log ends at Base.
	Truncate
	// Start says that the log starts at Base.
	Start
	// Delete says that the log is gone.
	Delete
	// Reset says that the log is empty and begins at Base.
	Reset
)

// Log is the identity of a log: its topic's id and its partition.
type Log struct {
	Topic     kafka.TopicID
	Partition int32
}

// Entry is an entry without its payload.
type Entry struct {
	Kind Kind
	Log  Log
	// Epoch is the log's latest leader epoch, -1 none.
	Epoch kafka.LeaderEpoch
	// Base is, for Append, the log end before it (below the first batch if the log has gaps); see Kind.
	Base int64
	// Next is the log end after an Append, and Base for the others.
	Next int64
}

// header is the header of a file.
type header struct {
	generation  uint64
	length      int64
	previousEnd int64
	directory   kafka.UUID
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// put encodes h into a whole block.
func (h *header) put(b []byte) {
	clear(b[:BlockSize])
	copy(b, magic)
	binary.BigEndian.PutUint16(b[4:], version)
	binary.BigEndian.PutUint64(b[8:], h.generation)
	binary.BigEndian.PutUint64(b[16:], uint64(h.length))
	binary.BigEndian.PutUint64(b[24:], uint64(h.previousEnd))
	copy(b[32:], h.directory[:])
	binary.BigEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
}

// parseHeader reads a header. ok is false if it is torn or none. Error: ErrVersion.
func parseHeader(b []byte) (h header, ok bool, err error) {
	if len(b) < headerSize || string(b[:4]) != magic || crc32.Checksum(b[:60], castagnoli) != binary.BigEndian.Uint32(b[60:]) {
		return h, false, nil
	}
	if v := binary.BigEndian.Uint16(b[4:]); v != version {
		return h, false, fmt.Errorf("%w: %d", ErrVersion, v)
	}
	h.generation = binary.BigEndian.Uint64(b[8:])
	h.length = int64(binary.BigEndian.Uint64(b[16:]))
	h.previousEnd = int64(binary.BigEndian.Uint64(b[24:]))
	copy(h.directory[:], b[32:])
	return h, h.generation > 0 && h.length >= 2*BlockSize && h.previousEnd >= 0, nil
}

// put encodes the header of an entry, but for generation, flags and checksum, which sealing adds.
func (e *Entry) put(b []byte, payload int) {
	clear(b[:EntryHeader])
	b[4] = byte(e.Kind)
	copy(b[16:], e.Log.Topic[:])
	binary.BigEndian.PutUint32(b[32:], uint32(e.Log.Partition))
	binary.BigEndian.PutUint32(b[36:], uint32(e.Epoch))
	binary.BigEndian.PutUint64(b[40:], uint64(e.Base))
	binary.BigEndian.PutUint64(b[48:], uint64(e.Next))
	binary.BigEndian.PutUint32(b[56:], uint32(payload))
}

// seal completes an entry, b with its payload.
func seal(b []byte, generation uint64, last bool) {
	if last {
		b[5] = flagLast
	}
	binary.BigEndian.PutUint64(b[8:], generation)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
}

// payloadSize is the length of the payload that an entry's header tells.
func payloadSize(b []byte) int64 { return int64(binary.BigEndian.Uint32(b[56:])) }

// parseEntry reads an entry with its payload, all of b. ok is false if it is none of this
// generation.
func parseEntry(b []byte, generation uint64) (e Entry, last, ok bool) {
	if !plausible(b, generation) || crc32.Checksum(b[4:], castagnoli) != binary.BigEndian.Uint32(b) && !plantedTornEntry {
		return e, false, false
	}
	e.Kind = Kind(b[4])
	copy(e.Log.Topic[:], b[16:])
	e.Log.Partition = int32(binary.BigEndian.Uint32(b[32:]))
	e.Epoch = kafka.LeaderEpoch(binary.BigEndian.Uint32(b[36:]))
	e.Base = int64(binary.BigEndian.Uint64(b[40:]))
	e.Next = int64(binary.BigEndian.Uint64(b[48:]))
	if e.Log.Partition < 0 || e.Base < 0 || (e.Kind == Append) != (e.Next > e.Base) {
		return e, false, false
	}
	return e, b[5]&flagLast != 0, true
}

// plausible looks at the fields of an entry's header that decide how much of it is read.
func plausible(b []byte, generation uint64) bool {
	kind, n := Kind(b[4]), payloadSize(b)
	return kind >= Append && kind <= Reset && b[5]&^flagLast == 0 && b[6] == 0 && b[7] == 0 &&
		(binary.BigEndian.Uint64(b[8:]) == generation || plantedAnyGeneration) && binary.BigEndian.Uint32(b[60:]) == 0 &&
		(kind == Append && n >= minPayload || kind != Append && n == 0)
}
