package broker_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// quickCleaner makes the cleaner look for work all the time.
var quickCleaner = brokertest.WithProperty("log.cleaner.backoff.ms", "5")

func cleanerClient(t testing.TB, b *brokertest.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// compactedTopic creates a topic of one partition with tiny segments.
func compactedTopic(t testing.TB, c *kgo.Client, topic string, configs map[string]string) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, 1, 1
	all := map[string]string{"cleanup.policy": "compact", "internal.segment.bytes": "2000", "min.cleanable.dirty.ratio": "0.01", "file.delete.delay.ms": "0"}
	maps.Copy(all, configs)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		v := all[k]
		rt.Configs = append(rt.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: k, Value: &v})
	}
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		t.Fatal(err)
	}
}

// fill produces n records with some keys and returns what a table of them is.
func fill(t testing.TB, c *kgo.Client, topic string, n, keys int) map[string]string {
	t.Helper()
	want := map[string]string{}
	var records []*kgo.Record
	for i := range n {
		r := &kgo.Record{Topic: topic, Key: []byte("k" + strconv.Itoa(i%keys)), Value: []byte(fmt.Sprintf("value-%d", i))}
		records = append(records, r)
		want[string(r.Key)] = string(r.Value)
		if len(records) == 10 || i == n-1 {
			if err := c.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			records = nil
		}
	}
	return want
}

