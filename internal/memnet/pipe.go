package memnet

import (
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// pipe is one direction of a connection. Bytes pass three places in order: the writer (blocked
// while held is at the bound), on their way (counted in segments, each with a time of arrival),
// and ready (arrived, unread). A blocked pipe lets nothing arrive.
type pipe struct {
	link    *link
	back    *pipe       // the other direction
	blocked atomic.Bool // written under mu; the other direction's writer looks too

	mu       sync.Mutex
	changed  chan struct{} // nil without waiters; closed when something changes
	bytes    ring
	ready    int // bytes that have arrived
	ending   bool
	ended    bool // the end of the stream has arrived
	onWay    []segment
	last     time.Time // arrival of the last segment so far
	since    time.Time // when it was blocked
	rng      *rand.Rand
	broken   bool // reset; nothing more is written or arrives
	brokenAt time.Time

	writing       bool // a Write is under way; others queue behind it
	writerClosed  bool
	readerClosed  bool
	readDeadline  time.Time
	writeDeadline time.Time
}

// segment is bytes that arrive together; the end of the stream is one of size 0.
type segment struct {
	size int
	at   time.Time
	end  bool
}

// wakeLocked tells all waiters that something changed.
func (p *pipe) wakeLocked() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

func (p *pipe) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wakeLocked()
}

// wait gives up mu until something changes or a time is reached; zero times are never. It
// returns with mu held again.
func (p *pipe) wait(times ...time.Time) {
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	changed := p.changed
	p.mu.Unlock()
	defer p.mu.Lock()
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if first.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(first))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func expired(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

// arrive moves what is due to ready.
func (p *pipe) arrive(now time.Time) {
	if p.blocked.Load() {
		return
	}
	n := 0
	for _, s := range p.onWay {
		if s.at.After(now) {
			break
		}
		n++
		p.ready += s.size
		p.ended = p.ended || s.end
	}
	p.onWay = p.onWay[:copy(p.onWay, p.onWay[n:])]
}

// read waits for bytes, the end or an error.
func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		now := time.Now()
		p.arrive(now)
		switch {
		case p.readerClosed:
			return 0, net.ErrClosed
		case expired(p.readDeadline, now):
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case p.ready > 0:
			n := p.bytes.pop(b[:min(len(b), p.ready)])
			p.ready -= n
			p.wakeLocked() // room for the writer
			return n, nil
		case p.ended:
			return 0, io.EOF
		case p.broken && len(p.onWay) == 0 && !now.Before(p.brokenAt):
			return 0, os.NewSyscallError("read", syscall.ECONNRESET)
		}
		p.wait(p.readDeadline, p.nextEvent())
	}
}

// nextEvent is when the next segment or, behind the last one, the reset comes; zero is never.
func (p *pipe) nextEvent() time.Time {
	switch {
	case len(p.onWay) == 0:
		return p.brokenAt
	case p.blocked.Load():
		return time.Time{}
	}
	return p.onWay[0].at
}

// write sends all of b, one Write at a time. broke says that a fault of the link has broken the
// connection: the caller resets the other direction too.
func (p *pipe) write(b []byte) (n int, broke bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.writing {
		if err := p.writeError(time.Now()); err != nil {
			return 0, false, err
		}
		p.wait(p.writeDeadline)
	}
	p.writing = true
	defer func() {
		p.writing = false
		p.wakeLocked()
	}()
	for {
		now := time.Now()
		if err := p.writeError(now); err != nil {
			return n, broke, err
		}
		room := BufferBytes - p.bytes.held
		if plantedUnbounded {
			room = len(b)
		}
		if room > 0 {
			k, reset := p.send(b[n:min(len(b), n+room)], now)
			n += k
			broke = broke || reset
			p.wakeLocked()
		}
		if n == len(b) {
			return n, broke, nil
		}
		if !broke {
			p.wait(p.writeDeadline)
		}
	}
}

// writeError is why nothing can be written now.
func (p *pipe) writeError(now time.Time) error {
	switch {
	case p.writerClosed:
		return net.ErrClosed
	case p.ending:
		return os.NewSyscallError("write", syscall.EPIPE)
	case p.broken:
		return os.NewSyscallError("write", syscall.ECONNRESET)
	case expired(p.writeDeadline, now):
		return os.ErrDeadlineExceeded
	case p.gone():
		return os.NewSyscallError("write", syscall.EPIPE)
	}
	return nil
}

