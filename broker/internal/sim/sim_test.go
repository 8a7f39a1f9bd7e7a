package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// seedsFor is how many seeds a normal run plays.
const (
	seedsFor      = 50
	seedsForShort = 10
)

// TestSeeds plays some seeds; none violates a predicate, and each gives the same trace again. Thousands of
// them are played by go run ./e2e/campaign sim-seeds.
func TestSeeds(t *testing.T) {
	n := uint64(seedsFor)
	if testing.Short() {
		n = seedsForShort
	}
	for seed := uint64(1); seed <= n; seed++ {
		r := Run(NewPlan(seed), Options{})
		if r.Violation != nil {
			t.Fatalf("seed %d: %v\nreplay: go run ./broker/internal/sim/simulate -seed %d", seed, r.Violation, seed)
		}
		if again := Run(NewPlan(seed), Options{Story: true}); again.Hash != r.Hash || again.Events != r.Events {
			t.Errorf("seed %d: %d events, trace %016x; played again with a story %d events, trace %016x", seed, r.Events, r.Hash, again.Events, again.Hash)
		}
	}
}

// TestSeedsThatFailed plays seeds that once showed something, here or in the simulator itself.
func TestSeedsThatFailed(t *testing.T) {
	for _, seed := range []uint64{
		6926, // T-03 took a producer for settled by a batch before those that its partition had lost with its disk
	} {
		if r := Run(NewPlan(seed), Options{}); r.Violation != nil {
			t.Errorf("seed %d: %v\nreplay: go run ./broker/internal/sim/simulate -seed %d", seed, r.Violation, seed)
		}
	}
}

// TestSeedsDiffer: the trace hash depends on the seed.
func TestSeedsDiffer(t *testing.T) {
	a, b := Run(NewPlan(1), Options{}), Run(NewPlan(2), Options{})
	if a.Hash == b.Hash {
		t.Errorf("seeds 1 and 2 have the trace %016x", a.Hash)
	}
}

// TestEngineOrder: time first; at equal times an order that the seed decides, not that of scheduling.
func TestEngineOrder(t *testing.T) {
	order := func(seed uint64) string {
		e := newEngine(stream(seed, 0))
		var out strings.Builder
		for i := range 8 {
			e.After(time.Second, "e", i, func() { out.WriteByte(byte('a' + i)) })
		}
		e.After(time.Millisecond, "e", 0, func() { out.WriteByte('!') })
		for e.Step() {
		}
		return out.String()
	}
	first := order(1)
	if first[0] != '!' || len(first) != 9 {
		t.Fatalf("order %q", first)
	}
	if order(1) != first {
		t.Error("one seed, two orders")
	}
	if order(2) == first && order(3) == first {
		t.Error("all seeds have one order")
	}
}

// TestNetwork: links deliver in order, lose what they are told to lose, and repeat only datagrams.
func TestNetwork(t *testing.T) {
	f := func(o LinkOptions, change func(*network), datagram bool, want string) {
		t.Helper()
		o.Latency = time.Millisecond
		e := newEngine(stream(1, 1))
		n := newNetwork(e, stream(1, 2), o, 2, NewSometimes())
		var got strings.Builder
		for i := range 3 {
			n.send(packet{from: 0, to: 1, kind: "p", datagram: datagram,
				delivered: func() { got.WriteByte(byte('a' + i)) }, lost: func() { got.WriteByte('-') }})
		}
		change(n)
		for e.Step() {
		}
		if got.String() != want {
			t.Errorf("%+v: %q, want %q", o, got.String(), want)
		}
	}
	nothing := func(*network) {}
	f(LinkOptions{Jitter: time.Second}, nothing, true, "abc")
	f(LinkOptions{Loss: 1}, nothing, true, "---")
	f(LinkOptions{Duplicate: 1}, nothing, true, "aabbcc")
	f(LinkOptions{Duplicate: 1}, nothing, false, "abc")
	f(LinkOptions{}, func(n *network) { n.reset(0, 1) }, true, "---")
	f(LinkOptions{}, func(n *network) { n.block(0, 1, 1) }, true, "---")
	f(LinkOptions{}, func(n *network) { n.block(1, 0, 1) }, true, "abc")
	f(LinkOptions{}, func(n *network) { n.block(0, 1, 1); n.heal() }, true, "abc")
}

// TestWallClock: a clock is off, drifts and jumps; virtual time is not.
func TestWallClock(t *testing.T) {
	c := newWallClock(2 * time.Second)
	c.drift(time.Second, 1.5)
	c.jump(3*time.Second, -10*time.Second, NewSometimes())
	if got, want := c.ms(5*time.Second), int64(epochMs+2000+1000+3000-10000+3000); got != want {
		t.Errorf("%d, want %d", got, want)
	}
}

