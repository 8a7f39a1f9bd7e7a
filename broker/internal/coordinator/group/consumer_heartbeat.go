package group

import (
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConsumerGroupHeartbeat is how a member of a consumer group joins, stays, learns its assignment, confirms what it gave back, and
// leaves (KIP-848, SURFACE 113-115). That it may describe the topics that it names is the caller's business; what a regular
// expression finds is filtered by Caller.Describe.
func (s *Shard) ConsumerGroupHeartbeat(t *coordinator.Turn, c Caller, req *kmsg.ConsumerGroupHeartbeatRequest, reply func(*kmsg.ConsumerGroupHeartbeatResponse)) {
	r := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	r.Version = req.Version
	refused := s.checkHeartbeat(t, c, req)
	switch {
	case refused != nil:
	case req.MemberEpoch < 0:
		refused = s.leaveByHeartbeat(t, req, r)
	default:
		refused = s.consumerHeartbeat(t, c, req, r)
	}
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			refused = &refusal{code, code.Description}
		}
		if refused != nil {
			r = kmsg.NewPtrConsumerGroupHeartbeatResponse()
			r.Version, r.ErrorCode, r.ErrorMessage = req.Version, refused.code.Code, &refused.text
		}
		reply(r)
	})
}

// checkHeartbeat checks a request in itself (SURFACE 113).
func (s *Shard) checkHeartbeat(t *coordinator.Turn, c Caller, req *kmsg.ConsumerGroupHeartbeatRequest) *refusal {
	joins := req.MemberEpoch == joinEpoch
	isEmpty := func(p *string) bool { return p != nil && *p == "" }
	switch {
	case !s.config.newStyle || t.Image().Feature("group.version") < 1:
		return refuse(kerr.UnsupportedVersion, "The consumer group protocol is not enabled.")
	case req.Group == "":
		return refuse(kerr.InvalidRequest, "GroupId can't be empty.")
	case isEmpty(req.InstanceID):
		return refuse(kerr.InvalidRequest, "InstanceId can't be empty.")
	case isEmpty(req.RackID):
		return refuse(kerr.InvalidRequest, "RackId can't be empty.")
	case req.MemberID == "" && !(joins && req.Version == 0):
		return refuse(kerr.InvalidRequest, "MemberId can't be empty.")
	case req.MemberEpoch < staticLeaveEpoch:
		return refuse(kerr.InvalidRequest, "MemberEpoch is invalid.")
	case req.MemberEpoch == staticLeaveEpoch && req.InstanceID == nil:
		return refuse(kerr.InvalidRequest, "InstanceId can't be null.")
	case joins && req.RebalanceTimeoutMillis == -1:
		return refuse(kerr.InvalidRequest, "RebalanceTimeoutMs must be provided in first request.")
	case joins && (req.Topics == nil || len(req.Topics) > 0):
		return refuse(kerr.InvalidRequest, "TopicPartitions must be empty when (re-)joining.")
	case joins && req.SubscribedTopicNames == nil && req.SubscribedTopicRegex == nil:
		return refuse(kerr.InvalidRequest, "SubscribedTopicNames or SubscribedTopicRegex must be set in first request.")
	case req.ServerAssignor != nil && !slices.Contains(s.assignors(), *req.ServerAssignor):
		return refuse(kerr.UnsupportedAssignor, "ServerAssignor %s is not supported. Supported assignors: %v.", *req.ServerAssignor, s.assignors())
	}
	return checkTexts(c, req)
}

// checkTexts bounds what becomes part of records.
func checkTexts(c Caller, req *kmsg.ConsumerGroupHeartbeatRequest) *refusal {
	texts := append([]string{c.ClientID, req.Group, req.MemberID}, req.SubscribedTopicNames...)
	for _, p := range []*string{req.InstanceID, req.RackID, req.SubscribedTopicRegex} {
		if p != nil {
			texts = append(texts, *p)
		}
	}
	for _, text := range texts {
		if len(text) > maxText {
			return refuse(kerr.InvalidRequest, "A text of the request is longer than %d bytes.", maxText)
		}
	}
	return nil
}

