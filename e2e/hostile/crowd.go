// Package hostile plays clients that hold connections and give nothing for them: silent ones, ones that send half a frame,
// a byte at a time, or requests whose answers they never read.
//
// Place: above the protocol, for campaigns against a real process; it shares no code with the broker.
//
// Concurrency: a Crowd may be asked from any goroutine; each of its clients is one goroutine.
//
// Files: crowd.go, process.go (a crowd in a process of its own).
package hostile

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kind is what a client of the crowd does.
type Kind int

// Kinds of clients.
const (
	Silent    Kind = iota // connects and says nothing
	HalfFrame             // sends the head of a Produce and half its body, and no more
	Dripping              // sends a frame byte by byte, one every dripEvery, each at a time of its own
	Deaf                  // sends fetches for all that is there, and reads nothing
	Kinds                 // how many there are
)

// String is a word for pages.
func (k Kind) String() string {
	return [...]string{"silent", "half a frame", "byte by byte", "never reads"}[k]
}

const (
	dripEvery   = time.Second
	halfFrame   = 60_000 // bytes of the frame of which half is sent: below what a memory budget would look at
	deafBuffer  = 4 << 10
	deafFetches = 16
	again       = time.Second // before a client that was thrown out comes back
)

// share is how many of a hundred clients are of a kind.
var share = [Kinds]int{Silent: 40, HalfFrame: 25, Dripping: 25, Deaf: 10}

// Crowd is a number of clients. Those that the broker throws out come back.
type Crowd struct {
	addr  string
	topic string // what Deaf clients fetch
	stop  context.CancelFunc
	wg    sync.WaitGroup

	open   [Kinds]atomic.Int64
	thrown atomic.Int64
}

// Start sends n clients to a broker and returns when they are connected, or ctx ends.
func Start(ctx context.Context, addr, topic string, n int) (*Crowd, error) {
	inner, stop := context.WithCancel(context.Background())
	c := &Crowd{addr: addr, topic: topic, stop: stop}
	sem := make(chan struct{}, 64) // that many connect at once
	for i := range n {
		kind := kindOf(i % 100)
		c.wg.Go(func() { c.client(inner, kind, sem) })
	}
	for c.Open() < int64(n)*9/10 { // some may be between two connections
		select {
		case <-ctx.Done():
			c.End()
			return nil, errors.Join(errors.New("the crowd did not get in"), ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return c, nil
}

func kindOf(percent int) Kind {
	for k, n := range share {
		if percent < n {
			return Kind(k)
		}
		percent -= n
	}
	return Silent
}

// End closes all connections and returns when they are closed.
func (c *Crowd) End() {
	c.stop()
	c.wg.Wait()
}

// Open is how many connections there are now.
func (c *Crowd) Open() (n int64) {
	for k := range c.open {
		n += c.open[k].Load()
	}
	return n
}

// OpenOf is Open of one kind.
func (c *Crowd) OpenOf(k Kind) int64 { return c.open[k].Load() }

// Thrown is how often the broker closed a connection.
func (c *Crowd) Thrown() int64 { return c.thrown.Load() }

func (c *Crowd) client(ctx context.Context, k Kind, sem chan struct{}) {
	for ctx.Err() == nil {
		sem <- struct{}{}
		conn, err := dial(ctx, c.addr, k)
		<-sem
		if err == nil {
			c.open[k].Add(1)
			c.play(ctx, conn, k)
			c.open[k].Add(-1)
			_ = conn.Close()
			if ctx.Err() == nil {
				c.thrown.Add(1)
			}
		}
		wait(ctx, again/2+rand.N(again))
	}
}

func dial(ctx context.Context, addr string, k Kind) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if tcp, ok := conn.(*net.TCPConn); ok && k == Deaf {
		_ = tcp.SetReadBuffer(deafBuffer) // a small window; without it the kernel takes more, that is all
	}
	return conn, err
}

// play does what the kind does until the broker closes the connection or ctx ends.
func (c *Crowd) play(ctx context.Context, conn net.Conn, k Kind) {
	done := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer done()
	switch k {
	case HalfFrame:
		frame := produceOf(halfFrame)
		if _, err := conn.Write(frame[:halfFrame/2]); err != nil {
			return
		}
	case Dripping:
		frame := produceOf(1000)
		if !wait(ctx, rand.N(dripEvery)) {
			return
		}
		for i := 0; ; i = (i + 1) % len(frame) {
			if _, err := conn.Write(frame[i : i+1]); err != nil {
				return
			}
			if !wait(ctx, dripEvery) {
				return
			}
		}
	case Deaf:
		frame := fetchOf(c.topic)
		for range deafFetches {
			if _, err := conn.Write(frame); err != nil {
				return
			}
		}
		for wait(ctx, time.Second) { // a write tells when the broker has closed, without reading
			if _, err := conn.Write(frame); err != nil {
				return
			}
		}
		return
	}
	var b [1]byte
	_, _ = conn.Read(b[:]) // waits for the end: nothing is ever answered
}

// produceOf is a Produce whose frame has so many bytes behind its length, of which no broker can make sense in the end.
func produceOf(size int) []byte {
	f := make([]byte, 4+size)
	binary.BigEndian.PutUint32(f, uint32(size))
	copy(f[4:], []byte{0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff})
	return f
}

func fetchOf(topic string) []byte {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(12)
	req.SessionEpoch, req.MaxBytes, req.MaxWaitMillis, req.MinBytes = -1, 50<<20, 500, 1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.PartitionMaxBytes = 50 << 20
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("deaf")).AppendRequest(nil, req, 1)
}

// wait waits for d; it returns false if ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
