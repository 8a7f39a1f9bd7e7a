package admin

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Points of SURFACE 7.2 and 7.3 that no other test is about, each named after its number.

func (r *rig) metadata(version int16, change func(*kmsg.MetadataRequest), names ...string) *kmsg.MetadataResponse {
	r.t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	req.Version = version
	for i := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &names[i]
		req.Topics = append(req.Topics, t)
	}
	if change != nil {
		change(req)
	}
	return call[*kmsg.MetadataResponse](r, r.h.Metadata, req)
}

func TestPoint017UndescribableTopics(t *testing.T) {
	r := newRig(t)
	r.create("open", 1)
	r.create("secret", 1)
	r.deny["describe/secret"], r.deny["describe/nowhere"] = true, true
	if all := r.metadata(13, nil).Topics; len(all) != 1 || *all[0].Topic != "open" {
		t.Errorf("all topics: %+v", all)
	}
	named := r.metadata(13, nil, "secret", "nowhere").Topics
	if len(named) != 2 {
		t.Fatalf("%+v", named)
	}
	for _, topic := range named {
		if topic.ErrorCode != kerr.TopicAuthorizationFailed.Code || topic.TopicID != [16]byte{} || len(topic.Partitions) != 0 {
			t.Errorf("%s: %+v", *topic.Topic, topic)
		}
	}
}

// TestLeaderIsNotOnThisListener: who comes in on a listener that the leader does not have is told so, and older versions
// that there is no leader.
func TestLeaderIsNotOnThisListener(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	r.listener = "OTHER"
	for version, want := range map[int16]*kerr.Error{5: kerr.LeaderNotAvailable, 6: kerr.ListenerNotFound, 13: kerr.ListenerNotFound} {
		if got := r.metadata(version, nil, "a").Topics[0].Partitions[0]; got.ErrorCode != want.Code {
			t.Errorf("v%d: %+v", version, got)
		}
	}
}

// TestLeaderPrepares: a broker that opens the log of a new partition is named its leader when it can serve it, not before:
// a client that does not try again would lose its first record.
func TestLeaderPrepares(t *testing.T) {
	r := newRig(t)
	id := r.create("a", 12)
	partitions := r.loader.Current().Topic("a").Partitions
	mine := slices.IndexFunc(partitions, func(p *metadata.Partition) bool { return p.Leader == r.h.Self })
	r.h.Preparing = func(topic kafka.TopicID, index int32, epoch kafka.LeaderEpoch) bool {
		return topic == id && index <= int32(mine) && epoch == 0
	}
	for index, p := range partitions {
		leader, code := int32(p.Leader), int16(0)
		if index == mine {
			leader, code = -1, kerr.LeaderNotAvailable.Code
		}
		for _, version := range []int16{0, 13} {
			if got := r.metadata(version, nil, "a").Topics[0].Partitions[index]; got.Leader != leader || got.ErrorCode != code {
				t.Errorf("v%d: %+v", version, got)
			}
		}
		req := kmsg.NewPtrDescribeTopicPartitionsRequest()
		req.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "a"}}
		req.ResponsePartitionLimit = 100
		if got := call[*kmsg.DescribeTopicPartitionsResponse](r, r.h.DescribeTopicPartitions, req).Topics[0].Partitions[index]; got.LeaderID != leader {
			t.Errorf("%+v", got)
		}
	}
}

func TestPoint018MetadataByID(t *testing.T) {
	r := newRig(t)
	id := r.create("a", 1)
	name := "a"
	ask := func(version int16, topic kmsg.MetadataRequestTopic) kmsg.MetadataResponseTopic {
		t.Helper()
		return r.metadata(version, func(q *kmsg.MetadataRequest) { q.Topics = []kmsg.MetadataRequestTopic{topic} }).Topics[0]
	}
	if got := ask(12, kmsg.MetadataRequestTopic{TopicID: id}); got.ErrorCode != 0 || *got.Topic != "a" {
		t.Errorf("by id: %+v", got)
	}
	if got := ask(12, kmsg.MetadataRequestTopic{TopicID: [16]byte{99}}); got.ErrorCode != kerr.UnknownTopicID.Code {
		t.Errorf("unknown id: %+v", got)
	}
	for _, name := range []string{"", "a", "b"} { // an id counts, whatever the name; Java's client sends an empty one
		if got := ask(12, kmsg.MetadataRequestTopic{TopicID: id, Topic: &name}); got.ErrorCode != 0 || *got.Topic != "a" {
			t.Errorf("id and name %q: %+v", name, got)
		}
	}
	for v := int16(10); v <= 11; v++ {
		if got := ask(v, kmsg.MetadataRequestTopic{TopicID: id, Topic: &name}); got.ErrorCode != kerr.InvalidRequest.Code {
			t.Errorf("v%d: %+v", v, got)
		}
	}
}

