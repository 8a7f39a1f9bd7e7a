package storage

import (
	"errors"
	"math"

	"github.com/thalweg-io/thalweg/broker/internal/storage/clean"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// ErrInterrupted is returned by Log.Clean when it was stopped, or when what it was cleaning was truncated, reset or deleted
// meanwhile. Groups of segments that were done stay done; it may be tried again.
var ErrInterrupted = errors.New("cleaning was interrupted")

// Cleanable says what compaction would find in a log. Bytes are those of whole segments.
type Cleanable struct {
	// FirstDirty is where the last cleaning ended, or the log start; nothing at or above End may be cleaned now.
	FirstDirty, End int64
	// CleanBytes lie below FirstDirty, DirtyBytes between it and End.
	CleanBytes, DirtyBytes int64
	// OverdueMs is by how much the oldest dirty segment is older than max.compaction.lag.ms; 0 if none is.
	OverdueMs int64
}

// Ratio is the dirty part of what may be cleaned, from 0 to 1.
func (c *Cleanable) Ratio() float64 {
	if c.DirtyBytes == 0 {
		return 0
	}
	return float64(c.DirtyBytes) / float64(c.CleanBytes+c.DirtyBytes)
}

// Due says whether the log is to be cleaned (SURFACE 92): more than minRatio of it is dirty, or something is overdue. As in
// Kafka a ratio of exactly minRatio is not enough.
func (c *Cleanable) Due(minRatio float64) bool {
	return c.DirtyBytes > 0 && (c.Ratio() > minRatio || c.OverdueMs > 0)
}

// Cleanable looks at the log's segments. stable is the partition's last stable offset: nothing at or above it is touched, nor
// the active segment, nor what the syncer has not done with, nor a segment with a record younger than min.compaction.lag.ms
// (SURFACE 90, 92). nowMs is the clock. Errors: of reading an index or a header.
func (l *Log) Cleanable(stable, nowMs int64) (Cleanable, error) {
	segs, firstDirty, err := l.cleanable(stable, nowMs)
	if err != nil {
		return Cleanable{}, l.ioFailed(err)
	}
	c := Cleanable{FirstDirty: firstDirty, End: firstDirty}
	cfg := l.cfg.Load()
	for i, s := range segs {
		size, _ := s.bounds()
		if i+1 < len(segs) && segs[i+1].base <= firstDirty {
			c.CleanBytes += size
			continue
		}
		if end := s.sealedAt(); end > firstDirty {
			c.DirtyBytes, c.End = c.DirtyBytes+size, max(c.End, end)
			overdue, err := l.overdue(cfg, s, nowMs)
			if err != nil {
				return Cleanable{}, l.ioFailed(err)
			}
			c.OverdueMs = max(c.OverdueMs, overdue)
		} else {
			c.CleanBytes += size
		}
	}
	return c, nil
}

// sealedAt is where a sealed segment ends: its next one's base, or its last offset + 1.
func (s *segment) sealedAt() int64 {
	_, next := s.bounds()
	return next
}

// overdue is by how much a segment's first batch is older than max.compaction.lag.ms.
func (l *Log) overdue(cfg *Config, s *segment, nowMs int64) (int64, error) {
	if cfg.MaxCompactionLagMs <= 0 || cfg.MaxCompactionLagMs == math.MaxInt64 {
		return 0, nil
	}
	f, err := s.log.acquire()
	if err != nil {
		if isDetached(err) {
			err = nil
		}
		return 0, err
	}
	defer s.log.release()
	size, _ := s.bounds()
	if size == 0 {
		return 0, nil
	}
	w := getScan(f, s, size)
	defer w.put()
	h, err := w.header(0)
	if err != nil || h.MaxTimestamp() <= 0 {
		return 0, err
	}
	return max(nowMs-cfg.MaxCompactionLagMs-h.MaxTimestamp(), 0), nil
}

// cleanable lists the segments that may be cleaned, from the first of the log on, and where the last cleaning ended.
func (l *Log) cleanable(stable, nowMs int64) ([]*segment, int64, error) {
	l.mu.Lock()
	if err := l.usableLocked(); err != nil {
		l.mu.Unlock()
		return nil, 0, err
	}
	segs := *l.segs.Load()
	if !plantedCleanUnstable {
		stable = l.LastStableOffset(stable)
	}
	n := 0
	for n < len(segs)-1 && segs[n+1].base <= stable && !segs[n].dirty && !segs[n].held { // swap looks again: a sync may be under way
		n++
	}
	firstDirty := max(l.cleaned.Load(), l.start.Load())
	end := l.end.Load()
	l.mu.Unlock()
	if firstDirty > end {
		firstDirty = l.start.Load()
	}
	segs = segs[:n:n]
	lag := l.cfg.Load().MinCompactionLagMs
	for i, s := range segs {
		if lag <= 0 || s.sealedAt() <= firstDirty {
			continue
		}
		ts, _, err := s.maxTime()
		if err == errIndex {
			if err = l.reindex(s); err == nil {
				ts, _, err = s.maxTime()
			}
		}
		if err != nil && !isDetached(err) {
			return nil, 0, err
		}
		if ts > nowMs-lag || err != nil {
			return segs[:i:i], firstDirty, nil
		}
	}
	return segs, firstDirty, nil
}

// CleanOptions are those of one cleaning.
type CleanOptions struct {
	// Cleaner is used for this cleaning only, as long as it runs.
	Cleaner *clean.Cleaner
	// Stable and NowMs are as for Log.Cleanable.
	Stable, NowMs int64
	// BufferBytes bounds what is read or written at once, but for single batches that are larger
	// (log.cleaner.io.buffer.size). 0: 512 KiB.
	BufferBytes int
	// Pace is told how many bytes are about to be read or were written, and may wait; no lock is held (log.cleaner.io.max.bytes.per.second).
	// nil: no limit.
	Pace func(bytes int)
	// Stop is asked now and then whether to give up. nil: never.
	Stop func() bool
}

// Cleaned says what a cleaning has done.
type Cleaned struct {
	clean.Stats
	// FirstDirty to Covered is what the map has seen: the next cleaning begins at Covered. More is true if it did not come to
	// End because the map was full.
	FirstDirty, Covered, End int64
	More                     bool
	// Keys is how many were in the map, of MaxKeys.
	Keys, MaxKeys int
	// Segments that were read, and that are there instead; groups that had nothing to lose are left alone.
	SegmentsRead, SegmentsReplaced, SegmentsWritten int
}

// Clean does one round of compaction: it reads what is dirty, then writes the log anew up to where it came, in groups of segments
// that fit into one, each of which takes the place of the old ones at once. Neither appends nor reads wait for it; pinned
// Slices stay readable; the syncer waits for a few renames. A crash leaves, group by group, the old segments or the new one
// (S-14). One call per log at a time; different logs with different Cleaners may be cleaned at once.
//
// Errors: ErrInterrupted; CorruptError: the log is damaged and what was not done yet is as it was; syscall.ENOSPC (wrapped):
// likewise, for lack of room; ErrStalled, ErrOffline, ErrClosed.
func (l *Log) Clean(o CleanOptions) (Cleaned, error) {
	if err := l.disk.refuseStalled(); err != nil {
		return Cleaned{}, err
	}
	if o.BufferBytes <= 0 {
		o.BufferBytes = 512 << 10
	}
	segs, firstDirty, err := l.cleanable(o.Stable, o.NowMs)
	if err != nil || len(segs) == 0 {
		return Cleaned{}, l.ioFailed(err)
	}
	k := &cleaning{log: l, CleanOptions: o, segs: segs, config: *l.cfg.Load()}
	k.done = Cleaned{FirstDirty: firstDirty, Covered: firstDirty, End: segs[len(segs)-1].sealedAt()}
	if k.done.End <= firstDirty {
		return k.done, nil
	}
	err = k.run()
	k.done.Stats = o.Cleaner.Stats()
	if err == nil {
		err = l.noteCleaned(k.done.Covered)
	}
	return k.done, k.failed(err)
}

// cleaning is one call of Clean.
type cleaning struct {
	CleanOptions
	log    *Log
	config Config
	segs   []*segment // that may be cleaned
	done   Cleaned
	txns   txnFold // over what stays
	in     []byte
	out    []byte
}

// failed sorts out the errors of a cleaning: only those of writing take the directory offline, and they have done so.
func (k *cleaning) failed(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrInterrupted):
		return err
	case isDetached(err):
		if err := k.log.stopped(); err != nil {
			return err
		}
		return ErrInterrupted
	}
	return k.log.ioFailed(err)
}

