package admin

import (
	"math"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
)

// notRequested is what the field of authorized operations holds if nobody asked (SURFACE 19).
const notRequested = math.MinInt32

// The operations that exist per resource (SURFACE 123).
var (
	topicOperations = []security.Operation{
		security.OpRead, security.OpWrite, security.OpCreate, security.OpDescribe, security.OpDelete, security.OpAlter,
		security.OpDescribeConfigs, security.OpAlterConfigs,
	}
	clusterOperations = []security.Operation{
		security.OpCreate, security.OpClusterAction, security.OpDescribeConfigs, security.OpAlterConfigs,
		security.OpIdempotentWrite, security.OpAlter, security.OpDescribe,
	}
)

// operations is the bit field of what the client may do: bit n for the operation of wire value n.
func (h *Handlers) operations(r *network.Request, res security.Resource, name string, ops []security.Operation) int32 {
	var bits int32
	for _, op := range ops {
		if h.allowed(r, op, res, name) {
			bits |= 1 << op
		}
	}
	return bits
}
