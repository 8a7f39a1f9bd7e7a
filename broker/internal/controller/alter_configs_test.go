package controller

import (
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// alteration is an IncrementalAlterConfigs of one resource: names and values to set.
func alteration(kind kmsg.ConfigResourceType, name string, pairs ...string) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	res := kmsg.NewIncrementalAlterConfigsRequestResource()
	res.ResourceType, res.ResourceName = kind, name
	for i := 0; i < len(pairs); i += 2 {
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Value = pairs[i], &pairs[i+1]
		res.Configs = append(res.Configs, c)
	}
	req.Resources = append(req.Resources, res)
	return req
}

func (c *cluster) alterConfigs(req *kmsg.IncrementalAlterConfigsRequest) kmsg.IncrementalAlterConfigsResponseResource {
	c.t.Helper()
	return must[*kmsg.IncrementalAlterConfigsResponse](c, func() Decision { return c.controller.IncrementalAlterConfigs(req, Caller{}) }).Resources[0]
}

// TestAlterConfigs: what is decided is what the image then has, and a request that is to be checked only leaves nothing.
func TestAlterConfigs(t *testing.T) {
	c := newCluster(t, 1, func(o *Options) { o.MaxRecordsPerOp = 3 })
	c.lead()
	c.start(1, 1)
	c.create(newTopic("a", 1, 1))
	f := func(req *kmsg.IncrementalAlterConfigsRequest, code *kerr.Error, res metadata.Resource, want ...metadata.ConfigValue) {
		t.Helper()
		r := c.alterConfigs(req)
		if code == nil && r.ErrorCode != 0 || code != nil && r.ErrorCode != code.Code {
			t.Errorf("%s: %v", r.ResourceName, kerr.ErrorForCode(r.ErrorCode))
		}
		if got := c.loader.Current().ConfigsOf(res); !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", res, got, want)
		}
	}
	topic := metadata.TopicResource("a")
	check := alteration(kmsg.ConfigResourceTypeTopic, "a", "flush.ms", "1")
	check.ValidateOnly = true
	f(check, nil, topic)
	f(alteration(kmsg.ConfigResourceTypeTopic, "a", "flush.ms", "1", "retention.ms", "2"), nil, topic,
		metadata.ConfigValue{Name: "flush.ms", Value: "1"}, metadata.ConfigValue{Name: "retention.ms", Value: "2"})
	f(alteration(kmsg.ConfigResourceTypeTopic, "a", "flush.ms", "7", "retention.ms", "x"), kerr.InvalidConfig, topic,
		metadata.ConfigValue{Name: "flush.ms", Value: "1"}, metadata.ConfigValue{Name: "retention.ms", Value: "2"})
	f(alteration(kmsg.ConfigResourceTypeTopic, "a", "flush.ms", "3", "retention.ms", "3", "segment.ms", "3", "flush.messages", "3"), kerr.PolicyViolation, topic,
		metadata.ConfigValue{Name: "flush.ms", Value: "1"}, metadata.ConfigValue{Name: "retention.ms", Value: "2"})
	f(alteration(kmsg.ConfigResourceTypeBroker, "", "log.retention.ms", "5"), nil, metadata.DefaultBrokerResource,
		metadata.ConfigValue{Name: "log.retention.ms", Value: "5"})
	f(alteration(kmsg.ConfigResourceTypeBroker, "1", "log.retention.ms", "6"), nil, metadata.BrokerResource(1),
		metadata.ConfigValue{Name: "log.retention.ms", Value: "6"})
	f(alteration(kmsg.ConfigResourceTypeBroker, "9", "log.retention.ms", "6"), kerr.BrokerIDNotRegistered, metadata.BrokerResource(9))
	f(alteration(kmsg.ConfigResourceTypeBroker, "-1", "log.retention.ms", "6"), kerr.InvalidRequest, metadata.BrokerResource(-1))
	f(alteration(kmsg.ConfigResourceTypeBroker, "x", "log.retention.ms", "6"), kerr.InvalidRequest, metadata.Resource{Type: schema.ResourceBroker, Name: "x"})
	if v, source, _ := c.loader.Current().TopicConfig("a", "retention.ms"); v != "2" || source != metadata.SourceTopic {
		t.Errorf("retention.ms is %s from %d", v, source)
	}
}
