package network

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/memnet"
)

// Goal: Shutdown lets pending requests be completed and written, ends waiting handlers, serves
// nothing new, and then closes.
func TestShutdownFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parked := make(chan *Request, 9)
		s := newTestServer(t, func(r *Request) Disposition {
			if r.Key == keyProduce {
				parked <- r
				return Pending
			}
			<-r.Done()
			return echo(r)
		})
		pending, waiting, idle := dialPipe(t, s), dialPipe(t, s), dialPipe(t, s)
		pending.send(produce(1, "a"), produce(2, "b"), metadata(3, "not served any more"))
		waiting.send(metadata(4, "woken"), metadata(5, "not served any more"))
		synctest.Wait()
		done := make(chan error)
		go func() { done <- s.Shutdown(context.Background()) }()
		idle.wantClosed()
		waiting.want(4, "woken")
		waiting.wantClosed()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("Shutdown returned %v while requests are pending", err)
		default:
		}
		go func() { a := <-parked; echoNow(<-parked); echoNow(a) }()
		pending.want(1, "a")
		pending.want(2, "b")
		pending.wantClosed()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Connections != 0 || st.Closed[ClosedShutdown] != 3 {
			t.Errorf("%+v", st)
		}
	})
}

// Goal: when the context ends first, Shutdown closes what is left.
func TestShutdownGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serve, parked := parkProduce()
		s := newTestServer(t, serve)
		c := dialPipe(t, s)
		c.send(produce(1, "a"))
		r := <-parked
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		c.wantClosed()
		r.Complete(Answered)
	})
}

// Goal: Close ends connections in every state at once, over TCP: waiting, serving, with a frame in
// progress, with a client that does not read. Afterwards no goroutine is left.
func TestCloseEndsEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	serve, parked := parkProduce()
	s := newServer(t, Options{WriteTimeout: time.Hour, Handler: &testHandler{serve: func(r *Request) Disposition {
		switch string(r.Payload) {
		case "wait":
			<-r.Done()
		case "flood":
			r.Tail = &testBody{n: 32 << 20, write: func(w Writer) error {
				_, err := w.Write(make([]byte, 32<<20))
				return err
			}}
			return Answered
		}
		return serve(r)
	}}})
	addr := listenSmall(t, s)
	for _, b := range [][]byte{nil, metadata(1, "wait"), produce(1, "x"), produce(2, "longer")[:17], metadata(3, "flood")} {
		dialTCP(t, addr).send(b)
	}
	r := <-parked
	eventually(t, "all requests served", func() bool { return s.Stats().Requests == 3 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	r.Complete(Answered)
	eventually(t, "goroutines gone", func() bool { return runtime.NumGoroutine() <= before })
	if err := s.ServeConn(newScriptConn(), Listener{}); !errors.Is(err, ErrServerClosed) {
		t.Errorf("ServeConn after Close: %v", err)
	}
}

// Goal: no goroutine is left behind by connections that come and go in all ways, nor a reader that
// has missed the end of its stream. Method: clients that send their last request and close at
// once, while the connection is busy: the end arrives with the last bytes.
func TestEndWithLastBytes(t *testing.T) {
	s := newTestServer(t, func(*Request) Disposition { return Silent })
	addr := listenTCP(t, s)
	before := runtime.NumGoroutine()
	for range 200 {
		c := dialTCP(t, addr)
		for i := range int32(5) {
			c.send(produce(i, "fire and forget"))
		}
		c.Close()
	}
	eventually(t, "all connections closed", func() bool { return s.Stats().Connections == 0 })
	eventually(t, "goroutines gone", func() bool { return runtime.NumGoroutine() <= before })
	if st := s.Stats(); st.Requests != 1000 || st.Closed[ClosedByClient] != 200 {
		t.Errorf("%d requests, closed %v", st.Requests, st.Closed)
	}
}

// Goal: the limits on connections, and that they count those that are open.
func TestConnectionLimits(t *testing.T) {
	for name, o := range map[string]Options{
		"total":  {MaxConnections: 2},
		"per IP": {MaxConnectionsPerIP: 2},
	} {
		t.Run(name, func(t *testing.T) {
			o.Handler = &testHandler{serve: echo}
			s := newServer(t, o)
			addr := listenTCP(t, s)
			a, b := dialTCP(t, addr), dialTCP(t, addr)
			for _, c := range []*client{a, b} {
				c.send(metadata(1, "in"))
				c.want(1, "in")
			}
			dialTCP(t, addr).wantClosed()
			inside := dialPipe(t, s) // not limited
			inside.send(metadata(1, "in"))
			inside.want(1, "in")
			a.Close()
			eventually(t, "a is gone", func() bool { return s.Stats().Connections == 2 })
			c := dialTCP(t, addr)
			c.send(metadata(1, "in"))
			c.want(1, "in")
			if st := s.Stats(); st.Refused != 1 || st.Accepted != 4 {
				t.Errorf("refused %d, accepted %d", st.Refused, st.Accepted)
			}
		})
	}
}

// brokenListener fails n times, then yields connections of its channel.
type brokenListener struct {
	n      int
	conns  chan net.Conn
	closed chan struct{}
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if l.n > 0 {
		l.n--
		return nil, syscall.EMFILE
	}
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *brokenListener) Close() error   { close(l.closed); return nil }
func (l *brokenListener) Addr() net.Addr { return nil }

// Goal: errors of Accept slow the loop down, at most to one try per second, and never end it.
func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, echo)
		ln := &brokenListener{n: 12, conns: make(chan net.Conn), closed: make(chan struct{})}
		if err := s.Listen(ln, Listener{}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ours, theirs := net.Pipe()
		ln.conns <- theirs
		if d, want := time.Since(start), (5+10+20+40+80+160+320+640+4*1000)*time.Millisecond; d != want {
			t.Errorf("12 errors took %v, want %v", d, want)
		}
		c := &client{t, ours}
		c.send(metadata(1, "a"))
		c.want(1, "a")
		c.Close()
	})
}

