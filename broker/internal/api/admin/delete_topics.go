package admin

import (
	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteTopics: key 20, versions 1 to 6. Differs from Kafka: answers come in order of the request instead of
// shuffled, except that refusals come last; an id of a topic that the client may not describe is answered
// like one that does not exist.
//
//	1   throttle time
//	4   flexible
//	5   error message (KIP-599)
//	6   topics by id (KIP-516)
func (h *Handlers) DeleteTopics(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDeleteTopicsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	d := &deletion{h: h, r: r, image: h.Image(), resp: kmsg.NewPtrDeleteTopicsResponse()}
	for i := range req.TopicNames {
		d.wanted = append(d.wanted, kmsg.DeleteTopicsRequestTopic{Topic: &req.TopicNames[i]})
	}
	if req.Version >= 6 {
		d.wanted = req.Topics
	}
	if h.NoDelete {
		code := kerr.TopicDeletionDisabled
		if req.Version < 3 {
			code = kerr.InvalidRequest
		}
		for _, t := range d.wanted {
			d.answer(t.Topic, t.TopicID, code, "Topic deletion is disabled.")
		}
		return message.Answer(r, d.resp)
	}
	d.run(req.TimeoutMillis)
	return message.Answer(r, d.resp)
}

// deletion is one request on its way.
type deletion struct {
	h      *Handlers
	r      *network.Request
	image  *metadata.Image
	wanted []kmsg.DeleteTopicsRequestTopic
	resp   *kmsg.DeleteTopicsResponse
}

func (d *deletion) answer(name *string, id [16]byte, code *kerr.Error, text string) {
	t := kmsg.NewDeleteTopicsResponseTopic()
	t.Topic, t.TopicID, t.ErrorCode = name, id, code.Code
	if text != "" {
		t.ErrorMessage = &text
	}
	d.resp.Topics = append(d.resp.Topics, t)
}

// run hands what passes on to the controller, and answers the rest.
func (d *deletion) run(timeoutMs int32) {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.SetVersion(req.MaxVersion()) // names and ids in one form
	req.TimeoutMillis = timeoutMs
	var refused []func()
	for _, w := range d.unique(&refused) {
		if refusal := d.refuse(w); refusal != nil {
			refused = append(refused, refusal)
			continue
		}
		req.Topics = append(req.Topics, w)
	}
	if len(req.Topics) > 0 {
		decided, code, text := d.h.mutate(d.r, req, timeoutMs, 5)
		if code == nil {
			d.resp.Topics = decided.(*kmsg.DeleteTopicsResponse).Topics
		} else {
			for _, t := range req.Topics {
				d.answer(t.Topic, t.TopicID, code, text)
			}
		}
	}
	for _, refuse := range refused {
		refuse()
	}
}

// unique are the topics that come once; a name or id that comes twice is refused once.
func (d *deletion) unique(refused *[]func()) (once []kmsg.DeleteTopicsRequestTopic) {
	names, ids := map[string]int{}, map[kafka.TopicID]int{}
	for _, w := range d.wanted {
		if w.Topic != nil {
			names[*w.Topic]++
		} else if id := kafka.TopicID(w.TopicID); !id.IsZero() {
			ids[id]++
		}
	}
	for _, w := range d.wanted {
		switch {
		case w.Topic != nil && names[*w.Topic] != 1:
			if names[*w.Topic] > 1 {
				*refused = append(*refused, func() { d.answer(w.Topic, [16]byte{}, kerr.InvalidRequest, "Duplicate topic name.") })
				names[*w.Topic] = 0
			}
		case w.Topic == nil && ids[w.TopicID] > 1:
			*refused = append(*refused, func() { d.answer(nil, w.TopicID, kerr.InvalidRequest, "Duplicate topic id.") })
			ids[w.TopicID] = -1
		case w.Topic == nil && ids[w.TopicID] == -1:
		default:
			once = append(once, w)
		}
	}
	return once
}

// refuse returns how to answer a topic that the client may not delete, or nil. It does not tell whether a topic
// exists that the client may not describe.
func (d *deletion) refuse(w kmsg.DeleteTopicsRequestTopic) func() {
	byName := w.Topic != nil
	t := d.image.TopicByID(w.TopicID)
	if byName {
		t = d.image.Topic(*w.Topic)
	}
	name := ""
	switch {
	case byName:
		name = *w.Topic
	case t != nil:
		name = t.Name
	default:
		return nil // the controller knows what to say
	}
	describe := d.h.allowed(d.r, security.OpDescribe, security.ResourceTopic, name)
	switch {
	case !describe && !byName: // SURFACE 25
		return func() { d.answer(nil, w.TopicID, kerr.UnknownTopicID, "") }
	case !describe, !d.h.allowed(d.r, security.OpDelete, security.ResourceTopic, name):
		return func() { d.answer(&name, w.TopicID, kerr.TopicAuthorizationFailed, "") }
	}
	return nil
}
