package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"sync"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// AbortedTxn is a transaction that was aborted, as the transaction index of the segment with its marker has it.
type AbortedTxn struct {
	ProducerID kafka.ProducerID
	// FirstOffset is that of the transaction's first record in this partition, LastOffset that of its marker.
	FirstOffset, LastOffset int64
	// LastStableOffset is where it was when the marker had been appended: the first offset of the oldest transaction that was
	// open then, or the one after the marker. It does not fall from one entry to the next.
	LastStableOffset int64
}

// txnEntrySize is the size of an entry of Kafka's .txnindex: version 0, and the four numbers.
const txnEntrySize = 34

func (a *AbortedTxn) appendTo(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.ProducerID))
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.FirstOffset))
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.LastOffset))
	return binary.BigEndian.AppendUint64(dst, uint64(a.LastStableOffset))
}

// errTxnIndex is returned for a transaction index that cannot be one.
var errTxnIndex = errors.New("not a transaction index of version 0")

func parseAborted(b []byte) (AbortedTxn, error) {
	a := AbortedTxn{
		ProducerID:  kafka.ProducerID(binary.BigEndian.Uint64(b[2:])),
		FirstOffset: int64(binary.BigEndian.Uint64(b[10:])), LastOffset: int64(binary.BigEndian.Uint64(b[18:])),
		LastStableOffset: int64(binary.BigEndian.Uint64(b[26:])),
	}
	if v := binary.BigEndian.Uint16(b); v != 0 || a.FirstOffset < 0 || a.LastOffset < a.FirstOffset {
		return a, fmt.Errorf("%w: version %d, offsets %d to %d", errTxnIndex, v, a.FirstOffset, a.LastOffset)
	}
	return a, nil
}

// parseTxnIndex reads a whole file.
func parseTxnIndex(content []byte) ([]AbortedTxn, error) {
	if len(content)%txnEntrySize != 0 {
		return nil, fmt.Errorf("%w: %d bytes", errTxnIndex, len(content))
	}
	var out []AbortedTxn
	for ; len(content) > 0; content = content[txnEntrySize:] {
		a, err := parseAborted(content[:txnEntrySize])
		if err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && a.LastOffset <= out[n-1].LastOffset {
			return nil, fmt.Errorf("%w: marker at %d after %d", errTxnIndex, a.LastOffset, out[n-1].LastOffset)
		}
		out = append(out, a)
	}
	return out, nil
}

func encodeTxnIndex(list []AbortedTxn) []byte {
	out := make([]byte, 0, len(list)*txnEntrySize)
	for i := range list {
		out = list[i].appendTo(out)
	}
	return out
}

// txnIndex is the transaction index of one segment: in memory as long as the segment is not sealed, then in its file. Guarded by
// segment.mu.
type txnIndex struct {
	list    []AbortedTxn
	filed   bool // the file has it all, or there is none because nothing was aborted
	onDisk  bool // there is a file
	written int  // entries of list that the file has
}

// writeTxns brings the file up to what is in memory. With drop memory forgets. The name is durable after SyncDir.
func (s *segment) writeTxns(v vfs.FS, drop bool) error {
	s.mu.Lock()
	x := s.mu.txns
	x.list = x.list[:len(x.list):len(x.list)]
	s.mu.Unlock()
	var err error
	switch {
	case x.filed:
		return nil
	case len(x.list) == 0 && x.onDisk:
		err = removeIfExists(v, s.indexes().txn.path())
	case len(x.list) > 0 && (!x.onDisk || x.written != len(x.list)):
		err = replaceFile(v, s.indexes().txn.path(), encodeTxnIndex(x.list))
	}
	if err != nil {
		return err
	}
	s.indexes().txn.forget()
	s.mu.Lock()
	s.mu.txns.onDisk, s.mu.txns.written = len(x.list) > 0, len(x.list)
	if drop {
		s.mu.txns.list, s.mu.txns.filed = nil, true
	}
	s.mu.Unlock()
	return nil
}