// gone tells whether the reader has closed and the writer can know it.
func (p *pipe) gone() bool { return p.readerClosed && !p.blocked.Load() && !p.back.blocked.Load() }

// send puts b on its way in segments. It stops after one that breaks the connection.
func (p *pipe) send(b []byte, now time.Time) (n int, reset bool) {
	conf := p.link.conf.Load()
	size := len(b)
	if conf.SegmentBytes > 0 {
		size = conf.SegmentBytes
	}
	for n < len(b) && !reset {
		part := b[n:min(len(b), n+size)]
		if reset = p.draw(conf.Reset); reset {
			part = part[:p.rng.IntN(len(part))]
		}
		p.bytes.push(part)
		if len(part) > 0 && p.draw(conf.Corrupt) {
			p.bytes.flip(1+p.rng.IntN(len(part)), uint(p.rng.IntN(8)))
		}
		p.enqueue(conf, segment{size: len(part)}, now)
		p.link.bytes.Add(int64(len(part)))
		n += len(part)
	}
	if reset {
		p.broken, p.brokenAt = true, p.last
	}
	return n, reset
}

// draw decides with a probability. Without one it takes no random number.
func (p *pipe) draw(probability float64) bool {
	return probability > 0 && p.rng.Float64() < probability
}

// enqueue gives a segment its time of arrival.
func (p *pipe) enqueue(conf *Link, s segment, now time.Time) {
	s.at = p.link.depart(now, s.size, conf.BytesPerSecond)
	if conf.Delay != nil {
		s.at = s.at.Add(conf.Delay(p.rng))
	}
	for wait, i := retransmitFirst, 0; i < maxLosses && p.draw(conf.Loss); wait, i = wait*2, i+1 {
		s.at = s.at.Add(wait)
	}
	s.at = later(s.at, p.last)
	p.last = s.at
	if k := len(p.onWay); k > 0 && !s.end && p.onWay[k-1].at.Equal(s.at) {
		p.onWay[k-1].size += s.size
		return
	}
	p.onWay = append(p.onWay, s)
}

// end puts the end of the stream on its way.
func (p *pipe) end() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writerClosed {
		return net.ErrClosed
	}
	p.endLocked()
	return nil
}

func (p *pipe) endLocked() {
	if !p.ending && !p.broken {
		p.ending = true
		p.enqueue(p.link.conf.Load(), segment{end: true}, time.Now())
	}
	p.wakeLocked()
}

// closeWriter is the writer's Close. It tells whether this was the first.
func (p *pipe) closeWriter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writerClosed {
		return false
	}
	p.endLocked()
	p.writerClosed = true
	return true
}

// closeReader drops what is unread and what still comes.
func (p *pipe) closeReader() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readerClosed = true
	p.wakeLocked()
}

// reset breaks the direction now: only what has arrived can be read.
func (p *pipe) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.arrive(now)
	p.broken, p.brokenAt = true, now
	if !plantedResetKeeps {
		p.onWay = p.onWay[:0]
		p.bytes.cut(p.ready)
	}
	p.wakeLocked()
}

// setBlocked blocks or heals. What had arrived when it was blocked stays readable; the rest
// comes with the first retransmission after healing, which is the later the longer it lasted.
func (p *pipe) setBlocked(blocked bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if blocked == p.blocked.Load() {
		return
	}
	if blocked {
		p.arrive(now)
		p.since = now
		p.blocked.Store(true)
		return
	}
	p.blocked.Store(false)
	longest := min(max(now.Sub(p.since), 0), retransmitLongest)
	again := now.Add(time.Duration(p.rng.Int64N(int64(longest) + 1)))
	for i := range p.onWay {
		if p.onWay[i].at.Before(again) {
			p.onWay[i].at = again
		}
	}
	if len(p.onWay) > 0 {
		p.last = later(p.last, again)
		if p.broken {
			p.brokenAt = later(p.brokenAt, again)
		}
	}
	p.wakeLocked()
}

func (p *pipe) setDeadlines(read, write *time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if read != nil {
		if p.readerClosed {
			return net.ErrClosed
		}
		p.readDeadline = *read
	}
	if write != nil {
		if p.writerClosed {
			return net.ErrClosed
		}
		p.writeDeadline = *write
	}
	p.wakeLocked()
	return nil
}
