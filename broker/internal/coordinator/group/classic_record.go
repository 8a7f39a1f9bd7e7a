package group

import (
	"bytes"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// record is the group as it is written down, with the assignments that assigned returns.
func (g *classicGroup) record(assigned func(*classicMember) []byte) (key, value []byte) {
	v := &schema.GroupMetadataValue{
		ProtocolType: g.protocolType, Generation: g.generation, Protocol: g.protocol, CurrentStateTimestamp: g.stateMs,
	}
	if g.leader != "" {
		leader := g.leader
		v.Leader = &leader
	}
	for _, m := range g.members {
		e := schema.GroupMember{
			MemberID: m.id, InstanceID: m.instance, ClientID: m.clientID, ClientHost: m.clientHost,
			RebalanceTimeoutMs: m.rebalanceTimeoutMs, SessionTimeoutMs: m.sessionTimeoutMs, Assignment: assigned(m),
		}
		if g.protocol != nil {
			e.Subscription = m.metadata(*g.protocol)
		}
		v.Members = append(v.Members, e)
	}
	return keyBytes(schema.OffsetsKey{Type: schema.OffsetsGroupMetadata, Group: g.name}),
		valueBytes(schema.OffsetsGroupMetadata, v, groupMetadataVersion)
}

// announcement is what is written of a new group whose members still join: that it exists.
func (g *classicGroup) announcement() (key, value []byte) {
	v := &schema.GroupMetadataValue{CurrentStateTimestamp: g.stateMs}
	return keyBytes(schema.OffsetsKey{Type: schema.OffsetsGroupMetadata, Group: g.name}),
		valueBytes(schema.OffsetsGroupMetadata, v, groupMetadataVersion)
}

// appendGroup writes the group down as it is. While members join, that is only that the group exists.
func (s *Shard) appendGroup(t *coordinator.Turn, g *classicGroup) {
	if g.state == preparingRebalance || g.state == completingRebalance {
		t.Append(g.announcement())
		return
	}
	t.Append(g.record(func(m *classicMember) []byte { return m.assignment }))
}

// replayGroup takes in the record of a classic group; nil is a tombstone. A live group keeps what no record tells: who waits,
// and all protocols of its members.
func (s *Shard) replayGroup(name string, v *schema.GroupMetadataValue) {
	if v == nil {
		delete(s.classic, name)
		return
	}
	g := s.classic[name]
	if g == nil {
		g = newClassicGroup(name, v.CurrentStateTimestamp)
		s.classic[name] = g
	}
	if len(v.Members) == 0 && v.Generation == 0 && (g.state == preparingRebalance || g.state == completingRebalance) {
		return // the announcement of a group that members already join
	}
	g.apply(v)
}

// apply makes the group what its record says.
func (g *classicGroup) apply(v *schema.GroupMetadataValue) {
	g.protocolType, g.generation, g.protocol, g.stateMs = v.ProtocolType, v.Generation, v.Protocol, v.CurrentStateTimestamp
	g.leader, g.wasEmpty, g.state = "", false, empty
	if v.Leader != nil {
		g.leader = *v.Leader
	}
	if len(v.Members) > 0 {
		g.state = stable
	}
	before := g.byID
	g.members, g.byID, g.static = nil, map[string]*classicMember{}, map[string]string{}
	for i := range v.Members {
		e := &v.Members[i]
		m := before[e.MemberID]
		if m == nil {
			m = &classicMember{id: e.MemberID}
		}
		m.apply(v, e)
		g.members, g.byID[m.id] = append(g.members, m), m
		if m.instance != nil {
			g.static[*m.instance] = m.id
		}
		delete(g.pending, m.id)
	}
	g.computeSubscribed()
}

// apply makes the member what the record says. Who has just said the same keeps the protocols that were not chosen.
func (m *classicMember) apply(v *schema.GroupMetadataValue, e *schema.GroupMember) {
	m.instance, m.clientID, m.clientHost, m.assignment = e.InstanceID, e.ClientID, e.ClientHost, e.Assignment
	m.rebalanceTimeoutMs, m.sessionTimeoutMs = e.RebalanceTimeoutMs, e.SessionTimeoutMs
	if m.rebalanceTimeoutMs == -1 {
		m.rebalanceTimeoutMs = m.sessionTimeoutMs
	}
	if v.Protocol != nil && !(m.supports(*v.Protocol) && bytes.Equal(m.metadata(*v.Protocol), e.Subscription)) {
		m.protocols = []kmsg.JoinGroupRequestProtocol{{Name: *v.Protocol, Metadata: e.Subscription}}
	}
}
