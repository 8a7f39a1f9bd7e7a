package network

import (
	"io"
	"testing"
)

// benchServer returns a client of a server over TCP loopback.
func benchServer(b *testing.B, serve func(*Request) Disposition) *client {
	return dialTCP(b, listenTCP(b, newTestServer(b, serve)))
}

// BenchmarkRoundTrip is one small request at a time, so it is latency: four wake-ups of the
// scheduler and four system calls, half of them the client's.
func BenchmarkRoundTrip(b *testing.B) {
	for _, c := range []struct {
		name    string
		request []byte
		serve   func(*Request) Disposition
	}{
		{"answered", metadata(1, "0123456789"), echo},
		{"completed-elsewhere", produce(1, "0123456789"), completer(b)},
	} {
		b.Run(c.name, func(b *testing.B) {
			cl := &rawClient{benchServer(b, c.serve), c.request, make([]byte, 18)}
			b.ReportAllocs()
			for b.Loop() {
				cl.roundTrip()
			}
		})
	}
}

// BenchmarkPipelined keeps 32 small requests in flight; figures are per request.
func BenchmarkPipelined(b *testing.B) {
	const depth = 32
	for _, c := range []struct {
		name    string
		request []byte
		serve   func(*Request) Disposition
	}{
		{"answered", metadata(1, "0123456789"), echo},
		{"completed-elsewhere", produce(1, "0123456789"), completer(b)},
	} {
		b.Run(c.name, func(b *testing.B) {
			cl := &rawClient{benchServer(b, c.serve), nil, make([]byte, 18*depth)}
			for range depth {
				cl.request = append(cl.request, c.request...)
			}
			b.ReportAllocs()
			for i := 0; i < b.N; i += depth {
				cl.roundTrip()
			}
		})
	}
}

// BenchmarkProduce sends 1 MiB requests: the kernel's two copies and ours of the first read.
func BenchmarkProduce(b *testing.B) {
	cl := benchServer(b, func(*Request) Disposition { return Answered })
	c := &rawClient{cl, produce(1, string(make([]byte, 1<<20))), make([]byte, 8)}
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		c.roundTrip()
	}
}

// BenchmarkFileBody answers with 1 MiB of a file, by sendfile and by copying.
func BenchmarkFileBody(b *testing.B) {
	file, _ := testFile(b, 1<<20)
	for _, c := range []struct {
		name string
		src  io.ReaderAt
	}{{"sendfile", file}, {"copy", readerAt{file}}} {
		b.Run(c.name, func(b *testing.B) {
			body := &testBody{n: 1 << 20, write: func(w Writer) error { return w.SendFile(c.src, 0, 1<<20) }}
			cl := benchServer(b, func(r *Request) Disposition { r.Tail = body; return Answered })
			rc := &rawClient{cl, metadata(1, ""), make([]byte, 8+1<<20)}
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			for b.Loop() {
				rc.roundTrip()
			}
		})
	}
}
