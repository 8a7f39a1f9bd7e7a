package group

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
)

// refusal is why a request is refused, with a sentence for the client.
type refusal struct {
	code *kerr.Error
	text string
}

func refuse(code *kerr.Error, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// record is a key and a value that a decision will append.
type record struct{ key, value []byte }

// decision is one about a consumer group. It works on a copy, made when the first record is put, so that what a later step sees is
// what the replay will make of the group; the group itself changes in the replay only.
type decision struct {
	s       *Shard
	t       *coordinator.Turn
	group   *consumerGroup
	copied  bool
	records []record
	size    int
	after   []func() // changes of what is soft, once the decision is certain
}

func (s *Shard) decide(t *coordinator.Turn, g *consumerGroup) *decision {
	return &decision{s: s, t: t, group: g}
}

// finish appends what was put, if it fits into a batch.
func (d *decision) finish() *refusal {
	if !d.t.Fits(len(d.records), d.size) {
		return refuse(kerr.UnknownServerError, "The records of the group are larger than a batch may be.")
	}
	for _, r := range d.records {
		d.t.Append(r.key, r.value)
	}
	for _, f := range d.after {
		f()
	}
	return nil
}

// bump raises the group's epoch.
func (d *decision) bump() { d.putEpoch(d.group.epoch+1, d.topicsHash()) }

// topics are the topics that the members are subscribed to and that exist, in order of id.
func (d *decision) topics() (all []*metadata.Topic) {
	names := map[string]struct{}{}
	for _, m := range d.group.members {
		for _, name := range m.topics {
			names[name] = struct{}{}
		}
	}
	for _, r := range d.group.regexes {
		for _, name := range r.Topics {
			names[name] = struct{}{}
		}
	}
	for _, name := range sortedKeys(names) {
		if t := d.t.Image().Topic(name); t != nil {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b *metadata.Topic) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return all
}

// topicsHash tells whether the topics are still what they were: ids, names, partitions and the racks of their replicas. Kafka computes
// it otherwise; a group that changes its broker's make gets one epoch more. 0 is no topics.
func (d *decision) topicsHash() int64 {
	topics := d.topics()
	if len(topics) == 0 {
		return 0
	}
	h := fnv.New64a()
	for _, t := range topics {
		fmt.Fprintf(h, "%s %s %d\n", t.ID, t.Name, len(t.Partitions))
		for _, racks := range d.racks(t) {
			fmt.Fprintf(h, "%q\n", racks)
		}
	}
	return int64(h.Sum64())
}

// racks are those of the replicas of each partition, in order and once each; nil if none is known.
func (d *decision) racks(t *metadata.Topic) (all [][]string) {
	known := false
	all = make([][]string, len(t.Partitions))
	for i, p := range t.Partitions {
		for _, id := range p.Replicas {
			if b := d.t.Image().Broker(id); b != nil && b.Rack != "" {
				all[i] = append(all[i], b.Rack)
				known = true
			}
		}
		slices.Sort(all[i])
		all[i] = slices.Compact(all[i])
	}
	if !known {
		return nil
	}
	return all
}

// assignorName is the assignor that most members want; of several the first in order of configuration. Members that do not say
// count for none.
func (d *decision) assignorName() string {
	votes := map[string]int{}
	for _, m := range d.group.members {
		if m.assignor != nil {
			votes[*m.assignor]++
		}
	}
	names := d.s.assignors()
	return slices.MaxFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(votes[a], votes[b]), cmp.Compare(slices.Index(names, b), slices.Index(names, a)))
	})
}

// assignors are the configured assignors that there are; uniform if there is none.
func (s *Shard) assignors() (names []string) {
	for _, name := range s.config.ConsumerAssignors {
		if assignorOf(name) != nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return []string{"uniform"}
	}
	return names
}

