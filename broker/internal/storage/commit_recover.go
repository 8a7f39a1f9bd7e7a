package storage

import (
	"fmt"
	"math"

	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// discardIfClean removes what there is of a commit log in a directory that was stopped cleanly: by Apache Kafka or an older version
// after a crash of this one, since our own clean stop leaves nothing. Called before the marker is taken away.
func (d *Dir) discardIfClean(names []string) error {
	_, clean, _, err := readMarker(d.disk.fs, d.path, &d.meta)
	if err != nil || !clean {
		return err
	}
	return d.removeCommitFiles(names, true)
}

// removeCommitFiles removes the ring and, with replays, what is to be replayed, durably.
func (d *Dir) removeCommitFiles(names []string, replays bool) error {
	any, err := commitlog.Remove(d.disk.fs, d.path, names, replays)
	if err == nil && any {
		err = d.disk.fs.SyncDir(d.path)
	}
	return err
}

// openCommitLog brings what an unclean stop left in the commit log into a replay file for each partition that needs it, and
// begins a new commit log. Interrupted, it does the same again.
func (d *Dir) openCommitLog(names []string) error {
	found, err := commitlog.Find(d.disk.fs, d.path, names, d.meta.directory)
	if err != nil {
		return err
	}
	defer found.Close()
	x := extraction{dir: d, logs: map[commitlog.Log]*commitlog.History{}}
	defer x.close()
	if err := x.fold(found); err != nil {
		return err
	}
	if err := x.write(); err != nil {
		return err
	}
	if err := found.Remove(d.disk.fs, d.path); err != nil {
		return err
	}
	if err := d.removeCommitFiles(names, false); err != nil { // those that cannot be read, too
		return err
	}
	d.commit = newCommitter(d.disk, d.points, &d.opts, &d.meta, found.Last)
	return nil
}

// extraction is the state of bringing a commit log into replay files.
type extraction struct {
	dir     *Dir
	files   []*commitlog.Reader // replay files first
	replays int                 // so many of them
	logs    map[commitlog.Log]*commitlog.History
	told    map[commitlog.Log]bool // of which the ring knows something
	unread  map[commitlog.Log]bool // whose replay file cannot be read
}

func (x *extraction) close() {
	for _, r := range x.files[:x.replays] {
		r.Close()
	}
}

// fold reads all entries: first those that an earlier start brought into replay files.
func (x *extraction) fold(found *commitlog.Found) error {
	x.told, x.unread = map[commitlog.Log]bool{}, map[commitlog.Log]bool{}
	for _, l := range found.Replays {
		r, err := commitlog.Open(x.dir.disk.fs, x.dir.path+"/"+commitlog.ReplayName(l), x.dir.meta.directory)
		if err != nil {
			return err
		}
		h := &commitlog.History{}
		x.logs[l] = h
		if r == nil {
			x.dir.disk.lg.Error("a file that should be replayed cannot be read", "dir", x.dir.path, "file", commitlog.ReplayName(l))
			x.unread[l] = true
			continue
		}
		x.files = append(x.files, r)
		x.replays++
		if err := x.entries(r); err != nil {
			return err
		}
		if !r.Complete() {
			x.dir.disk.lg.Error("a file that should be replayed is damaged", "dir", x.dir.path, "file", commitlog.ReplayName(l))
			x.unread[l] = true
		}
	}
	for _, r := range found.Files {
		x.files = append(x.files, r)
		if err := x.entries(r); err != nil {
			return err
		}
		if r.Damaged() {
			x.dir.disk.lg.Error("the commit log is damaged", "file", r.Name())
		}
	}
	return nil
}

func (x *extraction) entries(r *commitlog.Reader) error {
	n := len(x.files) - 1
	for {
		ok, err := r.Next()
		if err != nil || !ok {
			return err
		}
		e := r.Entry()
		h := x.logs[e.Log]
		if h == nil {
			h = &commitlog.History{}
			x.logs[e.Log] = h
		}
		h.Add(e, n, r.Position())
		x.told[e.Log] = x.told[e.Log] || n >= x.replays
	}
}

// write makes replay files and log starts durable. Partitions that are not there, or whose directory has another
// topic id, are skipped; their directory may have been parked, so a replay file is left alone.
func (x *extraction) write() error {
	d := x.dir
	starts := false
	var written []commitlog.Log
	for _, tip := range d.found {
		id := commitlog.Log{Topic: tip.ID, Partition: tip.Partition}
		h := x.logs[id]
		if h == nil {
			continue
		}
		if x.unread[id] && !x.told[id] && !plantedReplayIgnored { // else the ring still has all of it
			d.mu.replay[tip] = true // and the log does not open
			continue
		}
		k := d.points.of(tip.TopicPartition())
		if h.Start > k.start {
			d.points.raiseStart(tip.TopicPartition(), h.Start)
			starts = true
		}
		h.Drop(k.recovery)
		if len(h.Pieces) == 0 { // an earlier start may have left something
			if err := removeIfExists(d.disk.fs, d.path+"/"+commitlog.ReplayName(id)); err != nil {
				return err
			}
			continue
		}
		d.mu.replay[tip] = true
		if x.told[id] {
			written = append(written, id)
		}
	}
	for len(written) > 0 {
		n := min(len(written), replaysAtOnce)
		if err := x.writeReplays(written[:n]); err != nil {
			return err
		}
		written = written[n:]
	}
	if starts {
		if err := d.points.write(); err != nil {
			return err
		}
	}
	if len(x.files) == 0 {
		return nil
	}
	return d.disk.fs.SyncDir(d.path)
}

// replaysAtOnce is how many replay files are synced together.
const replaysAtOnce = 16

// writeReplays writes the replay files of some logs, durably but for their names.
func (x *extraction) writeReplays(ids []commitlog.Log) error {
	files, errs := make([]*commitlog.File, len(ids)), make([]error, len(ids))
	for i, id := range ids {
		files[i], errs[i] = x.gatherReplay(id, x.logs[id])
	}
	x.dir.opts.Together(len(ids), func(i int) {
		if files[i] == nil {
			return
		}
		if err := files[i].Close(); errs[i] == nil {
			errs[i] = err
		}
	})
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("%s: %w", commitlog.ReplayName(ids[i]), err)
		}
	}
	return nil
}

