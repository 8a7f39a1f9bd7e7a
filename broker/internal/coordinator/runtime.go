package coordinator

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/twmb/franz-go/pkg/kerr"
)

// maxQueued bounds the decisions that wait for one loop. Each belongs to a connection, which has no more than one at a time,
// or to one that asks several shards.
const maxQueued = 100_000

// Runtime is the shell: loops that each own a Core with its share of the shards.
type Runtime struct {
	loops []*loop

	mu    sync.Mutex
	begun bool
}

// loop is one goroutine with its Core.
type loop struct {
	core *Core
	from time.Time // when the clock of the calls was 0
	wake chan struct{}
	stop chan struct{}
	done chan struct{}

	mu    sync.Mutex
	queue []func(*Core, int64)
	ended bool
}

// Start starts the loops, which lead nothing before Begin. Options.Mine, Wake and Rand are the Runtime's own. Subscribe it to
// the loader before anything is published.
func Start(o Options, loops int, image *metadata.Image) *Runtime {
	r := new(Runtime)
	for i := range loops {
		l := &loop{from: time.Now(), wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
		own := o
		own.Mine = func(index int32) bool { return int(index)%loops == i }
		own.Wake = func(index int32) { l.post(func(c *Core, now int64) { c.Woken(index, now) }) }
		own.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
		l.core = New(own, image)
		r.loops = append(r.loops, l)
		go l.run()
	}
	return r
}

// Begin has the shards loaded that are led in the current image, and from then on follows what is published. It is called
// when this incarnation of the broker leads: while the metadata log is replayed at start, leaderships of former ones go by, in
// which nothing must be written.
func (r *Runtime) Begin(current func() *metadata.Image) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = true
	image := current() // what is published meanwhile waits, and comes again
	for _, l := range r.loops {
		l.post(func(c *Core, now int64) { c.Begin(image, now) })
	}
}

// Publish implements metadata.Publisher: it hands the image to every loop and does not wait. Before Begin it does nothing.
func (r *Runtime) Publish(delta *metadata.Delta, image *metadata.Image) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.begun {
		return
	}
	for _, l := range r.loops {
		l.post(func(c *Core, now int64) { c.Publish(delta, image, now) })
	}
}

// Do is Core.Do on the loop of a shard. It does not wait; decide or refused is called on the loop, or refused before Do
// returns, with COORDINATOR_NOT_AVAILABLE, when the Runtime has ended or is overrun.
func (r *Runtime) Do(index int32, decide func(*Turn, Machine), refused func(*kerr.Error)) {
	l := r.loops[int(uint32(index))%len(r.loops)]
	if !l.tryPost(func(c *Core, now int64) { c.Do(index, now, decide, refused) }, maxQueued) {
		refused(kerr.CoordinatorNotAvailable)
	}
}

// Stop ends the loops and waits for them. Everybody who waits for an answer gets one.
func (r *Runtime) Stop() {
	for _, l := range r.loops {
		close(l.stop)
	}
	for _, l := range r.loops {
		<-l.done
	}
}

// post queues what must not be lost: news of the metadata and of high watermarks, of which there are few.
func (l *loop) post(f func(*Core, int64)) { l.tryPost(f, 0) }

// tryPost queues a call, unless the loop has ended or so many wait already; 0 is no bound.
func (l *loop) tryPost(f func(*Core, int64), bound int) bool {
	l.mu.Lock()
	if l.ended || bound > 0 && len(l.queue) >= bound {
		l.mu.Unlock()
		return false
	}
	l.queue = append(l.queue, f)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // it has been woken already
	}
	return true
}

// take takes what waits; spare is used for what comes next.
func (l *loop) take(spare []func(*Core, int64)) []func(*Core, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.queue
	l.queue = spare[:0]
	return queue
}

// now is the time of the next calls: since the loop began, by a clock that does not jump.
func (l *loop) now() int64 {
	at := time.Now()
	now := at.Sub(l.from).Milliseconds()
	l.core.SetWall(at.UnixMilli() - now)
	return now
}

func (l *loop) run() {
	defer close(l.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var queue []func(*Core, int64)
	for {
		queue = l.take(queue)
		now := l.now()
		for i, f := range queue {
			f(l.core, now)
			queue[i] = nil
		}
		l.core.Step(now)
		if at, ok := l.core.Next(now); ok {
			timer.Reset(max(time.Duration(at-now)*time.Millisecond, 0))
		} else {
			timer.Stop()
		}
		select {
		case <-l.stop:
			l.end()
			return
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// end answers everybody who waits.
func (l *loop) end() {
	l.mu.Lock()
	l.ended = true
	queue := l.queue
	l.queue = nil
	l.mu.Unlock()
	l.core.Close()
	now := l.now()
	for _, f := range queue { // nothing is led any more: they are refused
		f(l.core, now)
	}
	l.core.Close() // what a publish among them has opened
}
