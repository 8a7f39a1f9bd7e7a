package network

import (
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// pen says who writes to the socket.
type pen uint8

const (
	penFree      pen = iota // then the head of the ring is not complete, unless the connection is dead
	penReader               // the reader goroutine: it may keep it while it collects answers
	penCompleter            // a goroutine inside Request.Complete
	penWriter               // the writer goroutine
)

// conn is one connection. Fields are grouped by owner.
type conn struct {
	server  *Server
	nc      net.Conn
	sock    socket  // system calls, where nc allows them
	session Session // see Session
	limited bool    // counts against limits of connections; guarded by Server.mu
	partial holding // of Server.partial; the reader goroutine's
	unsent  holding // of Server.unsent; the holder of the pen's

	// Of the reader goroutine.
	in         input
	now        time.Time // of the last wake-up
	woken      time.Time // of the one before
	stale      bool      // the reader has waited since now
	frameSince time.Time // when waiting for the rest of the frame in progress began; zero: not waiting
	armed      time.Time // read deadline set on nc; zero: none
	timer      *time.Timer
	why        CloseReason // why reading ended, and the error behind it
	cause      error
	holding    bool // the reader has kept the pen
	got        Counters
	account    account // guarded by Server.budget
	charge     int64   // taken from the budget for the frame in progress
	admitted   bool    // of the frame in progress

	// Of whoever holds the pen.
	out    []byte  // answers not yet written; memory of outBuf
	outBuf *buffer // nil if out is empty
	outAt  int     // bytes of out that the socket has taken
	put    Counters
	sender sender

	writerFn func()        // bound once: starting the writer goroutine allocates nothing
	wake     chan struct{} // to the waiting reader; one slot
	stop     chan struct{} // closed: read no more, end waiting; answers are still written
	dead     chan struct{} // closed: write no more either
	stopped  atomic.Bool   // set before stop is closed
	isDead   atomic.Bool   // set before dead is closed
	muted    atomic.Bool   // mu.muteUntil is set

	mu struct {
		sync.Mutex
		slots        [MaxSlots]*Request // ring; made when first needed
		head, tail   uint32             // of the ring: oldest open slot, next slot to open
		pendingBytes int                // frames of open slots
		produce      bool               // the youngest slot is of Produce
		pen          pen
		waiting      bool // the reader wants wake
		hangup       bool // a Hangup has reached the head
		dead         bool
		closed       bool // the ring is disposed of; Complete gives up by itself
		reason       CloseReason
		cause        error
		muteUntil    time.Time
		seen         Counters // published copies of got and put
	}
}

func newConn(s *Server, nc net.Conn, session Session) *conn {
	c := &conn{
		server:  s,
		nc:      nc,
		session: session,
		wake:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
		dead:    make(chan struct{}),
	}
	c.mu.reason = CloseReasons
	c.in.init(&s.pool)
	c.sender.c = c
	c.writerFn = c.drain
	c.sock.init(c)
	return c
}

// run is the reader goroutine.
func (c *conn) run() {
	defer c.server.wg.Done()
	c.read()
	c.finish()
	c.server.forget(c)
}

// end notes why reading ends; it returns false, for callers to return.
func (c *conn) end(why CloseReason, cause error) bool {
	c.why, c.cause = why, cause
	return false
}

// finish lets earlier answers be completed and written, closes the connection and disposes of what
// is left.
func (c *conn) finish() {
	if c.stopped.Load() && c.cause == nil {
		c.end(ClosedShutdown, ErrServerClosed)
	}
	if c.why == ClosedReadError {
		c.kill(c.why, c.cause) // nobody is there to read an answer
	}
	c.in.close()
	c.server.partial.hold(c, 0, time.Time{})
	c.flushHeld()
	c.unadmit()
	c.await((*conn).idleLocked, c.dead)
	c.kill(c.why, c.cause)
	c.await((*conn).unwrittenLocked, nil)
	c.dispose()
	c.nc.Close()
	c.server.opts.Logger.Debug("connection closed", slog.Uint64("connection", c.session.ID),
		slog.String("remote", c.session.RemoteHost), slog.String("reason", c.mu.reason.String()),
		slog.Any("error", c.mu.cause))
}

// dispose gives up the answers that will not be written. Requests still open give themselves up
// when they are completed.
func (c *conn) dispose() {
	c.mu.Lock()
	c.mu.closed = true
	c.publishLocked()
	var given [MaxSlots]*Request
	n := 0
	for i := c.mu.head; i != c.mu.tail; i++ {
		if r := c.mu.slots[i%MaxSlots]; r.slot.state.Load() == slotComplete {
			r.slot.state.Store(slotFree)
			given[n] = r
			n++
		}
	}
	c.mu.Unlock()
	for _, r := range given[:n] {
		r.giveUp()
	}
}

// halt ends reading and waiting (Shutdown). Safe from any goroutine; does not block.
func (c *conn) halt() {
	c.mu.Lock()
	c.haltLocked()
	c.mu.Unlock()
	c.nc.SetReadDeadline(past)
}

func (c *conn) haltLocked() {
	if !c.stopped.Swap(true) {
		close(c.stop)
	}
}

// kill ends everything; the reader goroutine closes the connection. The first reason counts. Safe
// from any goroutine, with or without the pen; does not block.
func (c *conn) kill(why CloseReason, cause error) {
	c.mu.Lock()
	if c.mu.dead {
		c.mu.Unlock()
		return
	}
	c.mu.dead = true
	c.mu.reason, c.mu.cause = why, cause
	c.isDead.Store(true)
	close(c.dead)
	c.haltLocked()
	c.mu.Unlock()
	c.nc.SetDeadline(past)
}

// past is a deadline that makes reads and writes return. Setting it comes after the flags that say
// why; whoever sets another deadline looks at the flags afterwards.
var past = time.Unix(1, 0)

// await blocks the reader until ok, called with mu held, is true, or quit is closed: then it
// returns false. The reader must not be holding the pen.
func (c *conn) await(ok func(*conn) bool, quit <-chan struct{}) bool {
	for {
		c.mu.Lock()
		done := ok(c)
		c.mu.waiting = !done
		c.mu.Unlock()
		if done {
			return true
		}
		c.stale = true
		select {
		case <-c.wake:
		case <-quit:
			return false
		}
	}
}

// idleLocked: every request has been answered and written.
func (c *conn) idleLocked() bool { return c.mu.head == c.mu.tail && c.mu.pen == penFree }

// unwrittenLocked: nobody is writing.
func (c *conn) unwrittenLocked() bool { return c.mu.pen == penFree }

// wantsWakeLocked says that the caller must call wakeReader after unlocking.
func (c *conn) wantsWakeLocked() bool {
	w := c.mu.waiting
	c.mu.waiting = false
	return w
}

func (c *conn) wakeReader() {
	select {
	case c.wake <- struct{}{}:
	default: // a token is there already
	}
}

// readPlain is the reader's loop on connections without system calls of their own: TLS, in-memory
// ones, and everything on systems other than Linux. It keeps a small buffer while it waits.
func (c *conn) readPlain() {
	for c.beforeRead() {
		c.in.park()
		p := c.in.space()
		if !c.rest(true) {
			return
		}
		n, err := c.nc.Read(p)
		c.got.ReadCalls++
		if n > 0 {
			c.wokeUp()
			c.in.filled(n, len(p))
			if n < len(p) {
				c.in.shrink()
			}
			c.got.BytesIn += int64(n)
			if !c.consume() {
				return
			}
		}
		if err != nil && !c.readFailed(err) {
			return
		}
	}
}

// readFailed says whether reading goes on after err.
func (c *conn) readFailed(err error) bool {
	switch {
	case isTimeout(err):
		return c.timedOut()
	case err == io.EOF:
		return c.end(ClosedByClient, err)
	}
	return c.end(ClosedReadError, err)
}

// wokeUp takes the time, once per wake-up.
func (c *conn) wokeUp() {
	c.woken, c.now = c.now, time.Now()
	c.stale = false
}
