package kafkatool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Types of groups, as the tools print them; groupUnknown is what an old cluster does not tell.
const (
	groupClassic  = "Classic"
	groupConsumer = "Consumer"
	groupShare    = "Share"
	groupStreams  = "Streams"
	groupUnknown  = "Unknown"
)

// States of groups, as the tools print them.
const (
	stateStable      = "Stable"
	stateEmpty       = "Empty"
	stateDead        = "Dead"
	statePreparing   = "PreparingRebalance"
	stateCompleting  = "CompletingRebalance"
	stateAssigning   = "Assigning"
	stateReconciling = "Reconciling"
)

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

func (p place) String() string { return fmt.Sprintf("%s-%d", p.topic, p.partition) }

func comparePlaces(a, b place) int {
	return cmp.Or(strings.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
}

// javaHash is TopicPartition.hashCode.
func (p place) javaHash() int32 { return 31*(31+p.partition) + javaHash(p.topic) }

func placesInJavaOrder(places []place) []place { return inJavaOrder(places, place.javaHash) }

// groupListing is a group as listing shows it.
type groupListing struct {
	id, protocolType, state, kind string
}

// ofConsumers: groups of consumers, or offsets that were committed without one.
func (g groupListing) ofConsumers() bool {
	classic := g.kind != groupShare && g.kind != groupStreams && (g.protocolType == "" || g.protocolType == "consumer")
	return g.kind == groupConsumer || classic
}

// listGroups lists the groups of all brokers, in the order in which Kafka's tools do; those in some
// states and of some types only, if any are named.
func (c *cluster) listGroups(ctx context.Context, states, kinds []string) ([]groupListing, error) {
	req := kmsg.NewPtrListGroupsRequest()
	req.StatesFilter, req.TypesFilter = states, kinds
	if err := c.need(req); err != nil {
		return nil, err
	}
	resp, err := req.RequestWith(ctx, c.Client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, err
	}
	var groups []groupListing
	for _, g := range resp.Groups {
		l := groupListing{id: g.Group, protocolType: g.ProtocolType, state: cmp.Or(g.GroupState, groupUnknown), kind: groupType(g.GroupType)}
		if (len(states) == 0 || slices.Contains(states, l.state)) && (len(kinds) == 0 || slices.Contains(kinds, l.kind)) {
			groups = append(groups, l)
		}
	}
	return inJavaOrder(groups, func(g groupListing) int32 { return javaHash(g.id) }), nil
}

// groupType spells a type as the tools print it, whatever its case; groupUnknown if it is none.
func groupType(text string) string {
	for _, known := range []string{groupClassic, groupConsumer, groupShare, groupStreams} {
		if strings.EqualFold(text, known) {
			return known
		}
	}
	return groupUnknown
}

// group is a group of consumers as describing it shows it. What only the new protocol has is nil in
// a classic group.
type group struct {
	id, kind, state, assignor string
	epoch, targetEpoch        *int32
	coordinator               kgo.BrokerMetadata
	members                   []groupMember
}

type groupMember struct {
	id, instance, client, host string
	epoch                      *int32
	assigned, target           []place
	upgraded                   *bool // it speaks the new protocol, if that is known
}

// Kinds of members in ConsumerGroupDescribe.
const (
	memberClassic = 0
	memberNew     = 1
)

// describeGroups describes groups of consumers, by id: first by the API of the new protocol, and
// those that it does not know by the classic one. A group that cannot be described has an error.
func (c *cluster) describeGroups(ctx context.Context, ids []string) (map[string]group, map[string]error) {
	groups, failed := map[string]group{}, map[string]error{}
	classic := ids
	if req := kmsg.NewPtrConsumerGroupDescribeRequest(); c.serves[req.Key()] {
		req.Groups = ids
		classic = c.describeNew(ctx, req, groups, failed)
	}
	if len(classic) > 0 {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Groups = classic
		c.describeClassic(ctx, req, groups, failed)
	}
	return groups, failed
}

// describeNew returns the groups that are left for the classic API.
func (c *cluster) describeNew(ctx context.Context, req *kmsg.ConsumerGroupDescribeRequest, groups map[string]group, failed map[string]error) (left []string) {
	for _, shard := range c.RequestSharded(ctx, req) {
		if shard.Err != nil {
			for _, id := range shard.Req.(*kmsg.ConsumerGroupDescribeRequest).Groups {
				failed[id] = shard.Err
			}
			continue
		}
		for _, g := range shard.Resp.(*kmsg.ConsumerGroupDescribeResponse).Groups {
			err := kclient.CodeMessage(g.ErrorCode, g.ErrorMessage)
			switch {
			case errors.Is(err, kerr.GroupIDNotFound) || errors.Is(err, kerr.UnsupportedVersion):
				left = append(left, g.Group)
			case err != nil:
				failed[g.Group] = err
			default:
				groups[g.Group] = newGroup(g, shard.Meta)
			}
		}
	}
	return left
}

func newGroup(g kmsg.ConsumerGroupDescribeResponseGroup, coordinator kgo.BrokerMetadata) group {
	out := group{id: g.Group, kind: groupConsumer, state: g.State, assignor: g.AssignorName, epoch: &g.Epoch, targetEpoch: &g.AssignmentEpoch, coordinator: coordinator}
	for _, m := range g.Members {
		member := groupMember{id: m.MemberID, client: m.ClientID, host: m.ClientHost, epoch: &m.MemberEpoch,
			assigned: assignedPlaces(m.Assignment), target: assignedPlaces(m.TargetAssignment)}
		if m.InstanceID != nil {
			member.instance = *m.InstanceID
		}
		if m.MemberType == memberClassic || m.MemberType == memberNew {
			isNew := m.MemberType == memberNew
			member.upgraded = &isNew
		}
		out.members = append(out.members, member)
	}
	return out
}

func assignedPlaces(a kmsg.Assignment) (places []place) {
	for _, t := range a.TopicPartitions {
		for _, p := range t.Partitions {
			places = append(places, place{t.Topic, p})
		}
	}
	return places
}

func (c *cluster) describeClassic(ctx context.Context, req *kmsg.DescribeGroupsRequest, groups map[string]group, failed map[string]error) {
	for _, shard := range c.RequestSharded(ctx, req) {
		if shard.Err != nil {
			for _, id := range shard.Req.(*kmsg.DescribeGroupsRequest).Groups {
				failed[id] = shard.Err
			}
			continue
		}
		for _, g := range shard.Resp.(*kmsg.DescribeGroupsResponse).Groups {
			described, err := classicGroup(g, shard.Meta)
			if err != nil {
				failed[g.Group] = err
				continue
			}
			groups[g.Group] = described
		}
	}
}

func classicGroup(g kmsg.DescribeGroupsResponseGroup, coordinator kgo.BrokerMetadata) (group, error) {
	if err := kclient.CodeMessage(g.ErrorCode, g.ErrorMessage); err != nil {
		return group{}, err
	}
	if g.ProtocolType != "" && g.ProtocolType != "consumer" {
		return group{}, fmt.Errorf("GroupId %s is not a consumer group (%s).", g.Group, g.ProtocolType)
	}
	out := group{id: g.Group, kind: groupClassic, state: g.State, assignor: g.Protocol, coordinator: coordinator}
	for _, m := range g.Members {
		member := groupMember{id: m.MemberID, client: m.ClientID, host: m.ClientHost}
		if m.InstanceID != nil {
			member.instance = *m.InstanceID
		}
		var assignment kmsg.ConsumerMemberAssignment
		if len(m.MemberAssignment) > 0 && assignment.ReadFrom(m.MemberAssignment) == nil {
			for _, t := range assignment.Topics {
				for _, p := range t.Partitions {
					member.assigned = append(member.assigned, place{t.Topic, p})
				}
			}
		}
		out.members = append(out.members, member)
	}
	return out, nil
}

// committed is an offset that a group has committed.
type committed struct {
	offset      int64
	leaderEpoch *int32 // nil: it was committed without
}

// committedOffsets reads all offsets of a group; places in the order of the answer.
func (c *cluster) committedOffsets(ctx context.Context, id string) (places []place, offsets map[place]committed, err error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = id
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, c.Client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, nil, err
	}
	offsets = map[place]committed{}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return nil, nil, err
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, nil, err
				}
				if p.Offset < 0 {
					continue
				}
				at := committed{offset: p.Offset}
				if p.LeaderEpoch >= 0 {
					at.leaderEpoch = &p.LeaderEpoch
				}
				places = append(places, place{t.Topic, p.Partition})
				offsets[place{t.Topic, p.Partition}] = at
			}
		}
	}
	return places, offsets, nil
}

