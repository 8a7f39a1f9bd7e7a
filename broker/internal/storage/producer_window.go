package storage

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// The window file of a producer snapshot, big-endian. A snapshot in Kafka's format has only the last
// batch of each producer; this file beside it has the ones before, so that a repetition of any of the five
// is still found after a restart (T-02). It is a cache: without it the segment below the snapshot is read.
//
//	0  4 bytes  magic "TWPW"
//	4  uint16   version, 1
//	6  uint16   0
//	8  uint32   length of the body: everything from byte 24 to the last four
//	12 int64    the offset of the snapshot
//	20 uint32   the checksum in the snapshot, so that it belongs to no other one of that name
//
// then for every producer of whom the snapshot does not say all, in order of the ids
//
//	0  int64    producer id
//	8  int16    producer epoch
//	10 uint16   number of batches, 1 to 5
//
// and for each of its batches, oldest first, the last one included
//
//	0  int64    last offset
//	8  int64    largest timestamp
//	16 int32    last sequence number
//	20 int32    last minus first offset
//
// and at the end the CRC-32C of everything before.
const (
	windowMagic      = "TWPW"
	windowVersion    = 1
	windowHeaderSize = 24
	windowEntrySize  = 12
	windowBatchSize  = 24
)

// extWindow ends the name of a window file, which is ".thalweg-", the 20 digits of its snapshot and this.
const extWindow = ".window"

// errWindows is returned for a window file that cannot be used.
var errWindows = errors.New("producer windows are not usable")

func windowName(dir string, offset int64) string {
	return fmt.Sprintf("%s/.thalweg-%020d%s", dir, offset, extWindow)
}

// parseWindowName reads the offset of a window file's name.
func parseWindowName(name string) (offset int64, ok bool) {
	rest, ok := strings.CutPrefix(name, ".thalweg-")
	if !ok {
		return 0, false
	}
	return parseSegmentName(rest, extWindow)
}

// encodeWindows writes what snapshot, the encoded snapshot at offset of the same state, does not
// say; nil if it says all.
func (p *producers) encodeWindows(offset int64, snapshot []byte) []byte {
	var tell []int32
	for i := range p.list {
		if e := &p.list[i]; e.batches > 1 || e.batches == 1 && e.batch.timestamp != e.timestamp {
			tell = append(tell, int32(i))
		}
	}
	if tell == nil {
		return nil
	}
	slices.SortFunc(tell, func(a, b int32) int { return cmp.Compare(p.list[a].id, p.list[b].id) })
	dst := make([]byte, windowHeaderSize, windowHeaderSize+len(tell)*(windowEntrySize+2*windowBatchSize)+4)
	copy(dst, windowMagic)
	binary.BigEndian.PutUint16(dst[4:], windowVersion)
	binary.BigEndian.PutUint64(dst[12:], uint64(offset))
	copy(dst[20:24], snapshot[2:6])
	for _, i := range tell {
		dst = p.appendWindow(dst, &p.list[i])
	}
	binary.BigEndian.PutUint32(dst[8:], uint32(len(dst)-windowHeaderSize))
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst, castagnoli))
}

func (p *producers) appendWindow(dst []byte, e *producer) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.id))
	dst = binary.BigEndian.AppendUint16(dst, uint16(e.epoch))
	var batches [windowBatches]seqBatch
	n := p.remembered(e, &batches)
	dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	for _, s := range batches[:n] {
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.last))
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.timestamp))
		dst = binary.BigEndian.AppendUint32(dst, uint32(s.seq))
		dst = binary.BigEndian.AppendUint32(dst, uint32(s.delta))
	}
	return dst
}

