package replica

import (
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/delayed"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// Internal is a partition of an internal topic as the coordinator uses it that lives where it is led: what it appends is
// its own, so it is neither validated nor looked up, and it reads what is not committed yet. It is what package coordinator
// calls a Partition.
type Internal struct{ p *Partition }

// Internal finds a partition that has a log on this broker.
func (m *Manager) Internal(topic string, index int32) (Internal, bool) {
	p := m.Partition(topic, index)
	return Internal{p}, p != nil && p.log() != nil
}

// Check is nil while this broker leads the partition in that epoch and its log can be used. Errors: ErrNotLeader, ErrOffline,
// ErrDeleted.
func (i Internal) Check(epoch kafka.LeaderEpoch) error {
	if err := i.p.Err(); err != nil {
		return err
	}
	if r := i.p.role.Load(); !r.leading || r.epoch != epoch {
		return ErrNotLeader
	}
	return nil
}

// Append appends one batch as the leader in that epoch, with acks=all: see Partition.Append. It sets base offset and leader
// epoch in b.
func (i Internal) Append(b batch.Batch, epoch kafka.LeaderEpoch, nowMs int64) (base int64, err error) {
	base, err = i.append(b, epoch, nowMs)
	i.p.counters.appended(int64(b.NumRecords()), len(b), err)
	return base, err
}

func (i Internal) append(b batch.Batch, epoch kafka.LeaderEpoch, nowMs int64) (int64, error) {
	p := i.p
	if err := i.Check(epoch); err != nil {
		return -1, err
	}
	if err := p.writable(); err != nil {
		return -1, err
	}
	p.mu.RLock()
	r := p.role.Load()
	if !r.leading || r.epoch != epoch {
		p.appended()
		return -1, ErrNotLeader
	}
	if !p.enough(r) {
		p.appended()
		return -1, ErrNotEnoughReplicas
	}
	base, err := p.log().Append(b, epoch, nowMs)
	p.appended()
	if err != nil {
		return -1, err
	}
	p.advance()
	return base, nil
}

// Read appends to dst the batches from the one that holds offset from on, up to the log's end: about maxBytes, at least one.
// next is where to read on.
func (i Internal) Read(dst []byte, from int64, maxBytes int32) (batches []byte, next int64, err error) {
	slice, err := i.p.log().Read(from, maxBytes, i.p.log().LogEndOffset(), true)
	if err != nil {
		return dst, from, err
	}
	defer slice.Close()
	batches, err = slice.AppendTo(dst)
	return batches, slice.NextOffset(), err
}

// LogStartOffset is the first offset that is there (inclusive).
func (i Internal) LogStartOffset() int64 { return i.p.log().LogStartOffset() }

// LogEndOffset is the next offset to be given.
func (i Internal) LogEndOffset() int64 { return i.p.log().LogEndOffset() }

// HighWatermark is the partition's.
func (i Internal) HighWatermark() int64 { return i.p.HighWatermark() }

// MaxBatchBytes bounds the size of one batch (max.message.bytes).
func (i Internal) MaxBatchBytes() int { return int(i.p.config.Load().MaxMessageBytes) }

// watching is one who waits for the high watermark.
type watching struct {
	op   delayed.Op
	wake func()
}

// End implements delayed.Ender.
func (w *watching) End(delayed.Reason) { w.wake() }

// Watch calls wake once: when the high watermark reaches threshold, the leadership changes or the directory fails, or at once.
func (i Internal) Watch(threshold int64, wake func()) (cancel func()) {
	w := &watching{wake: wake}
	w.op.Begin(w, 1, 1)
	w.op.Watch(&i.p.watermark, threshold)
	if !w.op.Park(nil, time.Time{}) {
		wake()
		return func() {}
	}
	return func() { w.op.Cancel() }
}
