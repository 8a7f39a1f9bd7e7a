package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// extSwap is Kafka's suffix of a segment that takes the place of others: all of it is durable, and a start finishes what
// was begun.
const extSwap = ".swap"

// cleanedSegment is the outcome of a cleaning on its way into the log. The protocol is Kafka's (SURFACE 93), so that either
// broker finishes what the other one began; each step is durable before the next one:
//
//	1  <base>.log.cleaned is written and synced        a start removes it
//	2  it is renamed to <base>.log.swap                from here on a start goes on with 3
//	3  the files of the segments that it replaces go
//	4  it is renamed to <base>.log, and gets new index files
type cleanedSegment struct {
	log  *Log
	seg  *segment
	f    vfs.File
	size int64 // written
	x    index
	at   int64 // where the next batch comes to lie
	next int64 // offset after the last batch
	cfg  *Config
}

// newCleaned creates the file.
func (l *Log) newCleaned(group []*segment, cfg *Config) (*cleanedSegment, error) {
	defer l.disk.ops.begin()()
	s := newSegment(l.disk.files, l.path, group[0].base)
	f, err := l.disk.fs.Create(s.log.path() + extCleaned)
	if err != nil {
		return nil, l.writingFailed(err)
	}
	return &cleanedSegment{log: l, seg: s, f: f, x: newIndex(), next: s.base, cfg: cfg}, nil
}

// writingFailed sorts out an error of writing something new beside the log: lack of room is told, descriptors too, anything
// else takes the directory offline.
func (l *Log) writingFailed(err error) error {
	if resumable(err) {
		l.disk.ranOut()
		return fmt.Errorf("%w: %w", errNoRoom, err)
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return err
	}
	return l.disk.fail(err)
}

// add takes note of a batch that will be written next.
func (c *cleanedSegment) add(b batch.Batch) {
	c.x.add(c.at, uint32(b.LastOffset()-c.seg.base), b.MaxTimestamp(), c.cfg.IndexIntervalBytes)
	c.at += int64(len(b))
	c.next = b.NextOffset()
}

func (c *cleanedSegment) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	defer c.log.disk.ops.begin()()
	if _, err := c.f.WriteAt(p, c.size); err != nil {
		return c.log.writingFailed(err)
	}
	c.f.WriteOut(c.size, int64(len(p))) // a hint
	c.size += int64(len(p))
	return nil
}

func (c *cleanedSegment) sync() error {
	defer c.log.disk.ops.begin()()
	if plantedUnsyncedSwap {
		return nil
	}
	if err := c.f.Sync(); err != nil {
		return c.log.disk.fail(err)
	}
	return nil
}

// discard removes the file, if it can be: what is left is removed at the next open.
func (c *cleanedSegment) discard() error {
	if c.f == nil {
		return nil
	}
	c.f.Close()
	c.f = nil
	if c.log.disk.err() == nil {
		c.log.disk.fs.Remove(c.seg.log.path() + extCleaned)
	}
	return nil
}

// swap puts c in the place of a group of segments, if they are all still there. On an error the log is as it was, or the
// directory is offline.
func (l *Log) swap(group []*segment, c *cleanedSegment) error {
	if err := l.disk.refuseStalled(); err != nil {
		return err
	}
	defer l.disk.ops.begin()()
	l.startMu.Lock()
	defer l.startMu.Unlock()
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	if _, err := l.locate(group); err != nil {
		return err
	}
	t := c.seg
	v, name := l.disk.fs, t.log.path()
	if err := v.Rename(name+extCleaned, name+extSwap); err != nil {
		return l.writingFailed(err)
	}
	if err := v.SyncDir(l.path); err != nil {
		return l.disk.fail(err)
	}
	_, t.mu.next = group[len(group)-1].bounds()
	t.mu.size, t.mu.index, t.mu.loaded = c.size, c.x, true
	t.firstRead = false
	t.log.adopt(c.f) // held until the name is right: it must not be opened anew before
	c.f = nil
	if err := l.replace(group, t); err != nil {
		t.log.release()
		return l.undoSwap(name, err)
	}
	if err := l.finishSwap(group, t); err != nil {
		return l.disk.fail(err) // what is in memory and what is on disk agree again after the next start
	}
	t.log.release()
	return nil
}

// locate finds the group in the list of segments: whole, sealed and synced. Called with syncMu held. Error: ErrInterrupted.
func (l *Log) locate(group []*segment) (at int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.locateLocked(group)
}

func (l *Log) locateLocked(group []*segment) (at int, err error) {
	if err := l.usableLocked(); err != nil {
		return 0, err
	}
	segs := *l.segs.Load()
	at = slices.Index(segs, group[0])
	if at < 0 || at+len(group) >= len(segs) || !slices.Equal(segs[at:at+len(group)], group) {
		return 0, ErrInterrupted
	}
	for _, s := range group {
		if s.dirty || s.held || s.snapshot != nil { // the syncer had no room for its files and comes back to it
			return 0, ErrInterrupted
		}
	}
	return at, nil
}

// replace publishes t instead of the group and detaches what it replaces. Readers that have pinned that keep it.
func (l *Log) replace(group []*segment, t *segment) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, err := l.locateLocked(group)
	if err != nil {
		return err
	}
	segs := *l.segs.Load()
	next := make([]*segment, 0, len(segs)-len(group)+1)
	next = append(append(append(next, segs[:at]...), t), segs[at+len(group):]...)
	l.segs.Store(&next)
	for _, s := range group {
		if f, _ := s.detach(); f != nil {
			f.Close()
		}
	}
	return nil
}

