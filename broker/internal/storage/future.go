package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"regexp"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

const (
	futureSuffix  = "-future" // of directories, Kafka's name
	futureFile    = ".thalweg-future"
	futureMagic   = "TWFU"
	futureVersion = 1
	futureSize    = 68 // without the topic's name
)

// futureDir is what the directory of a copy is called.
var futureDir = regexp.MustCompile(`^.+\.[0-9a-f]{32}` + futureSuffix + `$`)

// future is what a copy of a log, on its way from another data directory, says of itself. It is complete when it has all that
// the log has, durably; until then it counts for nothing.
//
// Its file, big-endian:
//
//	0   4 bytes   magic "TWFU"
//	4   uint16    version, 1
//	6   uint16    length of the file
//	8   16 bytes  topic id
//	24  int32     partition
//	28  uint8     1: complete
//	29  3 bytes   zero
//	32  int64     log start offset, of a complete one
//	40  int64     log end offset, of a complete one
//	48  int64     high watermark, of a complete one
//	56  int64     where its next cleaning begins, -1 if it was never compacted, of a complete one
//	64  …         name of the topic
//	…   uint32    CRC-32C of all bytes before
type future struct {
	tip             kafka.TopicIDPartition
	complete        bool
	start, end, hwm int64
	cleaned         int64
}

func (f *future) encode() []byte {
	b := append(make([]byte, 0, futureSize+len(f.tip.Topic)), futureMagic...)
	b = binary.BigEndian.AppendUint16(b, futureVersion)
	b = binary.BigEndian.AppendUint16(b, uint16(futureSize+len(f.tip.Topic)))
	b = append(b, f.tip.ID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(f.tip.Partition))
	complete := byte(0)
	if f.complete {
		complete = 1
	}
	b = append(b, complete, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(f.start))
	b = binary.BigEndian.AppendUint64(b, uint64(f.end))
	b = binary.BigEndian.AppendUint64(b, uint64(f.hwm))
	b = binary.BigEndian.AppendUint64(b, uint64(f.cleaned))
	b = append(b, f.tip.Topic...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// errFuture is returned for a file that is not ours or of another version (S-01).
var errFuture = errors.New("file of a copied log is not usable")

func parseFuture(b []byte) (f future, err error) {
	n := len(b)
	switch {
	case n < futureSize || string(b[:4]) != futureMagic:
		return f, fmt.Errorf("%w: %d bytes", errFuture, n)
	case binary.BigEndian.Uint16(b[4:]) != futureVersion || int(binary.BigEndian.Uint16(b[6:])) != n:
		return f, fmt.Errorf("%w: version %d, length %d", errFuture, binary.BigEndian.Uint16(b[4:]), n)
	case crc32.Checksum(b[:n-4], castagnoli) != binary.BigEndian.Uint32(b[n-4:]):
		return f, fmt.Errorf("%w: checksum", errFuture)
	}
	copy(f.tip.ID[:], b[8:])
	f.tip.Partition, f.complete = int32(binary.BigEndian.Uint32(b[24:])), b[28] == 1
	f.start, f.end, f.hwm = int64(binary.BigEndian.Uint64(b[32:])), int64(binary.BigEndian.Uint64(b[40:])), int64(binary.BigEndian.Uint64(b[48:]))
	f.cleaned = int64(binary.BigEndian.Uint64(b[56:]))
	f.tip.Topic = string(b[64 : n-4])
	if err := kafka.CheckTopicName(f.tip.Topic); err != nil {
		return f, fmt.Errorf("%w: %w", errFuture, err)
	}
	if f.tip.Partition < 0 || f.tip.ID.IsZero() || f.start < 0 || f.end < f.start {
		return f, fmt.Errorf("%w: %v from %d to %d", errFuture, f.tip, f.start, f.end)
	}
	return f, nil
}

// readFuture reads what a directory of a copy says of itself; errFuture for one of Kafka's, which says nothing, or a damaged
// one.
func (d *Dir) readFuture(name string) (future, error) {
	content, err := readFile(d.disk.fs, d.path+"/"+name+"/"+futureFile)
	if errors.Is(err, fs.ErrNotExist) {
		return future{}, fmt.Errorf("%w: %w", errFuture, err)
	}
	if err != nil {
		return future{}, err
	}
	return parseFuture(content)
}
