package memnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Goal: connections keep the contract of net.Conn. Method: inside synctest bubbles, where a call
// that should end but does not is a deadlock and time is exact.

type closeWriter interface{ CloseWrite() error }

// connect makes a connection from client to server:9092 in a network.
func connect(t *testing.T, n *Network) (client, server net.Conn) {
	t.Helper()
	l, err := n.Listen("server:9092")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	client, err = n.Dial(context.Background(), "client", "server:9092")
	if err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		open := n.Conns()
		client.Close()
		server.Close()
		if n.Conns() != open-1 {
			t.Errorf("%d connections were open, %d are left", open, n.Conns())
		}
	})
	return client, server
}

func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("read %q, %v, want %q", b[:n], err, want)
	}
}

func wantWrite(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if n, err := c.Write([]byte(text)); err != nil || n != len(text) {
		t.Fatalf("write %q: %d, %v", text, n, err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	var op *net.OpError
	if !errors.Is(err, want) || want != io.EOF && !errors.As(err, &op) {
		t.Fatalf("error %v (%T), want %v", err, err, want)
	}
}

func wantReadError(t *testing.T, c net.Conn, want error) {
	t.Helper()
	n, err := c.Read(make([]byte, 8))
	if n != 0 {
		t.Fatalf("read %d bytes, %v, want %v", n, err, want)
	}
	wantError(t, err, want)
}

func TestConnBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := connect(t, New(1))
		if got := s.LocalAddr().String(); got != "server:9092" || s.RemoteAddr() != c.LocalAddr() || c.RemoteAddr() != s.LocalAddr() {
			t.Errorf("addresses: client %v → %v, server %v ← %v", c.LocalAddr(), c.RemoteAddr(), s.LocalAddr(), s.RemoteAddr())
		}
		wantWrite(t, c, "hello")
		wantWrite(t, s, "bonjour")
		wantRead(t, s, "hel")
		wantRead(t, s, "lo")
		wantRead(t, c, "bonjour")
		if n, err := c.Read(nil); n != 0 || err != nil {
			t.Errorf("empty read: %d, %v", n, err)
		}
	})
}

func TestConnCloseGivesRestThenEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := connect(t, New(1))
		wantWrite(t, c, "last words")
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		wantRead(t, s, "last words")
		wantReadError(t, s, io.EOF)
		wantReadError(t, s, io.EOF)
		_, err := s.Write([]byte("x"))
		wantError(t, err, syscall.EPIPE)
		wantError(t, c.Close(), net.ErrClosed)
		_, err = c.Write([]byte("x"))
		wantError(t, err, net.ErrClosed)
		wantReadError(t, c, net.ErrClosed)
		wantError(t, c.SetDeadline(time.Now()), net.ErrClosed)
	})
}

func TestConnHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := connect(t, New(1))
		wantWrite(t, c, "question")
		if err := c.(closeWriter).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_, err := c.Write([]byte("more"))
		wantError(t, err, syscall.EPIPE)
		wantRead(t, s, "question")
		wantReadError(t, s, io.EOF)
		wantWrite(t, s, "answer")
		wantRead(t, c, "answer")
	})
}

func TestConnCloseEndsBlockedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := connect(t, New(1))
		full := bytes.Repeat([]byte("x"), BufferBytes+1)
		reads, writes := make(chan error), make(chan error)
		go func() { _, err := c.Read(make([]byte, 1)); reads <- err }()
		go func() { _, err := c.Write(full); writes <- err }()
		synctest.Wait()
		c.Close()
		wantError(t, <-reads, net.ErrClosed)
		wantError(t, <-writes, net.ErrClosed)
		go func() { _, err := s.Write(full); writes <- err }()
		wantError(t, <-writes, syscall.EPIPE)
	})
}

func TestConnBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := connect(t, New(1))
		sent := make(chan int)
		go func() {
			n, err := c.Write(make([]byte, 3*BufferBytes))
			if err != nil {
				t.Error(err)
			}
			sent <- n
		}()
		synctest.Wait()
		if n := c.(*Conn).out.bytes.held; n != BufferBytes {
			t.Errorf("the connection holds %d bytes, want %d", n, BufferBytes)
		}
		if n, err := io.CopyN(io.Discard, s, 2*BufferBytes-1); err != nil {
			t.Fatalf("read %d: %v", n, err)
		}
		synctest.Wait()
		select {
		case <-sent:
			t.Error("write is over with more than the buffer unread")
		default:
		}
		if _, err := s.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if n := <-sent; n != 3*BufferBytes {
			t.Errorf("wrote %d", n)
		}
		// A peer that goes away ends a blocked write.
		failed := make(chan error)
		go func() { _, err := c.Write(make([]byte, BufferBytes)); failed <- err }()
		synctest.Wait()
		s.Close()
		wantError(t, <-failed, syscall.EPIPE)
	})
}

func TestConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := connect(t, New(1))
		start := time.Now()
		check := func(what string, err error, want time.Duration) {
			t.Helper()
			wantError(t, err, os.ErrDeadlineExceeded)
			var ne net.Error
			if !errors.As(err, &ne) || !ne.Timeout() {
				t.Errorf("%s: %v is no time-out", what, err)
			}
			if got := time.Since(start); got != want {
				t.Errorf("%s took %v, want %v", what, got, want)
			}
		}
		c.SetReadDeadline(start.Add(time.Second))
		_, err := c.Read(make([]byte, 1))
		check("read", err, time.Second)
		_, err = c.Read(make([]byte, 1))
		check("read again", err, time.Second)

		c.SetWriteDeadline(start.Add(2 * time.Second))
		n, err := c.Write(make([]byte, BufferBytes+5))
		check("write", err, 2*time.Second)
		if n != BufferBytes {
			t.Errorf("wrote %d before the deadline, want %d", n, BufferBytes)
		}
		if _, err := io.CopyN(io.Discard, s, BufferBytes); err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Time{})
		wantWrite(t, c, "again")
		wantRead(t, s, "again")

		// A new deadline reaches a call that is blocked already.
		failed := make(chan error)
		go func() { _, err := c.Read(make([]byte, 1)); failed <- err }()
		synctest.Wait()
		c.SetDeadline(time.Now())
		check("blocked read", <-failed, 2*time.Second)
	})
}

func TestConnWritesAreNotMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(7)
		n.SetLink("client", "server", Link{SegmentBytes: 1000})
		c, s := connect(t, n)
		const writers, size = 8, BufferBytes / 2
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				if _, err := c.Write(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
					t.Error(err)
				}
			})
		}
		b := make([]byte, size)
		for range writers {
			if _, err := io.ReadFull(s, b); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b, bytes.Repeat(b[:1], size)) {
				t.Fatal("two writes are mixed")
			}
		}
		wg.Wait()
	})
}

func TestListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, ctx := New(1), context.Background()
		for _, bad := range []string{"", "host", "host:port", "host:70000", "host:-1"} {
			if _, err := n.Listen(bad); err == nil {
				t.Errorf("Listen(%q) works", bad)
			}
		}
		l, _ := n.Listen("a:0")
		l2, _ := n.Listen("a:0")
		if l.Addr().String() == l2.Addr().String() {
			t.Errorf("both on %v", l.Addr())
		}
		_, err := n.Listen(l.Addr().String())
		wantError(t, err, syscall.EADDRINUSE)
		_, err = n.Dial(ctx, "c", "b:9")
		wantError(t, err, syscall.ECONNREFUSED)

		// Nobody accepts: the backlog fills up, then dialers wait, and Close resets and refuses.
		var queued []net.Conn
		for range Backlog {
			c, err := n.Dial(ctx, "c", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			queued = append(queued, c)
		}
		short, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		_, err = n.Dial(short, "c", l.Addr().String())
		wantError(t, err, context.DeadlineExceeded)
		refused, accepted := make(chan error), make(chan error)
		go func() { _, err := n.Dial(ctx, "c", l.Addr().String()); refused <- err }()
		go func() { _, err := l2.Accept(); accepted <- err }()
		synctest.Wait()
		l.Close()
		l2.Close()
		wantError(t, <-refused, syscall.ECONNREFUSED)
		wantError(t, <-accepted, net.ErrClosed)
		wantError(t, l.Close(), net.ErrClosed)
		for _, c := range queued {
			wantReadError(t, c, syscall.ECONNRESET)
			c.Close()
		}
		if n.Conns() != 0 {
			t.Errorf("%d connections are left", n.Conns())
		}
		again, err := n.Listen(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
	})
}

func TestRing(t *testing.T) {
	var r ring
	var want, got []byte
	for i := range 5000 {
		part := []byte(fmt.Sprint(i))
		r.push(part)
		want = append(want, part...)
		out := make([]byte, i%7)
		got = append(got, out[:r.pop(out)]...)
	}
	rest := make([]byte, r.held)
	got = append(got, rest[:r.pop(rest)]...)
	if !bytes.Equal(got, want) || r.held != 0 {
		t.Errorf("ring gave %d bytes of %d, or in another order", len(got), len(want))
	}
}
