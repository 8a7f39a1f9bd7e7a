package memnet

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"
)

// connectTimeout is when Linux gives up on a connection that nobody answers (6 retries).
const connectTimeout = 127 * time.Second

// Dial connects from a host to a listening address; the port of from, if any, is ignored. It
// takes the delays of a round trip. Errors are *net.OpError with syscall.ECONNREFUSED (nobody
// listens, or Link.Refuse), syscall.ETIMEDOUT (no answer within 127 s) or the context's error.
func (n *Network) Dial(ctx context.Context, from, to string) (net.Conn, error) {
	d := dial{net: n, from: hostOf(from)}
	host, port, err := parseAddr(to)
	if err == nil {
		d.to = joinAddr(host, port)
		var c *Conn
		if c, err = d.run(ctx); err == nil {
			return c, nil
		}
	}
	return nil, &net.OpError{Op: "dial", Net: "mem", Addr: Addr(to), Err: err}
}

// Dialer is Dial from a host in the form that clients take; the network name is ignored.
func (n *Network) Dialer(from string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, _, addr string) (net.Conn, error) { return n.Dial(ctx, from, addr) }
}

// dial is one attempt.
type dial struct {
	net      *Network
	from     string
	to       Addr
	there    *link // to the listener
	back     *link
	rng      *rand.Rand
	giveUp   <-chan time.Time
	ctx      context.Context
	attempts uint64
}

func (d *dial) run(ctx context.Context) (*Conn, error) {
	timer := time.NewTimer(connectTimeout)
	defer timer.Stop()
	d.ctx, d.giveUp = ctx, timer.C
	d.net.mu.Lock()
	d.there = d.net.linkLocked(d.from, d.to.host())
	d.back = d.net.linkLocked(d.to.host(), d.from)
	d.there.dials++
	d.attempts = d.there.dials
	d.net.mu.Unlock()
	d.rng = d.random(0)

	if err := d.pass(d.there); err != nil {
		return nil, err
	}
	c, err := d.enter()
	if err == nil || err == errRefused {
		if lost := d.pass(d.back); lost != nil {
			err = lost
		}
	}
	if err != nil && c != nil {
		c.pair.reset()
		c.Close()
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

var errRefused = os.NewSyscallError("connect", syscall.ECONNREFUSED)

// random makes the numbers of one part of this attempt, from the seed, the two hosts and how
// many attempts there were between them.
func (d *dial) random(part uint64) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(d.from + "\x00" + string(d.to)))
	return rand.New(rand.NewPCG(d.net.seed^h.Sum64(), d.attempts<<2|part))
}

// pass takes a handshake segment over a link: it waits until the link is open, then its delay.
func (d *dial) pass(l *link) error {
	waited := false
	for {
		d.net.mu.Lock()
		blocked, changed := d.net.blockedLocked(l), d.net.changed
		d.net.mu.Unlock()
		if !blocked {
			break
		}
		waited = true
		if err := d.await(changed, nil); err != nil {
			return err
		}
	}
	conf := l.conf.Load()
	var delay time.Duration
	if conf.Delay != nil {
		delay = conf.Delay(d.rng)
	}
	if waited || conf.Loss > 0 && d.rng.Float64() < conf.Loss {
		delay += time.Duration(d.rng.Int64N(int64(time.Second))) // until the handshake is repeated
	}
	if delay <= 0 {
		return d.ctx.Err()
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	return d.await(nil, timer.C)
}

// await ends without error when one of its channels does something.
func (d *dial) await(changed <-chan struct{}, due <-chan time.Time) error {
	select {
	case <-changed:
		return nil
	case <-due:
		return nil
	case <-d.ctx.Done():
		return d.ctx.Err()
	case <-d.giveUp:
		return os.NewSyscallError("connect", syscall.ETIMEDOUT)
	}
}

// enter puts a new connection into the queue of the listener, waiting for room.
func (d *dial) enter() (*Conn, error) {
	n := d.net
	for {
		n.mu.Lock()
		l, changed := n.listeners[d.to], n.changed
		if l == nil || d.there.conf.Load().Refuse {
			n.mu.Unlock()
			return nil, errRefused
		}
		if len(l.queue) < cap(l.queue) {
			c := d.connectLocked(l)
			n.mu.Unlock()
			return c, nil
		}
		n.mu.Unlock()
		if err := d.await(changed, nil); err != nil {
			return nil, err
		}
	}
}

// connectLocked makes both ends and queues the listener's.
func (d *dial) connectLocked(l *Listener) *Conn {
	n := d.net
	local := joinAddr(d.from, n.nextLocal)
	if n.nextLocal++; n.nextLocal > 65535 {
		n.nextLocal = firstLocalPort
	}
	there, back := &pipe{link: d.there, rng: d.random(1)}, &pipe{link: d.back, rng: d.random(2)}
	there.back, back.back = back, there
	p := &pair{net: n, ways: [2]*pipe{there, back}, open: 2}
	now := time.Now()
	for _, way := range p.ways {
		way.setBlocked(n.blockedLocked(way.link), now)
	}
	n.conns[p] = struct{}{}
	l.queue <- &Conn{pair: p, in: there, out: back, local: d.to, remote: local}
	return &Conn{pair: p, in: back, out: there, local: local, remote: d.to}
}
