package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// readBuffer is how much of the answers a connection of the driver reads at a time.
	readBuffer = 256 << 10
	// prefixBytes is how much of each answer a flow looks at: what stands in front of records.
	prefixBytes = 128
	// flowWithin bounds a scenario's work. On a busy machine it takes seconds.
	flowWithin = 10 * time.Minute
)

// flow is the traffic of one connection: a prepared request again and again, with a bounded number of them unanswered.
type flow struct {
	frame  []byte
	window int // most requests without an answer, at least 1
	count  int // requests
	// more, if set, says whether another request is to be sent, in place of count.
	more func() bool
	// patch makes the i-th request out of the frame. nil: all are equal.
	patch func(frame []byte, i int)
	// check looks at the beginning of the i-th answer (behind its size, at most prefixBytes) and its size.
	check func(i int, prefix []byte, size int) error
	// latency collects the time from a request to its answer, in nanoseconds. Only with a window of 1; nil: nothing.
	latency *hdrhistogram.Histogram

	frames []byte // window of them
	buf    []byte
	answer answerReader
}

// answerReader cuts a stream of answers.
type answerReader struct {
	have   int // bytes of the answer that is being read, its size included
	size   int
	prefix [4 + prefixBytes]byte
}

// read takes bytes of the stream and calls done for each answer that ends in them.
func (a *answerReader) read(p []byte, done func(prefix []byte, size int) error) error {
	for len(p) > 0 {
		var n int
		if wanted := a.wanted(); a.have < wanted {
			n = copy(a.prefix[a.have:wanted], p)
		} else {
			n = min(len(p), 4+a.size-a.have) // looked at by nobody
		}
		a.have += n
		p = p[n:]
		if a.have == 4 {
			a.size = int(binary.BigEndian.Uint32(a.prefix[:]))
		}
		if a.have >= 4 && a.have == 4+a.size {
			if err := done(a.prefix[4:min(a.have, len(a.prefix))], a.size); err != nil {
				return err
			}
			a.have = 0
		}
	}
	return nil
}

// wanted is how far the prefix may be filled: the size first, then no more than the answer has.
func (a *answerReader) wanted() int {
	if a.have < 4 {
		return 4
	}
	return min(len(a.prefix), 4+a.size)
}

// prepare makes the buffers, so that the work itself allocates nothing.
func (f *flow) prepare() {
	f.frames = f.frames[:0]
	for range f.window {
		f.frames = append(f.frames, f.frame...)
	}
	f.buf = make([]byte, readBuffer)
}

// run sends and receives until all requests are answered.
func (f *flow) run(conn net.Conn) error {
	sent, done := 0, 0
	var at time.Time
	answered := func(prefix []byte, size int) error {
		if done >= sent {
			return errors.New("an answer that nobody asked for")
		}
		if err := f.check(done, prefix, size); err != nil {
			return fmt.Errorf("answer %d: %w", done, err)
		}
		done++
		return nil
	}
	for done < sent || f.wanted(sent) > 0 {
		if n := min(f.window-(sent-done), f.wanted(sent)); n > 0 {
			if f.latency != nil {
				at = time.Now()
			}
			if _, err := conn.Write(f.next(sent, n)); err != nil {
				return err
			}
			sent += n
		}
		n, err := conn.Read(f.buf)
		if err != nil {
			return fmt.Errorf("after %d answers: %w", done, err)
		}
		before := done
		if err := f.answer.read(f.buf[:n], answered); err != nil {
			return err
		}
		if f.latency != nil && done > before {
			_ = f.latency.RecordValue(int64(time.Since(at))) // beyond its range: an hour
		}
	}
	return nil
}

// wanted is how many more requests there are to send.
func (f *flow) wanted(sent int) int {
	switch {
	case f.more == nil:
		return f.count - sent
	case f.more():
		return 1
	}
	return 0
}

// next are the requests from the i-th on, side by side.
func (f *flow) next(i, n int) []byte {
	frames := f.frames[:n*len(f.frame)]
	if f.patch != nil {
		for j := range n {
			f.patch(frames[j*len(f.frame):], i+j)
		}
	}
	return frames
}

// gang is flows that run at the same time, each on a connection of its own.
type gang struct {
	flows []*flow
	conns []net.Conn
}

// connect opens the connections.
func connect(ctx context.Context, addr string, flows []*flow) (*gang, error) {
	g := &gang{flows: flows}
	var d net.Dialer
	for _, f := range flows {
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			g.close()
			return nil, err
		}
		g.conns = append(g.conns, conn)
		if err := conn.SetDeadline(time.Now().Add(flowWithin)); err != nil {
			g.close()
			return nil, err
		}
		f.prepare()
	}
	return g, nil
}

func (g *gang) close() {
	for _, c := range g.conns {
		_ = c.Close() // nothing is expected of it any more
	}
}

// run lets all flows run and returns when the last one has ended.
func (g *gang) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, g.close)
	defer stop()
	errs := make([]error, len(g.flows))
	var wg sync.WaitGroup
	for i, f := range g.flows {
		wg.Go(func() { errs[i] = f.run(g.conns[i]) })
	}
	wg.Wait()
	return errors.Join(ctx.Err(), errors.Join(errs...))
}
