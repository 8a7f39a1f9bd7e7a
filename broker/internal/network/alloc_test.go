package network

import (
	"io"
	"runtime"
	"testing"
)

// rawClient makes round trips without allocating.
type rawClient struct {
	*client
	request, answer []byte
}

func (c *rawClient) roundTrip() {
	if _, err := c.Write(c.request); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.ReadFull(c, c.answer); err != nil {
		c.t.Fatal(err)
	}
}

// completer completes requests on one goroutine of its own, like the syncer.
func completer(t testing.TB) (serve func(*Request) Disposition) {
	parked := make(chan *Request, MaxSlots)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r := range parked {
			echoNow(r)
		}
	}()
	t.Cleanup(func() { close(parked); <-done })
	return func(r *Request) Disposition { parked <- r; return Pending }
}

// Goal: a request costs no allocation in steady state: answered by Serve, completed from
// elsewhere, with a file body small and large. Method: count over TCP with a client that allocates
// nothing either.
func TestAllocations(t *testing.T) {
	const large = 1 << 20
	file, _ := testFile(t, large)
	bodyOf := func(n int64) *testBody {
		return &testBody{n: int(n), write: func(w Writer) error { return w.SendFile(file, 0, n) }}
	}
	small, big := bodyOf(1000), bodyOf(large)
	for _, c := range []struct {
		name    string
		request []byte
		answer  int
		serve   func(*Request) Disposition
	}{
		{"answered", metadata(1, "0123456789"), 10, echo},
		{"completed elsewhere", produce(1, "0123456789"), 10, completer(t)},
		{"large request", produce(1, string(make([]byte, 500_000))), 0, func(*Request) Disposition { return Answered }},
		{"small file", metadata(1, ""), 1000, func(r *Request) Disposition { r.Tail = small; return Answered }},
		{"large file", metadata(1, ""), large, func(r *Request) Disposition { r.Tail = big; return Answered }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t, c.serve)
			cl := &rawClient{dialTCP(t, listenTCP(t, s)), c.request, make([]byte, 8+c.answer)}
			for range 50 {
				cl.roundTrip()
			}
			if got := testing.AllocsPerRun(200, cl.roundTrip); got != 0 && runtime.GOOS == "linux" {
				t.Errorf("%v allocations per request", got)
			}
		})
	}
}