// consumerHeartbeat decides about a member that joins or stays.
func (s *Shard) consumerHeartbeat(t *coordinator.Turn, c Caller, req *kmsg.ConsumerGroupHeartbeatRequest, r *kmsg.ConsumerGroupHeartbeatResponse) *refusal {
	d, refused := s.consumerDecision(t, req.Group, req.MemberEpoch == joinEpoch)
	if refused != nil {
		return refused
	}
	if req.MemberID == "" {
		req.MemberID = kafka.MakeUUID(randomBytes(t)).String()
	}
	if g := d.group; g.members[req.MemberID] == nil && len(g.members) >= int(s.config.ConsumerMaxSize) {
		return refuse(kerr.GroupMaxSizeReached, "The consumer group has reached its maximum capacity of %d members.", s.config.ConsumerMaxSize)
	}
	owned := ownedOf(req.Topics)
	m, refused := d.member(req, owned)
	if refused != nil {
		return refused
	}
	before := m
	m, refused = d.subscribe(c, req, m)
	if refused != nil {
		return refused
	}
	d.updateTarget()
	m = d.reconcile(d.group.members[m.id], owned)
	if refused = d.finish(); refused != nil {
		return refused
	}
	for _, kind := range []string{"classic-join", "classic-sync"} { // if it spoke the classic protocol until now
		t.Cancel(timerName(kind, d.group.name, m.id))
	}
	s.memberTimers(t, d.group.name, m)
	d.answer(req, r, before, m, owned)
	return nil
}

// consumerDecision begins a decision about a consumer group; with join one that is not there is made. An empty classic group gives
// way, and one with members is converted, if the policy has it.
func (s *Shard) consumerDecision(t *coordinator.Turn, name string, join bool) (*decision, *refusal) {
	if g := s.consumer[name]; g != nil {
		return s.decide(t, g), nil
	}
	old := s.classic[name]
	switch {
	case !join && old == nil:
		return nil, refuse(kerr.GroupIDNotFound, "Consumer group %s not found.", name)
	case !join:
		return nil, refuse(kerr.GroupIDNotFound, "Group %s is not a consumer group.", name)
	}
	d := s.decide(t, newConsumerGroup(name))
	if old == nil {
		return d, nil
	}
	return d, s.upgrade(d, old)
}

// ownedOf is what a member says that it has; nil if it does not say.
func ownedOf(topics []kmsg.ConsumerGroupHeartbeatRequestTopic) assignment {
	if topics == nil {
		return nil
	}
	owned := assignment{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			owned[topicPartition{t.TopicID, p}] = 0
		}
	}
	return owned
}

// member finds the member of a request, or makes it.
func (d *decision) member(req *kmsg.ConsumerGroupHeartbeatRequest, owned assignment) (*consumerMember, *refusal) {
	g := d.group
	joins := req.MemberEpoch == joinEpoch
	if req.InstanceID == nil {
		m := g.members[req.MemberID]
		switch {
		case m == nil && joins:
			return &consumerMember{id: req.MemberID, assigned: assignment{}, revoking: assignment{}, rebalanceTimeoutMs: -1}, nil
		case m == nil:
			return nil, refuse(kerr.UnknownMemberID, "Member %s is not a member of group %s.", req.MemberID, g.name)
		}
		return m, m.checkEpoch(req.MemberEpoch, owned)
	}
	m := g.members[g.static[*req.InstanceID]]
	switch {
	case m == nil && joins:
		return &consumerMember{id: req.MemberID, instance: req.InstanceID, assigned: assignment{}, revoking: assignment{}, rebalanceTimeoutMs: -1}, nil
	case m == nil:
		return nil, refuse(kerr.UnknownMemberID, "Instance id %s is unknown.", *req.InstanceID)
	case joins && m.id == req.MemberID && m.epoch != staticLeaveEpoch:
		return m, nil
	case joins:
		return d.replaceStatic(req, m)
	case m.id != req.MemberID:
		return nil, refuse(kerr.FencedInstanceID, "Static member %s with instance id %s was fenced by member %s.", req.MemberID, *req.InstanceID, m.id)
	}
	return m, m.checkEpoch(req.MemberEpoch, owned)
}

// replaceStatic lets a static member take its place again, under another id or the same, with the target and what the former one had.
// Unless that one has said that it leaves, it is still there.
func (d *decision) replaceStatic(req *kmsg.ConsumerGroupHeartbeatRequest, old *consumerMember) (*consumerMember, *refusal) {
	if old.epoch != staticLeaveEpoch && old.classic == nil {
		return nil, refuse(kerr.UnreleasedInstanceID, "Static member %s with instance id %s cannot join the group because the instance id is owned by %s member.", req.MemberID, *req.InstanceID, old.id)
	}
	return d.moveStatic(req.MemberID, old), nil
}

// moveStatic gives a static member's place to another id.
func (d *decision) moveStatic(id string, old *consumerMember) *consumerMember {
	m := old.with(func(n *consumerMember) { n.id, n.epoch, n.previous = id, 0, 0 })
	target := d.group.target[old.id]
	s, t, name := d.s, d.t, d.group.name
	d.after = append(d.after, func() {
		if old.id != id {
			s.cancelMember(t, name, old.id)
		}
	})
	d.dropMember(old.id)
	d.putMember(m)
	d.putTarget(m.id, target)
	d.putCurrent(m)
	return d.group.members[m.id]
}

