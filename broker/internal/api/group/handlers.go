package group

import (
	"bytes"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	groups "github.com/thalweg-io/thalweg/broker/internal/coordinator/group"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Shards is the coordinator of all groups; coordinator.Runtime implements it.
type Shards interface {
	// Do has a decision made about the shard of that index. It does not block; exactly one of the functions is called.
	Do(index int32, decide func(*coordinator.Turn, coordinator.Machine), refused func(*kerr.Error))
}

// Options is what the handlers work with. All fields are needed.
type Options struct {
	Self       kafka.BrokerID
	Image      func() *metadata.Image // the present one; must not block
	Shards     Shards                 // each holds a *groups.Shard
	Authorizer security.Authorizer
	// CreateTopic asks for an internal topic to be created, as it should be, and does not wait.
	CreateTopic func(name string)
}

// Handlers serves the APIs of this package. Its methods fit api's dispatch table.
type Handlers struct{ Options }

// New returns the handlers.
func New(o Options) *Handlers { return &Handlers{Options: o} }

func (h *Handlers) allowed(r *network.Request, op security.Operation, res security.Resource, name string) bool {
	return h.Authorizer.Allowed(r.Session.Principal, r.Session.RemoteHost, op, res, name)
}

// allowedGroup is why a client may not do that with a group, or nil.
func (h *Handlers) refusedGroup(r *network.Request, op security.Operation, group string) *kerr.Error {
	if h.allowed(r, op, security.ResourceGroup, group) {
		return nil
	}
	return kerr.GroupAuthorizationFailed
}

// decodeKept decodes a request of which a group keeps bytes when it has been answered: what members say they support, and
// what their leader assigns to them. A request aliases a frame whose memory is used again, so it is copied before.
func decodeKept(r *network.Request, req kmsg.Request) error {
	frame := r.Payload
	r.Payload = bytes.Clone(frame)
	err := message.Decode(r, req)
	r.Payload = frame
	return err
}

// caller is who asks. It may be used when the request has ended.
func caller(r *network.Request) groups.Caller {
	return groups.Caller{ClientID: string(r.ClientID), ClientHost: "/" + r.Session.RemoteHost, Version: r.Version}
}

// decide has a decision made about a group: exactly one of the functions is called, on any goroutine.
func (h *Handlers) decide(group string, decide func(*coordinator.Turn, *groups.Shard), refused func(*kerr.Error)) {
	index, ok := place(group, h.Image())
	if !ok { // SURFACE 111
		h.CreateTopic(kafka.OffsetsTopic)
		refused(kerr.CoordinatorNotAvailable)
		return
	}
	h.Shards.Do(index, func(t *coordinator.Turn, m coordinator.Machine) { decide(t, m.(*groups.Shard)) }, refused)
}

// finish answers a pending request.
func finish(r *network.Request, resp kmsg.Response) { r.Complete(message.Answer(r, resp)) }
