package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// disk is what the logs of one data directory share: the way to its files, and its health.
type disk struct {
	fs       vfs.FS
	files    *fileCache
	random   func() [16]byte
	lg       *slog.Logger
	failed   atomic.Pointer[error]
	marked   atomic.Bool // failedFile has been written, or tried to be
	stalled, // see Dir.Watch
	hung atomic.Bool // it failed because it was stalled for too long
	ops  watches
	path string // of the data directory; for a log outside one its own
	// reserve is DirOptions.ReserveBytes; negative for a log outside a data directory.
	reserve int64
	space   space
	trash   *trash // nil for a log outside a data directory: what is deleted is unlinked at once
	// producers counts those that all logs remember; see DirOptions.MaxProducers. A log outside a directory has none.
	producers    atomic.Int64
	maxProducers int64
	lastSettings atomic.Pointer[Config]
	scanned      atomic.Int64 // bytes, by recoveries
	above        atomic.Int64 // bytes above the recovery points, that these found
	replayed     atomic.Int64 // bytes, from the commit log
	cleaned      *cleanPoints // nil for a log outside a data directory
	renew        bool         // an earlier run ended with a failed disk: see Log.renew
	onFail       func()       // wakes whoever tells the observers; nil: nobody
}

// settings are settings equal to c, the same for logs that come after each other: most of many have the same.
func (d *disk) settings(c *Config) *Config {
	if last := d.lastSettings.Load(); last != nil && *last == *c {
		return last
	}
	shared := *c
	d.lastSettings.Store(&shared)
	return &shared
}