// retarget computes the target assignment for the group's epoch, and puts what differs.
func (d *decision) retarget() {
	g := d.group
	var topics []subscribedTopic
	ids := map[string]kafka.TopicID{}
	for _, t := range d.topics() {
		ids[t.Name] = t.ID
		topics = append(topics, subscribedTopic{t.ID, int32(len(t.Partitions)), d.racks(t)})
	}
	var members []*subscriber
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		sub := &subscriber{id: id, has: g.target[id], topics: map[kafka.TopicID]struct{}{}}
		if m.instance != nil {
			sub.instance = *m.instance
		}
		if m.rack != nil {
			sub.rack = *m.rack
		}
		for _, name := range g.topicsOf(m) {
			if topic, ok := ids[name]; ok {
				sub.topics[topic] = struct{}{}
			}
		}
		members = append(members, sub)
	}
	target := assignorOf(d.assignorName())(members, topics)
	for _, m := range members {
		if !g.target[m.id].same(target[m.id]) {
			d.putTarget(m.id, target[m.id])
		}
	}
	d.putTargetEpoch(d.group.epoch)
}

// updateTarget computes a target if the group's epoch has none yet, and the last one is not too young (KIP-1263); then a timer will. A
// target that does not fit into a batch is tried again later: meanwhile members keep what they have, and others may join and leave.
func (d *decision) updateTarget() {
	g := d.group
	if g.epoch <= g.targetEpoch {
		return
	}
	interval := d.s.groupMs(d.t, g.name, "consumer.assignment.interval.ms", d.s.config.consumerMinAssignmentMs, d.s.config.consumerMaxAssignmentMs)
	due := g.targetMs + interval
	if failed, ok := d.s.tooLargeMs[g.name]; ok && failed <= d.t.Now() {
		due = max(due, failed+max(interval, tooLargeRetryMs))
	}
	ahead := g.targetMs > d.t.Now() // written by a clock that was ahead of this one: nobody knows how long to wait
	if due > d.t.Now() && (g.targetMs != 0 && !ahead || d.s.tooLargeMs[g.name] != 0) {
		s, name := d.s, g.name
		d.t.Timer(timerName("assign", name, ""), due, func(t *coordinator.Turn) { s.assignLater(t, name) })
		return
	}
	d.t.Cancel(timerName("assign", g.name, ""))
	before := *d
	if before.copied {
		before.group = d.group.clone()
	}
	d.retarget()
	if d.t.Fits(len(d.records), d.size) {
		delete(d.s.tooLargeMs, g.name)
		return
	}
	d.s.lg.Error("the target assignment of a group is larger than a batch may be, see max.message.bytes of the offsets topic", "group", g.name, "bytes", d.size)
	*d = before
	d.s.tooLargeMs[g.name] = d.t.Now()
}

// tooLargeRetryMs is after how long at least a target that did not fit is computed again.
const tooLargeRetryMs = 5000

func (s *Shard) assignLater(t *coordinator.Turn, name string) {
	g := s.consumer[name]
	if g == nil || len(g.members) == 0 {
		return
	}
	d := s.decide(t, g)
	d.updateTarget()
	if refused := d.finish(); refused != nil {
		s.lg.Error("cannot write a target assignment down", "group", name, "why", refused.text)
	}
}

// groupMs is a config of a group that is a time, within the bounds that the broker sets.
func (s *Shard) groupMs(t *coordinator.Turn, group, name string, least, most int64) int64 {
	return max(least, min(most, t.Image().GroupConfigInt(group, name)))
}

// sessionMs and heartbeatMs are the group's session time-out and heartbeat interval.
func (s *Shard) sessionMs(t *coordinator.Turn, group string) int64 {
	return s.groupMs(t, group, "consumer.session.timeout.ms", s.config.consumerMinSessionMs, s.config.consumerMaxSessionMs)
}

func (s *Shard) heartbeatMs(t *coordinator.Turn, group string) int64 {
	return s.groupMs(t, group, "consumer.heartbeat.interval.ms", s.config.consumerMinHeartbeatMs, s.config.consumerMaxHeartbeatMs)
}

