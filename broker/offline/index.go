package offline

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Suffixes of the files of a partition.
const (
	LogSuffix        = ".log"
	IndexSuffix      = ".index"
	TimeIndexSuffix  = ".timeindex"
	TxnIndexSuffix   = ".txnindex"
	SnapshotSuffix   = ".snapshot"
	CheckpointSuffix = ".checkpoint"
)

// Sizes of entries on disk (docs/format/log.md).
const (
	offsetEntrySize = 8
	timeEntrySize   = 12
	txnEntrySize    = 34
)

// BaseOffset is the offset in the name of a file of a partition.
func BaseOffset(path string) (int64, error) {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	n, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: the name is not that of an offset", path)
	}
	return n, nil
}

// Sibling is the file of the same segment with another suffix.
func Sibling(path, suffix string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return filepath.Join(filepath.Dir(path), name+suffix)
}

// OffsetEntry says that the batch at a position ends with an offset.
type OffsetEntry struct{ Offset, Position int64 }

// OffsetIndex is an .index file. What stands in it may be wrong.
type OffsetIndex struct {
	Base    int64
	Entries []OffsetEntry // of a file that was not closed, zeroes at the end included
	size    int64
	path    string
}

// ReadOffsetIndex reads an .index file.
func ReadOffsetIndex(path string) (*OffsetIndex, error) {
	base, b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	x := &OffsetIndex{Base: base, size: int64(len(b)), path: path}
	for ; len(b) >= offsetEntrySize; b = b[offsetEntrySize:] {
		x.Entries = append(x.Entries, OffsetEntry{base + int64(int32(binary.BigEndian.Uint32(b))), int64(int32(binary.BigEndian.Uint32(b[4:])))})
	}
	return x, nil
}

func readFile(path string) (base int64, b []byte, err error) {
	if base, err = BaseOffset(path); err != nil {
		return 0, nil, err
	}
	b, err = os.ReadFile(path)
	return base, b, err
}

// Used are the entries before the zeroes that fill up a file which was not closed.
func (x *OffsetIndex) Used() []OffsetEntry {
	for i, e := range x.Entries {
		if e.Offset == x.Base && i > 0 {
			return x.Entries[:i]
		}
	}
	return x.Entries
}

// Check is what a broker looks at when it decides whether to build the index anew.
func (x *OffsetIndex) Check() error {
	if n := len(x.Entries); n > 0 && x.Entries[n-1].Offset < x.Base {
		return fmt.Errorf("Corrupt index found, index file (%s) has non-zero size but the last offset is %d which is less than the base offset %d.", x.path, x.Entries[n-1].Offset, x.Base)
	}
	if x.size%offsetEntrySize != 0 {
		return fmt.Errorf("Index file %s is corrupt, found %d bytes which is neither positive nor a multiple of %d.", x.path, x.size, offsetEntrySize)
	}
	return nil
}

// warmEntries are those at the end of an index that Kafka's search looks at first.
const warmEntries = 8192 / offsetEntrySize

// Position is where to look for an offset: the place of the last entry at or below it, else 0. The search goes the way of Kafka's, so
// that it finds the same where the entries are not in order.
func (x *OffsetIndex) Position(offset int64) int64 {
	list := x.Entries
	if len(list) == 0 {
		return 0
	}
	search := func(low, high int) int64 {
		for low < high {
			middle := (low + high + 1) / 2
			switch found := list[middle].Offset; {
			case found > offset:
				high = middle - 1
			case found < offset:
				low = middle
			default:
				return list[middle].Position
			}
		}
		return list[low].Position
	}
	warm := max(0, len(list)-1-warmEntries)
	switch {
	case list[warm].Offset < offset:
		return search(warm, len(list)-1)
	case list[0].Offset > offset:
		return 0
	}
	return search(0, warm)
}

// TimeEntry says that no batch up to the one that ends with an offset has a larger timestamp.
type TimeEntry struct{ Timestamp, Offset int64 }

// TimeIndex is a .timeindex file.
type TimeIndex struct {
	Base    int64
	Entries []TimeEntry
	size    int64
	path    string
}

// ReadTimeIndex reads a .timeindex file.
func ReadTimeIndex(path string) (*TimeIndex, error) {
	base, b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	x := &TimeIndex{Base: base, size: int64(len(b)), path: path}
	for ; len(b) >= timeEntrySize; b = b[timeEntrySize:] {
		x.Entries = append(x.Entries, TimeEntry{int64(binary.BigEndian.Uint64(b)), base + int64(int32(binary.BigEndian.Uint32(b[8:])))})
	}
	return x, nil
}

// Used are the entries before the zeroes that fill up a file which was not closed.
func (x *TimeIndex) Used() []TimeEntry {
	for i, e := range x.Entries {
		if e.Offset == x.Base && i > 0 {
			return x.Entries[:i]
		}
	}
	return x.Entries
}

// Check is what a broker looks at when it decides whether to build the index anew.
func (x *TimeIndex) Check() error {
	if n := len(x.Entries); n > 0 {
		first, last := x.Entries[0], x.Entries[n-1]
		if last.Timestamp < first.Timestamp {
			return fmt.Errorf("Corrupt time index found, time index file (%s) has non-zero size but the last timestamp is %d which is less than the first timestamp %d", x.path, last.Timestamp, first.Timestamp)
		}
		if last.Offset < x.Base {
			return fmt.Errorf("Corrupt time index found, time index file (%s) has non-zero size but the last offset is %d which is less than the first offset %d", x.path, last.Offset, x.Base)
		}
	}
	if x.size%timeEntrySize != 0 {
		return fmt.Errorf("Time index file %s is corrupt, found %d bytes which is neither positive nor a multiple of %d.", x.path, x.size, timeEntrySize)
	}
	return nil
}

// AbortedTxn is an entry of a .txnindex file.
type AbortedTxn struct {
	Version                                         int16
	ProducerID, FirstOffset, LastOffset, LastStable int64
}

// ReadTxnIndex reads a .txnindex file. An entry that is cut off is an error after the ones before it.
func ReadTxnIndex(path string) (list []AbortedTxn, err error) {
	_, b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	for ; len(b) >= txnEntrySize; b = b[txnEntrySize:] {
		u64 := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[i:])) }
		list = append(list, AbortedTxn{int16(binary.BigEndian.Uint16(b)), u64(2), u64(10), u64(18), u64(26)})
	}
	if len(b) > 0 {
		err = fmt.Errorf("%s: %d bytes after the last entry", path, len(b))
	}
	return list, err
}
