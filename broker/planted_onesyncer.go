//go:build planted_broker_onesyncer

package broker

import (
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
)

// plantedOneSyncer: one goroutine syncs all data directories in turn.
const plantedOneSyncer = true

func syncTogether(dirs []*storage.Dir, over <-chan struct{}) {
	for {
		for _, d := range dirs {
			d.SyncOnce()
		}
		select {
		case <-over:
			return
		case <-time.After(time.Millisecond):
		}
	}
}
