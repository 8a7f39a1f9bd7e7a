package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Dir is one data directory: its identity, its lock, its logs and their syncer. A broker may have
// several; none knows of the others.
type Dir struct {
	path    string
	opts    DirOptions
	disk    *disk
	queue   *syncQueue
	points  *dirPoints
	births  births
	commit  *committer // nil: there is no commit log
	lock    io.Closer
	meta    metaProperties
	clean   bool
	epoch   kafka.BrokerEpoch
	found   []kafka.TopicIDPartition // guarded by mu, as are the strays
	strays  []string
	futures []string // copies that the last run left, until SettleFutures

	loop            sync.WaitGroup
	results         []synced            // scratch of SyncOnce
	direct          []*Log              // likewise
	sinceCheckpoint int64               // likewise
	sinceSpace      int64               // likewise
	seen            map[*watch]sighting // scratch of Stalled
	guests          []*Log              // see Attend

	mu struct {
		sync.Mutex
		logs   map[kafka.TopicPartition]*Log   // nil value: being opened
		opened map[kafka.TopicPartition]bool   // since the start
		replay map[kafka.TopicIDPartition]bool // those that have a replay file
		young  []*Log                          // see Establish
		closed bool
	}
}

// ID is the directory's own id (directory.id).
func (d *Dir) ID() kafka.UUID { return d.meta.directory }

// ClusterID is the cluster that the directory belongs to.
func (d *Dir) ClusterID() string { return d.meta.clusterID }

// Path is where the directory is.
func (d *Dir) Path() string { return d.path }

// Clean reports whether the last stop was clean, and the broker epoch that it was written under
// (KIP-966); -1 if the marker had none.
func (d *Dir) Clean() (epoch kafka.BrokerEpoch, ok bool) { return d.epoch, d.clean }

// Found lists the partitions that were there at open, in order of their directories' names, without those that were parked.
func (d *Dir) Found() []kafka.TopicIDPartition {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.found)
}

// Strays lists directories that are not a partition with an identity, and those that were parked. They are left alone.
func (d *Dir) Strays() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.strays)
}

// Err is not nil once the directory is offline (S-09).
func (d *Dir) Err() error { return d.disk.err() }

// Logs lists the open logs in order of topic and partition.
func (d *Dir) Logs() []*Log {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]*Log, 0, len(d.mu.logs))
	for _, l := range d.mu.logs {
		if l != nil {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b *Log) int {
		if c := strings.Compare(a.tip.Topic, b.tip.Topic); c != 0 {
			return c
		}
		return int(a.tip.Partition) - int(b.tip.Partition)
	})
	return out
}

// OpenLog opens a partition's log, or creates it, which waits for no disk: whose it is is durable before its first byte. After an unclean
// stop it is recovered from its recovery point. obs may be nil. May do much I/O; different logs
// may be opened at the same time. Errors: ErrTopicID, CorruptError (this partition only), ErrOpen,
// ErrStalled, ErrOffline, ErrClosed; syscall.ENOSPC (wrapped, and not ErrOffline) when there was no room: the directory
// stays in service, and opening may be tried again (S-11).
func (d *Dir) OpenLog(tip kafka.TopicIDPartition, cfg Config, obs Observer) (*Log, error) {
	tp := tip.TopicPartition()
	if err := kafka.CheckTopicName(tip.Topic); err != nil { // before it becomes a path (S-15)
		return nil, err
	}
	if tip.Partition < 0 || tip.ID.IsZero() {
		return nil, fmt.Errorf("%w: %v has no identity", ErrTopicID, tp)
	}
	first, err := d.reserve(tp)
	if err != nil {
		return nil, err
	}
	defer d.disk.ops.begin()()
	l, err := d.openLog(tip, cfg, obs, first)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		delete(d.mu.logs, tp)
		return nil, err
	}
	d.mu.logs[tp] = l
	d.mu.opened[tp] = true
	if l.unestablished.Load() != nil && len(d.mu.young) < maxYoung {
		d.mu.young = append(d.mu.young, l)
	}
	return l, nil
}

// reserve claims the name. first is true for the first opening since the start.
func (d *Dir) reserve(tp kafka.TopicPartition) (first bool, err error) {
	if err := d.disk.err(); err != nil {
		return false, err
	}
	if err := d.disk.refuseStalled(); err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.closed {
		return false, ErrClosed
	}
	if _, there := d.mu.logs[tp]; there {
		return false, fmt.Errorf("%w: %v", ErrOpen, tp)
	}
	d.mu.logs[tp] = nil
	return !d.mu.opened[tp], nil
}

