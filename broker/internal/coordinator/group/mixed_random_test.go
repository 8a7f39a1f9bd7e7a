package group

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestMixedGroupRandom lets members of both protocols join, crash, leave and lose their coordinator at random, so that the group goes
// through rebalances and is converted to and fro. Every request must be answered once. When calm returns all who live must be in
// one stable group, with everything assigned, each partition once.
func TestMixedGroupRandom(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 30
	}
	reached := map[string]int{}
	for seed := range seeds {
		r := &mixedGroup{t: t, rng: rand.New(rand.NewPCG(uint64(seed), 3)), reached: reached}
		r.run(seed)
		if t.Failed() {
			return
		}
	}
	for _, what := range []string{"upgrade", "downgrade", "classic stable", "consumer stable", "mixed stable"} {
		if reached[what] == 0 {
			t.Errorf("never reached: %s", what)
		}
	}
	t.Log(reached)
}

// classicClient is a client of the classic protocol that gives everything back before it joins.
type classicClient struct {
	name, id, instance string
	generation         int32
	join, busy, dead   bool // has to join; waits for an answer; sends nothing
	has                []string
	version            int16
	joined             *kmsg.JoinGroupResponse // has to ask for its assignment
}

type mixedGroup struct {
	t        *testing.T
	rng      *rand.Rand
	w        *world
	random   *randomGroup // its members speak the consumer protocol
	classics map[string]*classicClient
	next     int
	pending  int // requests without an answer
	reached  map[string]int
	kind     string
}

const mixedPartitions = 5

func (r *mixedGroup) run(seed int) {
	r.w = newWorld(r.t, map[string]string{"group.initial.rebalance.delay.ms": []string{"0", "500"}[r.rng.IntN(2)]})
	r.w.topic(r.t, "t", mixedPartitions)
	r.random = &randomGroup{t: r.t, rng: r.rng, w: r.w, members: map[string]*randomMember{}, topics: map[string]int{"t": mixedPartitions}}
	r.classics = map[string]*classicClient{}
	both := r.rng.IntN(3) > 0
	for range 80 {
		r.step(both)
		r.look()
		if r.t.Failed() {
			break
		}
	}
	if !r.t.Failed() {
		r.calm()
	}
	if r.t.Failed() {
		r.t.Logf("seed %d:\n%s", seed, strings.Join(r.random.log, "\n"))
	}
}

func (r *mixedGroup) anyClassic() *classicClient {
	names := sortedKeys(r.classics)
	if len(names) == 0 {
		return nil
	}
	return r.classics[names[r.rng.IntN(len(names))]]
}

func (r *mixedGroup) step(both bool) {
	c, m := r.anyClassic(), r.random.any()
	switch n := r.rng.IntN(24); {
	case n < 2 || c == nil && m == nil:
		r.next++
		c := &classicClient{name: fmt.Sprintf("c%d", r.next), join: true, version: int16(r.rng.IntN(10))}
		if c.version >= 5 && r.rng.IntN(3) == 0 {
			c.instance = fmt.Sprintf("s%d", r.rng.IntN(3))
		}
		r.classics[c.name] = c
		r.act(c)
	case n < 4 && both:
		r.random.next++
		m := &randomMember{id: fmt.Sprintf("m%d", r.random.next), topics: []string{"t"}}
		r.random.members[m.id] = m
		r.random.rejoin(m, false)
	case n < 14 && c != nil:
		r.act(c)
	case n < 18 && m != nil:
		r.random.beat(m, r.rng.IntN(8) == 0)
	case n < 19 && m != nil:
		r.random.leave(m, leaveEpoch)
	case n < 20 && c != nil && !c.busy:
		r.leave(c)
	case n < 21 && c != nil:
		r.random.say("%s dies", c.name)
		c.dead = true
	case n < 22:
		r.random.say("reload")
		r.w.shard.Reload()
	default:
		ms := int64(r.rng.IntN(15_000))
		r.random.say("%d ms pass", ms)
		r.w.shard.Advance(ms)
	}
}

func (r *mixedGroup) leave(c *classicClient) {
	r.random.say("%s leaves", c.name)
	delete(r.classics, c.name)
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version, req.Group, req.MemberID = 0, "g", c.id
	r.w.do(func(t *coordinator.Turn) {
		r.pending++
		r.w.machine.LeaveGroup(t, Caller{}, req, func(*kmsg.LeaveGroupResponse) { r.pending-- })
	})
}

// act lets a client do what is its turn.
func (r *mixedGroup) act(c *classicClient) {
	switch {
	case c.dead || c.busy:
	case c.join:
		r.join(c)
	case c.joined != nil:
		r.sync(c)
	default:
		r.heartbeat(c)
	}
}

// once returns a function that notes an answer, and that it came once.
func (r *mixedGroup) once(c *classicClient) func() {
	answered := false
	r.pending++
	c.busy = true
	return func() {
		if answered {
			r.t.Errorf("%s is answered twice", c.name)
		}
		answered = true
		r.pending--
		c.busy = false
	}
}

func (c *classicClient) instanceID() *string {
	if c.instance == "" {
		return nil
	}
	return &c.instance
}

// failed says what a code means for a client.
func (r *mixedGroup) failed(c *classicClient, what string, code int16) {
	r.random.say("%s %s: %s", c.name, what, codeText(code))
	switch code {
	case kerr.UnknownMemberID.Code:
		c.id, c.join = "", true
	case kerr.FencedInstanceID.Code:
		c.dead = true
	case kerr.RebalanceInProgress.Code, kerr.IllegalGeneration.Code, kerr.NotCoordinator.Code:
		c.join = true
	default:
		r.t.Errorf("%s %s: %s", c.name, what, codeText(code))
	}
}

