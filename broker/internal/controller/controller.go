package controller

import (
	"log/slog"
	"math/rand/v2"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/internal/invariants"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// Options of a Controller.
type Options struct {
	// ClusterID is what a broker must name when it registers.
	ClusterID string
	// NodeID is the id of the broker in this process, or kafka.NoBroker. A registration under it
	// need not wait for the session of the former incarnation: this process is its successor.
	NodeID kafka.BrokerID

	// NumPartitions is num.partitions, ReplicationFactor default.replication.factor: what -1 means
	// in CreateTopics. 0 is 1. Internal topics get min(3, brokers) replicas instead.
	NumPartitions     int32
	ReplicationFactor int16

	// SessionTimeoutMs is broker.session.timeout.ms: a broker without heartbeat for so long is
	// fenced. 0 is 9000.
	SessionTimeoutMs int64

	// MaxRecordsPerOp bounds the records of one request. 0 is Kafka's 10,000.
	MaxRecordsPerOp int
	// MaxPartitions bounds the partitions of all topics together; each costs every broker memory and its replicas
	// descriptors. 0 is no bound.
	MaxPartitions int

	// Features are the levels that a new cluster begins with; nil is DefaultFeatures.
	Features []metadata.Feature

	// Rand chooses where replica placement begins. Required. Used on the loop only.
	Rand *rand.Rand
	// UUID makes topic ids. Required.
	UUID func() kafka.UUID

	// Logger gets what an operator should know; nil is silence.
	Logger *slog.Logger
}

func (o *Options) setDefaults() {
	if o.NumPartitions == 0 {
		o.NumPartitions = 1
	}
	if o.ReplicationFactor == 0 {
		o.ReplicationFactor = 1
	}
	if o.SessionTimeoutMs == 0 {
		o.SessionTimeoutMs = 9000
	}
	if o.MaxRecordsPerOp == 0 {
		o.MaxRecordsPerOp = 10_000
	}
	if o.Features == nil {
		o.Features = DefaultFeatures()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Proposer is the quorum: it takes one batch as one entry and returns the entry's index. It must
// fail if this node does not lead, and must not call back before it returns.
//
// If it also has NextOffset() int64 (the offset that the next proposed batch will get), broker epochs
// are the offsets of the batches that register the brokers, as in Kafka. Without it they are the
// same as long as nobody else writes entries; in any case they grow strictly (C-04), because they are
// above every epoch and offset that a former decision could have used.
type Proposer interface {
	Propose(b batch.Batch) (index uint64, err error)
}

// Controller decides and remembers whom to answer. See the package comment for its place; all
// methods belong to the quorum loop.
type Controller struct {
	o        Options
	lg       *slog.Logger
	proposer Proposer

	committed *metadata.Image
	state     quorum.State

	// working is committed plus the records of pending; nil unless this node leads.
	working *metadata.Builder
	// nextOffset is at most the offset of the next batch; it never goes back in a term.
	nextOffset int64
	pending    []pending
	sessions   sessions
	unclean    int64
}

// New returns a controller that does not lead. committed is the loader's current image.
func New(o Options, committed *metadata.Image, p Proposer) *Controller {
	o.setDefaults()
	return &Controller{
		o: o, lg: o.Logger, proposer: p, committed: committed,
		state: quorum.State{Leader: kafka.NoBroker}, sessions: newSessions(o.SessionTimeoutMs),
	}
}

// Active reports whether this node may decide.
func (c *Controller) Active() bool { return c.state.Self }

// State is who leads, as the quorum last said.
func (c *Controller) State() quorum.State { return c.state }

// UncleanElections counts leaders that were elected in this process outside ISR and ELR (C-05).
func (c *Controller) UncleanElections() int64 { return c.unclean }

// image is what decisions read: the working state. It changes with each decision that is proposed.
func (c *Controller) image() *metadata.Image { return c.working.View() }

// Lead takes a change of leadership. Losing it, or winning it again in another term, drops the
// working state and answers all parked callers with NOT_CONTROLLER. Winning it in a cluster without
// records proposes the first ones.
func (c *Controller) Lead(state quorum.State, nowMs int64) {
	if c.state.Self && (!state.Self || state.Term != c.state.Term) {
		c.stepDown()
	}
	won := state.Self && !c.state.Self
	c.state = state
	if won {
		c.stepUp(nowMs)
	}
}

func (c *Controller) stepDown() {
	c.state.Self = false
	if !plantedKeepWorking {
		c.working = nil
	}
	c.failPending()
}

// stepUp begins a term. Brokers that were unfenced get one session time-out to find this
// controller.
func (c *Controller) stepUp(nowMs int64) {
	if c.working == nil {
		c.working = metadata.NewBuilder(c.committed)
	}
	c.nextOffset = c.committed.Offset() + 1
	c.sessions = newSessions(c.o.SessionTimeoutMs)
	c.committed.Brokers(func(b *metadata.Broker) bool {
		switch {
		case b.Fenced:
		case b.ID == c.o.NodeID: // not alive before it says so
			c.sessions.wait(b.ID, nowMs)
		default:
			c.sessions.touch(b.ID, nowMs, -1)
		}
		return true
	})
	c.sessions.caughtUpAt = c.committed.Offset()
	c.lg.Info("controller is active", "term", c.state.Term, "offset", c.committed.Offset())
	if decision := c.bootstrap(); len(decision.Records) > 0 {
		c.Do(nowMs, func() Decision { return decision }, nil)
	}
}

// Apply takes committed entries after the loader has replayed and published them as the image
// committed, and answers the callers that waited for them, in order.
func (c *Controller) Apply(entries []quorum.Entry, committed *metadata.Image) {
	c.committed = committed
	for i := range entries {
		c.commit(&entries[i])
	}
	if c.state.Self && len(c.pending) == 0 {
		c.rebase()
	}
}

// rebase begins the working state anew from the committed image when nothing is on its way. Both
// hold the same then: they replayed the same records.
func (c *Controller) rebase() {
	if invariants.Enabled {
		invariants.Check(c.working.View().Hash() == c.committed.Hash(), "working state differs from the committed image at %d", c.committed.Offset())
	}
	c.working = metadata.NewBuilder(c.committed)
	c.nextOffset = max(c.nextOffset, c.committed.Offset()+1)
}
