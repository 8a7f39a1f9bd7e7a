package controller

import (
	"cmp"
	"errors"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Caller is who sent a request, as far as decisions and their log lines depend on it. The api has
// authorized the operation itself and left out topics that the caller may not create.
type Caller struct {
	Principal string
	// MayDescribeConfigs says of which topics the answer may show configs; nil is all (SURFACE 22).
	MayDescribeConfigs func(topic string) bool
	// Mutate is asked before partitions are created or deleted, when nothing else stands in the way; false refuses
	// them with THROTTLING_QUOTA_EXCEEDED (SURFACE 11). It must not block. nil lets everything pass.
	Mutate func(partitions int) bool
}

// mutate is Mutate, as an error.
func (c Caller) mutate(partitions int) error {
	if c.Mutate == nil || c.Mutate(partitions) {
		return nil
	}
	return refuse(kerr.ThrottlingQuotaExceeded, "The throttling quota has been exceeded.")
}

// refusal is an error code with the sentence that the client gets.
type refusal struct {
	code *kerr.Error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.code }

func refuse(code *kerr.Error, text string) error { return &refusal{code, text} }

// textOf is the sentence for the client.
func textOf(err error) *string {
	var k *kerr.Error
	text := err.Error()
	if errors.As(err, &k) && err == error(k) {
		text = k.Description
	}
	return &text
}

// CreateTopics decides a CreateTopics (SURFACE 21-23). Topics are decided one by one: one that is
// refused does not keep the others from being created. The answer, a *kmsg.CreateTopicsResponse,
// lists the topics in order of the request, then names that came twice, then the metadata log.
// With more than MaxRecordsPerOp records nothing is created. ValidateOnly does everything but write.
func (c *Controller) CreateTopics(req *kmsg.CreateTopicsRequest, caller Caller) Decision {
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	d := Decision{Answer: resp}
	names := countNames(req.Topics)
	n := &newTopics{c: c, caller: caller, d: &d, names: make(map[string]string)}
	for i := range req.Topics {
		topic := &req.Topics[i]
		if names[topic.Topic] != 1 || topic.Topic == metadataTopic {
			continue
		}
		r, err := n.create(topic)
		if errors.Is(err, errTooManyRecords) {
			return excessive(req)
		}
		if err != nil {
			r = topicRefused(topic.Topic, err)
		}
		resp.Topics = append(resp.Topics, r)
	}
	appendProhibited(resp, req, names)
	if req.ValidateOnly {
		d.Records = nil
	} else if len(d.Records) > 0 {
		c.lg.Info("topics are created", "principal", caller.Principal, "topics", len(n.names), "records", len(d.Records))
	}
	return d
}

// metadataTopic is the log of the cluster itself, which nobody may create.
const metadataTopic = "__cluster_metadata"

// errTooManyRecords ends a request that would take more than MaxRecordsPerOp records.
var errTooManyRecords = refuse(kerr.PolicyViolation, "Unable to perform excessively large batch operation.")

func countNames(topics []kmsg.CreateTopicsRequestTopic) map[string]int {
	names := make(map[string]int, len(topics))
	for i := range topics {
		names[topics[i].Topic]++
	}
	return names
}

// appendProhibited answers for names that came twice and for the metadata log.
func appendProhibited(resp *kmsg.CreateTopicsResponse, req *kmsg.CreateTopicsRequest, names map[string]int) {
	for i := range req.Topics {
		if name := req.Topics[i].Topic; names[name] > 1 {
			names[name] = 0
			resp.Topics = append(resp.Topics, topicRefused(name, refuse(kerr.InvalidRequest, "Duplicate topic name.")))
		}
	}
	if names[metadataTopic] == 1 {
		resp.Topics = append(resp.Topics, topicRefused(metadataTopic,
			refuse(kerr.InvalidRequest, "Creation of internal topic "+metadataTopic+" is prohibited.")))
	}
}

func topicRefused(name string, err error) kmsg.CreateTopicsResponseTopic {
	r := kmsg.NewCreateTopicsResponseTopic()
	r.Topic, r.ErrorCode, r.ErrorMessage = name, codeOf(err), textOf(err)
	return r
}

// excessive refuses every topic of the request.
func excessive(req *kmsg.CreateTopicsRequest) Decision {
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	seen := make(map[string]bool, len(req.Topics))
	for i := range req.Topics {
		if name := req.Topics[i].Topic; !seen[name] {
			seen[name] = true
			resp.Topics = append(resp.Topics, topicRefused(name, errTooManyRecords))
		}
	}
	return Decision{Answer: resp}
}

// newTopics is one CreateTopics request on its way.
type newTopics struct {
	c      *Controller
	caller Caller
	d      *Decision
	names  map[string]string // collision key → name, of topics created by this request
}

// create decides one topic: its records go to the decision, or an error comes back.
func (n *newTopics) create(topic *kmsg.CreateTopicsRequestTopic) (r kmsg.CreateTopicsResponseTopic, err error) {
	image := n.c.image()
	if err := n.checkName(topic.Topic); err != nil {
		return r, err
	}
	configs, err := topicConfigs(image, topic.Configs)
	if err != nil {
		return r, err
	}
	room := n.c.o.MaxRecordsPerOp - len(n.d.Records) - 1 - len(configs)
	partitions, err := n.c.assign(topic, room)
	if err != nil {
		return r, err
	}
	if err := n.c.roomFor(n.d, len(partitions)); err != nil {
		return r, err
	}
	if err := n.caller.mutate(len(partitions)); err != nil {
		return r, err
	}
	id := n.c.o.UUID()
	n.names[kafka.CollisionKey(topic.Topic)] = topic.Topic
	n.d.add(0, &schema.TopicRecord{Name: topic.Topic, TopicID: id})
	for i := range configs {
		n.d.add(0, &schema.ConfigRecord{ResourceType: schema.ResourceTopic, ResourceName: topic.Topic, Name: configs[i].Name, Value: &configs[i].Value})
	}
	for i, p := range partitions {
		p.TopicID, p.PartitionID = id, int32(i)
		n.d.add(metadata.PartitionRecordVersion, p)
	}
	return n.created(topic.Topic, id, partitions, configs), nil
}

// created is the answer for a topic that will be there. Configs, and with them the counts, are only
// for those who may see them.
func (n *newTopics) created(name string, id kafka.TopicID, partitions []*schema.PartitionRecord, configs []metadata.ConfigValue) kmsg.CreateTopicsResponseTopic {
	r := kmsg.NewCreateTopicsResponseTopic()
	r.Topic, r.TopicID = name, id
	if n.caller.MayDescribeConfigs != nil && !n.caller.MayDescribeConfigs(name) {
		r.ConfigErrorCode = kerr.TopicAuthorizationFailed.Code
		return r
	}
	r.NumPartitions = int32(len(partitions))
	r.ReplicationFactor = int16(len(partitions[0].Replicas))
	n.c.image().ResolveTopicConfigs(configs, func(def *metadata.TopicConfigDef, value string, source metadata.Source) bool {
		entry := kmsg.NewCreateTopicsResponseTopicConfig()
		entry.Name, entry.Value, entry.Source = def.Name, &value, int8(source)
		r.Configs = append(r.Configs, entry)
		return true
	})
	return r
}

// topicConfigs checks the configs of a new topic and returns them by name.
func topicConfigs(image *metadata.Image, requested []kmsg.CreateTopicsRequestTopicConfig) ([]metadata.ConfigValue, error) {
	var configs []metadata.ConfigValue
	var null string
	for _, r := range requested {
		if r.Value == nil {
			if null != "" {
				null += ","
			}
			null += r.Name
			continue
		}
		configs = append(configs, metadata.ConfigValue{Name: r.Name, Value: *r.Value})
	}
	if null != "" {
		return nil, refuse(kerr.InvalidConfig, "Null value not supported for topic configs: "+null)
	}
	slices.SortStableFunc(configs, func(a, b metadata.ConfigValue) int { return cmp.Compare(a.Name, b.Name) })
	configs = lastOfEach(configs)
	if err := image.CheckTopicConfigs(configs); err != nil {
		return nil, refuse(kerr.InvalidConfig, err.Error())
	}
	return configs, nil
}

// lastOfEach keeps the last of several values for one name, as Kafka does.
func lastOfEach(configs []metadata.ConfigValue) []metadata.ConfigValue {
	kept := configs[:0]
	for i := range configs {
		if i+1 == len(configs) || configs[i].Name != configs[i+1].Name {
			kept = append(kept, configs[i])
		}
	}
	return kept
}