// Times of ListOffsets.
const (
	latestTime   = -1
	earliestTime = -2
)

// offsetsAt asks for the offsets of partitions at a time, -1 for none. The first error ends it.
func (c *cluster) offsetsAt(ctx context.Context, places []place, at int64) (map[place]int64, error) {
	offsets := map[place]int64{}
	if len(places) == 0 {
		return offsets, nil
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	for name, partitions := range byTopic(places) {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = name
		for _, id := range partitions {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp, p.CurrentLeaderEpoch = id, at, -1
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, c.Client)
	if err != nil {
		return nil, err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, err
			}
			offsets[place{t.Topic, p.Partition}] = p.Offset
		}
	}
	return offsets, nil
}

func byTopic(places []place) map[string][]int32 {
	topics := map[string][]int32{}
	for _, p := range places {
		topics[p.topic] = append(topics[p.topic], p.partition)
	}
	return topics
}

// presence sorts partitions by whether they can be asked for offsets.
type presence struct {
	led, leaderless, missing []place
	ids                      map[string][16]byte // of the topics that are there
}

// presenceOf looks partitions up: a partition that is deleted or has no leader has no end.
func (c *cluster) presenceOf(ctx context.Context, places []place) (p presence, err error) {
	p.ids = map[string][16]byte{}
	if len(places) == 0 {
		return p, nil
	}
	var names []string
	for name := range byTopic(places) {
		names = append(names, name)
	}
	slices.Sort(names)
	resp, err := c.metadata(ctx, names)
	if err != nil {
		return p, err
	}
	led := map[place]bool{}
	for _, t := range resp.Topics {
		if t.Topic == nil || t.ErrorCode != 0 {
			continue
		}
		p.ids[*t.Topic] = t.TopicID
		for _, known := range t.Partitions {
			led[place{*t.Topic, known.Partition}] = known.Leader >= 0
		}
	}
	for _, at := range places {
		hasLeader, known := led[at]
		switch {
		case hasLeader:
			p.led = append(p.led, at)
		case known:
			p.leaderless = append(p.leaderless, at)
		default:
			p.missing = append(p.missing, at)
		}
	}
	return p, nil
}

