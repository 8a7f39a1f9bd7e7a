package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Coordinator key types on the wire (SURFACE §1.4).
const (
	keyGroup       = 0
	keyTransaction = 1
	keyShare       = 2
)

// noCoordinator is what a client is told about keys that nobody coordinates yet.
const noCoordinator = "this version of Thalweg has no coordinator for transactions or share groups"

// FindCoordinator: key 10, versions 0 to 6. Differs from Kafka: transactions and share groups have no coordinator yet; their
// keys are answered UNSUPPORTED_VERSION, which clients do not retry, with a sentence that says so.
//
//	1   key type; throttle time and message in the answer
//	3   flexible
//	4   several keys at once (KIP-699)
//	5   newer transaction errors are known (KIP-890)
//	6   share groups (KIP-932)
func (h *Handlers) FindCoordinator(r *network.Request) network.Disposition {
	req := kmsg.NewPtrFindCoordinatorRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrFindCoordinatorResponse()
	if r.Version < 4 {
		c := h.find(r, req, req.CoordinatorKey)
		resp.ErrorCode, resp.ErrorMessage, resp.NodeID, resp.Host, resp.Port = c.ErrorCode, c.ErrorMessage, c.NodeID, c.Host, c.Port
		return message.Answer(r, resp)
	}
	for _, key := range req.CoordinatorKeys {
		resp.Coordinators = append(resp.Coordinators, h.find(r, req, key))
	}
	return message.Answer(r, resp)
}

func (h *Handlers) find(r *network.Request, req *kmsg.FindCoordinatorRequest, key string) kmsg.FindCoordinatorResponseCoordinator {
	c := kmsg.NewFindCoordinatorResponseCoordinator()
	c.Key, c.NodeID, c.Port = key, -1, -1
	code := h.refuse(r, req, key)
	var text string
	switch {
	case code != nil:
		text = code.Description
	case req.CoordinatorType != keyGroup:
		code, text = kerr.UnsupportedVersion, noCoordinator
	default:
		if code = h.locate(r.Session.Listener, key, &c); code == nil {
			return c
		}
		text = code.Description
	}
	c.ErrorCode, c.ErrorMessage = code.Code, &text
	return c
}

// locate fills in the broker that leads a group's shard, with its address on a listener.
func (h *Handlers) locate(listener, group string, c *kmsg.FindCoordinatorResponseCoordinator) *kerr.Error {
	image := h.Image()
	index, ok := place(group, image)
	if !ok { // SURFACE 111
		h.CreateTopic(kafka.OffsetsTopic)
		return kerr.CoordinatorNotAvailable
	}
	b := image.Broker(image.Partition(kafka.OffsetsTopic, index).Leader)
	e, ok := b.Endpoint(listener)
	if !ok || !b.Active() {
		return kerr.CoordinatorNotAvailable
	}
	c.NodeID, c.Host, c.Port = int32(b.ID), e.Host, e.Port
	return nil
}

// refuse is why a client may not ask for a key, or nil.
func (h *Handlers) refuse(r *network.Request, req *kmsg.FindCoordinatorRequest, key string) *kerr.Error {
	allowed := func(op security.Operation, res security.Resource, name string) bool {
		return h.Authorizer.Allowed(r.Session.Principal, r.Session.RemoteHost, op, res, name)
	}
	switch {
	case req.CoordinatorType == keyGroup && !allowed(security.OpDescribe, security.ResourceGroup, key):
		return kerr.GroupAuthorizationFailed
	case req.CoordinatorType == keyTransaction && !allowed(security.OpDescribe, security.ResourceTransactionalID, key):
		return kerr.TransactionalIDAuthorizationFailed
	case req.CoordinatorType == keyShare && !allowed(security.OpClusterAction, security.ResourceCluster, security.ClusterName):
		return kerr.ClusterAuthorizationFailed
	case req.CoordinatorType < keyGroup || req.CoordinatorType > keyShare || req.CoordinatorType == keyShare && r.Version < 6:
		return kerr.InvalidRequest
	}
	return nil
}
