package data

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// names lists the data directory without the files of the directory itself.
func (r *rig) names() []string {
	r.t.Helper()
	for now := int64(1); now < math.MaxInt64; { // what waits to be unlinked goes
		var err error
		if now, err = r.dir.Unlink(now); err != nil {
			r.t.Fatal(err)
		}
	}
	names, err := r.fs.List("data")
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(n string) bool {
		info, err := r.fs.Stat("data/" + n)
		return err != nil || !info.Dir
	})
}

func (r *rig) deleteTopic(id kafka.TopicID) { r.replay(&schema.RemoveTopicRecord{TopicID: id}) }

func (r *rig) createTopic(id kafka.TopicID) {
	r.replay(
		&schema.TopicRecord{Name: "orders", TopicID: id},
		&schema.PartitionRecord{TopicID: id, Replicas: []kafka.BrokerID{1}, ISR: []kafka.BrokerID{1}, Leader: 1},
	)
}

// TestPoint026RecreatedTopicIsAnother: its files too, and the name is free at once for a topic that has none of the
// old records.
func TestPoint026RecreatedTopicIsAnother(t *testing.T) {
	r := newRig(t)
	r.fill("a", "b")
	if got := r.names(); !slices.Equal(got, []string{"orders-0"}) {
		t.Fatalf("%q", got)
	}
	held := r.request(fetchRequest(12, 1<<20, 0))
	if d := r.h.Fetch(held); d != network.Answered {
		t.Fatalf("ended by %d", d)
	}
	r.deleteTopic(ordersID)
	if got := r.names(); len(got) != 0 {
		t.Errorf("left on the disk: %q", got)
	}
	if p := r.fetch(fetchRequest(12, 1<<20, 0)).Topics[0].Partitions[0]; p.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("by name: %+v", p)
	}
	if p := r.fetch(fetchRequest(13, 1<<20, 0)).Topics[0].Partitions[0]; p.ErrorCode != kerr.UnknownTopicID.Code {
		t.Errorf("by id: %+v", p)
	}
	other := kafka.TopicID{15: 201}
	r.createTopic(other)
	if p := r.fetch(fetchRequest(12, 1<<20, 0)).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.HighWatermark != 0 || len(p.RecordBatches) != 0 {
		t.Errorf("new topic: %+v", p)
	}
	if p := r.fetch(fetchRequest(13, 1<<20, 0)).Topics[0].Partitions[0]; p.ErrorCode != kerr.UnknownTopicID.Code {
		t.Errorf("the old id: %+v", p)
	}
	r.fill("x")
	resp := kmsg.NewPtrFetchResponse() // what was being sent is still whole
	r.decode(held, resp)
	if got := offsets(t, resp.Topics[0].Partitions[0].RecordBatches); len(got) != 2 {
		t.Errorf("pinned: %v", got)
	}
}

// TestPoint069WaitingEndsEarly: whoever waits for a partition is told when its topic goes (SURFACE 69).
func TestPoint069WaitingEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.fill("a")
		r.now = time.Now()
		req := fetchRequest(12, 1<<20, 1)
		req.MaxWaitMillis = 60_000
		answered := make(chan *kmsg.FetchResponse)
		go func() { answered <- r.fetch(req) }()
		synctest.Wait()
		q := r.request(r.produceRequest(9, -1, "orders", 0, r.records("b")))
		if d := r.h.Produce(q); d != network.Pending {
			t.Fatalf("ended by %d", d)
		}
		s := slotOf(q).produce
		if !s.op.Cancel() { // what the deletion ends; here the test stands in for it
			t.Fatal("answered before")
		}
		r.deleteTopic(ordersID)
		s.settle(nil)
		s.answer()
		resp := kmsg.NewPtrProduceResponse()
		r.decode(q, resp)
		if got := resp.Topics[0].Partitions[0].ErrorCode; got != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("produce: error %d", got)
		}
		if got := (<-answered).Topics[0].Partitions[0].ErrorCode; got != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("fetch: error %d", got)
		}
		if time.Since(r.now) != 0 {
			t.Error("the fetch has waited")
		}
	})
}

// TestUnfinishedDeletion: the topic was deleted in the log, but the process ended before its files were. At the next
// start the log says so again. What the log does not mention stays (C-21).
func TestUnfinishedDeletion(t *testing.T) {
	r := newRig(t)
	r.fill("a")
	clone := r.restart()
	records := append(clusterRecords(), &schema.RemoveTopicRecord{TopicID: ordersID})
	clone.replay(records...) // created and deleted in one publish
	if got := clone.names(); len(got) != 0 {
		t.Errorf("left on the disk: %q", got)
	}
	unknown := r.restart()
	unknown.replay(&schema.NoOpRecord{})
	if got := unknown.names(); !slices.Equal(got, []string{"orders-0"}) {
		t.Errorf("deleted without a word in the log: %q", got)
	}
}

// TestAlteredConfigsTakeEffect: at the next request, from the topic's own config and from the brokers' default.
func TestAlteredConfigsTakeEffect(t *testing.T) {
	r := newRig(t)
	set := func(kind int8, name, config string, value *string) {
		r.replay(&schema.ConfigRecord{ResourceType: kind, ResourceName: name, Name: config, Value: value})
	}
	produce := func(code int16) {
		t.Helper()
		r.produce(network.Answered, code, 9, 1, "orders", 0, r.records("a record"))
	}
	small, large := "10", "100000"
	produce(0)
	set(schema.ResourceTopic, "orders", "max.message.bytes", &small)
	produce(kerr.MessageTooLarge.Code)
	set(schema.ResourceTopic, "orders", "max.message.bytes", nil)
	produce(0)
	set(schema.ResourceBroker, "", "message.max.bytes", &small)
	produce(kerr.MessageTooLarge.Code)
	set(schema.ResourceBroker, "1", "message.max.bytes", &large)
	produce(0)
}
