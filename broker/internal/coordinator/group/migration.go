package group

import (
	"cmp"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Online migration (KIP-848): the first member of the consumer protocol makes a consumer group of a classic one, and when the last
// one has gone, what is left is a classic group again. group.consumer.migration.policy says what is allowed.

func (c *Config) mayUpgrade() bool {
	return c.ConsumerMigrationPolicy == "upgrade" || c.ConsumerMigrationPolicy == "bidirectional"
}

func (c *Config) mayDowngrade() bool {
	return c.ConsumerMigrationPolicy == "downgrade" || c.ConsumerMigrationPolicy == "bidirectional"
}

// upgrade puts what makes a consumer group of a classic one. Its members keep what they have; those in a rebalance are told to join again.
func (s *Shard) upgrade(d *decision, old *classicGroup) *refusal {
	notOne := func(why string) *refusal {
		s.lg.Info("a classic group is not converted to a consumer group", "group", old.name, "why", why)
		return refuse(kerr.GroupIDNotFound, "Group %s is not a consumer group.", old.name)
	}
	members := old.state != empty
	switch {
	case !members:
	case !s.config.mayUpgrade():
		return notOne("the migration policy is " + s.config.ConsumerMigrationPolicy)
	case old.protocolType != consumerProtocolType:
		return notOne("its members are no consumers")
	case len(old.members) > int(s.config.ConsumerMaxSize):
		return notOne("it is too large")
	}
	key := keyBytes(schema.OffsetsKey{Type: schema.OffsetsGroupMetadata, Group: old.name})
	d.size += len(key)
	d.records = append(d.records, record{key, nil})
	d.after = append(d.after, func() { s.abandon(d.t, old) })
	if !members {
		return nil
	}
	var converted []*consumerMember
	for _, m := range old.members {
		c, ok := d.convert(old, m)
		if !ok {
			return notOne("what member " + m.id + " says cannot be read")
		}
		converted = append(converted, c)
	}
	for _, m := range converted {
		d.putMember(m)
	}
	d.putEpoch(old.generation, d.topicsHash())
	for _, m := range converted {
		d.putTarget(m.id, m.assigned)
	}
	d.put(schema.OffsetsKey{Type: schema.OffsetsConsumerTargetEpoch}, &schema.ConsumerTargetEpochValue{AssignmentEpoch: old.generation})
	for _, m := range converted {
		d.putCurrent(m)
		d.after = append(d.after, func() { s.consumerSession(d.t, old.name, m.id, int64(m.classic.SessionTimeoutMs)) })
	}
	return nil
}

// abandon ends what is soft of a classic group that will not be one any more.
func (s *Shard) abandon(t *coordinator.Turn, g *classicGroup) {
	for _, m := range g.members {
		if m.join != nil {
			m.join.answer(t, joinError(m.join.version, m.id, kerr.RebalanceInProgress))
			m.join = nil
		}
	}
	s.resetAssignments(t, g, kerr.RebalanceInProgress)
	for _, m := range g.members {
		t.Cancel(timerName("session", g.name, m.id))
	}
	for _, id := range sortedKeys(g.pending) {
		t.Cancel(timerName("session", g.name, id))
	}
	t.Cancel(timerName("join", g.name, ""))
	t.Cancel(timerName("sync", g.name, ""))
}

// convert makes a member of a consumer group of one of a classic group; ok is false if its bytes cannot be read.
func (d *decision) convert(g *classicGroup, m *classicMember) (*consumerMember, bool) {
	protocol := m.protocols[0].Name
	if g.protocol != nil && m.supports(*g.protocol) {
		protocol = *g.protocol
	}
	sub, ok := readSubscription(m.metadata(protocol))
	if !ok {
		return nil, false
	}
	assigned := assignment{}
	if len(m.assignment) > 0 {
		a := kmsg.NewConsumerMemberAssignment()
		if a.ReadFrom(m.assignment) != nil {
			return nil, false
		}
		for _, t := range a.Topics {
			if topic := d.t.Image().Topic(t.Topic); topic != nil {
				for _, p := range t.Partitions {
					assigned[topicPartition{topic.ID, p}] = g.generation
				}
			}
		}
	}
	return &consumerMember{
		id: m.id, instance: m.instance, rack: sub.Rack, clientID: m.clientID, clientHost: m.clientHost,
		topics: slices.Compact(slices.Sorted(slices.Values(sub.Topics))), rebalanceTimeoutMs: m.rebalanceTimeoutMs,
		classic: classicMetadata(m.sessionTimeoutMs, m.protocols), epoch: g.generation, previous: g.generation,
		assigned: assigned, revoking: assignment{},
	}, true
}

func classicMetadata(sessionTimeoutMs int32, protocols []kmsg.JoinGroupRequestProtocol) *schema.ClassicMemberMetadata {
	c := &schema.ClassicMemberMetadata{SessionTimeoutMs: sessionTimeoutMs}
	for _, p := range protocols {
		c.Protocols = append(c.Protocols, schema.ClassicProtocol{Name: p.Name, Metadata: p.Metadata})
	}
	return c
}

// readSubscription reads what a consumer of the classic protocol says about itself.
func readSubscription(b []byte) (sub kmsg.ConsumerMemberMetadata, ok bool) {
	sub = kmsg.NewConsumerMemberMetadata()
	if _, ok := subscriptionTopics(b); !ok { // kmsg takes what is cut off for what an old version lacks
		return sub, false
	}
	return sub, sub.ReadFrom(b) == nil
}

// downgradable reports whether a group becomes a classic one when a member goes: all others, and there are some, speak that protocol.
func (d *decision) downgradable(leaving string) bool {
	others := 0
	for id, m := range d.group.members { // order-free: all of them
		if id == leaving {
			continue
		}
		if m.classic == nil {
			return false
		}
		others++
	}
	return others > 0 && others <= int(d.s.config.MaxSize) && d.s.config.mayDowngrade()
}

// downgrade puts what makes a classic group of a consumer group, without the member that leaves, and lets it rebalance.
func (d *decision) downgrade(leaving string) {
	g := d.group
	classic := d.classicOf(leaving)
	d.dropGroup()
	key, value := classic.record(func(m *classicMember) []byte { return m.assignment })
	d.size += len(key) + len(value)
	d.records = append(d.records, record{key, value})
	s, t, name := d.s, d.t, g.name
	d.after = append(d.after, func() {
		s.cancelMember(t, name, leaving)
		t.Cancel(timerName("assign", name, ""))
		for _, m := range classic.members {
			s.cancelMember(t, name, m.id)
			s.heard(t, classic, m)
		}
		// The replay of these records makes the group; then it can rebalance.
		t.Timer(timerName("downgrade", name, ""), t.Now(), func(t *coordinator.Turn) {
			if g := s.classic[name]; g != nil && g.state == stable {
				s.prepareRebalance(t, g)
			}
		})
	})
}

// classicOf is a consumer group, without the member that leaves, as a classic one that has what the target says.
func (d *decision) classicOf(leaving string) *classicGroup {
	g := newClassicGroup(d.group.name, d.t.Now())
	g.state, g.generation = stable, d.group.epoch
	for _, id := range sortedKeys(d.group.members) {
		m := d.group.members[id]
		if id == leaving {
			continue
		}
		c := &classicMember{
			id: id, instance: m.instance, clientID: m.clientID, clientHost: m.clientHost,
			rebalanceTimeoutMs: m.rebalanceTimeoutMs, sessionTimeoutMs: m.classic.SessionTimeoutMs,
			assignment: assignmentBytes(d.t.Image(), d.group.target[id], m.classic),
		}
		for _, p := range m.classic.Protocols {
			c.protocols = append(c.protocols, kmsg.JoinGroupRequestProtocol{Name: p.Name, Metadata: p.Metadata})
		}
		g.add(c, consumerProtocolType)
	}
	protocol := g.selectProtocol()
	g.protocol = &protocol
	return g
}

// assignmentBytes is an assignment as the classic protocol has it, in the version of the member's subscription.
func assignmentBytes(image *metadata.Image, a assignment, classic *schema.ClassicMemberMetadata) []byte {
	out := kmsg.NewConsumerMemberAssignment()
	if p := classic.Protocols; len(p) > 0 && len(p[0].Metadata) >= 2 {
		out.Version = int16(p[0].Metadata[0])<<8 | int16(p[0].Metadata[1])
	}
	for _, t := range a.topics(false) {
		if topic := image.TopicByID(t.TopicID); topic != nil {
			e := kmsg.NewConsumerMemberAssignmentTopic()
			e.Topic, e.Partitions = topic.Name, t.Partitions
			out.Topics = append(out.Topics, e)
		}
	}
	slices.SortFunc(out.Topics, func(a, b kmsg.ConsumerMemberAssignmentTopic) int { return cmp.Compare(a.Topic, b.Topic) })
	return out.AppendTo(nil)
}