// appendAborted appends those of a segment's entries that have anything in [from, bound), in order of their markers. done says
// that no later segment can have one.
func (s *segment) appendAborted(dst []AbortedTxn, from, bound int64) (out []AbortedTxn, done bool, err error) {
	s.mu.Lock()
	x := s.mu.txns
	if !x.filed {
		for i := range x.list {
			if dst, done = x.list[i].choose(dst, from, bound); done {
				break
			}
		}
		s.mu.Unlock()
		return dst, done, nil
	}
	s.mu.Unlock()
	if !x.onDisk {
		return dst, false, nil
	}
	f, err := s.indexes().txn.acquire()
	if errors.Is(err, fs.ErrNotExist) {
		return dst, false, nil // a cache that was deleted
	}
	if err != nil {
		return dst, false, err
	}
	defer s.indexes().txn.release()
	n, err := s.indexes().txn.length(f)
	if err != nil {
		return dst, false, err
	}
	count := int(n / txnEntrySize)
	var buf [txnEntrySize]byte
	var failed error
	read := func(i int) (a AbortedTxn) {
		if _, err := f.ReadAt(buf[:], int64(i)*txnEntrySize); err != nil {
			failed = fmt.Errorf("read %s: %w", s.indexes().txn.path(), err)
		} else if a, err = parseAborted(buf[:]); err != nil {
			failed = &CorruptError{Path: s.indexes().txn.path(), Position: int64(i) * txnEntrySize, Offset: -1, Reason: err.Error()}
		}
		return a
	}
	for i := sort.Search(count, func(i int) bool { return read(i).LastOffset >= from }); i < count && !done && failed == nil; i++ {
		if a := read(i); failed == nil {
			dst, done = a.choose(dst, from, bound)
		}
	}
	return dst, done, failed
}

// choose appends a if it has anything in [from, bound).
func (a *AbortedTxn) choose(dst []AbortedTxn, from, bound int64) (out []AbortedTxn, done bool) {
	if a.LastOffset >= from && a.FirstOffset < bound {
		dst = append(dst, *a)
	}
	return dst, a.LastStableOffset >= bound
}

// unstable knows which transactions of a log are not decided for its readers: those that are open, and those whose marker is not below the
// high watermark yet. A leaf lock.
type unstable struct {
	mu   sync.Mutex
	open []int64    // first offsets, ascending
	done []finished // in order of their markers
}

type finished struct{ first, last int64 }

func (u *unstable) begin(first int64) {
	u.mu.Lock()
	u.open = append(u.open, first) // it lies after all others
	u.mu.Unlock()
}

// finish ends the transaction that began at first with the marker at last and returns the last stable offset after it, as the
// transaction index has it.
func (u *unstable) finish(first, last int64) (stable int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if i, ok := slices.BinarySearch(u.open, first); ok {
		u.open = slices.Delete(u.open, i, i+1)
	}
	u.done = append(u.done, finished{first, last})
	if len(u.open) > 0 {
		return u.open[0]
	}
	return last + 1
}

// first is the last stable offset for a high watermark: the first offset that is not decided, or the high watermark (T-06).
func (u *unstable) first(highWatermark int64) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for n < len(u.done) && u.done[n].last < highWatermark {
		n++
	}
	u.done = slices.Delete(u.done, 0, n)
	stable := highWatermark
	if len(u.open) > 0 {
		stable = min(stable, u.open[0])
	}
	for i := range u.done {
		stable = min(stable, u.done[i].first)
	}
	return stable
}

// reload takes the transactions that are open in p, in a log that ends at end.
func (u *unstable) reload(p *producers, end int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.open = u.open[:0]
	for i := range p.list {
		if first := p.list[i].txnFirst; first >= 0 {
			u.open = append(u.open, first)
		}
	}
	slices.Sort(u.open)
	u.done = slices.DeleteFunc(u.done, func(f finished) bool { return f.last >= end })
}
