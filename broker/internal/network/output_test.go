package network

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// smallBuffers is a TCP listener whose connections hold little data.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		nc.(*net.TCPConn).SetWriteBuffer(32 << 10)
	}
	return nc, err
}

func listenSmall(t testing.TB, s *Server) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(smallBuffers{ln}, Listener{}); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

func dialSmall(t testing.TB, addr string) *client {
	c := dialTCP(t, addr)
	c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	return c
}

// Goal: a client that never reads blocks neither those who complete its requests nor other
// connections; when it reads after all, everything is there, in order. Method: complete more than
// the socket can hold, all sizes, on this goroutine, with a time limit.
func TestSlowReaderBlocksNobody(t *testing.T) {
	serve, parked := parkProduce()
	s := newServer(t, Options{Handler: &testHandler{serve: serve}, WriteTimeout: time.Hour})
	addr := listenSmall(t, s)
	slow, other := dialSmall(t, addr), dialTCP(t, addr)
	bodies := make([]string, 4*MaxSlots)
	for i := range bodies {
		bodies[i] = strings.Repeat(string(rune('a'+i%26)), 14_000)
	}
	go func() {
		for i := range bodies {
			slow.Write(produce(int32(i), bodies[i]))
		}
	}()
	completed := make(chan struct{})
	halfway := make(chan struct{})
	go func() {
		defer close(completed)
		for i := range bodies {
			if i == MaxSlots { // later ones are served only when the client reads
				close(halfway)
			}
			echoNow(<-parked)
		}
	}()
	select {
	case <-halfway:
	case <-time.After(3 * time.Second):
		t.Error("a completer waits for a client that does not read")
	}
	for i := range int32(100) {
		other.send(metadata(i, "x"))
		other.want(i, "x")
	}
	for i, body := range bodies {
		slow.want(int32(i), body)
	}
	<-completed
}

// Goal: nothing of one slow reader's own output is lost or mixed up when completers, the writer
// goroutine and the reader take turns. Method: a client that reads in small pieces, answers of all
// kinds in random order.
func TestTurnsOfThePen(t *testing.T) {
	file, content := testFile(t, 300_000)
	// Counted before it is sent: an Add from zero in the handler would race with Wait, since what
	// orders them goes through a socket.
	var pending sync.WaitGroup
	s := newTestServer(t, func(r *Request) Disposition {
		n, off := int(r.Payload[0])<<8, int64(r.Payload[1])
		answer := func() {
			switch r.Payload[2] % 3 {
			case 0:
				r.Out = append(r.Out, content[off:int(off)+n]...)
			case 1:
				r.Tail = &testBody{n: n, write: func(w Writer) error { return w.SendFile(file, off, int64(n)) }}
			case 2:
				r.Out = append(r.Out, content[off:int(off)+n/2]...)
				r.Tail = &testBody{n: n - n/2, write: func(w Writer) error {
					_, err := w.Write(content[int(off)+n/2 : int(off)+n])
					return err
				}}
			}
		}
		if r.Key == keyProduce {
			go func() {
				defer pending.Done()
				answer()
				r.Complete(Answered)
			}()
			return Pending
		}
		answer()
		return Answered
	})
	c := dialSmall(t, listenSmall(t, s))
	rng := rand.New(rand.NewPCG(5, 6))
	const n = 600
	asked := make([][3]byte, n)
	var stream []byte
	for i := range asked {
		few, often := byte(rng.Uint32()), byte(rng.Uint32())
		asked[i] = [3]byte{few & often, byte(rng.Uint32()), byte(rng.Uint32())}
		key, version := int16(keyProduce), int16(produceVersion)
		if rng.IntN(3) == 0 {
			key, version = keyMetadata, metadataVersion
		} else {
			pending.Add(1)
		}
		stream = appendFrame(stream, key, version, int32(i), asked[i][:])
	}
	go c.Write(stream)
	for i, a := range asked {
		c.want(int32(i), string(content[a[1]:int(a[1])+int(a[0])<<8]))
	}
	pending.Wait()
}

func testFile(t testing.TB, size int) (*os.File, []byte) {
	t.Helper()
	content := make([]byte, size)
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range content {
		content[i] = byte(rng.Uint32())
	}
	name := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, content
}

// readerAt hides everything but ReadAt.
type readerAt struct{ io.ReaderAt }

