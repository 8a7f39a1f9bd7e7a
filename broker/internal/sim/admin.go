package sim

import (
	"fmt"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// setup creates the topics of the workload and asks again until they are there.
type setup struct {
	w     *world
	actor int
	turn  int
}

func (s *setup) work() {
	s.turn++
	image := s.w.oracle.image
	topics := s.w.plan.Topics
	if shards := s.w.plan.GroupShards; shards > 0 {
		topics = append(slices.Clone(topics), TopicPlan{Name: kafka.OffsetsTopic, Partitions: shards}, TopicPlan{Name: groupTopic, Partitions: groupPartitions})
	}
	for _, t := range topics {
		if image != nil && image.Topic(t.Name) != nil {
			continue
		}
		s.w.askNode(s.actor, s.turn%s.w.plan.Nodes, s.w.createTopic(t), func(kmsg.Response, error) {
			s.w.e.After(tickInterval, "setup", s.actor, s.work)
		})
		return
	}
}

// leastOffsetsSegment has room for what a group coordinator writes at once: a batch fits into a segment.
const leastOffsetsSegment = 4000

func (w *world) createTopic(t TopicPlan) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(req.MaxVersion())
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = t.Name, t.Partitions, 1
	set := func(name string, value any) {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = name, kmsg.StringPtr(fmt.Sprint(value))
		rt.Configs = append(rt.Configs, c)
	}
	l := &w.plan.Limits
	segment := l.SegmentBytes
	if t.Name == kafka.OffsetsTopic {
		segment = max(segment, leastOffsetsSegment)
	}
	set("internal.segment.bytes", segment)
	set("index.interval.bytes", l.IndexBytes)
	set("segment.index.bytes", 1<<12)
	set("retention.ms", -1) // clocks jump by more than any age
	if t.RetentionBytes > 0 {
		set("retention.bytes", t.RetentionBytes)
	}
	if t.FlushOS {
		set("flush.policy", "os")
		w.some.hit("flush.policy=os")
	}
	req.Topics = append(req.Topics, rt)
	return req
}

// admin creates topics and allocates producer ids, at any node: most of them refuse.
type admin struct {
	*user
	topics int
	node   int
}

func newAdmin(u *user) *admin {
	a := &admin{user: u}
	a.soon(a.work)
	return a
}

func (a *admin) work() {
	if a.ending {
		return
	}
	var req kmsg.Request
	if a.rng.IntN(2) == 0 && a.topics < 10 {
		a.topics++
		req = a.w.createTopic(TopicPlan{Name: fmt.Sprintf("extra%d", a.topics), Partitions: 1})
	} else {
		ids := kmsg.NewPtrAllocateProducerIDsRequest()
		ids.SetVersion(ids.MaxVersion())
		ids.BrokerID = int32(a.rng.IntN(a.w.plan.Nodes))
		if b := a.w.broker(ids.BrokerID); b != nil {
			ids.BrokerEpoch = int64(b.Epoch)
		}
		req = ids
	}
	a.w.askNode(a.actor, a.node, req, func(_ kmsg.Response, err error) {
		switch {
		case err == kerr.NotController:
			a.node = a.rng.IntN(a.w.plan.Nodes)
		case err != nil:
			a.w.some.hit("controller answer open")
			a.node = a.rng.IntN(a.w.plan.Nodes)
		}
		a.soon(a.work)
	})
}
