package sim

import (
	"math/rand/v2"
	"time"
)

// network carries messages between actors over directed links. Actors are numbers: nodes first,
// then clients.
type network struct {
	e     *Engine
	rng   *rand.Rand
	o     LinkOptions
	links [][]*link // [from][to]
	quiet bool      // healed: no more loss, duplication, reordering
	some  *Sometimes
}

// LinkOptions is how the links of a run behave. Probabilities are per message.
type LinkOptions struct {
	Latency, Jitter time.Duration
	Loss, Duplicate float64
	Reorder         float64 // a message may overtake earlier ones
}

// link is one direction between two actors.
type link struct {
	blocked    int           // partitions that cut it
	generation int           // a reset loses what was sent before
	last       time.Duration // arrival of the last message in order
	slow       time.Duration // added to the latency
}

func newNetwork(e *Engine, rng *rand.Rand, o LinkOptions, actors int, some *Sometimes) *network {
	n := &network{e: e, rng: rng, o: o, some: some}
	for range actors {
		row := make([]*link, actors)
		for i := range row {
			row[i] = &link{}
		}
		n.links = append(n.links, row)
	}
	return n
}

// packet is a message on its way.
type packet struct {
	from, to  int
	kind      string
	data      []byte        // for the trace hash; may be nil
	datagram  bool          // may be repeated and overtaken: the receiver copes
	late      time.Duration // > 0: on a connection of its own that is stuck for so long, so that what is sent later overtakes it
	delivered func()
	lost      func() // the sender's connection notices; may be nil
}

// send puts a packet on its link. Exactly one of delivered and lost is called, later, and
// delivered perhaps twice for a datagram.
func (n *network) send(p packet) {
	l := n.links[p.from][p.to]
	n.e.noteBytes(p.data)
	latency := n.o.Latency + l.slow + time.Duration(n.rng.ExpFloat64()*float64(n.o.Jitter))
	chance := func(p float64) bool { return n.rng.Float64() < p && !n.quiet }
	lose, twice, reorder := chance(n.o.Loss), chance(n.o.Duplicate), chance(n.o.Reorder)
	if lose && p.from != p.to {
		n.some.hit("message lost")
		n.e.After(latency, "lost", p.from, p.loss)
		return
	}
	at := n.e.now + latency + p.late
	if p.late > 0 {
		n.some.hit("request stuck in its connection")
	} else if reorder && p.datagram {
		n.some.hit("message reordered")
	} else {
		at = max(at, l.last+1)
		l.last = at
	}
	n.arrive(p, l, at)
	if twice && p.datagram {
		n.some.hit("message duplicated")
		n.arrive(p, l, at+time.Duration(n.rng.ExpFloat64()*float64(n.o.Jitter)))
	}
}

func (n *network) arrive(p packet, l *link, at time.Duration) {
	generation := l.generation
	n.e.After(at-n.e.now, p.kind, p.to, func() {
		switch {
		case l.blocked > 0:
			n.some.hit("message cut off by a partition")
			p.loss()
		case l.generation != generation:
			n.some.hit("message lost by a reset")
			p.loss()
		default:
			p.delivered()
		}
	})
}

func (p *packet) loss() {
	if p.lost != nil {
		p.lost()
	}
}

// reset loses everything in flight between two actors.
func (n *network) reset(a, b int) {
	n.links[a][b].generation++
	n.links[b][a].generation++
}

// block cuts or restores one direction.
func (n *network) block(from, to, by int) { n.links[from][to].blocked += by }

// heal makes every link perfect.
func (n *network) heal() {
	n.quiet = true
	for _, row := range n.links {
		for _, l := range row {
			l.blocked, l.slow = 0, 0
		}
	}
}
