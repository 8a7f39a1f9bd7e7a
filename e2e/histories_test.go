package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/history/register"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What TestOffsetHistories plays.
const (
	historyGroups     = 6 // at a time
	historyPartitions = 2 // of each, with a committed offset
	historyClients    = 3 // of each group
	// historyRounds is how many kills a register lives through; then its history is judged, and other groups follow.
	historyRounds = 10
	// historyOpWithin bounds an operation: what takes longer is of unknown outcome.
	historyOpWithin = 500 * time.Millisecond
	// historyJudgeWithin bounds the search for an order in one register.
	historyJudgeWithin = time.Minute
)

// TestOffsetHistories kills the node again and again (kill -9) while clients commit whatever offsets they like for groups without
// members, several of them for the same one, and read them back. Every committed offset is a linearizable register in the eyes of porcupine; a
// commit without an answer may have taken place or not, or take place later.
func TestOffsetHistories(t *testing.T) {
	n := startNode(t, "offsets.topic.num.partitions=4", fmt.Sprintf("num.partitions=%d", historyPartitions))
	client, err := kgo.NewClient(kgo.SeedBrokers(n.addr), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	h := &histories{start: time.Now(), topic: topicID(t, client, "t")}
	var all register.Report
	for done := 0; done < rounds(t); done += historyRounds {
		h.ops = &register.History{}
		h.prefix = fmt.Sprintf("group-%d", done)
		for round := range min(historyRounds, rounds(t)-done) {
			h.round(t, n, time.Duration(100+(done+round)*37%400)*time.Millisecond, uint64(done+round))
		}
		h.round(t, n, 0, 1<<32) // what is left at the end is read, too
		r := h.ops.Check(historyJudgeWithin)
		all.Add(r)
		if len(r.Violations)+len(r.Undecided) > 0 {
			t.Fatalf("after %d kills: %v\n%v", min(done+historyRounds, rounds(t)), r, r.Violations)
		}
	}
	t.Logf("%d kills: %v", rounds(t), &all)
}

// histories are clients that record what they commit and read.
type histories struct {
	start  time.Time
	topic  [16]byte
	prefix string // of the groups that they work on
	ops    *register.History
}

// round lets the clients work until the node is killed after a while, or, with no time, each read every offset once; and has it started
// again.
func (h *histories) round(t *testing.T, n *node, lives time.Duration, seed uint64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for g := range historyGroups {
		for c := range historyClients {
			w := &historian{h: h, group: fmt.Sprintf("%s-%d", h.prefix, g), client: g*historyClients + c, seed: seed}
			wg.Go(func() { w.run(ctx, n.addr, lives == 0) })
		}
	}
	if lives > 0 {
		time.Sleep(lives) // the load has to run for a while, no matter how far it comes
		n.kill()
		cancel()
	}
	wg.Wait()
	if lives > 0 {
		n.start()
	}
}

// historian is one client of one group in one round.
type historian struct {
	h      *histories
	group  string
	client int
	seed   uint64
	broker *kgo.Broker
}

func (w *historian) run(ctx context.Context, addr string, last bool) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		panic(err) // options that are right
	}
	defer client.Close()
	w.broker = client.SeedBrokers()[0] // asked directly, nothing is sent twice
	rng := rand.New(rand.NewPCG(w.seed, uint64(w.client)))
	if last {
		for p := range int32(historyPartitions) {
			for !w.read(ctx, p) && ctx.Err() == nil { // the coordinator may still load
				time.Sleep(time.Millisecond)
			}
		}
		return
	}
	for i := 0; ctx.Err() == nil; i++ {
		p := rng.Int32N(historyPartitions)
		if rng.IntN(2) == 0 {
			w.read(ctx, p)
		} else {
			w.commit(ctx, p, rng.Int64N(1000), fmt.Sprintf("%d.%d.%d", w.seed, w.client, i))
		}
		time.Sleep(time.Duration(rng.IntN(5)) * time.Millisecond) // pacing: a register has to be small enough to be judged
	}
}

// op begins an operation.
func (w *historian) op(partition int32) register.Op {
	return register.Op{Key: register.Key{Group: w.group, Topic: "t", Partition: partition}, Client: w.client, Begin: int64(time.Since(w.h.start))}
}

func (w *historian) end(o register.Op) {
	o.End = int64(time.Since(w.h.start))
	w.h.ops.Add(o)
}

func (w *historian) commit(ctx context.Context, partition int32, offset int64, mark string) {
	ctx, cancel := context.WithTimeout(ctx, historyOpWithin)
	defer cancel()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = w.group, -1
	e, p := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	e.Topic, e.TopicID, p.Partition, p.Offset, p.Metadata = "t", w.h.topic, partition, offset, &mark
	e.Partitions = append(e.Partitions, p)
	req.Topics = append(req.Topics, e)
	o := w.op(partition)
	o.Write, o.Value = true, fmt.Sprint(offset, " ", mark)
	resp, err := w.broker.Request(ctx, req)
	if o.Outcome = register.Unknown; err == nil {
		switch kerr.TypedErrorForCode(resp.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode) {
		case nil:
			o.Outcome = register.Done
		case kerr.CoordinatorLoadInProgress:
			o.Outcome = register.Refused
		}
	}
	w.end(o)
}

// read reads what is committed; false: there is no answer.
func (w *historian) read(ctx context.Context, partition int32) bool {
	ctx, cancel := context.WithTimeout(ctx, historyOpWithin)
	defer cancel()
	req := kmsg.NewPtrOffsetFetchRequest()
	g, e := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroupTopic()
	e.Topic, e.TopicID, e.Partitions = "t", w.h.topic, []int32{partition}
	g.Group, g.Topics = w.group, append(g.Topics, e)
	req.Groups = append(req.Groups, g)
	o := w.op(partition)
	resp, err := w.broker.Request(ctx, req)
	if err != nil {
		return false
	}
	answer := &resp.(*kmsg.OffsetFetchResponse).Groups[0]
	if answer.ErrorCode != 0 || answer.Topics[0].Partitions[0].ErrorCode != 0 {
		return false
	}
	if p := &answer.Topics[0].Partitions[0]; p.Offset >= 0 {
		o.Value = fmt.Sprint(p.Offset, " ", *p.Metadata)
	}
	w.end(o)
	return true
}
