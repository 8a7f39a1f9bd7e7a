package group

import (
	"math"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	groups "github.com/thalweg-io/thalweg/broker/internal/coordinator/group"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupOperations are those that exist for a group (SURFACE 123).
var groupOperations = []security.Operation{
	security.OpRead, security.OpDelete, security.OpDescribe, security.OpDescribeConfigs, security.OpAlterConfigs,
}

// notRequested is what the field of authorized operations holds if nobody asked (SURFACE 19).
const notRequested = math.MinInt32

// operations is the bit field of what the client may do with a group.
func (h *Handlers) operations(r *network.Request, group string) int32 {
	var bits int32
	for _, op := range groupOperations {
		if h.allowed(r, op, security.ResourceGroup, group) {
			bits |= 1 << op
		}
	}
	return bits
}

// DescribeGroups: key 15, versions 0 to 6. As Kafka (SURFACE 103, 104).
//
//	3   authorized operations (KIP-430)
//	4   static members (KIP-345)
//	5   flexible
//	6   GROUP_ID_NOT_FOUND instead of a dead group; error messages (KIP-1043)
func (h *Handlers) DescribeGroups(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDescribeGroupsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrDescribeGroupsResponse()
	resp.Groups = make([]kmsg.DescribeGroupsResponseGroup, len(req.Groups))
	c := caller(r)
	all := newGather(len(req.Groups), func() { finish(r, resp) })
	for i, name := range req.Groups {
		operations := int32(notRequested)
		if req.IncludeAuthorizedOperations {
			operations = h.operations(r, name)
		}
		put := func(g kmsg.DescribeGroupsResponseGroup) {
			g.AuthorizedOperations = notRequested
			if g.ErrorCode == 0 {
				g.AuthorizedOperations = operations
			}
			all.put(func() { resp.Groups[i] = g })
		}
		fail := func(code *kerr.Error) {
			g := kmsg.NewDescribeGroupsResponseGroup()
			g.Group, g.ErrorCode = name, code.Code
			put(g)
		}
		if code := h.refusedGroup(r, security.OpDescribe, name); code != nil {
			fail(code)
			continue
		}
		h.decide(name, func(t *coordinator.Turn, s *groups.Shard) { s.DescribeGroup(t, c, name, put) }, fail)
	}
	return network.Pending
}