// reconcile leads a member towards its target: first it has to give back what is not in it any more, and gets nothing before it has;
// then it moves on to the target's epoch, with what is free of it. A partition is free when its owner has confirmed that it gave it
// back. owned is what the member says that it has; nil if it does not say.
func (d *decision) reconcile(m *consumerMember, owned assignment) *consumerMember {
	g := d.group
	next := m
	switch {
	case m.reconciled(g.targetEpoch):
		return m
	case m.state == memberUnrevoked:
		if owned == nil || overlaps(owned, m.revoking) && !plantedEarlyRelease {
			return m
		}
		next = d.nextAssignment(m, m.epoch+1, owned)
	case m.state == memberStable || m.state == memberUnreleased:
		next = d.nextAssignment(m, m.epoch, owned)
	default: // of a newer version
		next = d.nextAssignment(m, g.targetEpoch, owned)
	}
	if next.epoch != m.epoch || next.state != m.state || !next.assigned.same(m.assigned) || !next.revoking.same(m.revoking) {
		d.putCurrent(next)
	}
	return next
}

func overlaps(a, b assignment) bool {
	for tp := range a { // order-free: any of them
		if _, ok := b[tp]; ok {
			return true
		}
	}
	return false
}

// nextAssignment is the next step of a member that is in epoch.
func (d *decision) nextAssignment(m *consumerMember, epoch int32, owned assignment) *consumerMember {
	g := d.group
	target := g.target[m.id]
	kept, revoking, added := assignment{}, assignment{}, assignment{}
	for tp, since := range m.assigned { // order-free: sets
		if _, ok := target[tp]; ok {
			kept[tp] = since
		} else {
			revoking[tp] = since
		}
	}
	unreleased := false
	for tp := range target { // order-free: sets
		if _, ok := kept[tp]; ok {
			continue
		}
		if _, owned := g.owners[tp]; owned {
			unreleased = true
		} else {
			added[tp] = g.targetEpoch
		}
	}
	if len(revoking) > 0 && (owned == nil || overlaps(owned, revoking)) {
		return m.with(func(n *consumerMember) {
			n.state, n.assigned, n.revoking = memberUnrevoked, kept, revoking
			n.toEpoch(epoch)
		})
	}
	maps.Copy(kept, added)
	return m.with(func(n *consumerMember) {
		n.state, n.assigned, n.revoking = memberStable, kept, assignment{}
		if unreleased {
			n.state = memberUnreleased
		}
		n.toEpoch(g.targetEpoch)
	})
}

// removeMember deletes a member and raises the epoch, so that others get what it had; or the group becomes a classic one without it.
func (d *decision) removeMember(id string) {
	if d.downgradable(id) {
		d.downgrade(id)
		return
	}
	s, t, name := d.s, d.t, d.group.name
	d.after = append(d.after, func() { s.cancelMember(t, name, id) })
	d.dropMember(id)
	d.dropUnusedRegexes()
	d.bump()
}

func (s *Shard) cancelMember(t *coordinator.Turn, group, member string) {
	for _, kind := range []string{"session", "rebalance", "classic-join", "classic-sync"} {
		t.Cancel(timerName(kind, group, member))
	}
	if g := s.consumer[group]; g != nil {
		delete(g.joining, member)
	}
}

// appendConsumerTombstones deletes what is written of a consumer group. It returns false if the batch is full.
func (s *Shard) appendConsumerTombstones(t *coordinator.Turn, g *consumerGroup) bool {
	d := s.decide(t, g)
	for _, id := range sortedKeys(g.members) { // none, unless a bug is planted
		s.cancelMember(t, g.name, id)
	}
	t.Cancel(timerName("assign", g.name, ""))
	d.dropGroup()
	return d.finish() == nil
}

// dropGroup puts the tombstones of all that is written of the group.
func (d *decision) dropGroup() {
	for _, id := range sortedKeys(d.group.members) {
		d.dropMember(id)
	}
	for _, regex := range sortedKeys(d.group.regexes) {
		d.put(schema.OffsetsKey{Type: schema.OffsetsConsumerRegularExpression, Regex: regex}, nil)
	}
	d.drop(schema.OffsetsConsumerTargetEpoch, "")
	d.drop(schema.OffsetsConsumerGroupEpoch, "")
}

// dropConsumer deletes a consumer group that is empty, if there is one of that name, because a classic one takes its place.
func (s *Shard) dropConsumer(t *coordinator.Turn, name string) {
	if g := s.consumer[name]; g != nil {
		s.appendConsumerTombstones(t, g)
	}
}
