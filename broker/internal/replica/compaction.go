package replica

import (
	"cmp"
	"slices"

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
	for i := range m.table.names {
		byName := m.table.names[i].Load()
		if byName == nil {
			continue
		}
		for _, ps := range *byName { // order-free: sorted below
			for _, p := range ps {
				if p == nil || p.log() == nil || p.Err() != nil {
					continue
				}
				if c := p.config.Load(); c.CleanupCompact {
					out = append(out, Compactable{ID: p.id, Dir: p.dir(), Log: p.log(), Stable: p.LastStableOffset(), MinRatio: c.MinCleanableDirtyRatio})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Compactable) int {
		return cmp.Or(cmp.Compare(a.ID.Topic, b.ID.Topic), cmp.Compare(a.ID.Partition, b.ID.Partition))
	})
	return out
}
