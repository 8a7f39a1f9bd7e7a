package admin

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Metadata: key 3, versions 0 to 13. Differs from Kafka: the controller named is this broker rather than
// a random one; every broker takes every admin request; a partition whose log this broker is about to open has no leader yet
// (LEADER_NOT_AVAILABLE), where Kafka names one that may still answer NOT_LEADER_OR_FOLLOWER.
//
//	1   null is all topics, empty is none; rack, controller id
//	2   cluster id
//	4   auto-creation can be refused by the client (KIP-204)
//	5   offline replicas (KIP-112)
//	6   LISTENER_NOT_FOUND is known
//	7   leader epoch (KIP-320)
//	8   authorized operations (KIP-430); those of the cluster until 10
//	9   flexible
//	10  topic ids in the answer (KIP-516)
//	12  topics by id
//	13  error code of the whole answer (KIP-1102)
func (h *Handlers) Metadata(r *network.Request) network.Disposition {
	req := kmsg.NewPtrMetadataRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	image := h.Image()
	resp := kmsg.NewPtrMetadataResponse()
	resp.ControllerID = int32(h.Self)
	if id := image.ClusterID(); id != "" {
		resp.ClusterID = &id
	}
	resp.AuthorizedOperations = h.clusterOperations(r, req.IncludeClusterAuthorizedOperations)
	resp.Brokers = brokersOn(r.Session.Listener, image)
	resp.Topics = h.topics(r, req, image)
	return message.Answer(r, resp)
}

// brokersOn lists the live brokers that can be reached on a listener (SURFACE 14).
func brokersOn(listener string, image *metadata.Image) []kmsg.MetadataResponseBroker {
	var out []kmsg.MetadataResponseBroker
	for b := range image.Brokers {
		e, ok := b.Endpoint(listener)
		if !ok || b.Fenced {
			continue
		}
		m := kmsg.NewMetadataResponseBroker()
		m.NodeID, m.Host, m.Port = int32(b.ID), e.Host, e.Port
		if b.Rack != "" {
			m.Rack = &b.Rack
		}
		out = append(out, m)
	}
	return out
}

func (h *Handlers) topics(r *network.Request, req *kmsg.MetadataRequest, image *metadata.Image) []kmsg.MetadataResponseTopic {
	all := req.Topics == nil || req.Version == 0 && len(req.Topics) == 0 // SURFACE 15
	if !all {
		return h.named(r, req, image)
	}
	out := make([]kmsg.MetadataResponseTopic, 0, image.NumTopics())
	for t := range image.Topics {
		if h.allowed(r, security.OpDescribe, security.ResourceTopic, t.Name) { // SURFACE 17
			out = append(out, h.describe(r, req, image, t))
		}
	}
	return out
}

// wanted is one topic of a request: by name, or by id.
type wanted struct {
	named bool
	name  string
	id    kafka.TopicID
}

// named answers for the topics that were asked for, each once, and creates missing ones.
func (h *Handlers) named(r *network.Request, req *kmsg.MetadataRequest, image *metadata.Image) []kmsg.MetadataResponseTopic {
	out := make([]kmsg.MetadataResponseTopic, 0, len(req.Topics))
	seen := make(map[wanted]bool, len(req.Topics))
	var missing []string
	for _, t := range req.Topics {
		w := wanted{id: t.TopicID}
		if t.Topic != nil {
			w.named, w.name = true, *t.Topic
		}
		if seen[w] {
			continue
		}
		seen[w] = true
		answer, create := h.one(r, req, image, w)
		if create {
			missing = append(missing, w.name)
		}
		out = append(out, answer)
	}
	if len(missing) > 0 {
		h.autoCreate(r, missing)
	}
	return out
}

func (h *Handlers) one(r *network.Request, req *kmsg.MetadataRequest, image *metadata.Image, w wanted) (t kmsg.MetadataResponseTopic, create bool) {
	byID := !w.id.IsZero()
	switch {
	case byID && req.Version < 12 || !byID && !w.named: // SURFACE 18
		return noTopic(&w.name, w.id, kerr.InvalidRequest), false
	case byID: // whatever the name: Java's client sends an empty one
		return h.byID(r, req, image, w.id), false
	}
	return h.byName(r, req, image, w.name)
}

