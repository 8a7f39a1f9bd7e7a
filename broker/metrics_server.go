package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/internal/metrics"
)

const (
	// maxMetricsConnections bounds the connections of the metrics listener; more wait in the kernel.
	maxMetricsConnections = 16
	// Times of one HTTP exchange: whoever scrapes is near and quick.
	metricsReadTimeout  = 5 * time.Second
	metricsWriteTimeout = 30 * time.Second
	metricsIdleTimeout  = 2 * time.Minute
)

// metricsServer answers /metrics, /healthz and /readyz over HTTP on an address of its own. Nobody authenticates there, so
// the address is loopback unless the configuration says otherwise.
type metricsServer struct {
	http *http.Server
	ln   net.Listener
	done chan struct{}
}

// startMetrics serves from now on: while the broker starts, too. It does nothing if no address is configured.
func (b *Broker) startMetrics() error {
	at := b.cfg.MetricsListener
	if at == "" {
		return nil
	}
	ln, err := b.cfg.Listen("tcp", at)
	switch {
	case err != nil && isAddrInUse(err):
		return fmt.Errorf("%w: %s (key metrics.listener)", ErrPortInUse, at)
	case err != nil:
		return fmt.Errorf("listen on %s (key metrics.listener): %w", at, err)
	}
	s := &metricsServer{ln: ln, done: make(chan struct{}), http: &http.Server{
		Handler:        b.metricsHandler(),
		ReadTimeout:    metricsReadTimeout,
		WriteTimeout:   metricsWriteTimeout,
		IdleTimeout:    metricsIdleTimeout,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(b.lg.Handler(), slog.LevelDebug),
	}}
	b.metrics = s
	go s.run(b.lg)
	return nil
}

func (s *metricsServer) run(lg *slog.Logger) {
	defer close(s.done)
	if err := s.http.Serve(newBoundedListener(s.ln, maxMetricsConnections)); !errors.Is(err, http.ErrServerClosed) {
		lg.Error("metrics are no longer served", "err", err)
	}
}

// stop ends scrapes that run and waits for the goroutine.
func (s *metricsServer) stop() {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	<-s.done
}

// MetricsAddress is host:port of the metrics listener, "" if there is none. Valid after Start.
func (b *Broker) MetricsAddress() string {
	if b.metrics == nil {
		return ""
	}
	return b.metrics.ln.Addr().String()
}

func (b *Broker) metricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		var text bytes.Buffer // so that a slow reader holds nothing up, and nothing is half written
		if err := b.WriteMetrics(&text); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", metrics.ContentType)
		_, _ = w.Write(text.Bytes()) // the client is gone: nobody to tell
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { sayHow(w, b.state.healthy()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { sayHow(w, b.state.ready()) })
	if b.cfg.Profiling {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index) // and the named profiles below it
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// sayHow answers a probe: 200, or 503 and one line that says why.
func sayHow(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// boundedListener accepts no more connections than it has seats.
type boundedListener struct {
	net.Listener
	seats  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newBoundedListener(ln net.Listener, n int) *boundedListener {
	return &boundedListener{Listener: ln, seats: make(chan struct{}, n), closed: make(chan struct{})}
}

// Accept waits for a seat, then for a connection.
func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.seats <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	nc, err := l.Listener.Accept()
	if err != nil {
		<-l.seats
		return nil, err
	}
	return &seatedConn{Conn: nc, leave: sync.OnceFunc(func() { <-l.seats })}, nil
}

// Close ends Accept, also one that waits for a seat.
func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type seatedConn struct {
	net.Conn
	leave func()
}

// Close gives the seat back.
func (c *seatedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
