package controller

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// node is the wiring of the package comment over a real quorum of one, driven by hand.
type node struct {
	t      *testing.T
	core   *quorum.Core
	loader *metadata.Loader
	c      *Controller
	nowMs  int64
}

func openNode(t *testing.T, fs vfs.FS) *node {
	t.Helper()
	n := &node{t: t, nowMs: 1_000_000, loader: metadata.NewLoader(metadata.ImageOptions{ClusterID: clusterID, NodeID: 1})}
	machine := &Machine{Loader: n.loader, Now: func() int64 { return n.nowMs }}
	core, err := quorum.Open(quorum.Options{FS: fs, Dir: "/data", ID: 1, Voters: []kafka.BrokerID{1}, Machine: machine, NowMs: n.nowMs, SegmentBytes: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	n.core = core
	rng := rand.New(rand.NewPCG(7, 7))
	n.c = New(Options{
		ClusterID: clusterID, NodeID: 1, Rand: rng,
		UUID: func() kafka.UUID { return kafka.UUID{0: byte(rng.Uint32()), 1: byte(rng.Uint32()), 15: 0xff} },
	}, n.loader.Current(), core)
	machine.Controller = n.c
	n.settle() // replays the log
	if err := core.Campaign(); err != nil {
		t.Fatal(err)
	}
	n.settle()
	if !n.c.Active() {
		t.Fatal("a sole voter does not lead")
	}
	return n
}

func (n *node) settle() {
	n.t.Helper()
	for {
		progress, err := n.core.Advance()
		if err != nil {
			n.t.Fatal(err)
		}
		if !progress {
			return
		}
	}
}

// ask decides, settles and returns the answer.
func ask[T any](n *node, decide func() Decision) T {
	n.t.Helper()
	var got any
	n.c.Do(n.nowMs, decide, func(answer any, err error) {
		if err != nil {
			n.t.Fatal(err)
		}
		got = answer
	})
	n.settle()
	return got.(T)
}

// TestRealQuorum wires loader and controller to the quorum, creates a topic, loses power, and starts
// again: what was answered is there, the partition has a new leader epoch before it is served
// again, the broker epochs rise, and producer ids go on where they were.
func TestRealQuorum(t *testing.T) {
	fs := vfs.NewMem()
	var lastEpoch kafka.BrokerEpoch
	var lastLeader kafka.LeaderEpoch = -1
	for run := range 3 {
		n := openNode(t, fs)
		names := &cluster{t: t, controller: n.c}
		reg := ask[*kmsg.BrokerRegistrationResponse](n, func() Decision {
			return n.c.RegisterBroker(names.registration(1, byte(run)), n.nowMs)
		})
		epoch := kafka.BrokerEpoch(reg.BrokerEpoch)
		if reg.ErrorCode != 0 || epoch <= lastEpoch || epoch > kafka.BrokerEpoch(n.loader.Current().Offset()) {
			t.Fatalf("run %d: %v, broker epoch %d after %d, offset %d", run, kerr.ErrorForCode(reg.ErrorCode), epoch, lastEpoch, n.loader.Current().Offset())
		}
		lastEpoch = epoch
		if run > 0 {
			if p := n.loader.Current().Partition("t", 0); p == nil || p.Leader != kafka.NoBroker {
				t.Fatalf("run %d: after registration %+v", run, p)
			}
		}
		beat := kmsg.NewPtrBrokerHeartbeatRequest()
		beat.BrokerID, beat.BrokerEpoch, beat.CurrentMetadataOffset = 1, reg.BrokerEpoch, n.loader.Current().Offset()
		if r := ask[*kmsg.BrokerHeartbeatResponse](n, func() Decision { return n.c.BrokerHeartbeat(beat, n.nowMs) }); r.IsFenced {
			t.Fatalf("run %d: %+v", run, r)
		}
		created := ask[*kmsg.CreateTopicsResponse](n, func() Decision { return n.c.CreateTopics(creation(newTopic("t", 2, 1)), Caller{}) }).Topics[0]
		if run > 0 && created.ErrorCode != kerr.TopicAlreadyExists.Code || run == 0 && created.ErrorCode != 0 {
			t.Fatalf("run %d: %+v", run, created)
		}
		p := n.loader.Current().Partition("t", 0)
		if p.Leader != 1 || p.LeaderEpoch <= lastLeader {
			t.Fatalf("run %d: leader %d in epoch %d, before it was %d", run, p.Leader, p.LeaderEpoch, lastLeader)
		}
		lastLeader = p.LeaderEpoch
		ids := kmsg.NewPtrAllocateProducerIDsRequest()
		ids.BrokerID, ids.BrokerEpoch = 1, reg.BrokerEpoch
		if r := ask[*kmsg.AllocateProducerIDsResponse](n, func() Decision { return n.c.AllocateProducerIDs(ids) }); r.ProducerIDStart != int64(run)*ProducerIDBlock {
			t.Fatalf("run %d: producer ids from %d", run, r.ProducerIDStart)
		}
		if n.loader.Current().Feature(metadata.MetadataVersion) != 30 {
			t.Fatal("no bootstrap records")
		}
		fs = fs.CrashClone(rand.New(rand.NewPCG(uint64(run), 1)), vfs.CrashOptions{})
	}
}

// TestNotLeaderYetTold: a quorum that has lost its leadership but not said so yet refuses; the caller
// hears NOT_CONTROLLER.
func TestNotLeaderYetTold(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.lead()
	c.start(1, 1)
	c.refuse = quorum.ErrNotLeader
	if a := c.do(func() Decision { return c.controller.CreateTopics(creation(newTopic("t", 1, 1)), Caller{}) }); !errors.Is(a.err, kerr.NotController) || a.times != 1 {
		t.Errorf("%+v", a)
	}
}
