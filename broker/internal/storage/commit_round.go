package storage

import (
	"errors"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// place is a position in a log: the offset before which everything is durable, and where that is. seg may be
// nil, or a segment that is not the log's any more, if only the offset is known.
type place struct {
	offset int64
	seg    *segment
	pos    int64
}

// road is how a log's bytes become durable in a round.
type road uint8

const (
	roadDirect road = iota // by syncing its segments
	roadCommit             // through the commit log
	roadNext               // through the commit log, but there is no room in this write
	roadChore              // nothing is waited for: sealed segments are synced later
)

// round takes the logs of one round of the syncer through the commit log, in as many writes as it takes, and
// publishes and tells. What it leaves is in d.direct. It returns the bytes that have become durable.
func (d *Dir) round(logs []*Log) (bytes int64) {
	for len(logs) > 0 {
		n, settled := d.commitSome(logs)
		d.queue.ended(settled)
		for i, r := range d.results {
			if r.rose && d.disk.err() == nil {
				logs[i].tellFlushed(r.end)
			}
		}
		d.queue.told()
		for _, r := range d.results { // after everybody has been told: it takes longer
			if r.outBytes > 0 {
				r.out.writeOut(r.outFrom, r.outBytes)
			}
		}
		clear(d.results)
		d.results = d.results[:0]
		logs = logs[n:]
		bytes += settled
	}
	return bytes
}

// commitSome gathers what the first logs owe, as many as go into one write, makes it durable and publishes it. n
// is how many logs were looked at; d.results has an element for each.
func (d *Dir) commitSome(logs []*Log) (n int, settled int64) {
	c := d.commit
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.prepareLocked(); err != nil {
		for _, l := range logs {
			l.mu.Lock()
			settled += l.settleLocked()
			l.mu.Unlock()
		}
		return len(logs), settled
	}
	for _, l := range logs {
		r, road := l.gather(c)
		if road == roadNext {
			break
		}
		switch road {
		case roadDirect:
			d.direct = append(d.direct, l)
		case roadChore:
			c.chore(l)
		}
		d.results = append(d.results, r)
	}
	if c.w.Added() > 0 {
		err := c.commitLocked()
		for i := range d.results {
			r := &d.results[i]
			settled += r.bytes
			switch {
			case r.seg == nil:
			case err == nil:
				_, r.rose = logs[i].publishFlushed(*r)
			case errors.Is(err, errCommitFull):
				d.direct = append(d.direct, logs[i])
			}
		}
	} else {
		for i := range d.results {
			settled += d.results[i].bytes
		}
	}
	return len(d.results), settled
}

// settleLocked takes the log off the sync queue's account and returns the bytes.
func (l *Log) settleLocked() int64 {
	l.dropKeptLocked()
	n := l.mu.queuedLen
	l.mu.queued, l.mu.queuedLen = false, 0
	return n
}

// gather copies what the log owes into the round, from memory or back from its segments. r.seg is nil if it owes nothing there. Called with the
// committer's lock held.
func (l *Log) gather(c *committer) (r synced, by road) {
	l.mu.Lock()
	if l.usableLocked() != nil {
		r.bytes = l.settleLocked()
		l.mu.Unlock()
		return r, roadCommit
	}
	active := l.active()
	sealed := len(l.mu.dirty) > 0 && l.mu.dirty[0] != active
	if l.cfg.Load().Flush != FlushGroup {
		r.bytes = l.settleLocked()
		l.mu.Unlock()
		if sealed {
			return r, roadChore
		}
		return r, roadCommit
	}
	end := l.end.Load()
	from := l.mu.logged
	segs := *l.segs.Load()
	i, owed, known := l.owedLocked(segs, from, end)
	need := owed + int64(len(segs)-i)*commitlog.EntryHeader
	switch {
	case !known, owed > c.bulk, need > int64(c.w.Room()) && c.w.Added() == 0:
		l.dropKeptLocked()
		l.mu.Unlock()
		return r, roadDirect
	case need > int64(c.w.Room()):
		l.mu.Unlock()
		return r, roadNext
	}
	size, _ := active.bounds()
	k := l.takeKeptLocked(active, size, owed, end)
	r = synced{end: end, cut: l.mu.cut, bytes: l.settleLocked()}
	if active.unwritten >= l.lump(active, size) {
		r.out, r.outFrom, r.outBytes = active, size-active.unwritten, active.unwritten
		active.unwritten = 0
	}
	epoch := l.epochs.latest()
	l.mu.Unlock()
	if sealed {
		c.chore(l)
	}
	if owed == 0 {
		return r, roadCommit
	}
	// Below its end a segment does not change, and no truncation comes in between while the committer is locked.
	mark := c.w.Mark()
	if k != nil {
		l.gatherKept(c, k, owed, from.offset, end, epoch)
		i = len(segs)
	}
	for ; i < len(segs); i++ {
		upTo, next := size, end
		if segs[i] != active {
			upTo, next = segs[i].bounds()
		}
		if err := l.gatherSegment(c, segs[i], &from, place{next, segs[i], upTo}, epoch); err != nil {
			c.w.Back(mark)
			return synced{bytes: r.bytes}, roadDirect
		}
	}
	r.seg, r.size = active, size
	c.owe(l, c.w.Generation())
	l.commit.last = c.w.Generation() + 1 // at most
	return r, roadCommit
}

// owedLocked is where the bytes from a place to the log end lie: in segments i and up. known is false if that cannot be
// told without looking into the segments.
func (l *Log) owedLocked(segs []*segment, from place, end int64) (i int, owed int64, known bool) {
	i = find(segs, from.offset)
	pos := int64(0)
	switch {
	case from.offset >= end:
		return len(segs), 0, true
	case segs[i].base == from.offset:
	case segs[i] == from.seg:
		pos = from.pos
	default:
		return i, 0, false
	}
	owed = -pos
	for _, s := range segs[i:] {
		size, _ := s.bounds()
		owed += size
	}
	return i, owed, true
}

// gatherSegment adds the bytes of one segment between two places, and moves the first one there.
func (l *Log) gatherSegment(c *committer, s *segment, from *place, to place, epoch kafka.LeaderEpoch) error {
	pos := int64(0)
	if from.seg == s {
		pos = from.pos
	}
	if to.pos == pos {
		return nil
	}
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	defer s.log.release()
	e := commitlog.Entry{Kind: commitlog.Append, Log: l.commitID(), Epoch: epoch, Base: from.offset, Next: to.offset}
	if _, err := f.ReadAt(c.w.Add(e, int(to.pos-pos)), pos); err != nil {
		return err
	}
	*from = to
	return nil
}

// commitID is how the commit log calls the log.
func (l *Log) commitID() commitlog.Log {
	return commitlog.Log{Topic: l.tip.ID, Partition: l.tip.Partition}
}

// writeOut asks the kernel to begin writing a range of the segment. A hint.
func (s *segment) writeOut(from, n int64) {
	if f, err := s.log.acquire(); err == nil {
		f.WriteOut(from, n)
		s.log.release()
	}
}
