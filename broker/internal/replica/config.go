package replica

import (
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
)

// logConfig is what a topic's configuration means to its logs.
func logConfig(c *metadata.TopicConfig) storage.Config {
	flush := storage.FlushGroup
	if c.FlushOS {
		flush = storage.FlushOS
	}
	interval := c.IndexIntervalBytes
	if interval == 0 {
		interval = -1 // Kafka's 0 is an entry for every batch; storage's is the default
	}
	segmentMs := c.SegmentMs
	if c.CleanupCompact { // what is in the active segment cannot be compacted
		segmentMs = min(segmentMs, c.MaxCompactionLagMs)
	}
	return storage.Config{
		SegmentBytes:       c.SegmentBytes,
		SegmentMs:          segmentMs,
		SegmentJitterMs:    c.SegmentJitterMs,
		IndexIntervalBytes: interval,
		SegmentIndexBytes:  c.SegmentIndexBytes,
		MaxBatchBytes:      int(c.MaxMessageBytes),
		Sparse:             c.CleanupCompact,
		MinCompactionLagMs: c.MinCompactionLagMs,
		MaxCompactionLagMs: c.MaxCompactionLagMs,
		DeleteRetentionMs:  c.DeleteRetentionMs,
		Delete:             c.CleanupDelete,
		RetentionMs:        c.RetentionMs,
		RetentionBytes:     c.RetentionBytes,
		FileDeleteDelayMs:  c.FileDeleteDelayMs,
		Flush:              flush,
		Preallocate:        c.Preallocate,
		FlushMessages:      c.FlushMessages,
	}
}
