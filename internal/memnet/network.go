package memnet

import (
	"net"
	"os"
	"sync"
	"syscall"
)

// BufferBytes is what one direction of a connection holds, on its way and unread together; a
// writer beyond it blocks.
const BufferBytes = 256 << 10

// Backlog bounds the connections of a listener that wait for Accept; a dialer beyond it waits.
const Backlog = 128

const (
	firstListenPort = 20_000 // for Listen on port 0
	firstLocalPort  = 40_000 // of dialers
)

// Network is a set of hosts, listeners and connections. Hosts exist by being named.
type Network struct {
	seed uint64

	mu          sync.Mutex // before pipe.mu
	listeners   map[Addr]*Listener
	conns       map[*pair]struct{} // those with an open end
	links       map[linkKey]*link
	defaultLink *Link
	isolated    map[string]bool
	changed     chan struct{} // closed and replaced when a link or listener changes
	nextListen  int
	nextLocal   int
}

// New makes a network without faults and delays. The seed decides all that is random in it.
func New(seed uint64) *Network {
	return &Network{
		seed:        seed,
		listeners:   map[Addr]*Listener{},
		conns:       map[*pair]struct{}{},
		links:       map[linkKey]*link{},
		defaultLink: &Link{},
		isolated:    map[string]bool{},
		changed:     make(chan struct{}),
		nextListen:  firstListenPort,
		nextLocal:   firstLocalPort,
	}
}

// Listen opens "host:port"; port 0 takes a free one. An address in use is syscall.EADDRINUSE.
func (n *Network) Listen(addr string) (net.Listener, error) {
	host, port, err := parseAddr(addr)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "mem", Addr: Addr(addr), Err: err}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if port == 0 {
		port = n.nextListen
		n.nextListen++
	}
	at := joinAddr(host, port)
	if n.listeners[at] != nil {
		return nil, &net.OpError{Op: "listen", Net: "mem", Addr: at, Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	l := &Listener{net: n, addr: at, queue: make(chan *Conn, Backlog), closed: make(chan struct{})}
	n.listeners[at] = l
	n.notifyLocked()
	return l, nil
}

// notifyLocked wakes dialers that wait for a change.
func (n *Network) notifyLocked() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// Conns is the number of connections with at least one open end: 0 after a test that closed
// everything.
func (n *Network) Conns() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}