// undoSwap takes the new segment away again because the group is not there any more.
func (l *Log) undoSwap(name string, cause error) error {
	err := removeIfExists(l.disk.fs, name+extSwap)
	if err == nil {
		err = l.disk.fs.SyncDir(l.path)
	}
	if err != nil {
		return l.disk.fail(err)
	}
	return cause
}

// finishSwap does steps 3 and 4 for segments that no reader finds any more. Called with syncMu held.
func (l *Log) finishSwap(group []*segment, t *segment) error {
	v := l.disk.fs
	// The producer state at the base of a segment that is gone is that of no segment; that of the first one stays.
	gone := func(at int64) bool {
		return slices.ContainsFunc(group[1:], func(s *segment) bool { return s.base == at })
	}
	if err := l.dropSnapshots(gone); err != nil {
		return err
	}
	var old []string
	for _, s := range slices.Backward(group) {
		for _, ext := range []string{extTime, extIndex, extTxn, extLog} {
			old = append(old, fmt.Sprintf("%020d%s", s.base, ext))
		}
	}
	doomed, err := l.setAside(old)
	if err != nil {
		return err
	}
	for _, s := range group {
		size, _ := s.bounds()
		doomed.bytes += size
	}
	if !plantedSwapOrder {
		if err := v.SyncDir(l.path); err != nil {
			return err
		}
	}
	if err := v.Rename(t.log.path()+extSwap, t.log.path()); err != nil {
		return err
	}
	if err := t.writeIndex(v, true, true); err != nil && !errors.Is(err, errNoRoom) {
		return err
	}
	if err := v.SyncDir(l.path); err != nil {
		return err
	}
	if l.disk.trash != nil {
		l.disk.trash.add(doomed)
		return nil
	}
	for _, name := range doomed.names {
		if err := removeIfExists(v, l.path+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

// setAside gives files the suffix of what is to be unlinked (file.delete.delay.ms later, as Kafka does): unlinking a large one takes its time.
func (l *Log) setAside(names []string) (*doomed, error) {
	x := &doomed{dir: l.path, delay: l.cfg.Load().FileDeleteDelayMs}
	for _, name := range names {
		err := l.disk.fs.Rename(l.path+"/"+name, l.path+"/"+name+extDeleted)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		x.names = append(x.names, name+extDeleted)
	}
	return x, nil
}

// finishSwaps brings a swap that a crash has interrupted to its end, ours or Apache Kafka's, before the log is opened; names are
// those in its directory. A swap at or above a segment that is still ".cleaned" is one of several that Kafka splits an overflowing
// segment into, not all of which are whole: it goes. Doing it again, or being interrupted, gives the same. changed says that the
// names have changed. Error: CorruptError for a swap that is not whole.
func (l *Log) finishSwaps(names []string) (changed bool, err error) {
	limit := int64(1<<63 - 1)
	var swaps []int64
	for _, name := range names {
		if rest, ok := strings.CutSuffix(name, extCleaned); ok && len(rest) > 20 {
			if base, ok := parseSegmentName(rest[:20]+extLog, extLog); ok {
				limit = min(limit, base)
			}
		}
		if rest, ok := strings.CutSuffix(name, extSwap); ok {
			changed = true
			if base, ok := parseSegmentName(rest, extLog); ok {
				swaps = append(swaps, base)
			}
		}
	}
	if !changed {
		return false, nil
	}
	slices.Sort(swaps)
	for _, base := range swaps {
		if base >= limit {
			err = removeIfExists(l.disk.fs, segmentName(l.path, base, extLog+extSwap))
		} else {
			err = l.finishSwapAt(base, names)
		}
		if err != nil {
			return true, err
		}
	}
	for _, name := range names { // index files that Kafka wrote: they are made anew
		if strings.HasSuffix(name, extSwap) {
			if err := removeIfExists(l.disk.fs, l.path+"/"+name); err != nil {
				return true, err
			}
		}
	}
	return true, l.disk.fs.SyncDir(l.path)
}

// finishSwapAt does steps 3 and 4 for the swap at base.
func (l *Log) finishSwapAt(base int64, names []string) error {
	v, name := l.disk.fs, segmentName(l.path, base, extLog)
	next, err := l.swapEnd(base, name+extSwap)
	if err != nil {
		return err
	}
	l.disk.lg.Warn("finishing an interrupted compaction", "path", name+extSwap, "next", next)
	for _, ext := range []string{extTime, extIndex, extTxn, extLog, extSnap} {
		for _, n := range names {
			at, ok := parseSegmentName(n, ext)
			if !ok || at < base || at >= max(next, base+1) || ext == extSnap && at == base {
				continue
			}
			if err := removeIfExists(v, l.path+"/"+n); err != nil {
				return err
			}
		}
	}
	if err := v.SyncDir(l.path); err != nil {
		return err
	}
	return v.Rename(name+extSwap, name)
}

// swapEnd checks the batches of a swap and returns the offset after the last one.
func (l *Log) swapEnd(base int64, name string) (int64, error) {
	f, err := l.disk.fs.OpenReadWrite(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := f.Size()
	if err != nil {
		return 0, err
	}
	s := newSegment(l.disk.files, l.path, base)
	o := order{next: base, sparse: true, epoch: -1}
	pos, reason, err := verify(f, s, 0, n, &o, func(int64, batch.Batch) {})
	if err != nil {
		return 0, err
	}
	if pos < n {
		return 0, &CorruptError{Path: name, Position: pos, Offset: o.next, Reason: "a compaction that was not finished: " + reason}
	}
	return o.next, nil
}
