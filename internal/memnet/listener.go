package memnet

import (
	"net"
	"sync"
)

// Listener is an open address. Its Close resets the connections that nobody accepted.
type Listener struct {
	net    *Network
	addr   Addr
	queue  chan *Conn
	closed chan struct{}
	once   sync.Once
}

// Accept waits for the next connection. After Close it fails with net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, l.closedError()
	default:
	}
	select {
	case c := <-l.queue:
		l.net.mu.Lock()
		l.net.notifyLocked() // room for a waiting dialer
		l.net.mu.Unlock()
		return c, nil
	case <-l.closed:
		return nil, l.closedError()
	}
}

func (l *Listener) closedError() error {
	return &net.OpError{Op: "accept", Net: "mem", Addr: l.addr, Err: net.ErrClosed}
}

// Close frees the address. Accepted connections stay. A second Close fails with net.ErrClosed.
func (l *Listener) Close() error {
	var err error = &net.OpError{Op: "close", Net: "mem", Addr: l.addr, Err: net.ErrClosed}
	l.once.Do(func() {
		err = nil
		n := l.net
		n.mu.Lock()
		close(l.closed)
		delete(n.listeners, l.addr)
		n.notifyLocked()
		n.mu.Unlock()
		l.drain()
	})
	return err
}

// drain resets what is queued. Nothing is queued any more once the address is free.
func (l *Listener) drain() {
	for {
		select {
		case c := <-l.queue:
			c.pair.reset()
			c.Close()
		default:
			return
		}
	}
}

// Addr is the address, with the port that was taken.
func (l *Listener) Addr() net.Addr { return l.addr }
