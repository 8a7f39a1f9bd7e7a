package controller

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/quorum"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// history drives a controller with random requests, commits, losses and silences, and checks after
// each step what must always hold.
type history struct {
	*cluster
	rng     *rand.Rand
	waiting []*answered
	replica *metadata.Loader // replays the same entries on its own (C-18)
	log     []quorum.Entry

	lastEpoch   kafka.BrokerEpoch
	blocks      map[int64]bool
	partitions  map[string]*metadata.Partition
	incarnation byte
}

// TestRandomHistories: whatever is asked, committed and lost in whatever order, each caller is
// answered exactly once; images keep their invariants (C-05…C-07); another node comes to the same
// hash (C-18); leader and partition epochs never go back and rise with the leader (C-15); broker
// epochs rise (C-04); producer ids never repeat.
func TestRandomHistories(t *testing.T) {
	seeds, steps := uint64(12), 250
	if testing.Short() {
		seeds, steps = 4, 120
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			run := func() uint64 {
				h := &history{
					cluster: newCluster(t, seed, func(o *Options) { o.NodeID = 1; o.MaxRecordsPerOp = 50 }),
					rng:     rand.New(rand.NewPCG(seed, 2)), blocks: map[int64]bool{}, partitions: map[string]*metadata.Partition{},
				}
				h.replica = metadata.NewLoader(metadata.ImageOptions{ClusterID: clusterID})
				for step := range steps {
					h.step()
					h.check(step)
				}
				h.stepDown(0)
				for i, a := range h.waiting {
					if a.times != 1 {
						t.Errorf("request %d answered %d times", i, a.times)
					}
				}
				return h.loader.Current().Hash()
			}
			if a, b := run(), run(); a != b {
				t.Errorf("the same seed gave %x and %x", a, b)
			}
		})
	}
}

func (h *history) step() {
	h.now += h.rng.Int64N(1500)
	c := h.controller
	id := int32(1 + h.rng.IntN(3))
	ask := func(decide func() Decision) { h.waiting = append(h.waiting, h.do(decide)) }
	switch n := h.rng.IntN(23); n {
	case 0:
		if c.Active() {
			lost := h.rng.IntN(len(h.proposed) + 1)
			h.stepDown(lost)
		}
	case 1, 2:
		if !c.Active() {
			h.leadAndLog()
		}
	case 3, 4, 5, 6:
		h.commitAndLog(h.rng.IntN(len(h.proposed) + 1))
	case 7:
		h.incarnation++
		req := h.registration(id, h.incarnation)
		if b := h.loader.Current().Broker(kafka.BrokerID(id)); b != nil && h.rng.IntN(2) == 0 {
			req.PreviousBrokerEpoch = int64(b.Epoch)
		}
		ask(func() Decision { return c.RegisterBroker(req, h.now) })
	case 8, 9, 10, 11, 12:
		req := h.heartbeat(id)
		ask(func() Decision { return c.BrokerHeartbeat(req, h.now) })
	case 13, 14:
		topic := newTopic(fmt.Sprint("t", h.rng.IntN(8)), int32(1+h.rng.IntN(3)), int16(1+h.rng.IntN(3)))
		ask(func() Decision { return c.CreateTopics(creation(topic), Caller{}) })
	case 15:
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.TopicNames = []string{fmt.Sprint("t", h.rng.IntN(8))}
		ask(func() Decision { return c.DeleteTopics(req, Caller{}) })
	case 16:
		req := kmsg.NewPtrAllocateProducerIDsRequest()
		req.BrokerID, req.BrokerEpoch = id, h.epochOf(id)
		ask(func() Decision { return c.AllocateProducerIDs(req) })
	case 17, 18:
		if req := h.alteration(); req != nil {
			ask(func() Decision { return c.AlterPartition(req) })
		}
	case 19:
		c.Tick(h.now)
	case 20, 21, 22:
		req := h.adminRequest()
		ask(func() Decision { return c.Request(req, Caller{}, h.now) })
	}
}

