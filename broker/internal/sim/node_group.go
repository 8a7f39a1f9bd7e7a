package sim

import (
	"log/slog"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator/group"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var _ coordinator.Partition = replica.Internal{}

// groupStep is how often the coordinator does what is due, as its loop would when a timer fires.
const groupStep = 20 * time.Millisecond

// openGroups makes the coordinator of groups, which leads nothing yet.
func (n *node) openGroups() {
	generation := n.generation
	n.groups = coordinator.New(coordinator.Options{
		Topic: kafka.OffsetsTopic, Self: kafka.BrokerID(n.id), Logger: slog.New(slog.DiscardHandler),
		Machine: func(int32) coordinator.Machine { return group.New(slog.New(slog.DiscardHandler)) },
		Partition: func(index int32) coordinator.Partition {
			if p, ok := n.manager.Internal(kafka.OffsetsTopic, index); ok {
				return p
			}
			return nil
		},
		Wake: func(index int32) {
			if generation == n.generation {
				n.later(0, "coordinator", func() { n.groups.Woken(index, n.groupNow()) })
			}
		},
		Rand: stream(n.w.plan.Seed, uint64(300+1000*n.starts+n.id)), LoadBytes: n.w.plan.Limits.FetchBytes,
	}, n.loader.Current())
}

// subscribe has the parts of a node hear of new images.
func (n *node) subscribe() {
	n.loader.Subscribe(n.manager)
	n.loader.Subscribe(metadata.PublisherFunc(func(delta *metadata.Delta, image *metadata.Image) {
		n.groups.Publish(delta, image, n.groupNow())
	}))
}

// groupNow is the time of a call of the coordinator, which sees the wall clock jump but does not wait by it.
func (n *node) groupNow() int64 {
	now := n.w.e.now.Milliseconds()
	n.groups.SetWall(n.nowMs() - now)
	return now
}

func (n *node) stepGroups() {
	n.groups.Step(n.groupNow())
	n.syncSoon()
}

// groupAnswer is the answer of a coordinator. life is the disk that it was computed from.
type groupAnswer struct {
	data  []byte
	code  *kerr.Error // refused, and nothing else
	life  int
	count *int // which counting of generations it is from, see oracle.recounted
}

// groupRequest is a request about one group, on its way from a client to who is believed to be the coordinator.
type groupRequest struct {
	kmsg.Request
	group  string
	shard  kafka.TopicPartition
	within time.Duration
	late   time.Duration // its connection is stuck for so long; 0: it comes in order
}

// askGroup sends a request to the coordinator of a group, which a node is believed to be. Request and answer cross the link in
// Kafka's encoding. done gets a response and the counting of generations that it is from, or a code, or the error of the
// connection, with which the outcome is open. What was meant for another life of the disk is lost.
func (w *world) askGroup(from, to int, req groupRequest, done func(resp kmsg.Response, count int, code *kerr.Error, err error)) {
	data, life := req.AppendTo(nil), w.oracle.life(req.shard)
	n := w.nodes[to]
	w.exchangeLate(from, to, kmsg.NameForKey(req.Key()), data, req.within, req.late, func(c *connection) {
		if life != w.oracle.life(req.shard) {
			c.lost()
			return
		}
		n.group(c, req.group, req.shard, data, req.Key(), req.GetVersion())
	}, func(answer any, err error) {
		a, ok := answer.(groupAnswer)
		switch {
		case err != nil || !ok || a.life != w.oracle.life(req.shard):
			done(nil, 0, nil, errLost)
		case a.code != nil:
			done(nil, 0, a.code, nil)
		default:
			resp := req.ResponseKind()
			resp.SetVersion(req.GetVersion())
			if err := resp.ReadFrom(a.data); err != nil {
				w.violate("encoding", "answer %d v%d: %v", req.Key(), req.GetVersion(), err)
			}
			done(resp, *a.count, nil, nil)
		}
	})
}

// group is what api/group does of a request about one group.
func (n *node) group(c *connection, name string, shard kafka.TopicPartition, data []byte, key, version int16) {
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	if err := req.ReadFrom(data); err != nil {
		n.w.violate("encoding", "request %d v%d: %v", key, version, err)
	}
	answered := false
	once := func() {
		if answered {
			n.w.violate("G-01", "node %d answers a %s twice", n.id, kmsg.NameForKey(key))
		}
		answered = true
	}
	life, count := n.w.oracle.life(shard), new(int)
	reply := func(resp kmsg.Response) {
		once()
		resp.SetVersion(version)
		c.answer(kmsg.NameForKey(key)+" answer", nil, groupAnswer{data: resp.AppendTo(nil), life: life, count: count})
	}
	if !n.serving { // its listeners are closed
		once()
		c.answer("refusal", nil, groupAnswer{code: kerr.NotCoordinator, life: life})
		return
	}
	after := func() {}
	n.groups.Do(shard.Partition, n.groupNow(), func(t *coordinator.Turn, m coordinator.Machine) {
		s := m.(*group.Shard)
		before := summary(s, name)
		after = func() { n.w.oracle.recounted(name, shard, before, summary(s, name)) }
		decideGroup(t, s, group.Caller{ClientID: "sim", ClientHost: "/sim", Version: version}, req, reply)
	}, func(code *kerr.Error) {
		once()
		if code == kerr.CoordinatorLoadInProgress {
			n.w.some.hit("coordinator loading")
		}
		c.answer("refusal", nil, groupAnswer{code: code, life: life})
	})
	after()
	*count = n.w.oracle.group(name, shard).count
	n.syncSoon()
}

// summary is what a shard says of one group, empty of one that is not there.
func summary(s *group.Shard, name string) group.GroupSummary {
	for _, g := range s.Summary(0).Groups {
		if g.Name == name {
			return g
		}
	}
	return group.GroupSummary{}
}

func decideGroup(t *coordinator.Turn, s *group.Shard, c group.Caller, req kmsg.Request, reply func(kmsg.Response)) {
	switch req := req.(type) {
	case *kmsg.JoinGroupRequest:
		s.JoinGroup(t, c, req, func(r *kmsg.JoinGroupResponse) { reply(r) })
	case *kmsg.SyncGroupRequest:
		s.SyncGroup(t, c, req, func(r *kmsg.SyncGroupResponse) { reply(r) })
	case *kmsg.HeartbeatRequest:
		s.Heartbeat(t, c, req, func(r *kmsg.HeartbeatResponse) { reply(r) })
	case *kmsg.LeaveGroupRequest:
		s.LeaveGroup(t, c, req, func(r *kmsg.LeaveGroupResponse) { reply(r) })
	case *kmsg.OffsetCommitRequest:
		s.OffsetCommit(t, c, req, func(r *kmsg.OffsetCommitResponse) { reply(r) })
	case *kmsg.OffsetFetchRequest:
		s.OffsetFetch(t, c, req.RequireStable, &req.Groups[0], func(g kmsg.OffsetFetchResponseGroup) {
			r := kmsg.NewPtrOffsetFetchResponse()
			r.Groups = append(r.Groups, g)
			reply(r)
		})
	case *kmsg.ConsumerGroupHeartbeatRequest:
		s.ConsumerGroupHeartbeat(t, c, req, func(r *kmsg.ConsumerGroupHeartbeatResponse) { reply(r) })
	default:
		panic("BUG: request that the simulator does not know")
	}
}
