package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	groups "github.com/thalweg-io/thalweg/broker/internal/coordinator/group"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetCommit: key 8, versions 2 to 10. As Kafka; topics are answered in order of the request. It is answered when the
// offsets are committed to the log (SURFACE 102, 105-107).
//
//	2   retention of this commit; until 4
//	6   leader epoch (KIP-320)
//	7   static members (KIP-345)
//	8   flexible
//	9   members of the new protocol (KIP-848); GROUP_ID_NOT_FOUND and STALE_MEMBER_EPOCH are known
//	10  topics by id (KIP-848)
func (h *Handlers) OffsetCommit(r *network.Request) network.Disposition {
	req := kmsg.NewPtrOffsetCommitRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	c := h.newCommit(r, req)
	if len(c.open) == 0 {
		return message.Answer(r, c.resp)
	}
	who := caller(r)
	h.decide(req.Group, func(t *coordinator.Turn, s *groups.Shard) {
		s.OffsetCommit(t, who, &c.rest, func(resp *kmsg.OffsetCommitResponse) {
			c.take(resp)
			finish(r, c.resp)
		})
	}, func(code *kerr.Error) {
		c.fail(code)
		finish(r, c.resp)
	})
	return network.Pending
}

// commit is an OffsetCommit on its way: the answer, in order of the request, and the rest of the request, which the group
// decides about.
type commit struct {
	resp *kmsg.OffsetCommitResponse
	rest kmsg.OffsetCommitRequest
	open []*kmsg.OffsetCommitResponseTopicPartition // those of the answer that are in rest, in its order
}

// newCommit answers what the group need not be asked about.
func (h *Handlers) newCommit(r *network.Request, req *kmsg.OffsetCommitRequest) *commit {
	c := &commit{resp: kmsg.NewPtrOffsetCommitResponse(), rest: *req}
	c.rest.Topics = nil
	refused := h.refusedGroup(r, security.OpRead, req.Group)
	image := h.Image()
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewOffsetCommitResponseTopic()
		out.Topic, out.TopicID = t.Topic, t.TopicID
		out.Partitions = make([]kmsg.OffsetCommitResponseTopicPartition, len(t.Partitions))
		topic, name, code := h.topicOf(r, image, security.OpRead, r.Version >= 10, t.Topic, t.TopicID)
		if refused != nil {
			code = refused
		}
		rest := kmsg.NewOffsetCommitRequestTopic()
		rest.Topic = name
		if topic != nil {
			rest.TopicID = topic.ID
		}
		for j, p := range t.Partitions {
			out.Partitions[j].Partition = p.Partition
			switch {
			case code != nil:
				out.Partitions[j].ErrorCode = code.Code
			case topic.Partition(p.Partition) == nil:
				out.Partitions[j].ErrorCode = kerr.UnknownTopicOrPartition.Code
			default:
				rest.Partitions = append(rest.Partitions, p)
				c.open = append(c.open, &out.Partitions[j])
			}
		}
		if len(rest.Partitions) > 0 {
			c.rest.Topics = append(c.rest.Topics, rest)
		}
		c.resp.Topics = append(c.resp.Topics, out)
	}
	return c
}

// take takes the group's answer in, which is about the topics and partitions of rest in their order.
func (c *commit) take(resp *kmsg.OffsetCommitResponse) {
	open := c.open
	for i := range resp.Topics {
		for _, p := range resp.Topics[i].Partitions {
			if len(open) == 0 || open[0].Partition != p.Partition {
				panic("BUG: the group has answered about other partitions than it was asked about")
			}
			open[0].ErrorCode = p.ErrorCode
			open = open[1:]
		}
	}
}

func (c *commit) fail(code *kerr.Error) {
	for _, p := range c.open {
		p.ErrorCode = code.Code
	}
}