// partitionsOf lists the partitions of topics; a topic that is not there is an error of its own.
func (c *cluster) partitionsOf(ctx context.Context, topics []string) (places []place, failed map[string]error, err error) {
	failed = map[string]error{}
	if len(topics) == 0 {
		return nil, failed, nil
	}
	resp, err := c.metadata(ctx, topics)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range resp.Topics {
		if t.Topic == nil {
			continue
		}
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			failed[*t.Topic] = err
		}
		for _, p := range t.Partitions {
			places = append(places, place{*t.Topic, p.Partition})
		}
	}
	slices.SortFunc(places, comparePlaces)
	return places, failed, nil
}

// topicArgument reads topic or topic:n,n. Its errors are misuse.
func topicArgument(text string) (topic string, partitions []int32, err error) {
	parts := strings.Split(text, ":")
	if len(parts) == 1 {
		return text, nil, nil
	}
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return "", nil, misused("Invalid topic arg '%s', expected topic name and partitions", text)
	}
	for _, word := range strings.Split(parts[1], ",") {
		n, err := strconv.ParseInt(word, 10, 32)
		if err != nil {
			return "", nil, misused("Invalid partition '%s' specified in topic arg '%s''", word, text)
		}
		partitions = append(partitions, int32(n))
	}
	return parts[0], partitions, nil
}
