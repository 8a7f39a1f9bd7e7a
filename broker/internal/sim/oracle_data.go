package sim

import (
	"errors"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// partitionPast is what was shown and promised of one partition.
type partitionPast struct {
	life          int // counts the times that it was allowed to lose what it promised
	values        map[int64]uint64
	highWatermark int64 // the highest that a reader was told
	acked         int64 // everything below was acknowledged with acks=all
	epochs        map[kafka.LeaderEpoch]tenure
	end           int64 // log end when its process ended
	start         int64 // the highest log start that anybody could see

	// Of batches of idempotent producers, by first value: where they are, or notPlaced if their append
	// began and the process ended in the middle of it.
	placed map[uint64]int64
}

func (o *oracle) part(at kafka.TopicPartition) *partitionPast {
	p := o.parts[at]
	if p == nil {
		p = &partitionPast{values: map[int64]uint64{}, epochs: map[kafka.LeaderEpoch]tenure{}, placed: map[uint64]int64{}}
		o.parts[at] = p
	}
	return p
}

// forgotten is a partition that may have lost everything.
func (p *partitionPast) forgotten() partitionPast {
	return partitionPast{life: p.life + 1, values: map[int64]uint64{}, epochs: p.epochs, placed: map[uint64]int64{}}
}

// life is how often a partition was allowed to forget.
func (o *oracle) life(at kafka.TopicPartition) int { return o.part(at).life }

// forget allows the partitions of a node to have lost everything: their disk was replaced.
func (o *oracle) forget(id int) {
	for _, at := range o.w.plan.everything() {
		if p := o.part(at); o.owner(at) == id {
			*p = p.forgotten()
		}
	}
}

// owner is the node that has the replica, or -1.
func (o *oracle) owner(at kafka.TopicPartition) int {
	if o.image == nil {
		return -1
	}
	if p := o.image.Partition(at.Topic, at.Partition); p != nil {
		return int(p.Replicas[0])
	}
	return -1
}

// notPlaced is the offset of a batch of which nobody was told one.
const notPlaced = -1

// appending: from here on a crash may leave the records in the log. It reports whether that has been so before.
func (o *oracle) appending(r produceRequest) (again bool) {
	if !r.idempotent {
		return false
	}
	p := o.part(r.at)
	if _, again = p.placed[r.value]; !again {
		p.placed[r.value] = notPlaced
	}
	return again
}

// appended: an append continues the log, and in one leader epoch only one process appends
// (R-03; a restart gets a new epoch, durability 6).
func (o *oracle) appended(n *node, r produceRequest, a replica.Appended, end int64, again bool) {
	p := o.part(r.at)
	if r.idempotent && a.BaseOffset < end {
		o.duplicate(n, p, r, a, again)
		return
	}
	if a.BaseOffset != end || a.LastOffset != end+r.count-1 {
		o.w.violate("R-27", "node %d appends %d records at %d to %d of %s, whose log end was %d", n.id, r.count, a.BaseOffset, a.LastOffset, r.at, end)
	}
	if r.idempotent {
		p.placed[r.value] = a.BaseOffset
	}
	me := tenure{n.id, n.starts}
	if old, ok := p.epochs[a.Epoch]; ok && old != me {
		o.w.violate("R-03", "node %d (start %d) appends to %s in epoch %d, in which node %d (start %d) has appended", me.node, me.start, r.at, a.Epoch, old.node, old.start)
	}
	p.epochs[a.Epoch] = me
}

// duplicate: what is not appended again is answered with its original place (T-02).
func (o *oracle) duplicate(n *node, p *partitionPast, r produceRequest, a replica.Appended, again bool) {
	o.w.some.hit("duplicate answered with its original place")
	at := p.placed[r.value]
	switch {
	case !again && p.life > 0: // it is from before the disk was replaced
	case !again || at != notPlaced && at != a.BaseOffset || a.LastOffset != a.BaseOffset+r.count-1:
		o.w.violate("T-02", "node %d takes batch %d of %s for a duplicate at %d to %d; it was appended (%t) at %d", n.id, r.value, r.at, a.BaseOffset, a.LastOffset, again, at)
	}
	p.placed[r.value] = a.BaseOffset // if nobody was told, R-20 says whether it is there
}

// committed: acks=all is answered when the high watermark has passed the records, and under group
// when they are flushed.
func (o *oracle) committed(n *node, p *parkedProduce) {
	at := p.partition.ID().TopicPartition()
	lg := n.logOf(at)
	switch {
	case p.partition.HighWatermark() <= p.appended.LastOffset:
		o.w.violate("R-28", "node %d answers for %d of %s, high watermark %d", n.id, p.appended.LastOffset, at, p.partition.HighWatermark())
	case lg != nil && lg.FlushedEndOffset() <= p.appended.LastOffset:
		o.w.violate("R-28", "node %d answers for %d of %s, flushed end %d", n.id, p.appended.LastOffset, at, lg.FlushedEndOffset())
	}
}

// acked takes the answer to a send.
func (o *oracle) acked(op *operation) {
	if op.life != o.life(op.at) {
		return // the disk has gone while the answer was under way
	}
	for i := range op.count {
		o.seen(op.at, op.offset+i, op.first+uint64(i), "acknowledged")
	}
	p := o.part(op.at)
	p.acked = max(p.acked, op.offset+op.count)
}

// seen: one offset holds one value, for everybody and for good.
func (o *oracle) seen(at kafka.TopicPartition, offset int64, value uint64, how string) {
	p := o.part(at)
	if old, ok := p.values[offset]; ok && old != value && !plantedBlind {
		o.w.violate("R-20", "offset %d of %s is %s as %d and was seen as %d", offset, at, how, value, old)
	}
	p.values[offset] = value
}

// served: a fetch shows nothing at or above the high watermark, which never goes back.
func (o *oracle) served(n *node, r fetchRequest, res replica.Read) {
	p := o.part(r.at)
	switch {
	case res.HighWatermark < p.highWatermark && n.caughtUp(r.at, p.highWatermark):
		o.w.violate("R-15", "node %d tells high watermark %d of %s after %d", n.id, res.HighWatermark, r.at, p.highWatermark)
	case res.Slice.Len() > 0 && res.Slice.NextOffset() > res.HighWatermark:
		o.w.violate("R-17", "node %d serves %s up to %d, high watermark %d", n.id, r.at, res.Slice.NextOffset(), res.HighWatermark)
	}
	p.highWatermark = max(p.highWatermark, res.HighWatermark)
}

// caughtUp reports whether a log has the offsets below end, flushed: then nothing excuses a lower high watermark.
func (n *node) caughtUp(at kafka.TopicPartition, end int64) bool {
	lg := n.logOf(at)
	return lg != nil && lg.FlushedEndOffset() >= end
}

// outOfRange: a reader that continues where it was is never out of range, unless what it would read has been deleted.
func (o *oracle) outOfRange(n *node, r fetchRequest) {
	if lg := n.logOf(r.at); lg != nil && r.offset < lg.LogStartOffset() {
		o.w.some.hit("reader below the log start")
		o.started(n, lg)
		return
	}
	if p := o.part(r.at); r.offset <= p.highWatermark {
		o.w.violate("R-13", "node %d: offset %d of %s is out of range; readers were told of %d", n.id, r.offset, r.at, p.highWatermark)
	}
}

// check looks at the logs of a node: none is damaged (S-02), none has lost what was shown or
// acknowledged.
func (o *oracle) check(n *node) {
	v := &o.voters[n.id]
	if v.events++; v.events%checkEvery != 0 || n.dir == nil || n.dir.Err() != nil {
		return
	}
	for _, at := range o.w.plan.everything() {
		if p := n.manager.Partition(at.Topic, at.Partition); p != nil && p.Err() != nil && !isDiskFault(p.Err()) && !errors.Is(p.Err(), storage.ErrClosed) {
			o.w.violate("S-02", "node %d: %s is offline: %v", n.id, at, p.Err())
		}
	}
	for _, lg := range n.dir.Logs() {
		at := lg.ID().TopicPartition()
		p := o.parts[at]
		if p == nil || o.owner(at) != n.id {
			continue
		}
		if lg.Segments() > 1 {
			o.w.some.hit("segment rolled")
		}
		o.started(n, lg)
		end := lg.LogEndOffset()
		switch {
		case end < p.highWatermark:
			o.w.violate("R-13", "node %d: %s ends at %d; readers were told of %d", n.id, at, end, p.highWatermark)
		case end < p.acked:
			o.w.violate("S-02", "node %d: %s ends at %d; up to %d is acknowledged", n.id, at, end, p.acked)
		case lg.FlushedEndOffset() > end || lg.LogStartOffset() > lg.FlushedEndOffset():
			o.w.violate("R-23", "node %d: %s starts at %d, is flushed to %d and ends at %d", n.id, at, lg.LogStartOffset(), lg.FlushedEndOffset(), end)
		case end < p.end:
			o.w.some.hit("unflushed tail lost")
		}
		p.end = 0
	}
}

// started: the log start never goes back, not even in a crash, and what is deleted was committed (R-23, S-14).
func (o *oracle) started(n *node, lg *storage.Log) {
	at, start := lg.ID().TopicPartition(), lg.LogStartOffset()
	p := o.part(at)
	if start < p.start {
		o.w.violate("S-14", "node %d: %s starts at %d, it was seen to start at %d", n.id, at, start, p.start)
	}
	if start > p.start {
		o.w.some.hit("segments deleted by retention")
	}
	p.start = start
	if q := n.manager.Partition(at.Topic, at.Partition); q != nil && q.ID() == lg.ID() && start > max(q.HighWatermark(), p.highWatermark) && q.HighWatermark() > 0 {
		o.w.violate("R-23", "node %d: %s starts at %d, its high watermark is %d", n.id, at, start, q.HighWatermark())
	}
}

// checkEvery is how many events of a node lie between two looks at its logs.
const checkEvery = 16

// endedData notes log ends, and lets the logs that only the page cache held off their promises.
func (o *oracle) endedData(n *node, kind FaultKind) {
	lost := kind != Kill && kind != CleanStop || n.dirFailed()
	for _, t := range o.w.plan.Topics {
		for i := range t.Partitions {
			at := kafka.TopicPartition{Topic: t.Name, Partition: i}
			if p := o.part(at); lost && t.FlushOS && o.owner(at) == n.id {
				*p = p.forgotten()
			}
		}
	}
	if n.dir == nil {
		return
	}
	for _, lg := range n.dir.Logs() {
		if p := o.parts[lg.ID().TopicPartition()]; p != nil {
			p.end = lg.LogEndOffset()
		}
	}
}

// recoverAgain recovers what a power cut right behind the recovery of a node would leave: it comes
// to the same logs, since recovered bytes are synced before they count as flushed (S-19). A log that has never had a byte may not be
// there: it is made anew.
func (o *oracle) recoverAgain(n *node) {
	again := o.recover(n, n.data.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced}))
	for _, lg := range n.dir.Logs() {
		is := recovered{lg.ID().TopicPartition(), lg.LogStartOffset(), lg.LogEndOffset()}
		if lg.FlushedEndOffset() < is.end || lg.Policy() == storage.FlushOS {
			continue
		}
		if is.end > 0 && !slices.Contains(again, is) {
			o.w.violate("S-19", "node %d recovers %+v; after a power cut behind that: %+v", n.id, is, again)
		}
	}
	o.w.some.hit("recovered twice")
}

