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

// OffsetFetch: key 9, versions 1 to 10. As Kafka (SURFACE 108).
//
//	2   null topics are all; error code of the whole answer
//	5   leader epoch (KIP-320)
//	6   flexible
//	7   require_stable (KIP-447)
//	8   several groups at once (KIP-709)
//	9   members of the new protocol (KIP-848)
//	10  topics by id (KIP-848)
func (h *Handlers) OffsetFetch(r *network.Request) network.Disposition {
	req := kmsg.NewPtrOffsetFetchRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	asked := req.Groups
	if r.Version < 8 {
		asked = []kmsg.OffsetFetchRequestGroup{singleGroup(req)}
	}
	answers := make([]kmsg.OffsetFetchResponseGroup, len(asked))
	all := newGather(len(asked), func() { finish(r, offsetFetchAnswer(r.Version, asked, answers)) })
	for i := range asked {
		h.fetchGroup(r, &asked[i], req.RequireStable, func(g kmsg.OffsetFetchResponseGroup) {
			all.put(func() { answers[i] = g })
		})
	}
	return network.Pending
}

// singleGroup is the group of a request before version 8.
func singleGroup(req *kmsg.OffsetFetchRequest) kmsg.OffsetFetchRequestGroup {
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = req.Group
	if req.Topics != nil || req.Version < 2 {
		g.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	}
	for _, t := range req.Topics {
		out := kmsg.NewOffsetFetchRequestGroupTopic()
		out.Topic, out.Partitions = t.Topic, t.Partitions
		g.Topics = append(g.Topics, out)
	}
	return g
}

// fetchGroup asks one group. reply is called once, on any goroutine.
func (h *Handlers) fetchGroup(r *network.Request, g *kmsg.OffsetFetchRequestGroup, stable bool, reply func(kmsg.OffsetFetchResponseGroup)) {
	fail := func(code *kerr.Error) {
		resp := kmsg.NewOffsetFetchResponseGroup()
		resp.Group, resp.ErrorCode = g.Group, code.Code
		reply(resp)
	}
	if code := h.refusedGroup(r, security.OpDescribe, g.Group); code != nil {
		fail(code)
		return
	}
	rest, refused := h.fetchable(r, g)
	c, session := caller(r), *r.Session
	h.decide(g.Group, func(t *coordinator.Turn, s *groups.Shard) {
		s.OffsetFetch(t, c, stable, &rest, func(resp kmsg.OffsetFetchResponseGroup) {
			if resp.ErrorCode == 0 && g.Topics == nil { // what may not be seen is not there
				kept := resp.Topics[:0]
				for _, t := range resp.Topics {
					if h.Authorizer.Allowed(session.Principal, session.RemoteHost, security.OpDescribe, security.ResourceTopic, t.Topic) {
						kept = append(kept, t)
					}
				}
				resp.Topics = kept
			}
			if resp.ErrorCode == 0 {
				resp.Topics = append(resp.Topics, refused...)
			}
			reply(resp)
		})
	}, fail)
}

// fetchable is the part of a request that the group is asked about, with names and ids, and the answers about the other part.
func (h *Handlers) fetchable(r *network.Request, g *kmsg.OffsetFetchRequestGroup) (rest kmsg.OffsetFetchRequestGroup, refused []kmsg.OffsetFetchResponseGroupTopic) {
	rest = *g
	if g.Topics == nil {
		return rest, nil
	}
	rest.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	image := h.Image()
	for _, t := range g.Topics {
		topic, name, code := h.topicOf(r, image, security.OpDescribe, r.Version >= 10, t.Topic, t.TopicID)
		if code != nil {
			refused = append(refused, noOffsets(t, code))
			continue
		}
		t.Topic = name
		if topic != nil {
			t.TopicID = topic.ID
		}
		rest.Topics = append(rest.Topics, t)
	}
	return rest, refused
}

// noOffsets answers about a topic that the group is not asked about.
func noOffsets(t kmsg.OffsetFetchRequestGroupTopic, code *kerr.Error) kmsg.OffsetFetchResponseGroupTopic {
	out := kmsg.NewOffsetFetchResponseGroupTopic()
	out.Topic, out.TopicID = t.Topic, t.TopicID
	for _, p := range t.Partitions {
		e := kmsg.NewOffsetFetchResponseGroupTopicPartition()
		e.Partition, e.Offset, e.LeaderEpoch, e.Metadata, e.ErrorCode = p, -1, -1, new(string), code.Code
		out.Partitions = append(out.Partitions, e)
	}
	return out
}

// offsetFetchAnswer puts the answers about the groups into the shape of a version.
func offsetFetchAnswer(version int16, asked []kmsg.OffsetFetchRequestGroup, answers []kmsg.OffsetFetchResponseGroup) *kmsg.OffsetFetchResponse {
	resp := kmsg.NewPtrOffsetFetchResponse()
	if version >= 8 {
		resp.Groups = answers
		return resp
	}
	g := answers[0]
	resp.ErrorCode = g.ErrorCode
	if g.ErrorCode != 0 && version < 2 { // the only place for it
		for _, t := range asked[0].Topics {
			g.Topics = append(g.Topics, noOffsets(t, kerr.TypedErrorForCode(g.ErrorCode)))
		}
	}
	for _, t := range g.Topics {
		out := kmsg.NewOffsetFetchResponseTopic()
		out.Topic = t.Topic
		for _, p := range t.Partitions {
			e := kmsg.NewOffsetFetchResponseTopicPartition()
			e.Partition, e.Offset, e.LeaderEpoch, e.Metadata, e.ErrorCode = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode
			out.Partitions = append(out.Partitions, e)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}
