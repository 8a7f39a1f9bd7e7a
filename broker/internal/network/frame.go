package network

import (
	"fmt"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

const (
	keyProduce = 0 // the only API whose requests overlap
	keyFetch   = 1 // with Produce, what a busy connection is made of
)

// consume serves the complete frames that are buffered and flushes their answers. It returns false
// if the connection is to be read no more.
func (c *conn) consume() bool {
	for c.beforeRead() {
		if !c.admitted {
			ok, failed := c.admit()
			if failed {
				return false
			}
			if !ok {
				break
			}
		}
		if len(c.in.buffered()) < c.in.need {
			break
		}
		if !c.serve() {
			return false
		}
	}
	c.flushHeld()
	return !c.stopped.Load()
}

// admit decides on the frame in progress as soon as its size, key and version are there, before
// memory is spent on it. ok is false if more bytes are needed first; failed, if the connection is
// to be read no more.
func (c *conn) admit() (ok, failed bool) {
	head := c.in.buffered()
	if len(head) < wire.PrefixSize {
		return false, false
	}
	size, err := wire.FrameSize(head, c.server.opts.MaxFrame)
	if err != nil {
		return false, !c.end(ClosedBadFrame, err)
	}
	key, version, ok := wire.PeekKey(head)
	if !ok {
		return false, false
	}
	if limit := wire.LimitOf(key).MaxFrame; size > limit {
		return false, !c.end(ClosedBadFrame, fmt.Errorf("%w: %d bytes for API key %d", wire.ErrFrame, size, key))
	}
	charge, err := c.server.opts.Handler.Admit(&c.session, key, version, size)
	if err != nil {
		return false, !c.end(ClosedNotAdmitted, err)
	}
	if !c.awaitRoom(key) || !c.beforeRead() || !c.pay(charge) {
		return false, true // beforeRead: an answer that was waited for may have muted the client
	}
	c.in.need = wire.PrefixSize + size
	c.frameSince = time.Time{} // the frame's time starts now
	c.admitted = true
	return true, false
}

// awaitRoom waits until a request of this key may be served: Produce behind Produce while the
// ring has room, everything else when the ring is empty.
func (c *conn) awaitRoom(key int16) bool {
	room := (*conn).emptyLocked
	if key == keyProduce || plantedOverlap {
		room = (*conn).produceRoomLocked
	}
	c.mu.Lock()
	now := room(c)
	c.mu.Unlock()
	if now {
		return true
	}
	c.flushHeld()
	return c.await(room, c.stop)
}

func (c *conn) emptyLocked() bool { return c.mu.head == c.mu.tail }

func (c *conn) produceRoomLocked() bool {
	if c.emptyLocked() {
		return true
	}
	return (c.mu.produce || plantedOverlap) && c.mu.tail-c.mu.head < MaxSlots && c.mu.pendingBytes < MaxPendingBytes
}

// pay takes the charge from the memory budget, waiting for it if it must.
func (c *conn) pay(charge int64) bool {
	if charge <= BudgetThreshold {
		return true
	}
	if !c.server.budget.tryAcquire(&c.account, charge) {
		c.flushHeld()
		c.stale = true
		if !c.server.budget.acquire(&c.account, charge, c.stop) {
			return false
		}
	}
	c.charge = charge
	return true
}

// unadmit gives back what the frame in progress was charged.
func (c *conn) unadmit() {
	if c.charge > 0 {
		c.server.budget.release(&c.account, c.charge)
		c.charge = 0
	}
}

// serve executes the frame in progress, which is complete. It returns false if the connection is
// to be read no more.
func (c *conn) serve() bool {
	buf := c.in.buf
	frame := c.in.take()
	c.admitted = false
	c.frameSince = time.Time{}
	h, body, err := wire.ParseHeader(frame)
	if err != nil {
		return c.end(ClosedBadFrame, err)
	}
	if c.stale {
		c.wokeUp()
	}
	r := c.open(h.Key, len(frame))
	r.Header, r.Payload, r.Now = h, body, c.now
	r.slot.charge, c.charge = c.charge, 0
	r.slot.stats.began(h.Version, len(frame))
	if !plantedRelease {
		buf.retain()
		r.slot.frame = buf
	}
	r.Out = append(r.Out[:0], 0, 0, 0, 0)
	r.Out = wire.AppendResponseHeader(r.Out, h.Key, h.Version, h.CorrelationID)
	d := c.server.opts.Handler.Serve(r)
	if d == Pending {
		return true
	}
	r.seal(d)
	c.answered(r, d)
	if d == Hangup {
		return c.end(ClosedHangup, errHangup)
	}
	return true
}

// anotherBuffered says whether the next frame is complete already, so that its answer may leave
// together with those collected.
func (c *conn) anotherBuffered() bool {
	b := c.in.buffered()
	size, err := wire.FrameSize(b, c.server.opts.MaxFrame)
	return err == nil && len(b) >= wire.PrefixSize+size
}
