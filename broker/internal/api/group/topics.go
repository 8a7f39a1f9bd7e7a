package group

import (
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
)

// topicOf resolves a topic that a request names, or, where byID, gives the id of. topic is nil for a name that does not
// exist. code is why the client may not have its answer: UNKNOWN_TOPIC_ID, or TOPIC_AUTHORIZATION_FAILED.
func (h *Handlers) topicOf(r *network.Request, image *metadata.Image, op security.Operation, byID bool, name string, id kafka.TopicID) (topic *metadata.Topic, resolved string, code *kerr.Error) {
	if byID {
		if topic = image.TopicByID(id); topic == nil {
			return nil, "", kerr.UnknownTopicID
		}
		name = topic.Name
	} else {
		topic = image.Topic(name)
	}
	if !h.allowed(r, op, security.ResourceTopic, name) {
		return nil, name, kerr.TopicAuthorizationFailed
	}
	return topic, name, nil
}
