package controller

import (
	"math"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// inject commits records that another controller wrote.
func (c *cluster) inject(records ...schema.Record) {
	c.t.Helper()
	var d Decision
	for _, r := range records {
		version, _ := schema.LatestVersion(r.Key())
		d.add(version, r)
	}
	b, err := encode(c.now, d.Records)
	if err != nil {
		c.t.Fatal(err)
	}
	c.stepDown(0)
	if _, err := c.Propose(b); err != nil {
		c.t.Fatal(err)
	}
	c.commitAll()
	c.lead()
}

// TestRegistrationRefused: what a broker is refused for.
func TestRegistrationRefused(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.lead()
	c.start(1, 1)
	f := func(want *kerr.Error, edit func(*kmsg.BrokerRegistrationRequest)) {
		t.Helper()
		req := c.registration(2, 1)
		edit(req)
		r := must[*kmsg.BrokerRegistrationResponse](c, func() Decision { return c.controller.RegisterBroker(req, c.now) })
		if r.ErrorCode != want.Code || c.loader.Current().Broker(2) != nil {
			t.Errorf("got %v, want %v", kerr.ErrorForCode(r.ErrorCode), want)
		}
	}
	f(kerr.InconsistentClusterID, func(r *kmsg.BrokerRegistrationRequest) { r.ClusterID = "other" })
	f(kerr.DuplicateBrokerRegistration, func(r *kmsg.BrokerRegistrationRequest) { *r = *c.registration(1, 2) })
	f(kerr.BrokerIDNotRegistered, func(r *kmsg.BrokerRegistrationRequest) { r.IsMigratingZkBroker = true })
	f(kerr.InvalidRegistration, func(r *kmsg.BrokerRegistrationRequest) { r.BrokerID = -1 })
	f(kerr.InvalidRegistration, func(r *kmsg.BrokerRegistrationRequest) { r.LogDirs = nil })
	f(kerr.InvalidRegistration, func(r *kmsg.BrokerRegistrationRequest) { r.LogDirs = [][16]byte{{15: 99}} })
	f(kerr.InvalidRegistration, func(r *kmsg.BrokerRegistrationRequest) { r.LogDirs = append(r.LogDirs, r.LogDirs[0]) })
	f(kerr.InvalidRegistration, func(r *kmsg.BrokerRegistrationRequest) { r.LogDirs = c.registration(1, 1).LogDirs })
	f(kerr.UnsupportedVersion, func(r *kmsg.BrokerRegistrationRequest) { r.Features = nil })
	f(kerr.UnsupportedVersion, func(r *kmsg.BrokerRegistrationRequest) { r.Features[0].MaxSupportedVersion-- })
	// An unfenced broker that is silent for a session time-out may be replaced even before a tick
	// fences it; its seats go with the same commit (C-03).
	c.create(newTopic("t", 1, 1))
	c.now += 9000
	r := must[*kmsg.BrokerRegistrationResponse](c, func() Decision { return c.controller.RegisterBroker(c.registration(1, 2), c.now) })
	if p := c.partition("t", 0); r.ErrorCode != 0 || p.Leader != kafka.NoBroker || !c.loader.Current().Broker(1).Fenced {
		t.Errorf("%+v, %+v", r, p)
	}
}

// elrCluster has brokers 1 to 3 and a topic "t" of an Apache Kafka controller with the given ISR
// and eligible leader replicas, and min.insync.replicas 2.
func elrCluster(t *testing.T, leader kafka.BrokerID, isr, elr []kafka.BrokerID, configs ...string) *cluster {
	c := newCluster(t, 1, nil)
	c.lead()
	for id := range int32(3) {
		c.start(id+1, 1)
	}
	topic := kafka.TopicID{0: 0x77, 15: 1}
	records := []schema.Record{&schema.TopicRecord{Name: "t", TopicID: topic}}
	two := "2"
	records = append(records, &schema.ConfigRecord{ResourceType: schema.ResourceTopic, ResourceName: "t", Name: "min.insync.replicas", Value: &two})
	yes := "true"
	for _, name := range configs {
		records = append(records, &schema.ConfigRecord{ResourceType: schema.ResourceTopic, ResourceName: "t", Name: name, Value: &yes})
	}
	c.inject(append(records, &schema.PartitionRecord{
		TopicID: topic, Replicas: []kafka.BrokerID{1, 2, 3}, ISR: isr, EligibleLeaderReplicas: elr, Leader: leader,
		Directories: make([]kafka.UUID, 3),
	})...)
	return c
}

func (c *cluster) setFence(id int32, want bool) {
	c.t.Helper()
	c.beat(id, func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = want })
}