func (d *Dir) openLog(tip kafka.TopicIDPartition, cfg Config, obs Observer, first bool) (*Log, error) {
	tp := tip.TopicPartition()
	path := d.path + "/" + tp.String()
	is, err := d.identify(path, tip)
	if err != nil {
		if errors.Is(err, ErrTopicID) || errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
		return nil, d.disk.noRoom(err)
	}
	k := d.points.of(tp)
	k.clean = d.clean && first && is == identityKnown
	k.fresh = is == identityNew
	if k.replay, err = d.openReplay(tip); err != nil {
		return nil, d.damaged(err)
	}
	back, err := d.returned(tip, path, &k)
	if err != nil {
		if k.replay != nil {
			k.replay.Close()
		}
		return nil, d.damaged(err)
	}
	if plantedReplayDropped {
		d.dropReplay(tip)
	}
	l, err := openLog(d.disk, path, tip, cfg, obs, d.points, k)
	if k.replay != nil {
		k.replay.Close()
	}
	if err != nil {
		return nil, err
	}
	err = d.dropReplay(tip)
	if err == nil && back {
		err = d.bringBack(l)
	}
	if err != nil {
		l.abandon()
		return nil, d.disk.noRoom(err)
	}
	if d.commit != nil {
		l.dir = d
		if is == identityKnown { // an earlier opening may have written into it
			d.commit.mu.Lock()
			l.commit.last = d.commit.w.Generation()
			d.commit.mu.Unlock()
		}
	}
	if l.unwritten() && k.replay == nil {
		l.unestablished.Store(d)
	}
	l.queue = d.queue
	l.onStop = d.closedLog
	return l, nil
}

// damaged is an error that concerns one partition if it is of damage, and else the directory.
func (d *Dir) damaged(err error) error {
	if errors.Is(err, ErrCorrupt) {
		return err
	}
	return d.disk.noRoom(err)
}

func (d *Dir) closedLog(l *Log) {
	d.mu.Lock()
	delete(d.mu.logs, l.tip.TopicPartition())
	d.mu.Unlock()
}

// identifyDurably makes sure that path is the directory of topic id, creating it with its identity, which
// is durable when it returns, if it is not there or was left empty by a crash.
func identifyDurably(v vfs.FS, path string, id kafka.TopicID) (created bool, err error) {
	names, err := v.List(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := mkdirDurably(v, path); err != nil {
			return false, err
		}
		return true, writeDurably(v, path+"/"+partitionFile, encodePartition(id))
	}
	if err != nil {
		return false, err
	}
	content, err := readFile(v, path+"/"+partitionFile)
	switch {
	case err == nil:
		have, err := parsePartition(content)
		if err == nil && have != id {
			err = fmt.Errorf("%w: %s is of %v, not %v", ErrTopicID, path, have, id)
		}
		return false, err
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, extLog) {
			return false, fmt.Errorf("%w: %s has segments but no %s", ErrTopicID, path, partitionFile)
		}
	}
	return true, writeDurably(v, path+"/"+partitionFile, encodePartition(id))
}

// Checkpoint writes index and epoch files, then recovery points, log starts and high watermarks,
// durably (S-03). The syncer does it by itself now and then; the owner may do it more often.
func (d *Dir) Checkpoint() error {
	for _, l := range d.Logs() {
		if err := l.notePoints(); err != nil && !errors.Is(err, ErrClosed) {
			return err
		}
	}
	defer d.disk.ops.begin()()
	if err := d.points.write(); err != nil {
		return d.disk.noRoom(err)
	}
	return nil
}

// Close stops the syncer, syncs and closes every log, writes the checkpoints and releases the
// lock. With clean it leaves the marker that saves the next start the recovery, as the very last
// thing and only if everything before succeeded; epoch is written into it (S-04). A directory that was given up
// because its disk hangs is only unlocked.
func (d *Dir) Close(clean bool, epoch kafka.BrokerEpoch) error {
	d.mu.Lock()
	if d.mu.closed {
		d.mu.Unlock()
		return nil
	}
	d.mu.closed = true
	d.mu.Unlock()
	if d.disk.hung.Load() { // whoever waits for the disk may wait for ever, with the locks of its log
		d.queue.end()
		return errors.Join(d.disk.err(), d.lock.Close())
	}
	d.stopLoop()

	err := d.closeLogs(d.Logs())
	if err == nil {
		err = d.points.write()
	}
	if err == nil {
		err = d.dropCommitLog()
	}
	if d.commit != nil {
		err = errors.Join(err, d.commit.w.Close())
	}
	if err == nil && clean && d.recovered() {
		if d.disk.renew {
			err = clearFailed(d.disk.fs, d.path)
		}
	} else {
		clean = false
	}
	if err == nil && clean {
		err = writeMarker(d.disk.fs, d.path, &d.meta, epoch)
	}
	return errors.Join(err, d.lock.Close())
}

// closeLogs makes everything in the logs durable and gives their files back.
func (d *Dir) closeLogs(logs []*Log) error {
	for _, l := range logs {
		l.freeze()
	}
	err := d.disk.err()
	if err == nil {
		err = d.stopLogs(logs)
	}
	for _, l := range logs {
		l.abandon()
	}
	return err
}

// stopLog makes everything durable that a log which takes no more appends has in memory.
func (d *Dir) stopLog(l *Log) error {
	_, err := l.Sync()
	if err == nil {
		err = l.stopSnapshot()
	}
	if err == nil {
		err = l.notePoints()
	}
	return err
}

// recovered is false while a partition that was there after an unclean start has not been opened:
// a marker would vouch for it.
func (d *Dir) recovered() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, tip := range d.found {
		if !d.clean && !d.mu.opened[tip.TopicPartition()] {
			d.disk.lg.Warn("no clean-shutdown marker: a partition was not recovered", "partition", tip.TopicPartition().String())
			return false
		}
	}
	return true
}
