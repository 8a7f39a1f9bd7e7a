package storage

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"sync"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// epochEntry says that leader epoch epoch begins at offset start.
type epochEntry struct {
	epoch kafka.LeaderEpoch
	start int64
}

// epochCache knows where each leader epoch of a log begins (KIP-101). Invariant: epochs
// strictly increase, start offsets do not fall. It is a cache: batches carry their epoch.
type epochCache struct {
	mu struct {
		sync.Mutex
		entries []epochEntry
		filed   []epochEntry // what the checkpoint file holds, if that is known
		known   bool
	}
}

// latest is the newest epoch or NoLeaderEpoch.
func (c *epochCache) latest() kafka.LeaderEpoch {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latestLocked()
}

func (c *epochCache) latestLocked() kafka.LeaderEpoch {
	if n := len(c.mu.entries); n > 0 {
		return c.mu.entries[n-1].epoch
	}
	return kafka.NoLeaderEpoch
}

// assign notes that epoch begins at start, if it is newer than all known ones. Entries that begin
// at or after start had no records and go.
func (c *epochCache) assign(epoch kafka.LeaderEpoch, start int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch <= c.latestLocked() {
		return
	}
	c.truncateEndLocked(start)
	c.mu.entries = append(c.mu.entries, epochEntry{epoch, start})
}

// truncateEnd drops the epochs that begin at or after end.
func (c *epochCache) truncateEnd(end int64) {
	c.mu.Lock()
	c.truncateEndLocked(end)
	c.mu.Unlock()
}

func (c *epochCache) truncateEndLocked(end int64) {
	n := len(c.mu.entries)
	for n > 0 && c.mu.entries[n-1].start >= end {
		n--
	}
	c.mu.entries = c.mu.entries[:n]
}

// truncateStart drops the epochs that end at or before start and lets the one that is left begin
// there.
func (c *epochCache) truncateStart(start int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := sort.Search(len(c.mu.entries), func(i int) bool { return c.mu.entries[i].start > start })
	if n == 0 || n == 1 && c.mu.entries[0].start == start {
		return
	}
	c.mu.entries = slices.Clone(c.mu.entries[n-1:])
	c.mu.entries[0].start = start
}

// start is where an epoch begins.
func (c *epochCache) start(epoch kafka.LeaderEpoch) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.mu.entries {
		if e.epoch == epoch {
			return e.start, true
		}
	}
	return -1, false
}

// at is the epoch that holds at offset, or NoLeaderEpoch.
func (c *epochCache) at(offset int64) kafka.LeaderEpoch {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := sort.Search(len(c.mu.entries), func(i int) bool { return c.mu.entries[i].start > offset })
	if n == 0 {
		return kafka.NoLeaderEpoch
	}
	return c.mu.entries[n-1].epoch
}

// endOffset answers OffsetForLeaderEpoch (SURFACE 83): for the latest epoch the log end; else the
// largest known epoch at or below the asked one with the start of the next; below all known ones
// the asked epoch with the start of the first; above all -1, -1.
func (c *epochCache) endOffset(epoch kafka.LeaderEpoch, logEnd int64) (kafka.LeaderEpoch, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	es := c.mu.entries
	if epoch < 0 {
		return kafka.NoLeaderEpoch, -1
	}
	if epoch == c.latestLocked() {
		return epoch, logEnd
	}
	n := sort.Search(len(es), func(i int) bool { return es[i].epoch > epoch })
	switch {
	case n == len(es):
		return kafka.NoLeaderEpoch, -1
	case n == 0:
		return epoch, es[0].start
	}
	return es[n-1].epoch, es[n].start
}

// replace sets all entries. filed says that the file holds them.
func (c *epochCache) replace(entries []epochEntry, filed bool) {
	c.mu.Lock()
	c.mu.entries, c.mu.filed, c.mu.known = entries, nil, filed
	if filed {
		c.mu.filed = slices.Clone(entries)
	}
	c.mu.Unlock()
}

// fileLocked is what belongs into the file of a log that ends at end: an epoch without records does not survive a restart, so
// that a start in a new epoch changes no file of an idle log.
func (c *epochCache) fileLocked(end int64) []epochEntry {
	n := len(c.mu.entries)
	for n > 0 && c.mu.entries[n-1].start >= end {
		n--
	}
	return c.mu.entries[:n]
}

// takeChanged returns the file's content if it must be written, and counts it as written.
func (c *epochCache) takeChanged(end int64) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	file := c.fileLocked(end)
	if c.mu.known && slices.Equal(file, c.mu.filed) {
		return nil, false
	}
	c.mu.filed, c.mu.known = slices.Clone(file), true
	dst := appendCheckpoint(nil, len(file))
	for _, e := range file {
		dst = fmt.Appendf(dst, "%d %d\n", e.epoch, e.start)
	}
	return dst, true
}

// isChanged reports whether the file must be written.
func (c *epochCache) isChanged(end int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.mu.known || !slices.Equal(c.fileLocked(end), c.mu.filed)
}

// putBack undoes takeChanged after a failed write.
func (c *epochCache) putBack() {
	c.mu.Lock()
	c.mu.known = false
	c.mu.Unlock()
}

// parseEpochs reads "epoch startOffset" lines and insists on the invariant.
func parseEpochs(content []byte) ([]epochEntry, error) {
	lines, err := parseCheckpoint(content, 2)
	if err != nil {
		return nil, err
	}
	out := make([]epochEntry, 0, len(lines))
	last := epochEntry{epoch: -1}
	for _, w := range lines {
		e, err1 := strconv.ParseInt(w[0], 10, 32)
		o, err2 := strconv.ParseInt(w[1], 10, 64)
		next := epochEntry{kafka.LeaderEpoch(e), o}
		if err1 != nil || err2 != nil || next.epoch <= last.epoch || next.start < last.start {
			return nil, fmt.Errorf("%w: %v", errCheckpoint, w)
		}
		out, last = append(out, next), next
	}
	return out, nil
}