// TestElections: who leads when brokers go and come (C-05, C-06, C-08).
func TestElections(t *testing.T) {
	ids := func(list ...kafka.BrokerID) []kafka.BrokerID { return list }
	expect := func(c *cluster, leader kafka.BrokerID, isr, elr, lastKnown []kafka.BrokerID) {
		t.Helper()
		p := c.partition("t", 0)
		if p.Leader != leader || !slices.Equal(p.ISR, isr) || !slices.Equal(p.ELR, elr) || !slices.Equal(p.LastKnownELR, lastKnown) {
			t.Errorf("%+v", p)
		}
		if err := c.loader.Current().Check(); err != nil {
			t.Error(err)
		}
	}
	// The last member of the ISR stays in it and only it may lead again.
	c := elrCluster(t, 1, ids(1), nil)
	c.setFence(1, true)
	expect(c, -1, ids(1), nil, nil)
	c.setFence(2, true)
	c.setFence(2, false)
	expect(c, -1, ids(1), nil, nil)
	c.setFence(1, false)
	expect(c, 1, ids(1), nil, nil)

	// With unclean election, anybody, and it is counted.
	c = elrCluster(t, 1, ids(1), nil, "unclean.leader.election.enable")
	c.setFence(1, true)
	expect(c, 2, ids(2), nil, nil)
	if p := c.partition("t", 0); p.Recovery != 1 || c.controller.UncleanElections() != 1 {
		t.Errorf("recovery %d, %d unclean elections", p.Recovery, c.controller.UncleanElections())
	}

	// An empty ISR and eligible leader replicas: the first of them that is active.
	c = elrCluster(t, -1, nil, ids(2, 3))
	c.setFence(2, true)
	expect(c, -1, nil, ids(2, 3), nil) // fencing somebody elects nobody
	c.setFence(2, false)
	expect(c, 2, ids(2), ids(3), nil)

	// A broker that comes back from an unclean stop is not eligible any more; a clean one is.
	for _, clean := range []bool{false, true} {
		c = elrCluster(t, 1, ids(1), ids(3))
		req := c.registration(3, 2)
		if clean {
			req.PreviousBrokerEpoch = int64(c.loader.Current().Broker(3).Epoch)
		}
		c.now += 10_000
		must[*kmsg.BrokerRegistrationResponse](c, func() Decision { return c.controller.RegisterBroker(req, c.now) })
		if clean {
			expect(c, 1, ids(1), ids(3), nil)
		} else {
			expect(c, 1, ids(1), nil, ids(3))
		}
	}

	// An ISR of min.insync.replicas ends the eligible leader replicas.
	c = elrCluster(t, 1, ids(1), ids(3))
	p := c.partition("t", 0)
	wanted := kmsg.NewAlterPartitionRequestTopicPartition()
	wanted.LeaderEpoch, wanted.PartitionEpoch, wanted.NewISR = int32(p.LeaderEpoch), int32(p.Epoch), []int32{1, 2}
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 2, 1, int64(c.loader.Current().Broker(1).Epoch)
	topic := kmsg.NewAlterPartitionRequestTopic()
	topic.TopicID, topic.Partitions = c.loader.Current().Topic("t").ID, append(topic.Partitions, wanted)
	req.Topics = append(req.Topics, topic)
	must[*kmsg.AlterPartitionResponse](c, func() Decision { return c.controller.AlterPartition(req) })
	expect(c, 1, ids(1, 2), nil, nil)
}

