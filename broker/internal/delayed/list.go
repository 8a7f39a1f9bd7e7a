package delayed

import (
	"math"
	"sync"
	"sync/atomic"
)

// List is who waits for one value, such as a partition's high watermark, to rise. The zero value
// is ready, with value 0. It must not be copied.
type List struct {
	value atomic.Int64
	// lowest is not above the smallest threshold in the list (MaxInt64 when it is empty, stored
	// as its distance so that the zero value is right). Signal reads it without the lock: store
	// value, then load lowest; add stores lowest, then loads value. One of them sees the other.
	lowest atomic.Int64

	mu   sync.Mutex
	head *watch // unordered, doubly linked
}

// watch is one operation's place in one list. The links are guarded by list.mu.
type watch struct {
	op         *Op
	list       *List
	threshold  int64
	linked     bool
	prev, next *watch
}

// lowestOf stores m so that an untouched List reads as "nobody waits".
func (l *List) setLowest(m int64) { l.lowest.Store(m - math.MaxInt64) }
func (l *List) getLowest() int64  { return l.lowest.Load() + math.MaxInt64 }

// Value is the last value signalled.
func (l *List) Value() int64 { return l.value.Load() }

// Waiting reports whether anybody waits; the answer may be out of date when it arrives.
func (l *List) Waiting() bool { return l.getLowest() != math.MaxInt64 }

// Signal raises the value to v, unless it is higher already, and ends the operations that have
// waited for it. It costs two atomic operations while nobody waits for v. Ender.End runs before
// Signal returns.
func (l *List) Signal(v int64) {
	for {
		old := l.value.Load()
		if old >= v {
			return
		}
		if l.value.CompareAndSwap(old, v) {
			break
		}
	}
	if l.getLowest() > v {
		return
	}
	l.endAll(l.collect(v))
}

// Reset sets the value, also to a lower one, and kicks everybody.
func (l *List) Reset(v int64) {
	l.value.Store(v)
	l.Kick()
}

// Kick fires every watch, whatever its threshold: the partition has moved, was deleted or has failed,
// and those who wait must look again (SURFACE 69).
func (l *List) Kick() { l.endAll(l.collect(math.MaxInt64)) }

// collect unlinks the watches at or below v and returns, chained by next, those whose operation
// has thereby been taken.
func (l *List) collect(v int64) (ready *watch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lowest := int64(math.MaxInt64)
	for w := l.head; w != nil; {
		next := w.next
		if w.threshold > v {
			lowest = min(lowest, w.threshold)
		} else {
			l.unlink(w)
			if w.op.fire() {
				w.next, ready = ready, w
			}
		}
		w = next
	}
	l.setLowest(lowest)
	return ready
}

func (l *List) endAll(ready *watch) {
	for ready != nil {
		w := ready
		ready, w.next = w.next, nil // before end: the operation may be used again at once
		w.op.end(Met)
	}
}

func (l *List) add(w *watch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lowest := l.getLowest(); w.threshold < lowest {
		l.setLowest(w.threshold)
	}
	if l.value.Load() >= w.threshold && !plantedLostWakeup {
		// Signalled before. Op.guard keeps this from ending the operation here.
		w.op.left.Add(-1)
		return
	}
	w.linked = true
	w.next = l.head
	if l.head != nil {
		l.head.prev = w
	}
	l.head = w
}

func (l *List) remove(w *watch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.linked {
		l.unlink(w)
	}
	if l.head == nil {
		l.setLowest(math.MaxInt64)
	}
}

func (l *List) unlink(w *watch) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.linked = nil, nil, false
}
