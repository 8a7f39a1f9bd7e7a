package sim

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/controller"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

const (
	clusterID    = "c2ltdWxhdGVkLWNsdXN0ZQ"
	tickInterval = quorum.DefaultTickInterval
	// restartAfter is when somebody starts a process again that has ended by itself.
	restartAfter = 2 * time.Second
	// maxDeferred bounds what waits for a paused process, as its sockets and queues would.
	maxDeferred = 1000
)

// node is one process, a broker and voter, and the two disks under it, which outlive it.
type node struct {
	w    *world
	id   int
	rng  *rand.Rand // for ids, election timeouts and whatever else a broker draws by chance
	meta *vfs.MemFS // the metadata directory
	data *vfs.MemFS // the data directory

	clock  wallClock
	joins  bool // starts without knowing voters: it comes back after it was removed
	starts int
	// identity counts the metadata disks: what the node has said before it was emptied must not be
	// heard afterwards. Raft would take a late acknowledgement for one of the new disk.
	identity int

	up          bool
	generation  int // of the process: events of earlier ones are void
	pausedUntil time.Duration
	deferred    []func()
	crashing    *crashPoint
	failures    []*vfs.Rule // syncs that fail
	held        []io.Closer // locks on files
	errors      struct{ meta, data *vfs.ErrorFS }

	core      *quorum.Core
	loader    *metadata.Loader
	control   *controller.Controller
	manager   *replica.Manager
	retention *replica.Retention // the pass that is under way, or nil
	groups    *coordinator.Core
	dir       *storage.Dir
	validator batch.Validator
	advancing bool // an advance is due
	syncing   bool // a sync of data is due
	failing   bool // the data directory has gone offline
	waiting   []*parkedProduce

	incarnation kafka.UUID
	epoch       kafka.BrokerEpoch
	registered  bool
	serving     bool
	asking      bool // a registration or heartbeat is on its way
}

func newNode(w *world, id int) *node {
	n := &node{w: w, id: id, rng: stream(w.plan.Seed, uint64(200+id)), meta: vfs.NewMem(), data: vfs.NewMem()}
	n.clock = newWallClock(time.Duration(w.chance.clock.NormFloat64() * float64(2*time.Second)))
	return n
}

func (n *node) nowMs() int64 { return n.clock.ms(n.w.e.now) }
func (n *node) paused() bool { return n.w.e.now < n.pausedUntil }

// do runs what a process does at one moment. A crash in the middle of it ends the process; any
// other panic is a violation.
func (n *node) do(f func()) {
	if !n.up {
		return
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case cut:
			n.died(r.crashPoint)
		case violation:
			panic(r)
		default:
			n.w.violate("panic", "node %d: %v\n%s", n.id, r, stack())
		}
	}()
	f()
	n.w.oracle.check(n)
}

// stack is where a panic came from, without the frames of the panic itself.
func stack() string {
	s := string(debug.Stack())
	if i := strings.LastIndex(s, "panic("); i >= 0 {
		s = s[i:]
	}
	return s
}

// later lets the process do something, unless it has ended before. While it is paused it waits.
func (n *node) later(d time.Duration, kind string, f func()) {
	generation := n.generation
	n.w.e.After(d, kind, n.id, func() {
		switch {
		case generation != n.generation || !n.up:
		case n.paused():
			if len(n.deferred) < maxDeferred {
				n.deferred = append(n.deferred, f)
			}
		default:
			n.do(f)
		}
	})
}

// pause lets the process stand still.
func (n *node) pause(d time.Duration) {
	if !n.up {
		return
	}
	n.w.some.hit("node paused")
	n.pausedUntil = max(n.pausedUntil, n.w.e.now+d)
	n.w.e.After(d, "resume", n.id, n.resume)
}

func (n *node) resume() {
	if n.paused() || !n.up {
		return
	}
	waiting := n.deferred
	n.deferred = nil
	for _, f := range waiting {
		n.do(f)
	}
}

// start starts the process, as broker.Start does.
func (n *node) start() {
	if n.up {
		return
	}
	n.generation++
	n.starts++
	n.up, n.registered, n.serving, n.asking, n.advancing, n.syncing, n.failing = true, false, false, false, false, false, false
	n.waiting, n.deferred, n.pausedUntil, n.failures = nil, nil, 0, nil
	n.epoch, n.incarnation = kafka.NoBrokerEpoch, n.uuid()
	n.w.say("note over n%d: starts", n.id)
	n.do(func() {
		if err := n.open(); err != nil {
			n.openFailed(err)
			return
		}
		n.w.oracle.opened(n)
		n.every(tickInterval, "tick", n.tick)
		n.every(500*time.Millisecond, "controller tick", func() { n.control.Tick(n.nowMs()); n.advanceSoon() })
		n.every(2*time.Second, "heartbeat", n.beat)
		if n.w.plan.retains() {
			n.retention = nil
			n.every(retentionStep, "retention", n.retain)
		}
		if n.w.plan.GroupShards > 0 {
			n.every(groupStep, "coordinator step", n.stepGroups)
		}
		n.begin()
	})
}

// openFailed: nothing that the simulator does to a disk may keep a node from starting, but for a
// disk that fails.
func (n *node) openFailed(err error) {
	if n.diskFault(err) {
		n.crash(Kill, restartAfter)
		return
	}
	n.w.violate("start", "node %d does not start: %v", n.id, err)
}

func (n *node) uuid() kafka.UUID { return kafka.MakeUUID(n.random()) }

func (n *node) random() (r [16]byte) {
	for i := range r {
		r[i] = byte(n.rng.Uint32())
	}
	return r
}

