package controller

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestPoint022CreateTopicsRefusals: one topic each, its code and its sentence as clients know them from Kafka.
// Brokers 1 and 2 are active, 3 is fenced; the topics "taken" and "a.b" are there.
func TestPoint022CreateTopicsRefusals(t *testing.T) {
	c := newCluster(t, 1, func(o *Options) { o.MaxRecordsPerOp = 100; o.ReplicationFactor = 4 })
	c.lead()
	c.start(1, 1)
	c.start(2, 1)
	must[*kmsg.BrokerRegistrationResponse](c, func() Decision { return c.controller.RegisterBroker(c.registration(3, 1), c.now) })
	if r := c.create(newTopic("taken", 1, 1), newTopic("a.b", 1, 1)); r.Topics[0].ErrorCode != 0 || r.Topics[1].ErrorCode != 0 {
		t.Fatal(describeAnswer(r, nil))
	}
	f := func(line string, code *kerr.Error, text string) {
		t.Helper()
		r := c.create(parseTopics(t, line)...)
		got := r.Topics[0]
		if got.ErrorMessage == nil {
			got.ErrorMessage = new(string)
		}
		if got.ErrorCode != code.Code || *got.ErrorMessage != text {
			t.Errorf("%s:\ngot  %v %q\nwant %v %q", line, kerr.ErrorForCode(got.ErrorCode), *got.ErrorMessage, code, text)
		}
		if got.NumPartitions != -1 || got.ReplicationFactor != -1 || got.Configs != nil || got.TopicID != [16]byte{} {
			t.Errorf("%s: a refused topic has %+v", line, got)
		}
	}
	f("taken 1 1", kerr.TopicAlreadyExists, "Topic 'taken' already exists.")
	f("a_b 1 1", kerr.InvalidTopicException, "Topic 'a_b' collides with existing topic: a.b")
	f(`"" 1 1`, kerr.InvalidTopicException, kafka.CheckTopicName("").Error())
	f("a/b 1 1", kerr.InvalidTopicException, kafka.CheckTopicName("a/b").Error())
	f(strings.Repeat("x", 250)+" 1 1", kerr.InvalidTopicException, kafka.CheckTopicName(strings.Repeat("x", 250)).Error())
	f("__cluster_metadata 1 1", kerr.InvalidRequest, "Creation of internal topic __cluster_metadata is prohibited.")
	f("t 1 1\nt 1 1", kerr.InvalidRequest, "Duplicate topic name.")
	f("t 0 1", kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	f("t -2 1", kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	f("t 1 0", kerr.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	f("t 1 -2", kerr.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	f("t 1 5", kerr.InvalidReplicationFactor, "Unable to replicate the partition 5 time(s): The target replication factor of 5 cannot be reached because only 3 broker(s) are registered or some brokers have all their log directories cordoned.")
	f("t 1 -1", kerr.InvalidReplicationFactor, "Unable to replicate the partition 4 time(s): The target replication factor of 4 cannot be reached because only 3 broker(s) are registered or some brokers have all their log directories cordoned.")
	f("t 100 1", kerr.PolicyViolation, "Unable to perform excessively large batch operation.")
	f("t 2000000000 1", kerr.PolicyViolation, "Unable to perform excessively large batch operation.")
	f("t 60 1\nu 60 1", kerr.PolicyViolation, "Unable to perform excessively large batch operation.")
	f("t 1 -1 assign=0:1", kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	f("t -1 1 assign=0:1", kerr.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	f("t -1 -1 assign=0:1;0:2", kerr.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition 0")
	f("t -1 -1 assign=0:1;2:2", kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
	f("t -1 -1 assign=1:1", kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
	f("t -1 -1 assign=0:", kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	f("t -1 -1 assign=0:1,9", kerr.InvalidReplicaAssignment, "The manual partition assignment includes broker 9, but no such broker is registered.")
	f("t -1 -1 assign=0:1,1", kerr.InvalidReplicaAssignment, "The manual partition assignment includes the broker 1 more than once.")
	f("t -1 -1 assign=0:1,2;1:1", kerr.InvalidReplicaAssignment, "The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with previous partitions, which have 2 replica(s).")
	f("t -1 -1 assign=0:3", kerr.InvalidReplicaAssignment, "All brokers specified in the manual partition assignment for partition 0 are fenced or in controlled shutdown.")
	f("t 1 1 config=no.such:1", kerr.InvalidConfig, "Unknown topic config name: no.such")
	f("t 1 1 config=retention.ms:x", kerr.InvalidConfig, "Invalid value x for configuration retention.ms: Not a number of type LONG")
	f("t 1 1 config=retention.ms config=segment.ms", kerr.InvalidConfig, "Null value not supported for topic configs: retention.ms,segment.ms")

	// What is wrong with one topic leaves the others alone; order as in the request.
	r := c.create(parseTopics(t, "ok1 1 1\ntaken 1 1\nok_2 1 1\nok.2 1 1\ndup 1 1\ndup 1 1")...)
	var got []string
	for _, x := range r.Topics {
		got = append(got, fmt.Sprint(x.Topic, x.ErrorCode))
	}
	if want := []string{"ok10", "taken36", "ok_20", "ok.217", "dup42"}; !slices.Equal(got, want) {
		t.Errorf("topics %q, want %q", got, want)
	}
	if c.loader.Current().Topic("ok1") == nil || c.loader.Current().Topic("dup") != nil {
		t.Error("created the wrong ones")
	}
}

// TestCreateTopicsFenced: nobody to lead.
func TestCreateTopicsFenced(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.lead()
	must[*kmsg.BrokerRegistrationResponse](c, func() Decision { return c.controller.RegisterBroker(c.registration(3, 1), c.now) })
	r := c.create(newTopic("t", 1, 1)).Topics[0]
	if r.ErrorCode != kerr.InvalidReplicationFactor.Code || *r.ErrorMessage != "Unable to replicate the partition 1 time(s): All brokers are currently fenced." {
		t.Error(describeAnswer(&kmsg.CreateTopicsResponse{Topics: []kmsg.CreateTopicsResponseTopic{r}}, nil))
	}
	// Nor in controlled shutdown.
	c = newCluster(t, 1, nil)
	c.lead()
	c.start(1, 1)
	c.create(newTopic("led", 1, 1))
	c.beat(1, func(r *kmsg.BrokerHeartbeatRequest) { r.WantShutdown = true })
	r = c.create(newTopic("t", 1, -1)).Topics[0]
	if want := "Unable to replicate the partition 1 time(s): All brokers are currently fenced."; r.ErrorMessage == nil || *r.ErrorMessage != want {
		t.Errorf("%+v", r)
	}
}

// TestCreateTopicsAnswer: what a caller sees of a topic, with and without the right to see configs,
// and defaults of the broker.
func TestCreateTopicsAnswer(t *testing.T) {
	c := newCluster(t, 1, func(o *Options) { o.NumPartitions = 6; o.ReplicationFactor = 2 })
	c.lead()
	c.start(1, 1)
	c.start(2, 1)
	topics := parseTopics(t, "seen -1 -1 config=retention.ms:5 config=retention.ms:7\nhidden 1 1\n__consumer_offsets 3 -1")
	r := must[*kmsg.CreateTopicsResponse](c, func() Decision {
		return c.controller.CreateTopics(creation(topics...), Caller{MayDescribeConfigs: func(name string) bool { return name != "hidden" }})
	})
	seen, hidden, internal := r.Topics[0], r.Topics[1], r.Topics[2]
	if seen.NumPartitions != 6 || seen.ReplicationFactor != 2 || seen.ConfigErrorCode != 0 || seen.ErrorMessage != nil {
		t.Errorf("%+v", seen)
	}
	values := map[string]string{}
	for _, e := range seen.Configs {
		values[e.Name] = fmt.Sprintf("%s/%d", *e.Value, e.Source)
	}
	if values["retention.ms"] != "7/1" || values["segment.ms"] != "604800000/5" || values["flush.policy"] != "group/5" {
		t.Errorf("configs %v", values)
	}
	if hidden.NumPartitions != -1 || hidden.Configs != nil || hidden.ConfigErrorCode != kerr.TopicAuthorizationFailed.Code || hidden.ErrorCode != 0 {
		t.Errorf("%+v", hidden)
	}
	if internal.ReplicationFactor != 2 {
		t.Errorf("internal topic with %d replicas on 2 brokers", internal.ReplicationFactor)
	}
	image := c.loader.Current()
	if image.TopicByID(seen.TopicID) != image.Topic("seen") || image.NumPartitions() != 10 {
		t.Error("topic id of the answer")
	}
	for i, dir := range image.Partition("seen", 0).Directories {
		if want := (kafka.UUID{0: byte(image.Partition("seen", 0).Replicas[i]), 1: 1, 14: 1}); dir != want {
			t.Errorf("directory %s, want the broker's only one", dir)
		}
	}
}

// TestPlacement: over many partitions leaders and replicas are spread evenly, no broker twice in
// one, fenced brokers only where the others do not suffice and never first.
func TestPlacement(t *testing.T) {
	for seed := range uint64(20) {
		c := newCluster(t, seed, nil)
		c.lead()
		for id := range int32(5) {
			c.start(id, 1)
		}
		c.create(newTopic("t", 50, 3))
		leaders, replicas := map[kafka.BrokerID]int{}, map[kafka.BrokerID]int{}
		for _, p := range c.loader.Current().Topic("t").Partitions {
			leaders[p.Leader]++
			for i, id := range p.Replicas {
				replicas[id]++
				if slices.Contains(p.Replicas[:i], id) {
					t.Fatalf("seed %d: replicas %v", seed, p.Replicas)
				}
			}
		}
		for id := range kafka.BrokerID(5) {
			if leaders[id] != 10 || replicas[id] < 20 || replicas[id] > 40 {
				t.Errorf("seed %d: broker %d leads %d, holds %d", seed, id, leaders[id], replicas[id])
			}
		}
		c.beat(2, func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		c.beat(4, func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		c.create(newTopic("three", 30, 3), newTopic("four", 30, 4))
		c.loader.Current().Topics(func(topic *metadata.Topic) bool {
			for _, p := range topic.Partitions {
				last := p.Replicas[len(p.Replicas)-1]
				fenced := slices.ContainsFunc(p.Replicas[:3], func(id kafka.BrokerID) bool { return id == 2 || id == 4 })
				if topic.Name != "t" && fenced || topic.Name == "four" && (last != 2 && last != 4 || len(p.ISR) != 3) {
					t.Fatalf("seed %d: %s has %v, ISR %v", seed, topic.Name, p.Replicas, p.ISR)
				}
			}
			return true
		})
	}
}

// TestCollisions compares the search among the topics with the definition.
func TestCollisions(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.lead()
	c.start(1, 1)
	rng := rand.New(rand.NewPCG(3, 3))
	name := func() string {
		b := make([]byte, 1+rng.IntN(4))
		for i := range b {
			b[i] = "._-aZ0z"[rng.IntN(7)]
		}
		return string(b)
	}
	for range 1500 {
		wanted := name()
		if kafka.CheckTopicName(wanted) != nil {
			continue
		}
		code := int16(0)
		c.loader.Current().Topics(func(other *metadata.Topic) bool {
			if kafka.CollisionKey(other.Name) == kafka.CollisionKey(wanted) {
				code = kerr.InvalidTopicException.Code
			}
			return true
		})
		if c.loader.Current().Topic(wanted) != nil {
			code = kerr.TopicAlreadyExists.Code
		}
		if got := c.create(newTopic(wanted, 1, 1)).Topics[0].ErrorCode; got != code {
			t.Fatalf("%q: %v, want %v", wanted, kerr.ErrorForCode(got), kerr.ErrorForCode(code))
		}
		if c.loader.Current().NumTopics() > 100 {
			break
		}
	}
}

// TestPartitionsAreBounded: MaxPartitions holds for all topics together, also within one request and for growth; what was
// deleted makes room.
func TestPartitionsAreBounded(t *testing.T) {
	c := newCluster(t, 1, func(o *Options) { o.MaxPartitions = 10 })
	c.lead()
	c.start(1, 1)
	codes := func(topics ...kmsg.CreateTopicsRequestTopic) (codes []int16) {
		for _, r := range c.create(topics...).Topics {
			codes = append(codes, r.ErrorCode)
		}
		return codes
	}
	over := kerr.PolicyViolation.Code
	if got := codes(newTopic("a", 4, 1), newTopic("b", 7, 1), newTopic("c", 6, 1)); !slices.Equal(got, []int16{0, over, 0}) {
		t.Errorf("4, 7 and 6 of 10: %v", got)
	}
	if got := codes(newTopic("d", 1, 1)); !slices.Equal(got, []int16{over}) {
		t.Errorf("one more: %v", got)
	}
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.Version = grow.MaxVersion()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = "a", 5
	grow.Topics = append(grow.Topics, topic)
	growth := func() *kmsg.CreatePartitionsResponse {
		return must[*kmsg.CreatePartitionsResponse](c, func() Decision { return c.controller.CreatePartitions(grow, Caller{}) })
	}
	if got := growth().Topics[0]; got.ErrorCode != over || got.ErrorMessage == nil || !strings.Contains(*got.ErrorMessage, "max.partitions") {
		t.Errorf("growth: %+v", got)
	}
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.Version = 1
	remove.TopicNames = []string{"c"}
	must[*kmsg.DeleteTopicsResponse](c, func() Decision { return c.controller.DeleteTopics(remove, Caller{}) })
	if got := growth().Topics[0]; got.ErrorCode != 0 {
		t.Errorf("growth when there is room: %+v", got)
	}
}
