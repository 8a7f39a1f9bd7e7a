package controller

import (
	"math"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ProducerIDBlock is the number of producer ids that a broker gets at once (SURFACE 60).
const ProducerIDBlock = 1000

// AllocateProducerIDs decides an AllocateProducerIds (KIP-730): the next block of ids, which nobody
// ever gets again. The answer is a *kmsg.AllocateProducerIDsResponse.
func (c *Controller) AllocateProducerIDs(req *kmsg.AllocateProducerIDsRequest) (d Decision) {
	resp := req.ResponseKind().(*kmsg.AllocateProducerIDsResponse)
	d.Answer = resp
	if refused := c.checkEpoch(int64(req.BrokerID), req.BrokerEpoch); refused != nil {
		resp.ErrorCode = refused.Code
		return d
	}
	first := c.image().NextProducerID()
	if first > math.MaxInt64-ProducerIDBlock {
		resp.ErrorCode = kerr.UnknownServerError.Code
		return d
	}
	d.add(0, &schema.ProducerIDsRecord{
		BrokerID: kafka.BrokerID(req.BrokerID), BrokerEpoch: kafka.BrokerEpoch(req.BrokerEpoch), NextProducerID: first + ProducerIDBlock,
	})
	resp.ProducerIDStart, resp.ProducerIDLen = int64(first), ProducerIDBlock
	return d
}
