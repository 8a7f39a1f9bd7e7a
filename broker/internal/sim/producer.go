package sim

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/internal/history"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// producer sends one batch after the other, without retries.
type producer struct {
	*user
	builder batch.Builder
	busy    bool
}

func newProducer(u *user) *producer {
	p := &producer{user: u}
	p.soon(p.work)
	return p
}

func (p *producer) work() {
	if p.ending {
		return
	}
	at := p.partition()
	p.leader(at, func(node int) {
		if node >= 0 && !p.ending {
			p.send(at, node)
			return
		}
		p.soon(p.work)
	})
}

func (p *producer) unsettled() string {
	if p.busy {
		return "a producer waits for an answer"
	}
	return ""
}

// send sends a batch and records what came of it.
func (p *producer) send(at kafka.TopicPartition, node int) {
	acks := p.plan.Acks
	if acks == 2 {
		acks = pick[int16](p.rng, 0, 1, -1)
	}
	count := 1 + p.rng.Int64N(3)
	first := p.w.oracle.newValues(count)
	r := produceRequest{at: at, acks: acks, batch: p.batch(first, count), value: first, count: count}
	op := p.w.oracle.invoke(p.user, history.Send, at)
	op.first, op.count = first, count
	p.w.say("c%d->>n%d: produce %d to %s, acks %d", p.plan.ID, node, first, at, acks)
	p.busy = true
	n := p.w.nodes[node]
	p.w.exchange(p.actor, node, "produce", r.batch, dataWithin, func(c *connection) { n.produce(c, r) }, func(answer any, err error) {
		p.busy = false
		p.outcome(op, acks, answer, err)
		p.soon(p.work)
	})
	if acks == 0 {
		p.w.some.hit("produce with acks=0")
	}
}

// outcome classifies the end of a send: ok, certainly not written, or open.
func (p *producer) outcome(op *operation, acks int16, answer any, err error) {
	if r, ok := answer.(refusal); ok {
		err = r.err
	}
	a, ok := answer.(appendedAt)
	switch {
	case ok && acks == replica.AcksAll:
		p.w.some.hit("produce acknowledged")
		p.w.say("n%d->>c%d: %d is at %d", p.leaders[op.at], p.plan.ID, op.first, a.offset)
		op.offset = a.offset
		p.w.oracle.acked(op)
		p.w.oracle.complete(op, history.OK, "")
	case ok:
		p.w.some.hit("produce with acks=1")
		p.w.oracle.complete(op, history.Open, "acks=1")
		p.reborn()
	case notWritten(err):
		p.w.some.hit("produce refused")
		p.w.oracle.complete(op, history.Fail, err.Error())
		delete(p.leaders, op.at)
	default:
		p.w.some.hit("produce open")
		p.w.oracle.complete(op, history.Open, err.Error())
		delete(p.leaders, op.at)
		p.reborn()
	}
}

// notWritten reports whether an error of the first and only attempt says that nothing was appended.
func notWritten(err error) bool {
	return errors.Is(err, errRefused) || !errors.Is(err, errLost) &&
		(errors.Is(err, replica.ErrNotLeader) || errors.Is(err, replica.ErrNotEnoughReplicas))
}

// batch builds records whose values are numbers.
func (p *producer) batch(first uint64, count int64) []byte {
	p.builder.Reset(batch.BuilderOptions{})
	p.appendValues(&p.builder, first, count)
	b, err := p.builder.Build()
	p.w.must(err)
	return bytes.Clone(b)
}

// appendValues appends records whose values begin with numbers.
func (u *user) appendValues(b *batch.Builder, first uint64, count int64) {
	for i := range uint64(count) {
		value := binary.BigEndian.AppendUint64(make([]byte, 0, 64), first+i)
		value = append(value, make([]byte, u.rng.IntN(50))...)
		b.Append(epochMs+u.w.e.now.Milliseconds(), nil, value, nil)
	}
}