// drain reads a topic from its beginning to its end; the records by offset.
func drain(t testing.TB, b *brokertest.Broker, topic string) map[int64]*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c := cleanerClient(t, b)
	list := kmsg.NewPtrListOffsetsRequest()
	list.ReplicaID = -1
	lt := kmsg.NewListOffsetsRequestTopic()
	lt.Topic = topic
	lp := kmsg.NewListOffsetsRequestTopicPartition()
	lp.Timestamp = -1
	lt.Partitions = append(lt.Partitions, lp)
	list.Topics = append(list.Topics, lt)
	resp, err := list.RequestWith(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	end := resp.Topics[0].Partitions[0].Offset
	r := cleanerClient(t, b, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	out := map[int64]*kgo.Record{}
	for next := int64(0); next < end; {
		fs := r.PollFetches(ctx)
		if err := fs.Err0(); err != nil {
			t.Fatal(err)
		}
		fs.EachRecord(func(r *kgo.Record) { out[r.Offset], next = r, r.Offset+1 })
	}
	return out
}

// until polls a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// gaugeOf is the value of a metric, with the labels given as "name=value" before it.
func gaugeOf(t testing.TB, b *brokertest.Broker, name string, labels ...string) float64 {
	t.Helper()
	f := scrape(t, b)[name]
	if f == nil {
		t.Fatalf("there is no metric %s", name)
	}
next:
	for _, m := range f.Metric {
		for _, want := range labels {
			found := false
			for _, l := range m.Label {
				found = found || l.GetName()+"="+l.GetValue() == want
			}
			if !found {
				continue next
			}
		}
		return m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	return -1
}

// TestCompaction: a compacted topic keeps the newest record of each key at its offset, while it is written and read, across restarts
// and crashes; one that becomes compacted is compacted.
func TestCompaction(t *testing.T) {
	b := brokertest.Start(t, quickCleaner, withMetrics())
	c := cleanerClient(t, b)
	compactedTopic(t, c, "table", nil)
	want := fill(t, c, "table", 2000, 10)
	check := func(b *brokertest.Broker) {
		t.Helper()
		have := map[string]string{}
		for o, r := range drain(t, b, "table") {
			if string(r.Value) != fmt.Sprintf("value-%d", o) {
				t.Fatalf("at %d: %s", o, r.Value)
			}
		}
		records := drain(t, b, "table")
		for _, o := range slices.Sorted(maps.Keys(records)) {
			have[string(records[o].Key)] = string(records[o].Value)
		}
		if !maps.Equal(have, want) {
			t.Fatalf("%v\nwant %v", have, want)
		}
	}
	until(t, "the topic is compacted", func() bool { return len(drain(t, b, "table")) < 200 })
	check(b)
	if n := gaugeOf(t, b, "thalweg_log_cleaner_cleanings_total"); n < 1 {
		t.Fatalf("%v cleanings", n)
	}
	if n := gaugeOf(t, b, "thalweg_log_cleaner_removed_records_total"); n < 1800 {
		t.Fatalf("%v records removed", n)
	}
	until(t, "old segments are unlinked", func() bool {
		return gaugeOf(t, b, "thalweg_dir_unlink_waiting") == 0 && gaugeOf(t, b, "thalweg_dir_unlinked_files_total") > 0
	})
	b = b.Restart()
	check(b)
	b = b.Crash()
	check(b)

	c = cleanerClient(t, b)
	compactedTopic(t, c, "later", map[string]string{"cleanup.policy": "delete"})
	fill(t, c, "later", 1000, 5)
	if n := len(drain(t, b, "later")); n != 1000 {
		t.Fatalf("%d records of a topic that is not compacted", n)
	}
	alterTopic(t, c, "later", "cleanup.policy", "compact")
	until(t, "the topic is compacted", func() bool { return len(drain(t, b, "later")) < 200 })
	alterTopic(t, c, "later", "cleanup.policy", "delete")
	b = b.Crash()
	if n := len(drain(t, b, "later")); n < 5 || n >= 200 {
		t.Fatalf("%d records after a crash", n)
	}
}

func alterTopic(t testing.TB, c *kgo.Client, topic, key, value string) {
	t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	e := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	e.Name, e.Value = key, &value
	r.Configs = append(r.Configs, e)
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.Resources[0].ErrorCode); err != nil {
		t.Fatal(err)
	}
}

// With log.cleaner.enable=false, or without threads, nothing is compacted.
func TestCleanerDisabled(t *testing.T) {
	for _, p := range []brokertest.Option{brokertest.WithProperty("log.cleaner.enable", "false"), brokertest.WithProperty("log.cleaner.threads", "0")} {
		b := brokertest.Start(t, quickCleaner, p, withMetrics())
		compactedTopic(t, cleanerClient(t, b), "table", nil)
		fill(t, cleanerClient(t, b), "table", 200, 2)
		if n := len(drain(t, b, "table")); n != 200 {
			t.Fatalf("%d records", n)
		}
		if n := gaugeOf(t, b, "thalweg_log_cleaner_cleanings_total"); n != 0 {
			t.Fatalf("%v cleanings", n)
		}
	}
}

// A damaged log is not compacted any more, told of in metrics, and serves on; others are compacted.
func TestUncleanable(t *testing.T) {
	dir := t.TempDir()
	b := brokertest.Start(t, brokertest.WithDir(dir), brokertest.WithProperty("log.cleaner.enable", "false"))
	c := cleanerClient(t, b)
	for _, topic := range []string{"bad", "good"} {
		compactedTopic(t, c, topic, nil)
		fill(t, c, topic, 400, 4)
	}
	b.Stop()
	segments, err := filepath.Glob(filepath.Join(dir, "bad-0", "*.log"))
	if err != nil || len(segments) < 4 {
		t.Fatalf("%v %v", segments, err)
	}
	slices.Sort(segments)
	f, err := os.OpenFile(segments[1], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0xaa, 0x55}, batch.HeaderSize+10); err != nil {
		t.Fatal(err)
	}
	f.Close()
	b = brokertest.Start(t, brokertest.WithDir(dir), quickCleaner, withMetrics())
	until(t, "the damage is told", func() bool {
		return gaugeOf(t, b, "kafka_log_logcleanermanager_uncleanable_partitions_count", "logDirectory="+dir) == 1
	})
	if n := gaugeOf(t, b, "kafka_log_logcleanermanager_uncleanable_bytes"); n < 2000 {
		t.Fatalf("%v bytes", n)
	}
	until(t, "the other one is compacted", func() bool { return len(drain(t, b, "good")) < 100 })
	fill(t, cleanerClient(t, b), "bad", 10, 2)
}

