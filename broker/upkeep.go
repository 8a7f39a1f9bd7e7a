package broker

import (
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
)

// upkeep is what the broker does for its logs beside serving them: the goroutines that remove deleted topics, delete what
// retention does not keep, and unlink files. Each data directory has a lane of its own, so that one whose disk does not answer
// keeps nobody else waiting. No partition has a goroutine.
type upkeep struct {
	lanes []*lane
}

// of is the lane of a data directory.
func (u *upkeep) of(d *storage.Dir) *lane {
	for _, l := range u.lanes {
		if l.dir == d {
			return l
		}
	}
	return nil
}

// start begins the work.
func (u *upkeep) start() {
	for _, l := range u.lanes {
		l.start()
	}
}

// end stops the goroutines and waits for the pieces that they are in, but not for a disk that does not answer.
func (u *upkeep) end() {
	for _, l := range u.lanes {
		l.stop()
	}
	for _, l := range u.lanes {
		if u.answers(l) {
			l.working.Wait()
		}
	}
}

// answers reports whether the disks that a lane works on answer, or have not been given up yet.
func (u *upkeep) answers(l *lane) bool {
	if l.dir != nil {
		return l.dir.Err() == nil
	}
	for _, other := range u.lanes {
		if other.dir != nil && other.dir.Err() != nil {
			return false
		}
	}
	return true
}

// lane is a few goroutines that do the chores of an agenda: the shell around it. Its name is the path of the directory that it
// is for, or what the work is.
type lane struct {
	name    string
	workers int
	dir     *storage.Dir // which it waits for, or nil

	mu      sync.Mutex
	agenda  agenda // guarded by mu
	wake    chan struct{}
	over    chan struct{}
	working sync.WaitGroup
}

func newLane(name string, workers int) *lane {
	return &lane{name: name, workers: workers, wake: make(chan struct{}, workers), over: make(chan struct{})}
}

// add puts a chore on the agenda, first due at a time.
func (l *lane) add(c chore, first time.Time) {
	l.mu.Lock()
	l.agenda.add(c, first)
	l.mu.Unlock()
	l.rouse()
}

// poke makes a chore due, if there is one of that name. It does not block.
func (l *lane) poke(name string) {
	l.mu.Lock()
	l.agenda.poke(name)
	l.mu.Unlock()
	l.rouse()
}

// rouse lets a goroutine that waits look at the agenda.
func (l *lane) rouse() {
	select {
	case l.wake <- struct{}{}:
	default: // all have been told already
	}
}

func (l *lane) start() {
	for range l.workers {
		l.working.Go(l.run)
	}
}

func (l *lane) stop() { close(l.over) }

func (l *lane) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-l.over:
			return
		default:
		}
		l.mu.Lock()
		task, wait := l.agenda.take(time.Now())
		l.mu.Unlock()
		if task != nil {
			began := time.Now()
			next := task.do(began)
			l.mu.Lock()
			l.agenda.done(task, began, time.Now(), next)
			l.mu.Unlock()
			continue
		}
		timer.Reset(wait)
		select {
		case <-l.over:
			return
		case <-l.wake:
		case <-timer.C:
		}
	}
}

const (
	// unlinkRest is how many times as long as it took to unlink a portion nothing is unlinked: the disk is for others in
	// between.
	unlinkRest = 9
	// retentionRest is likewise for the steps of a pass of retention.
	retentionRest = 1

	// flushRest is likewise for flush.ms.
	flushRest = 1

	sweepChore     = "sweep"
	flushChore     = "flush"
	retentionChore = "retention"
	unlinkChore    = "unlink"
	moveChore      = "move"
	// moveAgain is when a log is tried again whose copy could not take its place, because something else was done with it.
	moveAgain = 10 * time.Millisecond
)

// tend puts a data directory's chores on its lane.
// moveRate is how many bytes a second may be copied into it from others.
func (u *upkeep) tend(d *storage.Dir, m *replica.Manager, c *Config, moveRate func() float64) {
	l, now := u.of(d), time.Now()
	l.add(chore{name: sweepChore, do: func(now time.Time) time.Time {
		if m.Sweep(d) {
			return now
		}
		return time.Time{}
	}}, now)
	l.add(chore{name: unlinkChore, rest: unlinkRest, do: func(now time.Time) time.Time { return unlink(d, now) }}, now)
	l.add(chore{name: flushChore, rest: flushRest, do: func(now time.Time) time.Time {
		return now.Add(flushAgain(m.FlushAged(d, now)))
	}}, now)
	l.add(chore{name: moveChore, do: func(now time.Time) time.Time { return moveInto(d, m, now, moveRate()) }}, time.Time{})
	r := &retention{manager: m, dir: d, every: c.RetentionCheck}
	l.add(chore{name: retentionChore, rest: retentionRest, do: r.step}, now.Add(max(c.InitialTaskDelay, 0)))
}

// flushAgain is when to look for records again that flush.ms wants on the disk: twice in the shortest of them, at least every ten
// seconds because a topic may get one.
func flushAgain(shortestMs int64) time.Duration {
	if shortestMs >= 20_000 {
		return 10 * time.Second
	}
	return max(time.Duration(shortestMs/2)*time.Millisecond, 10*time.Millisecond)
}

// unlink is a piece of unlinking: zero if nothing waits.
func unlink(d *storage.Dir, now time.Time) time.Time {
	next, err := d.Unlink(now.UnixMilli())
	if err != nil && d.Err() == nil {
		next = max(next, now.UnixMilli()+1) // it is asked again when the disk answers
	}
	if next == math.MaxInt64 {
		return time.Time{}
	}
	if next <= now.UnixMilli() {
		return now
	}
	return time.UnixMilli(next)
}

// moveInto is a piece of moving logs into a data directory, and says when the next one may begin: zero if nothing is to be
// moved.
func moveInto(d *storage.Dir, m *replica.Manager, now time.Time, rate float64) time.Time {
	copied, more := m.Move(d, int64(min(rate, 1<<40)), now)
	switch {
	case !more:
		return time.Time{}
	case copied == 0:
		return now.Add(moveAgain)
	}
	pause := float64(copied) / rate * float64(time.Second)
	return now.Add(time.Duration(min(pause, float64(time.Minute))))
}

// moveRate is replica.alter.log.dirs.io.max.bytes.per.second as it is now, at least a byte.
func (b *Broker) moveRate() float64 {
	value, _, _ := b.loader.Current().ServerConfig("replica.alter.log.dirs.io.max.bytes.per.second")
	rate, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return math.Inf(1)
	}
	return max(rate, 1)
}

// retention is the passes of retention over one data directory, one every log.retention.check.interval.ms.
type retention struct {
	manager *replica.Manager
	dir     *storage.Dir
	every   time.Duration
	began   time.Time
	pass    *replica.Retention // nil: none is under way
}

func (r *retention) step(now time.Time) time.Time {
	if r.pass == nil {
		r.pass, r.began = r.manager.BeginRetention(r.dir), now
	}
	if r.pass.Step(now) {
		return now
	}
	r.pass = nil
	return r.began.Add(r.every)
}