// subscribe takes in what a member says about itself, and raises the group's epoch if others have to know.
func (d *decision) subscribe(c Caller, req *kmsg.ConsumerGroupHeartbeatRequest, m *consumerMember) (*consumerMember, *refusal) {
	next := m.with(func(n *consumerMember) { n.take(c, req) })
	if next.regex != m.regex && next.regex != "" {
		if refused := checkRegex(next.regex); refused != nil {
			return nil, refused
		}
	}
	wanted := d.assignorName()
	known := d.group.members[next.id] != nil
	if !known || !next.says(m) {
		d.putMember(next)
	}
	resolved := d.resolveAll(c)
	if next.regex != m.regex {
		d.dropUnusedRegexes()
	}
	changed := !slices.Equal(next.topics, m.topics) || next.regex != m.regex || d.assignorName() != wanted
	topicsChanged := d.group.stale && d.topicsHash() != d.group.metadataHash
	d.notStale()
	if !known || changed || resolved || topicsChanged {
		d.bump()
	}
	return d.group.members[next.id], nil
}

// notStale notes, on the group itself too, that the topics have been looked at: if the decision fails, the shard is loaded again.
func (d *decision) notStale() {
	d.group.stale = false
	if g := d.s.consumer[d.group.name]; g != nil {
		g.stale = false
	}
}

// take sets what a request says; what it leaves out stays.
func (m *consumerMember) take(c Caller, req *kmsg.ConsumerGroupHeartbeatRequest) {
	m.clientID, m.clientHost, m.classic = c.ClientID, c.ClientHost, nil
	if req.InstanceID != nil {
		m.instance = req.InstanceID
	}
	if req.RackID != nil {
		m.rack = req.RackID
	}
	if req.RebalanceTimeoutMillis != -1 {
		m.rebalanceTimeoutMs = req.RebalanceTimeoutMillis
	}
	if req.ServerAssignor != nil {
		m.assignor = req.ServerAssignor
	}
	if req.SubscribedTopicNames != nil {
		m.topics = slices.Compact(slices.Sorted(slices.Values(req.SubscribedTopicNames)))
	}
	if req.SubscribedTopicRegex != nil {
		m.regex = *req.SubscribedTopicRegex
	}
}

// says reports whether two members say the same about themselves.
func (m *consumerMember) says(o *consumerMember) bool {
	return equalText(m.instance, o.instance) && equalText(m.rack, o.rack) && m.clientID == o.clientID && m.clientHost == o.clientHost &&
		slices.Equal(m.topics, o.topics) && m.regex == o.regex && m.rebalanceTimeoutMs == o.rebalanceTimeoutMs &&
		equalText(m.assignor, o.assignor) && m.classic == o.classic
}