func (h *Handlers) byID(r *network.Request, req *kmsg.MetadataRequest, image *metadata.Image, id kafka.TopicID) kmsg.MetadataResponseTopic {
	t := image.TopicByID(id)
	if t == nil || !h.allowed(r, security.OpDescribe, security.ResourceTopic, t.Name) {
		return noTopic(nil, id, kerr.UnknownTopicID)
	}
	return h.describe(r, req, image, t)
}

// byName also reports whether the topic is missing and is to be created.
func (h *Handlers) byName(r *network.Request, req *kmsg.MetadataRequest, image *metadata.Image, name string) (t kmsg.MetadataResponseTopic, create bool) {
	if !h.allowed(r, security.OpDescribe, security.ResourceTopic, name) { // SURFACE 17
		return noTopic(&name, kafka.TopicID{}, kerr.TopicAuthorizationFailed), false
	}
	if t := image.Topic(name); t != nil {
		return h.describe(r, req, image, t), false
	}
	if kafka.CheckTopicName(name) != nil {
		return noTopic(&name, kafka.TopicID{}, kerr.InvalidTopicException), false
	}
	want := h.AutoCreate && (req.AllowAutoTopicCreation || req.Version < 4) && !kafka.IsInternalTopic(name)
	switch {
	case want && !h.mayCreate(r, name):
		return noTopic(&name, kafka.TopicID{}, kerr.TopicAuthorizationFailed), false
	default:
		return noTopic(&name, kafka.TopicID{}, kerr.UnknownTopicOrPartition), want // SURFACE 16
	}
}

func noTopic(name *string, id kafka.TopicID, code *kerr.Error) kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	t.Topic, t.TopicID, t.ErrorCode = name, id, code.Code
	t.AuthorizedOperations = notRequested
	return t
}

func (h *Handlers) describe(r *network.Request, req *kmsg.MetadataRequest, image *metadata.Image, t *metadata.Topic) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.IsInternal = &t.Name, t.ID, kafka.IsInternalTopic(t.Name)
	out.AuthorizedOperations = notRequested
	if req.IncludeTopicAuthorizedOperations {
		out.AuthorizedOperations = h.operations(r, security.ResourceTopic, t.Name, topicOperations)
	}
	out.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for i, p := range t.Partitions {
		out.Partitions[i] = describePartition(r, image, int32(i), p)
		if h.preparing(t.ID, int32(i), p) {
			out.Partitions[i].ErrorCode, out.Partitions[i].Leader = kerr.LeaderNotAvailable.Code, int32(kafka.NoBroker)
		}
	}
	return out
}

func describePartition(r *network.Request, image *metadata.Image, index int32, p *metadata.Partition) kmsg.MetadataResponseTopicPartition {
	out := kmsg.NewMetadataResponseTopicPartition()
	out.Partition, out.Leader, out.LeaderEpoch = index, int32(p.Leader), int32(p.LeaderEpoch)
	out.Replicas, out.ISR = ids(p.Replicas), ids(p.ISR)
	out.OfflineReplicas = offline(image, p)
	_, reachable := image.Broker(p.Leader).Endpoint(r.Session.Listener)
	switch {
	case p.Leader == kafka.NoBroker, !reachable && r.Version < 6:
		out.ErrorCode = kerr.LeaderNotAvailable.Code
	case !reachable: // SURFACE 14
		out.ErrorCode = kerr.ListenerNotFound.Code
	}
	return out
}

// preparing: this broker is to lead the partition and cannot yet. Nobody is told the name of a leader that would refuse the
// record that is meant for it: there are clients that do not try again.
func (h *Handlers) preparing(id kafka.TopicID, index int32, p *metadata.Partition) bool {
	return p.Leader == h.Self && h.Preparing != nil && h.Preparing(id, index, p.LeaderEpoch) && !plantedEarlyLeader
}

// offline are the replicas on brokers that are fenced or gone (SURFACE 130).
func offline(image *metadata.Image, p *metadata.Partition) (out []int32) {
	for _, id := range p.Replicas {
		if b := image.Broker(id); b == nil || b.Fenced {
			out = append(out, int32(id))
		}
	}
	return out
}

func ids(bs []kafka.BrokerID) []int32 {
	out := make([]int32, len(bs))
	for i, b := range bs {
		out[i] = int32(b)
	}
	return out
}