// Goal: a listener is described to the handler, and one whose security is not enforced is refused.
func TestListenerDescription(t *testing.T) {
	got := make(chan Session, 1)
	s := newTestServer(t, func(r *Request) Disposition { got <- *r.Session; return echo(r) })
	c := dialTCP(t, listenTCP(t, s))
	c.send(metadata(1, "a"))
	c.want(1, "a")
	if g := <-got; g.Listener != "TEST" || g.RemoteHost != "127.0.0.1" || g.Principal != security.Anonymous || g.ID == 0 {
		t.Errorf("session %+v", g)
	}
	ours, theirs := net.Pipe()
	defer ours.Close()
	admin := security.Principal{Type: "User", Name: "admin"}
	if err := s.ServeConn(theirs, Listener{Name: "INSIDE", Principal: admin}); err != nil {
		t.Fatal(err)
	}
	in := &client{t, ours}
	in.send(metadata(1, "a"))
	in.want(1, "a")
	if g := <-got; g.Listener != "INSIDE" || g.Principal != admin {
		t.Errorf("session %+v", g)
	}
	for _, p := range []SecurityProtocol{SSL, SASLPlaintext, SASLSSL} {
		nc := newScriptConn()
		if err := s.ServeConn(nc, Listener{SecurityProtocol: p}); !errors.Is(err, ErrSecurityProtocol) {
			t.Errorf("%v: error %v", p, err)
		}
		<-nc.closed
	}
}

func TestOptions(t *testing.T) {
	h := &testHandler{serve: echo}
	for _, o := range []Options{{}, {Handler: h, MaxFrame: -1}, {Handler: h, WriteTimeout: -1}, {Handler: h, MaxConnections: -1}} {
		if _, err := NewServer(o); err == nil {
			t.Errorf("%+v accepted", o)
		}
	}
}

// Goal: a connection that is TLS works: files are copied, pending answers go out.
func TestTLSConnection(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, content := testFile(t, 1<<20)
	s := newTestServer(t, func(r *Request) Disposition {
		if r.Key == keyProduce {
			go echoNow(r)
			return Pending
		}
		r.Tail = &testBody{n: 1 << 20, write: func(w Writer) error { return w.SendFile(file, 0, 1<<20) }}
		return Answered
	})
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	if err := s.Listen(tls.NewListener(ln, config), Listener{Name: "TLS"}); err != nil {
		t.Fatal(err)
	}
	nc, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t, nc}
	c.send(produce(1, "a"), produce(2, "b"), metadata(3, ""), produce(4, "c"))
	c.want(1, "a")
	c.want(2, "b")
	c.want(3, string(content))
	c.want(4, "c")
	c.Close()
	wantReason(t, s, ClosedByClient)
}

// Goal: any net.Listener will do, also one in memory.
func TestInMemoryListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serve, parked := parkProduce()
		s := newTestServer(t, serve)
		n := memnet.New(1)
		ln, err := n.Listen("broker:9092")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Listen(ln, Listener{}); err != nil {
			t.Fatal(err)
		}
		nc, err := n.Dial(t.Context(), "client:1", "broker:9092")
		if err != nil {
			t.Fatal(err)
		}
		c := &client{t, nc}
		c.send(produce(1, "a"), produce(2, "b"), metadata(3, "c"))
		a, b := <-parked, <-parked
		echoNow(b)
		echoNow(a)
		c.want(1, "a")
		c.want(2, "b")
		c.want(3, "c")
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		c.wantClosed()
	})
}
