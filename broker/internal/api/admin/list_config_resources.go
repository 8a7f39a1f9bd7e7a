package admin

import (
	"strconv"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListConfigResources: key 74, versions 0 and 1. Differs from Kafka: names are sorted.
//
//	0   names of client metrics only (KIP-1000)
//	1   all types (KIP-1142)
func (h *Handlers) ListConfigResources(r *network.Request) network.Disposition {
	req := kmsg.NewPtrListConfigResourcesRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrListConfigResourcesResponse()
	kinds := req.ResourceTypes
	switch {
	case req.Version == 0:
		kinds = []int8{int8(kmsg.ConfigResourceTypeClientMetrics)}
	case len(kinds) == 0:
		kinds = listable
	}
	if !h.allowed(r, security.OpDescribeConfigs, security.ResourceCluster, security.ClusterName) {
		resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		return message.Answer(r, resp)
	}
	seen := make(map[int8]bool, len(kinds))
	for _, kind := range kinds {
		if seen[kind] {
			continue
		}
		seen[kind] = true
		if !h.listResources(r, resp, kmsg.ConfigResourceType(kind)) {
			resp.ErrorCode, resp.ConfigResources = kerr.UnsupportedVersion.Code, nil
			break
		}
	}
	return message.Answer(r, resp)
}

// listable are the types that a request means which names none.
var listable = []int8{
	int8(kmsg.ConfigResourceTypeTopic), int8(kmsg.ConfigResourceTypeBroker), int8(kmsg.ConfigResourceTypeBrokerLogger),
	int8(kmsg.ConfigResourceTypeClientMetrics), int8(kmsg.ConfigResourceTypeGroupConfig),
}

// listResources adds the names of one type; false: there is no such type.
func (h *Handlers) listResources(r *network.Request, resp *kmsg.ListConfigResourcesResponse, kind kmsg.ConfigResourceType) bool {
	add := func(name string) {
		c := kmsg.NewListConfigResourcesResponseConfigResource()
		c.Name, c.Type = name, int8(kind)
		resp.ConfigResources = append(resp.ConfigResources, c)
	}
	image := h.Image()
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		image.Topics(func(t *metadata.Topic) bool { add(t.Name); return true })
	case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger:
		for b := range image.Brokers {
			if _, ok := b.Endpoint(r.Session.Listener); ok && !b.Fenced {
				add(strconv.Itoa(int(b.ID)))
			}
		}
	case kmsg.ConfigResourceTypeClientMetrics, kmsg.ConfigResourceTypeGroupConfig:
		image.ConfigResources(int8(kind), func(name string) bool { add(name); return true })
	default:
		return false
	}
	return true
}