// Goal: the same bytes by sendfile, by copying, and over connections without system calls; large
// and small ranges with heads and tails between them.
func TestFileBodies(t *testing.T) {
	file, content := testFile(t, 3<<20)
	type piece struct {
		text   string
		off, n int64
	}
	pieces := []piece{
		{"", 0, 1 << 20}, {"head of a small range", 77, 1000}, {"", 5, 0}, {"another", 1 << 20, smallRange}, {"and one more", 1<<20 + 5, smallRange},
		{strings.Repeat("long head ", 3000), 2 << 20, smallRange + 1}, {"x", 3<<20 - 700_001, 700_001}, {"end", 1, 1},
	}
	var want []byte
	for _, p := range pieces {
		want = append(append(want, p.text...), content[p.off:p.off+p.n]...)
	}
	for _, c := range []struct {
		name  string
		src   io.ReaderAt
		small bool
		dial  func(*Server) *client
		sends bool
	}{
		{"sendfile", file, false, func(s *Server) *client { return dialTCP(t, listenTCP(t, s)) }, runtime.GOOS == "linux"},
		{"sendfile to a slow reader", file, true, func(s *Server) *client { return dialSmall(t, listenSmall(t, s)) }, runtime.GOOS == "linux"},
		{"copy", readerAt{file}, false, func(s *Server) *client { return dialTCP(t, listenTCP(t, s)) }, false},
		{"pipe", file, false, func(s *Server) *client { return dialPipe(t, s) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := &testBody{n: len(want), write: func(w Writer) error {
				for _, p := range pieces {
					if _, err := io.WriteString(w, p.text); err != nil {
						return err
					}
					if err := w.SendFile(c.src, p.off, p.n); err != nil {
						return err
					}
				}
				return nil
			}}
			s := newTestServer(t, func(r *Request) Disposition {
				r.Out = append(r.Out, "head "...)
				r.Tail = body
				return Answered
			})
			cl := c.dial(s)
			cl.send(metadata(1, "a"))
			_, got, err := cl.answer()
			if err != nil || !bytes.Equal(got, append([]byte("head "), want...)) {
				t.Fatalf("%d bytes, error %v; want %d and the same", len(got), err, len(want)+5)
			}
			eventually(t, "all bytes counted", func() bool { return s.Stats().BytesOut == int64(len(want))+13 })
			if st := s.Stats(); (st.SendfileBytes > 0) != c.sends || body.released.Load() != 1 {
				t.Errorf("%d bytes by sendfile, released %d times", st.SendfileBytes, body.released.Load())
			}
		})
	}
}

// Goal: a range that is not there breaks the connection; no answer is padded or cut. Method: small
// and large ranges over the end of the file, by sendfile and by copying.
func TestShortFile(t *testing.T) {
	file, _ := testFile(t, 300_000)
	for name, c := range map[string]struct {
		src    io.ReaderAt
		off, n int64
	}{
		"small": {file, 299_999, 2},
		"large": {file, 100_000, 200_001},
		"copy":  {readerAt{file}, 100_000, 200_001},
	} {
		t.Run(name, func(t *testing.T) {
			failed := make(chan error, 1)
			body := &testBody{n: int(c.n), write: func(w Writer) error {
				err := w.SendFile(c.src, c.off, c.n)
				failed <- err
				return err
			}}
			s := newTestServer(t, func(r *Request) Disposition { r.Tail = body; return Answered })
			cl := dialTCP(t, listenTCP(t, s))
			cl.send(metadata(1, "a"), metadata(2, "b"))
			if _, b, err := cl.answer(); err == nil {
				t.Fatalf("an answer of %d bytes", len(b))
			}
			if err := <-failed; !errors.Is(err, ErrFileEnded) {
				t.Errorf("error %v", err)
			}
			wantReason(t, s, ClosedWriteError)
			if n := body.released.Load(); n != 1 {
				t.Errorf("released %d times", n)
			}
		})
	}
}

// Goal: one write for a small request, its header and its small tail; one read, too, where we do
// the system calls ourselves; pipelined requests share them.
func TestSystemCalls(t *testing.T) {
	file, content := testFile(t, smallRange)
	s := newTestServer(t, func(r *Request) Disposition {
		if string(r.Payload) == "file" {
			r.Tail = &testBody{n: smallRange, write: func(w Writer) error { return w.SendFile(file, 0, smallRange) }}
			return Answered
		}
		return echo(r)
	})
	c := dialTCP(t, listenTCP(t, s))
	const n = 500
	round := func(body, want string) {
		c.send(metadata(1, body))
		c.want(1, want)
	}
	round("warm", "warm")
	before := s.Stats()
	for range n / 2 {
		round("x", "x")
		round("file", string(content))
	}
	after := s.Stats()
	if w := after.WriteCalls - before.WriteCalls; w > n+1 {
		t.Errorf("%d writes for %d requests", w, n)
	}
	if r := after.ReadCalls - before.ReadCalls; runtime.GOOS == "linux" && r > n+n/5 {
		t.Errorf("%d reads for %d requests", r, n)
	}
	var stream []byte
	for i := range int32(50) {
		stream = append(stream, metadata(i, "pipelined")...)
	}
	before = s.Stats()
	c.send(stream)
	for i := range int32(50) {
		c.want(i, "pipelined")
	}
	round("flush counters", "flush counters")
	if w := s.Stats().WriteCalls - before.WriteCalls; w > 5 {
		t.Errorf("%d writes for 50 pipelined requests", w)
	}
}

// Goal: answers that are collected do not wait for a handler that waits. Method: a fast request
// with a slow one behind it in the same packet.
func TestDoneFlushes(t *testing.T) {
	release := make(chan struct{})
	s := newTestServer(t, func(r *Request) Disposition {
		if string(r.Payload) == "slow" {
			select {
			case <-r.Done():
			case <-release:
			}
		}
		return echo(r)
	})
	c := dialTCP(t, listenTCP(t, s))
	c.send(metadata(1, "fast"), metadata(2, "slow"))
	c.want(1, "fast")
	close(release)
	c.want(2, "slow")
}

// Goal: a body that writes another number of bytes than it said stops the process: every byte
// behind it would be garbage to the client.
func TestBodyOfWrongLength(t *testing.T) {
	s := newTestServer(t, echo)
	ours, theirs := net.Pipe()
	defer ours.Close()
	go io.Copy(io.Discard, ours)
	c := newConn(s, theirs, Session{})
	r := &Request{Out: make([]byte, 8), Tail: &testBody{n: 5, write: func(w Writer) error {
		_, err := w.Write([]byte("four"))
		return err
	}}}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	c.writeAnswer(r)
}