func (k *cleaning) run() error {
	l := k.log
	k.Cleaner.Begin(clean.Round{FirstDirty: k.done.FirstDirty, End: k.done.End, NowMs: k.NowMs,
		DeleteRetentionMs: k.config.DeleteRetentionMs, Last: l.lastBatches(k.done.End)})
	whole, err := k.index()
	if err != nil {
		return err
	}
	k.Cleaner.Indexed(whole)
	k.done.Covered, k.done.More = k.Cleaner.Covered(), !whole
	k.done.Keys, k.done.MaxKeys = k.Cleaner.Keys()
	// Gaps are allowed below the recovery point whatever the topic's policy will be then.
	if err := l.notePoints(); err != nil {
		return err
	}
	if err := l.points.write(); err != nil {
		return l.disk.noRoom(err)
	}
	if err := l.noteCleaned(k.done.FirstDirty); err != nil { // from now on there may be gaps: see Log.sparse
		return err
	}
	for rest := k.segs; len(rest) > 0 && rest[0].base < k.done.Covered; {
		n := k.group(rest)
		if err := k.rewrite(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// lastBatches returns which batch below end is the last one of each producer that the log remembers.
func (l *Log) lastBatches(end int64) func(kafka.ProducerID) (clean.Last, bool) {
	last := map[kafka.ProducerID]clean.Last{}
	l.mu.Lock()
	for i := range l.mu.producers.list {
		e := &l.mu.producers.list[i]
		if e.batches == 0 {
			last[e.id] = clean.Last{Offset: -1, Epoch: e.epoch}
		} else if e.batch.last < end {
			last[e.id] = clean.Last{Offset: e.batch.last, Epoch: e.epoch}
		}
	}
	l.mu.Unlock()
	return func(id kafka.ProducerID) (clean.Last, bool) {
		x, ok := last[id]
		return x, ok
	}
}

// index is the first pass. whole is false if the map was full.
func (k *cleaning) index() (whole bool, err error) {
	more := true
	for i, s := range k.segs {
		if i+1 < len(k.segs) && k.segs[i+1].base <= k.done.FirstDirty {
			continue
		}
		if err := k.aborted(s); err != nil {
			return false, err
		}
		pos := int64(0)
		if s.base < k.done.FirstDirty {
			if pos, err = k.log.cutPosition(s, k.done.FirstDirty); err != nil {
				return false, err
			}
		}
		err := k.walk(s, pos, func(b batch.Batch) (bool, error) {
			more, err = k.Cleaner.Index(b)
			return more, err
		})
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// aborted tells the Cleaner which transactions were aborted that have something in s.
func (k *cleaning) aborted(s *segment) error {
	list, err := k.log.appendAborted(nil, s.base, s.sealedAt())
	if err != nil || len(list) == 0 {
		return err
	}
	out := make([]clean.Aborted, len(list))
	for i, a := range list {
		out[i] = clean.Aborted{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset, LastOffset: a.LastOffset}
	}
	k.Cleaner.Aborted(out)
	return nil
}

// group is how many of the segments go into one: not more than segment.bytes, offsets that fit, indexes that may be that large.
func (k *cleaning) group(segs []*segment) int {
	interval := int64(max(k.config.IndexIntervalBytes, 1))
	total, _ := segs[0].bounds()
	n := 1
	for ; n < len(segs); n++ {
		size, next := segs[n].bounds()
		if total+size > int64(k.config.SegmentBytes) || size > 0 && next-1-segs[0].base > math.MaxInt32 ||
			(total+size)/interval*timeEntrySize > int64(k.config.SegmentIndexBytes) {
			break
		}
		total += size
	}
	return n
}

// rewrite is the second pass over a group of segments, and the swap.
func (k *cleaning) rewrite(group []*segment) (err error) {
	l := k.log
	k.done.SegmentsRead += len(group)
	before := k.Cleaner.Stats()
	c, err := l.newCleaned(group, &k.config)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.discard()
		}
	}()
	for _, s := range group {
		if err := k.aborted(s); err != nil {
			return err
		}
		err := k.walk(s, 0, func(b batch.Batch) (bool, error) {
			at := len(k.out)
			out, kept, err := k.Cleaner.Filter(k.out, b)
			if k.out = out; err != nil {
				return false, err
			}
			if kept {
				b := batch.Batch(k.out[at:])
				c.add(b)
				if a, aborted := k.txns.take(b); aborted {
					c.seg.mu.txns.list = append(c.seg.mu.txns.list, a)
				}
			}
			if len(k.out) >= k.BufferBytes {
				return true, k.flush(c)
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	if err := k.flush(c); err != nil {
		return err
	}
	after := k.Cleaner.Stats()
	if len(group) == 1 && after.BytesKept-before.BytesKept == after.BytesRead-before.BytesRead &&
		after.BatchesRewritten == before.BatchesRewritten && after.BatchesEmptied == before.BatchesEmptied {
		return c.discard() // nothing died
	}
	if err := c.sync(); err != nil {
		return err
	}
	if err := l.swap(group, c); err != nil {
		return err
	}
	k.done.SegmentsReplaced += len(group)
	k.done.SegmentsWritten++
	return nil
}

// flush writes out what was gathered.
func (k *cleaning) flush(c *cleanedSegment) error {
	n := len(k.out)
	err := c.write(k.out)
	k.out = k.out[:0]
	if cap(k.out) > 4*k.BufferBytes {
		k.out = nil
	}
	if err == nil && k.Pace != nil && n > 0 {
		k.Pace(n)
	}
	return err
}

// walk calls visit for the batches of a segment from position pos on, until it says that there is enough. A batch is valid
// during the call.
func (k *cleaning) walk(s *segment, pos int64, visit func(b batch.Batch) (more bool, err error)) error {
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	defer s.log.release()
	end, _ := s.bounds()
	for pos < end {
		if k.Stop != nil && k.Stop() {
			return ErrInterrupted
		}
		if err := k.log.disk.err(); err != nil {
			return err
		}
		p, err := k.read(s, f, pos, end)
		if err != nil {
			return err
		}
		for len(p) > 0 {
			b, rest, err := batch.Next(p)
			if err != nil { // cut off by the buffer's end: read decides whether there is more
				break
			}
			more, err := visit(b)
			if errors.Is(err, clean.ErrDamaged) {
				return s.corrupt(pos, b.BaseOffset(), err.Error())
			}
			if err != nil || !more {
				return err
			}
			pos, p = pos+int64(len(b)), rest
		}
	}
	return nil
}

// read brings in what is at pos: at least one whole batch.
func (k *cleaning) read(s *segment, f vfs.File, pos, end int64) ([]byte, error) {
	n := min(max(int64(k.BufferBytes), batch.HeaderSize), end-pos)
	for {
		if k.Pace != nil {
			k.Pace(int(n))
		}
		if int64(cap(k.in)) < n {
			k.in = make([]byte, n)
		}
		p := k.in[:n]
		if _, err := f.ReadAt(p, pos); err != nil {
			return nil, readError(s, pos, err)
		}
		if n < batch.HeaderSize {
			return nil, s.corrupt(pos, -1, "batch header is cut off")
		}
		if reason := implausible(batch.Batch(p[:batch.HeaderSize]), end-pos); reason != "" {
			return nil, s.corrupt(pos, -1, reason)
		}
		need := size(batch.Batch(p[:batch.HeaderSize]))
		if need <= n {
			return p, nil
		}
		n = need
	}
}

// noteCleaned remembers, durably, where the next cleaning begins.
func (l *Log) noteCleaned(offset int64) error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.cleaned.Store(min(offset, l.end.Load())) // it may have been truncated just now
	if l.disk.cleaned == nil {
		return nil
	}
	defer l.disk.ops.begin()()
	if err := l.disk.cleaned.set(l.tip.TopicPartition(), l.cleaned.Load()); err != nil {
		return l.disk.noRoom(err)
	}
	return nil
}

// lowerCleaned makes sure, durably, that no cleaning begins above offset: what is there is about to go. Called with syncMu held.
func (l *Log) lowerCleaned(offset int64) error {
	if l.cleaned.Load() <= offset {
		return nil
	}
	l.cleaned.Store(offset)
	if l.disk.cleaned == nil {
		return nil
	}
	return l.disk.cleaned.set(l.tip.TopicPartition(), offset)
}

// sparse says whether there may be gaps between batches: the log is compacted, or was.
func (l *Log) sparse(c *Config) bool {
	return c.Sparse || l.cleaned.Load() >= 0 && !plantedGapsForgotten
}

// CleanedOffset is where the last cleaning ended; -1 if there was none.
func (l *Log) CleanedOffset() int64 { return l.cleaned.Load() }