func (n *node) open() (err error) {
	n.arm()
	lg := slog.New(slog.DiscardHandler)
	l := &n.w.plan.Limits
	n.errors.meta, n.errors.data = vfs.WithErrors(n.locks(n.meta)), vfs.WithErrors(n.locks(n.data))
	self := kafka.BrokerID(n.id)
	n.dir, err = storage.OpenDir(n.errors.data, "data", storage.DirOptions{
		ClusterID: clusterID, NodeID: self, Random: n.random, Logger: lg,
		CheckpointBytes: l.CheckpointBytes, MaxOpenFiles: l.MaxOpenFiles,
	})
	if err != nil {
		return fmt.Errorf("open data directory: %w", err)
	}
	if _, clean := n.dir.Clean(); clean {
		n.w.some.hit("clean start")
	}
	n.loader = metadata.NewLoader(metadata.ImageOptions{ClusterID: clusterID, NodeID: self})
	n.manager = replica.NewManager(replica.Options{Self: self, Dirs: []*storage.Dir{n.dir}, Logger: lg})
	n.openGroups()
	n.subscribe()
	inner := &controller.Machine{Loader: n.loader, Now: n.nowMs}
	machine := &watched{n: n, inner: inner}
	o := quorum.Options{
		FS: n.errors.meta, Dir: "meta", ID: self, Machine: machine, Transport: n, Fetcher: n, Rand: n.rng, Logger: lg, NowMs: n.nowMs(),
		MaxBatchBytes: l.MaxBatchBytes, MaxMessageBytes: l.MaxMessageBytes, MaxApplyBytes: l.MaxApplyBytes,
		TailBytes: l.TailBytes, SegmentBytes: l.MetaSegmentBytes,
	}
	if !n.joins {
		o.Voters = n.w.voters()
	}
	if n.core, err = quorum.Open(o); err != nil {
		return fmt.Errorf("open quorum: %w", err)
	}
	if s, ok := n.core.Snapshot(); ok {
		if err := n.restore(s); err != nil {
			return fmt.Errorf("begin from snapshot: %w", err)
		}
		inner.Loader = n.loader
		n.w.oracle.restored(n, s)
	}
	n.control = controller.New(controller.Options{
		ClusterID: clusterID, NodeID: self, Rand: n.rng, UUID: n.uuid, Logger: lg, SessionTimeoutMs: l.SessionTimeoutMs,
	}, n.loader.Current(), n.core)
	inner.Controller = n.control
	return nil
}

// begin is quorum.Runner's: it replays what is committed and makes a sole voter leader.
func (n *node) begin() {
	for n.advanceOnce() {
	}
	if n.up && n.w.chance.disk.IntN(4) == 0 {
		n.w.oracle.recoverAgain(n)
	}
	if n.core != nil && n.up && n.core.Alone() {
		n.w.must(n.core.Campaign())
	}
	n.advanceSoon()
	n.beat()
}

// every repeats f as a ticker does: what comes while the process is paused is not made up for.
func (n *node) every(d time.Duration, kind string, f func()) {
	generation := n.generation
	var next func()
	next = func() {
		if generation != n.generation || !n.up {
			return
		}
		if !n.paused() {
			n.do(f)
		}
		n.w.e.After(d, kind, n.id, next)
	}
	n.w.e.After(between(n.rng, 0, d), kind, n.id, next)
}

func (n *node) tick() {
	n.failed(n.core.Tick(n.nowMs()))
	n.advanceSoon()
}

func (n *node) advanceSoon() {
	if n.advancing {
		return
	}
	n.advancing = true
	l := n.w.plan.Limits.AdvanceLatency
	n.later(between(n.w.chance.disk, l/2, 2*l), "advance", func() {
		n.advancing = false
		if n.advanceOnce() {
			n.advanceSoon()
		}
	})
}

func (n *node) advanceOnce() (busy bool) {
	busy, err := n.core.Advance()
	if n.failed(err) {
		return false
	}
	if n.compact(); !n.up {
		return false
	}
	n.answerParked()
	n.syncSoon()
	return busy
}

// failed ends the process if the quorum is over (C-12). Only a fault of the disk may end it.
func (n *node) failed(err error) bool {
	switch {
	case err == nil:
		return false
	case n.diskFault(err):
		n.w.say("note over n%d: quorum is over: %v", n.id, err)
		n.crash(Kill, restartAfter)
	default:
		n.w.violate("quorum failed", "node %d: %v", n.id, err)
	}
	return true
}

// Send implements quorum.Transport.
func (n *node) Send(ms []quorum.Message) {
	for _, m := range ms {
		if int(m.To) >= len(n.w.nodes) {
			n.w.violate("message", "node %d sends to node %d, which does not exist", n.id, m.To)
		}
		n.w.oracle.promised(n, m)
		to, generation, identity := n.w.nodes[m.To], n.generation, n.identity
		n.w.net.send(packet{
			from: n.id, to: to.id, kind: "quorum message", data: m.Data, datagram: true,
			delivered: func() {
				if identity == n.identity { // a transport knows the directory id of whom it talks to
					to.receive(n.id, m.Data)
				}
			},
			lost: func() {
				if n.generation == generation {
					n.do(func() { n.core.ReportUnreachable(m.To) })
				}
			},
		})
	}
}

func (n *node) receive(from int, data []byte) {
	n.later(0, "receive", func() {
		switch err := n.core.Step(kafka.BrokerID(from), data); {
		case errors.Is(err, quorum.ErrMessage):
			n.w.oracle.refused(n, from, err)
		case n.failed(err):
			return
		}
		n.advanceSoon()
	})
}