// TestAlterPartitionUnknown: topics and partitions that are not there.
func TestAlterPartitionUnknown(t *testing.T) {
	c := elrCluster(t, 1, []kafka.BrokerID{1}, nil)
	f := func(version int16, name string, index int32, want *kerr.Error) {
		t.Helper()
		req := kmsg.NewPtrAlterPartitionRequest()
		req.Version, req.BrokerID, req.BrokerEpoch = version, 1, int64(c.loader.Current().Broker(1).Epoch)
		topic := kmsg.NewAlterPartitionRequestTopic()
		if topic.Topic = name; c.loader.Current().Topic(name) != nil {
			topic.TopicID = c.loader.Current().Topic(name).ID
		}
		p := kmsg.NewAlterPartitionRequestTopicPartition()
		p.Partition = index
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
		r := must[*kmsg.AlterPartitionResponse](c, func() Decision { return c.controller.AlterPartition(req) })
		if got := r.Topics[0].Partitions[0].ErrorCode; got != want.Code {
			t.Errorf("v%d %s-%d: %v, want %v", version, name, index, kerr.ErrorForCode(got), want)
		}
	}
	f(3, "nope", 0, kerr.UnknownTopicID)
	f(2, "nope", 0, kerr.UnknownTopicID)
	f(3, "t", 9, kerr.UnknownTopicOrPartition)
	f(3, "t", 0, kerr.InvalidRequest) // an ISR without its leader
	req := kmsg.NewPtrAlterPartitionRequest()
	req.BrokerID, req.BrokerEpoch = 1, 999
	if r := must[*kmsg.AlterPartitionResponse](c, func() Decision { return c.controller.AlterPartition(req) }); r.ErrorCode != kerr.StaleBrokerEpoch.Code {
		t.Errorf("stale epoch: %+v", r)
	}
}

// TestDeleteTopicsByID covers the rules of v6 (SURFACE 25).
func TestDeleteTopicsByID(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.lead()
	c.start(1, 1)
	c.create(newTopic("a", 1, 1), newTopic("b", 1, 1))
	name := "b"
	both, neither, byID, again, byName, unknown := kmsg.NewDeleteTopicsRequestTopic(), kmsg.NewDeleteTopicsRequestTopic(),
		kmsg.NewDeleteTopicsRequestTopic(), kmsg.NewDeleteTopicsRequestTopic(), kmsg.NewDeleteTopicsRequestTopic(), kmsg.NewDeleteTopicsRequestTopic()
	both.Topic, both.TopicID = &name, c.loader.Current().Topic("b").ID
	byID.TopicID = c.loader.Current().Topic("a").ID
	again.TopicID = byID.TopicID
	byName.Topic = &name
	unknown.TopicID = [16]byte{9}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = 6
	req.Topics = append(req.Topics, both, neither, byID, again, byName, unknown)
	r := must[*kmsg.DeleteTopicsResponse](c, func() Decision { return c.controller.DeleteTopics(req, Caller{}) })
	want := []int16{kerr.InvalidRequest.Code, kerr.InvalidRequest.Code, 0, kerr.InvalidRequest.Code, 0, kerr.UnknownTopicID.Code}
	for i, x := range r.Topics {
		if x.ErrorCode != want[i] {
			t.Errorf("%d: %v", i, kerr.ErrorForCode(x.ErrorCode))
		}
	}
	if c.loader.Current().NumTopics() != 0 {
		t.Error("topics are left")
	}
	// The name is free again, for another topic.
	if r := c.create(newTopic("a", 1, 1)); r.Topics[0].ErrorCode != 0 || r.Topics[0].TopicID == byID.TopicID {
		t.Error(describeAnswer(r, nil))
	}
}

// TestProducerIDsEnd: the last block is never followed by one that wraps.
func TestProducerIDsEnd(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.lead()
	epoch := c.start(1, 1)
	c.inject(&schema.ProducerIDsRecord{NextProducerID: math.MaxInt64 - ProducerIDBlock})
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerID, req.BrokerEpoch = 1, int64(epoch)
	for _, want := range []int16{0, kerr.UnknownServerError.Code} {
		if r := must[*kmsg.AllocateProducerIDsResponse](c, func() Decision { return c.controller.AllocateProducerIDs(req) }); r.ErrorCode != want {
			t.Errorf("%+v", r)
		}
	}
}
