package sim

import (
	"fmt"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// FaultKind is what goes wrong.
type FaultKind uint8

// Kinds of faults.
const (
	PowerCut    FaultKind = iota // unsynced state meets drawn fates
	PowerCutAll                  // everything unsynced is lost
	Kill                         // kill -9: the machine goes on, nothing is lost
	MidCrash                     // one of the above after some more disk operations
	CleanStop                    // everything flushed, marker written
	EmptyDisk                    // the data disk is replaced by an empty one
	OldDisk                      // the data disk is replaced by an image of it from before
	ClockJump                    // the wall clock jumps, by seconds to minutes
	ClockDrift                   // the wall clock runs at another rate
	Pause                        // the process stands still
	SyncError                    // the next sync fails
	NoSpace                      // the data disk is full
	Isolate                      // a node loses all links
	Cut                          // a node loses its links to half of the others
	OneWay                       // a node is heard of but does not hear, or the other way round
	Reset                        // everything in flight to and from a node is lost
	SlowLink                     // the links of a node are slow
	Transfer                     // the leader of the quorum hands over
	Replace                      // a voter is removed, its disks are emptied, it comes back as a learner and then a voter
)

var faultKinds = []struct {
	kind    FaultKind
	name    string
	feature feature
	cluster bool // needs more than one node
}{
	{PowerCut, "power cut", withPowerCuts, false},
	{PowerCutAll, "power cut, all unsynced lost", withPowerCuts, false},
	{Kill, "kill -9", withKills, false},
	{MidCrash, "crash in the middle of an operation", withMidCrashes, false},
	{CleanStop, "clean stop", withCleanStops, false},
	{EmptyDisk, "empty data disk", withEmptyDisk, false},
	{OldDisk, "old data disk", withOldDisk, false},
	{ClockJump, "clock jump", withClocks, false},
	{ClockDrift, "clock drift", withClocks, false},
	{Pause, "pause", withPauses, false},
	{SyncError, "sync error", withSyncErrors, false},
	{NoSpace, "no space", withNoSpace, false},
	{Isolate, "isolate", withPartitions, true},
	{Cut, "partition", withPartitions, true},
	{OneWay, "one-way partition", withPartitions, true},
	{Reset, "reset", withResets, false},
	{SlowLink, "slow links", withSlowLinks, true},
	{Transfer, "transfer of leadership", withTransfers, true},
	{Replace, "replacement of a voter", withMembership, true},
}

func (k FaultKind) String() string { return faultKinds[k].name }

// Fault is one thing that goes wrong.
type Fault struct {
	ID     int
	At     time.Duration
	For    time.Duration // until it is over or the node starts again
	Kind   FaultKind
	Node   int
	Chance uint64 // what it draws follows from this
}

func (f Fault) String() string {
	return fmt.Sprintf("%s: %s of node %d for %s", seconds(f.At), f.Kind, f.Node, seconds(f.For))
}

// inflict begins a fault.
func (w *world) inflict(f Fault) {
	if w.healed {
		return
	}
	w.say("note over n%d: %s", f.Node, f.Kind)
	n := w.nodes[f.Node]
	rng := stream(f.Chance, uint64(f.ID))
	switch f.Kind {
	case PowerCut, PowerCutAll, Kill:
		n.crash(f.Kind, f.For)
	case MidCrash:
		n.crashIn(1+rng.IntN(60), pick(rng, PowerCut, PowerCutAll, Kill), f.For)
	case CleanStop:
		n.stop(f.For)
	case EmptyDisk, OldDisk:
		w.replaceDisk(n, f)
	case ClockJump:
		by := time.Duration(rng.NormFloat64() * float64(pick(rng, 2*time.Second, 20*time.Second, 300*time.Second)))
		n.clock.jump(w.e.now, by, w.some)
	case ClockDrift:
		n.clock.drift(w.e.now, 1+rng.NormFloat64()*pick(rng, 0.0001, 0.01, 0.2))
		w.some.hit("clock drifts")
	case Pause:
		n.pause(f.For)
	case SyncError:
		n.failSync(rng.IntN(2) == 0)
	case NoSpace:
		n.full(f.For)
	case Isolate, Cut, OneWay, SlowLink:
		w.disturb(n, f)
	case Reset:
		for i := range w.net.links {
			w.net.reset(f.Node, i)
		}
	case Transfer:
		to := kafka.BrokerID(rng.IntN(w.plan.Nodes))
		w.eachLeader(func(l *node) { l.core.TransferLeader(to) })
	case Replace:
		w.replaceVoter(n)
	}
}

// replaceDisk crashes a node and starts it again with another data disk: its partitions have
// lost what they promised, which nothing with one replica survives. What must hold is
// that everything else goes on.
func (w *world) replaceDisk(n *node, f Fault) {
	old := vfs.NewMem()
	if f.Kind == OldDisk {
		old = n.data.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
	}
	w.e.After(f.For, "replace disk", n.id, func() {
		n.crash(PowerCutAll, time.Second)
		n.data = old
		w.oracle.forget(n.id)
		if f.Kind == OldDisk {
			w.some.hit("start on an old data disk")
		} else {
			w.some.hit("start on an empty data disk")
		}
	})
}

// disturb changes the links of a node for a while.
func (w *world) disturb(n *node, f Fault) {
	rng := stream(f.Chance, uint64(f.ID))
	others := rng.Perm(len(w.net.links))
	if f.Kind == Cut {
		others = others[:(len(others)+1)/2]
	}
	in, out := true, true
	if f.Kind == OneWay {
		in = rng.IntN(2) == 0
		out = !in
	}
	change := func(by int, slow time.Duration) {
		for _, o := range others {
			if o == n.id {
				continue
			}
			if f.Kind == SlowLink {
				w.net.links[n.id][o].slow, w.net.links[o][n.id].slow = slow, slow
				continue
			}
			if in {
				w.net.block(o, n.id, by)
			}
			if out {
				w.net.block(n.id, o, by)
			}
		}
	}
	change(1, between(rng, 10*time.Millisecond, 2*time.Second))
	w.e.After(f.For, "links are back", n.id, func() {
		if !w.net.quiet {
			change(-1, 0)
		}
	})
}

// eachLeader calls f for every node that believes to lead the quorum.
func (w *world) eachLeader(f func(*node)) {
	for _, n := range w.nodes {
		if n.up && !n.paused() && n.core.State().Self {
			n.do(func() { f(n) })
		}
	}
}

// replaceVoter takes a voter out of the quorum, empties it, and brings it back as a learner that
// becomes a voter (C-14). It begins only if no other replacement is under way.
func (w *world) replaceVoter(n *node) {
	if w.replacing != nil || !n.up {
		return
	}
	w.replacing = n
	w.proposeChange(n, quorum.Change{Kind: quorum.RemoveNode, Node: kafka.BrokerID(n.id)}, func() {
		w.some.hit("voter removed")
		w.say("note over n%d: removed from the voters, emptied", n.id)
		if n.up {
			n.crash(PowerCutAll, 300*time.Millisecond)
		}
		n.meta, n.joins = vfs.NewMem(), true
		n.identity++
		w.oracle.forgetVoter(n.id)
		w.proposeChange(n, quorum.Change{Kind: quorum.AddLearner, Node: kafka.BrokerID(n.id)}, func() {
			w.proposeChange(n, quorum.Change{Kind: quorum.AddVoter, Node: kafka.BrokerID(n.id)}, func() {
				w.some.hit("voter added")
				w.replacing = nil
			})
		})
	})
}

// proposeChange asks whoever leads for a change of the voters until it is applied somewhere.
func (w *world) proposeChange(n *node, c quorum.Change, done func()) {
	proposed := map[uint64]uint64{} // index → term
	var try func()
	try = func() {
		for index, term := range proposed { // order-free: any of them will do
			if e, ok := w.oracle.entry(index); ok && e.term == term && w.settled(n, index) {
				done()
				return
			}
		}
		w.eachLeader(func(l *node) {
			if l.id == n.id {
				l.core.TransferLeader(kafka.BrokerID((l.id + 1) % w.plan.Nodes))
				l.advanceSoon()
				return
			}
			if len(proposed) > 0 && w.e.now < w.changeRetry {
				return
			}
			if index, err := l.core.ProposeMembership(c); err == nil {
				proposed[index] = uint64(l.core.State().Term)
				w.changeRetry = w.e.now + 2*time.Second
				l.advanceSoon()
			}
		})
		w.e.After(200*time.Millisecond, "change of voters", n.id, try)
	}
	try()
}

// settled reports whether a majority of the other nodes have applied an entry. The one that removes a voter
// is committed by the voters before it, the removed one among them: whoever empties its disk
// earlier takes away one of the copies that made it committed.
func (w *world) settled(except *node, index uint64) bool {
	have := 0
	for _, n := range w.nodes {
		if n != except && w.oracle.voters[n.id].next > index {
			have++
		}
	}
	return have > (w.plan.Nodes-1)/2
}
