package admin

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreatePartitions: key 37, versions 0 to 3. As Kafka (SURFACE 24): answered when the controller has
// committed.
//
//	0   (KIP-195)
//	1   throttle first
//	2   flexible
//	3   THROTTLING_QUOTA_EXCEEDED is known (KIP-599)
func (h *Handlers) CreatePartitions(r *network.Request) network.Disposition {
	req := kmsg.NewPtrCreatePartitionsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrCreatePartitionsResponse()
	refused := h.refuseGrowth(r, req)
	if len(req.Topics) > 0 {
		decided, code, text := h.mutate(r, req, req.TimeoutMillis, 3)
		if code == nil {
			resp.Topics = decided.(*kmsg.CreatePartitionsResponse).Topics
		} else {
			for _, t := range req.Topics {
				resp.Topics = append(resp.Topics, notGrown(t.Topic, code, text))
			}
		}
	}
	resp.Topics = append(resp.Topics, refused...)
	return message.Answer(r, resp)
}

// refuseGrowth takes names that come twice and topics that the client may not alter out of the request.
func (h *Handlers) refuseGrowth(r *network.Request, req *kmsg.CreatePartitionsRequest) (refused []kmsg.CreatePartitionsResponseTopic) {
	times := make(map[string]int, len(req.Topics))
	for i := range req.Topics {
		times[req.Topics[i].Topic]++
	}
	kept := req.Topics[:0]
	for _, t := range req.Topics {
		switch n := times[t.Topic]; {
		case n > 1:
			refused = append(refused, notGrown(t.Topic, kerr.InvalidRequest, "Duplicate topic name."))
			times[t.Topic] = 0
		case n == 0: // answered already
		case !h.allowed(r, security.OpAlter, security.ResourceTopic, t.Topic):
			refused = append(refused, notGrown(t.Topic, kerr.TopicAuthorizationFailed, ""))
		default:
			kept = append(kept, t)
		}
	}
	req.Topics = kept
	return refused
}

func notGrown(topic string, code *kerr.Error, text string) kmsg.CreatePartitionsResponseTopic {
	t := kmsg.NewCreatePartitionsResponseTopic()
	t.Topic, t.ErrorCode = topic, code.Code
	if text != "" {
		t.ErrorMessage = &text
	}
	return t
}
