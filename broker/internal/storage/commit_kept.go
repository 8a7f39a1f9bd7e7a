package storage

import (
	"sync"
	"sync/atomic"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/invariants"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

const (
	// keptBytes is how much of what a log owes is kept in memory for the next round.
	keptBytes = 60 << 10
	// maxKept bounds the logs of a directory of which anything is kept: 8 MiB.
	maxKept = 128
)

// kept is a copy of a log's last bytes, from the first append after a round on, so that the next round need not read
// them back. It may be given up at any time: the segment has them, too. Guarded by Log.mu.
type kept struct {
	at   place  // where it begins
	next int64  // the log end after it
	cut  uint64 // truncations at the time
	n    int
	buf  [keptBytes]byte
}

var keptPool = sync.Pool{New: func() any { return new(kept) }}

// keeper counts the copies of a directory.
type keeper struct{ n atomic.Int64 }

func (k *keeper) get() *kept {
	if k.n.Add(1) > maxKept {
		k.n.Add(-1)
		return nil
	}
	return keptPool.Get().(*kept)
}

func (k *keeper) put(c *kept) {
	invariants.Poison(c.buf[:c.n])
	c.at.seg = nil
	k.n.Add(-1)
	keptPool.Put(c)
}

// keepLocked copies what was written at pos of s, before the log end rises to next, if there is room and nothing that is owed
// before it is missing. Called with mu held.
func (l *Log) keepLocked(s *segment, cfg *Config, p []byte, pos, next int64) {
	if l.dir == nil || l.dir.commit == nil {
		return
	}
	k, end := l.mu.kept, l.end.Load()
	switch {
	case cfg.Flush != FlushGroup || len(p) > keptBytes:
		l.dropKeptLocked()
		return
	case k == nil:
		if l.mu.queued { // something is owed that was not kept
			return
		}
		if k = l.dir.commit.copies.get(); k == nil {
			return
		}
		k.at, k.cut, k.n = place{end, s, pos}, l.mu.cut, 0
		l.mu.kept = k
	case k.n+len(p) > keptBytes || !plantedStaleCopy && !k.ends(l, s, end, pos):
		l.dropKeptLocked()
		return
	}
	k.n += copy(k.buf[k.n:], p)
	k.next = next
}

// ends says whether the copy goes up to a place, and nothing was truncated since it began.
func (k *kept) ends(l *Log, s *segment, offset, pos int64) bool {
	return k.at.seg == s && k.cut == l.mu.cut && k.next == offset && k.at.pos+int64(k.n) == pos
}

// dropKeptLocked gives the copy up. Called with mu held.
func (l *Log) dropKeptLocked() {
	if k := l.mu.kept; k != nil {
		l.mu.kept = nil
		l.dir.commit.copies.put(k)
	}
}

// takeKeptLocked is the copy, which becomes the caller's, if it has all the bytes that are owed: the last ones of the segment s of a size,
// whose end is the log end. Else it is nil, and there is no copy any more. Called with mu held.
func (l *Log) takeKeptLocked(s *segment, size, owed, end int64) *kept {
	k := l.mu.kept
	if k == nil {
		return nil
	}
	if owed == 0 || size-owed < k.at.pos || !plantedStaleCopy && !k.ends(l, s, end, size) {
		l.dropKeptLocked()
		return nil
	}
	l.mu.kept = nil
	return k
}

// gatherKept adds the last bytes of a copy to the round, which go from one offset to another, and gives the copy back.
func (l *Log) gatherKept(c *committer, k *kept, owed, from, end int64, epoch kafka.LeaderEpoch) {
	e := commitlog.Entry{Kind: commitlog.Append, Log: l.commitID(), Epoch: epoch, Base: from, Next: end}
	copy(c.w.Add(e, int(owed)), k.buf[int64(k.n)-owed:k.n])
	c.copies.put(k)
}
