package delayed

import (
	"sync/atomic"
	"time"
)

// Reason tells why an operation ended.
type Reason uint8

const (
	// Met: enough watches have fired.
	Met Reason = iota
	// Expired: the deadline passed first.
	Expired
)

// Ender is told that a parked operation has ended. It is called once per Park that returned true
// and was not cancelled, on the goroutine that signalled or advanced the wheel, without locks. It must not block.
type Ender interface {
	End(Reason)
}

// Op is one operation that can be parked. The zero value is ready; it is used again and again
// and must not be copied after its first use.
//
//	op.Begin(ender, watches, need)
//	op.Watch(list, threshold) // watches times at most
//	if !op.Park(wheel, deadline) { /* it is met already: go on at once */ }
type Op struct {
	ender Ender
	// left counts the watches that must still fire. Until Park it is higher by guard, the number of
	// watches, so that the operation cannot end while it is being set up.
	left  atomic.Int32
	guard int32
	// taken is set by whoever ends the operation. From then on it belongs to that one alone.
	taken   atomic.Bool
	watches []watch
	wheel   *Wheel
	timer   timer
}

// Begin prepares an operation with room for the given number of watches, of which need must
// fire. The operation must not be parked.
func (op *Op) Begin(e Ender, watches, need int) {
	if cap(op.watches) < watches {
		op.watches = make([]watch, 0, watches)
	}
	op.watches = op.watches[:0]
	op.ender = e
	op.taken.Store(false)
	op.guard = int32(watches)
	op.left.Store(int32(need) + op.guard)
	op.wheel = nil
}

// maxKept bounds the watches whose memory an operation keeps from one use to the next.
const maxKept = 1024

// Trim gives back the memory of an unusually large number of watches. The operation must not be parked.
func (op *Op) Trim() {
	if cap(op.watches) > maxKept {
		op.watches = nil
	}
}

// Watch makes the operation wait for the list's value to reach threshold. It may have reached it already.
func (op *Op) Watch(l *List, threshold int64) {
	if len(op.watches) == cap(op.watches) {
		panic("BUG: more watches than Begin was told of")
	}
	op.watches = op.watches[:len(op.watches)+1]
	w := &op.watches[len(op.watches)-1]
	*w = watch{op: op, list: l, threshold: threshold}
	l.add(w)
}

// Park ends the setting up. It returns true if the operation now waits: then Ender.End or a
// successful Cancel follows. It returns false if its watches have fired already: then it is
// detached, End is not called and the caller goes on. A nil wheel means no deadline.
func (op *Op) Park(w *Wheel, deadline time.Time) bool {
	op.wheel = w
	if w != nil {
		w.add(op, deadline) // may expire and end at once
	}
	if op.left.Add(-op.guard) > 0 || !op.take() {
		return true
	}
	op.detach()
	return false
}

// Cancel takes the operation back. It returns true if the caller now owns it and End will not be
// called; false if it ended already or never waited, in which case End was or is being called elsewhere.
func (op *Op) Cancel() bool {
	if !op.take() {
		return false
	}
	op.detach()
	return true
}

func (op *Op) take() bool { return op.taken.CompareAndSwap(false, true) || plantedTwoOwners }

// fire counts one watch as fired and reports whether the caller has thereby taken the
// operation and must end it.
func (op *Op) fire() bool { return op.left.Add(-1) == 0 && op.take() }

// detach removes the operation from every list and from the wheel. Each removal takes that
// list's lock, so afterwards nobody else can be in the middle of touching the operation.
func (op *Op) detach() {
	for i := range op.watches {
		op.watches[i].list.remove(&op.watches[i])
	}
	if op.wheel != nil {
		op.wheel.remove(op)
	}
}

// end is called by whoever took the operation, without locks.
func (op *Op) end(r Reason) {
	op.detach()
	op.ender.End(r)
}
