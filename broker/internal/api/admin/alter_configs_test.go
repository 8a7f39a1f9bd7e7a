package admin

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// alter sends one IncrementalAlterConfigs of one config; an op of 1 has no value.
func (r *rig) alter(version int16, validate bool, kind kmsg.ConfigResourceType, resource string, op int8, name, value string) (code int16, text string) {
	r.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version, req.ValidateOnly = version, validate
	res := kmsg.NewIncrementalAlterConfigsRequestResource()
	res.ResourceType, res.ResourceName = kind, resource
	c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	c.Name, c.Op, c.Value = name, kmsg.IncrementalAlterConfigOp(op), &value
	if op == 1 {
		c.Value = nil
	}
	res.Configs = append(res.Configs, c)
	req.Resources = append(req.Resources, res)
	resp := call[*kmsg.IncrementalAlterConfigsResponse](r, r.h.IncrementalAlterConfigs, req)
	if len(resp.Resources) != 1 || resp.Resources[0].ResourceName != resource || resp.Resources[0].ResourceType != kind {
		r.t.Fatalf("%+v", resp)
	}
	if t := resp.Resources[0].ErrorMessage; t != nil {
		text = *t
	}
	return resp.Resources[0].ErrorCode, text
}

func TestIncrementalAlterConfigsAtEveryVersion(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	for v := int16(0); v <= 1; v++ {
		f := func(op int8, name, value, want string) {
			t.Helper()
			if code, text := r.alter(v, false, ofTopic, "a", op, name, value); code != 0 || text != "" {
				t.Errorf("v%d: error %d %q", v, code, text)
			}
			r.wantConfig(ofTopic, "a", want)
		}
		if code, _ := r.alter(v, true, ofTopic, "a", 0, "retention.bytes", "100"); code != 0 {
			t.Errorf("v%d: validate: error %d", v, code)
		}
		r.wantConfig(ofTopic, "a", "retention.bytes=-1 5 5:log.retention.bytes=-1") // was checked only
		f(0, "retention.bytes", "100", "retention.bytes=100 1 1:retention.bytes=100 5:log.retention.bytes=-1")
		f(1, "retention.bytes", "", "retention.bytes=-1 5 5:log.retention.bytes=-1")
		f(1, "retention.bytes", "", "retention.bytes=-1 5 5:log.retention.bytes=-1")
		f(2, "cleanup.policy", "compact", "cleanup.policy=delete,compact 1 1:cleanup.policy=delete,compact 5:log.cleanup.policy=delete")
		f(2, "cleanup.policy", "compact", "cleanup.policy=delete,compact 1 1:cleanup.policy=delete,compact 5:log.cleanup.policy=delete")
		f(3, "cleanup.policy", "delete", "cleanup.policy=compact 1 1:cleanup.policy=compact 5:log.cleanup.policy=delete")
		f(1, "cleanup.policy", "", "cleanup.policy=delete 5 5:log.cleanup.policy=delete")
	}
}

// TestPoint029AlterConfigsReplaces: what is not named is gone.
func TestPoint029AlterConfigsReplaces(t *testing.T) {
	r := newRig(t)
	r.create("a", 1, "retention.bytes", "1", "flush.ms", "2")
	for v := int16(0); v <= 2; v++ {
		alter := func(validate bool, value string, names ...string) kmsg.AlterConfigsResponseResource {
			req := kmsg.NewPtrAlterConfigsRequest()
			req.Version, req.ValidateOnly = v, validate
			res := kmsg.NewAlterConfigsRequestResource()
			res.ResourceType, res.ResourceName = ofTopic, "a"
			for _, name := range names {
				c := kmsg.NewAlterConfigsRequestResourceConfig()
				c.Name, c.Value = name, &value
				res.Configs = append(res.Configs, c)
			}
			req.Resources = append(req.Resources, res)
			return call[*kmsg.AlterConfigsResponse](r, r.h.AlterConfigs, req).Resources[0]
		}
		if x := alter(true, "7", "segment.ms"); x.ErrorCode != 0 {
			t.Errorf("v%d: %+v", v, x)
		}
		r.wantConfig(ofTopic, "a", "segment.ms=604800000 5")
		if x := alter(false, "7", "segment.ms"); x.ErrorCode != 0 || x.ResourceName != "a" {
			t.Errorf("v%d: %+v", v, x)
		}
		r.wantConfig(ofTopic, "a", "segment.ms=7 1 1:segment.ms=7")
		r.wantConfig(ofTopic, "a", "retention.bytes=-1 5 5:log.retention.bytes=-1")
		if x := alter(false, "no", "segment.ms"); x.ErrorCode != kerr.InvalidConfig.Code {
			t.Errorf("v%d: %+v", v, x)
		}
		if x := alter(false, ""); x.ErrorCode != 0 {
			t.Errorf("v%d: %+v", v, x)
		}
		r.wantConfig(ofTopic, "a", "segment.ms=604800000 5")
	}
}

