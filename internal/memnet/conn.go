package memnet

import (
	"errors"
	"io"
	"net"
	"time"
)

// Conn is one end of a connection. Reads, writes and the rest may be called concurrently; a Write
// is never mixed with another one.
type Conn struct {
	pair          *pair
	in, out       *pipe
	local, remote Addr
}

var _ net.Conn = (*Conn)(nil)

// pair is both ends and both directions. ways[0] is the dialer's.
type pair struct {
	net  *Network
	ways [2]*pipe
	open int // ends not closed; guarded by Network.mu
}

// reset breaks both directions.
func (p *pair) reset() {
	for _, way := range p.ways {
		way.reset()
	}
}

// Read follows net.Conn. Errors: io.EOF; *net.OpError with syscall.ECONNRESET, net.ErrClosed or
// os.ErrDeadlineExceeded.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	return n, c.wrap("read", err)
}

// Write follows net.Conn: it returns when everything is in the buffer of the connection, which
// is no proof that it arrives. Errors: *net.OpError with syscall.EPIPE (the stream was ended, or
// the other side closed), syscall.ECONNRESET, net.ErrClosed or os.ErrDeadlineExceeded.
func (c *Conn) Write(b []byte) (int, error) {
	n, broke, err := c.out.write(b)
	if broke {
		c.in.reset()
	}
	return n, c.wrap("write", err)
}

// Close ends both directions: the other side reads what was written and then the end.
func (c *Conn) Close() error {
	if !c.out.closeWriter() {
		return c.wrap("close", net.ErrClosed)
	}
	c.in.closeReader()
	n := c.pair.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.pair.open--; c.pair.open == 0 {
		delete(n.conns, c.pair)
	}
	return nil
}

// CloseWrite ends the outgoing stream and leaves the incoming one open.
func (c *Conn) CloseWrite() error { return c.wrap("close", c.out.end()) }

// LocalAddr is this end's address.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the other end's address.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines; the zero time is none. It reaches calls that are blocked.
func (c *Conn) SetDeadline(t time.Time) error {
	return c.wrap("set", errors.Join(c.in.setDeadlines(&t, nil), c.out.setDeadlines(nil, &t)))
}

// SetReadDeadline bounds reads.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.wrap("set", c.in.setDeadlines(&t, nil))
}

// SetWriteDeadline bounds writes.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.wrap("set", c.out.setDeadlines(nil, &t))
}

func (c *Conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "mem", Source: c.local, Addr: c.remote, Err: err}
}
