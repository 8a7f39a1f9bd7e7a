package network

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/quota"
)

// TestPartialFramesAreBounded: connections that send the head of a frame and no more may hold PartialBytes together; beyond
// that the oldest are closed, the youngest go on, and what is held is given back in the end.
func TestPartialFramesAreBounded(t *testing.T) {
	const limit = 64 * minRead
	s := newServer(t, Options{Handler: &testHandler{serve: echo}, PartialBytes: limit})
	addr := listenTCP(t, s)
	frame := metadata(1, "whole")
	var conns []*client
	for i := range 80 {
		c := dialTCP(t, addr)
		c.send(frame[:9])
		conns = append(conns, c)
		eventually(t, "the part has arrived", func() bool {
			st := s.Stats()
			return st.PartialBytes == minRead*int64(st.Connections) && st.Accepted == int64(i+1)
		})
	}
	eventually(t, "the oldest are closed", func() bool { return s.Stats().Closed[ClosedMemory] >= 17 })
	if st := s.Stats(); st.PartialBytes > limit || st.Closed[ClosedMemory] > 20 {
		t.Errorf("%d bytes held, %d closed", st.PartialBytes, st.Closed[ClosedMemory])
	}
	conns[0].wantClosed()
	last := conns[79]
	last.send(frame[9:])
	last.want(1, "whole")
	for _, c := range conns {
		c.Close()
	}
	eventually(t, "all is given back", func() bool { return s.Stats().PartialBytes == 0 })
}

// TestUnsentAnswersAreBounded: clients that never read may hold UnsentBytes of answers together; then the one that has
// taken nothing for longest is closed. Nobody waits for them.
func TestUnsentAnswersAreBounded(t *testing.T) {
	const size, limit = 8 << 20, 32 << 20 // more than sockets take
	s := newServer(t, Options{Handler: &testHandler{serve: func(r *Request) Disposition {
		if len(r.Payload) == 0 {
			r.Out = append(r.Out, make([]byte, size)...)
			return Answered
		}
		return echo(r)
	}}, UnsentBytes: limit})
	addr := listenTCP(t, s)
	for i := range 6 {
		c := dialTCP(t, addr)
		if err := c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		c.send(metadata(1, ""))
		eventually(t, "the answer does not go out, or was one too many", func() bool {
			st := s.Stats()
			return st.Closed[ClosedMemory] > 0 || st.UnsentBytes >= int64(i+1)*size
		})
	}
	st := s.Stats()
	if n := st.Closed[ClosedMemory]; n == 0 || n > 4 || st.UnsentBytes > limit+2*size {
		t.Errorf("%d closed, %d bytes held", n, st.UnsentBytes)
	}
	good := dialTCP(t, addr)
	good.send(metadata(2, "hello"))
	good.want(2, "hello")
}

// TestMutedClientThatLeaves is noticed long before its time is over; one that has sent more before it left is not let off.
func TestMutedClientThatLeaves(t *testing.T) {
	s := newTestServer(t, func(r *Request) Disposition {
		r.Mute = time.Hour
		return echo(r)
	})
	addr := listenTCP(t, s)
	leaves, sends := dialTCP(t, addr), dialTCP(t, addr)
	for _, c := range []*client{leaves, sends} {
		c.send(metadata(1, "x"))
		c.want(1, "x")
	}
	sends.send(metadata(2, "y"))
	if err := sends.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	leaves.Close()
	wantReason(t, s, ClosedByClient)
	if n := s.Stats().Requests; n != 2 {
		t.Errorf("%d requests served", n)
	}
}

// TestLeft: a handler that waits can see that its client is gone, and that it is there; what is unread does not hide it.
func TestLeft(t *testing.T) {
	in, gone := make(chan bool, 2), make(chan bool, 2)
	s := newTestServer(t, func(r *Request) Disposition {
		in <- r.Left()
		for !r.Left() {
			tick := time.NewTimer(time.Millisecond)
			select {
			case <-r.Done():
				return Hangup
			case <-tick.C:
			}
		}
		gone <- true
		return echo(r)
	})
	c := dialTCP(t, listenTCP(t, s))
	c.send(metadata(1, "x"))
	if <-in {
		t.Error("gone already")
	}
	c.send(metadata(2, "unread"))
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	<-gone
	c.want(1, "x") // half closed: the answers are taken
	c.want(2, "unread")
}

// TestPerIPOverrides: an address has its own bound in place of the general one.
func TestPerIPOverrides(t *testing.T) {
	s := newServer(t, Options{Handler: &testHandler{serve: echo}, MaxConnectionsPerIP: 1, PerIPOverrides: map[string]int{"127.0.0.1": 3}})
	addr := listenTCP(t, s)
	for range 3 {
		c := dialTCP(t, addr)
		c.send(metadata(1, "in"))
		c.want(1, "in")
	}
	dialTCP(t, addr).wantClosed()
}

// TestIPQuota: an address that opens connections faster than its quota is refused until the rate is back; refused ones do
// not count.
func TestIPQuota(t *testing.T) {
	account := quota.NewAccount(quota.Connection, 3, quota.Window{Num: 2, Size: time.Second})
	var asked atomic.Value
	s := newServer(t, Options{Handler: &testHandler{serve: echo}, IPQuota: func(address string) *quota.Account {
		asked.Store(address)
		return account
	}})
	addr := listenTCP(t, s)
	for range 3 {
		c := dialTCP(t, addr)
		c.send(metadata(1, "in"))
		c.want(1, "in")
	}
	eventually(t, "one is refused", func() bool {
		dialTCP(t, addr)
		return s.Stats().Refused > 0
	})
	if a := asked.Load(); a != "127.0.0.1" {
		t.Errorf("asked for %q", a)
	}
	eventually(t, "let in again", func() bool {
		before := s.Stats().Accepted
		c := dialTCP(t, addr)
		c.send(metadata(1, "in"))
		_, _, err := c.answer()
		return err == nil && s.Stats().Accepted > before
	})
}

// TestConnectionRate: above the rate the accept loop waits; nobody is refused.
func TestConnectionRate(t *testing.T) {
	s := newServer(t, Options{Handler: &testHandler{serve: echo}, MaxConnectionRate: 10, QuotaWindow: quota.Window{Num: 2, Size: time.Second}})
	addr := listenTCP(t, s)
	began := time.Now()
	for range 15 { // 10 at once; the 11th waits a tenth of a second, and so on
		c := dialTCP(t, addr)
		c.send(metadata(1, "in"))
		c.want(1, "in")
	}
	if d := time.Since(began); d < 300*time.Millisecond {
		t.Errorf("15 connections within %v at 10 per second", d)
	}
	if st := s.Stats(); st.Refused != 0 || st.Accepted != 15 {
		t.Errorf("%+v", st)
	}
}
