package sim

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// defaultMaxEvents ends a run that goes round in circles.
const defaultMaxEvents = 2_000_000

// world is one run.
type world struct {
	plan   *Plan
	chance streams
	e      *Engine
	net    *network
	some   *Sometimes
	oracle *oracle
	nodes  []*node
	users  []client

	healed      bool
	healedAt    time.Duration
	done        bool
	replacing   *node // the voter that is being replaced
	changeRetry time.Duration
	story       *story // nil: nobody listens
}

// Result is what came of a run.
type Result struct {
	Plan      *Plan
	Violation *Violation // nil: none
	Hash      uint64     // of the trace
	Events    int64
	Time      time.Duration // virtual
	Sometimes *Sometimes
	Story     []string // what happened, if asked for
}

// Violation is the first thing that was wrong.
type Violation struct {
	Rule string // of Predicates, or a word
	Text string
	At   time.Duration
	// Event is how many events had happened.
	Event int64
}

func (v *Violation) String() string {
	return fmt.Sprintf("%s at %s (event %d): %s", v.Rule, seconds(v.At), v.Event, v.Text)
}

// violation is the panic by which a run ends at the first violation.
type violation struct{ *Violation }

// Options of a run.
type Options struct {
	Story bool // remember what happened, for Sequence
}

// Run plays a plan to its end or to the first violation.
func Run(p *Plan, o Options) *Result {
	w := &world{plan: p, chance: newStreams(p.Seed), some: NewSometimes()}
	if o.Story {
		w.story = &story{}
	}
	w.e = newEngine(w.chance.tie)
	w.net = newNetwork(w.e, w.chance.network, p.Links, p.Nodes+1+maxClients, w.some)
	w.oracle = newOracle(w)
	for i := range p.Nodes {
		w.nodes = append(w.nodes, newNode(w, i))
	}
	r := &Result{Plan: p, Sometimes: w.some}
	r.Violation = w.play()
	r.Hash, r.Events, r.Time = w.e.Hash(), w.e.Events(), w.e.Now()
	if w.story != nil {
		r.Story = w.story.lines
	}
	return r
}

func (w *world) play() (v *Violation) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case violation:
			v = r.Violation
		default:
			panic(r)
		}
	}()
	w.begin()
	limit := w.plan.MaxEvents
	if limit == 0 {
		limit = defaultMaxEvents
	}
	for !w.done && w.e.Step() {
		if w.e.Events() >= limit {
			if w.plan.MaxEvents > 0 {
				return nil
			}
			w.violate("liveness", "%d events and no end", limit)
		}
	}
	w.oracle.judge()
	w.oracle.judgeOffsets()
	return nil
}

func (w *world) begin() {
	w.some.hit(fmt.Sprintf("quorum of %d", w.plan.Nodes))
	for _, n := range w.nodes {
		n.start()
	}
	s := &setup{w: w, actor: w.plan.Nodes}
	w.e.After(tickInterval, "setup", s.actor, s.work)
	for _, p := range w.plan.Clients {
		w.users = append(w.users, newClient(w, p))
	}
	for _, f := range w.plan.Faults {
		w.e.After(f.At, "fault", f.Node, func() { w.inflict(f) })
	}
	w.e.After(w.plan.Duration, "heal", -1, w.heal)
}

// violate ends the run.
func (w *world) violate(rule, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.say("note over n0: VIOLATION %s", rule)
	panic(violation{&Violation{Rule: rule, Text: text, At: w.e.now, Event: w.e.events}})
}

// must ends the run for an error that cannot be.
func (w *world) must(err error) {
	if err != nil {
		w.violate("error", "%v", err)
	}
}

// say adds a line to the story, if anybody listens.
func (w *world) say(format string, args ...any) {
	if w.story != nil {
		w.story.add(w.e.now, fmt.Sprintf(format, args...))
	}
}

func (w *world) voters() []kafka.BrokerID {
	out := make([]kafka.BrokerID, w.plan.Nodes)
	for i := range out {
		out[i] = kafka.BrokerID(i)
	}
	return out
}

// has reports whether a kind of fault is in the plan.
func (p *Plan) has(k FaultKind) bool {
	return slices.ContainsFunc(p.Faults, func(f Fault) bool { return f.Kind == k })
}

// isDiskFault reports whether an error comes from a fault that is injected into disks.
func isDiskFault(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC)
}
