package broker_test

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestGroupsFromACompactedTopic: the coordinator's records are compacted while groups commit, and loaded from what is left after a clean
// stop and after a power cut: no offset is lost, a deleted group stays deleted, and members of either protocol go on. With every codec of
// offsets.topic.compression.codec.
func TestGroupsFromACompactedTopic(t *testing.T) {
	for _, codec := range []compress.Codec{compress.None, compress.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			b := brokertest.Start(t, quickCleaner, brokertest.WithProperty("offsets.topic.num.partitions", "1"),
				brokertest.WithProperty("group.initial.rebalance.delay.ms", "0"),
				brokertest.WithProperty("offsets.topic.compression.codec", strconv.Itoa(int(codec))))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			adm := kadm.NewClient(cleanerClient(t, b))
			if _, err := adm.CreateTopic(ctx, 2, 1, nil, "t"); err != nil {
				t.Fatal(err)
			}
			commit := func(group string, partition int32, offset int64) {
				t.Helper()
				var os kadm.Offsets
				os.AddOffset("t", partition, offset, -1)
				if err := adm.CommitAllOffsets(ctx, group, os); err != nil {
					t.Fatal(err)
				}
			}
			commit("doomed", 0, 7)
			small(t, b)
			if r, err := adm.DeleteGroup(ctx, "doomed"); err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			want := map[string]int64{}
			for i := range 600 {
				group, p := fmt.Sprint("group-", i%3), int32(i/3%2)
				commit(group, p, int64(i))
				want[fmt.Sprint(group, p)] = int64(i)
			}
			join := func(addr, protocol string) *kgo.Client {
				t.Helper()
				opts := []kgo.Opt{kgo.SeedBrokers(addr), kgo.ConsumerGroup("live-" + protocol), kgo.ConsumeTopics("t"),
					kgo.Balancers(kgo.RangeBalancer()), kgo.SessionTimeout(30 * time.Second), kgo.DisableAutoCommit()}
				if protocol == "consumer" { // franz-go 1.22 forgets the instance id when a static member leaves
					opts = append(opts, kgo.ServerSideBalancer())
				} else {
					opts = append(opts, kgo.InstanceID("i"))
				}
				joined := make(chan struct{}, 10)
				c, err := kgo.NewClient(append(opts, kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, got map[string][]int32) {
					if len(got["t"]) == 2 {
						joined <- struct{}{}
					}
				}))...)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(c.Close)
				select {
				case <-joined:
				case <-ctx.Done():
					t.Fatalf("no assignment, %s", protocol)
				}
				return c
			}
			for _, protocol := range []string{"classic", "consumer"} {
				join(b.Addr(), protocol).Close() // the classic one is static and stays in the group
			}
			check := func(b *brokertest.Broker) {
				t.Helper()
				adm := kadm.NewClient(cleanerClient(t, b))
				have := map[string]int64{}
				for i := range 3 {
					group := fmt.Sprint("group-", i)
					os, err := adm.FetchOffsets(ctx, group)
					if err != nil {
						t.Fatal(err)
					}
					os.Each(func(o kadm.OffsetResponse) { have[fmt.Sprint(group, o.Partition)] = o.At })
				}
				if !maps.Equal(have, want) {
					t.Fatalf("%v, want %v", have, want)
				}
				groups, err := adm.ListGroups(ctx)
				if _, ok := groups["doomed"]; err != nil || ok || len(groups) != 5 {
					t.Fatalf("%v %v", groups, err)
				}
				for _, protocol := range []string{"classic", "consumer"} {
					join(b.Addr(), protocol).Close()
				}
			}
			until(t, "the offsets topic is compacted", func() bool { return len(drain(t, b, kafka.OffsetsTopic)) < 300 })
			check(b)
			b = b.Restart()
			check(b)
			check(b.Crash())
		})
	}
}

// small makes the segments of the offsets topic tiny, and lets the cleaner have them.
func small(t *testing.T, b *brokertest.Broker) {
	t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, kafka.OffsetsTopic
	for k, v := range map[string]string{"internal.segment.bytes": "2000", "min.cleanable.dirty.ratio": "0.01", "file.delete.delay.ms": "0"} {
		r.Configs = append(r.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: k, Value: &v})
	}
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(context.Background(), cleanerClient(t, b))
	if err != nil || resp.Resources[0].ErrorCode != 0 {
		t.Fatal(err, resp)
	}
}
