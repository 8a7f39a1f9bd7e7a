package storage

// This file is a shell: the goroutines that sync the logs of a data directory which is being closed.

import (
	"errors"
	"sync"
	"sync/atomic"
)

// stopLogs makes everything in the logs durable, several at the same time: a file system writes what is synced together
// together. The first error ends it.
func (d *Dir) stopLogs(logs []*Log) error {
	var (
		next   atomic.Int64
		failed atomic.Bool
		wait   sync.WaitGroup
		mu     sync.Mutex
		errs   []error
	)
	work := func() {
		for !failed.Load() {
			i := int(next.Add(1)) - 1
			if i >= len(logs) {
				return
			}
			if err := d.stopLog(logs[i]); err != nil {
				failed.Store(true)
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		}
	}
	for range min(d.opts.CloseWorkers, len(logs)) - 1 {
		wait.Go(work)
	}
	work()
	wait.Wait()
	return errors.Join(errs...)
}
