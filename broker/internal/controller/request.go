package controller

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Request decides a request of a client, whatever it asks for: the form in which a broker hands on what its api
// has authorized and checked. The answer is the response of the request's kind.
func (c *Controller) Request(req kmsg.Request, caller Caller, nowMs int64) Decision {
	switch req := req.(type) {
	case *kmsg.CreateTopicsRequest:
		return c.CreateTopics(req, caller)
	case *kmsg.DeleteTopicsRequest:
		return c.DeleteTopics(req, caller)
	case *kmsg.CreatePartitionsRequest:
		return c.CreatePartitions(req, caller)
	case *kmsg.IncrementalAlterConfigsRequest:
		return c.IncrementalAlterConfigs(req, caller)
	case *kmsg.AlterConfigsRequest:
		return c.AlterConfigs(req, caller)
	case *kmsg.AlterClientQuotasRequest:
		return c.AlterClientQuotas(req, caller)
	case *kmsg.ElectLeadersRequest:
		return c.ElectLeaders(req, caller)
	case *kmsg.DescribeQuorumRequest:
		return c.DescribeQuorum(req, nowMs)
	case *kmsg.UpdateFeaturesRequest:
		return c.UpdateFeatures(req)
	}
	panic(fmt.Sprintf("BUG: %s is not for the controller", kmsg.NameForKey(req.Key())))
}
