package data

import (
	"log/slog"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/delayed"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// Options is what the handlers work with. All fields but FetchSessions are needed.
type Options struct {
	Replicas   *replica.Manager
	Image      func() *metadata.Image // the present one; must not block
	Authorizer security.Authorizer
	Limiter    quota.Limiter
	Wheel      *delayed.Wheel // for the time-outs of acks=all
	FetchMax   int32          // fetch.max.bytes of the broker (SURFACE 77)
	// FetchSessions is max.incremental.fetch.session.cache.slots; 0 is no sessions.
	FetchSessions int
	Logger        *slog.Logger
}

// Handlers serves the APIs of this package. Its methods fit api's dispatch table and may
// run on many connections at once.
type Handlers struct {
	Options
	sessions *sessionCache
}

// New returns the handlers.
func New(o Options) *Handlers {
	return &Handlers{Options: o, sessions: newSessionCache(o.FetchSessions, maxSessionBytes)}
}

// slot is what the handlers keep in one answer slot of a connection.
type slot struct {
	produce *produce
	fetch   *fetch
}

func slotOf(r *network.Request) *slot {
	s, ok := r.Scratch.(*slot)
	if !ok {
		s = new(slot)
		r.Scratch = s
	}
	return s
}

func (h *Handlers) allowed(r *network.Request, op security.Operation, topic string) bool {
	return h.Authorizer.Allowed(r.Session.Principal, r.Session.RemoteHost, op, security.ResourceTopic, topic)
}

// throttle accounts for use and arranges the throttling: the answer says how long, and the
// connection is muted for that time. Of this and the request quota the larger counts (SURFACE 8).
func (h *Handlers) throttle(r *network.Request, k quota.Kind, bytes int) (ms int32) {
	if a := h.Limiter.Account(k, r.Session.Principal, r.ClientID); a != nil {
		r.Mute = max(r.Mute, a.Record(float64(bytes), r.Now))
	}
	return message.ThrottleMs(r)
}

// leaderHint adds the present leader of a partition to an answer that says "not me" (KIP-951), and
// its address on the listener of the request to endpoints, once.
func (h *Handlers) leaderHint(r *network.Request, topic string, index int32, endpoints []wire.NodeEndpoint) (wire.CurrentLeader, []wire.NodeEndpoint) {
	image := h.Image()
	p := image.Partition(topic, index)
	if p == nil {
		return wire.CurrentLeader{}, endpoints
	}
	hint := wire.CurrentLeader{ID: int32(p.Leader), Epoch: int32(p.LeaderEpoch), Set: true}
	for _, e := range endpoints {
		if e.ID == hint.ID {
			return hint, endpoints
		}
	}
	b := image.Broker(p.Leader)
	if e, ok := b.Endpoint(r.Session.Listener); ok && b.Active() {
		endpoints = append(endpoints, wire.NodeEndpoint{ID: hint.ID, Host: e.Host, Port: e.Port, Rack: b.Rack})
	}
	return hint, endpoints
}

// lookup is one topic of a request, found once for all its partitions.
type lookup struct {
	name       string // "" if an id is not known here
	partitions []*replica.Partition
}

// find resolves a topic by name, or by id where byID. It allocates only for topics that have no
// replica on this broker.
func (h *Handlers) find(byID bool, name []byte, id kafka.TopicID) lookup {
	var ps []*replica.Partition
	if byID {
		ps = h.Replicas.ByID(id)
	} else {
		ps = h.Replicas.ByName(name)
	}
	for _, p := range ps {
		if p != nil {
			return lookup{name: p.ID().Topic, partitions: ps}
		}
	}
	if !byID {
		return lookup{name: string(name)}
	}
	if t := h.Image().TopicByID(id); t != nil {
		return lookup{name: t.Name}
	}
	return lookup{}
}

// partition returns the replica of this broker, or why there is none.
func (h *Handlers) partition(l lookup, byID bool, index int32) (*replica.Partition, error) {
	if index >= 0 && int(index) < len(l.partitions) && l.partitions[index] != nil {
		return l.partitions[index], nil
	}
	switch {
	case l.name == "" && byID:
		return nil, errUnknownTopicID
	case h.Image().Partition(l.name, index) != nil:
		return nil, replica.ErrNotLeader
	}
	return nil, errUnknownTopic
}
