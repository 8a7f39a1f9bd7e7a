package admin

import (
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	ofGroup         = kmsg.ConfigResourceTypeGroupConfig
	ofClientMetrics = kmsg.ConfigResourceTypeClientMetrics
)

// refuses alters one config and wants it refused with that code and sentence.
func (r *rig) refuses(kind kmsg.ConfigResourceType, resource, config string, want *kerr.Error, sentence string) {
	r.t.Helper()
	name, value, _ := strings.Cut(config, "=")
	before := r.loader.Current().Offset()
	if code, text := r.alter(1, false, kind, resource, 0, name, value); code != want.Code || text != sentence {
		r.t.Errorf("%s %q: %v %q", resource, config, kerr.ErrorForCode(code), text)
	}
	if r.loader.Current().Offset() != before {
		r.t.Errorf("%s %q: refused, but something was written", resource, config)
	}
}

func (r *rig) accepts(kind kmsg.ConfigResourceType, resource string, op int8, config string) {
	r.t.Helper()
	name, value, _ := strings.Cut(config, "=")
	if code, text := r.alter(1, false, kind, resource, op, name, value); code != 0 {
		r.t.Errorf("%s %q: %v %q", resource, config, kerr.ErrorForCode(code), text)
	}
}

// TestGroupConfigs: stored, validated within the brokers' bounds, described with their source. No group exists.
func TestGroupConfigs(t *testing.T) {
	r := newRigWith(t, map[string]string{"group.consumer.heartbeat.interval.ms": "6000", "group.consumer.max.session.timeout.ms": "50000"})
	if d := r.describe(4, ofGroup, "g"); d.ErrorCode != 0 || len(d.Configs) != 21 { // Kafka's 27 less 6 that it hides
		t.Errorf("%d configs, %+v", len(d.Configs), d)
	}
	r.wantConfig(ofGroup, "g", "consumer.heartbeat.interval.ms=6000 5 5:group.consumer.heartbeat.interval.ms=6000")
	r.wantConfig(ofGroup, "g", "streams.assignor.name=sticky 5 5:group.streams.assignors=sticky")
	r.accepts(ofGroup, "g", 0, "consumer.session.timeout.ms=48000")
	r.wantConfig(ofGroup, "g", "consumer.session.timeout.ms=48000 8 8:consumer.session.timeout.ms=48000 5:group.consumer.session.timeout.ms=45000")
	r.wantConfig(ofGroup, "h", "consumer.session.timeout.ms=45000 5 5:group.consumer.session.timeout.ms=45000")
	if n := r.loader.Current().GroupConfigInt("g", "consumer.session.timeout.ms"); n != 48000 {
		t.Errorf("session timeout %d", n)
	}
	r.refuses(ofGroup, "", "consumer.session.timeout.ms=48000", kerr.InvalidRequest, "Default group resources are not allowed.")
	r.refuses(ofGroup, "g", "no.such=1", kerr.InvalidConfig, "Unknown group config name: no.such")
	r.refuses(ofGroup, "g", "consumer.session.timeout.ms=50001", kerr.InvalidConfig, "consumer.session.timeout.ms must be in the range 45000 to 50000 inclusive.")
	r.refuses(ofGroup, "g", "consumer.session.timeout.ms=44999", kerr.InvalidConfig, "consumer.session.timeout.ms must be in the range 45000 to 50000 inclusive.")
	r.refuses(ofGroup, "g", "streams.num.standby.replicas=3", kerr.InvalidConfig, "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas")
	r.refuses(ofGroup, "g", "share.isolation.level=x", kerr.InvalidConfig, "Invalid value x for configuration share.isolation.level: String must be one of: read_committed, read_uncommitted")
	r.refuses(ofGroup, "g", "consumer.session.timeout.ms=x", kerr.InvalidConfig, "Invalid value x for configuration consumer.session.timeout.ms: Not a number of type INT")
	r.accepts(ofGroup, "g", 0, "share.auto.offset.reset=by_duration:PT1H30.5S")
	r.accepts(ofGroup, "g", 1, "share.auto.offset.reset")
	for _, bad := range []string{"by_duration:", "by_duration:P", "by_duration:PT", "by_duration:-PT1S", "by_duration:PT1S1H", "by_duration:P1.5D", "never"} {
		if code, _ := r.alter(1, false, ofGroup, "g", 0, "share.auto.offset.reset", bad); code != kerr.InvalidConfig.Code {
			t.Errorf("%s is accepted", bad)
		}
	}
	r.accepts(ofBroker, "", 0, "group.consumer.assignment.interval.ms=2000")
	r.wantConfig(ofGroup, "g", "consumer.assignment.interval.ms=2000 5 5:group.consumer.assignment.interval.ms=2000")
	r.accepts(ofGroup, "g", 1, "consumer.session.timeout.ms")
	r.wantConfig(ofGroup, "g", "consumer.session.timeout.ms=45000 5 5:group.consumer.session.timeout.ms=45000")
}

