package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConsumerGroupDescribe describes one consumer group.
func (s *Shard) ConsumerGroupDescribe(t *coordinator.Turn, c Caller, name string, reply func(kmsg.ConsumerGroupDescribeResponseGroup)) {
	r := kmsg.NewConsumerGroupDescribeResponseGroup()
	r.Group = name
	if g := s.consumer[name]; g != nil {
		s.describeConsumer(t, g, &r)
	} else {
		text := "Group " + name + " not found."
		if s.classic[name] != nil {
			text = "Group " + name + " is not a consumer group."
		}
		r.ErrorCode, r.ErrorMessage = kerr.GroupIDNotFound.Code, &text
	}
	t.Answer(func(code *kerr.Error) {
		if code != nil {
			r = kmsg.NewConsumerGroupDescribeResponseGroup()
			r.Group, r.ErrorCode = name, code.Code
		}
		reply(r)
	})
}

func (s *Shard) describeConsumer(t *coordinator.Turn, g *consumerGroup, r *kmsg.ConsumerGroupDescribeResponseGroup) {
	r.State, r.Epoch, r.AssignmentEpoch, r.AssignorName = g.state().String(), g.epoch, g.targetEpoch, s.decide(t, g).assignorName()
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		e := kmsg.NewConsumerGroupDescribeResponseGroupMember()
		e.MemberID, e.InstanceID, e.RackID, e.MemberEpoch = m.id, m.instance, m.rack, m.epoch
		e.ClientID, e.ClientHost, e.SubscribedTopics, e.MemberType = m.clientID, m.clientHost, m.topics, 1
		if m.regex != "" {
			regex := m.regex
			e.SubscribedTopicRegex = &regex
		}
		if m.classic != nil {
			e.MemberType = 0
		}
		e.Assignment, e.TargetAssignment = describeAssignment(t, m.assigned), describeAssignment(t, g.target[id])
		r.Members = append(r.Members, e)
	}
}

// describeAssignment names the topics; those that are gone are left out.
func describeAssignment(t *coordinator.Turn, a assignment) kmsg.Assignment {
	out := kmsg.NewAssignment()
	for _, assigned := range a.topics(false) {
		topic := t.Image().TopicByID(assigned.TopicID)
		if topic == nil {
			continue
		}
		e := kmsg.NewAssignmentTopicPartition()
		e.TopicID, e.Topic, e.Partitions = assigned.TopicID, topic.Name, assigned.Partitions
		out.TopicPartitions = append(out.TopicPartitions, e)
	}
	return out
}
