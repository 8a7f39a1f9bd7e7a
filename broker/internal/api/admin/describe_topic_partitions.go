package admin

import (
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeTopicPartitions: key 75, version 0. As Kafka: topics in order of name, pages of at most
// 2,000 partitions with a cursor to where the next one begins.
//
//	0   (KIP-966)
func (h *Handlers) DescribeTopicPartitions(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	if !validCursor(req) {
		for _, t := range req.Topics {
			resp.Topics = append(resp.Topics, pageError(t.Topic, kerr.InvalidRequest))
		}
		return message.Answer(r, resp)
	}
	p := &page{h: h, r: r, image: h.Image(), resp: resp, left: pageLimit(req.ResponsePartitionLimit)}
	if c := req.Cursor; c != nil {
		p.from, p.partition = c.Topic, c.Partition
	}
	if len(req.Topics) == 0 {
		p.image.TopicsFrom(p.from, func(t *metadata.Topic) bool {
			return !p.mayDescribe(t.Name) || p.topic(t.Name, t)
		})
		return message.Answer(r, resp)
	}
	p.named(req.Topics)
	return message.Answer(r, resp)
}

// maxPagePartitions is max.request.partition.size.limit.
const maxPagePartitions = 2000

func pageLimit(asked int32) int { return max(1, min(int(asked), maxPagePartitions)) }

// validCursor: the cursor's topic is one of those asked for, its partition is one.
func validCursor(req *kmsg.DescribeTopicPartitionsRequest) bool {
	c := req.Cursor
	if c == nil {
		return true
	}
	return c.Partition >= 0 && (len(req.Topics) == 0 ||
		slices.ContainsFunc(req.Topics, func(t kmsg.DescribeTopicPartitionsRequestTopic) bool { return t.Topic == c.Topic }))
}

// page is one answer being filled.
type page struct {
	h     *Handlers
	r     *network.Request
	image *metadata.Image
	resp  *kmsg.DescribeTopicPartitionsResponse

	from      string // topic of the cursor
	partition int32  // partition to begin with in that topic
	left      int    // partitions that still fit
}

func (p *page) mayDescribe(topic string) bool {
	return p.h.allowed(p.r, security.OpDescribe, security.ResourceTopic, topic)
}

// named answers for the topics that were asked for, each once, from the cursor on. Those that the
// client may not describe come last, whether they exist or not.
func (p *page) named(topics []kmsg.DescribeTopicPartitionsRequestTopic) {
	names := make([]string, 0, len(topics))
	for _, t := range topics {
		if t.Topic >= p.from {
			names = append(names, t.Topic)
		}
	}
	slices.Sort(names)
	var refused []string
	full := false
	for _, name := range slices.Compact(names) {
		switch {
		case !p.mayDescribe(name):
			refused = append(refused, name)
		case !full:
			full = !p.topic(name, p.image.Topic(name))
		}
	}
	for _, name := range refused {
		p.resp.Topics = append(p.resp.Topics, pageError(name, kerr.TopicAuthorizationFailed))
	}
}

// topic adds one topic, nil if there is none of that name, and reports whether there is room for more.
func (p *page) topic(name string, t *metadata.Topic) bool {
	if p.left == 0 {
		p.stop(name, 0)
		return false
	}
	if t == nil {
		code := kerr.UnknownTopicOrPartition
		if kafka.CheckTopicName(name) != nil {
			code = kerr.InvalidTopicException
		}
		p.resp.Topics = append(p.resp.Topics, pageError(name, code))
		return true
	}
	first := 0
	if name == p.from {
		first = min(int(p.partition), len(t.Partitions))
	}
	end := min(first+p.left, len(t.Partitions))
	out := kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.TopicID, out.IsInternal = &t.Name, t.ID, kafka.IsInternalTopic(name)
	out.AuthorizedOperations = p.h.operations(p.r, security.ResourceTopic, name, topicOperations)
	for i := first; i < end; i++ {
		out.Partitions = append(out.Partitions, p.describe(int32(i), t.Partitions[i]))
		if p.h.preparing(t.ID, int32(i), t.Partitions[i]) {
			out.Partitions[i-first].LeaderID = int32(kafka.NoBroker)
		}
	}
	p.resp.Topics = append(p.resp.Topics, out)
	p.left -= end - first
	if end < len(t.Partitions) {
		p.stop(name, int32(end))
		return false
	}
	return true
}

// stop says where the next page begins.
func (p *page) stop(topic string, partition int32) {
	c := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
	c.Topic, c.Partition = topic, partition
	p.resp.NextCursor = &c
}

func (p *page) describe(index int32, m *metadata.Partition) kmsg.DescribeTopicPartitionsResponseTopicPartition {
	out := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
	out.Partition, out.LeaderID, out.LeaderEpoch = index, int32(kafka.NoBroker), int32(m.LeaderEpoch)
	if b := p.image.Broker(m.Leader); b != nil && !b.Fenced {
		if _, ok := b.Endpoint(p.r.Session.Listener); ok {
			out.LeaderID = int32(m.Leader)
		}
	}
	out.Replicas, out.ISR = ids(m.Replicas), ids(m.ISR)
	out.EligibleLeaderReplicas, out.LastKnownELR = ids(m.ELR), ids(m.LastKnownELR)
	out.OfflineReplicas = offline(p.image, m)
	return out
}

func pageError(name string, code *kerr.Error) kmsg.DescribeTopicPartitionsResponseTopic {
	t := kmsg.NewDescribeTopicPartitionsResponseTopic()
	t.Topic, t.ErrorCode, t.AuthorizedOperations = &name, code.Code, notRequested
	return t
}
