package network

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
)

// errHangup: the handler wanted the connection closed.
var errHangup = errors.New("closed by the handler")

// State of a slot. From open to sealed it goes by compare-and-swap, which is what makes completion
// happen once; from there under conn.mu.
const (
	slotFree     uint32 = iota
	slotOpen            // being served, or pending
	slotSealed          // completed; its frame is given back
	slotComplete        // waiting for its turn, or being written by the holder of the pen
)

// slot is what network keeps of a request.
type slot struct {
	conn   *conn
	state  atomic.Uint32
	ending Disposition
	size   int     // bytes of the frame without its length field
	charge int64   // of the memory budget
	frame  *buffer // what Payload and ClientID alias
	stats  *apiStats
}

// Size is the number of bytes of the request's frame, without the length field.
func (r *Request) Size() int { return r.slot.size }

// Done returns a channel that is closed when the connection or the server is going away: a handler
// that waits must then return soon. Call it only from within Serve and only when about to wait: the
// answers collected so far are written first, which may block. The channel itself may be used
// anywhere. It is nil, and so never closed, for a request that is on no connection.
func (r *Request) Done() <-chan struct{} {
	c := r.slot.conn
	if c == nil {
		return nil
	}
	c.flushHeld()
	c.stale = true
	return c.stop
}

// Left reports whether the client has closed the connection, or its half of it: a handler that waits for more to tell
// should answer with what there is. It costs a system call; call it from within Serve only. It is always false where
// that cannot be seen (TLS, in-memory connections, systems other than Linux).
func (r *Request) Left() bool { return r.slot.conn != nil && r.slot.conn.left() }

// Complete answers a Pending request. It may be called from any goroutine, also before Serve has
// returned Pending, exactly once; r belongs to the connection again when it is called. It never
// blocks on the socket: at most it makes a few non-blocking attempts to write. It is safe after
// the connection has closed, then only r.Tail is released.
func (r *Request) Complete(d Disposition) {
	if d == Pending {
		panic("BUG: request completed as Pending")
	}
	c := r.slot.conn
	r.seal(d)
	c.mu.Lock()
	if c.mu.closed {
		r.slot.state.Store(slotFree)
		c.mu.Unlock()
		r.giveUp()
		return
	}
	r.slot.state.Store(slotComplete)
	if c.mu.dead || c.mu.pen != penFree || !c.readyLocked() {
		c.mu.Unlock()
		return // others write it when its turn comes
	}
	c.mu.pen = penCompleter
	c.mu.Unlock()
	c.tryDrain()
}

// seal ends the execution of r: its length is known, its frame and charge are given back.
func (r *Request) seal(d Disposition) {
	if !r.slot.state.CompareAndSwap(slotOpen, slotSealed) {
		panic("BUG: request completed twice")
	}
	r.slot.ending = d
	if d == Answered {
		n := len(r.Out) - 4
		if r.Tail != nil {
			n += r.Tail.Len()
		}
		binary.BigEndian.PutUint32(r.Out, uint32(n))
	} else {
		r.giveUp()
	}
	c := r.slot.conn
	r.Payload, r.ClientID = nil, nil
	if frame := r.slot.frame; frame != nil {
		r.slot.frame = nil
		frame.release()
	}
	if r.slot.charge > 0 {
		c.server.budget.release(&c.account, r.slot.charge)
		r.slot.charge = 0
	}
}

// giveUp releases the tail of an answer that is not to be written, or has been.
func (r *Request) giveUp() {
	if tail := r.Tail; tail != nil {
		r.Tail = nil
		tail.Release()
	}
}

// open puts a request into the ring. awaitRoom has made sure of a slot.
func (c *conn) open(key int16, size int) *Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.tail-c.mu.head == MaxSlots {
		panic("BUG: no answer slot")
	}
	i := c.mu.tail % MaxSlots
	r := c.mu.slots[i]
	if r == nil {
		r = &Request{Session: &c.session, Out: make([]byte, 0, 128)}
		r.slot.conn = c
		c.mu.slots[i] = r
	}
	r.slot.size = size
	r.slot.stats = c.server.requests.of(c.session.ID, key)
	r.slot.state.Store(slotOpen)
	r.Mute, r.Waited = 0, 0
	c.mu.tail++
	c.mu.pendingBytes += size
	c.mu.produce = key == keyProduce
	c.got.Requests++
	c.publishLocked()
	return r
}

// readyLocked says whether the head of the ring is complete.
func (c *conn) readyLocked() bool {
	return c.mu.head != c.mu.tail && c.mu.slots[c.mu.head%MaxSlots].slot.state.Load() == slotComplete
}

// popLocked closes the slot at the head. Its answer is written, or copied to out.
func (c *conn) popLocked(r *Request) {
	if n := cap(r.Out); n > retainedOut || n > retainedCold && r.Key > keyFetch {
		r.Out = nil
	}
	if r.Mute > 0 {
		c.muteLocked(r.Mute)
	}
	r.slot.stats.ended(r)
	c.mu.pendingBytes -= r.slot.size
	c.mu.head++
	r.slot.state.Store(slotFree)
}

// collectLocked moves complete answers from the head of the ring to out, as many as fit. It
// returns the head if that is complete but not for out: too large, or with a tail; out is empty
// then. If a Hangup is at the head and out is empty, it sets mu.hangup. The caller holds the pen.
func (c *conn) collectLocked() *Request {
	for !c.mu.hangup {
		if plantedOrder {
			c.jumpQueueLocked()
		}
		if !c.readyLocked() {
			break
		}
		r := c.mu.slots[c.mu.head%MaxSlots]
		switch {
		case r.slot.ending == Silent:
			c.popLocked(r)
		case r.slot.ending == Hangup:
			if len(c.out) > 0 {
				return nil
			}
			c.mu.hangup = true
			c.popLocked(r)
		case r.Tail != nil || len(r.Out) > smallAnswer:
			if len(c.out) > 0 {
				return nil
			}
			return r
		case len(r.Out) > c.outRoom():
			return nil
		default:
			c.appendOut(r.Out)
			c.popLocked(r)
		}
	}
	return nil
}

// jumpQueueLocked brings a complete slot to the head: the planted bug "order".
func (c *conn) jumpQueueLocked() {
	for i := c.mu.head; i != c.mu.tail; i++ {
		if s := &c.mu.slots; s[i%MaxSlots].slot.state.Load() == slotComplete {
			s[i%MaxSlots], s[c.mu.head%MaxSlots] = s[c.mu.head%MaxSlots], s[i%MaxSlots]
			return
		}
	}
}

// publishLocked makes the counters visible to Server.Stats. Only the reader may call it; the
// holder of the pen adds its own in layDownLocked.
func (c *conn) publishLocked() {
	s := &c.mu.seen
	s.Requests, s.BytesIn, s.ReadCalls = c.got.Requests, c.got.BytesIn, c.got.ReadCalls
}
