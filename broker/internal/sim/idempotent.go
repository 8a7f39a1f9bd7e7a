package sim

import (
	"bytes"
	"errors"
	"math"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/history"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// idempotent is a producer that sends each batch with acks=all until it is acknowledged, always with
// the same sequence number, whatever happens to the node and to its answers (KIP-98). Several are
// under way at once, and copies that it has given up may still arrive, behind later batches. Nothing of it may be there
// twice, nothing out of order.
type idempotent struct {
	*user
	builder batch.Builder
	id      kafka.ProducerID
	epoch   kafka.ProducerEpoch
	window  int // batches under way at once
	pending []*unacknowledged
	past    map[kafka.TopicPartition]*sequence
}

// sequence is what an idempotent producer remembers of a partition.
type sequence struct {
	next   int32 // sequence number of the next batch
	batch  int64 // its number, from 0
	life   int   // of the partition
	shaken bool  // its disk was replaced, and what was under way then is not settled
	known  bool  // a batch has been acknowledged in this epoch
	places []place
}

// see takes the present life of the partition. One that has lost its disk may miss batches that were
// acknowledged, or know nothing and take a later batch first.
func (s *sequence) see(life int) {
	if s.life != life {
		s.life, s.shaken, s.places = life, true, nil
	}
}

// place is where a batch is.
type place struct{ batch, offset int64 }

// unacknowledged is a batch, which is sent again and again.
type unacknowledged struct {
	op      *operation
	request produceRequest
	batch   int64
	tries   int
	asking  bool // a try is under way
	oldest  bool // of its partition, when it was last sent
}

// placesKept is how many acknowledged batches an acknowledgement is compared with.
const placesKept = 8

func newIdempotent(u *user) *idempotent {
	p := &idempotent{
		user: u, id: kafka.ProducerID(1_000_000 + u.plan.ID), window: pick(u.rng, 1, 3, 5),
		past: map[kafka.TopicPartition]*sequence{},
	}
	p.soon(p.work)
	return p
}

func (p *idempotent) unsettled() string {
	if len(p.pending) > 0 {
		return "an idempotent producer waits for an acknowledgement"
	}
	return ""
}

func (p *idempotent) work() {
	defer p.soon(p.work)
	if len(p.pending) < p.window && !p.ending {
		if at := p.partition(); p.mayPipeline(at) {
			p.pending = append(p.pending, p.newBatch(at))
		}
	}
	for _, u := range p.pending {
		if !u.asking {
			p.try(u)
		}
	}
}

// mayPipeline: the first batch of a partition goes alone, as a partition that does not know the producer takes any
// sequence number and here nothing keeps the order of two requests. And a partition remembers so many batches and not more: nobody
// may be further ahead of the oldest one that is not acknowledged (SURFACE 48).
func (p *idempotent) mayPipeline(at kafka.TopicPartition) bool {
	s, oldest := p.past[at], p.oldestOf(at)
	if s != nil {
		s.see(p.w.oracle.life(at))
	}
	return oldest == nil || s.known && s.batch-oldest.batch < remembered
}

// remembered is how many batches of a producer a partition knows.
const remembered = 5

func (p *idempotent) oldestOf(at kafka.TopicPartition) *unacknowledged {
	for _, u := range p.pending {
		if u.op.at == at {
			return u
		}
	}
	return nil
}

// newBatch takes the next values for a partition. A producer that nobody knows may begin with any sequence number
// (SURFACE 49): some begin shortly before they wrap.
func (p *idempotent) newBatch(at kafka.TopicPartition) *unacknowledged {
	s := p.past[at]
	if s == nil {
		s = &sequence{life: p.w.oracle.life(at)}
		if p.epoch == 0 {
			s.next = pick[int32](p.rng, 0, math.MaxInt32-3)
		}
		p.past[at] = s
	}
	count := 1 + p.rng.Int64N(3)
	first := p.w.oracle.newValues(count)
	p.builder.Reset(batch.BuilderOptions{HasProducer: true, ProducerID: p.id, ProducerEpoch: p.epoch, BaseSequence: s.next})
	p.appendValues(&p.builder, first, count)
	b, err := p.builder.Build()
	p.w.must(err)
	p.reborn() // what is under way at once is nobody's order but the one that place checks
	op := p.w.oracle.invoke(p.user, history.Send, at)
	op.first, op.count = first, count
	u := &unacknowledged{op: op, batch: s.batch, request: produceRequest{at: at, acks: -1, batch: bytes.Clone(b), value: first, count: count, idempotent: true}}
	s.next, s.batch = advance(s.next, int32(count)), s.batch+1
	return u
}

// advance adds to a sequence number, which has 31 bits and wraps to 0.
func advance(seq, by int32) int32 { return int32((int64(seq) + int64(by)) & math.MaxInt32) }

// try sends a batch once.
func (p *idempotent) try(u *unacknowledged) {
	u.asking = true
	p.leader(u.op.at, func(node int) {
		if node < 0 || !slices.Contains(p.pending, u) {
			u.asking = false
			return
		}
		u.tries++
		u.oldest = p.oldestOf(u.op.at) == u
		r := u.request
		r.batch = bytes.Clone(r.batch) // the node writes offset and epoch into it
		p.w.say("c%d->>n%d: produce %d to %s, try %d", p.plan.ID, node, r.value, r.at, u.tries)
		n := p.w.nodes[node]
		p.w.exchange(p.actor, node, "produce", r.batch, dataWithin, func(c *connection) { n.produce(c, r) }, func(answer any, err error) {
			u.asking = false
			if slices.Contains(p.pending, u) {
				p.outcome(u, answer, err)
			}
		})
	})
}

// outcome ends a batch with an acknowledgement; everything else is tried again.
func (p *idempotent) outcome(u *unacknowledged, answer any, err error) {
	if r, ok := answer.(refusal); ok {
		err = r.err
	}
	a, ok := answer.(appendedAt)
	switch {
	case ok:
		p.acknowledged(u, a)
	case errors.Is(err, storage.ErrOutOfOrderSequence) && !u.oldest:
		p.w.some.hit("idempotent produce ahead of its turn")
	case errors.Is(err, storage.ErrOutOfOrderSequence), errors.Is(err, storage.ErrInvalidProducerEpoch):
		p.refused(u, err)
	default:
		delete(p.leaders, u.op.at)
	}
}

func (p *idempotent) acknowledged(u *unacknowledged, a appendedAt) {
	p.w.some.hit("idempotent produce acknowledged")
	if u.tries > 1 {
		p.w.some.hit("idempotent produce acknowledged after another try")
	}
	p.w.say("n%d->>c%d: %d is at %d", p.leaders[u.op.at], p.plan.ID, u.op.first, a.offset)
	u.op.offset = a.offset
	p.w.oracle.acked(u.op)
	p.w.oracle.complete(u.op, history.OK, "")
	p.drop(u)
	s := p.past[u.op.at]
	s.see(p.w.oracle.life(u.op.at))
	s.known = true
	if a.life != s.life {
		return // the disk has gone while the answer was under way
	}
	if u.batch+1 == s.batch && p.oldestOf(u.op.at) == nil { // the latest of all; one before it says nothing of those that were lost
		s.shaken = false
	}
	for _, other := range s.places {
		if (other.batch < u.batch) != (other.offset < a.offset) {
			p.w.violate("R-25", "batches %d and %d of producer %d are at %d and %d of %s", other.batch, u.batch, p.id, other.offset, a.offset, u.op.at)
		}
	}
	s.places = append(s.places, place{u.batch, a.offset})
	if len(s.places) > placesKept {
		s.places = s.places[1:]
	}
}

// refused: only a partition whose disk was replaced may find a sequence number wrong whose
// forerunners are all there. The producer then gives up what is under way and goes on in a new epoch (KIP-360).
func (p *idempotent) refused(u *unacknowledged, err error) {
	s := p.past[u.op.at]
	if s.see(p.w.oracle.life(u.op.at)); !s.shaken {
		p.w.violate("T-03", "batch %d of %s is refused, although those before it are acknowledged: %v", u.op.first, u.op.at, err)
	}
	p.w.some.hit("new producer epoch after a disk was lost")
	for _, u := range p.pending {
		p.w.oracle.complete(u.op, history.Open, err.Error())
	}
	p.pending, p.past = nil, map[kafka.TopicPartition]*sequence{}
	p.epoch++
}

func (p *idempotent) drop(u *unacknowledged) {
	p.pending = slices.DeleteFunc(p.pending, func(o *unacknowledged) bool { return o == u })
}
