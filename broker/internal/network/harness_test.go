package network

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// The tests speak two APIs: Produce v3, which may be pending, and Metadata v1, which stands for
// everything else. Neither version is flexible.
const (
	produceVersion  = 3
	keyMetadata     = 3
	metadataVersion = 1
)

// testHandler is a Handler made of functions.
type testHandler struct {
	admit func(s *Session, key, version int16, size int) (int64, error)
	serve func(r *Request) Disposition
}

func (h *testHandler) Admit(s *Session, key, version int16, size int) (int64, error) {
	if h.admit == nil {
		return int64(size), nil
	}
	return h.admit(s, key, version, size)
}

func (h *testHandler) Serve(r *Request) Disposition { return h.serve(r) }

// echo answers with the request's payload.
func echo(r *Request) Disposition {
	r.Out = append(r.Out, r.Payload...)
	return Answered
}

// parkProduce keeps Produce requests pending and sends them to the returned channel; everything
// else is echoed.
func parkProduce() (func(*Request) Disposition, chan *Request) {
	parked := make(chan *Request, 1024)
	return func(r *Request) Disposition {
		if r.Key != keyProduce {
			return echo(r)
		}
		parked <- r
		return Pending
	}, parked
}

func echoNow(r *Request) {
	r.Out = append(r.Out, r.Payload...)
	r.Complete(Answered)
}

func newServer(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newTestServer(t testing.TB, serve func(*Request) Disposition) *Server {
	t.Helper()
	return newServer(t, Options{Handler: &testHandler{serve: serve}})
}

// listenTCP serves loopback and returns the address.
func listenTCP(t testing.TB, s *Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(ln, Listener{Name: "TEST"}); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// client is the other end of a connection.
type client struct {
	t testing.TB
	net.Conn
}

func dialTCP(t testing.TB, addr string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &client{t: t, Conn: nc}
}

// dialPipe connects over net.Pipe, which is good for synctest bubbles and never has non-blocking
// writes.
func dialPipe(t testing.TB, s *Server) *client {
	t.Helper()
	ours, theirs := net.Pipe()
	if err := s.ServeConn(theirs, Listener{Name: "INPROCESS"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	return &client{t: t, Conn: ours}
}

// appendFrame appends a request.
func appendFrame(dst []byte, key, version int16, correlation int32, body []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(10+len(body)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(key))
	dst = binary.BigEndian.AppendUint16(dst, uint16(version))
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlation))
	dst = append(dst, 0xff, 0xff) // null client id
	return append(dst, body...)
}

func produce(correlation int32, body string) []byte {
	return appendFrame(nil, keyProduce, produceVersion, correlation, []byte(body))
}

func metadata(correlation int32, body string) []byte {
	return appendFrame(nil, keyMetadata, metadataVersion, correlation, []byte(body))
}

func (c *client) send(frames ...[]byte) {
	c.t.Helper()
	if _, err := c.Write(bytes.Join(frames, nil)); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads one answer.
func (c *client) answer() (correlation int32, body []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, nil, err
	}
	n := int32(binary.BigEndian.Uint32(head[:])) - 4
	if n < 0 || n > 64<<20 {
		return 0, nil, fmt.Errorf("answer of %d bytes", n)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(c, body)
	return int32(binary.BigEndian.Uint32(head[4:])), body, err
}

func (c *client) want(correlation int32, body string) {
	c.t.Helper()
	got, b, err := c.answer()
	if err != nil || got != correlation || string(b) != body {
		c.t.Fatalf("answer %d %.40q (%d bytes), error %v; want %d %.40q (%d bytes)",
			got, b, len(b), err, correlation, body, len(body))
	}
}

// wantClosed reads the end of the stream: over TCP within ten seconds, in a bubble within a day.
func (c *client) wantClosed() {
	c.t.Helper()
	within := 24 * time.Hour
	if _, ok := c.Conn.(*net.TCPConn); ok {
		within = 10 * time.Second
	}
	c.SetReadDeadline(time.Now().Add(within))
	var b [1]byte
	if n, err := c.Read(b[:]); n != 0 || err == nil || isTimeout(err) {
		c.t.Fatalf("read %d bytes (%x), error %v; want the connection closed", n, b[:n], err)
	}
}

// eventually waits for a condition of real time.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		tick := time.NewTimer(time.Millisecond)
		<-tick.C
	}
}

func wantReason(t testing.TB, s *Server, r CloseReason) {
	t.Helper()
	eventually(t, "connection closed: "+r.String(), func() bool { return s.Stats().Closed[r] == 1 })
}

// testBody is a Body made of a function, which counts its releases.
type testBody struct {
	n        int
	write    func(Writer) error
	released atomic.Int32
}

func (b *testBody) Len() int               { return b.n }
func (b *testBody) WriteTo(w Writer) error { return b.write(w) }
func (b *testBody) Release()               { b.released.Add(1) }

// scriptConn is a net.Conn whose reads are given and whose writes are kept.
type scriptConn struct {
	reads  [][]byte
	mu     sync.Mutex
	wrote  []byte
	closed chan struct{}
}

func newScriptConn(reads ...[]byte) *scriptConn {
	return &scriptConn{reads: reads, closed: make(chan struct{})}
}

func (c *scriptConn) Read(p []byte) (int, error) {
	for len(c.reads) > 0 && len(c.reads[0]) == 0 {
		c.reads = c.reads[1:]
	}
	if len(c.reads) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.reads[0])
	c.reads[0] = c.reads[0][n:]
	return n, nil
}

func (c *scriptConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrote = append(c.wrote, p...)
	return len(p), nil
}

func (c *scriptConn) Close() error                     { close(c.closed); return nil }
func (c *scriptConn) LocalAddr() net.Addr              { return nil }
func (c *scriptConn) RemoteAddr() net.Addr             { return nil }
func (c *scriptConn) SetDeadline(time.Time) error      { return nil }
func (c *scriptConn) SetReadDeadline(time.Time) error  { return nil }
func (c *scriptConn) SetWriteDeadline(time.Time) error { return nil }

var errRefused = errors.New("refused")

// The tests' own frames are what wire thinks they are.
func TestHarnessFrames(t *testing.T) {
	h, body, err := wire.ParseHeader(produce(7, "x")[4:])
	if err != nil || h.Key != keyProduce || h.CorrelationID != 7 || h.ClientID != nil || string(body) != "x" {
		t.Fatalf("got %+v %q %v", h, body, err)
	}
	if wire.FlexibleResponseHeader(keyProduce, produceVersion) || wire.FlexibleResponseHeader(keyMetadata, metadataVersion) {
		t.Fatal("the versions used by the tests are flexible")
	}
}
