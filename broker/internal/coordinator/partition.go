package coordinator

import (
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// Partition is the log that a shard is a fold over, as its leader sees it. Methods may be called from any goroutine and do
// not wait for a flush.
type Partition interface {
	// Check is nil while this broker leads the partition in that epoch and its log can be used.
	Check(epoch kafka.LeaderEpoch) error
	// Append appends one batch as the leader in that epoch and returns the base offset that it was given. It is all or
	// nothing. What the callers of the decision are told of an error is for Options.Code to say.
	Append(b batch.Batch, epoch kafka.LeaderEpoch, nowMs int64) (base int64, err error)
	// Read appends to dst whole batches, beginning with the one that holds offset from: about maxBytes, at least one
	// batch, whether committed or not. next is where to read on; it is from at the log's end.
	Read(dst []byte, from int64, maxBytes int32) (batches []byte, next int64, err error)
	// LogStartOffset is the first offset that is there (inclusive), LogEndOffset the next to be given.
	LogStartOffset() int64
	LogEndOffset() int64
	// HighWatermark is the first offset that is not committed (exclusive).
	HighWatermark() int64
	// Watch calls wake once, when the high watermark reaches threshold, or when leadership or directory are lost. It
	// may do so before it returns, and from within an Append. cancel takes it back; calling it later does no harm.
	Watch(threshold int64, wake func()) (cancel func())
	// MaxBatchBytes bounds the size of one batch.
	MaxBatchBytes() int
}
