package group

import (
	"maps"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
)

// consumerState is the state of a consumer group. It follows from the group's records.
type consumerState uint8

const (
	consumerEmpty consumerState = iota
	assigning
	reconciling
	consumerStable
)

// String is Kafka's name of the state.
func (s consumerState) String() string {
	return [...]string{"Empty", "Assigning", "Reconciling", "Stable"}[s]
}

// Member states, as records have them.
const (
	memberStable     int8 = 0 // has what its target says, of the epoch that it is in
	memberUnrevoked  int8 = 1 // has to give partitions back before it may go on
	memberUnreleased int8 = 2 // waits for partitions that others have to give back
)

// Epochs with a meaning of their own.
const (
	joinEpoch        = 0
	leaveEpoch       = -1
	staticLeaveEpoch = -2 // a static member leaves, and will be back
)

// consumerGroup is a group whose coordinator assigns (KIP-848): the group's epoch rises with each change of members, subscriptions
// or topics; a target assignment is computed for it; each member is led there, step by step, by its heartbeats.
type consumerGroup struct {
	name         string
	epoch        int32
	metadataHash int64 // of the subscribed topics when the epoch rose last
	members      map[string]*consumerMember
	target       map[string]assignment // member id → what it is to have
	targetEpoch  int32
	targetMs     int64 // when it was computed; 0: not known
	regexes      map[string]*schema.ConsumerRegularExpressionValue

	// What follows from the members.
	static map[string]string         // instance id → member id
	owners map[topicPartition]string // who has a partition, or has not yet confirmed that it gave it back

	// Soft: the cluster's topics have changed since they were looked at, or the group was just loaded.
	stale bool
	// Soft: members of the classic protocol that were told to join, until they do.
	joining map[string]struct{}
}

func newConsumerGroup(name string) *consumerGroup {
	return &consumerGroup{
		name: name, stale: true, members: map[string]*consumerMember{}, target: map[string]assignment{},
		regexes: map[string]*schema.ConsumerRegularExpressionValue{}, static: map[string]string{},
		owners: map[topicPartition]string{}, joining: map[string]struct{}{},
	}
}

// clone is a group to try a decision on. It shares what is never changed in place, and what is soft.
func (g *consumerGroup) clone() *consumerGroup {
	c := *g
	c.members, c.target, c.regexes = maps.Clone(g.members), maps.Clone(g.target), maps.Clone(g.regexes)
	c.static, c.owners = maps.Clone(g.static), maps.Clone(g.owners)
	return &c
}

func (g *consumerGroup) state() consumerState {
	switch {
	case len(g.members) == 0:
		return consumerEmpty
	case g.epoch > g.targetEpoch:
		return assigning
	}
	for _, m := range g.members { // order-free: any of them
		if !m.reconciled(g.targetEpoch) {
			return reconciling
		}
	}
	return consumerStable
}

// isSubscribed reports whether any member is subscribed to a topic, by name or by expression.
func (g *consumerGroup) isSubscribed(topic string) bool {
	for _, m := range g.members { // order-free: any of them
		if slices.Contains(m.topics, topic) {
			return true
		}
		if m.regex != "" && g.regexes[m.regex] != nil && slices.Contains(g.regexes[m.regex].Topics, topic) {
			return true
		}
	}
	return false
}

// topicsOf are the topics that a member is subscribed to, by name and by expression, in order and once each.
func (g *consumerGroup) topicsOf(m *consumerMember) []string {
	all := slices.Clone(m.topics)
	if r := g.regexes[m.regex]; m.regex != "" && r != nil {
		all = append(all, r.Topics...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// consumerMember is a member as its records say. It is not changed any more: a change is another one.
type consumerMember struct {
	id                 string
	instance           *string
	rack               *string
	clientID           string
	clientHost         string
	topics             []string
	regex              string // "": none
	rebalanceTimeoutMs int32
	assignor           *string
	classic            *schema.ClassicMemberMetadata // nil: speaks the consumer protocol

	epoch    int32
	previous int32 // the epoch before, in case that the answer with the new one got lost
	state    int8
	assigned assignment
	revoking assignment // has to be given back
}

func (m *consumerMember) reconciled(targetEpoch int32) bool {
	return m.state == memberStable && m.epoch == targetEpoch
}

// with is a changed copy.
func (m *consumerMember) with(change func(*consumerMember)) *consumerMember {
	c := *m
	change(&c)
	return &c
}

// toEpoch moves a copy on to an epoch.
func (m *consumerMember) toEpoch(epoch int32) {
	if m.epoch != epoch {
		m.previous, m.epoch = m.epoch, epoch
	}
}

// checkEpoch fences a member whose epoch is not the one that it was told. With the epoch before it only has not heard the answer,
// if it has nothing but what it may have.
func (m *consumerMember) checkEpoch(epoch int32, owned assignment) *refusal {
	switch {
	case epoch == joinEpoch || epoch == m.epoch:
		return nil
	case epoch > m.epoch:
		return refuse(kerr.FencedMemberEpoch, "The consumer group member has a greater member epoch (%d) than the one known by the group coordinator (%d). The member must abandon all its partitions and rejoin.", epoch, m.epoch)
	case epoch != m.previous || owned == nil || !owned.within(m.assigned):
		return refuse(kerr.FencedMemberEpoch, "The consumer group member has a smaller member epoch (%d) than the one known by the group coordinator (%d). The member must abandon all its partitions and rejoin.", epoch, m.epoch)
	}
	return nil
}
