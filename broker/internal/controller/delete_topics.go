package controller

import (
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteTopics decides a DeleteTopics: each topic by name or, from v6 on, by id (SURFACE 25). Its
// partitions and configs go with it. The api has authorized the topics and checked
// delete.topic.enable. The answer is a *kmsg.DeleteTopicsResponse.
func (c *Controller) DeleteTopics(req *kmsg.DeleteTopicsRequest, caller Caller) Decision {
	resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
	d := Decision{Answer: resp}
	seen := make(map[kafka.TopicID]bool)
	for _, wanted := range deletions(req) {
		r := kmsg.NewDeleteTopicsResponseTopic()
		r.Topic, r.TopicID = wanted.Topic, wanted.TopicID
		topic, err := c.find(wanted)
		if err == nil && seen[topic.ID] {
			err = refuse(kerr.InvalidRequest, "Duplicate topic in the request.")
		}
		if err == nil && len(d.Records) >= c.o.MaxRecordsPerOp {
			err = errTooManyRecords
		}
		if err == nil {
			err = caller.mutate(len(topic.Partitions))
		}
		if err != nil {
			r.ErrorCode, r.ErrorMessage = codeOf(err), textOf(err)
		} else {
			seen[topic.ID] = true
			r.Topic, r.TopicID = &topic.Name, topic.ID
			d.add(0, &schema.RemoveTopicRecord{TopicID: topic.ID})
		}
		resp.Topics = append(resp.Topics, r)
	}
	if len(d.Records) > 0 {
		c.lg.Info("topics are deleted", "principal", caller.Principal, "topics", len(d.Records))
	}
	return d
}

// deletions are the topics of the request in the form of v6.
func deletions(req *kmsg.DeleteTopicsRequest) []kmsg.DeleteTopicsRequestTopic {
	if req.Version >= 6 {
		return req.Topics
	}
	topics := make([]kmsg.DeleteTopicsRequestTopic, len(req.TopicNames))
	for i := range topics {
		topics[i].Topic = &req.TopicNames[i]
	}
	return topics
}

func (c *Controller) find(wanted kmsg.DeleteTopicsRequestTopic) (*metadata.Topic, error) {
	var topic *metadata.Topic
	id := kafka.TopicID(wanted.TopicID)
	switch {
	case wanted.Topic != nil && !id.IsZero():
		return nil, refuse(kerr.InvalidRequest, "You may not specify both topic name and topic id.")
	case wanted.Topic == nil && id.IsZero():
		return nil, refuse(kerr.InvalidRequest, "Neither topic name nor id were specified.")
	case wanted.Topic != nil:
		if topic = c.image().Topic(*wanted.Topic); topic == nil {
			return nil, kerr.UnknownTopicOrPartition
		}
	default:
		if topic = c.image().TopicByID(id); topic == nil {
			return nil, kerr.UnknownTopicID
		}
	}
	return topic, nil
}
