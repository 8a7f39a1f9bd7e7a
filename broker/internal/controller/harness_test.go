package controller

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cluster is a controller on a quorum that a test drives by hand: what is proposed waits until the
// test commits it.
type cluster struct {
	t          testing.TB
	loader     *metadata.Loader
	machine    *Machine
	controller *Controller

	proposed   []quorum.Entry // not committed yet
	nextIndex  uint64
	nextOffset int64
	term       uint64
	refuse     error // what Propose answers
	now        int64
	uuids      int

	show func(format string, args ...any) // nil: nothing is shown
}

const clusterID = "test-cluster"

func newCluster(t testing.TB, seed uint64, edit func(*Options)) *cluster {
	c := &cluster{t: t, nextIndex: 1, now: 1_000_000}
	c.loader = metadata.NewLoader(metadata.ImageOptions{ClusterID: clusterID})
	o := Options{
		ClusterID: clusterID, NodeID: kafka.NoBroker, Rand: rand.New(rand.NewPCG(seed, seed)),
		UUID: func() kafka.UUID { c.uuids++; return kafka.UUID{0: byte(c.uuids), 1: byte(c.uuids >> 8), 15: 0xff} },
	}
	if edit != nil {
		edit(&o)
	}
	c.machine = &Machine{Loader: c.loader, Now: func() int64 { return c.now }}
	c.controller = New(o, c.loader.Current(), c)
	c.machine.Controller = c.controller
	return c
}

// Propose takes a batch as the quorum does.
func (c *cluster) Propose(b batch.Batch) (uint64, error) {
	if c.refuse != nil {
		return 0, c.refuse
	}
	b.SetBaseOffset(c.nextOffset)
	e := quorum.Entry{Index: c.nextIndex, Term: c.term, Offset: c.nextOffset, Batch: b}
	c.proposed = append(c.proposed, e)
	c.nextIndex++
	c.nextOffset = b.NextOffset()
	if c.show != nil {
		c.show("propose %d at %d:\n", e.Index, e.Offset)
		for it := batch.IterateRecords(b.Payload(), b.NumRecords()); it.Next(); {
			r, _, err := schema.Decode(it.Record().Value)
			if err != nil {
				c.t.Fatal(err)
			}
			c.show("  %s\n", describe(r))
		}
	}
	return e.Index, nil
}

// empty appends an entry without a batch, as a new leader does.
func (c *cluster) empty() {
	c.proposed = append(c.proposed, quorum.Entry{Index: c.nextIndex, Term: c.term, Offset: c.nextOffset})
	c.nextIndex++
	c.nextOffset++
}

// lead lets this node win an election: everything before is committed.
func (c *cluster) lead() {
	c.term++
	c.empty()
	c.commit(len(c.proposed))
	c.machine.Lead(quorum.State{Leader: 1, Term: int32(c.term), Self: true})
}

// stepDown loses leadership; the last lost entries never commit.
func (c *cluster) stepDown(lost int) {
	c.term++
	c.machine.Lead(quorum.State{Leader: 2, Term: int32(c.term)})
	keep := len(c.proposed) - lost
	if lost > 0 {
		c.nextIndex, c.nextOffset = c.proposed[keep].Index, c.proposed[keep].Offset
	}
	c.proposed = c.proposed[:keep]
}

// commit commits the first n entries.
func (c *cluster) commit(n int) {
	entries := c.proposed[:n]
	c.proposed = c.proposed[n:]
	if err := c.machine.Apply(entries); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) commitAll() { c.commit(len(c.proposed)) }

// do runs a decision and returns where its answer will be.
func (c *cluster) do(decide func() Decision) *answered {
	a := new(answered)
	c.controller.Do(c.now, decide, func(answer any, err error) {
		a.times++
		a.answer, a.err = answer, err
		if c.show != nil {
			c.show("answer: %s\n", describeAnswer(answer, err))
		}
	})
	return a
}

type answered struct {
	times  int
	answer any
	err    error
}