func TestPoint019AuthorizedOperations(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	with := func(q *kmsg.MetadataRequest) {
		q.IncludeClusterAuthorizedOperations, q.IncludeTopicAuthorizedOperations = true, true
	}
	for v := int16(8); v <= 13; v++ {
		plain, asked := r.metadata(v, nil, "a"), r.metadata(v, with, "a")
		if plain.Topics[0].AuthorizedOperations != notRequested || asked.Topics[0].AuthorizedOperations != 0b1101_1111_1000 {
			t.Errorf("v%d: topic %b, not asked %d", v, asked.Topics[0].AuthorizedOperations, plain.Topics[0].AuthorizedOperations)
		}
		if cluster := asked.AuthorizedOperations; v <= 10 != (cluster == 0b1_1111_1010_0000) {
			t.Errorf("v%d: cluster %b", v, cluster)
		}
	}
	for _, op := range operationNames {
		r.deny[op] = op != "describe"
	}
	got := r.metadata(8, with, "a").Topics[0].AuthorizedOperations
	if got&(1<<8) == 0 || got&(1<<7|1<<6|1<<11) != 0 {
		t.Errorf("only DESCRIBE is allowed of what can be denied here: %b", got)
	}
}

func TestPoint028IncrementalAlterConfigs(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	r.accepts(ofTopic, "a", 2, "cleanup.policy=compact")
	r.accepts(ofTopic, "a", 2, "cleanup.policy=compact") // skipped, it is there
	r.wantConfig(ofTopic, "a", "cleanup.policy=delete,compact 1 1:cleanup.policy=delete,compact 5:log.cleanup.policy=delete")
	r.accepts(ofTopic, "a", 3, "cleanup.policy=delete")
	r.wantConfig(ofTopic, "a", "cleanup.policy=compact 1 1:cleanup.policy=compact 5:log.cleanup.policy=delete")
	for op := int8(2); op <= 3; op++ {
		if code, _ := r.alter(1, false, ofTopic, "a", op, "retention.ms", "1"); code != kerr.InvalidConfig.Code {
			t.Errorf("operation %d on a number: %d", op, code)
		}
	}
	pairs := func(first, last int) string {
		var all []string
		for i := first; i <= last; i++ {
			all = append(all, fmt.Sprintf("%d:100000", i))
		}
		return strings.Join(all, ",")
	}
	r.accepts(ofTopic, "a", 0, "follower.replication.throttled.replicas="+pairs(10000, 12000))
	if code, _ := r.alter(1, false, ofTopic, "a", 2, "follower.replication.throttled.replicas", pairs(20000, 21000)); code != kerr.InvalidConfig.Code {
		t.Errorf("more than 32767 characters: %d", code)
	}
	before := r.loader.Current().Offset()
	r.accepts(ofTopic, "a", 0, "cleanup.policy=compact")
	if r.loader.Current().Offset() != before {
		t.Error("the value of a topic that stays as it is was written")
	}
	r.accepts(ofBroker, "1", 0, "log.retention.ms=5")
	before = r.loader.Current().Offset()
	r.accepts(ofBroker, "1", 0, "log.retention.ms=5")
	if r.loader.Current().Offset() == before {
		t.Error("a broker's value is written again, so that brokers read again what it names")
	}
}

func TestPoint030BrokerResources(t *testing.T) {
	r := newRig(t)
	r.accepts(ofBroker, "", 0, "log.retention.ms=5")
	if d := r.describe(4, ofBroker, ""); d.ErrorCode != 0 || len(d.Configs) != 1 || d.Configs[0].Name != "log.retention.ms" {
		t.Errorf("empty name is the default of the cluster: %+v", d)
	}
	if d := r.describe(4, ofBroker, "1"); d.ErrorCode != 0 || len(d.Configs) < 300 {
		t.Errorf("itself: error %d, %d configs", d.ErrorCode, len(d.Configs))
	}
	for _, kind := range []kmsg.ConfigResourceType{ofBroker, kmsg.ConfigResourceTypeBrokerLogger} {
		if d := r.describe(4, kind, "2"); d.ErrorCode != kerr.InvalidRequest.Code {
			t.Errorf("another broker, type %d: %+v", kind, d)
		}
	}
}

func TestPoint031UnknownConfigsAndResources(t *testing.T) {
	r := newRig(t)
	r.create("a", 1)
	r.refuses(ofTopic, "a", "no.such=1", kerr.InvalidConfig, "Unknown topic config name: no.such")
	if d := r.describe(4, ofTopic, "nowhere"); d.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("unknown topic: %+v", d)
	}
	for _, kind := range []kmsg.ConfigResourceType{ofGroup, ofClientMetrics} {
		if d := r.describe(4, kind, "nobody"); d.ErrorCode != 0 || len(d.Configs) == 0 {
			t.Errorf("type %d needs no prior existence: %+v", kind, d)
		}
	}
}

func TestPoint032SourcesOfATopicConfig(t *testing.T) {
	r := newRigWith(t, map[string]string{"log.segment.bytes": "2000000"})
	r.create("a", 1)
	static := "4:log.segment.bytes=2000000 5:log.segment.bytes=1073741824"
	r.wantConfig(ofTopic, "a", "segment.bytes=2000000 4 "+static)
	r.accepts(ofBroker, "", 0, "log.segment.bytes=3000000")
	r.wantConfig(ofTopic, "a", "segment.bytes=3000000 3 3:log.segment.bytes=3000000 "+static)
	r.accepts(ofBroker, "1", 0, "log.segment.bytes=4000000")
	r.wantConfig(ofTopic, "a", "segment.bytes=4000000 2 2:log.segment.bytes=4000000 3:log.segment.bytes=3000000 "+static)
	r.accepts(ofTopic, "a", 0, "segment.bytes=5000000")
	r.wantConfig(ofTopic, "a", "segment.bytes=5000000 1 1:segment.bytes=5000000 2:log.segment.bytes=4000000 3:log.segment.bytes=3000000 "+static)
}
