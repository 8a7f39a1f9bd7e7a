package replica

import (
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Compactable is a partition of this broker whose topic is compacted.
type Compactable struct {
	ID  kafka.TopicIDPartition
	Dir *storage.Dir
	Log *storage.Log
	// Stable is the last stable offset: nothing at or above it may be cleaned (SURFACE 90).
	Stable int64
	// MinRatio is min.cleanable.dirty.ratio.
	MinRatio float64
}

// Compactables lists them, in order of topic and number. Every replica compacts for itself.
func (m *Manager) Compactables() []Compactable {
	var out []Compactable
	for _, p := range m.table.all() {
		at := p.place.Load()
		if at.log == nil || p.Err() != nil {
			continue
		}
		if c := p.config.Load(); c.CleanupCompact {
			out = append(out, Compactable{ID: p.id, Dir: at.dir, Log: at.log, Stable: p.LastStableOffset(), MinRatio: c.MinCleanableDirtyRatio})
		}
	}
	return out
}
