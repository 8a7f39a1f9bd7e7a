package data

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// repeater sends one request again and again through one answer slot, as a connection does.
type repeater struct {
	r *rig
	q *network.Request
}

func newRepeater(r *rig, req *kmsg.FetchRequest) *repeater { return &repeater{r, r.request(req)} }

func (p *repeater) send() {
	p.q.Out, p.q.Tail = p.q.Out[:0], nil
	if p.r.h.Fetch(p.q) != network.Answered {
		p.r.t.Fatal("not answered")
	}
	if p.q.Tail != nil {
		p.q.Tail.Release()
	}
}

// fetchShapes are full requests and steady requests of a session, each with and without records.
func fetchShapes(t testing.TB) map[string]func() {
	c := newConsumer(t, 13)
	c.write("a", 3)
	c.epoch = -1
	full := newRepeater(c.r, c.request("a:0", "b:0"))
	empty := newRepeater(c.r, c.request("a:3", "b:0"))
	incremental := func(offset string) func() {
		c.id, c.epoch = 0, 0
		c.want(map[string]string{"a:0": "a=3 b=0", "a:3": "a=0 b=0"}[offset], offset, "b:0")
		s := c.r.h.sessions.use(c.id, c.r.now)
		p := newRepeater(c.r, c.request())
		return func() {
			s.mu.epoch = 1 // what the request says, which is always the same
			p.send()
		}
	}
	return map[string]func(){
		"session of many": manyPartitions(t),
		"full":            full.send, "full, nothing there": empty.send,
		"session": incremental("a:0"), "session, no news": incremental("a:3"),
	}
}

// manyPartitions is a session of more partitions than a slot keeps memory for without one.
func manyPartitions(t testing.TB) func() {
	c := newConsumer(t, 13)
	id := kafka.TopicID{15: 9}
	c.r.replay(&schema.TopicRecord{Name: "many", TopicID: id})
	req := c.request()
	rt := kmsg.NewFetchRequestTopic()
	rt.TopicID = id
	for i := range int32(wire.MaxKept + 100) {
		c.r.replay(&schema.PartitionRecord{TopicID: id, PartitionID: i, Replicas: []kafka.BrokerID{1}, ISR: []kafka.BrokerID{1}, Leader: 1})
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.PartitionMaxBytes = i, 1<<20
		rt.Partitions = append(rt.Partitions, rp)
	}
	req.Topics = append(req.Topics, rt)
	resp := c.r.fetch(req)
	if resp.ErrorCode != 0 || resp.SessionID == 0 {
		t.Fatalf("%+v", resp)
	}
	c.id, c.epoch = resp.SessionID, 1
	s := c.r.h.sessions.use(c.id, c.r.now)
	p := newRepeater(c.r, c.request())
	return func() {
		s.mu.epoch = 1
		p.send()
	}
}

func TestFetchAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, send := range fetchShapes(t) {
		if n := testing.AllocsPerRun(100, send); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkFetchSession(b *testing.B) {
	for name, send := range fetchShapes(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
	}
}