// adminRequest is a request of an administrator, sensible or not.
func (h *history) adminRequest() kmsg.Request {
	name := fmt.Sprint("t", h.rng.IntN(8))
	switch h.rng.IntN(4) {
	case 0:
		req := kmsg.NewPtrCreatePartitionsRequest()
		topic := kmsg.NewCreatePartitionsRequestTopic()
		topic.Topic, topic.Count = name, int32(h.rng.IntN(6))
		req.Topics = append(req.Topics, topic)
		return req
	case 1:
		req := kmsg.NewPtrElectLeadersRequest()
		req.Version, req.ElectionType = 2, int8(h.rng.IntN(2))
		if h.rng.IntN(2) == 0 {
			req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: name, Partitions: []int32{0, 1}}}
		}
		return req
	case 2:
		req := kmsg.NewPtrAlterConfigsRequest()
		value := fmt.Sprint(1 + h.rng.IntN(3))
		res := kmsg.AlterConfigsRequestResource{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: name}
		res.Configs = []kmsg.AlterConfigsRequestResourceConfig{{Name: "min.insync.replicas", Value: &value}}
		req.Resources = append(req.Resources, res)
		return req
	}
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	value := fmt.Sprint(h.rng.IntN(3))
	res := kmsg.IncrementalAlterConfigsRequestResource{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: []string{"", "1", "2"}[h.rng.IntN(3)]}
	res.Configs = []kmsg.IncrementalAlterConfigsRequestResourceConfig{
		{Name: "min.insync.replicas", Op: kmsg.IncrementalAlterConfigOp(h.rng.IntN(2)), Value: &value}}
	req.Resources = append(req.Resources, res)
	return req
}

func (h *history) epochOf(id int32) int64 {
	if b := h.loader.Current().Broker(kafka.BrokerID(id)); b != nil {
		return int64(b.Epoch)
	}
	return -1
}

func (h *history) heartbeat(id int32) *kmsg.BrokerHeartbeatRequest {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.BrokerEpoch, req.CurrentMetadataOffset = id, h.epochOf(id), h.loader.Current().Offset()
	req.WantFence, req.WantShutdown = h.rng.IntN(12) == 0, h.rng.IntN(12) == 0
	if h.rng.IntN(12) == 0 {
		req.OfflineLogDirs = [][16]byte{{0: byte(id), 1: 1, 14: 1}}
	}
	return req
}

// alteration asks for a random ISR of some partition as its leader would.
func (h *history) alteration() *kmsg.AlterPartitionRequest {
	image := h.loader.Current()
	var topics []*metadata.Topic
	image.Topics(func(t *metadata.Topic) bool { topics = append(topics, t); return true })
	if len(topics) == 0 {
		return nil
	}
	topic := topics[h.rng.IntN(len(topics))]
	p := topic.Partitions[0]
	wanted := kmsg.NewAlterPartitionRequestTopicPartition()
	wanted.LeaderEpoch, wanted.PartitionEpoch = int32(p.LeaderEpoch), int32(p.Epoch)
	for _, id := range p.Replicas {
		if id == p.Leader || h.rng.IntN(2) == 0 {
			member := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
			member.BrokerID, member.BrokerEpoch = int32(id), h.epochOf(int32(id))
			wanted.NewEpochISR = append(wanted.NewEpochISR, member)
		}
	}
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 3, int32(p.Leader), h.epochOf(int32(p.Leader))
	asked := kmsg.NewAlterPartitionRequestTopic()
	asked.TopicID, asked.Partitions = topic.ID, append(asked.Partitions, wanted)
	req.Topics = append(req.Topics, asked)
	return req
}

func (h *history) leadAndLog() {
	h.log = append(h.log, h.proposed...)
	at, offset := h.nextIndex, h.nextOffset
	h.lead()
	h.log = append(h.log, quorum.Entry{Index: at, Term: h.term, Offset: offset})
	h.catchUp()
}

func (h *history) commitAndLog(n int) {
	h.log = append(h.log, h.proposed[:n]...)
	h.commit(n)
	h.catchUp()
}

// catchUp lets the other node replay, in bigger steps.
func (h *history) catchUp() {
	if h.rng.IntN(4) > 0 {
		return
	}
	for _, e := range h.log {
		if err := h.replica.Apply(e.Offset, int32(e.Term), e.Batch); err != nil {
			h.t.Fatal(err)
		}
	}
	h.log = h.log[:0]
	h.replica.PublishNow()
	if a, b := h.replica.Current(), h.loader.Current(); a.Hash() != b.Hash() || a.Offset() != b.Offset() {
		h.t.Fatalf("another node has hash %x at %d, this one %x at %d", a.Hash(), a.Offset(), b.Hash(), b.Offset())
	}
}

