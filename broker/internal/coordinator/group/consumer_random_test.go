package group

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestConsumerGroupRandom lets members join, beat, lose answers, crash, leave and come back at random, topics grow and shards be
// loaded again. After every step no partition may be with two members at once: neither by the coordinator's books, nor by what the
// members were told and have not confirmed to have given back. When calm returns the group must become stable, everything assigned.
func TestConsumerGroupRandom(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		r := &randomGroup{t: t, seed: uint64(seed), rng: rand.New(rand.NewPCG(uint64(seed), 1)), members: map[string]*randomMember{}}
		r.run()
		if t.Failed() {
			return
		}
	}
}

// randomMember is a client that behaves: it gives back at once what it is told to, but says so only with its next heartbeat.
type randomMember struct {
	id, instance string
	epoch        int32
	topics       []string
	has          map[topicPartition]struct{} // works on them, or has given back without the coordinator knowing
	told         map[topicPartition]struct{} // the last assignment
	dead         bool                        // sends nothing any more
}

type randomGroup struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	w       *world
	members map[string]*randomMember
	next    int
	checks  int
	topics  map[string]int
	log     []string
}

func (r *randomGroup) run() {
	assignor := []string{"uniform", "range"}[r.rng.IntN(2)]
	interval := []string{"0", "1000"}[r.rng.IntN(2)]
	r.w = newWorld(r.t, map[string]string{"group.consumer.assignors": assignor, "group.consumer.assignment.interval.ms": interval})
	r.topics = map[string]int{"t": 1 + r.rng.IntN(6), "u": 1 + r.rng.IntN(4)}
	for _, name := range []string{"t", "u"} {
		r.w.topic(r.t, name, r.topics[name])
	}
	for range 60 {
		r.step()
		r.check()
		if r.t.Failed() {
			r.t.Logf("seed %d:\n%s", r.seed, strings.Join(r.log, "\n"))
			return
		}
	}
	r.calm()
}

func (r *randomGroup) say(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *randomGroup) any() *randomMember {
	names := sortedKeys(r.members)
	if len(names) == 0 {
		return nil
	}
	return r.members[names[r.rng.IntN(len(names))]]
}

func (r *randomGroup) step() {
	m := r.any()
	switch n := r.rng.IntN(20); {
	case n < 3 || m == nil:
		r.join()
	case n < 14:
		r.beat(m, r.rng.IntN(6) == 0)
	case n < 15:
		r.leave(m, leaveEpoch)
	case n < 16 && m.instance != "":
		r.leave(m, staticLeaveEpoch)
	case n < 17:
		r.say("%s dies", m.id)
		m.dead = true
	case n < 18:
		r.say("time passes")
		r.w.shard.Advance(int64(r.rng.IntN(20_000)))
	case n < 19:
		name := []string{"t", "u"}[r.rng.IntN(2)]
		if r.topics[name] < 9 {
			r.topics[name]++
			r.say("topic %s grows", name)
			r.w.topic(r.t, name, r.topics[name])
		}
	default:
		r.say("reload")
		r.w.shard.Reload()
	}
}

func (r *randomGroup) join() {
	r.next++
	m := &randomMember{id: fmt.Sprintf("m%d", r.next), topics: [][]string{{"t"}, {"u"}, {"t", "u"}}[r.rng.IntN(3)]}
	if r.rng.IntN(3) == 0 {
		m.instance = fmt.Sprintf("i%d", r.rng.IntN(3))
	}
	r.rejoin(m, false)
	if m.epoch > 0 {
		r.members[m.id] = m
	}
}

func (m *randomMember) request(epoch int32) *kmsg.ConsumerGroupHeartbeatRequest {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.MemberEpoch, req.RebalanceTimeoutMillis = 1, "g", m.id, epoch, -1
	if m.instance != "" {
		req.InstanceID = &m.instance
	}
	return req
}

func (r *randomGroup) rejoin(m *randomMember, lost bool) {
	m.has, m.told = map[topicPartition]struct{}{}, map[topicPartition]struct{}{}
	req := m.request(joinEpoch)
	req.RebalanceTimeoutMillis, req.SubscribedTopicNames, req.Topics = 60_000, m.topics, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	r.send(m, req, lost)
}

