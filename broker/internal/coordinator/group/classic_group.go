package group

import (
	"bytes"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// classicState is the state of a classic group. There is no Dead: a deleted group is not there.
type classicState uint8

const (
	empty classicState = iota
	preparingRebalance
	completingRebalance
	stable
)

// String is Kafka's name of the state.
func (s classicState) String() string {
	return [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable"}[s]
}

// consumerProtocolType is the protocol type of consumers, whose subscriptions the coordinator reads.
const consumerProtocolType = "consumer"

// classicGroup is a group whose members agree among themselves (JoinGroup, SyncGroup). What its last record says is durable;
// a rebalance is soft until its assignment is written.
type classicGroup struct {
	name           string
	state          classicState
	wasEmpty       bool  // the rebalance under way is the first of an empty group
	stateMs        int64 // when state was entered; -1: not known
	protocolType   string
	protocol       *string
	generation     int32
	leader         string           // "" is none
	members        []*classicMember // in the order of joining
	newMemberAdded bool             // since the initial delay began or was prolonged

	byID        map[string]*classicMember
	static      map[string]string   // instance id → member id
	pending     map[string]struct{} // were given a member id and have to join with it
	pendingSync map[string]struct{} // have joined the generation and not asked for their assignment

	// subscribed are the topics of all members; known is false if the protocol is not that of consumers, or cannot be read.
	subscribed map[string]struct{}
	known      bool
}

func newClassicGroup(name string, nowMs int64) *classicGroup {
	g := &classicGroup{
		name: name, stateMs: nowMs, byID: map[string]*classicMember{}, static: map[string]string{},
		pending: map[string]struct{}{}, pendingSync: map[string]struct{}{},
	}
	g.computeSubscribed()
	return g
}

// enter changes the state.
func (g *classicGroup) enter(state classicState, nowMs int64) { g.state, g.stateMs = state, nowMs }

// rebalanceTimeoutMs is the largest of the members'.
func (g *classicGroup) rebalanceTimeoutMs() (ms int64) {
	for _, m := range g.members {
		ms = max(ms, int64(m.rebalanceTimeoutMs))
	}
	return ms
}

func (g *classicGroup) awaitingJoin() (n int) {
	for _, m := range g.members {
		if m.join != nil {
			n++
		}
	}
	return n
}

func (g *classicGroup) allJoined() bool {
	return len(g.pending) == 0 && g.awaitingJoin() == len(g.members)
}

// supports reports whether a member with these protocols can be in the group.
func (g *classicGroup) supports(protocolType string, protocols []kmsg.JoinGroupRequestProtocol) bool {
	if g.state == empty {
		return protocolType != "" && len(protocols) > 0
	}
	if protocolType != g.protocolType {
		return false
	}
	return slices.ContainsFunc(protocols, func(p kmsg.JoinGroupRequestProtocol) bool { return g.common(p.Name) })
}

// common reports whether all members support a protocol.
func (g *classicGroup) common(protocol string) bool {
	for _, m := range g.members {
		if !m.supports(protocol) {
			return false
		}
	}
	return true
}

// selectProtocol is the vote: among the protocols that all support, the one that most members like best. Of those with as many
// votes it is the one that got its first vote first. The group has members.
func (g *classicGroup) selectProtocol() string {
	votes := map[string]int{}
	best := ""
	for _, m := range g.members {
		for _, p := range m.protocols {
			if g.common(p.Name) {
				votes[p.Name]++
				break
			}
		}
	}
	for _, m := range g.members {
		for _, p := range m.protocols {
			if votes[p.Name] > votes[best] {
				best = p.Name
			}
		}
	}
	return best
}

// add takes a member in; the first one is the leader.
func (g *classicGroup) add(m *classicMember, protocolType string) {
	if len(g.members) == 0 {
		g.protocolType = protocolType
	}
	if g.leader == "" {
		g.leader = m.id
	}
	if m.instance != nil {
		g.static[*m.instance] = m.id
	}
	g.members = append(g.members, m)
	g.byID[m.id] = m
	delete(g.pending, m.id)
}

// remove drops a member, pending or not. Somebody who waits for an answer has to get it before.
func (g *classicGroup) remove(id string) {
	if m := g.byID[id]; m != nil {
		delete(g.byID, id)
		g.members = slices.DeleteFunc(g.members, func(o *classicMember) bool { return o == m })
		if m.instance != nil {
			delete(g.static, *m.instance)
		}
	}
	if g.leader == id {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
	delete(g.pending, id)
	delete(g.pendingSync, id)
}

// rename gives a static member another id.
func (g *classicGroup) rename(m *classicMember, id string) {
	delete(g.byID, m.id)
	if g.leader == m.id {
		g.leader = id
	}
	if _, ok := g.pendingSync[m.id]; ok {
		delete(g.pendingSync, m.id)
		g.pendingSync[id] = struct{}{}
	}
	m.id = id
	g.byID[id], g.static[*m.instance] = m, id
}

// electJoined makes sure that the leader is somebody who has joined; false if nobody has.
func (g *classicGroup) electJoined() bool {
	if leader := g.byID[g.leader]; leader != nil && leader.join != nil {
		return true
	}
	for _, m := range g.members {
		if m.join != nil {
			g.leader = m.id
			return true
		}
	}
	return false
}

// validate checks that a caller is the member that it says it is.
func (g *classicGroup) validate(memberID string, instance *string) *kerr.Error {
	if instance != nil {
		switch id, ok := g.static[*instance]; {
		case !ok:
			return kerr.UnknownMemberID
		case id != memberID:
			return kerr.FencedInstanceID
		}
	}
	if g.byID[memberID] == nil {
		return kerr.UnknownMemberID
	}
	return nil
}

// isSubscribed reports whether the offsets of a topic may be needed by a member. If the subscriptions are not known, those of
// consumers may be to anything.
func (g *classicGroup) isSubscribed(topic string) bool {
	if !g.known {
		return g.protocolType == consumerProtocolType
	}
	_, ok := g.subscribed[topic]
	return ok
}

func (g *classicGroup) computeSubscribed() {
	g.subscribed, g.known = nil, false
	if g.protocolType != consumerProtocolType {
		return
	}
	subscribed := map[string]struct{}{}
	if len(g.members) > 0 {
		if g.protocol == nil {
			return
		}
		for _, m := range g.members {
			topics, ok := subscriptionTopics(m.metadata(*g.protocol))
			if !ok {
				return
			}
			for _, topic := range topics {
				subscribed[topic] = struct{}{}
			}
		}
	}
	g.subscribed, g.known = subscribed, true
}

// closed answers everybody who waits.
func (g *classicGroup) closed(code *kerr.Error) {
	for _, m := range g.members {
		if m.join != nil {
			m.join.reply(joinError(m.join.version, m.id, code))
			m.join = nil
		}
		if m.sync != nil {
			m.sync.reply(syncError(m.sync.version, code))
			m.sync = nil
		}
	}
}

// classicMember is one member of a classic group.
type classicMember struct {
	id                 string
	instance           *string
	clientID           string
	clientHost         string
	rebalanceTimeoutMs int32
	sessionTimeoutMs   int32
	protocols          []kmsg.JoinGroupRequestProtocol // best first; after loading only the group's
	assignment         []byte

	isNew bool        // has not got an answer to its first JoinGroup, so it cannot send heartbeats
	join  *joinWaiter // nil: does not wait
	sync  *syncWaiter
}

// joinWaiter and syncWaiter are requests that wait for the others.
type joinWaiter struct {
	version int16
	reply   func(*kmsg.JoinGroupResponse)
}

type syncWaiter struct {
	version int16
	reply   func(*kmsg.SyncGroupResponse)
}

// alive reports whether a member may stay though it sent no heartbeat in time: it waits for an answer of ours.
func (m *classicMember) alive() bool { return !m.isNew && (m.join != nil || m.sync != nil) }

func (m *classicMember) supports(protocol string) bool {
	return slices.ContainsFunc(m.protocols, func(p kmsg.JoinGroupRequestProtocol) bool { return p.Name == protocol })
}

// metadata is what the member said about itself under a protocol.
func (m *classicMember) metadata(protocol string) []byte {
	for _, p := range m.protocols {
		if p.Name == protocol {
			return p.Metadata
		}
	}
	return nil
}

// matches reports whether the member has said the same before.
func (m *classicMember) matches(protocols []kmsg.JoinGroupRequestProtocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b kmsg.JoinGroupRequestProtocol) bool {
		return a.Name == b.Name && bytes.Equal(a.Metadata, b.Metadata)
	})
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
