package sim

import (
	"errors"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// parkedProduce is an append with acks=all that waits for the high watermark.
type parkedProduce struct {
	connection *connection
	partition  *replica.Partition
	appended   replica.Appended
}

// produceRequest is one batch for one partition.
type produceRequest struct {
	at    kafka.TopicPartition
	acks  int16
	batch []byte
	value uint64 // of the first record, for the trace
	count int64

	idempotent bool // what is sent twice is there once
}

// appendedAt is the answer to a produceRequest. life is the disk that the records are on.
type appendedAt struct {
	offset int64
	life   int
}

// fetchRequest asks for one partition from an offset on.
type fetchRequest struct {
	at       kafka.TopicPartition
	offset   int64
	maxBytes int32
}

// fetched is the answer to a fetchRequest. life is the disk that the records are from.
type fetched struct {
	records       []byte
	highWatermark int64
	life          int
}

// logOf is the log of one of this node's partitions, or nil.
func (n *node) logOf(at kafka.TopicPartition) *storage.Log {
	for _, l := range n.dir.Logs() {
		if l.ID().TopicPartition() == at {
			return l
		}
	}
	return nil
}

// produce is what api/data does of a Produce for one partition.
func (n *node) produce(c *connection, r produceRequest) {
	refuse := func(err error) {
		if r.acks != 0 {
			c.answer("produce refused", nil, refusal{err})
		}
	}
	p := n.manager.Partition(r.at.Topic, r.at.Partition)
	if p == nil || !n.serving {
		refuse(replica.ErrNotLeader)
		return
	}
	end := int64(-1)
	if lg := n.logOf(r.at); lg != nil {
		end = lg.LogEndOffset()
	}
	again := n.w.oracle.appending(r)
	a, err := p.Append(r.batch, &replica.AppendOptions{
		Acks: r.acks, AllowZstd: true, Now: time.UnixMilli(n.nowMs()), Validator: &n.validator,
	})
	if err != nil {
		refuse(err)
		n.syncSoon()
		return
	}
	n.w.say("n%d->>n%d: appends %d at %d of %s in epoch %d", n.id, n.id, r.value, a.BaseOffset, r.at, a.Epoch)
	n.w.oracle.appended(n, r, a, end, again)
	n.syncSoon()
	switch r.acks {
	case 0:
	case 1:
		c.answer("produced", nil, appendedAt{a.BaseOffset, n.w.oracle.life(r.at)})
	default:
		n.waiting = append(n.waiting, &parkedProduce{connection: c, partition: p, appended: a})
		n.answerParked()
	}
}

// answerParked answers those whose records are committed, or whose chance has gone.
func (n *node) answerParked() {
	kept := n.waiting[:0]
	for _, p := range n.waiting {
		err := p.partition.Committed(p.appended)
		switch {
		case errors.Is(err, replica.ErrUncommitted) && !p.connection.over:
			kept = append(kept, p)
		case err != nil:
			p.connection.answer("produce refused", nil, refusal{errors.Join(errLost, err)}) // after the append: open
		default:
			n.w.oracle.committed(n, p)
			p.connection.answer("produced", nil, appendedAt{p.appended.BaseOffset, n.w.oracle.life(p.partition.ID().TopicPartition())})
		}
	}
	clear(n.waiting[len(kept):])
	n.waiting = kept
}

// syncSoon lets the syncer run when the disk gets to it.
func (n *node) syncSoon() {
	if n.syncing || n.dir == nil {
		return
	}
	n.syncing = true
	l := n.w.plan.Limits.DiskLatency
	n.later(between(n.w.chance.disk, l/2, 2*l), "sync", func() {
		n.syncing = false
		if n.dir.SyncOnce() {
			n.syncSoon()
		}
		n.answerParked()
		if n.dir.Err() != nil && !n.failing {
			n.failing = true
			n.offline()
		}
	})
}

// retentionStep is how often a step of retention is made and something unlinked.
const retentionStep = 300 * time.Millisecond

// retain makes a step of retention, as the lane of a data directory does.
func (n *node) retain() {
	if n.dir == nil || n.dir.Err() != nil {
		return
	}
	if n.retention == nil {
		n.retention = n.manager.BeginRetention(n.dir)
	}
	if !n.retention.Step(time.UnixMilli(n.nowMs())) {
		n.retention = nil
	}
	if _, err := n.dir.Unlink(n.nowMs()); err != nil && n.dir.Err() == nil && !isDiskFault(err) {
		n.w.violate("S-14", "node %d: unlink: %v", n.id, err)
	}
	n.syncSoon() // a segment may have been rolled, or the directory may have failed
}

// offline: the data directory has failed; somebody will start the process again.
func (n *node) offline() {
	if !isDiskFault(n.dir.Err()) {
		n.w.violate("directory failed", "node %d: %v", n.id, n.dir.Err())
	}
	n.w.some.hit("directory offline")
	n.later(restartAfter, "restart", func() {
		if n.dirFailed() {
			n.crash(Kill, time.Second)
		}
	})
}

// fetch is what api/data does of a Fetch for one partition.
func (n *node) fetch(c *connection, r fetchRequest) {
	refuse := func(err error) { c.answer("fetch refused", nil, refusal{err}) }
	p := n.manager.Partition(r.at.Topic, r.at.Partition)
	if p == nil || !n.serving {
		refuse(replica.ErrNotLeader)
		return
	}
	res, err := p.Read(&replica.ReadOptions{
		Offset: r.offset, MaxBytes: r.maxBytes, MinOne: true,
		CurrentEpoch: kafka.NoLeaderEpoch, LastFetchedEpoch: kafka.NoLeaderEpoch,
	})
	if err == nil {
		defer res.Slice.Close()
		var records []byte
		if records, err = res.Slice.AppendTo(nil); err == nil {
			n.w.oracle.served(n, r, res)
			c.answer("fetched", records, fetched{records, res.HighWatermark, n.w.oracle.life(r.at)})
			return
		}
	}
	if errors.Is(err, storage.ErrOffsetOutOfRange) {
		n.w.oracle.outOfRange(n, r)
	}
	refuse(err)
}