// beat is a heartbeat that says what the member has; with lost the answer does not arrive.
func (r *randomGroup) beat(m *randomMember, lost bool) {
	if m.dead {
		return
	}
	if m.epoch == 0 {
		r.rejoin(m, lost)
		return
	}
	for tp := range m.has {
		if _, ok := m.told[tp]; !ok {
			delete(m.has, tp)
		}
	}
	owned := assignment{}
	for tp := range m.has {
		owned[tp] = 0
	}
	req := m.request(m.epoch)
	req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	for _, t := range owned.topics(false) {
		req.Topics = append(req.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: t.TopicID, Partitions: t.Partitions})
	}
	if r.rng.IntN(8) == 0 { // it is not sure, and says everything
		req.RebalanceTimeoutMillis, req.SubscribedTopicNames = 60_000, m.topics
	}
	r.send(m, req, lost)
}

func (r *randomGroup) send(m *randomMember, req *kmsg.ConsumerGroupHeartbeatRequest, lost bool) {
	answers := 0
	r.w.do(func(t *coordinator.Turn) {
		r.w.machine.ConsumerGroupHeartbeat(t, Caller{ClientID: m.id, Version: 1}, req, func(resp *kmsg.ConsumerGroupHeartbeatResponse) {
			answers++
			r.say("%s epoch %d lost=%t: %s epoch %d %v", m.id, req.MemberEpoch, lost, codeText(resp.ErrorCode), resp.MemberEpoch, resp.Assignment)
			if !lost {
				r.heard(m, resp)
			}
		})
	})
	if answers != 1 {
		r.t.Errorf("%d answers", answers)
	}
}

func (r *randomGroup) heard(m *randomMember, resp *kmsg.ConsumerGroupHeartbeatResponse) {
	switch resp.ErrorCode {
	case 0:
		if m.epoch = resp.MemberEpoch; resp.Assignment != nil {
			m.told = map[topicPartition]struct{}{}
			for _, t := range resp.Assignment.Topics {
				for _, p := range t.Partitions {
					m.told[topicPartition{t.TopicID, p}] = struct{}{}
					m.has[topicPartition{t.TopicID, p}] = struct{}{}
				}
			}
		}
	case kerr.FencedMemberEpoch.Code, kerr.UnknownMemberID.Code, kerr.GroupIDNotFound.Code:
		m.epoch = 0
		m.has, m.told = map[topicPartition]struct{}{}, map[topicPartition]struct{}{}
	case kerr.UnreleasedInstanceID.Code, kerr.FencedInstanceID.Code:
		m.dead, m.epoch = true, 0
		m.has = nil
	default:
		r.t.Errorf("%s: %s", m.id, codeText(resp.ErrorCode))
	}
}

func (r *randomGroup) leave(m *randomMember, epoch int32) {
	if m.dead {
		return
	}
	r.say("%s leaves with %d", m.id, epoch)
	delete(r.members, m.id)
	req := m.request(epoch)
	r.w.do(func(t *coordinator.Turn) {
		r.w.machine.ConsumerGroupHeartbeat(t, Caller{Version: 1}, req, func(*kmsg.ConsumerGroupHeartbeatResponse) {})
	})
}

// check wants every partition to have one owner at most. Members that are dead, or were fenced and do not know yet, do not count:
// their session is over, and the fence keeps them from committing.
func (r *randomGroup) check() {
	if r.checks++; r.checks%8 == 0 {
		r.w.checkFold(r.t)
	}
	g := r.w.machine.consumer["g"]
	if g == nil {
		return
	}
	if text := g.durable(); strings.Contains(text, "BUG") {
		r.t.Errorf("%s", text)
	}
	owner := map[topicPartition]string{}
	for _, id := range sortedKeys(r.members) {
		m := r.members[id]
		known := g.members[id]
		if m.dead || known == nil || m.epoch > known.epoch || m.epoch < known.previous {
			continue
		}
		for tp := range m.has {
			if other, ok := owner[tp]; ok {
				r.t.Errorf("%s and %s both have %s/%d", other, id, topicName(tp.topic), tp.partition)
			}
			owner[tp] = id
		}
	}
}

// calm lets everybody who lives send heartbeats until the group is stable.
func (r *randomGroup) calm() {
	for range 40 {
		for _, id := range sortedKeys(r.members) {
			m := r.members[id]
			if r.beat(m, false); m.dead {
				delete(r.members, id)
			}
		}
		r.check()
		r.w.shard.Advance(5000)
	}
	g := r.w.machine.consumer["g"]
	if g == nil || len(g.members) == 0 {
		return
	}
	if g.state() != consumerStable {
		r.t.Errorf("the group is %s after calm", g.state())
	}
	has := assignment{}
	subscribed := map[string]struct{}{}
	for _, m := range g.members {
		for tp := range m.assigned {
			has[tp] = 0
		}
		for _, topic := range m.topics {
			subscribed[topic] = struct{}{}
		}
	}
	want := 0
	for topic := range subscribed {
		want += r.topics[topic]
	}
	if len(has) != want {
		r.t.Errorf("%d of %d partitions are assigned after calm", len(has), want)
	}
	if r.t.Failed() {
		r.t.Logf("seed %d:\n%s\n%s", r.seed, strings.Join(r.log, "\n"), g.durable())
	}
}

