package admin

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreateTopics: key 19, versions 2 to 7. As Kafka: answered when the controller has committed
// (SURFACE 22, 23).
//
//	4   -1 is the broker's default (KIP-464)
//	5   flexible; the created topics' configs in the answer (KIP-525)
//	6   THROTTLING_QUOTA_EXCEEDED is known (KIP-599)
//	7   topic ids in the answer (KIP-516)
func (h *Handlers) CreateTopics(r *network.Request) network.Disposition {
	req := kmsg.NewPtrCreateTopicsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	refused := h.refuse(r, req)
	resp := kmsg.NewPtrCreateTopicsResponse()
	if len(req.Topics) > 0 {
		resp = h.create(r, req)
	}
	resp.Topics = append(resp.Topics, refused...)
	return message.Answer(r, resp)
}

// refuse takes the topics out of the request that the client may not create.
func (h *Handlers) refuse(r *network.Request, req *kmsg.CreateTopicsRequest) (refused []kmsg.CreateTopicsResponseTopic) {
	kept := req.Topics[:0]
	for _, t := range req.Topics {
		if h.mayCreate(r, t.Topic) {
			kept = append(kept, t)
			continue
		}
		refused = append(refused, failed(t.Topic, kerr.TopicAuthorizationFailed, "Authorization failed."))
	}
	req.Topics = kept
	return refused
}

func (h *Handlers) create(r *network.Request, req *kmsg.CreateTopicsRequest) *kmsg.CreateTopicsResponse {
	resp, code, text := h.mutate(r, req, req.TimeoutMillis, 6)
	if code != nil {
		return allFailed(req, code, text)
	}
	return resp.(*kmsg.CreateTopicsResponse)
}

func allFailed(req *kmsg.CreateTopicsRequest, code *kerr.Error, text string) *kmsg.CreateTopicsResponse {
	resp := kmsg.NewPtrCreateTopicsResponse()
	for _, t := range req.Topics {
		resp.Topics = append(resp.Topics, failed(t.Topic, code, text))
	}
	return resp
}

func failed(topic string, code *kerr.Error, text string) kmsg.CreateTopicsResponseTopic {
	t := kmsg.NewCreateTopicsResponseTopic()
	t.Topic, t.ErrorCode, t.ErrorMessage = topic, code.Code, &text
	t.NumPartitions, t.ReplicationFactor = -1, -1
	return t
}
