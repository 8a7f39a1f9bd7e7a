package coordinatortest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// ErrNotLed: the log is led in another epoch.
var ErrNotLed = errors.New("not led in that epoch")

// ErrFull is an error for Log.Fail of which callers are told COORDINATOR_NOT_AVAILABLE instead of NOT_COORDINATOR.
var ErrFull = errors.New("no room")

// Log is a partition in memory. The zero value is an empty one that is led in epoch 0.
type Log struct {
	// Epoch is the one in which the partition is led.
	Epoch kafka.LeaderEpoch
	// Hold keeps the high watermark where it is until Commit.
	Hold bool
	// Fail is what every append fails with, if it is not nil; FailRead the same for reads.
	Fail, FailRead error
	// MaxBytes bounds a batch. 0 is 1 MiB.
	MaxBytes int

	batches   []batch.Batch
	committed int64
	watches   []*watch
}

type watch struct {
	threshold int64
	wake      func()
}

var _ coordinator.Partition = (*Log)(nil)

// Check implements coordinator.Partition.
func (l *Log) Check(epoch kafka.LeaderEpoch) error {
	if epoch != l.Epoch {
		return fmt.Errorf("%w: %d, but %d", ErrNotLed, epoch, l.Epoch)
	}
	return nil
}

// Append implements coordinator.Partition.
func (l *Log) Append(b batch.Batch, epoch kafka.LeaderEpoch, _ int64) (int64, error) {
	if err := l.Check(epoch); err != nil {
		return -1, err
	}
	if l.Fail != nil {
		return -1, l.Fail
	}
	base := l.LogEndOffset()
	own := batch.Batch(bytes.Clone(b))
	own.SetBaseOffset(base)
	own.SetLeaderEpoch(epoch)
	l.batches = append(l.batches, own)
	if !l.Hold {
		l.Commit()
	}
	return base, nil
}

// Read implements coordinator.Partition.
func (l *Log) Read(dst []byte, from int64, maxBytes int32) ([]byte, int64, error) {
	if l.FailRead != nil {
		return dst, from, l.FailRead
	}
	at := len(dst)
	for _, b := range l.batches {
		if b.NextOffset() <= from {
			continue
		}
		if len(dst) > at && len(dst)-at+len(b) > int(maxBytes) {
			break
		}
		dst = append(dst, b...)
		from = b.NextOffset()
	}
	return dst, from, nil
}

// LogStartOffset implements coordinator.Partition.
func (l *Log) LogStartOffset() int64 { return 0 }

// LogEndOffset implements coordinator.Partition.
func (l *Log) LogEndOffset() int64 {
	if n := len(l.batches); n > 0 {
		return l.batches[n-1].NextOffset()
	}
	return 0
}

// HighWatermark implements coordinator.Partition.
func (l *Log) HighWatermark() int64 { return l.committed }

// Watch implements coordinator.Partition.
func (l *Log) Watch(threshold int64, wake func()) (cancel func()) {
	w := &watch{threshold, wake}
	l.watches = append(l.watches, w)
	l.fire()
	return func() { w.wake = nil }
}

// MaxBatchBytes implements coordinator.Partition.
func (l *Log) MaxBatchBytes() int {
	if l.MaxBytes == 0 {
		return 1 << 20
	}
	return l.MaxBytes
}

// Commit moves the high watermark to the log's end.
func (l *Log) Commit() {
	l.committed = l.LogEndOffset()
	l.fire()
}

// Kick wakes everybody, as a change of the leadership does.
func (l *Log) Kick() {
	for _, w := range l.watches {
		w.threshold = 0
	}
	l.fire()
}

// Truncate cuts what is at or above an offset off, as a new leader's log may do.
func (l *Log) Truncate(to int64) {
	for len(l.batches) > 0 && l.LogEndOffset() > to {
		l.batches = l.batches[:len(l.batches)-1]
	}
	l.committed = min(l.committed, l.LogEndOffset())
}

// fire wakes those whose threshold is reached.
func (l *Log) fire() {
	all := l.watches
	l.watches = nil
	for _, w := range all {
		switch {
		case w.wake == nil: // taken back
		case w.threshold <= l.committed:
			w.wake()
		default:
			l.watches = append(l.watches, w)
		}
	}
}

// Batches are those in the log, as they lie there.
func (l *Log) Batches() []batch.Batch { return l.batches }

// Records are all records of the log, in order, with copies of their keys and values.
func (l *Log) Records() (out []coordinator.Replayed) {
	for _, b := range l.batches {
		it := batch.IterateRecords(b.Payload(), b.NumRecords())
		for it.Next() {
			r := it.Record()
			out = append(out, coordinator.Replayed{
				Offset: b.Offset(r), TimestampMs: b.Timestamp(r), ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(),
				Transactional: b.Transactional(), Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value),
			})
		}
	}
	return out
}