func (h *history) check(step int) {
	image := h.loader.Current()
	if err := image.Check(); err != nil {
		h.t.Fatalf("step %d: %v", step, err)
	}
	if h.controller.Active() {
		if err := h.controller.image().Check(); err != nil {
			h.t.Fatalf("step %d: working: %v", step, err)
		}
		if len(h.controller.pending) == 0 && h.controller.image().Hash() != image.Hash() {
			h.t.Fatalf("step %d: idle, but the working state is not the committed image", step)
		}
	}
	image.Topics(func(t *metadata.Topic) bool {
		for i, p := range t.Partitions {
			key := fmt.Sprint(t.ID, i)
			if old := h.partitions[key]; old != nil {
				if p.Epoch < old.Epoch || p.Epoch == old.Epoch && p != old || p.LeaderEpoch < old.LeaderEpoch ||
					p.Leader != old.Leader && p.LeaderEpoch == old.LeaderEpoch {
					h.t.Fatalf("step %d: C-15: %s-%d %+v became %+v", step, t.Name, i, old, p)
				}
			}
			h.partitions[key] = p
		}
		return true
	})
	for _, a := range h.waiting {
		if a.times > 1 {
			h.t.Fatalf("step %d: answered twice: %v", step, a.answer)
		}
		h.learn(step, a)
	}
}

// learn checks answers against all before.
func (h *history) learn(step int, a *answered) {
	switch r := a.answer.(type) {
	case *kmsg.BrokerRegistrationResponse:
		if r.ErrorCode == 0 && kafka.BrokerEpoch(r.BrokerEpoch) <= h.lastEpoch {
			h.t.Fatalf("step %d: C-04: broker epoch %d after %d", step, r.BrokerEpoch, h.lastEpoch)
		}
		h.lastEpoch = max(h.lastEpoch, kafka.BrokerEpoch(r.BrokerEpoch))
	case *kmsg.AllocateProducerIDsResponse:
		if r.ErrorCode == 0 && h.blocks[r.ProducerIDStart] {
			h.t.Fatalf("step %d: producer ids from %d were given out twice", step, r.ProducerIDStart)
		}
		h.blocks[r.ProducerIDStart] = r.ErrorCode == 0
	default:
		return
	}
	a.answer = nil
}

// BenchmarkCreateTopic is decision, proposal, replay, publishing and answer of one topic of twelve
// partitions and three replicas in a cluster of many; the quorum is the test's.
func BenchmarkCreateTopic(b *testing.B) {
	for _, topics := range []int{10, 10_000} {
		b.Run(fmt.Sprint(topics), func(b *testing.B) {
			c := newCluster(b, 1, func(o *Options) {
				n := 0
				o.UUID = func() kafka.UUID { n++; return kafka.UUID{0: byte(n), 1: byte(n >> 8), 2: byte(n >> 16), 15: 0xff} }
			})
			c.lead()
			for id := range int32(3) {
				c.start(id, 1)
			}
			for i := range topics {
				c.create(newTopic(fmt.Sprint("topic-", i), 1, 1))
			}
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				n++
				c.create(newTopic(fmt.Sprint("new.", n), 12, 3))
			}
		})
	}
}

// BenchmarkHeartbeat is what every broker does every two seconds.
func BenchmarkHeartbeat(b *testing.B) {
	c := newCluster(b, 1, nil)
	c.lead()
	c.start(1, 1)
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.BrokerEpoch, req.CurrentMetadataOffset = 1, int64(c.loader.Current().Broker(1).Epoch), c.loader.Current().Offset()
	b.ReportAllocs()
	for b.Loop() {
		c.controller.Do(c.now, func() Decision { return c.controller.BrokerHeartbeat(req, c.now) }, nil)
	}
}

// BenchmarkFence is the fencing of a broker that leads a third of many partitions.
func BenchmarkFence(b *testing.B) {
	c := newCluster(b, 1, func(o *Options) {
		n := 0
		o.UUID = func() kafka.UUID { n++; return kafka.UUID{0: byte(n), 1: byte(n >> 8), 15: 0xff} }
	})
	c.lead()
	for id := range int32(3) {
		c.start(id, 1)
	}
	for i := range 1000 {
		c.create(newTopic(fmt.Sprint("topic-", i), 30, 3))
	}
	b.ReportAllocs()
	for b.Loop() {
		var d Decision
		c.controller.fence(&d, c.controller.image().Broker(1))
		if len(d.Records) != 30_001 {
			b.Fatal(len(d.Records))
		}
	}
}
