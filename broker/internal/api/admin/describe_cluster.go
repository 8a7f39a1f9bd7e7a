package admin

import (
	"fmt"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeCluster: key 60, versions 0 to 2. Differs from Kafka: the controller named is this broker
// rather than a random one, as in Metadata.
//
//	0   (KIP-700)
//	1   endpoint type: brokers or controllers (KIP-919)
//	2   fenced brokers on request (KIP-1073)
func (h *Handlers) DescribeCluster(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDescribeClusterRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.EndpointType = endpointBroker
	if code, text := wrongEndpoint(req); code != nil {
		resp.ErrorCode, resp.ErrorMessage = code.Code, &text
		return message.Answer(r, resp)
	}
	image := h.Image()
	resp.ClusterID, resp.ControllerID = image.ClusterID(), int32(h.Self)
	resp.ClusterAuthorizedOperations = h.clusterOperations(r, req.IncludeClusterAuthorizedOperations)
	for b := range image.Brokers {
		if e, ok := b.Endpoint(r.Session.Listener); ok && (!b.Fenced || req.IncludeFencedBrokers) {
			resp.Brokers = append(resp.Brokers, describeBroker(b, e))
		}
	}
	return message.Answer(r, resp)
}

// Kinds of endpoints (SURFACE §1.4).
const (
	endpointBroker     = 1
	endpointController = 2
)

// wrongEndpoint is why a listener of brokers cannot answer: it has no controllers' endpoints.
func wrongEndpoint(req *kmsg.DescribeClusterRequest) (*kerr.Error, string) {
	var code *kerr.Error
	switch req.EndpointType {
	case endpointBroker:
		return nil, ""
	case endpointController:
		code = kerr.MismatchedEndpointType
	default:
		code = kerr.UnsupportedEndpointType
	}
	if req.Version == 0 {
		code = kerr.InvalidRequest
	}
	if req.EndpointType == endpointController {
		return code, "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
	}
	return code, fmt.Sprintf("Unsupported endpoint type %d", req.EndpointType)
}

// clusterOperations is what the client may do with the cluster, if it asked and may describe it.
func (h *Handlers) clusterOperations(r *network.Request, asked bool) int32 {
	switch {
	case !asked:
		return notRequested
	case !h.allowed(r, security.OpDescribe, security.ResourceCluster, security.ClusterName):
		return 0
	}
	return h.operations(r, security.ResourceCluster, security.ClusterName, clusterOperations)
}

func describeBroker(b *metadata.Broker, e metadata.Endpoint) kmsg.DescribeClusterResponseBroker {
	out := kmsg.NewDescribeClusterResponseBroker()
	out.NodeID, out.Host, out.Port, out.IsFenced = int32(b.ID), e.Host, e.Port, b.Fenced
	if b.Rack != "" {
		out.Rack = &b.Rack
	}
	return out
}
