package replica

import (
	"errors"
	"math"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
)

// FlushAged syncs the logs of a directory that leave flushing to the system and have had records for flush.ms that are not durable. It returns
// the smallest flush.ms that a topic has; math.MaxInt64 if none has one.
func (m *Manager) FlushAged(d *storage.Dir, now time.Time) (shortestMs int64) {
	shortestMs = math.MaxInt64
	for p := range m.table.each {
		at := p.place.Load()
		if at.dir != d || at.log == nil {
			continue
		}
		c := p.config.Load()
		if c.FlushMs == math.MaxInt64 || !c.FlushOS || p.Err() != nil {
			continue
		}
		shortestMs = min(shortestMs, c.FlushMs)
		if _, err := at.log.FlushAged(now.UnixMilli(), c.FlushMs); err != nil && !errors.Is(err, storage.ErrClosed) { // it moves

			m.lg.Error("cannot flush a log after flush.ms", "topic", p.id.Topic, "partition", p.id.Partition, "err", err)
		}
	}
	return shortestMs
}