func (r *mixedGroup) join(c *classicClient) {
	c.has = nil
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID = c.version, "g", c.id, c.instanceID()
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 10_000, 20_000, "consumer"
	req.Protocols = protocols([]string{"range/t"})
	done := r.once(c)
	r.random.say("%s joins as %q", c.name, c.id)
	r.w.do(func(t *coordinator.Turn) {
		r.w.machine.JoinGroup(t, Caller{ClientID: c.name, Version: c.version}, req, func(resp *kmsg.JoinGroupResponse) {
			done()
			switch resp.ErrorCode {
			case 0:
				r.random.say("%s joined generation %d as %s, leader %s", c.name, resp.Generation, resp.MemberID, resp.LeaderID)
				c.id, c.generation, c.join = resp.MemberID, resp.Generation, false
				c.joined = resp
			case kerr.MemberIDRequired.Code:
				c.id = resp.MemberID
			default:
				r.failed(c, "join", resp.ErrorCode)
			}
		})
	})
}

func (r *mixedGroup) sync(c *classicClient) {
	joined := c.joined
	c.joined = nil
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 3, "g", c.id, c.generation
	if joined.LeaderID == c.id && !joined.SkipAssignment {
		n := len(joined.Members)
		for i, m := range joined.Members {
			a := kmsg.NewConsumerMemberAssignment()
			e := kmsg.NewConsumerMemberAssignmentTopic()
			e.Topic = "t"
			for p := range int32(mixedPartitions) {
				if int(p)%n == i {
					e.Partitions = append(e.Partitions, p)
				}
			}
			a.Topics = append(a.Topics, e)
			req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: m.MemberID, MemberAssignment: a.AppendTo(nil)})
		}
	}
	done := r.once(c)
	r.w.do(func(t *coordinator.Turn) {
		r.w.machine.SyncGroup(t, Caller{Version: 3}, req, func(resp *kmsg.SyncGroupResponse) {
			done()
			if resp.ErrorCode != 0 {
				r.failed(c, "sync", resp.ErrorCode)
				return
			}
			c.has = nil
			a := kmsg.NewConsumerMemberAssignment()
			if len(resp.MemberAssignment) > 0 {
				if err := a.ReadFrom(resp.MemberAssignment); err != nil {
					r.t.Error(err)
				}
			}
			for _, topic := range a.Topics {
				for _, p := range topic.Partitions {
					c.has = append(c.has, fmt.Sprintf("%s/%d", topic.Topic, p))
				}
			}
			r.random.say("%s synced: %v", c.name, c.has)
		})
	})
}

func (r *mixedGroup) heartbeat(c *classicClient) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.Generation, req.InstanceID = 3, "g", c.id, c.generation, c.instanceID()
	done := r.once(c)
	r.w.do(func(t *coordinator.Turn) {
		r.w.machine.Heartbeat(t, Caller{Version: 3}, req, func(resp *kmsg.HeartbeatResponse) {
			done()
			if resp.ErrorCode != 0 {
				r.failed(c, "heartbeat", resp.ErrorCode)
			}
		})
	})
}

// look checks the books, and notes where the group has been.
func (r *mixedGroup) look() {
	r.random.check()
	kind := ""
	if r.w.machine.classic["g"] != nil {
		kind = "classic"
	} else if r.w.machine.consumer["g"] != nil {
		kind = "consumer"
	}
	if kind != r.kind && r.kind == "classic" && len(r.w.machine.consumer["g"].members) > 1 {
		r.reached["upgrade"]++
	}
	if kind != r.kind && r.kind == "consumer" && kind == "classic" && len(r.w.machine.classic["g"].members) > 0 {
		r.reached["downgrade"]++
	}
	r.kind = kind
}

func (r *mixedGroup) calm() {
	for range 80 {
		for _, name := range sortedKeys(r.classics) {
			c := r.classics[name]
			if r.act(c); c.dead && !c.busy {
				delete(r.classics, name)
			}
		}
		for _, id := range sortedKeys(r.random.members) {
			m := r.random.members[id]
			if r.random.beat(m, false); m.dead {
				delete(r.random.members, id)
			}
		}
		r.look()
		r.w.shard.Advance(1500)
	}
	if r.pending != 0 {
		r.t.Errorf("%d requests were not answered", r.pending)
	}
	if len(r.classics)+len(r.random.members) == 0 {
		return
	}
	owner := map[string]string{}
	own := func(who, what string) {
		if owner[what] != "" {
			r.t.Errorf("%s and %s both have %s", owner[what], who, what)
		}
		owner[what] = who
	}
	for _, c := range r.classics {
		for _, tp := range c.has {
			own(c.name, tp)
		}
	}
	for _, m := range r.random.members {
		for tp := range m.has {
			own(m.id, fmt.Sprintf("t/%d", tp.partition))
		}
	}
	if len(owner) != mixedPartitions {
		r.t.Errorf("%d partitions are assigned: %v", len(owner), owner)
	}
	r.settled()
}

func (r *mixedGroup) settled() {
	if g := r.w.machine.classic["g"]; g != nil {
		if r.reached["classic stable"]++; g.state != stable || len(g.members) != len(r.classics) || len(r.random.members) > 0 {
			r.t.Errorf("the classic group is %s with %d of %d members", g.state, len(g.members), len(r.classics))
		}
		return
	}
	g := r.w.machine.consumer["g"]
	r.reached["consumer stable"]++
	if len(r.classics) > 0 {
		r.reached["mixed stable"]++
	}
	if g.state() != consumerStable || len(g.members) != len(r.classics)+len(r.random.members) {
		r.t.Errorf("the consumer group is %s with %d of %d members\n%s", g.state(), len(g.members), len(r.classics)+len(r.random.members), g.durable())
	}
}