// gatherReplay writes what is left of a log into its replay file, which is not closed yet. On an error it is what there is of it.
func (x *extraction) gatherReplay(id commitlog.Log, h *commitlog.History) (*commitlog.File, error) {
	d := x.dir
	f, err := commitlog.Create(d.disk.fs, d.path+"/"+commitlog.ReplayName(id), d.meta.directory)
	if err != nil {
		return nil, err
	}
	for _, p := range h.Pieces {
		r := x.files[p.File]
		if err := r.Go(p.Position); err != nil {
			return f, err
		}
		payload := r.Payload()
		if p.Limit < p.Next {
			payload = batchesBelow(payload, p.Limit)
			p.Next = p.Limit
		}
		if len(payload) > 0 {
			f.Add(p.Entry, payload)
		}
	}
	return f, nil
}

// batchesBelow is the batches that end below an offset.
func batchesBelow(batches []byte, offset int64) []byte {
	for rest := batches; len(rest) > 0; {
		b, after, err := batch.Next(rest)
		if err != nil || b.LastOffset() >= offset {
			return batches[:len(batches)-len(rest)]
		}
		rest = after
	}
	return batches
}

// openReplay opens what is to be replayed into a log; nil if nothing is.
func (d *Dir) openReplay(tip kafka.TopicIDPartition) (*commitlog.Reader, error) {
	d.mu.Lock()
	there := d.mu.replay[tip]
	d.mu.Unlock()
	if !there {
		return nil, nil
	}
	name := commitlog.ReplayName(commitlog.Log{Topic: tip.ID, Partition: tip.Partition})
	r, err := commitlog.Open(d.disk.fs, d.path+"/"+name, d.meta.directory)
	if err == nil && r == nil {
		err = unreadableReplay(d.path + "/" + name)
	}
	return r, err
}

// dropReplay removes, durably, what was replayed or is void.
func (d *Dir) dropReplay(tip kafka.TopicIDPartition) error {
	d.mu.Lock()
	there := d.mu.replay[tip]
	delete(d.mu.replay, tip)
	d.mu.Unlock()
	if !there {
		return nil
	}
	err := removeIfExists(d.disk.fs, d.path+"/"+commitlog.ReplayName(commitlog.Log{Topic: tip.ID, Partition: tip.Partition}))
	if err == nil {
		err = d.disk.fs.SyncDir(d.path)
	}
	return err
}

// tellRemoved makes sure that nothing is replayed into a partition of this identity that comes back.
func (d *Dir) tellRemoved(tip kafka.TopicIDPartition) error {
	if err := d.dropReplay(tip); err != nil || d.commit == nil {
		return err
	}
	c := d.commit
	for range commitTries {
		c.mu.Lock()
		err := c.controlLocked(commitlog.Delete, commitlog.Log{Topic: tip.ID, Partition: tip.Partition}, nil, 0)
		c.mu.Unlock()
		if err = d.roomFor(err); err == nil || err != errAgain {
			return err
		}
	}
	return errNoCommitRoom
}

// dropCommitLog removes the commit log, durably, after everything in it has been made durable elsewhere.
func (d *Dir) dropCommitLog() error {
	if d.commit == nil || d.commit.w.Empty() {
		return nil
	}
	if err := d.commit.w.Remove(); err != nil {
		return err
	}
	names, err := d.disk.fs.List(d.path) // what making a file ahead has left
	if err != nil {
		return err
	}
	return d.removeCommitFiles(names, false)
}

