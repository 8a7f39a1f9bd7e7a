package admin

import (
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
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
	if d := h.Limiter.Record(quota.ControllerMutation, r.Session.Principal, r.ClientID, float64(len(req.Topics)), r.Now); d > 0 {
		r.Mute, resp.ThrottleMillis = d, int32(d/time.Millisecond)
	}
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

// maxCreateWait bounds how long a connection waits for the controller.
const maxCreateWait = 10 * time.Minute

// create waits for the controller within the request's time-out. The topics may still be created after it.
func (h *Handlers) create(r *network.Request, req *kmsg.CreateTopicsRequest) *kmsg.CreateTopicsResponse {
	type outcome struct {
		resp *kmsg.CreateTopicsResponse
		err  error
	}
	answered := make(chan outcome, 1)
	h.Controller.CreateTopics(req, h.caller(r), func(resp *kmsg.CreateTopicsResponse, err error) {
		answered <- outcome{resp, err}
	})
	timeout := time.NewTimer(min(max(time.Duration(req.TimeoutMillis)*time.Millisecond, 0), maxCreateWait))
	defer timeout.Stop()
	select {
	case o := <-answered:
		if o.err == nil {
			return o.resp
		}
		h.Logger.Debug("create topics", "err", o.err)
		return allFailed(req, kerr.NotController, "This is not the correct controller for this cluster.")
	case <-timeout.C:
		return allFailed(req, kerr.RequestTimedOut, "The request timed out.")
	case <-r.Done():
		return allFailed(req, kerr.RequestTimedOut, "The broker is shutting down.")
	}
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
