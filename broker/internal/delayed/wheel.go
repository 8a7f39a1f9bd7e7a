package delayed

import (
	"sync"
	"time"
)

const (
	// Tick is how coarse deadlines are: an operation expires at most one tick late.
	Tick = 10 * time.Millisecond
	// wheelSlots is a power of two; later deadlines go round more than once.
	wheelSlots = 512
)

// Wheel is a timing wheel for the deadlines of parked operations: adding and removing cost the
// same however many there are.
type Wheel struct {
	base time.Time
	wake func() // told when an operation comes to an empty wheel

	mu    sync.Mutex
	now   int64 // the last tick that was advanced to
	n     int
	slots [wheelSlots]*Op
}

// timer is an operation's place in a wheel, guarded by Wheel.mu.
type timer struct {
	tick       int64
	linked     bool
	prev, next *Op
}

// NewWheel makes an empty wheel. now is any time before the first use; its monotonic reading is what
// deadlines are measured against. wake, if not nil, is called when the wheel stops
// being empty; it must not block.
func NewWheel(now time.Time, wake func()) *Wheel {
	return &Wheel{base: now, wake: wake}
}

func (w *Wheel) add(op *Op, deadline time.Time) {
	w.mu.Lock()
	t := &op.timer
	// Round up, and never into a tick that has been advanced past.
	t.tick = max(int64((deadline.Sub(w.base)+Tick-1)/Tick), w.now+1)
	slot := &w.slots[t.tick%wheelSlots]
	t.linked, t.prev, t.next = true, nil, *slot
	if *slot != nil {
		(*slot).timer.prev = op
	}
	*slot = op
	w.n++
	first := w.n == 1
	w.mu.Unlock()
	if first && w.wake != nil {
		w.wake()
	}
}

func (w *Wheel) remove(op *Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if op.timer.linked {
		w.unlink(op)
	}
}

func (w *Wheel) unlink(op *Op) {
	t := &op.timer
	if t.prev != nil {
		t.prev.timer.next = t.next
	} else {
		w.slots[t.tick%wheelSlots] = t.next
	}
	if t.next != nil {
		t.next.timer.prev = t.prev
	}
	t.linked, t.prev, t.next = false, nil, nil
	w.n--
}

// Advance ends the operations whose deadline is not after now, and returns how many still wait.
func (w *Wheel) Advance(now time.Time) int {
	due, left := w.collect(int64(now.Sub(w.base) / Tick))
	for due != nil {
		op := due
		due, op.timer.next = op.timer.next, nil
		op.end(Expired)
	}
	return left
}

// collect unlinks what is due at or before the tick and returns, chained by timer.next, what it has taken.
func (w *Wheel) collect(to int64) (due *Op, left int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if to <= w.now {
		return nil, w.n
	}
	from := max(w.now+1, to-wheelSlots+1) // one whole turn sees every slot
	for tick := from; tick <= to && w.n > 0; tick++ {
		for op := w.slots[tick%wheelSlots]; op != nil; {
			next := op.timer.next
			if op.timer.tick <= to {
				w.unlink(op)
				if op.take() {
					op.timer.next, due = due, op
				}
			}
			op = next
		}
	}
	w.now = to
	return due, w.n
}
