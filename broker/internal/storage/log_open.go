package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// firstSegment is the file that a log begins with.
const firstSegment = "00000000000000000000" + extLog

// found is what is known of a log before it is opened.
type found struct {
	clean    bool  // the directory was stopped cleanly
	fresh    bool  // its directory has just been made
	recovery int64 // recovery point
	start    int64 // log start offset
	hint     int64 // high watermark, -1 none
	cleaned  int64 // where the next cleaning begins, -1 none
	// replay is what the commit log has above the recovery point; nil: nothing.
	replay *commitlog.Reader

	noProducers bool // see Log
}

// openLog opens or creates the log in path. On error nothing stays open.
func openLog(d *disk, path string, tip kafka.TopicIDPartition, c Config, obs Observer, p points, k found) (*Log, error) {
	c = c.withDefaults()
	l := &Log{noted: -1, tip: tip, path: path, disk: d, points: p, obs: obs}
	l.cfg.Store(d.settings(&c))
	l.noProducers = k.noProducers
	l.hint.Store(k.hint)
	l.cleaned.Store(k.cleaned)
	l.segs.Store(&[]*segment{})
	err := l.load(k)
	if err == nil {
		return l, nil
	}
	l.mu.producers.reset()
	l.countProducersLocked()
	for _, s := range *l.segs.Load() {
		if f, _ := s.detach(); f != nil {
			f.Close()
		}
	}
	return nil, l.ioFailed(fmt.Errorf("open %s: %w", path, err))
}

// load brings the log to the state in which it takes appends.
func (l *Log) load(k found) error {
	if k.fresh && k.replay == nil {
		return l.beginFresh()
	}
	bases, files, err := l.list()
	if err != nil {
		return err
	}
	if len(bases) == 0 {
		return l.loadEmpty(k)
	}
	bases = l.leaveOut(bases, k.start)
	segs := make([]*segment, len(bases))
	for i, base := range bases {
		s := newSegment(l.disk.files, l.path, base)
		info, err := l.disk.fs.Stat(s.log.path())
		if err != nil {
			return err
		}
		s.mu.size = info.Size
		s.mu.txns = txnIndex{filed: true, onDisk: files.txns[base]}
		if i > 0 {
			segs[i-1].mu.next = base
		}
		segs[i] = s
	}
	if files.alone && k.recovery == 0 && k.start == 0 && k.replay == nil && segs[0].mu.size == 0 {
		segs[0].mu.loaded, segs[0].firstRead = true, true
		l.beginEmpty(segs[0])
		return nil
	}
	l.segs.Store(&segs)
	l.start.Store(max(k.start, bases[0]))
	if k.clean {
		err = l.trust(k.recovery)
	} else {
		err = l.recover(max(k.recovery, bases[0]), k.replay)
	}
	if err == nil && k.replay != nil {
		err = l.replay(k.replay)
	}
	if err != nil {
		return err
	}
	if l.end.Load() < l.start.Load() { // what was cut had been deleted anyway
		return l.beginAgain(l.start.Load())
	}
	l.epochs.truncateStart(l.start.Load())
	if k.clean { // after a recovery the file goes with the recovery point: see notePoints
		if err := l.writeEpochs(); err != nil {
			return err
		}
	}
	if err := l.loadTxns(files.indexed[l.active().base]); err != nil {
		return err
	}
	if err := l.completeIndexes(files.indexed); err != nil {
		return err
	}
	if err := l.tidySnapshots(); err != nil {
		return err
	}
	l.logAll()
	return l.loadProducers()
}

// logAll notes that everything in the log that counts as flushed is durable. Called with mu held, or alone.
func (l *Log) logAll() {
	if flushed := l.flushed.Load(); flushed < l.end.Load() { // see settle
		l.mu.logged = place{offset: flushed}
		return
	}
	s := l.active()
	size, _ := s.bounds()
	l.mu.logged = place{l.end.Load(), s, size}
}

// loadEmpty opens a log that has no segment: a new one, or one whose first segments were deleted before the name of the last
// one was durable.
func (l *Log) loadEmpty(k found) error {
	base := k.start
	if k.replay != nil {
		var err error
		if base, err = replayBase(k.replay, k.start); err == nil {
			_, err = attach(k.replay, l.path, base, kafka.NoLeaderEpoch)
		}
		if err != nil {
			return err
		}
	}
	if err := l.begin(base); err != nil || k.replay == nil {
		return err
	}
	l.start.Store(max(k.start, base))
	if err := l.replay(k.replay); err != nil {
		return err
	}
	if l.end.Load() < l.start.Load() {
		return l.beginAgain(l.start.Load())
	}
	l.epochs.truncateStart(l.start.Load())
	if err := l.writeEpochs(); err != nil {
		return err
	}
	l.logAll()
	return l.loadProducers()
}