// recovered is what a recovery came to.
type recovered struct {
	at         kafka.TopicPartition
	start, end int64
}

func (o *oracle) recover(n *node, disk vfs.FS) (out []recovered) {
	d, err := storage.OpenDir(disk, "data", storage.DirOptions{ClusterID: clusterID, NodeID: kafka.BrokerID(n.id), Random: func() [16]byte { return [16]byte{1, 2} }})
	o.w.must(err)
	for _, tip := range d.Found() {
		lg, err := d.OpenLog(tip, storage.Config{SegmentBytes: o.w.plan.Limits.SegmentBytes, IndexIntervalBytes: max(o.w.plan.Limits.IndexBytes, 1), SegmentIndexBytes: 1 << 12}, nil)
		if err != nil {
			o.w.violate("S-02", "node %d: recovery of %s: %v", n.id, tip.TopicPartition(), err)
		}
		out = append(out, recovered{tip.TopicPartition(), lg.LogStartOffset(), lg.LogEndOffset()})
	}
	return out
}

// registered: a broker is told its epoch once it is committed (C-01).
func (o *oracle) registered(n *node) {
	if b := o.image.Broker(kafka.BrokerID(n.id)); b == nil || b.Epoch < n.epoch {
		o.w.violate("C-01", "node %d is told broker epoch %d, which nobody has committed", n.id, n.epoch)
	}
}
