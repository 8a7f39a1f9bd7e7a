package storage

import (
	"log/slog"
	"math"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Policy says when an append counts as flushed (flush.policy).
type Policy uint8

const (
	// FlushGroup queues every append for the syncer; flushed is what fdatasync has confirmed, of the commit log or of
	// the segment.
	FlushGroup Policy = iota
	// FlushOS leaves writing out to the kernel, as Kafka does by default: the flushed end is the
	// log end, and only segments that have been rolled are synced.
	FlushOS
)

// Config is what one log needs to know of its topic's settings. Zero fields take Kafka's default.
type Config struct {
	// SegmentBytes is the size at which a segment is rolled (segment.bytes). 0: 1 GiB.
	SegmentBytes int32
	// SegmentMs is the age at which a segment is rolled, by record timestamps (segment.ms).
	// 0: 7 days. math.MaxInt64: never.
	SegmentMs int64
	// SegmentJitterMs is the most that is subtracted from SegmentMs, at random (segment.jitter.ms).
	SegmentJitterMs int64
	// IndexIntervalBytes is the distance between index entries (index.interval.bytes). 0: 4096;
	// negative: an entry for every batch but the first.
	IndexIntervalBytes int32
	// SegmentIndexBytes bounds each index file (segment.index.bytes). 0: 10 MiB.
	SegmentIndexBytes int32
	// Preallocate reserves a segment's room when it is created (preallocate).
	Preallocate bool
	// Flush is the durability policy (flush.policy).
	Flush Policy
	// FlushMessages is after how many records that are not durable an append to a FlushOS log syncs it before it returns
	// (flush.messages). 0 and math.MaxInt64: never.
	FlushMessages int64
	// Delete lets Dir.Retain delete what RetentionMs and RetentionBytes do not keep (cleanup.policy=delete). Otherwise only
	// what lies below the log start goes.
	Delete bool
	// RetentionMs is how old a segment's largest timestamp may be (retention.ms), and RetentionBytes how many bytes older
	// segments may be deleted down to (retention.bytes). Negative: without limit. 0 is 0.
	RetentionMs, RetentionBytes int64
	// FileDeleteDelayMs is how long files that were deleted stay under another name (file.delete.delay.ms).
	FileDeleteDelayMs int64
	// Sparse says that the log is compacted (cleanup.policy=compact): there may be gaps between batches. A log that was compacted
	// once keeps them.
	Sparse bool
	// MinCompactionLagMs is how old every record of a segment must be before it is cleaned (min.compaction.lag.ms).
	MinCompactionLagMs int64
	// MaxCompactionLagMs is how old a segment's first batch may become before the log is cleaned whatever its dirty ratio
	// (max.compaction.lag.ms). 0 and math.MaxInt64: there is no such age.
	MaxCompactionLagMs int64
	// DeleteRetentionMs is how long tombstones and transaction markers stay after they were met first (delete.retention.ms).
	DeleteRetentionMs int64
	// MaxBatchBytes bounds what a batch may grow to when it is decompressed for a timestamp
	// search, through compress.DefaultBudget (max.message.bytes). 0: 1 MiB + 12.
	MaxBatchBytes int
	// ProducerExpirationMs is how long an idle producer is remembered
	// (producer.id.expiration.ms). 0: 24 h.
	ProducerExpirationMs int64
	// MaxProducers bounds the producers that the log remembers; beyond it those that have been
	// idle longest go. 0: 100,000.
	MaxProducers int
}

// withDefaults fills the zero fields.
func (c Config) withDefaults() Config {
	if c.SegmentBytes <= 0 {
		c.SegmentBytes = 1 << 30
	}
	if c.SegmentMs <= 0 {
		c.SegmentMs = 7 * 24 * 3600 * 1000
	}
	if c.IndexIntervalBytes == 0 {
		c.IndexIntervalBytes = 4096
	}
	if c.SegmentIndexBytes <= 0 {
		c.SegmentIndexBytes = 10 << 20
	}
	if c.MaxBatchBytes <= 0 {
		c.MaxBatchBytes = 1<<20 + 12
	}
	if c.ProducerExpirationMs <= 0 {
		c.ProducerExpirationMs = 24 * 3600 * 1000
	}
	if c.MaxProducers <= 0 {
		c.MaxProducers = 100_000
	}
	return c
}

// jitter draws what one segment subtracts from SegmentMs.
func (c *Config) jitter(random func() [16]byte) int64 {
	if c.SegmentJitterMs <= 0 || random == nil {
		return 0
	}
	r := random()
	var n uint64
	for _, b := range r[:8] {
		n = n<<8 | uint64(b)
	}
	return int64(n % uint64(min(c.SegmentJitterMs, math.MaxInt64-1)+1))
}

// Observer hears about one log. Its methods are called without any lock of this package, from the
// syncer or from the caller of Log.Sync, and must not block. Flushed must not wait for a lock
// under which Append is called: the syncer would stand still for every log of the directory.
type Observer interface {
	// Flushed tells that everything below end is durable. end never falls, but for truncation.
	Flushed(end int64)
	// Failed tells, once, that the log's directory went offline.
	Failed(err error)
	// Stalled tells that the log's directory does not answer, now and then as long as that lasts,
	// and when it is over. Called by Dir.Watch.
	Stalled(on bool)
}

// DirOptions are the settings of one data directory.
type DirOptions struct {
	// ClusterID is the cluster that the directory must belong to. Empty: take what the directory
	// says, or draw a new id if it is empty.
	ClusterID string
	// NodeID is this node (node.id); the directory must belong to it.
	NodeID kafka.BrokerID
	// Random supplies randomness for ids and roll jitter. Required if the directory is to be formatted.
	Random func() [16]byte
	// Logger receives what is worth telling an operator. nil: discarded.
	Logger *slog.Logger
	// QueueBytes bounds the bytes that wait for the syncer; clients' and leaders' appends wait while a started syncer is
	// behind by more. 0: 64 MiB.
	QueueBytes int64
	// CheckpointBytes is how much is appended between two writings of the recovery points, so that
	// a crash has not much more than this to scan; up to four times as much while many logs share it. 0: 256 MiB.
	CheckpointBytes int64
	// ReserveBytes is the free space of the file system below which clients' appends are refused,
	// so that everything else can go on (S-11). 0: 1 GiB, or a fiftieth of the file system if that
	// is less. Negative: only the error of a write tells.
	ReserveBytes int64
	// StalledAfter is the age of an operation on the disk from which nothing is written until it
	// ends, and OfflineAfter that from which the directory is given up; see Dir.Watch (S-13). 0:
	// 10 s and 30 s.
	StalledAfter, OfflineAfter time.Duration
	// MaxProducers bounds the producers that all logs of the directory remember together: a log that
	// would go beyond it forgets some of its own that are idle, as with Config.MaxProducers, but each may know
	// one. 0: 1,000,000.
	MaxProducers int64
	// Together calls a function for 0 to n-1, perhaps several at the same time, and returns when all have returned: syncs of several files
	// cost little more than one. nil: one after the other.
	Together func(n int, f func(i int))
	// Doomed is called when there is something new for Dir.Unlink, with locks held: it must not block. nil: nobody.
	Doomed func()
	// CommitLogBytes is the most that the commit log takes on the disk. 0: 256 MiB. Negative: there is none, and
	// every log's segments are synced by themselves.
	CommitLogBytes int64
	// CloseWorkers is how many logs Close syncs at the same time, each on a goroutine of its own. 0: 1, on the caller's.
	CloseWorkers int
	// MaxOpenFiles bounds the files held open without being in use or unsynced. 0: 1024.
	MaxOpenFiles int
}

func (o DirOptions) withDefaults() DirOptions {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Together == nil {
		o.Together = func(n int, f func(i int)) {
			for i := range n {
				f(i)
			}
		}
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 64 << 20
	}
	if o.CheckpointBytes <= 0 {
		o.CheckpointBytes = 256 << 20
	}
	if o.StalledAfter <= 0 {
		o.StalledAfter = 10 * time.Second
	}
	if o.OfflineAfter <= 0 {
		o.OfflineAfter = 30 * time.Second
	}
	if o.MaxProducers <= 0 {
		o.MaxProducers = 1_000_000
	}
	if o.CommitLogBytes == 0 {
		o.CommitLogBytes = 256 << 20
	}
	if o.MaxOpenFiles <= 0 {
		o.MaxOpenFiles = 1024
	}
	return o
}
