package coordinator

import (
	"cmp"
	"container/heap"
)

// timer is one named timer of one shard.
type timer struct {
	shard  *shard
	name   string
	atMs   int64  // in the clock of the calls
	seq    uint64 // orders what is due at the same time
	place  int    // in the heap
	decide func(*Turn)
}

// timers are those of all shards of a Core, the earliest first.
type timers struct {
	heap timerHeap
	seq  uint64
}

// timerHeap implements heap.Interface.
type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].atMs, h[j].atMs), cmp.Compare(h[i].seq, h[j].seq)) < 0
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.place = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return t
}

// set makes a timer, or moves the one of that name.
func (ts *timers) set(s *shard, name string, atMs int64, decide func(*Turn)) {
	ts.seq++
	if t := s.timers[name]; t != nil {
		t.atMs, t.seq, t.decide = atMs, ts.seq, decide
		heap.Fix(&ts.heap, t.place)
		return
	}
	t := &timer{shard: s, name: name, atMs: atMs, seq: ts.seq, decide: decide}
	s.timers[name] = t
	heap.Push(&ts.heap, t)
}

func (ts *timers) cancel(s *shard, name string) {
	if t := s.timers[name]; t != nil {
		delete(s.timers, name)
		heap.Remove(&ts.heap, t.place)
	}
}

// drop cancels all timers of a shard.
func (ts *timers) drop(s *shard) {
	kept := ts.heap[:0]
	for _, t := range ts.heap {
		if t.shard != s {
			t.place = len(kept)
			kept = append(kept, t)
		}
	}
	clear(ts.heap[len(kept):])
	ts.heap = kept
	heap.Init(&ts.heap)
	clear(s.timers)
}

// due takes the first timer out that is due before seq was given out, or returns nil.
func (ts *timers) due(nowMs int64, seq uint64) *timer {
	if len(ts.heap) == 0 || ts.heap[0].atMs > nowMs || ts.heap[0].seq > seq {
		return nil
	}
	t := heap.Pop(&ts.heap).(*timer)
	delete(t.shard.timers, t.name)
	return t
}
