package network

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"github.com/thalweg-io/thalweg/broker/internal/quota"
)

// Errors of Server.
var (
	// ErrServerClosed: Shutdown or Close has been called.
	ErrServerClosed = errors.New("network: server closed")
	// ErrSecurityProtocol: the listener demands what is not enforced.
	ErrSecurityProtocol = errors.New("security protocol not supported")
)

// Server owns listeners and connections. Make it by NewServer. Its methods are safe for
// concurrent use.
type Server struct {
	opts    Options
	pool    pool
	budget  budget
	rate    *quota.Account // of connections on all listeners; nil: no bound
	partial holders        // frames of which a part has arrived
	unsent  holders        // answers that the socket does not take
	lastID  atomic.Uint64
	wg      sync.WaitGroup // accept loops and reader goroutines
	quit    chan struct{}  // closed when closing begins

	requests requestStats

	mu struct {
		sync.Mutex
		closing   bool
		listeners map[net.Listener]struct{}
		conns     map[*conn]struct{}
		limited   int            // connections that count against MaxConnections
		perIP     map[string]int // the same per address; no zero entries
		doors     map[string]*door
		past      Stats // sums of closed connections; the gauges are unused
	}
}

// NewServer returns a server without listeners. It starts no goroutine.
func NewServer(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, quit: make(chan struct{})}
	s.pool.maxRetained = o.RetainedBytes
	s.budget.total, s.budget.share = o.BudgetBytes, o.ConnectionShare
	if o.MaxConnectionRate > 0 {
		s.rate = quota.NewAccount(quota.Connection, float64(o.MaxConnectionRate), o.QuotaWindow)
	}
	s.partial = holders{limit: o.PartialBytes, of: func(c *conn) *holding { return &c.partial }}
	s.unsent = holders{limit: o.UnsentBytes, of: func(c *conn) *holding { return &c.unsent }}
	s.mu.listeners = make(map[net.Listener]struct{})
	s.mu.conns = make(map[*conn]struct{})
	s.mu.perIP = make(map[string]int)
	s.mu.doors = make(map[string]*door)
	return s, nil
}

// Listen accepts connections from ln, which it takes over (also on error), on a goroutine of its
// own until Shutdown or Close. It returns at once. Errors: ErrServerClosed, ErrSecurityProtocol.
func (s *Server) Listen(ln net.Listener, l Listener) error {
	if err := l.validate(); err != nil {
		ln.Close()
		return err
	}
	s.mu.Lock()
	if s.mu.closing {
		s.mu.Unlock()
		ln.Close()
		return ErrServerClosed
	}
	s.mu.listeners[ln] = struct{}{}
	s.doorLocked(l.Name)
	s.wg.Add(1)
	s.mu.Unlock()
	go s.accept(ln, l)
	return nil
}

// ServeConn serves one connection, which it takes over (also on error), on a goroutine of its own
// and returns at once: the way in for clients of the same process. Limits on the number of
// connections do not apply. Errors: ErrServerClosed, ErrSecurityProtocol.
func (s *Server) ServeConn(nc net.Conn, l Listener) error {
	if err := l.validate(); err != nil {
		nc.Close()
		return err
	}
	return s.serve(nc, l, false)
}

// Shutdown stops accepting and reading, closes the channels of Request.Done, lets running requests
// finish and pending ones be completed and written, and closes each connection then. When ctx ends
// first, the rest is closed as by Close and ctx's error is returned. Handlers that ignore
// Request.Done hold it up.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, c := range s.beginClosing() {
		c.halt()
	}
	return s.wait(ctx)
}

// Close closes everything at once; answers that are not yet written are lost. It returns when all
// connections are closed.
func (s *Server) Close() error {
	for _, c := range s.beginClosing() {
		c.kill(ClosedShutdown, ErrServerClosed)
	}
	s.wg.Wait()
	return nil
}

// beginClosing closes the listeners and returns the connections; later ones are refused.
func (s *Server) beginClosing() []*conn {
	s.mu.Lock()
	if !s.mu.closing {
		s.mu.closing = true
		close(s.quit)
	}
	listeners := make([]net.Listener, 0, len(s.mu.listeners))
	for ln := range s.mu.listeners {
		listeners = append(listeners, ln)
	}
	clear(s.mu.listeners)
	conns := make([]*conn, 0, len(s.mu.conns))
	for c := range s.mu.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, ln := range listeners {
		ln.Close()
	}
	return conns
}

func (s *Server) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.Close()
	<-done
	return ctx.Err()
}
