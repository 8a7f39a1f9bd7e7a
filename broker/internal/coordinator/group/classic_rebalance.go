package group

import (
	"strconv"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
)

// timerName names a timer of a group, or of one of its members.
func timerName(kind, group, member string) string {
	return kind + ":" + strconv.Itoa(len(group)) + ":" + group + ":" + member
}

// sessionTimer lets a member, pending ones too, be given up unless it is heard of in time.
func (s *Shard) sessionTimer(t *coordinator.Turn, g *classicGroup, member string, ms int64) {
	name := g.name
	t.Timer(timerName("session", name, member), t.Now()+ms, func(t *coordinator.Turn) { s.sessionExpired(t, name, member) })
}

func (s *Shard) heard(t *coordinator.Turn, g *classicGroup, m *classicMember) {
	s.sessionTimer(t, g, m.id, int64(m.sessionTimeoutMs))
}

func (s *Shard) sessionExpired(t *coordinator.Turn, name, member string) {
	g := s.classic[name]
	if g == nil {
		return
	}
	if _, ok := g.pending[member]; ok {
		s.dropped(t, g, member)
		return
	}
	m := g.byID[member]
	if m == nil || m.alive() {
		return
	}
	s.lg.Info("member failed, removing it", "group", name, "member", member)
	s.dropped(t, g, member)
}

// dropped removes a member that left or failed, and draws the consequences.
func (s *Shard) dropped(t *coordinator.Turn, g *classicGroup, member string) bool {
	wasMember := g.byID[member] != nil
	s.removeMember(t, g, member)
	switch {
	case wasMember && (g.state == stable || g.state == completingRebalance):
		return s.prepareRebalance(t, g)
	case g.state == preparingRebalance && g.allJoined():
		return s.completeJoin(t, g)
	}
	return false
}

// removeMember removes a member and answers what it waits for.
func (s *Shard) removeMember(t *coordinator.Turn, g *classicGroup, member string) {
	t.Cancel(timerName("session", g.name, member))
	if m := g.byID[member]; m != nil {
		if m.join != nil {
			m.join.answer(t, joinError(m.join.version, "", kerr.UnknownMemberID))
			m.join = nil
		}
		if m.sync != nil {
			m.sync.answer(t, syncError(m.sync.version, kerr.UnknownMemberID))
			m.sync = nil
		}
	}
	g.remove(member)
}

// rebalanceOrComplete begins a rebalance, or ends the join phase if this was the last whom it waited for. It says, as do all
// that follow, whether it appended.
func (s *Shard) rebalanceOrComplete(t *coordinator.Turn, g *classicGroup) bool {
	if g.state != preparingRebalance {
		return s.prepareRebalance(t, g)
	}
	return s.completeIfJoined(t, g)
}

// completeIfJoined ends the join phase when everybody is there. An initial rebalance waits for its delay all the same.
func (s *Shard) completeIfJoined(t *coordinator.Turn, g *classicGroup) bool {
	if g.state != preparingRebalance || g.wasEmpty || !g.allJoined() {
		return false
	}
	return s.completeJoin(t, g)
}

// prepareRebalance opens the join phase.
func (s *Shard) prepareRebalance(t *coordinator.Turn, g *classicGroup) bool {
	if g.state == completingRebalance {
		s.resetAssignments(t, g, kerr.RebalanceInProgress)
	}
	clear(g.pendingSync)
	t.Cancel(timerName("sync", g.name, ""))
	g.wasEmpty = g.state == empty
	g.enter(preparingRebalance, t.Now())
	s.lg.Info("preparing to rebalance", "group", g.name, "generation", g.generation, "members", len(g.members))
	switch {
	case g.wasEmpty:
		delay := int64(s.config.InitialRebalanceDelayMs)
		s.initialTimer(t, g, delay, max(g.rebalanceTimeoutMs()-delay, 0))
		return false
	case g.allJoined():
		return s.completeJoin(t, g)
	}
	s.joinTimer(t, g)
	return false
}

