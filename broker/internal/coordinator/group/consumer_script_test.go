package group

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// consumerHeartbeat is a heartbeat: join is a whole one with epoch 0, ack confirms that the client has what it was told and no more,
// whole says everything again.
func (w *world) consumerHeartbeat(a args, c *client) {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.InstanceID, req.RackID, req.ServerAssignor = int16(a.number("v", 1)), a.text("group", "g"), a.optional("instance"), a.optional("rack"), a.optional("assignor")
	if req.MemberID = c.id; req.MemberID == "" && req.Version > 0 {
		req.MemberID = "id-" + c.name
	}
	if a.has("id") {
		req.MemberID = a.text("id", "")
	}
	req.MemberEpoch = c.generation
	req.RebalanceTimeoutMillis = -1
	if a.has("join") {
		req.MemberEpoch = 0
	}
	req.MemberEpoch = int32(a.number("epoch", int64(req.MemberEpoch)))
	if a.has("join") || a.has("whole") {
		req.RebalanceTimeoutMillis, req.Topics = int32(a.number("rebalance", 60000)), []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		req.SubscribedTopicNames = []string{"t"}
		if a.has("regex") {
			req.SubscribedTopicNames = nil
		}
	}
	if a.has("nothing") {
		req.SubscribedTopicNames = nil
	}
	if a.has("topics") {
		req.SubscribedTopicNames = a.list("topics")
	}
	req.SubscribedTopicRegex = a.optional("regex")
	if a.has("ack") || a.has("whole") {
		req.Topics = ownedTopics(c.owned)
	}
	if a.has("owned") {
		req.Topics = ownedTopics(a.list("owned"))
	}
	w.send(c, req)
}

func (w *world) send(c *client, req *kmsg.ConsumerGroupHeartbeatRequest) {
	caller := Caller{ClientID: c.name, ClientHost: "/127.0.0.1", Version: req.Version, Describe: func(topic string) bool { return topic != "secret" }}
	w.do(func(t *coordinator.Turn) {
		w.machine.ConsumerGroupHeartbeat(t, caller, req, func(r *kmsg.ConsumerGroupHeartbeatResponse) {
			w.printf("%s heard: %s", c.name, codeText(r.ErrorCode))
			if r.ErrorCode != 0 {
				w.printf(": %s\n", pointed(r.ErrorMessage))
				return
			}
			w.learn(c, *r.MemberID)
			c.generation = r.MemberEpoch
			w.printf(" epoch=%d", r.MemberEpoch)
			if r.Assignment != nil {
				c.owned = w.assigned(r.Assignment)
				w.printf(" assignment=%v", c.owned)
			}
			w.printf("\n")
		})
	})
}

// assigned names partitions by topic.
func (w *world) assigned(a *kmsg.ConsumerGroupHeartbeatResponseAssignment) (all []string) {
	for _, t := range a.Topics {
		for _, p := range t.Partitions {
			all = append(all, topicName(t.TopicID)+"/"+strconv.Itoa(int(p)))
		}
	}
	return all
}

// topicName is the name that topicIDOf made an id of.
func topicName(id [16]byte) string { return strings.TrimRight(string(id[1:]), "\x00") }

func ownedTopics(list []string) []kmsg.ConsumerGroupHeartbeatRequestTopic {
	all := []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	for _, t := range offsetList(list) {
		e := kmsg.NewConsumerGroupHeartbeatRequestTopic()
		e.TopicID = topicIDOf(t.Topic)
		for _, p := range t.Partitions {
			e.Partitions = append(e.Partitions, p.Partition)
		}
		all = append(all, e)
	}
	return all
}

func (w *world) describeConsumer(a args) {
	w.do(func(t *coordinator.Turn) {
		w.machine.ConsumerGroupDescribe(t, Caller{Version: 1}, a.text("group", "g"), func(r kmsg.ConsumerGroupDescribeResponseGroup) {
			w.printf("%s: %s state=%s epoch=%d target=%d assignor=%s\n", r.Group, codeText(r.ErrorCode), r.State, r.Epoch, r.AssignmentEpoch, r.AssignorName)
			for _, m := range r.Members {
				w.printf("  %s instance=%s rack=%s epoch=%d topics=%v regex=%s type=%d has=%s target=%s\n", m.MemberID, pointed(m.InstanceID), pointed(m.RackID), m.MemberEpoch, m.SubscribedTopics,
					pointed(m.SubscribedTopicRegex), m.MemberType, described(m.Assignment), described(m.TargetAssignment))
			}
		})
	})
}

