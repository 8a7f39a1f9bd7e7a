package network

import (
	"errors"
	"fmt"
	"os"
	"time"
)

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// rest prepares waiting for input: it sees to it that a read deadline is set no later than
// necessary. verified says that a read found nothing; if not, input may be there that nobody will
// announce (see socket_linux.go), and the wait must be short. It returns false if the connection
// is to be read no more.
//
// Deadlines are lazy: an earlier one that is set already stays, and timedOut sorts out what it
// meant. So a busy connection sets one per second, not one per request.
func (c *conn) rest(verified bool) bool {
	if c.stale || c.now.IsZero() {
		c.wokeUp()
	}
	if !c.in.partial() {
		c.server.partial.hold(c, 0, time.Time{})
	}
	switch {
	case c.in.partial():
		if c.frameSince.IsZero() {
			c.frameSince = time.Now()
		}
		c.arm(c.frameBy())
		if c.charge == 0 { // else the budget bounds it
			c.server.partial.hold(c, int64(len(c.in.buf.data)), c.frameSince)
		}
	case c.server.opts.IdleTimeout > 0:
		c.arm(c.now.Add(c.server.opts.IdleTimeout))
	}
	if !verified {
		c.arm(c.now.Add(busyRecheck))
	}
	return !c.stopped.Load()
}

// frameBy is when the frame in progress must have gone on: what has arrived of it buys time, what
// was merely announced does not, for it already holds memory budget.
func (c *conn) frameBy() time.Time {
	have := min(len(c.in.buffered()), max(c.in.need, 0))
	if plantedClaimsBuyTime {
		have = c.in.need
	}
	if plantedPatientFrame {
		return time.Now().Add(c.server.opts.FrameTimeout)
	}
	return c.frameSince.Add(c.server.opts.FrameTimeout + time.Duration(have)*time.Second/frameRate)
}

func (c *conn) arm(t time.Time) {
	if !c.armed.IsZero() && !c.armed.After(t) {
		return
	}
	c.setArmed(t)
}

func (c *conn) setArmed(t time.Time) {
	c.armed = t
	c.nc.SetReadDeadline(t)
	if c.stopped.Load() {
		c.nc.SetReadDeadline(past)
	}
}

// timedOut is called when the read deadline has passed. It returns false if that means the end of
// the connection, else the deadline is set anew.
func (c *conn) timedOut() bool {
	if c.stopped.Load() {
		return false
	}
	now := time.Now()
	idle := c.server.opts.IdleTimeout
	switch {
	case c.in.partial(): // rest has set frameSince
		by := c.frameBy()
		if !now.Before(by) {
			return c.end(ClosedSlowFrame, fmt.Errorf("frame of %d bytes not complete in time", c.in.need))
		}
		c.setArmed(by)
	case idle <= 0:
		c.setArmed(time.Time{})
	case c.pending():
		c.now = now // it is busy now, in a way
		c.setArmed(now.Add(idle))
	case now.Sub(c.now) >= idle:
		return c.end(ClosedIdle, fmt.Errorf("idle for %v", now.Sub(c.now)))
	default:
		c.setArmed(c.now.Add(idle))
	}
	return true
}

// pending says whether requests are open.
func (c *conn) pending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.idleLocked()
}

// beforeRead waits as long as the connection is muted. It returns false if the connection is to be
// read no more.
func (c *conn) beforeRead() bool {
	if !c.muted.Load() {
		return !c.stopped.Load()
	}
	c.flushHeld()
	c.mu.Lock()
	until := c.mu.muteUntil
	c.muted.Store(false)
	c.mu.Unlock()
	return c.sleep(time.Until(until))
}

// sleep waits for d, or until the client has left and nothing of it remains to be read. It returns false if reading is to
// end. The reader goroutine and its timer are all that a muted connection holds, as any other does.
func (c *conn) sleep(d time.Duration) bool {
	c.stale = true
	c.in.park()
	for until := time.Now().Add(d); d > 0 && !c.stopped.Load(); d = time.Until(until) {
		step := min(d, leaveCheck)
		if c.timer == nil {
			c.timer = time.NewTimer(step)
		} else {
			c.timer.Reset(step)
		}
		select {
		case <-c.timer.C:
		case <-c.stop:
			c.timer.Stop()
		}
		if d > leaveCheck && !c.in.partial() && c.left() && c.drained() {
			break // reading will find the end
		}
	}
	return !c.stopped.Load()
}

// muteLocked notes how long the client of an answered request is to be silent.
func (c *conn) muteLocked(d time.Duration) {
	if until := time.Now().Add(d); until.After(c.mu.muteUntil) {
		c.mu.muteUntil = until
	}
	c.muted.Store(!plantedNotMuted)
}
