package replica

import (
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
)

// alwaysFlushed are the topics whose loss would be the loss of others' progress: they are flushed
// before they are acknowledged whatever flush.policy says (ARCHITECTURE, durability).
var alwaysFlushed = map[string]bool{"__consumer_offsets": true, "__transaction_state": true}

// logConfig is what a topic's configuration means to its logs.
func logConfig(topic string, c *metadata.TopicConfig) storage.Config {
	flush := storage.FlushGroup
	if c.FlushOS && !alwaysFlushed[topic] {
		flush = storage.FlushOS
	}
	return storage.Config{
		SegmentBytes:       c.SegmentBytes,
		SegmentMs:          c.SegmentMs,
		SegmentJitterMs:    c.SegmentJitterMs,
		IndexIntervalBytes: c.IndexIntervalBytes,
		SegmentIndexBytes:  c.SegmentIndexBytes,
		Flush:              flush,
	}
}