// resetAssignments answers those who wait for an assignment that will not come.
func (s *Shard) resetAssignments(t *coordinator.Turn, g *classicGroup, code *kerr.Error) {
	for _, m := range g.members {
		m.assignment = nil
		if m.sync != nil {
			m.sync.answer(t, syncError(m.sync.version, code))
			m.sync = nil
			s.heard(t, g, m)
		}
	}
}

// joinTimer ends the join phase without those who do not come.
func (s *Shard) joinTimer(t *coordinator.Turn, g *classicGroup) {
	name := g.name
	t.Timer(timerName("join", name, ""), t.Now()+g.rebalanceTimeoutMs(), func(t *coordinator.Turn) {
		if g := s.classic[name]; g != nil && g.state == preparingRebalance {
			s.completeJoin(t, g)
		}
	})
}

// initialTimer ends the join phase of a group that was empty, unless newcomers prolong it; leftMs is by how much they still can.
func (s *Shard) initialTimer(t *coordinator.Turn, g *classicGroup, delayMs, leftMs int64) {
	name := g.name
	t.Timer(timerName("join", name, ""), t.Now()+delayMs, func(t *coordinator.Turn) {
		g := s.classic[name]
		switch {
		case g == nil || g.state != preparingRebalance:
		case g.newMemberAdded && leftMs > 0:
			g.newMemberAdded = false
			s.initialTimer(t, g, min(int64(s.config.InitialRebalanceDelayMs), leftMs), max(leftMs-delayMs, 0))
		default:
			s.completeJoin(t, g)
		}
	})
}

// completeJoin ends the join phase: dynamic members that did not come are removed, static ones stay until their session
// ends, and the next generation begins.
func (s *Shard) completeJoin(t *coordinator.Turn, g *classicGroup) bool {
	t.Cancel(timerName("join", g.name, ""))
	for i := len(g.members) - 1; i >= 0; i-- {
		if m := g.members[i]; m.join == nil && m.instance == nil {
			s.lg.Info("removing a member that did not join", "group", g.name, "member", m.id)
			s.removeMember(t, g, m.id)
		}
	}
	if len(g.members) > 0 && !g.electJoined() {
		s.joinTimer(t, g) // only static members, and none has come: until their sessions end
		return false
	}
	g.generation++
	g.newMemberAdded = false
	clear(g.pendingSync)
	if len(g.members) == 0 {
		g.protocol, g.leader = nil, ""
		g.enter(empty, t.Now())
		g.computeSubscribed()
		s.appendGroup(t, g)
		return true
	}
	protocol := g.selectProtocol()
	g.protocol = &protocol
	g.enter(completingRebalance, t.Now())
	g.computeSubscribed()
	for _, m := range g.members {
		if m.join != nil {
			m.join.answer(t, g.joined(m, m.join.version, true))
			m.join = nil
		}
		s.heard(t, g, m)
		m.isNew = false
		g.pendingSync[m.id] = struct{}{}
	}
	s.syncTimer(t, g)
	return false
}

// syncTimer removes the members that do not ask for their assignment in time.
func (s *Shard) syncTimer(t *coordinator.Turn, g *classicGroup) {
	name, generation := g.name, g.generation
	t.Timer(timerName("sync", name, ""), t.Now()+g.rebalanceTimeoutMs(), func(t *coordinator.Turn) {
		g := s.classic[name]
		if g == nil || g.generation != generation || len(g.pendingSync) == 0 || g.state != completingRebalance && g.state != stable {
			return
		}
		for _, id := range sortedKeys(g.pendingSync) {
			s.lg.Info("removing a member that did not sync", "group", name, "member", id)
			s.removeMember(t, g, id)
		}
		s.prepareRebalance(t, g)
	})
}

// classicLoaded sets the timers of a group that was loaded.
func (s *Shard) classicLoaded(t *coordinator.Turn, g *classicGroup) {
	for _, m := range g.members {
		s.heard(t, g, m)
	}
	if len(g.members) > int(s.config.MaxSize) {
		s.prepareRebalance(t, g)
	}
}