// begin makes the first segment of an empty log.
func (l *Log) begin(start int64) error {
	if err := l.dropSnapshots(func(int64) bool { return true }); err != nil {
		return err
	}
	s, err := l.createSegment(start)
	if err != nil {
		return err
	}
	l.segs.Store(&[]*segment{s})
	l.start.Store(start)
	l.end.Store(start)
	l.flushed.Store(start)
	l.recovery.Store(start)
	l.epochs.replace(nil, false)
	l.logAll()
	return l.writeEpochs()
}

// beginFresh makes the first segment of a log whose directory has just been made. Nothing is durable before it is established, and
// its file is not kept open.
func (l *Log) beginFresh() error {
	s, f, err := l.makeSegment(0)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	l.beginEmpty(s)
	return nil
}

// beginEmpty makes a log of an empty first segment, with nothing in any file beside it.
func (l *Log) beginEmpty(s *segment) {
	l.segs.Store(&[]*segment{s})
	l.epochs.replace(nil, true)
	l.noted = 0
	l.logAll()
}

// unwritten reports whether nothing has ever been in the log, as far as its files say.
func (l *Log) unwritten() bool { return l.end.Load() == 0 && l.Size() == 0 && l.Segments() == 1 }

// createSegment makes an empty segment file, durably. errNoRoom: nothing was made.
func (l *Log) createSegment(base int64) (*segment, error) {
	s, f, err := l.makeSegment(base)
	if err != nil {
		return nil, err
	}
	s.log.adopt(f)
	s.log.release()
	return s, l.disk.fs.SyncDir(l.path)
}

// makeSegment is createSegment, but for its name and what is done with the file.
func (l *Log) makeSegment(base int64) (*segment, vfs.File, error) {
	s := newSegment(l.disk.files, l.path, base)
	f, err := l.disk.fs.Create(s.log.path())
	if err != nil {
		return nil, nil, noRoomFor(err)
	}
	s.preallocate(f, l.cfg.Load())
	s.mu.loaded = true
	s.firstRead = true
	s.jitterMs = l.cfg.Load().jitter(l.disk.random)
	return s, f, nil
}

// segmentIndexes says which segments have both index files, and which have a transaction index. alone: there is the
// first segment of a log and nothing else.
type segmentIndexes struct {
	indexed, txns map[int64]bool
	alone         bool
}

// list returns the base offsets of the segments in order and which of them have both index
// files, and clears away what an interrupted write left.
func (l *Log) list() (bases []int64, files segmentIndexes, err error) {
	names, err := l.disk.fs.List(l.path)
	if err != nil {
		return nil, files, err
	}
	if changed, err := l.finishSwaps(names); err != nil {
		return nil, files, err
	} else if changed {
		if names, err = l.disk.fs.List(l.path); err != nil {
			return nil, files, err
		}
	}
	if len(names) == 2 && names[0] == firstSegment && names[1] == partitionFile {
		return []int64{0}, segmentIndexes{alone: true}, nil
	}
	files = segmentIndexes{indexed: map[int64]bool{}, txns: map[int64]bool{}}
	has := map[string]bool{}
	for _, name := range names {
		has[name] = true
		switch {
		case strings.HasSuffix(name, extDeleted) && l.disk.trash != nil:
			l.disk.trash.add(&doomed{dir: l.path, names: []string{name}})
		case strings.HasSuffix(name, extTemp), strings.HasSuffix(name, extCleaned), strings.HasSuffix(name, extDeleted):
			if err := l.disk.fs.Remove(l.path + "/" + name); err != nil {
				return nil, files, err
			}
		}
		if base, ok := parseSegmentName(name, extLog); ok {
			bases = append(bases, base)
		}
		if at, ok := parseSegmentName(name, extSnap); ok && !l.noProducers {
			l.snapshots = append(l.snapshots, at)
		}
	}
	for _, name := range names { // a window file without its snapshot says nothing
		if at, ok := parseWindowName(name); ok && !has[fmt.Sprintf("%020d%s", at, extSnap)] {
			if err := removeIfExists(l.disk.fs, l.path+"/"+name); err != nil {
				return nil, files, err
			}
		}
	}
	slices.Sort(bases)
	slices.Sort(l.snapshots)
	for _, base := range bases {
		n := fmt.Sprintf("%020d", base)
		files.indexed[base] = has[n+extIndex] && has[n+extTime]
		files.txns[base] = has[n+extTxn]
	}
	return bases, files, nil
}

// parseSegmentName reads 20 digits and a suffix.
func parseSegmentName(name, ext string) (base int64, ok bool) {
	digits, ok := strings.CutSuffix(name, ext)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	base, err := strconv.ParseInt(digits, 10, 64)
	return base, err == nil && base >= 0 && digits[0] != '+'
}