func equalText(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// memberTimers lets a member be given up that is not heard of, or that does not give back in time what it has to.
func (s *Shard) memberTimers(t *coordinator.Turn, group string, m *consumerMember) {
	s.consumerSession(t, group, m.id, s.sessionMs(t, group))
	s.revocationTimer(t, group, m)
}

func (s *Shard) consumerSession(t *coordinator.Turn, group, member string, ms int64) {
	t.Timer(timerName("session", group, member), t.Now()+ms, func(t *coordinator.Turn) { s.fence(t, group, member, "its session ended") })
}

func (s *Shard) revocationTimer(t *coordinator.Turn, group string, m *consumerMember) {
	name, member, epoch := timerName("rebalance", group, m.id), m.id, m.epoch
	if m.state != memberUnrevoked {
		t.Cancel(name)
		return
	}
	if m.revocationTimed(s.consumer[group]) {
		return // it counts from when the member was first told
	}
	t.Timer(name, t.Now()+int64(m.rebalanceTimeoutMs), func(t *coordinator.Turn) {
		if g := s.consumer[group]; g != nil && g.members[member] != nil && g.members[member].epoch == epoch {
			s.fence(t, group, member, "it did not give its partitions back in time")
		}
	})
}

// revocationTimed reports whether the member has been asked before for what it is asked for now.
func (m *consumerMember) revocationTimed(g *consumerGroup) bool {
	if g == nil || g.members[m.id] == nil {
		return false
	}
	old := g.members[m.id]
	return old.state == memberUnrevoked && old.epoch == m.epoch
}

// fence removes a member that failed.
func (s *Shard) fence(t *coordinator.Turn, group, member, why string) {
	g := s.consumer[group]
	if g == nil || g.members[member] == nil {
		return
	}
	s.lg.Info("removing a member", "group", group, "member", member, "why", why)
	d := s.decide(t, g)
	d.removeMember(member)
	if refused := d.finish(); refused != nil {
		s.lg.Error("cannot write the removal of a member down", "group", group, "why", refused.text)
	}
}

// answer fills the answer in. The assignment is in it when it changed, or when the request was complete: that of a member that (re)joins,
// or that is not sure.
func (d *decision) answer(req *kmsg.ConsumerGroupHeartbeatRequest, r *kmsg.ConsumerGroupHeartbeatResponse, before, m *consumerMember, owned assignment) {
	id := m.id
	r.MemberID, r.MemberEpoch, r.HeartbeatIntervalMillis = &id, m.epoch, int32(d.intervalMs(m))
	whole := req.MemberEpoch == joinEpoch ||
		req.RebalanceTimeoutMillis != -1 && (req.SubscribedTopicNames != nil || req.SubscribedTopicRegex != nil) && owned != nil
	if !whole && m.assigned.same(before.assigned) {
		return
	}
	a := kmsg.NewConsumerGroupHeartbeatResponseAssignment()
	for _, t := range m.assigned.topics(false) {
		e := kmsg.NewConsumerGroupHeartbeatResponseAssignmentTopic()
		e.TopicID, e.Partitions = t.TopicID, t.Partitions
		a.Topics = append(a.Topics, e)
	}
	r.Assignment = &a
}

// leaveByHeartbeat lets a member leave: for good, or with -2 for a while.
func (s *Shard) leaveByHeartbeat(t *coordinator.Turn, req *kmsg.ConsumerGroupHeartbeatRequest, r *kmsg.ConsumerGroupHeartbeatResponse) *refusal {
	g := s.consumer[req.Group]
	if g == nil {
		return refuse(kerr.GroupIDNotFound, "Consumer group %s not found.", req.Group)
	}
	m := g.members[req.MemberID]
	if req.InstanceID != nil {
		m = g.members[g.static[*req.InstanceID]]
	}
	switch {
	case m == nil:
		return refuse(kerr.UnknownMemberID, "Member %s is not a member of group %s.", req.MemberID, g.name)
	case m.id != req.MemberID:
		return refuse(kerr.FencedInstanceID, "Static member %s with instance id %s was fenced by member %s.", req.MemberID, *req.InstanceID, m.id)
	}
	id := m.id
	r.MemberID, r.MemberEpoch = &id, req.MemberEpoch
	d := s.decide(t, g)
	if req.MemberEpoch == staticLeaveEpoch {
		d.putCurrent(m.with(func(n *consumerMember) { n.epoch, n.revoking = staticLeaveEpoch, assignment{} }))
		t.Cancel(timerName("rebalance", g.name, id))
		return d.finish()
	}
	d.removeMember(id)
	return d.finish()
}

// consumerLoaded sets the timers of a group that was loaded.
func (s *Shard) consumerLoaded(t *coordinator.Turn, g *consumerGroup) {
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		s.consumerSession(t, g.name, id, s.sessionMs(t, g.name))
		if m.classic != nil {
			s.consumerSession(t, g.name, id, int64(m.classic.SessionTimeoutMs))
		}
		if m.state == memberUnrevoked {
			group, epoch := g.name, m.epoch
			t.Timer(timerName("rebalance", group, id), t.Now()+int64(m.rebalanceTimeoutMs), func(t *coordinator.Turn) {
				if g := s.consumer[group]; g != nil && g.members[id] != nil && g.members[id].epoch == epoch {
					s.fence(t, group, id, "it did not give its partitions back in time")
				}
			})
		}
	}
	if g.epoch > g.targetEpoch && len(g.members) > 0 {
		name := g.name
		t.Timer(timerName("assign", name, ""), t.Now(), func(t *coordinator.Turn) { s.assignLater(t, name) })
	}
}

// consumerPublished notes which groups have to look at their topics again: all, because of a new topic an expression may tell.
func (s *Shard) consumerPublished(t *coordinator.Turn, delta *metadata.Delta) {
	if len(delta.Topics) == 0 && len(delta.Brokers) == 0 {
		return
	}
	for _, g := range s.consumer { // order-free: all of them
		g.stale = true
	}
}

// randomBytes are sixteen of them.
func randomBytes(t *coordinator.Turn) (b [16]byte) {
	for i := range b {
		b[i] = byte(t.Random().Uint32())
	}
	return b
}
