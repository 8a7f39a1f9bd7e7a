package storage

import (
	"encoding/binary"
	"slices"
	"sort"
)

// Entry sizes on disk (SURFACE §8.3).
const (
	offsetEntrySize = 8
	timeEntrySize   = 12
)

// offsetEntry says that the batch at file position pos ends with offset base+rel.
type offsetEntry struct{ rel, pos uint32 }

// timeEntry says that ts was the largest timestamp so far when the batch that ends with offset
// base+rel was the first to carry it.
type timeEntry struct {
	ts  int64
	rel uint32
}

// noTime is the maximum over no batches, or over batches without timestamps.
var noTime = timeEntry{ts: -1}

// index is the sparse index of one segment in memory, flat and without pointers. It is a pure
// function of the segment's batches and the interval, which is what makes the files caches (S-07).
type index struct {
	offsets []offsetEntry
	times   []timeEntry
	max     timeEntry // over all batches seen
}

func newIndex() index { return index{max: noTime} }

// add takes the next batch: it begins at position pos, ends with offset base+rel, and its largest
// timestamp is ts. An entry is made when more than interval bytes lie between pos and the last
// entry (or the beginning). Adding the batch of the last entry again changes nothing.
func (x *index) add(pos int64, rel uint32, ts int64, interval int32) {
	if ts > x.max.ts {
		x.max = timeEntry{ts, rel}
	}
	last := int64(0)
	if n := len(x.offsets); n > 0 {
		last = int64(x.offsets[n-1].pos)
	}
	if pos <= last || pos-last <= int64(interval) {
		return
	}
	x.offsets = append(x.offsets, offsetEntry{rel, uint32(pos)})
	if x.max.ts > x.lastTime().ts {
		x.times = append(x.times, x.max)
	}
}

func (x *index) lastTime() timeEntry {
	if n := len(x.times); n > 0 {
		return x.times[n-1]
	}
	return noTime
}

// full reports whether another entry could make a file exceed max bytes. The time index keeps
// room for the entry that sealing adds.
func (x *index) full(max int32) bool {
	return len(x.offsets) >= int(max)/offsetEntrySize || len(x.times) >= int(max)/timeEntrySize-1
}

// keepBelow drops what was made of batches that end at or above base+rel. It leaves max to the
// caller, who has to look at the batches after the last entry.
//
// A time entry was made together with the first offset entry at or after it, so it goes when that
// one goes; this also drops the entry that sealing added.
func (x *index) keepBelow(rel uint32) {
	n := sort.Search(len(x.offsets), func(i int) bool { return x.offsets[i].rel >= rel })
	x.offsets = x.offsets[:n]
	t := 0
	if n > 0 {
		last := x.offsets[n-1].rel
		t = sort.Search(len(x.times), func(i int) bool { return x.times[i].rel > last })
	}
	x.times = x.times[:t]
	x.max = x.lastTime()
}

// floorEnd is the position of the last indexed batch that begins at or below pos and ends below
// base+rel, else 0.
func (x *index) floorEnd(pos int64, rel uint32) int64 {
	n := sort.Search(len(x.offsets), func(i int) bool {
		return int64(x.offsets[i].pos) > pos || x.offsets[i].rel >= rel
	})
	if n == 0 {
		return 0
	}
	return int64(x.offsets[n-1].pos)
}

// floorTime is the last entry with a timestamp at or below ts, else noTime.
func (x *index) floorTime(ts int64) timeEntry {
	n := sort.Search(len(x.times), func(i int) bool { return x.times[i].ts > ts })
	if n == 0 {
		return noTime
	}
	return x.times[n-1]
}

// clone copies what add changes in place.
func (x index) clone() index {
	return index{offsets: slices.Clone(x.offsets), times: slices.Clone(x.times), max: x.max}
}

// appendOffsets encodes the offset index as it is on disk.
func (x *index) appendOffsets(dst []byte) []byte {
	for _, e := range x.offsets {
		dst = binary.BigEndian.AppendUint32(dst, e.rel)
		dst = binary.BigEndian.AppendUint32(dst, e.pos)
	}
	return dst
}

// appendTimes encodes the time index; sealed adds the final entry, the segment's maximum.
func (x *index) appendTimes(dst []byte, sealed bool) []byte {
	for _, e := range x.times {
		dst = e.append(dst)
	}
	if sealed && x.max.ts > x.lastTime().ts {
		dst = x.max.append(dst)
	}
	return dst
}

func (e timeEntry) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.ts))
	return binary.BigEndian.AppendUint32(dst, e.rel)
}

func parseOffsetEntry(b []byte) offsetEntry {
	return offsetEntry{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

func parseTimeEntry(b []byte) timeEntry {
	return timeEntry{int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])}
}

// parseIndex reads both files of a segment of size bytes. ok is false if either could not have
// been written by anybody in his senses: odd length, entries that do not grow, positions outside
// the segment. Zero entries at the end, as preallocation leaves them, are cut off.
func parseIndex(offsets, times []byte, size int64) (x index, ok bool) {
	x = newIndex()
	if len(offsets)%offsetEntrySize != 0 || len(times)%timeEntrySize != 0 {
		return x, false
	}
	prev := offsetEntry{}
	for ; len(offsets) > 0; offsets = offsets[offsetEntrySize:] {
		e := parseOffsetEntry(offsets)
		if e == (offsetEntry{}) {
			break
		}
		if e.pos <= prev.pos || e.rel <= prev.rel && len(x.offsets) > 0 || int64(e.pos) >= size || int32(e.rel) < 0 {
			return newIndex(), false
		}
		x.offsets, prev = append(x.offsets, e), e
	}
	for ; len(times) > 0; times = times[timeEntrySize:] {
		e, last := parseTimeEntry(times), x.lastTime()
		if e == (timeEntry{}) && len(x.times) > 0 {
			break
		}
		if e.ts <= last.ts || e.rel < last.rel || int32(e.rel) < 0 {
			return newIndex(), false
		}
		x.times = append(x.times, e)
	}
	x.max = x.lastTime()
	return x, true
}