// The offsets of groups are compacted like everything else: what a restart loads is what was committed last.
func TestOffsetsTopicIsCompacted(t *testing.T) {
	b := brokertest.Start(t, quickCleaner, withMetrics(), brokertest.WithProperty("offsets.topic.num.partitions", "1"),
		brokertest.WithProperty("offsets.topic.segment.bytes", "1048576"), brokertest.WithProperty("log.cleaner.min.cleanable.ratio", "0.01"))
	c := cleanerClient(t, b)
	compactedTopic(t, c, "orders", nil)
	meta := kmsg.NewPtrMetadataRequest()
	name := "orders"
	meta.Topics = append(meta.Topics, kmsg.MetadataRequestTopic{Topic: &name})
	about, err := meta.RequestWith(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	id := about.Topics[0].TopicID
	commit := func(group string, offset int64) {
		t.Helper()
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.Generation = group, -1
		rt := kmsg.NewOffsetCommitRequestTopic()
		rt.Topic, rt.TopicID = "orders", id
		rp := kmsg.NewOffsetCommitRequestTopicPartition()
		rp.Offset = offset
		meta := string(make([]byte, 3000))
		rp.Metadata = &meta
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		resp, err := req.RequestWith(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
			t.Fatal(err)
		}
	}
	for i := range int64(900) {
		commit("g"+strconv.Itoa(int(i%3)), i)
	}
	until(t, "sealed segments are compacted", func() bool {
		return gaugeOf(t, b, "kafka_log_log_size", "topic=__consumer_offsets") < 1500_000 && gaugeOf(t, b, "kafka_log_log_numlogsegments", "topic=__consumer_offsets") >= 2
	})
	for _, b := range []*brokertest.Broker{b.Restart(), nil} {
		if b == nil {
			break
		}
		c := cleanerClient(t, b)
		for g := range 3 {
			req := kmsg.NewPtrOffsetFetchRequest()
			req.Group = "g" + strconv.Itoa(g)
			rt := kmsg.NewOffsetFetchRequestTopic()
			rt.Topic, rt.Partitions = "orders", []int32{0}
			req.Topics = append(req.Topics, rt)
			rg := kmsg.NewOffsetFetchRequestGroup()
			rg.Group = req.Group
			rg.Topics = append(rg.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: "orders", TopicID: id, Partitions: []int32{0}})
			req.Groups = append(req.Groups, rg)
			resp, err := req.RequestWith(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			have := int64(-2)
			if len(resp.Groups) > 0 {
				have = resp.Groups[0].Topics[0].Partitions[0].Offset
			} else if len(resp.Topics) > 0 {
				have = resp.Topics[0].Partitions[0].Offset
			}
			if have != int64(897+g) {
				t.Errorf("group %s is at %d, want %d", req.Group, have, 897+g)
			}
		}
	}
}

// Every key of the cleaner is read, and described with its value.
func TestCleanerProperties(t *testing.T) {
	for key, bad := range map[string][]string{
		"log.cleaner.threads": {"-1", "x"}, "log.cleaner.dedupe.buffer.size": {"0", "x"}, "log.cleaner.io.buffer.size": {"0"},
		"log.cleaner.io.buffer.load.factor": {"0", "1.1", "x"}, "log.cleaner.io.max.bytes.per.second": {"0", "x"}, "log.cleaner.backoff.ms": {"-1"},
		"log.cleaner.enable": {"yes"},
	} {
		for _, v := range bad {
			if _, _, err := broker.FromProperties(map[string]string{key: v}); err == nil {
				t.Errorf("%s=%s was taken", key, v)
			}
		}
	}
	c, ignored, err := broker.FromProperties(map[string]string{"log.cleaner.io.max.bytes.per.second": "1.7976931348623157E308"})
	if err != nil || len(ignored) > 0 || c.Cleaner.MaxBytesPerSecond < 1e300 {
		t.Errorf("%v %v %v", c.Cleaner, ignored, err)
	}
}
