package admin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func (r *rig) describe(version int16, kind kmsg.ConfigResourceType, name string, configs ...string) kmsg.DescribeConfigsResponseResource {
	r.t.Helper()
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version, req.IncludeSynonyms, req.IncludeDocumentation = version, true, true
	res := kmsg.NewDescribeConfigsRequestResource()
	res.ResourceType, res.ResourceName, res.ConfigNames = kind, name, configs
	req.Resources = append(req.Resources, res)
	resp := call[*kmsg.DescribeConfigsResponse](r, r.h.DescribeConfigs, req)
	if len(resp.Resources) != 1 || resp.Resources[0].ResourceName != name || resp.Resources[0].ResourceType != kind {
		r.t.Fatalf("%+v", resp)
	}
	return resp.Resources[0]
}

// showConfig is a config in one line: value, source, synonyms.
func showConfig(c *kmsg.DescribeConfigsResponseResourceConfig) string {
	text := func(v *string) string {
		if v == nil {
			return "null"
		}
		return *v
	}
	s := fmt.Sprintf("%s=%s %d", c.Name, text(c.Value), c.Source)
	if c.ReadOnly {
		s += " ro"
	}
	if c.IsSensitive {
		s += " sensitive"
	}
	for _, y := range c.ConfigSynonyms {
		s += fmt.Sprintf(" %d:%s=%s", y.Source, y.Name, text(y.Value))
	}
	return s
}

const (
	ofTopic  = kmsg.ConfigResourceTypeTopic
	ofBroker = kmsg.ConfigResourceTypeBroker
)

func (r *rig) wantConfig(kind kmsg.ConfigResourceType, resource, want string) {
	r.t.Helper()
	name, _, _ := strings.Cut(want, "=")
	d := r.describe(4, kind, resource, name)
	if len(d.Configs) != 1 || showConfig(&d.Configs[0]) != want {
		got := "nothing"
		if len(d.Configs) > 0 {
			got = showConfig(&d.Configs[0])
		}
		r.t.Errorf("got  %s (error %d)\nwant %s", got, d.ErrorCode, want)
	}
}

func TestDescribeTopicConfigsAtEveryVersion(t *testing.T) {
	r := newRig(t)
	r.create("a", 1, "retention.ms", "5", "cleanup.policy", "compact,delete")
	for v := int16(1); v <= 4; v++ {
		d := r.describe(v, ofTopic, "a")
		if d.ErrorCode != 0 || len(d.Configs) != 37 { // Kafka's 36 that are not internal, and flush.policy
			t.Fatalf("v%d: %d configs, %+v", v, len(d.Configs), d)
		}
		for _, c := range d.Configs {
			if c.Value == nil || c.ReadOnly || c.IsSensitive || c.Documentation != nil || v >= 3 && c.ConfigType == 0 {
				t.Errorf("v%d: %+v", v, c)
			}
		}
	}
	r.wantConfig(ofTopic, "a", "cleanup.policy=compact,delete 1 1:cleanup.policy=compact,delete 5:log.cleanup.policy=delete")
	r.wantConfig(ofTopic, "a", "segment.bytes=1073741824 5 5:log.segment.bytes=1073741824")
	r.wantConfig(ofTopic, "a", "max.message.bytes=2000000 4 4:message.max.bytes=2000000 5:message.max.bytes=1048588")
	r.wantConfig(ofTopic, "a", "retention.ms=5 1 1:retention.ms=5") // as Kafka: log.retention.hours alone is not shown
	r.wantConfig(ofTopic, "a", "segment.ms=604800000 5")
	r.wantConfig(ofTopic, "a", "remote.storage.enable=false 5")
	r.wantConfig(ofTopic, "a", "flush.policy=group 5 5:flush.policy=group")
}

// TestDescribeConfigsOnce: a small request for one topic a thousand times has no answer of megabytes.
func TestDescribeConfigsOnce(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version = 4
	for range 1000 {
		req.Resources = append(req.Resources, kmsg.DescribeConfigsRequestResource{ResourceType: ofTopic, ResourceName: "a"})
	}
	req.Resources = append(req.Resources, kmsg.DescribeConfigsRequestResource{ResourceType: ofTopic, ResourceName: "b"})
	if resp := call[*kmsg.DescribeConfigsResponse](r, r.h.DescribeConfigs, req); len(resp.Resources) != 2 || resp.Resources[1].ResourceName != "b" {
		t.Errorf("%d resources", len(resp.Resources))
	}
}

