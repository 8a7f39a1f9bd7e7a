package storage

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// A producer snapshot in Kafka's format, big-endian (SURFACE §8.4):
//
//	0  int16   version, 1
//	2  uint32  CRC-32C of everything from byte 6 on
//	6  int32   number of entries
//
// and for every producer, 46 bytes:
//
//	0  int64   producer id
//	8  int16   producer epoch
//	10 int32   last sequence number, -1 none
//	14 int64   last offset of the last data batch, -1 none
//	22 int32   last minus first offset of that batch
//	26 int64   timestamp of the last batch or marker
//	34 int32   coordinator epoch, -1 none
//	38 int64   first offset of the open transaction, -1 none
const (
	snapshotVersion    = 1
	snapshotHeaderSize = 10
	snapshotEntrySize  = 46
)

// errSnapshot is returned for a snapshot that cannot be used. It is a cache: an older one or the
// batches tell the same.
var errSnapshot = errors.New("producer snapshot is not usable")

// encode writes a snapshot, in order of the ids, so that equal states are equal bytes.
func (p *producers) encode() []byte {
	order := make([]int32, len(p.list))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(p.list[a].id, p.list[b].id) })
	dst := make([]byte, 6, snapshotHeaderSize+len(order)*snapshotEntrySize)
	binary.BigEndian.PutUint16(dst, snapshotVersion)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(order)))
	for _, i := range order {
		dst = p.list[i].appendTo(dst)
	}
	binary.BigEndian.PutUint32(dst[2:], crc32.Checksum(dst[6:], castagnoli))
	return dst
}

func (e *producer) appendTo(dst []byte) []byte {
	last := seqBatch{last: -1, seq: -1}
	if e.batches > 0 {
		last = e.batch
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.id))
	dst = binary.BigEndian.AppendUint16(dst, uint16(e.epoch))
	dst = binary.BigEndian.AppendUint32(dst, uint32(last.seq))
	dst = binary.BigEndian.AppendUint64(dst, uint64(last.last))
	dst = binary.BigEndian.AppendUint32(dst, uint32(last.delta))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.timestamp))
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.coordinator))
	return binary.BigEndian.AppendUint64(dst, uint64(e.txnFirst))
}

// parseSnapshot reads a snapshot of the batches below offset. Only the last batch of each producer
// is in it. Error: errSnapshot.
func parseSnapshot(b []byte, offset int64) (p producers, err error) {
	if len(b) < snapshotHeaderSize || binary.BigEndian.Uint16(b) != snapshotVersion {
		return p, fmt.Errorf("%w: %d bytes, or not of version %d", errSnapshot, len(b), snapshotVersion)
	}
	if crc32.Checksum(b[6:], castagnoli) != binary.BigEndian.Uint32(b[2:]) {
		return p, fmt.Errorf("%w: checksum", errSnapshot)
	}
	n, rest := int32(binary.BigEndian.Uint32(b[6:])), b[snapshotHeaderSize:]
	if n < 0 || int64(n)*snapshotEntrySize != int64(len(rest)) {
		return p, fmt.Errorf("%w: %d entries in %d bytes", errSnapshot, n, len(rest))
	}
	if n > 0 {
		p.index = make(map[kafka.ProducerID]int32, n)
		p.list = make([]producer, 0, n)
	}
	for ; len(rest) > 0; rest = rest[snapshotEntrySize:] {
		e := parseProducer(rest)
		if _, twice := p.index[e.id]; twice || e.id < 0 || e.epoch < -1 || e.batch.delta < 0 || e.batch.last >= offset || e.txnFirst >= offset {
			return producers{}, fmt.Errorf("%w: entry of producer %d", errSnapshot, e.id)
		}
		p.index[e.id] = int32(len(p.list))
		p.list = append(p.list, e)
	}
	return p, nil
}

func parseProducer(b []byte) producer {
	u64 := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[i:])) }
	u32 := func(i int) int32 { return int32(binary.BigEndian.Uint32(b[i:])) }
	e := producer{
		id: kafka.ProducerID(u64(0)), epoch: kafka.ProducerEpoch(binary.BigEndian.Uint16(b[8:])),
		timestamp: u64(26), coordinator: u32(34), txnFirst: max(u64(38), -1),
	}
	if last := u64(14); last >= 0 {
		e.batch = seqBatch{last: last, timestamp: e.timestamp, seq: u32(10), delta: u32(22)}
		e.batches = 1
	}
	return e
}
