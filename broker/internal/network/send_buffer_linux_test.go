package network

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// Goal: an accepted connection has the send buffer that the options say, and else the system's.
func TestSendBuffer(t *testing.T) {
	for _, size := range []int{0, 64 << 10} {
		s := newServer(t, Options{Handler: &testHandler{serve: func(*Request) Disposition { return Hangup }}, SendBuffer: size})
		c := dialTCP(t, listenTCP(t, s))
		eventually(t, "a connection", func() bool { return s.Stats().Connections == 1 })
		s.mu.Lock()
		var got int
		for nc := range s.mu.conns { // order-free: there is one
			got = sendBuffer(t, nc.nc.(*net.TCPConn))
		}
		s.mu.Unlock()
		if is := got == 2*size; is != (size > 0) { // Linux doubles it, for what it needs itself
			t.Errorf("%d for an option of %d", got, size)
		}
		c.Close()
	}
}

func sendBuffer(t *testing.T, nc *net.TCPConn) (n int) {
	raw, err := nc.SyscallConn()
	if err == nil {
		cerr := raw.Control(func(fd uintptr) { n, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF) })
		if err == nil {
			err = cerr
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}