func described(a kmsg.Assignment) string {
	var all []string
	for _, t := range a.TopicPartitions {
		all = append(all, fmt.Sprint(t.Topic, t.Partitions))
	}
	return strings.Join(all, "")
}

func consumerValueText(v schema.OffsetsValue) string {
	topics := func(list []schema.AssignedTopic) string {
		var all []string
		for _, t := range list {
			all = append(all, fmt.Sprint(topicName(t.TopicID), t.Partitions))
			if t.Epochs != nil {
				all = append(all, fmt.Sprint("@", t.Epochs))
			}
		}
		return "{" + strings.Join(all, "") + "}"
	}
	switch v := v.(type) {
	case *schema.ConsumerGroupEpochValue:
		return fmt.Sprintf("epoch=%d topics=%t", v.Epoch, v.MetadataHash != 0)
	case *schema.ConsumerMemberValue:
		s := fmt.Sprintf("client=%s topics=%v", v.ClientID, v.SubscribedTopics)
		for _, f := range []struct {
			name string
			text *string
		}{{"instance", v.InstanceID}, {"rack", v.RackID}, {"regex", v.SubscribedRegex}, {"assignor", v.ServerAssignor}} {
			if f.text != nil {
				s += " " + f.name + "=" + *f.text
			}
		}
		if v.Classic != nil {
			s += " classic:"
			for _, p := range v.Classic.Protocols {
				s += " " + p.Name
			}
		}
		return s
	case *schema.ConsumerTargetEpochValue:
		return fmt.Sprintf("epoch=%d", v.AssignmentEpoch)
	case *schema.ConsumerTargetMemberValue:
		return topics(v.Partitions)
	case *schema.ConsumerCurrentAssignmentValue:
		s := fmt.Sprintf("epoch=%d<-%d %s %s", v.MemberEpoch, v.PreviousMemberEpoch, [...]string{"stable", "unrevoked", "unreleased"}[v.State], topics(v.Assigned))
		if len(v.PendingRevocation) > 0 {
			s += " revoking " + topics(v.PendingRevocation)
		}
		return s
	case *schema.ConsumerRegularExpressionValue:
		return fmt.Sprint(v.Topics)
	}
	return fmt.Sprintf("%+v", v)
}

// durable is what must survive of a group.
func (g *consumerGroup) durable() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s consumer %s epoch=%d hash=%x target=%d\n", g.name, g.state(), g.epoch, g.metadataHash, g.targetEpoch)
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		fmt.Fprintf(&b, "  %s %s %v %q epoch=%d<-%d state=%d has %v revokes %v target %v\n", id, pointed(m.instance), m.topics, m.regex, m.epoch, m.previous, m.state,
			m.assigned.topics(true), m.revoking.topics(true), g.target[id].topics(false))
	}
	for _, regex := range sortedKeys(g.regexes) {
		fmt.Fprintf(&b, "  regex %s %v\n", regex, g.regexes[regex].Topics)
	}
	owned := 0
	for _, id := range sortedKeys(g.members) {
		for _, has := range []assignment{g.members[id].assigned, g.members[id].revoking} {
			for _, tp := range has.sorted() {
				if owned++; g.owners[tp] != id {
					fmt.Fprintf(&b, "  BUG: %s has %v, which is %s's\n", id, tp, g.owners[tp])
				}
			}
		}
	}
	if owned != len(g.owners) || len(g.target) > len(g.members) || !slices.Equal(sortedKeys(g.static), g.instances()) {
		fmt.Fprintf(&b, "  BUG: %d partitions are owned, %d noted; %d targets; instances %v\n", owned, len(g.owners), len(g.target), g.static)
	}
	return b.String()
}

func (g *consumerGroup) instances() (all []string) {
	for _, m := range g.members {
		if m.instance != nil {
			all = append(all, *m.instance)
		}
	}
	slices.Sort(all)
	return all
}