// err is not nil once the directory is offline.
func (d *disk) err() error {
	if p := d.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// fail takes the directory offline for good (S-09) and returns the error to hand on.
func (d *disk) fail(cause error) error {
	if errors.Is(cause, ErrOffline) {
		return cause
	}
	err := fmt.Errorf("%w: %w", ErrOffline, cause)
	if d.failed.CompareAndSwap(nil, &err) && d.onFail != nil {
		d.onFail()
	}
	d.mark()
	return d.err()
}

// mark leaves word in the directory that it has failed, as well as that can be done now.
func (d *disk) mark() {
	if d.marked.CompareAndSwap(false, true) {
		replaceFile(d.fs, d.path+"/"+failedFile, nil)
		d.fs.SyncDir(d.path)
	}
}

// points keeps recovery points and log starts in a file, for a directory or for one log.
type points interface {
	// lower makes sure, durably, that no recovery point of l above offset is on disk.
	lower(l *Log, offset int64) error
	// note keeps l's recovery point, log start and high watermark for the next writing. Called
	// with l.syncMu held, so that no truncation comes in between.
	note(l *Log)
	// noteStart keeps the log start and the high watermark only.
	noteStart(l *Log)
	// write makes what was noted durable, and writeStart at least the log starts.
	write() error
	writeStart() error
}

// Log is one partition's log: segments of record batches in Kafka's on-disk format.
//
// Concurrency: everything is safe for concurrent use. Appends, truncation and close exclude each
// other (mu). Reads take an immutable list of segments and short locks that no I/O is done under,
// so they do not wait for appends. Lock order: Observer's own locks, startMu, syncMu, committer.mu, mu, then the leaves
// segment.mu, epochCache.mu, fileCache.mu, syncQueue.mu, committer.dirty, which nest in nothing.
//
// Invariants: LogStartOffset <= FlushedEndOffset <= LogEndOffset; recovery point <= flushed end;
// a byte of a segment below its published size never changes.
type Log struct {
	tip    kafka.TopicIDPartition
	path   string
	disk   *disk
	queue  *syncQueue // nil: synced by its owner
	points points
	obs    Observer // may be nil
	onStop func(*Log)

	cfg      atomic.Pointer[Config]
	start    atomic.Int64 // log start offset
	end      atomic.Int64 // log end offset
	flushed  atomic.Int64 // confirmed by fdatasync
	recovery atomic.Int64 // everything below is durable, with indexes and epochs
	cleaned  atomic.Int64 // where the next cleaning begins, -1: there was none
	hint     atomic.Int64 // high watermark to checkpoint, -1 none
	// unestablished is the directory of a log that has never been written to and whose identity need not be durable; see establish.
	unestablished atomic.Pointer[Dir]
	segs          atomic.Pointer[[]*segment]
	epochs        epochCache

	writing, syncing watch
	unflushedMs      int64 // see FlushAged
	unstable         unstable

	noProducers bool    // no producer state: a log without clients
	snapshots   []int64 // producer snapshots on disk, ascending; guarded by syncMu

	checkpointBytes int64 // of a standalone log: see DirOptions.CheckpointBytes
	sinceCheckpoint int64 // guarded by syncMu
	noted           int64 // recovery point at the last note of the points; guarded by syncMu

	// startMu excludes moves of the log start, truncating and closing; held in I/O, which nobody who appends,
	// reads or syncs waits for. Of several logs together only Dir.Retain takes it, without waiting.
	startMu   sync.Mutex
	moving    atomic.Int64 // the log start that is being made durable, 0 none; written with startMu held
	leftovers []*doomed    // files below the log start that are not in the trash yet; guarded by startMu

	syncMu sync.Mutex // excludes syncing, truncating and closing; held in I/O
	mu     struct {
		sync.Mutex // the writer's; held in the append's own I/O
		closed     bool
		frozen     bool       // takes no appends any more
		queued     bool       // on the sync queue
		newNames   bool       // the directory has names that were not synced
		dirty      []*segment // segments with unsynced bytes or unwritten index files, oldest first
		spare      []*segment
		queuedLen  int64 // bytes on the sync queue's account
		producers  producers
		counted    int    // producers that disk.producers counts
		cut        uint64 // counts truncations: a sync that overlaps one publishes nothing
		kept       *kept  // a copy of what the next round is to get, nil: it reads that back
		logged     place  // everything before it is durable, in the segments or in the commit log
	}

	dir    *Dir // nil: a log outside one
	commit commitState
}

// ID is the partition's identity and name.
func (l *Log) ID() kafka.TopicIDPartition { return l.tip }

// Path is the partition's directory.
func (l *Log) Path() string { return l.path }

// LogStartOffset is the first offset that may be read (inclusive).
func (l *Log) LogStartOffset() int64 { return l.start.Load() }

// LogEndOffset is the offset that the next record gets (exclusive end of the log).
func (l *Log) LogEndOffset() int64 { return l.end.Load() }

// FlushedEndOffset is the end (exclusive) of what survives a power cut. Under FlushOS it is the
// log end: nothing is waited for.
func (l *Log) FlushedEndOffset() int64 {
	// The end is read before the policy: a change to FlushGroup in between must not let what is
	// appended after it count.
	end := l.end.Load()
	if l.cfg.Load().Flush == FlushOS {
		return end
	}
	return l.flushed.Load()
}

// RecoveryPoint is where a scan would begin after a crash now, once it is checkpointed (S-03).
func (l *Log) RecoveryPoint() int64 { return l.recovery.Load() }

// SetHighWatermarkHint tells the high watermark (exclusive) to write into the checkpoint file.
func (l *Log) SetHighWatermarkHint(hw int64) { l.hint.Store(hw) }

// HighWatermarkHint is what SetHighWatermarkHint was last given, or what the checkpoint held at
// open, at most the log end; -1 if neither. It is only where a replica may begin.
func (l *Log) HighWatermarkHint() int64 { return min(l.hint.Load(), l.end.Load()) }

// SetConfig replaces the settings. They hold from the next append on.
func (l *Log) SetConfig(c Config) {
	c = c.withDefaults()
	l.mu.Lock()
	if *l.cfg.Load() != c {
		l.cfg.Store(l.disk.settings(&c))
	}
	if c.Flush == FlushGroup && len(l.mu.dirty) > 0 && !l.mu.closed {
		l.enqueueLocked(0) // what the old policy left unsynced
	}
	l.mu.Unlock()
}

// Config returns the settings in force, defaults filled in.
func (l *Log) Config() Config { return *l.cfg.Load() }

// Policy is the flush policy in force.
func (l *Log) Policy() Policy { return l.cfg.Load().Flush }

// Size is the number of bytes in all segments.
func (l *Log) Size() int64 {
	var n int64
	for _, s := range *l.segs.Load() {
		size, _ := s.bounds()
		n += size
	}
	return n
}

// Segments is the number of segments.
func (l *Log) Segments() int { return len(*l.segs.Load()) }

// LatestEpoch is the newest leader epoch of the log or kafka.NoLeaderEpoch.
func (l *Log) LatestEpoch() kafka.LeaderEpoch { return l.epochs.latest() }

// EndOffsetForEpoch answers OffsetForLeaderEpoch: the largest known epoch at or below e and the
// offset at which it ends. -1, -1: nothing is known. Source: SURFACE 83, KIP-101, KIP-279.
func (l *Log) EndOffsetForEpoch(e kafka.LeaderEpoch) (kafka.LeaderEpoch, int64) {
	return l.epochs.endOffset(e, l.end.Load())
}

// EpochStart is the first offset of epoch e, if the log knows it.
func (l *Log) EpochStart(e kafka.LeaderEpoch) (offset int64, ok bool) { return l.epochs.start(e) }

// EpochAt is the leader epoch of the record at offset, or that the next one would have at the log
// end; kafka.NoLeaderEpoch if the log does not know it.
func (l *Log) EpochAt(offset int64) kafka.LeaderEpoch { return l.epochs.at(offset) }

// AssignEpoch notes that leader epoch e begins at the log end, before anything is appended in it;
// a no-op unless e is newer than the log's latest. An epoch without records does not survive a
// restart.
func (l *Log) AssignEpoch(e kafka.LeaderEpoch) {
	l.mu.Lock()
	l.epochs.assign(e, l.end.Load())
	l.mu.Unlock()
}

func (l *Log) appendableLocked() error {
	if l.mu.frozen {
		return ErrClosed
	}
	return l.usableLocked()
}

// find is the index of the segment that holds offset, or would.
func find(segs []*segment, offset int64) int {
	return max(0, sort.Search(len(segs), func(i int) bool { return segs[i].base > offset })-1)
}

// active is the segment that takes appends. Called with mu held.
func (l *Log) active() *segment {
	segs := *l.segs.Load()
	return segs[len(segs)-1]
}

func (l *Log) usableLocked() error {
	if err := l.disk.err(); err != nil {
		return err
	}
	if l.mu.closed {
		return ErrClosed
	}
	return nil
}

// ioFailed classifies an error of reading: damage and lack of descriptors are answered, anything
// else takes the directory offline.
func (l *Log) ioFailed(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrCorrupt), errors.Is(err, ErrOffline), errors.Is(err, ErrClosed),
		errors.Is(err, ErrOffsetOutOfRange), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return err
	case errors.Is(err, errNoRoom):
		return l.disk.noRoom(err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return l.disk.fail(err)
}

// Close makes everything durable that can be and gives the files back; pinned Slices stay
// readable. Further calls on the log return ErrClosed or ErrOffline. A log whose disk does not answer is left
// as it is: ErrStalled or ErrOffline.
func (l *Log) Close() error {
	if err := l.disk.refuseStalled(); err != nil {
		return err
	}
	l.freeze()
	_, err := l.Sync()
	if err == nil {
		err = l.stopSnapshot()
	}
	if err == nil {
		err = l.notePoints()
	}
	if err == nil {
		if err = l.points.write(); err != nil {
			err = l.disk.noRoom(err)
		}
	}
	if errors.Is(err, ErrClosed) {
		return nil
	}
	l.abandon()
	return err
}

// freeze ends appending.
func (l *Log) freeze() {
	l.mu.Lock()
	l.mu.frozen = true
	l.mu.Unlock()
}

// notePoints makes index and epoch files durable and then notes the recovery point.
func (l *Log) notePoints() error {
	if err := l.disk.refuseStalled(); err != nil {
		return err
	}
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.mu.Lock()
	active, err := l.active(), l.usableLocked()
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if l.unestablished.Load() != nil {
		return nil // nothing to note
	}
	recovery := l.recovery.Load()
	if recovery == l.noted && !l.epochs.isChanged(l.end.Load()) {
		l.points.noteStart(l)
		return nil // thousands of idle logs must cost a checkpoint nothing
	}
	defer l.disk.ops.begin()()
	err = active.writeIndex(l.disk.fs, true, false)
	if err == nil {
		_, err = l.replaceEpochs()
	}
	if err == nil {
		if err = l.disk.fs.SyncDir(l.path); err != nil {
			l.epochs.putBack()
		}
	}
	if err != nil {
		return l.disk.noRoom(err)
	}
	l.points.note(l)
	l.noted = recovery
	return nil
}

// writeEpochs makes the epoch file what it should be, durably.
func (l *Log) writeEpochs() error {
	replaced, err := l.replaceEpochs()
	if err == nil && replaced {
		if err = l.disk.fs.SyncDir(l.path); err != nil {
			l.epochs.putBack()
		}
	}
	return err
}

// replaceEpochs writes the epoch file if it must be. Its name is durable after SyncDir, which the caller owes; if that fails,
// it puts the epochs back.
func (l *Log) replaceEpochs() (replaced bool, err error) {
	content, ok := l.epochs.takeChanged(l.end.Load())
	if !ok {
		return false, nil
	}
	if err := replaceFile(l.disk.fs, l.path+"/"+epochFile, content); err != nil {
		l.epochs.putBack()
		return false, err
	}
	return true, nil
}

// abandon gives the files back without syncing.
func (l *Log) abandon() {
	l.startMu.Lock()
	defer l.startMu.Unlock()
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.closed {
		return
	}
	l.mu.closed = true
	l.mu.producers.reset()
	l.countProducersLocked()
	for _, s := range *l.segs.Load() {
		if f, _ := s.detach(); f != nil {
			f.Close()
		}
	}
	l.mu.dirty = nil
	if l.queue != nil {
		l.queue.settle(l.mu.queuedLen)
		l.mu.queuedLen = 0
	}
	if l.onStop != nil {
		l.onStop(l)
	}
}
