package broker

import (
	"sync"

	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
)

// openersPerDir is how many logs of one data directory are opened at the same time, for which Kafka has num.recovery.threads.per.data.dir.
// After a stop that was not clean each waits for a few syncs, and those of several logs cost a file system little more than those of one.
const openersPerDir = 8

// closersPerDir is how many logs of one data directory are synced at the same time at a stop: more than there are processors, as
// they wait for the disk, which takes what comes together together.
const closersPerDir = 16

// openers are the goroutines that open logs, so that neither the quorum loop nor another directory waits for a disk.
type openers struct {
	wake map[*storage.Dir]chan struct{}
	stop chan struct{}
	done map[*storage.Dir]*sync.WaitGroup
}

func newOpeners(dirs []*storage.Dir) *openers {
	o := &openers{wake: map[*storage.Dir]chan struct{}{}, stop: make(chan struct{}), done: map[*storage.Dir]*sync.WaitGroup{}}
	for _, d := range dirs {
		o.wake[d] = make(chan struct{}, openersPerDir)
		o.done[d] = &sync.WaitGroup{}
	}
	return o
}

// opening says that there is work in a directory.
func (o *openers) opening(d *storage.Dir) {
	select {
	case o.wake[d] <- struct{}{}:
	default: // all have been told already
	}
}

func (o *openers) start(m *replica.Manager) {
	for d, wait := range o.done { // order-free: they all start
		for range openersPerDir {
			wait.Go(func() { o.run(m, d) })
		}
	}
}

func (o *openers) run(m *replica.Manager, d *storage.Dir) {
	for more := false; ; {
		if !more {
			select {
			case <-o.stop:
				return
			case <-o.wake[d]:
			}
		}
		select {
		case <-o.stop:
			return
		default:
		}
		if more = m.Open(d); more {
			o.opening(d) // another one may help
		} else {
			more = d.Establish()
		}
	}
}

// end stops the goroutines and waits for what they are opening, but not for a disk that does not answer.
// What was not opened has no clean end: see storage.Dir.Close.
func (o *openers) end() {
	close(o.stop)
	for d, wait := range o.done { // order-free: all are waited for
		if d.Err() == nil {
			wait.Wait()
		}
	}
}

// together is storage.DirOptions.Together: all at the same time.
func together(n int, f func(i int)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { f(i) })
	}
	wait.Wait()
}