// must is do, committed, with an answer of the wanted type.
func must[T any](c *cluster, decide func() Decision) T {
	c.t.Helper()
	a := c.do(decide)
	c.commitAll()
	got, ok := a.answer.(T)
	if a.times != 1 || a.err != nil || !ok {
		c.t.Fatalf("answered %d times: %v, %v", a.times, a.answer, a.err)
	}
	return got
}

func (c *cluster) registration(id int32, incarnation byte) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version, req.BrokerID, req.ClusterID, req.PreviousBrokerEpoch = 4, id, clusterID, -1
	req.IncarnationID = [16]byte{0: byte(id), 1: incarnation}
	req.LogDirs = [][16]byte{{0: byte(id), 1: 1, 14: 1}}
	l := kmsg.NewBrokerRegistrationRequestListener()
	l.Name, l.Host, l.Port = "PLAINTEXT", fmt.Sprintf("host%d", id), 9092
	req.Listeners = append(req.Listeners, l)
	for _, f := range SupportedFeatures() {
		feature := kmsg.NewBrokerRegistrationRequestFeature()
		feature.Name, feature.MinSupportedVersion, feature.MaxSupportedVersion = f.Name, f.Min, f.Max
		req.Features = append(req.Features, feature)
	}
	return req
}

// start registers and unfences a broker.
func (c *cluster) start(id int32, incarnation byte) kafka.BrokerEpoch {
	c.t.Helper()
	resp := must[*kmsg.BrokerRegistrationResponse](c, func() Decision {
		return c.controller.RegisterBroker(c.registration(id, incarnation), c.now)
	})
	if resp.ErrorCode != 0 {
		c.t.Fatalf("broker %d: %v", id, kerr.ErrorForCode(resp.ErrorCode))
	}
	if r := c.beat(id, nil); r.ErrorCode != 0 || r.IsFenced {
		c.t.Fatalf("broker %d: %+v", id, r)
	}
	return kafka.BrokerEpoch(resp.BrokerEpoch)
}

// beat sends a heartbeat of the registered incarnation, caught up unless edited.
func (c *cluster) beat(id int32, edit func(*kmsg.BrokerHeartbeatRequest)) *kmsg.BrokerHeartbeatResponse {
	c.t.Helper()
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.CurrentMetadataOffset = id, c.loader.Current().Offset()
	if b := c.loader.Current().Broker(kafka.BrokerID(id)); b != nil {
		req.BrokerEpoch = int64(b.Epoch)
	}
	if edit != nil {
		edit(req)
	}
	return must[*kmsg.BrokerHeartbeatResponse](c, func() Decision { return c.controller.BrokerHeartbeat(req, c.now) })
}

func newTopic(name string, partitions int32, replicas int16) kmsg.CreateTopicsRequestTopic {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, replicas
	return topic
}

func creation(topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.Topics = 7, topics
	return req
}