func TestDescribeBrokerConfigs(t *testing.T) {
	r := newRig(t)
	value, def, secret := "9", "3", "hush"
	r.h.Server = []ServerConfig{
		{Name: "num.partitions", Value: &value, Default: &def, Type: kmsg.ConfigTypeInt},
		{Name: "node.id", Value: &value, Type: kmsg.ConfigTypeInt},
		{Name: "fetch.max.bytes", Value: &def, Default: &def, Type: kmsg.ConfigTypeInt},
		{Name: "broker.rack", Type: kmsg.ConfigTypeString},
		{Name: "ssl.key.password", Value: &secret, Type: kmsg.ConfigTypePassword, Sensitive: true},
	}
	r.wantConfig(ofBroker, "1", "log.retention.ms=null 5")
	r.wantConfig(ofBroker, "1", "log.retention.hours=24 4 ro 4:log.retention.hours=24 5:log.retention.hours=168")
	r.wantConfig(ofBroker, "1", "log.roll.hours=168 5 ro 5:log.roll.hours=168")
	r.wantConfig(ofBroker, "1", "message.max.bytes=2000000 4 4:message.max.bytes=2000000 5:message.max.bytes=1048588")
	r.wantConfig(ofBroker, "1", "num.partitions=9 4 ro 4:num.partitions=9 5:num.partitions=3")
	r.wantConfig(ofBroker, "1", "node.id=9 4 ro 4:node.id=9")
	r.wantConfig(ofBroker, "1", "fetch.max.bytes=3 5 ro 5:fetch.max.bytes=3")
	r.wantConfig(ofBroker, "1", "broker.rack=null 5 ro")
	r.wantConfig(ofBroker, "1", "ssl.key.password=null 4 ro sensitive 4:ssl.key.password=null")
	if d := r.describe(4, ofBroker, ""); d.ErrorCode != 0 || len(d.Configs) != 0 {
		t.Errorf("%+v", d)
	}
	r.alter(1, false, ofBroker, "", 0, "log.retention.ms", "60000")
	r.alter(1, false, ofBroker, "1", 0, "log.retention.ms", "50000")
	r.create("a", 1)
	r.wantConfig(ofBroker, "", "log.retention.ms=60000 3 3:log.retention.ms=60000")
	r.wantConfig(ofBroker, "1", "log.retention.ms=50000 2 2:log.retention.ms=50000 3:log.retention.ms=60000 4:log.retention.hours=24 5:log.retention.hours=168")
	r.wantConfig(ofTopic, "a", "retention.ms=50000 2 2:log.retention.ms=50000 3:log.retention.ms=60000 4:log.retention.hours=24 5:log.retention.hours=168")
}

func TestDescribeConfigsErrors(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	f := func(kind kmsg.ConfigResourceType, name string, code *kerr.Error, text string) {
		t.Helper()
		d := r.describe(4, kind, name)
		got := ""
		if d.ErrorMessage != nil {
			got = *d.ErrorMessage
		}
		if d.ErrorCode != code.Code || got != text || len(d.Configs) != 0 {
			t.Errorf("%d %q %d configs", d.ErrorCode, got, len(d.Configs))
		}
	}
	f(ofTopic, "b", kerr.UnknownTopicOrPartition, "")
	f(ofBroker, "2", kerr.InvalidRequest, "Unexpected broker id, expected 1 or empty string, but received 2")
	f(ofBroker, "x", kerr.InvalidRequest, "Broker id must be an integer, but it is: x")
	f(kmsg.ConfigResourceTypeBrokerLogger, "1", kerr.InvalidRequest, noLoggers)
	f(kmsg.ConfigResourceType(9), "1", kerr.InvalidRequest, "Unsupported resource type: 9")
	f(kmsg.ConfigResourceTypeGroupConfig, "", kerr.InvalidRequest, "Group name must not be empty")
	f(kmsg.ConfigResourceTypeClientMetrics, "", kerr.InvalidRequest, "Client metrics subscription name must not be empty")
	r.deny["describe-configs"] = true
	f(ofTopic, "a", kerr.TopicAuthorizationFailed, "Topic authorization failed.")
	f(ofBroker, "1", kerr.ClusterAuthorizationFailed, "Cluster authorization failed.")
	f(kmsg.ConfigResourceTypeGroupConfig, "g", kerr.GroupAuthorizationFailed, "Group authorization failed.")
	f(kmsg.ConfigResourceTypeClientMetrics, "m", kerr.ClusterAuthorizationFailed, "Cluster authorization failed.")
}

func TestListConfigResources(t *testing.T) {
	r := newRig(t)
	r.create("b", 1)
	r.create("a", 1)
	f := func(version int16, want string, code int16, types ...int8) {
		t.Helper()
		req := kmsg.NewPtrListConfigResourcesRequest()
		req.Version, req.ResourceTypes = version, types
		resp := call[*kmsg.ListConfigResourcesResponse](r, r.h.ListConfigResources, req)
		var got []string
		for _, c := range resp.ConfigResources {
			got = append(got, fmt.Sprintf("%d:%s", c.Type, c.Name))
		}
		if s := strings.Join(got, " "); s != want || resp.ErrorCode != code {
			t.Errorf("v%d %v: %s, error %d", version, types, s, resp.ErrorCode)
		}
	}
	f(0, "", 0)
	f(1, "2:a 2:b 4:1 4:2 8:1 8:2", 0)
	f(1, "2:a 2:b", 0, 2, 2)
	f(1, "4:1 4:2", 0, 4, 16, 32)
	f(1, "", kerr.UnsupportedVersion.Code, 2, 3)
	r.deny["describe-configs"] = true
	f(1, "", kerr.ClusterAuthorizationFailed.Code)
	f(0, "", kerr.ClusterAuthorizationFailed.Code)
}