// trust opens a log that was closed in order: only the active segment's tail is looked at.
// What does not fit together is damage, never cut; nor is a log that ends below the recovery point,
// at which it was closed.
func (l *Log) trust(point int64) error {
	segs := *l.segs.Load()
	s := segs[len(segs)-1]
	end, filed, err := l.loadActive(s)
	if err != nil {
		return err
	}
	if end < point && !plantedShortClean {
		return s.corrupt(s.mu.size, end, fmt.Sprintf("log was closed at %d", point))
	}
	if err := l.reachesStart(end); err != nil {
		return err
	}
	if end > point {
		if err := l.vouch(segs, point); err != nil {
			return err
		}
	}
	l.end.Store(end)
	l.flushed.Store(end)
	l.recovery.Store(end)
	if filed && end == point {
		l.noted = end // nothing is to be written before something is appended
	}
	return l.loadEpochs(end, segs, s.mu.size)
}

// loadActive brings the index of the last segment into memory. filed says that its files hold all of it.
func (l *Log) loadActive(s *segment) (end int64, filed bool, err error) {
	x, ok, err := s.readIndex(l.disk.fs)
	if err != nil {
		return 0, false, err
	}
	if !ok {
		x = newIndex()
	}
	x.keepBelow(1<<32 - 1) // the entry that sealing added goes
	f, err := s.log.acquire()
	if err != nil {
		return 0, false, err
	}
	defer s.log.release()
	interval := l.cfg.Load().IndexIntervalBytes
	w := getScan(f, s, s.mu.size)
	defer w.put()
	entries := len(x.offsets)
	end, err = s.tail(w, &x, interval)
	if err != nil && len(x.offsets) > 0 { // perhaps only the index is wrong
		x, ok = newIndex(), false
		end, err = s.tail(w, &x, interval)
	}
	if err != nil {
		return 0, false, err
	}
	s.mu.next, s.mu.index, s.mu.loaded = end, x, true
	return end, ok && len(x.offsets) == entries, nil
}

// tail completes the index from its last entry to the end of the segment and returns the offset
// after the last batch.
func (s *segment) tail(w *scan, x *index, interval int32) (int64, error) {
	if len(x.offsets) == 0 {
		return s.indexFrom(w, x, 0, w.end, interval, nil)
	}
	e := x.offsets[len(x.offsets)-1]
	h, err := w.header(int64(e.pos))
	if err != nil {
		return 0, err
	}
	end := h.LastOffset() + 1
	if end-1 != s.base+int64(e.rel) {
		return 0, s.corrupt(int64(e.pos), end-1, "index entry does not match the batch")
	}
	next, err := s.indexFrom(w, x, int64(e.pos)+size(h), w.end, interval, nil)
	return max(end, next), err
}

// loadEpochs reads the epoch checkpoint, without what begins at or above end. If it is missing or
// spoiled, the epochs are taken from the batches of segs, in the last one below position pos (S-07).
func (l *Log) loadEpochs(end int64, segs []*segment, pos int64) error {
	content, err := readFile(l.disk.fs, l.path+"/"+epochFile)
	if err == nil {
		var entries []epochEntry
		if entries, err = parseEpochs(content); err == nil && (len(entries) > 0 || end == l.start.Load()) {
			l.epochs.replace(entries, true)
			l.epochs.truncateEnd(end)
			return nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.epochs.replace(nil, false)
	for i, s := range segs {
		upTo := s.mu.size
		if i == len(segs)-1 {
			upTo = pos
		}
		if err := l.epochsOf(s, upTo); err != nil {
			return err
		}
	}
	return nil
}

// epochsOf assigns the epochs of a segment's batches below position end.
func (l *Log) epochsOf(s *segment, end int64) error {
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	defer s.log.release()
	w := getScan(f, s, end)
	defer w.put()
	for pos := int64(0); pos < end; {
		h, err := w.header(pos)
		if err != nil {
			return err
		}
		l.assignFrom(h)
		pos += size(h)
	}
	return nil
}

func (l *Log) assignFrom(h batch.Batch) {
	if e := h.LeaderEpoch(); e >= 0 {
		l.epochs.assign(e, h.BaseOffset())
	}
}

// completeIndexes rebuilds the index files of sealed segments that lack one.
func (l *Log) completeIndexes(indexed map[int64]bool) error {
	segs := *l.segs.Load()
	written := false
	for i, s := range segs[:len(segs)-1] {
		if indexed[s.base] || s.mu.loaded {
			continue
		}
		written = true
		if _, err := s.rebuildIndex(l.cfg.Load().IndexIntervalBytes); err != nil {
			return err
		}
		if found, err := l.transactional(s); err != nil {
			return err
		} else if found {
			if err := l.rebuildTxns(segs[:i+1], i); err != nil {
				return err
			}
		}
		if err := s.writeIndex(l.disk.fs, true, true); err != nil {
			return err
		}
	}
	if !written {
		return nil
	}
	return l.disk.fs.SyncDir(l.path)
}