func (c *cluster) create(topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsResponse {
	c.t.Helper()
	return must[*kmsg.CreateTopicsResponse](c, func() Decision { return c.controller.CreateTopics(creation(topics...), Caller{}) })
}

func (c *cluster) partition(topic string, index int32) *metadata.Partition {
	c.t.Helper()
	p := c.loader.Current().Partition(topic, index)
	if p == nil {
		c.t.Fatalf("no partition %s-%d", topic, index)
	}
	return p
}

// describe is a record in one line: type and what is set.
func describe(r schema.Record) string {
	var s strings.Builder
	set := func(name string, value any, present bool) {
		if present {
			fmt.Fprintf(&s, " %s=%v", name, value)
		}
	}
	switch r := r.(type) {
	case *schema.PartitionChangeRecord:
		fmt.Fprintf(&s, "PartitionChange %02x-%d", r.TopicID[0], r.PartitionID)
		set("isr", r.ISR, r.ISR != nil)
		set("leader", r.Leader, r.Leader != schema.NoLeaderChange)
		set("recovery", r.LeaderRecoveryState, r.LeaderRecoveryState != schema.NoRecoveryChange)
		set("elr", r.EligibleLeaderReplicas, r.EligibleLeaderReplicas != nil)
		set("lastKnown", r.LastKnownELR, r.LastKnownELR != nil)
	case *schema.PartitionRecord:
		fmt.Fprintf(&s, "Partition %02x-%d replicas=%v isr=%v leader=%d", r.TopicID[0], r.PartitionID, r.Replicas, r.ISR, r.Leader)
	case *schema.TopicRecord:
		fmt.Fprintf(&s, "Topic %s %02x", r.Name, r.TopicID[0])
	case *schema.RemoveTopicRecord:
		fmt.Fprintf(&s, "RemoveTopic %02x", r.TopicID[0])
	case *schema.ConfigRecord:
		fmt.Fprintf(&s, "Config %s %s=%s", r.ResourceName, r.Name, *r.Value)
	case *schema.FeatureLevelRecord:
		fmt.Fprintf(&s, "FeatureLevel %s=%d", r.Name, r.FeatureLevel)
	case *schema.ProducerIDsRecord:
		fmt.Fprintf(&s, "ProducerIds next=%d", r.NextProducerID)
	case *schema.RegisterBrokerRecord:
		fmt.Fprintf(&s, "RegisterBroker %d epoch=%d fenced=%v", r.BrokerID, r.BrokerEpoch, r.Fenced)
		set("stopping", r.InControlledShutdown, r.InControlledShutdown)
	case *schema.BrokerRegistrationChangeRecord:
		fmt.Fprintf(&s, "BrokerRegistrationChange %d", r.BrokerID)
		set("fenced", r.Fenced, r.Fenced != 0)
		set("stopping", r.InControlledShutdown, r.InControlledShutdown != 0)
		set("dirs", len(r.LogDirs), r.LogDirs != nil)
	default:
		return fmt.Sprintf("%T", r)
	}
	return s.String()
}

func describeAnswer(answer any, err error) string {
	if err != nil {
		return err.Error()
	}
	code := func(c int16) string {
		if e, ok := kerr.ErrorForCode(c).(*kerr.Error); ok {
			return e.Message
		}
		return "ok"
	}
	switch r := answer.(type) {
	case *kmsg.BrokerRegistrationResponse:
		return fmt.Sprintf("%s epoch=%d", code(r.ErrorCode), r.BrokerEpoch)
	case *kmsg.BrokerHeartbeatResponse:
		return fmt.Sprintf("%s caughtUp=%v fenced=%v stop=%v", code(r.ErrorCode), r.IsCaughtUp, r.IsFenced, r.ShouldShutdown)
	case *kmsg.AllocateProducerIDsResponse:
		return fmt.Sprintf("%s start=%d len=%d", code(r.ErrorCode), r.ProducerIDStart, r.ProducerIDLen)
	case *kmsg.CreateTopicsResponse:
		var s strings.Builder
		for _, t := range r.Topics {
			fmt.Fprintf(&s, "\n  %s %s", t.Topic, code(t.ErrorCode))
			if t.ErrorMessage != nil {
				fmt.Fprintf(&s, ": %s", *t.ErrorMessage)
			} else {
				fmt.Fprintf(&s, " id=%02x partitions=%d replicas=%d configs=%d", t.TopicID[0], t.NumPartitions, t.ReplicationFactor, len(t.Configs))
			}
		}
		return s.String()
	case *kmsg.DeleteTopicsResponse:
		var s strings.Builder
		for _, t := range r.Topics {
			fmt.Fprintf(&s, "\n  %02x %s", t.TopicID[0], code(t.ErrorCode))
		}
		return s.String()
	case *kmsg.AlterPartitionResponse:
		var s strings.Builder
		s.WriteString(code(r.ErrorCode))
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				fmt.Fprintf(&s, "\n  %d %s leader=%d/%d isr=%v epoch=%d", p.Partition, code(p.ErrorCode), p.LeaderID, p.LeaderEpoch, p.ISR, p.PartitionEpoch)
			}
		}
		return s.String()
	}
	return fmt.Sprintf("%T", answer)
}

var errRefused = errors.New("refused")