// TestShrink takes away what a violation does not need. The violation is made by a topic plan that no
// cluster can fulfil, so that it never converges.
func TestShrink(t *testing.T) {
	p := NewPlan(3)
	p.Duration, p.GroupShards = 2*time.Second, 0
	p.Clients = slices.DeleteFunc(p.Clients, func(c ClientPlan) bool { return c.Kind == Member })
	p.Faults = []Fault{{ID: 0, At: time.Second, Kind: Reset, For: time.Second}, {ID: 1, At: time.Second, Kind: Kill, For: time.Second}}
	p.Topics = []TopicPlan{{Name: "no/topic", Partitions: 1}}
	r := Run(p, Options{})
	if r.Violation == nil || r.Violation.Rule != "liveness" {
		t.Fatalf("violation %v", r.Violation)
	}
	small, runs := Shrink(p, "liveness", 30)
	if len(small.Faults) != 0 || runs > 30 {
		t.Errorf("%d faults are left after %d runs", len(small.Faults), runs)
	}
	// Consumers and idempotent producers wait for the topic; one of them is enough.
	if kinds := len(small.Clients); kinds != 1 || small.Clients[0].Kind != Consumer && small.Clients[0].Kind != Idempotent {
		t.Errorf("clients left: %+v", small.Clients)
	}
	r = Run(small, Options{Story: true})
	if seq := Sequence(small, r.Story, 20); !strings.HasPrefix(seq, "sequenceDiagram\n") || !strings.Contains(seq, "VIOLATION liveness") {
		t.Errorf("sequence:\n%s", seq)
	}
}

// TestPredicates: every rule that a run may name is in the table, once.
func TestPredicates(t *testing.T) {
	var ids []string
	for _, p := range Predicates {
		if slices.Contains(ids, p.ID) || p.Text == "" || p.Where == "" {
			t.Errorf("predicate %+v", p)
		}
		ids = append(ids, p.ID)
	}
	for _, id := range []string{"C-13", "C-18", "C-19", "C-20", "S-02", "S-06", "S-19", "R-13", "R-20", "R-26", "R-27", "R-28", "G-02", "G-03", "G-04", "T-14"} {
		if !slices.Contains(ids, id) {
			t.Errorf("%s is not checked", id)
		}
	}
}

// TestOracleSees: what contradicts what was seen before ends the run, naming its predicate.
func TestOracleSees(t *testing.T) {
	at := kafka.TopicPartition{Topic: "t"}
	f := func(rule string, see func(*oracle)) {
		t.Helper()
		w := &world{plan: NewPlan(1), e: newEngine(stream(1, 1)), some: NewSometimes()}
		w.oracle = newOracle(w)
		got := "nothing"
		func() {
			defer func() {
				if v, ok := recover().(violation); ok {
					got = v.Rule
				}
			}()
			see(w.oracle)
		}()
		if got != rule {
			t.Errorf("%s is noticed, want %s", got, rule)
		}
	}
	f("nothing", func(o *oracle) { o.seen(at, 1, 7, "read"); o.seen(at, 1, 7, "read"); o.seen(at, 2, 8, "read") })
	f("R-20", func(o *oracle) { o.seen(at, 1, 7, "acknowledged"); o.seen(at, 1, 8, "read") })
	f("R-27", func(o *oracle) {
		o.appended(&node{}, produceRequest{at: at, count: 2}, replica.Appended{BaseOffset: 5, LastOffset: 6}, 4, false)
	})
	f("T-02", func(o *oracle) {
		r := produceRequest{at: at, count: 2, value: 3, idempotent: true}
		o.appended(&node{}, r, replica.Appended{BaseOffset: 4, LastOffset: 5}, 4, o.appending(r))
		o.appended(&node{}, r, replica.Appended{BaseOffset: 2, LastOffset: 3}, 6, o.appending(r))
	})
	f("T-02", func(o *oracle) {
		r := produceRequest{at: at, count: 2, value: 3, idempotent: true}
		o.appended(&node{}, r, replica.Appended{BaseOffset: 2, LastOffset: 3}, 4, o.appending(r))
	})
	f("R-03", func(o *oracle) {
		a := replica.Appended{BaseOffset: 5, LastOffset: 5, Epoch: 3}
		o.appended(&node{starts: 1}, produceRequest{at: at, count: 1}, a, 5, false)
		o.appended(&node{starts: 2}, produceRequest{at: at, count: 1}, a, 5, false)
	})
	lead := func(o *oracle, id, start int) {
		o.voters = append(o.voters, voterPast{})
		o.voters[id].next = 1
		o.lead(&node{w: o.w, id: id, starts: start}, quorum.State{Self: true, Term: 4})
	}
	f("C-13", func(o *oracle) { lead(o, 0, 1); lead(o, 0, 2) })
	f("C-19", func(o *oracle) { lead(o, 0, 1); lead(o, 1, 1) })
	f("C-19", func(o *oracle) { o.applying(&node{w: o.w}, []quorum.Entry{{Index: 2}}) })
	f("C-01", func(o *oracle) { o.allocated(&node{}, idBlock{0, 10}); o.allocated(&node{}, idBlock{9, 19}) })
}