// TestAssignorsRandom: whatever the subscriptions and the past, every partition with a subscriber is assigned once, to a subscriber.
// The uniform assignor is balanced: nobody has two more than somebody who could take one over. It moves nothing without need.
func TestAssignorsRandom(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var topics []subscribedTopic
		for i := range 1 + rng.IntN(4) {
			topic := subscribedTopic{id: topicIDOf(string(rune('a' + i))), partitions: int32(rng.IntN(7))}
			for range topic.partitions {
				topic.racks = append(topic.racks, [][]string{{"x"}, {"y"}, {"x", "y"}, nil}[rng.IntN(4)])
			}
			topics = append(topics, topic)
		}
		var members []*subscriber
		for i := range 1 + rng.IntN(6) {
			m := &subscriber{id: string(rune('A' + i)), topics: map[kafka.TopicID]struct{}{}, has: assignment{}, rack: []string{"", "x", "y"}[rng.IntN(3)]}
			for _, topic := range topics {
				if seed%2 == 0 || rng.IntN(3) > 0 {
					m.topics[topic.id] = struct{}{}
				}
				for p := range topic.partitions + 1 {
					if rng.IntN(4) == 0 {
						m.has[topicPartition{topic.id, p}] = 0
					}
				}
			}
			members = append(members, m)
		}
		for _, name := range []string{"uniform", "range"} {
			target := assignorOf(name)(members, topics)
			checkTarget(t, name, seed, members, topics, target)
			if name == "uniform" {
				for _, m := range members {
					m.has = target[m.id]
				}
				if again := assignUniform(members, topics); !equalTargets(again, target) {
					t.Errorf("seed %d: uniform moves what it has just assigned", seed)
				}
			}
		}
		if t.Failed() {
			return
		}
	}
}

func equalTargets(a, b map[string]assignment) bool {
	return slices.Equal(sortedKeys(a), sortedKeys(b)) && !slices.ContainsFunc(sortedKeys(a), func(id string) bool { return !a[id].same(b[id]) })
}

func checkTarget(t *testing.T, name string, seed uint64, members []*subscriber, topics []subscribedTopic, target map[string]assignment) {
	owner := map[topicPartition]*subscriber{}
	for _, m := range members {
		for tp := range target[m.id] {
			if _, ok := m.topics[tp.topic]; !ok || owner[tp] != nil {
				t.Errorf("seed %d: %s gives %v to %s, wrongly", seed, name, tp, m.id)
			}
			owner[tp] = m
		}
	}
	for _, topic := range topics {
		var among []*subscriber
		for _, m := range members {
			if _, ok := m.topics[topic.id]; ok {
				among = append(among, m)
			}
		}
		count := map[string]int{}
		for p := range topic.partitions {
			m := owner[topicPartition{topic.id, p}]
			if (m == nil) != (len(among) == 0) {
				t.Errorf("seed %d: %s leaves %s/%d out", seed, name, topicName(topic.id), p)
				continue
			}
			if m != nil {
				count[m.id]++
			}
			for _, o := range among {
				if name == "uniform" && len(target[o.id])+1 < len(target[m.id]) {
					t.Errorf("seed %d: uniform gives %d partitions to %s and %d to %s", seed, len(target[m.id]), m.id, len(target[o.id]), o.id)
				}
			}
		}
		for _, o := range among {
			if least := int(topic.partitions) / len(among); name == "range" && (count[o.id] < least || count[o.id] > least+1) {
				t.Errorf("seed %d: range gives %d of %d to one of %d", seed, count[o.id], topic.partitions, len(among))
			}
		}
	}
}

// TestRangeRacks: a member in the rack of a replica is preferred, within the same numbers.
func TestRangeRacks(t *testing.T) {
	topic := subscribedTopic{topicIDOf("t"), 4, [][]string{{"x"}, {"y"}, {"x"}, {"y"}}}
	topics := map[kafka.TopicID]struct{}{topic.id: {}}
	members := []*subscriber{{id: "A", rack: "y", topics: topics}, {id: "B", rack: "x", topics: topics}}
	target := assignRange(members, []subscribedTopic{topic})
	for id, want := range map[string][]int32{"A": {1, 3}, "B": {0, 2}} {
		if got := target[id].topics(false)[0].Partitions; !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", id, got, want)
		}
	}
}
