package broker_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// BenchmarkCoordinatorLoad is a start of a broker with a million commits of offsets in one partition of __consumer_offsets, until a
// group's offsets can be fetched: as they were written, and compacted. keys is how many of them are the newest of their key.
// load-ms is the time from when the broker serves.
func BenchmarkCoordinatorLoad(b *testing.B) {
	for _, groups := range []int{100, 10_000} {
		for _, compacted := range []bool{false, true} {
			b.Run(fmt.Sprintf("keys=%d/compacted=%v", groups*commitsOf, compacted), func(b *testing.B) { benchCoordinatorLoad(b, groups, compacted) })
		}
	}
}

const (
	commitsOf      = 100 // partitions, and commits in a request
	commitRequests = 10_000
)

func benchCoordinatorLoad(b *testing.B, groups int, compacted bool) {
	dir := b.TempDir()
	opts := []brokertest.Option{brokertest.WithDir(dir), withMetrics(), quickCleaner, brokertest.WithProperty("offsets.topic.num.partitions", "1"),
		brokertest.WithProperty("offsets.topic.segment.bytes", "8388608"), brokertest.WithProperty("log.cleaner.min.cleanable.ratio", "0.01")}
	writing := append(opts, brokertest.WithProperty("log.cleaner.enable", "false"))
	broker := brokertest.Start(b, writing...)
	c := cleanerClient(b, broker)
	create := kmsg.NewPtrCreateTopicsRequest()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = "orders", commitsOf, 1
	create.Topics = append(create.Topics, rt)
	if resp, err := create.RequestWith(context.Background(), c); err != nil || resp.Topics[0].ErrorCode != 0 {
		b.Fatalf("%v %v", err, resp)
	}
	id := idOfTopic(b, c, "orders")
	for i := range commitRequests {
		commitAll(b, c, "g"+strconv.Itoa(i%groups), id, int64(i))
	}
	broker.Stop()
	if compacted {
		broker = brokertest.Start(b, opts...)
		until(b, "nothing is left to compact", func() bool {
			return gaugeOf(b, broker, "thalweg_log_cleaner_cleanings_total") > 0 && gaugeOf(b, broker, "kafka_log_logcleanermanager_max_dirty_percent") == 0
		})
		broker.Stop()
	}
	broker = brokertest.Start(b, writing...)
	size := gaugeOf(b, broker, "kafka_log_log_size", "topic=__consumer_offsets")
	broker.Stop()
	var load time.Duration
	b.ResetTimer()
	for range b.N {
		broker := brokertest.Start(b, writing...)
		began := time.Now()
		awaitOffset(b, broker, id, "g"+strconv.Itoa(groups-1), commitRequests-1)
		load += time.Since(began)
		b.StopTimer()
		broker.Stop()
		b.StartTimer()
	}
	b.ReportMetric(float64(load.Milliseconds())/float64(b.N), "load-ms")
	b.ReportMetric(size/1e6, "log-MB")
}

func idOfTopic(t testing.TB, c *kgo.Client, topic string) [16]byte {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &topic})
	resp, err := req.RequestWith(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Topics[0].TopicID
}

func commitAll(t testing.TB, c *kgo.Client, group string, id [16]byte, offset int64) {
	t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	rt := kmsg.NewOffsetCommitRequestTopic()
	rt.Topic, rt.TopicID = "orders", id
	for p := range int32(commitsOf) {
		rp := kmsg.NewOffsetCommitRequestTopicPartition()
		rp.Partition, rp.Offset = p, offset
		rt.Partitions = append(rt.Partitions, rp)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
		t.Fatal(err)
	}
}

// awaitOffset fetches a group's offset as soon as its coordinator has loaded it.
func awaitOffset(t testing.TB, b *brokertest.Broker, id [16]byte, group string, want int64) {
	t.Helper()
	c := cleanerClient(t, b)
	defer c.Close()
	req := kmsg.NewPtrOffsetFetchRequest()
	rg := kmsg.NewOffsetFetchRequestGroup()
	rg.Group = group
	rg.Topics = append(rg.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: "orders", TopicID: id, Partitions: []int32{0}})
	req.Groups = append(req.Groups, rg)
	for {
		resp, err := req.RequestWith(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		g := resp.Groups[0]
		switch err := kerr.ErrorForCode(g.ErrorCode); {
		case errors.Is(err, kerr.CoordinatorLoadInProgress), errors.Is(err, kerr.NotCoordinator), errors.Is(err, kerr.CoordinatorNotAvailable):
			time.Sleep(time.Millisecond)
			continue
		case err != nil:
			t.Fatal(err)
		}
		if have := g.Topics[0].Partitions[0].Offset; have != want {
			t.Fatalf("group %s is at %d, want %d", group, have, want)
		}
		return
	}
}
