package storage

import (
	"sync"
)

// syncQueue is what the syncer works on: the set of logs with unsynced appends, and the bytes they
// wait with. A core: it starts nothing; waiting is done by callers.
type syncQueue struct {
	maxBytes int64

	mu struct {
		sync.Mutex
		work    sync.Cond // there may be something to do
		room    sync.Cond // a round ended
		sweep   sync.Cond // a round has left something for later
		logs    []*Log
		spare   []*Log
		bytes   int64
		rounds  uint64 // ended rounds
		telling bool   // observers are being called: do not wait for a round
		started bool   // a goroutine runs rounds
		later   bool   // for later: see Dir.later
		failed  bool   // the directory is offline
		told    bool   // and the observers know
		stalled bool   // the disk does not answer: appends are refused, not kept waiting
		stop    bool
	}
}

func newSyncQueue(maxBytes int64) *syncQueue {
	q := &syncQueue{maxBytes: maxBytes}
	q.mu.work.L, q.mu.room.L, q.mu.sweep.L = &q.mu.Mutex, &q.mu.Mutex, &q.mu.Mutex
	return q
}

// add puts n bytes on the account and, if first, the log into the set. Called with l.mu held.
func (q *syncQueue) add(l *Log, n int64, first bool) {
	q.mu.Lock()
	q.mu.bytes += n
	if first {
		q.mu.logs = append(q.mu.logs, l)
		if len(q.mu.logs) == 1 {
			q.mu.work.Signal()
		}
	}
	q.mu.Unlock()
}

// admit waits for the end of a round if the account is over its bound and a syncer runs. It waits
// for one round at most, and not at all while observers are being told: an append may hold a lock
// that an observer wants.
func (q *syncQueue) admit() {
	q.mu.Lock()
	if q.mu.bytes >= q.maxBytes {
		for round := q.mu.rounds; q.mu.bytes >= q.maxBytes && q.mu.rounds == round &&
			q.mu.started && !q.mu.telling && !q.mu.failed && !q.mu.stop && !q.mu.stalled; {
			q.mu.room.Wait()
		}
	}
	q.mu.Unlock()
}

// settle takes bytes off the account.
func (q *syncQueue) settle(n int64) {
	q.mu.Lock()
	q.mu.bytes -= n
	q.mu.Unlock()
}

// take empties the set.
func (q *syncQueue) take() (logs []*Log) {
	q.mu.Lock()
	defer q.mu.Unlock()
	logs = q.mu.logs
	q.mu.logs, q.mu.spare = q.mu.spare[:0], nil
	return logs
}

// ended lets the appends go on that waited for the round.
func (q *syncQueue) ended(bytes int64) {
	q.mu.Lock()
	q.mu.bytes -= bytes
	q.mu.rounds++
	q.mu.telling = true
	q.mu.room.Broadcast()
	q.mu.Unlock()
}

// told lets appends wait for rounds again: the observers have been called, and the round goes on.
func (q *syncQueue) told() {
	q.mu.Lock()
	q.mu.telling = false
	q.mu.Unlock()
}

// finish gives the set's memory back after the observers have been told.
func (q *syncQueue) finish(logs []*Log) {
	clear(logs)
	q.mu.Lock()
	q.mu.spare = logs[:0]
	q.mu.telling = false
	q.mu.Unlock()
}

// fail wakes everybody up.
func (q *syncQueue) fail() {
	q.mu.Lock()
	q.mu.failed = true
	q.mu.work.Broadcast()
	q.mu.room.Broadcast()
	q.mu.Unlock()
}

// stall lets go of the appends that wait, or lets them wait again.
func (q *syncQueue) stall(on bool) {
	q.mu.Lock()
	q.mu.stalled = on
	q.mu.room.Broadcast()
	q.mu.Unlock()
}

// untold says, once, that the directory is offline and the observers do not know yet.
func (q *syncQueue) untold() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	tell := q.mu.failed && !q.mu.told
	q.mu.told = q.mu.told || tell
	return tell
}

// SyncOnce does one round of the syncer: it takes the whole set of logs with unsynced appends,
// makes them durable (through the commit log, or by syncing their files), publishes their flushed ends and tells the
// observers. It reports whether there was anything to do. If the directory went offline, the observers are told that, once.
// Start calls it from a goroutine; a simulator calls it itself, and it then also does what is left for later. One call at a time.
func (d *Dir) SyncOnce() bool {
	logs, failed := d.queue.take(), d.queue.untold()
	if failed {
		d.tellFailed()
	}
	if len(logs) == 0 {
		d.queue.finish(logs)
		return failed
	}
	var bytes int64
	direct := logs
	if d.commit != nil {
		d.direct = d.direct[:0]
		bytes = d.round(logs)
		direct = d.direct
	}
	if len(direct) > 0 {
		bytes += d.syncDirect(direct)
	}
	if d.disk.hung.Load() {
		d.disk.mark() // it answers after all; what it has flushed and what not is not known
	}
	clear(d.direct)
	d.queue.finish(logs)
	d.checkpointAfter(bytes)
	return true
}

// syncDirect syncs the files of logs, publishes and tells.
func (d *Dir) syncDirect(logs []*Log) (bytes int64) {
	results := d.results[:0]
	var settled int64
	for _, l := range logs {
		r, err := l.syncFiles(false)
		settled += r.bytes
		if err != nil {
			r.seg, r.end = nil, -1
		} else {
			bytes += r.bytes
		}
		results = append(results, r)
	}
	d.queue.ended(settled)
	for i, l := range logs {
		if results[i].end < 0 || d.disk.err() != nil {
			continue
		}
		if end, rose := l.publishFlushed(results[i]); rose {
			l.tellFlushed(end)
		}
	}
	clear(results)
	d.results = results[:0]
	return bytes
}

// tellFailed tells every log's observer that the directory is offline.
func (d *Dir) tellFailed() {
	err := d.disk.err()
	for _, l := range d.Logs() {
		if l.obs != nil {
			l.obs.Failed(err)
		}
	}
}

// checkpointLogBytes is how much of a log's a checkpoint should be worth: it costs two index files and their syncs.
const checkpointLogBytes = 16 << 20

// checkpointEvery is how much is appended between two writings of the recovery points: more if many logs share it.
func (d *Dir) checkpointEvery() int64 {
	every := d.opts.CheckpointBytes
	if d.commit == nil {
		return every
	}
	return min(max(every, d.commit.dirty.n.Load()*checkpointLogBytes), 4*every)
}

// checkpointAfter has the recovery points written once enough has been synced since the last time.
func (d *Dir) checkpointAfter(bytes int64) {
	if d.sinceSpace += bytes; d.sinceSpace >= spaceCheckBytes {
		d.sinceSpace = 0
		d.CheckSpace() // it is asked again soon if it cannot be told now
	}
	d.sinceCheckpoint += bytes
	due := d.sinceCheckpoint >= d.checkpointEvery()
	if due {
		d.sinceCheckpoint = 0
	}
	if d.commit != nil {
		if due {
			d.commit.owing.Store(true)
		}
		d.later()
		return
	}
	if !due {
		return
	}
	if err := d.Checkpoint(); err != nil {
		d.disk.lg.Error("cannot write the checkpoints", "dir", d.path, "error", err)
	}
}
