package quorum

import (
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestChaos lets a seed choose what happens to three or five voters: ticks, proposals, messages out
// of order, lost and repeated, cut links, power cuts at any file operation, restarts. The faults it
// claims to survive: any of these, with any number of voters down at a time. The checks of cluster
// hold after every event; at the end everybody agrees. QUORUM_SEEDS sets the number of seeds,
// QUORUM_SEED runs one.
func TestChaos(t *testing.T) {
	seeds := 12
	if s := os.Getenv("QUORUM_SEEDS"); s != "" {
		seeds, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("QUORUM_SEED"); s != "" {
		seed, _ := strconv.ParseUint(s, 10, 64)
		chaos(t, seed)
		return
	}
	for seed := range uint64(seeds) {
		if ok := t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { chaos(t, seed) }); !ok {
			t.Fatalf("run it again with QUORUM_SEED=%d", seed)
		}
	}
}

func chaos(t *testing.T, seed uint64) {
	n := 3 + 2*int(seed%2)
	c := newCluster(t, n, seed)
	c.strict = seed%6 == 0
	events := 12_000
	if c.strict {
		events = 1500
	}
	for i := range events {
		c.event(i)
	}
	live := len(c.history)
	c.agree()
	if live < events/100 {
		t.Errorf("only %d entries were applied", live)
	}
	if os.Getenv("QUORUM_VERBOSE") != "" {
		t.Logf("seed %d: %d entries in %d terms", seed, live, len(c.leaders))
	}
}

// TestSameSeed: the same seed gives the same messages, entries and bytes on every disk, although
// raft draws election time-outs of its own from crypto/rand: they are never used.
func TestSameSeed(t *testing.T) {
	run := func() string {
		c := newCluster(t, 3, 42)
		sum := crc32.NewIEEE()
		for i := range 4000 {
			c.event(i)
			for _, m := range c.net {
				fmt.Fprintf(sum, "%d %d %x\n", m.from, m.to, m.data)
			}
		}
		c.agree()
		for _, n := range c.nodes {
			fmt.Fprintf(sum, "%+v\n", n.diskLog(vfs.KeepUnsynced).file.saved)
		}
		return fmt.Sprintf("%x: %d entries, %d terms", sum.Sum32(), len(c.history), len(c.leaders))
	}
	if a, b := run(), run(); a != b {
		t.Fatalf("%s, then %s", a, b)
	}
}

// event is one random thing.
func (c *cluster) event(i int) {
	nd := c.nodes[c.rng.IntN(len(c.nodes))]
	switch p := c.rng.IntN(1000); {
	case p < 250:
		nd.tick()
	case p < 850:
		for range c.rng.IntN(2 * len(c.nodes)) {
			c.carry()
		}
	case p < 960:
		if nd.core != nil && nd.state.Self {
			nd.propose(fmt.Sprintf("event %d ", i), 1+c.rng.IntN(4))
		}
	case p < 975:
		c.cut[[2]kafka.BrokerID{nd.id, kafka.BrokerID(c.rng.IntN(len(c.nodes)))}] = c.rng.IntN(5) == 0
	case p < 978:
		if nd.core != nil {
			c.crashDuring(nd)
		}
	default:
		if nd.core == nil {
			nd.open()
			nd.work()
		}
	}
	if len(c.net) > 300 {
		c.net = c.net[len(c.net)-100:]
	}
}

// carry moves one message: mostly the oldest, or nothing would get done.
func (c *cluster) carry() {
	if len(c.net) == 0 {
		return
	}
	at := 0
	if c.rng.IntN(5) == 0 {
		at = c.rng.IntN(len(c.net))
	}
	if c.rng.IntN(25) == 0 {
		c.net = append(c.net[:at], c.net[at+1:]...)
		return
	}
	c.deliver(at, c.rng.IntN(25) == 0)
}

// powerCut ends a node's work in the middle of a file operation.
type powerCut struct{ fs *vfs.MemFS }

// crashDuring lets the node work a little more and takes its power at one of its next operations
// on the disk, or at once if it does none.
func (c *cluster) crashDuring(n *node) {
	left := c.rng.IntN(8)
	n.fs.SetHook(func(vfs.Op, string) {
		if left--; left < 0 {
			n.fs.SetHook(nil)
			panic(powerCut{n.fs.CrashClone(c.rng, vfs.CrashOptions{})})
		}
	})
	defer func() {
		n.fs.SetHook(nil)
		n.core = nil
		if p := recover(); p == nil {
			n.fs = n.fs.CrashClone(c.rng, vfs.CrashOptions{})
		} else if cut, ok := p.(powerCut); ok {
			n.fs = cut.fs
		} else {
			panic(p)
		}
	}()
	for range 3 {
		if len(c.net) > 0 {
			m := c.net[c.rng.IntN(len(c.net))]
			if m.to == n.id {
				n.core.Step(m.from, m.data)
				n.work()
			}
		}
		if n.state.Self {
			n.propose("before the cut", 2)
		}
		n.tick()
	}
}
