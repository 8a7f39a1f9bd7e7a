package txn

import (
	"context"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Options is what the handlers work with. All fields are needed.
type Options struct {
	IDs        *ProducerIDs
	Authorizer security.Authorizer
}

// Handlers serves the APIs of this package.
type Handlers struct{ Options }

// New returns the handlers.
func New(o Options) *Handlers { return &Handlers{Options: o} }

// allocateTimeout bounds the wait for a block of ids.
const allocateTimeout = 10 * time.Second

// InitProducerId: key 22, versions 0 to 5. Differs from Kafka: there is no transaction coordinator
// yet, so a transactional id is answered NOT_COORDINATOR.
//
//	2   flexible
//	3   the producer may name its former id and epoch (KIP-360)
//	4   PRODUCER_FENCED is known
//	5   newer transaction errors are known (KIP-890)
func (h *Handlers) InitProducerID(r *network.Request) network.Disposition {
	req := kmsg.NewPtrInitProducerIDRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	switch {
	case req.TransactionalID != nil && *req.TransactionalID == "": // SURFACE 59
		resp.ErrorCode = kerr.InvalidRequest.Code
	case req.TransactionalID != nil && !h.allowed(r, security.OpWrite, security.ResourceTransactionalID, *req.TransactionalID):
		resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
	case req.TransactionalID != nil:
		resp.ErrorCode = kerr.NotCoordinator.Code
	case !h.mayWriteIdempotently(r):
		resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code
	default:
		h.allocate(r, resp)
	}
	return message.Answer(r, resp)
}

// mayWriteIdempotently is IDEMPOTENT_WRITE on the cluster or WRITE on any topic (SURFACE 122); the latter
// becomes a question of its own with the first real authorizer.
func (h *Handlers) mayWriteIdempotently(r *network.Request) bool {
	return h.allowed(r, security.OpIdempotentWrite, security.ResourceCluster, security.ClusterName)
}

func (h *Handlers) allowed(r *network.Request, op security.Operation, res security.Resource, name string) bool {
	return h.Authorizer.Allowed(r.Session.Principal, r.Session.RemoteHost, op, res, name)
}

// allocate takes an id from the stock, or waits for a new block: no longer than allocateTimeout, nor than the
// connection lives.
func (h *Handlers) allocate(r *network.Request, resp *kmsg.InitProducerIDResponse) {
	id, ok := h.IDs.Take()
	if !ok {
		ctx, cancel := context.WithTimeout(context.Background(), allocateTimeout)
		defer cancel()
		gone := r.Done()
		go func() {
			select {
			case <-gone:
				cancel()
			case <-ctx.Done():
			}
		}()
		var err error
		if id, err = h.IDs.Next(ctx); err != nil {
			resp.ErrorCode = kerr.CoordinatorLoadInProgress.Code // as Kafka: retriable, and soon
			return
		}
	}
	resp.ProducerID, resp.ProducerEpoch = int64(id), 0
}
