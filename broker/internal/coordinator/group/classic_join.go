package group

import (
	"bytes"
	"encoding/hex"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// newMemberJoinTimeoutMs bounds how long the first JoinGroup of a member may be parked: the member has no id to send
// heartbeats with, and if its connection is gone nobody would notice. Kafka's number.
const newMemberJoinTimeoutMs = 5 * 60 * 1000

// maxText bounds the strings that become part of records, as Kafka's encoding does.
const maxText = 1<<15 - 1

// JoinGroup takes a member into a group, or into its next generation (SURFACE 94-101).
func (s *Shard) JoinGroup(t *coordinator.Turn, c Caller, req *kmsg.JoinGroupRequest, reply func(*kmsg.JoinGroupResponse)) {
	w := &joinWaiter{req.Version, reply}
	if code := s.checkJoin(c, req); code != nil {
		w.answer(t, joinError(w.version, req.MemberID, code))
		return
	}
	for i := range req.Protocols { // the bytes are the request's, which is gone when it is answered
		req.Protocols[i].Metadata = bytes.Clone(req.Protocols[i].Metadata)
	}
	if req.Version == 0 { // has no rebalance timeout
		req.RebalanceTimeoutMillis = req.SessionTimeoutMillis
	}
	if g := s.consumer[req.Group]; g != nil && len(g.members) > 0 {
		s.joinConsumer(t, c, g, req, w)
		return
	}
	g := s.classic[req.Group]
	created := g == nil
	if created {
		if req.MemberID != "" {
			w.answer(t, joinError(w.version, req.MemberID, kerr.UnknownMemberID))
			return
		}
		s.dropConsumer(t, req.Group) // it is empty
		g = newClassicGroup(req.Group, t.Now())
		s.classic[req.Group] = g
	}
	appended := s.join(t, c, g, req, w)
	if created && !appended {
		s.appendGroup(t, g)
	}
}

func (s *Shard) checkJoin(c Caller, req *kmsg.JoinGroupRequest) *kerr.Error {
	switch {
	case req.Group == "" || len(req.Group) > maxText:
		return kerr.InvalidGroupID
	case req.SessionTimeoutMillis < s.config.MinSessionTimeoutMs || req.SessionTimeoutMillis > s.config.MaxSessionTimeoutMs:
		return kerr.InvalidSessionTimeout
	case !s.config.classicAllowed:
		return kerr.UnsupportedVersion
	}
	texts := []string{c.ClientID, req.ProtocolType}
	for _, p := range req.Protocols {
		texts = append(texts, p.Name)
	}
	if req.InstanceID != nil {
		texts = append(texts, *req.InstanceID)
	}
	for _, text := range texts {
		if len(text) > maxText-40 { // room for what makes a member id of it
			return kerr.InvalidRequest
		}
	}
	return nil
}

// join is JoinGroup on a classic group that exists. It says whether it appended.
func (s *Shard) join(t *coordinator.Turn, c Caller, g *classicGroup, req *kmsg.JoinGroupRequest, w *joinWaiter) bool {
	_, pending := g.pending[req.MemberID]
	switch {
	case !s.accepts(g, req.MemberID):
		s.removeMember(t, g, req.MemberID)
		w.answer(t, joinError(w.version, "", kerr.GroupMaxSizeReached))
	case !g.supports(req.ProtocolType, req.Protocols):
		w.answer(t, joinError(w.version, req.MemberID, kerr.InconsistentGroupProtocol))
	case req.MemberID == "" && req.InstanceID != nil:
		return s.joinStatic(t, c, g, req, w)
	case req.MemberID == "":
		id := newMemberID(t, c.ClientID)
		if req.Version >= 4 { // KIP-394
			g.pending[id] = struct{}{}
			s.sessionTimer(t, g, id, int64(req.SessionTimeoutMillis))
			w.answer(t, joinError(w.version, id, kerr.MemberIDRequired))
			return false
		}
		return s.addMember(t, c, g, id, req, w)
	case pending && req.InstanceID != nil:
		w.answer(t, joinError(w.version, req.MemberID, kerr.InvalidRequest))
	case pending:
		return s.addMember(t, c, g, req.MemberID, req, w)
	default:
		return s.rejoin(t, g, req, w)
	}
	return false
}

// accepts reports whether the group has room for a member. During the join phase those count who wait, so that what
// group.max.size has become too small for is those who come last.
func (s *Shard) accepts(g *classicGroup, id string) bool {
	m := g.byID[id]
	switch g.state {
	case empty:
		return true
	case preparingRebalance:
		return m != nil && m.join != nil || g.awaitingJoin() < int(s.config.MaxSize)
	}
	return m != nil || len(g.members) < int(s.config.MaxSize)
}

// newMemberID makes an id of a client id, or of an instance id: Kafka's form, a UUID behind it.
func newMemberID(t *coordinator.Turn, prefix string) string { return prefix + "-" + randomUUID(t) }

// randomUUID is a random UUID (version 4) in its usual text form.
func randomUUID(t *coordinator.Turn) string {
	var b [16]byte
	for i := range b {
		b[i] = byte(t.Random().Uint32())
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// addMember takes a new member in and lets it wait.
func (s *Shard) addMember(t *coordinator.Turn, c Caller, g *classicGroup, id string, req *kmsg.JoinGroupRequest, w *joinWaiter) bool {
	m := &classicMember{
		id: id, instance: req.InstanceID, clientID: c.ClientID, clientHost: c.ClientHost, isNew: true, join: w,
		rebalanceTimeoutMs: req.RebalanceTimeoutMillis, sessionTimeoutMs: req.SessionTimeoutMillis, protocols: req.Protocols,
	}
	if g.state == preparingRebalance && g.wasEmpty {
		g.newMemberAdded = true
	}
	g.add(m, req.ProtocolType)
	s.sessionTimer(t, g, id, newMemberJoinTimeoutMs)
	return s.rebalanceOrComplete(t, g)
}

// updateMember takes in what a member says now and lets it wait.
func (s *Shard) updateMember(t *coordinator.Turn, g *classicGroup, m *classicMember, req *kmsg.JoinGroupRequest, w *joinWaiter) bool {
	s.takeRequest(t, m, req, w)
	return s.rebalanceOrComplete(t, g)
}

func (s *Shard) takeRequest(t *coordinator.Turn, m *classicMember, req *kmsg.JoinGroupRequest, w *joinWaiter) {
	if m.join != nil { // the same member over another connection: the older request is of no use any more
		m.join.answer(t, joinError(m.join.version, m.id, kerr.RebalanceInProgress))
	}
	m.protocols, m.rebalanceTimeoutMs, m.sessionTimeoutMs, m.join = req.Protocols, req.RebalanceTimeoutMillis, req.SessionTimeoutMillis, w
}

// rejoin is JoinGroup of a member that the group knows.
func (s *Shard) rejoin(t *coordinator.Turn, g *classicGroup, req *kmsg.JoinGroupRequest, w *joinWaiter) bool {
	if code := g.validate(req.MemberID, req.InstanceID); code != nil {
		w.answer(t, joinError(w.version, req.MemberID, code))
		return false
	}
	m := g.byID[req.MemberID]
	switch {
	case g.state == empty:
		w.answer(t, joinError(w.version, req.MemberID, kerr.UnknownMemberID))
		return false
	case g.state == preparingRebalance, !m.matches(req.Protocols), g.state == stable && g.leader == m.id:
		// A leader may have reasons that the coordinator does not see, such as more partitions.
		return s.updateMember(t, g, m, req, w)
	}
	// Nothing has changed: the answer of this generation got lost, or a follower is too eager.
	w.answer(t, g.joined(m, w.version, g.state == completingRebalance))
	return false
}

// joinStatic is JoinGroup of a static member that has just started (KIP-345).
func (s *Shard) joinStatic(t *coordinator.Turn, c Caller, g *classicGroup, req *kmsg.JoinGroupRequest, w *joinWaiter) bool {
	id := newMemberID(t, *req.InstanceID)
	m := g.byID[g.static[*req.InstanceID]]
	if m == nil {
		return s.addMember(t, c, g, id, req, w)
	}
	oldLeader, old := g.leader, m.id
	if m.join != nil {
		m.join.answer(t, joinError(m.join.version, old, kerr.FencedInstanceID))
		m.join = nil
	}
	if m.sync != nil {
		m.sync.answer(t, syncError(m.sync.version, kerr.FencedInstanceID))
		m.sync = nil
	}
	t.Cancel(timerName("session", g.name, old))
	g.rename(m, id)
	s.takeRequest(t, m, req, w)
	s.sessionTimer(t, g, id, int64(m.sessionTimeoutMs))
	switch g.state {
	case stable:
		if !plantedStaticReb && g.protocol != nil && g.selectProtocol() == *g.protocol {
			return s.staticReturned(t, g, m, oldLeader)
		}
		return s.rebalanceOrComplete(t, g)
	case completingRebalance:
		// The leader may know the former id, and would assign nothing to the new one.
		return s.prepareRebalance(t, g)
	}
	return s.completeIfJoined(t, g)
}

// staticReturned writes the new id of a static member down, without a rebalance. A leader of version 9 learns the members and
// that it has nothing to assign (KIP-814); an older one is told that somebody else leads.
func (s *Shard) staticReturned(t *coordinator.Turn, g *classicGroup, m *classicMember, oldLeader string) bool {
	key, value := g.record(func(m *classicMember) []byte { return m.assignment })
	if !t.Fits(1, len(key)+len(value)) {
		return s.rebalanceOrComplete(t, g)
	}
	w := m.join
	m.join, m.isNew = nil, false
	leads := g.leader == m.id
	r := g.joined(m, w.version, leads && w.version >= 9)
	if w.version >= 9 {
		r.SkipAssignment = leads
	} else {
		r.LeaderID = oldLeader
	}
	t.Append(key, value)
	w.answer(t, r)
	return true
}

// joined is the answer of the present generation; the leader's may list the members.
func (g *classicGroup) joined(m *classicMember, version int16, list bool) *kmsg.JoinGroupResponse {
	r := kmsg.NewPtrJoinGroupResponse()
	r.Version, r.MemberID, r.Generation, r.LeaderID, r.Protocol = version, m.id, g.generation, g.leader, g.protocol
	if g.protocolType != "" {
		protocolType := g.protocolType
		r.ProtocolType = &protocolType
	}
	if !list || g.leader != m.id {
		return r
	}
	for _, o := range g.members {
		e := kmsg.NewJoinGroupResponseMember()
		e.MemberID, e.InstanceID, e.ProtocolMetadata = o.id, o.instance, o.metadata(*g.protocol)
		r.Members = append(r.Members, e)
	}
	return r
}

// joinError is an answer with a code.
func joinError(version int16, memberID string, code *kerr.Error) *kmsg.JoinGroupResponse {
	r := kmsg.NewPtrJoinGroupResponse()
	r.Version, r.MemberID, r.ErrorCode, r.Generation = version, memberID, code.Code, -1
	return r
}

// answer gives an answer when the decision, and all before it, is committed.
func (w *joinWaiter) answer(t *coordinator.Turn, r *kmsg.JoinGroupResponse) {
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			r = joinError(w.version, r.MemberID, code)
		}
		w.reply(r)
	})
}
