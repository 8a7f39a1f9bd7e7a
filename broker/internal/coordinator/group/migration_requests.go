package group

import (
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The requests of the classic protocol to a consumer group. A member's generation is its epoch; a rebalance concerns it alone:
// it joins when its epoch is behind or it has something to give back or to get, is answered at once, and asks for its assignment.

// joinConsumer is JoinGroup.
func (s *Shard) joinConsumer(t *coordinator.Turn, c Caller, g *consumerGroup, req *kmsg.JoinGroupRequest, w *joinWaiter) {
	if req.MemberID == "" && req.InstanceID == nil && req.Version >= 4 {
		w.answer(t, joinError(w.version, newMemberID(t, c.ClientID), kerr.MemberIDRequired))
		return
	}
	r, refused := s.joinedConsumer(t, c, g, req)
	if refused != nil {
		r = joinError(w.version, req.MemberID, refused.code)
	}
	r.Version = w.version
	w.answer(t, r)
}

func (s *Shard) joinedConsumer(t *coordinator.Turn, c Caller, g *consumerGroup, req *kmsg.JoinGroupRequest) (*kmsg.JoinGroupResponse, *refusal) {
	if !g.supports(req) {
		return nil, refuse(kerr.InconsistentGroupProtocol, "")
	}
	sub, ok := readSubscription(req.Protocols[0].Metadata)
	if !ok {
		return nil, refuse(kerr.InconsistentGroupProtocol, "")
	}
	d := s.decide(t, g)
	m, refused := d.classicMember(t, c, req)
	switch {
	case refused != nil:
		return nil, refused
	case d.group.members[m.id] == nil && len(d.group.members) >= int(s.config.ConsumerMaxSize):
		return nil, refuse(kerr.GroupMaxSizeReached, "")
	}
	m = d.subscribeClassic(c, req, m, sub)
	d.updateTarget()
	m = d.reconcile(d.group.members[m.id], d.ownedByName(sub.OwnedPartitions))
	if d.downgradable("") { // a static member has come back with the classic protocol, and it was the last
		d.downgrade("")
	} else {
		d.after = append(d.after, func() {
			delete(g.joining, m.id)
			t.Cancel(timerName("classic-join", g.name, m.id))
			s.consumerSession(t, g.name, m.id, int64(req.SessionTimeoutMillis))
			s.classicTimer(t, "classic-sync", g.name, m)
		})
	}
	if refused := d.finish(); refused != nil {
		return nil, refused
	}
	protocolType, protocol := consumerProtocolType, m.classic.Protocols[0].Name
	r := kmsg.NewPtrJoinGroupResponse()
	r.MemberID, r.Generation, r.ProtocolType, r.Protocol = m.id, m.epoch, &protocolType, &protocol
	return r, nil
}

// supports reports whether the members of the classic protocol have a protocol in common with one that joins.
func (g *consumerGroup) supports(req *kmsg.JoinGroupRequest) bool {
	if req.ProtocolType != consumerProtocolType {
		return false
	}
	return slices.ContainsFunc(req.Protocols, func(p kmsg.JoinGroupRequestProtocol) bool {
		for id, m := range g.members { // order-free: all of them
			if m.classic != nil && id != req.MemberID && !slices.ContainsFunc(m.classic.Protocols, func(o schema.ClassicProtocol) bool { return o.Name == p.Name }) {
				return false
			}
		}
		return true
	})
}

// classicMember finds the member that joins by the classic protocol, or makes it.
func (d *decision) classicMember(t *coordinator.Turn, c Caller, req *kmsg.JoinGroupRequest) (*consumerMember, *refusal) {
	fresh := func(id string) *consumerMember {
		return &consumerMember{id: id, instance: req.InstanceID, assigned: assignment{}, revoking: assignment{}}
	}
	g := d.group
	if req.InstanceID == nil {
		if m := g.members[req.MemberID]; m != nil {
			return m, nil
		}
		if req.MemberID == "" {
			return fresh(newMemberID(t, c.ClientID)), nil
		}
		return fresh(req.MemberID), nil
	}
	m := g.members[g.static[*req.InstanceID]]
	switch {
	case req.MemberID == "" && m == nil:
		return fresh(newMemberID(t, *req.InstanceID)), nil
	case req.MemberID == "":
		return d.moveStatic(newMemberID(t, *req.InstanceID), m), nil
	case m == nil:
		return nil, refuse(kerr.UnknownMemberID, "")
	case m.id != req.MemberID:
		return nil, refuse(kerr.FencedInstanceID, "")
	}
	return m, nil
}

// subscribeClassic takes in what a member says about itself.
func (d *decision) subscribeClassic(c Caller, req *kmsg.JoinGroupRequest, m *consumerMember, sub kmsg.ConsumerMemberMetadata) *consumerMember {
	next := m.with(func(n *consumerMember) {
		n.clientID, n.clientHost, n.regex = c.ClientID, c.ClientHost, ""
		n.topics = slices.Compact(slices.Sorted(slices.Values(sub.Topics)))
		n.rebalanceTimeoutMs = req.RebalanceTimeoutMillis
		n.classic = classicMetadata(req.SessionTimeoutMillis, req.Protocols)
		if sub.Rack != nil {
			n.rack = sub.Rack
		}
	})
	known := d.group.members[m.id] != nil
	d.putMember(next)
	topicsChanged := d.group.stale && d.topicsHash() != d.group.metadataHash
	d.notStale()
	if !known || !slices.Equal(next.topics, m.topics) || topicsChanged {
		d.bump()
	}
	return d.group.members[m.id]
}

// ownedByName is what a member says that it has; the topics that are gone it has not.
func (d *decision) ownedByName(topics []kmsg.ConsumerMemberMetadataOwnedPartition) assignment {
	owned := assignment{}
	for _, t := range topics {
		if topic := d.t.Image().Topic(t.Topic); topic != nil {
			for _, p := range t.Partitions {
				owned[topicPartition{topic.ID, p}] = 0
			}
		}
	}
	return owned
}

// classicTimer fences a member that does not join, or does not ask for its assignment, within its rebalance time-out.
func (s *Shard) classicTimer(t *coordinator.Turn, kind, group string, m *consumerMember) {
	member := m.id
	t.Timer(timerName(kind, group, member), t.Now()+int64(m.rebalanceTimeoutMs), func(t *coordinator.Turn) {
		s.fence(t, group, member, "it did not take part in time: "+kind)
	})
}

// classicMemberOf is the member that a request of the classic protocol is about.
func (g *consumerGroup) classicMemberOf(id string, instance *string) (*consumerMember, *kerr.Error) {
	m := g.members[id]
	if instance != nil {
		m = g.members[g.static[*instance]]
	}
	switch {
	case m == nil || m.classic == nil:
		return nil, kerr.UnknownMemberID
	case id != m.id:
		return nil, kerr.FencedInstanceID
	}
	return m, nil
}

// syncConsumer is SyncGroup.
func (s *Shard) syncConsumer(t *coordinator.Turn, g *consumerGroup, req *kmsg.SyncGroupRequest, w *syncWaiter) {
	m, code := g.classicMemberOf(req.MemberID, req.InstanceID)
	if code == nil {
		code = g.checkSync(m, req)
	}
	if code != nil {
		w.answer(t, syncError(w.version, code))
		return
	}
	t.Cancel(timerName("classic-sync", g.name, m.id))
	s.consumerSession(t, g.name, m.id, int64(m.classic.SessionTimeoutMs))
	r := kmsg.NewPtrSyncGroupResponse()
	r.Version, r.ProtocolType, r.Protocol = w.version, req.ProtocolType, req.Protocol
	r.MemberAssignment = assignmentBytes(t.Image(), m.assigned, m.classic)
	w.answer(t, r)
}

func (g *consumerGroup) checkSync(m *consumerMember, req *kmsg.SyncGroupRequest) *kerr.Error {
	switch {
	case req.Generation != m.epoch:
		return kerr.IllegalGeneration
	case req.ProtocolType != nil && *req.ProtocolType != consumerProtocolType,
		req.Protocol != nil && *req.Protocol != m.classic.Protocols[0].Name:
		return kerr.InconsistentGroupProtocol
	case m.epoch < g.targetEpoch && m.state != memberUnrevoked:
		return kerr.RebalanceInProgress // not of one that has joined, and now has to learn what it has to give back
	}
	return nil
}

// heartbeatConsumer is Heartbeat.
func (s *Shard) heartbeatConsumer(t *coordinator.Turn, g *consumerGroup, req *kmsg.HeartbeatRequest) *kerr.Error {
	m, code := g.classicMemberOf(req.MemberID, req.InstanceID)
	switch {
	case code != nil:
		return code
	case req.Generation != m.epoch:
		return kerr.IllegalGeneration
	}
	s.consumerSession(t, g.name, m.id, int64(m.classic.SessionTimeoutMs))
	if m.epoch < g.epoch || m.state == memberUnrevoked || m.state == memberUnreleased && g.canGet(m) {
		if _, waits := g.joining[m.id]; !waits {
			g.joining[m.id] = struct{}{}
			s.classicTimer(t, "classic-join", g.name, m)
		}
		return kerr.RebalanceInProgress
	}
	return nil
}

// canGet reports whether a partition that the member waits for is free.
func (g *consumerGroup) canGet(m *consumerMember) bool {
	for tp := range g.target[m.id] { // order-free: any of them
		if _, has := m.assigned[tp]; !has {
			if _, owned := g.owners[tp]; !owned {
				return true
			}
		}
	}
	return false
}

// leaveConsumer is LeaveGroup.
func (s *Shard) leaveConsumer(t *coordinator.Turn, g *consumerGroup, members []kmsg.LeaveGroupRequestMember) (all []kmsg.LeaveGroupResponseMember) {
	d := s.decide(t, g)
	for _, m := range members {
		e := kmsg.NewLeaveGroupResponseMember()
		e.MemberID, e.InstanceID = m.MemberID, m.InstanceID
		id := m.MemberID
		if id == "" && m.InstanceID != nil {
			id = d.group.static[*m.InstanceID]
		}
		left, code := d.group.classicMemberOf(id, m.InstanceID)
		if e.ErrorCode = codeNumber(code); code == nil {
			s.cancelMember(t, g.name, left.id)
			d.dropMember(left.id)
		}
		all = append(all, e)
	}
	if len(d.records) > 0 {
		d.bump()
	}
	if refused := d.finish(); refused != nil {
		for i := range all {
			all[i].ErrorCode = refused.code.Code
		}
	}
	return all
}