// addWindows takes the window file b of the snapshot at offset, from which the state comes. Error:
// errWindows, with the state unchanged.
func (p *producers) addWindows(b []byte, offset int64, snapshot []byte) error {
	switch {
	case len(b) < windowHeaderSize+4 || string(b[:4]) != windowMagic || binary.BigEndian.Uint32(b[4:]) != windowVersion<<16:
		return fmt.Errorf("%w: %d bytes, or not of version %d", errWindows, len(b), windowVersion)
	case crc32.Checksum(b[:len(b)-4], castagnoli) != binary.BigEndian.Uint32(b[len(b)-4:]):
		return fmt.Errorf("%w: checksum", errWindows)
	case int64(binary.BigEndian.Uint32(b[8:])) != int64(len(b)-windowHeaderSize-4):
		return fmt.Errorf("%w: length", errWindows)
	case int64(binary.BigEndian.Uint64(b[12:])) != offset || string(b[20:24]) != string(snapshot[2:6]):
		return fmt.Errorf("%w: of another snapshot", errWindows)
	}
	var found producers
	for rest := b[windowHeaderSize : len(b)-4]; len(rest) > 0; {
		n, err := found.addWindow(rest)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	p.adopt(&found)
	return nil
}

// addWindow takes one producer of a window file and returns the length of its entry.
func (p *producers) addWindow(b []byte) (int, error) {
	if len(b) < windowEntrySize {
		return 0, fmt.Errorf("%w: cut off", errWindows)
	}
	id, n := kafka.ProducerID(binary.BigEndian.Uint64(b)), int(binary.BigEndian.Uint16(b[10:]))
	size := windowEntrySize + n*windowBatchSize
	if id < 0 || n < 1 || n > windowBatches || len(b) < size || p.find(id) != nil {
		return 0, fmt.Errorf("%w: producer %d has %d batches", errWindows, id, n)
	}
	e := p.entry(id)
	e.epoch = kafka.ProducerEpoch(binary.BigEndian.Uint16(b[8:]))
	for at := windowEntrySize; at < size; at += windowBatchSize {
		s := seqBatch{
			last: int64(binary.BigEndian.Uint64(b[at:])), timestamp: int64(binary.BigEndian.Uint64(b[at+8:])),
			seq: int32(binary.BigEndian.Uint32(b[at+16:])), delta: int32(binary.BigEndian.Uint32(b[at+20:])),
		}
		if s.delta < 0 || s.last < int64(s.delta) || at > windowEntrySize && s.last <= e.batch.last {
			return 0, fmt.Errorf("%w: batches of producer %d", errWindows, id)
		}
		p.push(e, s)
	}
	return size, nil
}

// adopt takes from the other state, which may know of fewer producers and of less about them, the
// batches of every producer whose last batch is the same.
func (p *producers) adopt(other *producers) {
	for i := range p.list {
		e := &p.list[i]
		o := other.find(e.id)
		if o == nil || e.batches != 1 || o.batches == 0 || o.epoch != e.epoch ||
			o.batch.last != e.batch.last || o.batch.seq != e.batch.seq || o.batch.delta != e.batch.delta {
			continue
		}
		var batches [windowBatches]seqBatch
		e.batches = 0
		for _, s := range batches[:other.remembered(o, &batches)] {
			p.push(e, s)
		}
	}
}

// partial says whether there is a producer with more batches in its epoch than are remembered, and
// with fewer than could be.
func (p *producers) partial() bool {
	var batches [windowBatches]seqBatch
	for i := range p.list {
		e := &p.list[i]
		if n := p.remembered(e, &batches); n > 0 && n < windowBatches && batches[0].firstSeq() != 0 {
			return true
		}
	}
	return false
}

// remembered writes the batches that are remembered of e, oldest first, and returns how many.
func (p *producers) remembered(e *producer, to *[windowBatches]seqBatch) int {
	n := int(e.batches)
	if n == 0 {
		return 0
	}
	to[n-1] = e.batch
	for i := 1; i < n; i++ {
		w := &p.windows[e.window-1]
		to[n-1-i] = w.ring[(int(w.next)+len(w.ring)-i)%len(w.ring)]
	}
	return n
}