// TestClientMetricsConfigs: subscriptions to the metrics of clients are configs, which make them exist.
func TestClientMetricsConfigs(t *testing.T) {
	r := newRig(t)
	list := func(version int16, want string) {
		t.Helper()
		req := kmsg.NewPtrListConfigResourcesRequest()
		req.Version = version
		if version > 0 {
			req.ResourceTypes = []int8{16, 32}
		}
		var got []string
		for _, c := range call[*kmsg.ListConfigResourcesResponse](r, r.h.ListConfigResources, req).ConfigResources {
			got = append(got, c.Name)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("v%d: %q, want %q", version, s, want)
		}
	}
	list(0, "")
	r.wantConfig(ofClientMetrics, "m", "interval.ms=300000 5 5:interval.ms=300000")
	r.accepts(ofClientMetrics, "m", 0, "interval.ms=1000")
	r.accepts(ofClientMetrics, "m", 2, "match=client_id=a.*")
	r.accepts(ofClientMetrics, "m", 2, "match=client_software_name=Java")
	r.accepts(ofGroup, "g", 0, "share.delivery.count.limit=3")
	list(0, "m")
	list(1, "m g")
	r.wantConfig(ofClientMetrics, "m", "interval.ms=1000 7 7:interval.ms=1000")
	r.wantConfig(ofClientMetrics, "m", "match=client_id=a.*,client_software_name=Java 7 7:match=client_id=a.*,client_software_name=Java")
	if all := r.loader.Current().MetricsSubscriptions(); len(all) != 1 || all[0].IntervalMs != 1000 || len(all[0].Match) != 2 {
		t.Errorf("%+v", all)
	}
	r.refuses(ofClientMetrics, "", "interval.ms=1000", kerr.InvalidRequest, "Subscription name can't be empty")
	r.refuses(ofClientMetrics, "m", "period=1", kerr.InvalidRequest, "Unknown client metrics configuration: period")
	r.refuses(ofClientMetrics, "m", "interval.ms=99", kerr.InvalidRequest, "Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)")
	r.refuses(ofClientMetrics, "m", "interval.ms=x", kerr.InvalidConfig, "Invalid value x for configuration interval.ms: Not a number of type INT")
	r.refuses(ofClientMetrics, "m", "match=client_id", kerr.InvalidConfig, "Illegal client matching pattern: client_id")
	r.refuses(ofClientMetrics, "m", "match=planet=earth", kerr.InvalidConfig, "Illegal client matching pattern: planet=earth")
	r.refuses(ofClientMetrics, "m", "match=client_id=(", kerr.InvalidConfig, "Illegal client matching pattern: client_id=(")
	r.accepts(ofClientMetrics, "m", 1, "interval.ms")
	r.accepts(ofClientMetrics, "m", 1, "match")
	list(0, "")
}

// TestDynamicBrokerConfigs: every key of Kafka is described; what Kafka calls cluster-wide can be set for all brokers and
// for one; what is read only at start, or can change for one broker only, is refused.
func TestDynamicBrokerConfigs(t *testing.T) {
	r := newRigWith(t, map[string]string{"num.io.threads": "3", "ssl.keystore.password": "hush"})
	named := map[string]bool{}
	for _, c := range r.describe(4, ofBroker, "1").Configs {
		if named[c.Name] {
			t.Errorf("%s is described twice", c.Name)
		}
		if named[c.Name] = true; c.ConfigType == 0 {
			t.Errorf("%s has no type", c.Name)
		}
	}
	for def := range metadata.ServerConfigs {
		if named[def.Name] == (def.Hidden || def.DynamicOnly) {
			t.Errorf("%s: described %v, hidden %v", def.Name, named[def.Name], def.Hidden)
		}
	}
	r.wantConfig(ofBroker, "1", "num.io.threads=3 4 4:num.io.threads=3 5:num.io.threads=8")
	r.accepts(ofBroker, "", 0, "num.io.threads=16")
	r.accepts(ofBroker, "1", 0, "num.io.threads=32")
	r.wantConfig(ofBroker, "1", "num.io.threads=32 2 2:num.io.threads=32 3:num.io.threads=16 4:num.io.threads=3 5:num.io.threads=8")
	r.wantConfig(ofBroker, "", "num.io.threads=16 3 3:num.io.threads=16")
	r.accepts(ofBroker, "", 0, "leader.replication.throttled.rate=1000")
	r.wantConfig(ofBroker, "1", "ssl.keystore.password=null 4 ro sensitive 4:ssl.keystore.password=null")
	r.wantConfig(ofBroker, "1", "log.dir=/tmp/kafka-logs 5 ro 5:log.dir=/tmp/kafka-logs")
	r.refuses(ofBroker, "", "num.io.threads=0", kerr.InvalidRequest, "Invalid value 0 for configuration num.io.threads: Value must be at least 1")
	r.refuses(ofBroker, "", "listeners=x", kerr.InvalidRequest, "Cannot update these configs at default cluster level, broker id must be specified: [listeners]")
	r.refuses(ofBroker, "1", "listeners=x", kerr.InvalidRequest, "Cannot update these configs dynamically: [listeners]")
	r.refuses(ofBroker, "1", "max.connections=5", kerr.InvalidRequest, "Cannot update these configs dynamically: [max.connections]")
	r.refuses(ofBroker, "1", "num.partitions=5", kerr.InvalidRequest, "Cannot update these configs dynamically: [num.partitions]")
	r.refuses(ofBroker, "1", "a.plugin=5", kerr.InvalidRequest, "Cannot update these configs dynamically: [a.plugin]")
}
