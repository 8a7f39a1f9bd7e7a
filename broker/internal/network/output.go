package network

import (
	"io"
	"time"
)

// out collects small answers, so that pipelined requests are answered by one write. It belongs to
// the holder of the pen and its memory to the pool while it is empty.

func (c *conn) outRoom() int {
	if c.outBuf == nil {
		return outSize
	}
	return cap(c.out) - len(c.out)
}

func (c *conn) appendOut(p []byte) {
	c.makeOut()
	c.out = append(c.out, p...)
}

func (c *conn) makeOut() {
	if c.outBuf == nil {
		c.outBuf = c.server.pool.get(outSize)
		c.out = c.outBuf.data[:0:outSize]
	}
}

// growOut makes room for n more bytes in a larger buffer.
func (c *conn) growOut(n int) {
	b := c.server.pool.get(len(c.out) + n)
	out := append(b.data[:0], c.out...)
	at := c.outAt
	c.clearOut()
	c.outBuf, c.out, c.outAt = b, out, at
}

func (c *conn) clearOut() {
	if c.outBuf != nil {
		c.outBuf.release()
	}
	c.outBuf, c.out, c.outAt = nil, nil, 0
}

// answered is the reader's own completion of r. The answer is written now, unless another request
// is buffered already whose answer may go with it, or it is not the turn of r.
func (c *conn) answered(r *Request, d Disposition) {
	c.mu.Lock()
	r.slot.state.Store(slotComplete)
	if c.mu.dead || c.mu.pen != penReader && !(c.mu.pen == penFree && c.readyLocked()) {
		c.mu.Unlock()
		return // others write it when its turn comes
	}
	c.mu.pen = penReader
	c.collectLocked()
	more := c.readyLocked() || c.mu.hangup
	c.mu.Unlock()
	c.holding = true
	if more || d == Hangup || !c.anotherBuffered() {
		c.flushHeld()
	}
}

// flushHeld writes what the reader has collected. The reader calls it before it waits for anything.
func (c *conn) flushHeld() {
	if c.holding {
		c.holding = false
		c.drain()
	}
}

// drain writes out and every complete head of the ring, then lays the pen down. It blocks as long
// as the socket does: for the reader and the writer goroutine only. The caller holds the pen.
func (c *conn) drain() {
	for {
		err := c.flush()
		c.mu.Lock()
		if err != nil || c.mu.dead {
			c.mu.Unlock()
			c.fail(ClosedWriteError, err)
			return
		}
		big := c.collectLocked()
		if big == nil && len(c.out) == 0 {
			c.layDown()
			return
		}
		wake := c.wantsWakeLocked()
		c.mu.Unlock()
		if wake {
			c.wakeReader()
		}
		if big != nil && !c.writeBig(big) {
			return
		}
	}
}

// tryDrain is drain for completers: it never blocks. What the socket does not take, answers that
// are too large or have a tail, and all work on connections without non-blocking writes are left to
// the writer goroutine. The caller holds the pen.
func (c *conn) tryDrain() {
	for round := 0; ; round++ {
		c.mu.Lock()
		if c.mu.dead {
			c.mu.Unlock()
			c.fail(ClosedWriteError, nil)
			return
		}
		big := c.collectLocked()
		if big == nil && len(c.out) == 0 {
			c.layDown()
			return
		}
		c.mu.Unlock()
		if big != nil || round == writeRounds {
			c.leaveToWriter()
			return
		}
		n, err := c.attempt()
		if err != nil {
			c.fail(ClosedWriteError, err)
			return
		}
		if n < len(c.out) {
			c.outAt = n
			c.leaveToWriter()
			return
		}
		c.clearOut()
	}
}

// attempt is the one write that a completer makes of what it has collected.
func (c *conn) attempt() (int, error) {
	if plantedBlockingCompleter {
		return len(c.out), c.writeAll(c.out)
	}
	return c.tryWrite(c.out)
}

func (c *conn) leaveToWriter() {
	c.mu.Lock()
	c.mu.pen = penWriter
	c.mu.Unlock()
	go c.writerFn()
}

// layDown gives up the pen, with mu held, which it unlocks; nothing is left to write. A Hangup
// that has been reached takes effect now.
func (c *conn) layDown() {
	if c.mu.hangup && !c.mu.dead {
		c.mu.Unlock()
		c.fail(ClosedHangup, errHangup)
		return
	}
	c.mu.pen = penFree
	s := &c.mu.seen
	s.BytesOut, s.WriteCalls = c.put.BytesOut, c.put.WriteCalls
	s.SendfileCalls, s.SendfileBytes = c.put.SendfileCalls, c.put.SendfileBytes
	wake := c.wantsWakeLocked()
	c.mu.Unlock()
	if wake {
		c.wakeReader()
	}
}

// fail ends the connection and lays the pen down, in this order: nobody may write behind an
// answer that is torn.
func (c *conn) fail(why CloseReason, err error) {
	c.kill(why, err)
	c.clearOut()
	c.mu.Lock()
	c.layDown()
}

// flush writes out.
func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.writeAll(c.out[c.outAt:])
	c.clearOut()
	return err
}

// writeBig writes the answer at the head of the ring, which stays there until it is written, and
// closes its slot. It returns false if the connection has failed; then dispose releases the tail.
func (c *conn) writeBig(r *Request) bool {
	if err := c.writeAnswer(r); err != nil {
		c.fail(ClosedWriteError, err)
		return false
	}
	r.giveUp()
	c.mu.Lock()
	c.popLocked(r)
	c.mu.Unlock()
	return true
}

// writeAnswer writes Out and Tail of r; the end of it may stay in out.
func (c *conn) writeAnswer(r *Request) error {
	if _, err := c.sender.Write(r.Out); err != nil || r.Tail == nil {
		return err
	}
	c.sender.written = 0
	if err := r.Tail.WriteTo(&c.sender); err != nil {
		return err
	}
	if want := int64(r.Tail.Len()); c.sender.written != want {
		panic("BUG: the body of an answer wrote another number of bytes than its Len")
	}
	return nil
}

// writeAll writes p, waiting for the socket as long as it takes something within WriteTimeout.
func (c *conn) writeAll(p []byte) error {
	n, err := c.tryWrite(p)
	if err != nil || n == len(p) {
		return err
	}
	c.server.unsent.hold(c, int64(cap(p)), time.Now())
	defer c.server.unsent.hold(c, 0, time.Time{})
	for n < len(p) {
		if err := c.limitWrite(); err != nil {
			return err
		}
		m, err := c.nc.Write(p[n:min(n+sendPiece, len(p))])
		c.put.WriteCalls++
		c.put.BytesOut += int64(m)
		n += m
		if err != nil {
			return err
		}
	}
	return c.unlimitWrite()
}

// limitWrite sets the write deadline. A deadline that has passed would fail even a non-blocking
// write later on, so it is taken away again by unlimitWrite.
func (c *conn) limitWrite() error {
	return c.setWriteDeadline(time.Now().Add(c.server.opts.WriteTimeout))
}

func (c *conn) unlimitWrite() error { return c.setWriteDeadline(time.Time{}) }

// setWriteDeadline looks at isDead after setting: kill may have set its own just before.
func (c *conn) setWriteDeadline(t time.Time) error {
	if err := c.nc.SetWriteDeadline(t); err != nil {
		return err
	}
	if c.isDead.Load() {
		return io.ErrClosedPipe
	}
	return nil
}
