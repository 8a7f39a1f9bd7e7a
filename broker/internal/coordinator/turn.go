package coordinator

import (
	"math/rand/v2"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Turn is one decision about one shard. It is valid only during the call that it is passed to.
type Turn struct {
	core    *Core
	shard   *shard
	now     int64
	batch   batch.Builder
	answers []func(*kerr.Error)
}

// Now is the time of the decision in milliseconds since 1970: the clock of timers and of what is appended. It may jump from
// one decision to the next; a timer that was set before keeps its distance.
func (t *Turn) Now() int64 { return t.now }

// Image is the latest image of the cluster's metadata.
func (t *Turn) Image() *metadata.Image { return t.core.image }

// Random is the source of randomness; the simulator seeds it.
func (t *Turn) Random() *rand.Rand { return t.core.o.Rand }

// Shard is the index of the partition, and Epoch the leader epoch in which it is decided.
func (t *Turn) Shard() int32 { return t.shard.index }

// Epoch is the leader epoch of the decision.
func (t *Turn) Epoch() kafka.LeaderEpoch { return t.shard.epoch }

// Append adds a record to the batch of this decision; a nil value is a tombstone. Both are copied. The batch is appended when
// the decision has returned, and then its records are replayed, in order, before anything else happens. A batch over the
// partition's bound discards the shard, so ask Fits where a client has a say in the size.
func (t *Turn) Append(key, value []byte) { t.batch.Append(t.now, key, value, nil) }

// recordOverhead bounds what a record takes beside its key and value.
const recordOverhead = 32

// Fits reports whether a number of records with so many bytes of keys and values can still be appended.
func (t *Turn) Fits(records, bytes int) bool {
	return t.batch.Size()+records*recordOverhead+bytes <= t.shard.log.MaxBatchBytes()
}

// Answer promises to call done, exactly once, on the shard's loop but after the decision: with nil when everything that the
// shard had seen, the batch of this decision included, is committed; otherwise with what the client is to be told:
// NOT_COORDINATOR if the shard was discarded, COORDINATOR_NOT_AVAILABLE if that took too long, or why it was not appended.
// done must not block, and must not call the Core.
func (t *Turn) Answer(done func(code *kerr.Error)) { t.answers = append(t.answers, done) }

// Timer makes a decision at a time, or soon after, unless the timer is cancelled or replaced by a later one of the same name,
// or the shard is discarded. A time that has passed means at once, but not within this decision.
func (t *Turn) Timer(name string, atMs int64, decide func(*Turn)) {
	t.core.timers.set(t.shard, name, atMs-t.core.wallMs, decide)
}

// Cancel takes a timer back, if there is one of that name.
func (t *Turn) Cancel(name string) { t.core.timers.cancel(t.shard, name) }
