package sim

import (
	"math/rand/v2"
	"time"

	"github.com/thalweg-io/thalweg/internal/history"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

const (
	// maxClients bounds the clients of a plan, the one that sets up the topics not counted.
	maxClients = mostOthers + 3
	// mostOthers bounds those that are no simple consumers.
	mostOthers = 12
	// dataWithin bounds a request for data.
	dataWithin = time.Second
)

// client is somebody outside of the cluster.
type client interface {
	finish()           // no more new work, but what the end of a run needs
	unsettled() string // what it still waits for, or nothing
}

func newClient(w *world, p ClientPlan) client {
	u := &user{w: w, plan: p, actor: w.plan.Nodes + 1 + p.ID, rng: stream(w.plan.Seed, uint64(1000+p.ID)), leaders: map[kafka.TopicPartition]int{}}
	u.process = w.oracle.newProcess()
	switch p.Kind {
	case Producer:
		return newProducer(u)
	case Idempotent:
		return newIdempotent(u)
	case Consumer:
		return newConsumer(u)
	case Member:
		return newMember(u)
	case Simple:
		return newSimple(u)
	}
	return newAdmin(u)
}

// user is what all clients have in common.
type user struct {
	w       *world
	plan    ClientPlan
	actor   int
	rng     *rand.Rand
	process history.Process
	leaders map[kafka.TopicPartition]int // as far as it knows
	ending  bool
}

func (u *user) finish() { u.ending = true }

func (u *user) unsettled() string { return "" }

// soon lets f happen about once per Every.
func (u *user) soon(f func()) {
	u.w.e.After(between(u.rng, u.plan.Every/2, 2*u.plan.Every), u.plan.Kind.String(), u.actor, f)
}

// leader finds out who leads a partition and hands it to f, or -1.
func (u *user) leader(at kafka.TopicPartition, f func(node int)) {
	if id, ok := u.leaders[at]; ok {
		f(id)
		return
	}
	to := u.rng.IntN(u.w.plan.Nodes)
	u.w.exchange(u.actor, to, "metadata", nil, dataWithin, func(c *connection) {
		id := kafka.NoBroker
		if p := u.w.nodes[to].loader.Current().Partition(at.Topic, at.Partition); p != nil {
			id = p.Leader
		}
		c.answer("metadata answer", nil, int(id))
	}, func(answer any, err error) {
		id, ok := answer.(int)
		if err != nil || !ok || id < 0 {
			f(-1)
			return
		}
		u.leaders[at] = id
		f(id)
	})
}

// reborn is what follows an open outcome: the client goes on under another name.
func (u *user) reborn() { u.process = u.w.oracle.newProcess() }

// partition draws one of the partitions of the workload.
func (u *user) partition() kafka.TopicPartition {
	t := pick(u.rng, u.w.plan.Topics...)
	return kafka.TopicPartition{Topic: t.Name, Partition: u.rng.Int32N(t.Partitions)}
}

// partitions are all of the workload.
func (p *Plan) partitions() []kafka.TopicPartition {
	var out []kafka.TopicPartition
	for _, t := range p.Topics {
		for i := range t.Partitions {
			out = append(out, kafka.TopicPartition{Topic: t.Name, Partition: i})
		}
	}
	return out
}

// everything is all partitions of the workload and those of the offsets topic.
func (p *Plan) everything() []kafka.TopicPartition {
	out := p.partitions()
	for i := range p.GroupShards {
		out = append(out, kafka.TopicPartition{Topic: kafka.OffsetsTopic, Partition: i})
	}
	return out
}