func TestAlterConfigsErrors(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	f := func(kind kmsg.ConfigResourceType, resource string, op int8, config string, want *kerr.Error, sentence string) {
		t.Helper()
		name, value, _ := strings.Cut(config, "=")
		before := r.loader.Current().Offset()
		if code, text := r.alter(1, false, kind, resource, op, name, value); code != want.Code || text != sentence {
			t.Errorf("%s %q %s: %v %q", resource, config, want.Message, kerr.ErrorForCode(code), text)
		}
		if r.loader.Current().Offset() != before {
			t.Errorf("%s %q: refused, but something was written", resource, config)
		}
	}
	f(ofTopic, "b", 0, "retention.ms=1", kerr.UnknownTopicOrPartition, "The topic 'b' does not exist.")
	f(ofTopic, "", 0, "retention.ms=1", kerr.InvalidRequest, "Default topic resources are not allowed.")
	f(ofTopic, "a", 0, "retention.ms=x", kerr.InvalidConfig, "Invalid value x for configuration retention.ms: Not a number of type LONG")
	f(ofTopic, "a", 0, "no.such=x", kerr.InvalidConfig, "Unknown topic config name: no.such")
	f(ofTopic, "a", 2, "retention.ms=1", kerr.InvalidConfig, "Can't APPEND to key retention.ms because its type is not LIST.")
	f(ofTopic, "a", 9, "retention.ms=1", kerr.InvalidRequest, "Unknown operations type 9")
	f(ofTopic, "a", 0, "remote.storage.enable=true", kerr.InvalidConfig, "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	f(ofBroker, "1", 0, "node.id=7", kerr.InvalidRequest, "Cannot update these configs dynamically: [node.id]")
	f(ofBroker, "", 0, "log.retention.hours=7", kerr.InvalidRequest, "Cannot update these configs dynamically: [log.retention.hours]")
	f(ofBroker, "", 0, "log.retention.ms=x", kerr.InvalidRequest, "Invalid value x for configuration log.retention.ms: Not a number of type LONG")
	f(ofBroker, "2", 0, "log.retention.ms=7", kerr.InvalidRequest, "Unexpected broker id, expected 1, but received 2")
	f(ofBroker, "one", 0, "log.retention.ms=7", kerr.InvalidRequest, "Node id must be an integer, but it is: one")
	f(kmsg.ConfigResourceTypeBrokerLogger, "1", 0, "root=DEBUG", kerr.InvalidRequest, noLoggers)
	f(kmsg.ConfigResourceType(9), "1", 0, "root=DEBUG", kerr.InvalidRequest, "Unknown resource type 9")
	r.deny["alter-configs"] = true
	f(ofTopic, "a", 0, "retention.ms=1", kerr.TopicAuthorizationFailed, "Topic authorization failed.")
	f(ofBroker, "", 0, "log.retention.ms=1", kerr.ClusterAuthorizationFailed, "Cluster authorization failed.")
}

// TestAlterConfigsOfManyResources: each has its own outcome, in order of the request; a resource that comes twice
// is refused, and all changes of one resource are made or none.
func TestAlterConfigsOfManyResources(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	r.create("b", 1)
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	add := func(name string, configs ...string) {
		res := kmsg.NewIncrementalAlterConfigsRequestResource()
		res.ResourceType, res.ResourceName = ofTopic, name
		for _, pair := range configs {
			c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			value := ""
			if c.Name, value, _ = strings.Cut(pair, "="); value != "" {
				c.Value = &value
			}
			res.Configs = append(res.Configs, c)
		}
		req.Resources = append(req.Resources, res)
	}
	add("b", "flush.ms=1", "retention.ms=x") // the second is refused
	add("c", "flush.ms=1")
	add("a", "flush.ms=1", "retention.ms=2")
	add("twice", "flush.ms=1")
	add("twice", "flush.ms=1")
	add("keys", "flush.ms=1", "flush.ms=2")
	add("nulls", "flush.ms", "retention.ms")
	resp := call[*kmsg.IncrementalAlterConfigsResponse](r, r.h.IncrementalAlterConfigs, req)
	want := []*kerr.Error{kerr.InvalidConfig, kerr.UnknownTopicOrPartition, nil, kerr.InvalidRequest, kerr.InvalidRequest, kerr.InvalidRequest, kerr.InvalidRequest}
	for i, x := range resp.Resources {
		if x.ResourceName != req.Resources[i].ResourceName || (want[i] == nil) != (x.ErrorCode == 0) || want[i] != nil && x.ErrorCode != want[i].Code {
			t.Errorf("%d: %+v", i, x)
		}
	}
	if text := *resp.Resources[6].ErrorMessage; text != "Null value not supported for : flush.ms, retention.ms" {
		t.Error(text)
	}
	r.wantConfig(ofTopic, "b", "flush.ms=9223372036854775807 5")
	r.wantConfig(ofTopic, "a", "flush.ms=1 1 1:flush.ms=1")
	r.wantConfig(ofTopic, "a", "retention.ms=2 1 1:retention.ms=2")
}

// TestAlterConfigsWithoutAnAnswer: the quorum falls silent; the client is told after its time-out.
func TestAlterConfigsWithoutAnAnswer(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	r.controller.Lead(notLeading, 1)
	if code, text := r.alter(1, false, ofTopic, "a", 0, "flush.ms", "1"); code != kerr.NotController.Code || text == "" {
		t.Errorf("%d %q", code, text)
	}
}
