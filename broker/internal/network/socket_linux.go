package network

import (
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket does the system calls of a TCP or Unix connection by itself, inside the callbacks of
// RawConn, which serve to wait for readiness only.
//
// Reading happens inside one call of RawConn.Read that lasts from wake-up to wake-up, requests
// included. The poller is edge-triggered, and entering RawConn.Read forgets an edge that has come
// before, so leaving it after each read would cost a second read, which finds nothing, per request.
// Staying inside, no edge is lost: a read that does not fill its buffer has emptied the socket, and
// whatever comes later raises an edge. There is one exception: the end of the stream may come with
// the same edge as the last bytes. So only a busy connection skips the second read, and if nothing
// follows it looks again within busyRecheck.
type socket struct {
	raw syscall.RawConn // nil: not such a connection

	readFn, writeFn, sendFn func(fd uintptr) bool // bound once, so that calls allocate nothing

	// Arguments and results of writeFn and sendFn, for the holder of the pen.
	buf    []byte
	n      int
	src    int
	off    int64
	left   int64
	err    error
	waited bool // a write deadline is set
}

func (s *socket) init(c *conn) {
	var err error
	switch nc := c.nc.(type) {
	case *net.TCPConn:
		s.raw, err = nc.SyscallConn()
	case *net.UnixConn:
		if nc.LocalAddr().Network() == "unix" { // a stream
			s.raw, err = nc.SyscallConn()
		}
	}
	if err != nil {
		s.raw = nil // closed already: the first read says so
	}
	s.readFn, s.writeFn, s.sendFn = c.readable, c.writeOnce, c.sendPieces
}

// read is the reader's loop.
func (c *conn) read() {
	if c.sock.raw == nil {
		c.readPlain()
		return
	}
	for {
		err := c.sock.raw.Read(c.sock.readFn)
		if err == nil || !c.readFailed(err) {
			return
		}
	}
}

// readable reads and serves until the socket is empty. It returns true if the connection is to be
// read no more, false to wait; then the buffer has been given back unless a frame is in progress.
func (c *conn) readable(fd uintptr) (done bool) {
	for c.beforeRead() {
		p := c.in.space()
		n, err := unix.Read(int(fd), p)
		c.got.ReadCalls++
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			c.in.park()
			return !c.rest(true)
		case err != nil:
			return !c.end(ClosedReadError, err)
		case n == 0:
			return !c.end(ClosedByClient, io.EOF)
		}
		c.wokeUp()
		c.in.filled(n, len(p))
		c.got.BytesIn += int64(n)
		if !c.consume() {
			return true
		}
		if n < len(p) && c.now.Sub(c.woken) < busyGap {
			c.in.park()
			return !c.rest(false)
		}
	}
	return true
}

// left reports whether the client has closed its half of the connection, or all of it. Whatever it sent before may be
// unread. Safe from within RawConn.Read.
func (c *conn) left() (yes bool) {
	if c.sock.raw == nil {
		return false
	}
	err := c.sock.raw.Control(func(fd uintptr) {
		p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(p[:], 0)
		yes = err == nil && n > 0
	})
	return yes || err != nil
}

// drained reports whether nothing is unread. It may be asked once left has said yes.
func (c *conn) drained() (yes bool) {
	_ = c.sock.raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		yes = n <= 0 && err != unix.EAGAIN && err != unix.EINTR
	})
	return yes
}

// tryWrite writes as much of p as the socket takes at once.
func (c *conn) tryWrite(p []byte) (int, error) {
	s := &c.sock
	if s.raw == nil {
		return 0, nil
	}
	s.buf, s.n, s.err = p, 0, nil
	err := s.raw.Write(s.writeFn)
	s.buf = nil
	if err == nil {
		err = s.err
	}
	c.put.BytesOut += int64(s.n)
	return s.n, err
}

// writeOnce always returns true: there is no waiting.
func (c *conn) writeOnce(fd uintptr) bool {
	s := &c.sock
	for {
		c.put.WriteCalls++
		n, err := unix.Write(int(fd), s.buf)
		switch err {
		case nil:
			s.n = n
		case unix.EINTR:
			continue
		case unix.EAGAIN:
		default:
			s.err = err
		}
		return true
	}
}

// sendFile sends a range by sendfile. It returns how much it has sent, which is less than n
// without an error if sendfile cannot be used here.
func (c *conn) sendFile(src io.ReaderAt, off, n int64) (int64, error) {
	s := &c.sock
	f, ok := src.(interface{ Fd() uintptr })
	if s.raw == nil || !ok {
		return 0, nil
	}
	s.src, s.off, s.left, s.err, s.waited = int(f.Fd()), off, n, nil, false
	err := s.raw.Write(s.sendFn)
	if err == nil {
		err = s.err
	}
	if err == nil && s.waited {
		err = c.unlimitWrite()
	}
	sent := n - s.left
	c.put.BytesOut += sent
	c.put.SendfileBytes += sent
	if (err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP) && sent == 0 {
		return 0, nil
	}
	if err != nil {
		err = fmt.Errorf("sendfile of %d bytes at %d: %w", n, off, err)
	}
	return sent, err
}

// sendPieces sends until nothing is left or something is wrong; it returns false to wait for room
// in the socket. Pieces are bounded so that other connections get their turn.
func (c *conn) sendPieces(fd uintptr) bool {
	s := &c.sock
	for s.left > 0 {
		c.put.SendfileCalls++
		n, err := unix.Sendfile(int(fd), s.src, &s.off, int(min(s.left, sendPiece)))
		if n > 0 {
			s.left -= int64(n)
		}
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			s.waited = true
			if s.err = c.limitWrite(); s.err != nil {
				return true
			}
			return false
		case err != nil:
			s.err = err
			return true
		case n == 0:
			s.err = ErrFileEnded
			return true
		}
	}
	return true
}
