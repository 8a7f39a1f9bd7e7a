package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Coordinator key types on the wire (SURFACE §1.4).
const (
	keyGroup       = 0
	keyTransaction = 1
	keyShare       = 2
)

// noCoordinator is what a client is told about every key. It is served at all because librdkafka takes lz4 for
// unsupported, and silently sends uncompressed records, where FindCoordinator is not advertised.
const noCoordinator = "this version of Thalweg has no coordinator for consumer groups, transactions or share groups"

// FindCoordinator: key 10, versions 0 to 6. Differs from Kafka: there is no coordinator yet; every key is answered
// UNSUPPORTED_VERSION, which clients do not retry, with a sentence that says so.
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
		resp.ErrorCode, resp.ErrorMessage, resp.NodeID, resp.Port = c.ErrorCode, c.ErrorMessage, c.NodeID, c.Port
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
	code, text := h.refuse(r, req, key), ""
	if code == nil {
		code, text = kerr.UnsupportedVersion, noCoordinator
	} else {
		text = code.Description
	}
	c.ErrorCode, c.ErrorMessage = code.Code, &text
	return c
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
