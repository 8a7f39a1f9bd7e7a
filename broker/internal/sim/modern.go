package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A member of the newer protocol leaves with one of these epochs.
const (
	leaveForGood   = -1
	leaveForAWhile = -2 // static: it comes back
)

func (m *member) uuid() string {
	var r [16]byte
	for i := range r {
		r[i] = byte(m.rng.Uint32())
	}
	return kafka.MakeUUID(r).String()
}

// heartbeat is a heartbeat of the newer protocol that says everything that the member is and has.
func (m *member) heartbeat(epoch int32) *kmsg.ConsumerGroupHeartbeatRequest {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.SetVersion(1)
	req.Group, req.MemberID, req.InstanceID, req.MemberEpoch = m.group, m.id, m.instance, epoch
	req.RebalanceTimeoutMillis, req.SubscribedTopicNames = memberRebalanceMs, []string{groupTopic}
	req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	if len(m.positions) > 0 {
		t := kmsg.NewConsumerGroupHeartbeatRequestTopic()
		t.TopicID, t.Partitions = m.w.groupTopicID(), slices.Sorted(maps.Keys(m.positions))
		req.Topics = append(req.Topics, t)
	}
	return req
}

// groupTopicID is the id of the topic that groups consume.
func (w *world) groupTopicID() kafka.TopicID {
	if t := w.oracle.image.Topic(groupTopic); t != nil {
		return t.ID
	}
	return kafka.TopicID{}
}

// reconcile sends a heartbeat and does what the answer says: what is taken away is given up at once, and the next heartbeat
// confirms it.
func (m *member) reconcile(node int) {
	m.ask(node, m.heartbeat(m.generation), dataWithin, func(resp kmsg.Response) {
		r := resp.(*kmsg.ConsumerGroupHeartbeatResponse)
		if r.ErrorCode != 0 {
			m.refused("heartbeat", r.ErrorCode)
			return
		}
		if m.state == outside {
			m.state = stable
			m.w.some.hit("member of the newer protocol joined")
		}
		m.generation = r.MemberEpoch
		if r.Assignment != nil {
			m.reassigned(r.Assignment)
		}
		m.w.oracle.owned(m, slices.Sorted(maps.Keys(m.positions)))
	}, nothing)
}

// reassigned takes in what the coordinator wants it to have.
func (m *member) reassigned(a *kmsg.ConsumerGroupHeartbeatResponseAssignment) {
	wanted := map[int32]bool{}
	for _, t := range a.Topics {
		if t.TopicID != m.w.groupTopicID() {
			m.w.violate("G-05", "a member of group %s is assigned topic %s", m.group, kafka.TopicID(t.TopicID))
		}
		for _, p := range t.Partitions {
			wanted[p] = true
			if _, ok := m.positions[p]; !ok {
				m.positions[p] = -1
				m.state = fetching
				m.w.some.hit("partition assigned by the coordinator")
			}
		}
	}
	maps.DeleteFunc(m.positions, func(p int32, _ int64) bool {
		if !wanted[p] {
			m.w.some.hit("partition revoked by the coordinator")
		}
		return !wanted[p]
	})
	if len(m.positions) == 0 {
		m.state = stable
	}
}

// part leaves a group; one that has to be gone says so until it is heard.
func (m *member) part(node int) {
	epoch := int32(leaveForGood)
	if m.instance != nil && !m.leaving && m.rng.IntN(2) == 0 {
		epoch = leaveForAWhile
	}
	req := m.heartbeat(epoch)
	if !m.leaving {
		m.w.some.hit("member leaves")
		m.giveUp()
		m.leaving = true
	}
	m.ask(node, req, time.Second, func(resp kmsg.Response) {
		switch code := kerr.TypedErrorForCode(resp.(*kmsg.ConsumerGroupHeartbeatResponse).ErrorCode); code {
		case nil, kerr.UnknownMemberID, kerr.GroupIDNotFound, kerr.FencedInstanceID, kerr.FencedMemberEpoch:
			m.forget()
		}
	}, nothing)
}
