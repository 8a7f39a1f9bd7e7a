package group

import (
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// replayConsumer takes in a record of a consumer group; nil is a tombstone.
func (s *Shard) replayConsumer(k schema.OffsetsKey, v schema.OffsetsValue) {
	g := s.consumer[k.Group]
	if g == nil {
		if v == nil {
			return
		}
		g = newConsumerGroup(k.Group)
		s.consumer[k.Group] = g
		delete(s.classic, k.Group) // that of offsets which lie before these records in the log
	}
	if g.apply(k, v) {
		delete(s.consumer, k.Group)
		delete(s.tooLargeMs, k.Group)
	}
}

// apply makes the group what a record says. gone is true if that is: deleted. It may be applied twice.
func (g *consumerGroup) apply(k schema.OffsetsKey, v schema.OffsetsValue) (gone bool) {
	switch k.Type {
	case schema.OffsetsConsumerGroupEpoch:
		value, _ := v.(*schema.ConsumerGroupEpochValue)
		if value == nil {
			return true
		}
		g.epoch, g.metadataHash = value.Epoch, value.MetadataHash
	case schema.OffsetsConsumerMember:
		value, _ := v.(*schema.ConsumerMemberValue)
		g.applyMember(k.Member, value)
	case schema.OffsetsConsumerTargetEpoch:
		value, _ := v.(*schema.ConsumerTargetEpochValue)
		if value == nil {
			value = new(schema.ConsumerTargetEpochValue)
		}
		g.targetEpoch, g.targetMs = value.AssignmentEpoch, value.AssignmentTimestamp
	case schema.OffsetsConsumerTargetMember:
		delete(g.target, k.Member)
		if value, _ := v.(*schema.ConsumerTargetMemberValue); value != nil {
			g.target[k.Member] = assignmentOf(value.Partitions, 0)
		}
	case schema.OffsetsConsumerCurrentAssignment:
		value, _ := v.(*schema.ConsumerCurrentAssignmentValue)
		g.applyCurrent(k.Member, value)
	case schema.OffsetsConsumerRegularExpression:
		delete(g.regexes, k.Regex)
		if value, _ := v.(*schema.ConsumerRegularExpressionValue); value != nil {
			g.regexes[k.Regex] = value
		}
	}
	return false
}

func (g *consumerGroup) applyMember(id string, v *schema.ConsumerMemberValue) {
	old := g.members[id]
	if old != nil && old.instance != nil && g.static[*old.instance] == id {
		delete(g.static, *old.instance)
	}
	if v == nil {
		g.release(id)
		delete(g.members, id)
		return
	}
	m := &consumerMember{id: id, assigned: assignment{}, revoking: assignment{}}
	if old != nil {
		*m = *old
	}
	m.instance, m.rack, m.clientID, m.clientHost, m.topics = v.InstanceID, v.RackID, v.ClientID, v.ClientHost, v.SubscribedTopics
	m.rebalanceTimeoutMs, m.assignor, m.classic, m.regex = v.RebalanceTimeoutMs, v.ServerAssignor, v.Classic, ""
	if v.SubscribedRegex != nil {
		m.regex = *v.SubscribedRegex
	}
	if m.instance != nil {
		g.static[*m.instance] = id
	}
	g.members[id] = m
}

func (g *consumerGroup) applyCurrent(id string, v *schema.ConsumerCurrentAssignmentValue) {
	old := g.members[id]
	if old == nil && v == nil {
		return
	}
	g.release(id)
	m := &consumerMember{id: id}
	if old != nil {
		*m = *old
	}
	if v == nil {
		v = &schema.ConsumerCurrentAssignmentValue{MemberEpoch: leaveEpoch, PreviousMemberEpoch: leaveEpoch}
	}
	m.epoch, m.previous, m.state = v.MemberEpoch, v.PreviousMemberEpoch, v.State
	m.assigned, m.revoking = assignmentOf(v.Assigned, v.MemberEpoch), assignmentOf(v.PendingRevocation, v.MemberEpoch)
	for _, owned := range []assignment{m.assigned, m.revoking} {
		for tp := range owned {
			g.owners[tp] = id
		}
	}
	g.members[id] = m
}

// release takes everything from a member.
func (g *consumerGroup) release(id string) {
	m := g.members[id]
	if m == nil {
		return
	}
	for _, owned := range []assignment{m.assigned, m.revoking} {
		for tp := range owned { // order-free: each partition for itself
			if g.owners[tp] == id {
				delete(g.owners, tp)
			}
		}
	}
}

// The records that a decision about a consumer group appends. Each is also applied to the copy that the decision works on.

func (d *decision) put(k schema.OffsetsKey, v schema.OffsetsValue) {
	k.Group = d.group.name
	var value []byte
	if v != nil {
		value = valueBytes(k.Type, v, 0)
	}
	key := keyBytes(k)
	d.size += len(key) + len(value)
	d.records = append(d.records, record{key, value})
	if !d.copied {
		d.group, d.copied = d.group.clone(), true
	}
	d.group.apply(k, v)
}

func (d *decision) putEpoch(epoch int32, hash int64) {
	d.put(schema.OffsetsKey{Type: schema.OffsetsConsumerGroupEpoch}, &schema.ConsumerGroupEpochValue{Epoch: epoch, MetadataHash: hash})
}

func (d *decision) putMember(m *consumerMember) {
	v := &schema.ConsumerMemberValue{
		InstanceID: m.instance, RackID: m.rack, ClientID: m.clientID, ClientHost: m.clientHost, SubscribedTopics: m.topics,
		RebalanceTimeoutMs: m.rebalanceTimeoutMs, ServerAssignor: m.assignor, Classic: m.classic,
	}
	if m.regex != "" {
		regex := m.regex
		v.SubscribedRegex = &regex
	}
	d.put(schema.OffsetsKey{Type: schema.OffsetsConsumerMember, Member: m.id}, v)
}

func (d *decision) putTarget(id string, a assignment) {
	d.put(schema.OffsetsKey{Type: schema.OffsetsConsumerTargetMember, Member: id}, &schema.ConsumerTargetMemberValue{Partitions: a.topics(false)})
}

func (d *decision) putTargetEpoch(epoch int32) {
	d.put(schema.OffsetsKey{Type: schema.OffsetsConsumerTargetEpoch},
		&schema.ConsumerTargetEpochValue{AssignmentEpoch: epoch, AssignmentTimestamp: d.t.Now()})
}

func (d *decision) putCurrent(m *consumerMember) {
	d.put(schema.OffsetsKey{Type: schema.OffsetsConsumerCurrentAssignment, Member: m.id}, &schema.ConsumerCurrentAssignmentValue{
		MemberEpoch: m.epoch, PreviousMemberEpoch: m.previous, State: m.state, Assigned: m.assigned.topics(true), PendingRevocation: m.revoking.topics(true),
	})
}

func (d *decision) drop(kind schema.OffsetsType, member string) {
	d.put(schema.OffsetsKey{Type: kind, Member: member}, nil)
}

// dropMember deletes a member, in the order that Kafka's replay needs.
func (d *decision) dropMember(id string) {
	d.drop(schema.OffsetsConsumerCurrentAssignment, id)
	d.drop(schema.OffsetsConsumerTargetMember, id)
	d.drop(schema.OffsetsConsumerMember, id)
}
