package memnet

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// What TCP would do about a lost segment, in round figures of Linux.
const (
	retransmitFirst   = 200 * time.Millisecond
	retransmitLongest = 5 * time.Second
	maxLosses         = 6 // of one segment in a row
)

// Distribution draws a duration of at least 0.
type Distribution func(rng *rand.Rand) time.Duration

// Constant is always d.
func Constant(d time.Duration) Distribution {
	return func(*rand.Rand) time.Duration { return d }
}

// Uniform is from low to high, both included; high is at least low.
func Uniform(low, high time.Duration) Distribution {
	return func(rng *rand.Rand) time.Duration { return low + time.Duration(rng.Int64N(int64(high-low)+1)) }
}

// Exponential is least plus an exponential part with the given mean, cut off at 20 means.
func Exponential(least, mean time.Duration) Distribution {
	return func(rng *rand.Rand) time.Duration {
		return least + time.Duration(min(rng.ExpFloat64(), 20)*float64(mean))
	}
}

// Link is the behaviour of the way from one host to another. The zero value is perfect: no
// delay, no limit, no faults. Probabilities are from 0 to 1.
type Link struct {
	// Delay is drawn for each segment; nil is none. Segments of a connection keep their order.
	Delay Distribution
	// BytesPerSecond is shared by all connections over the link; 0 is no limit.
	BytesPerSecond int64
	// SegmentBytes cuts writes into segments of at most this size; 0 leaves them whole. Each
	// segment arrives on its own, so small values test the reassembly of frames.
	SegmentBytes int
	// Loss is the probability that a segment is lost, again at each retransmission: it comes
	// 200 ms later, then 400 ms after that, and so on; the ones behind it wait for it.
	Loss float64
	// Reset is the probability that a segment breaks the connection: a part of it arrives, then
	// both ends see a reset.
	Reset float64
	// Corrupt is the probability that one bit of a segment is flipped.
	Corrupt float64
	// Refuse has connections over this link refused, as if nobody listened.
	Refuse bool
}

type linkKey struct{ from, to string }

// link is the state of a link that somebody used or set.
type link struct {
	key     linkKey
	blocked bool // by Block; guarded by Network.mu
	own     bool // set by SetLink; guarded by Network.mu
	dials   uint64
	conf    atomic.Pointer[Link]
	bytes   atomic.Int64

	mu   sync.Mutex
	free time.Time // when the last reserved byte has left; guarded by mu
}

func (n *Network) linkLocked(from, to string) *link {
	key := linkKey{from, to}
	l := n.links[key]
	if l == nil {
		l = &link{key: key}
		l.conf.Store(n.conf(l))
		n.links[key] = l
	}
	return l
}

// conf is the setting of a link without an own one: within a host, always perfect.
func (n *Network) conf(l *link) *Link {
	if l.key.from == l.key.to {
		return &Link{}
	}
	return n.defaultLink
}

// SetLink sets the way from one host to another; "host:port" means its host. What is on its way
// already keeps its time of arrival.
func (n *Network) SetLink(from, to string, conf Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.linkLocked(hostOf(from), hostOf(to))
	l.own = true
	l.conf.Store(&conf)
}

// SetDefault sets all links between different hosts that SetLink did not set.
func (n *Network) SetDefault(conf Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.defaultLink = &conf
	for _, l := range n.links {
		if !l.own {
			l.conf.Store(n.conf(l))
		}
	}
}

// Bytes is how many bytes were sent from one host to another.
func (n *Network) Bytes(from, to string) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.linkLocked(hostOf(from), hostOf(to)).bytes.Load()
}

// Block stops everything from one host to another, in this direction only.
func (n *Network) Block(from, to string) {
	n.change(func() { n.linkLocked(hostOf(from), hostOf(to)).blocked = true })
}

// Unblock undoes Block.
func (n *Network) Unblock(from, to string) {
	n.change(func() { n.linkLocked(hostOf(from), hostOf(to)).blocked = false })
}

// Partition stops everything between two hosts, both ways.
func (n *Network) Partition(a, b string) {
	n.change(func() {
		n.linkLocked(hostOf(a), hostOf(b)).blocked = true
		n.linkLocked(hostOf(b), hostOf(a)).blocked = !plantedOneWay
	})
}

// Heal undoes Partition, and Block in both directions.
func (n *Network) Heal(a, b string) {
	n.change(func() {
		n.linkLocked(hostOf(a), hostOf(b)).blocked = false
		n.linkLocked(hostOf(b), hostOf(a)).blocked = false
	})
}

// Isolate stops everything between a host and all others, also such as appear later.
func (n *Network) Isolate(host string) { n.change(func() { n.isolated[hostOf(host)] = true }) }

// Rejoin undoes Isolate; blocks of single links stay.
func (n *Network) Rejoin(host string) { n.change(func() { delete(n.isolated, hostOf(host)) }) }

// HealAll undoes every Block, Partition and Isolate.
func (n *Network) HealAll() {
	n.change(func() {
		clear(n.isolated)
		for _, l := range n.links {
			l.blocked = false
		}
	})
}

// change applies a change of links to all connections.
func (n *Network) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	now := time.Now()
	for p := range n.conns {
		for _, way := range p.ways {
			way.setBlocked(n.blockedLocked(way.link), now)
		}
	}
	// Again, for writers who look at both ways.
	for p := range n.conns {
		for _, way := range p.ways {
			way.wake()
		}
	}
	n.notifyLocked()
}

func (n *Network) blockedLocked(l *link) bool {
	from, to := l.key.from, l.key.to
	return l.blocked || from != to && (n.isolated[from] || n.isolated[to])
}

// Reset breaks all connections between two hosts: both ends read what has arrived and then get
// syscall.ECONNRESET. It works on partitioned hosts too.
func (n *Network) Reset(a, b string) {
	a, b = hostOf(a), hostOf(b)
	n.resetIf(func(k linkKey) bool { return k == linkKey{a, b} || k == linkKey{b, a} })
}

// ResetHost breaks all connections of a host, as when its process is killed.
func (n *Network) ResetHost(host string) {
	host = hostOf(host)
	n.resetIf(func(k linkKey) bool { return k.from == host || k.to == host })
}

func (n *Network) resetIf(hit func(linkKey) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for p := range n.conns {
		if hit(p.ways[0].link.key) {
			p.reset()
		}
	}
}

// depart returns when the last of size bytes sent now has left the host.
func (l *link) depart(now time.Time, size int, perSecond int64) time.Time {
	if perSecond <= 0 {
		return now
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(size) / float64(perSecond) * float64(time.Second)))
	return l.free
}
