package replica

import (
	"github.com/thalweg-io/thalweg/broker/internal/delayed"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
)

// HighWatermark is the first offset not known to be on every in-sync replica (exclusive). Under
// flush.policy=group it is also flushed there.
func (p *Partition) HighWatermark() int64 { return p.watermark.Value() }

// LastStableOffset is the first offset a read_committed consumer may not see (exclusive): the
// high watermark, as no transaction can be open yet.
func (p *Partition) LastStableOffset() int64 { return p.watermark.Value() }

// Watermark is the list to watch for the high watermark: threshold o+1 fires when o is committed.
// It is kicked when the leadership changes or the directory fails.
func (p *Partition) Watermark() *delayed.List { return &p.watermark }

// Flushed is the log's news that its flushed end has risen.
func (p *Partition) Flushed(int64) { p.advance() }

// advance moves the high watermark as far as it may go and wakes those who wait for it. It may
// run on several goroutines at once: each computes a bound that was safe, and the list keeps
// the highest.
func (p *Partition) advance() {
	r := p.role.Load()
	if !r.leading || !p.enough(r) { // R-04, SURFACE 45
		return
	}
	if end, ok := p.committedEnd(r); ok {
		p.watermark.Signal(end)
		p.log().SetHighWatermarkHint(p.HighWatermark()) // for the checkpoint
	}
}

// committedEnd is the smallest end over the in-sync replicas. It is unknown while a
// follower in the set has not told its end.
func (p *Partition) committedEnd(r *role) (end int64, ok bool) {
	for _, b := range r.isr {
		if b != p.self && !plantedIgnoreISR {
			return 0, false // its position comes with follower fetch
		}
	}
	return p.localEnd(), r.inSync(p.self)
}

// localEnd is what this replica contributes: what is flushed, or merely appended under
// flush.policy=os.
func (p *Partition) localEnd() int64 {
	// The end is read before the policy: were it the other way round, a change from os to group in
	// between would let an append made under group count unflushed.
	end := p.log().LogEndOffset()
	if p.log().Config().Flush == storage.FlushOS || plantedWatermarkUnflushed {
		return end
	}
	return p.log().FlushedEndOffset()
}

// enough reports whether the in-sync set is as large as min.insync.replicas asks, which counts
// no more replicas than there are (SURFACE 43).
func (p *Partition) enough(r *role) bool {
	return len(r.isr) >= min(int(p.config.Load().MinInSyncReplicas), len(r.replicas))
}
