package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"
)

// Engine is the one goroutine's queue: virtual time, events ordered by time and, at equal times,
// by a number drawn from the seed, and a hash over everything that has happened. Two runs of one
// plan have equal hashes.
type Engine struct {
	now    time.Duration // since the beginning of the run; never goes back
	queue  eventQueue
	seq    uint64
	tie    *rand.Rand
	hash   uint64
	events int64
}

// event is something that will happen. The actor is who it happens to: a node, a client, or nobody (-1).
type event struct {
	at    time.Duration
	tie   uint64
	seq   uint64
	kind  string
	actor int
	run   func()
}

func newEngine(tie *rand.Rand) *Engine { return &Engine{tie: tie, hash: fnvOffset} }

// Now is the virtual time.
func (e *Engine) Now() time.Duration { return e.now }

// Events is how many events have happened.
func (e *Engine) Events() int64 { return e.events }

// Hash is FNV-1a over all events and notes so far.
func (e *Engine) Hash() uint64 { return e.hash }

// After lets run happen d from now.
func (e *Engine) After(d time.Duration, kind string, actor int, run func()) {
	e.seq++
	ev := &event{at: e.now + max(d, 0), tie: e.tie.Uint64(), seq: e.seq, kind: kind, actor: actor, run: run}
	if plantedUnseeded {
		ev.tie = rand.Uint64()
	}
	heap.Push(&e.queue, ev)
}

// Step lets the next event happen; false: there is none.
func (e *Engine) Step() bool {
	if len(e.queue) == 0 {
		return false
	}
	ev := heap.Pop(&e.queue).(*event)
	e.now = ev.at
	e.events++
	e.note(uint64(ev.at))
	e.noteText(ev.kind)
	e.note(uint64(ev.actor))
	ev.run()
	return true
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// note folds a number into the hash.
func (e *Engine) note(v uint64) {
	for range 8 {
		e.hash = (e.hash ^ v&0xff) * fnvPrime
		v >>= 8
	}
}

func (e *Engine) noteText(s string) { e.hash = hashText(e.hash, s) }

func (e *Engine) noteBytes(b []byte) { e.hash = hashBytes(e.hash, b) }

func hashText(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

func hashBytes(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// eventQueue is a heap by time, tie and, should ties be equal, order of scheduling.
type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	a, b := q[i], q[j]
	switch {
	case a.at != b.at:
		return a.at < b.at
	case a.tie != b.tie:
		return a.tie < b.tie
	}
	return a.seq < b.seq
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(*event)) }
func (q *eventQueue) Pop() any {
	old := *q
	n := len(old) - 1
	ev := old[n]
	old[n] = nil
	*q = old[:n]
	return ev
}

// streams are the sources of chance of a run, one per concern, so that a change in one does not
// disturb the others. All of them follow from the seed.
type streams struct {
	network, disk, clock, workload, faults, tie *rand.Rand
}

func newStreams(seed uint64) streams {
	of := func(concern uint64) *rand.Rand { return stream(seed, concern) }
	return streams{network: of(1), disk: of(2), clock: of(3), workload: of(4), faults: of(5), tie: of(6)}
}

// stream is a source of chance of its own for each pair of numbers.
func stream(seed, concern uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(seed), mix(concern+0x9e3779b97f4a7c15)))
}

// mix is the finalizer of splitmix64: near seeds become distant ones.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// between draws a duration from low to high.
func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(rng.Int64N(int64(high-low)+1))
}

// seconds prints a virtual time.
func seconds(d time.Duration) string { return fmt.Sprintf("%.6fs", d.Seconds()) }