// attach tells, before anything is changed, whether what is to be replayed continues a log that ends at
// end and whose latest leader epoch is epoch. Damage: flushed bytes are missing in between (durability 7), or what is there
// cannot have been before it, or not all of it can be read.
// It returns where the log ends with it.
func attach(r *commitlog.Reader, path string, end int64, epoch kafka.LeaderEpoch) (int64, error) {
	r.Rewind()
	for {
		ok, err := r.Next()
		if err == nil && !ok && !r.Complete() && !plantedReplayIgnored {
			err = &CorruptError{Path: r.Name(), Position: r.Position(), Offset: end, Reason: "what is to be replayed cannot be read behind this"}
		}
		if err != nil || !ok {
			return end, err
		}
		e := r.Entry()
		if e.Base > end && !plantedHoleReplayed {
			return end, &CorruptError{Path: path, Position: r.Position(), Offset: end,
				Reason: fmt.Sprintf("log ends at %d, flushed batches follow from %d on", end, e.Base)}
		}
		if e.Next > end && e.Epoch >= 0 && e.Epoch < epoch {
			return end, &CorruptError{Path: path, Position: r.Position(), Offset: end,
				Reason: fmt.Sprintf("log ends in leader epoch %d, flushed batches of epoch %d follow", epoch, e.Epoch)}
		}
		end, epoch = max(end, e.Next), max(epoch, e.Epoch)
	}
}

// base is where an empty log begins so that what is to be replayed leads to start.
func replayBase(r *commitlog.Reader, start int64) (int64, error) {
	base := int64(-1)
	r.Rewind()
	for {
		ok, err := r.Next()
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		if b := r.Entry().Base; b <= start {
			base = b
		}
	}
	if base < 0 {
		base = start
	}
	return base, nil
}

// replay appends what continues the log at its end, in order, and makes it durable. The producers are
// loaded afterwards.
func (l *Log) replay(r *commitlog.Reader) error {
	none := l.noProducers
	l.noProducers = true
	defer func() { l.noProducers = none }()
	end, segments, txns := l.end.Load(), len(*l.segs.Load()), false
	r.Rewind()
	for {
		ok, err := r.Next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		some, err := l.replayEntry(r.Payload())
		if err != nil {
			return noRoomFor(err)
		}
		txns = txns || some
	}
	if l.end.Load() == end {
		return nil
	}
	l.noProducers = none
	if segs := *l.segs.Load(); txns || len(segs) > segments { // also the index of what was the active segment
		if err := l.rebuildTxns(segs, segments-1); err != nil {
			return err
		}
	}
	l.disk.lg.Info("brought back from the commit log", "log", l.path, "from", end, "to", l.end.Load())
	for _, s := range *l.segs.Load() {
		s.createdMs = -1 // no clock was asked
	}
	if plantedReplayUnsynced {
		l.flushed.Store(l.end.Load())
		return nil
	}
	out, err := l.syncFiles(true)
	if err == nil {
		l.publishFlushed(out)
	}
	return err
}

// replayEntry appends the batches of an entry that are not in the log. txns says that some belong to transactions.
func (l *Log) replayEntry(p []byte) (txns bool, err error) {
	for len(p) > 0 {
		b, rest, err := batch.Next(p)
		if err != nil || b.LastOffset() >= l.end.Load() {
			break
		}
		p = rest
	}
	if len(p) == 0 {
		return false, nil
	}
	cfg := l.cfg.Load()
	if err := l.checkLocked(cfg, p); err != nil {
		return false, fmt.Errorf("%w: %w", &CorruptError{Path: l.path, Offset: l.end.Load(), Reason: "what the commit log has does not continue the log"}, err)
	}
	done := Appended{FirstOffset: -1, NextOffset: l.end.Load(), MaxTimestamp: math.MinInt64}
	for len(p) > 0 {
		n, err := l.appendRun(cfg, p, 0, &done)
		if err != nil {
			return txns, err
		}
		for run := p[:n]; len(run) > 0; {
			b, rest, _ := batch.Next(run)
			txns, run = txns || b.Transactional(), rest
		}
		l.disk.replayed.Add(int64(n))
		p = p[n:]
	}
	return txns, nil
}

// Recovery tells what opening logs after an unclean stop has cost.
type Recovery struct {
	// Scanned are the bytes that were read and checked, and Above those that lay above the recovery points. A scan begins at
	// the last index entry below the point, so that of each log the last batches below it are checked, too: those of an
	// index.interval.bytes, and one.
	Scanned, Above int64
	Replayed       int64 // bytes brought back from the commit log
}

// Recovered is the work of all recoveries since OpenDir.
func (d *Dir) Recovered() Recovery {
	return Recovery{Scanned: d.disk.scanned.Load(), Above: d.disk.above.Load(), Replayed: d.disk.replayed.Load()}
}
