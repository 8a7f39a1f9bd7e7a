// Franz is franz-go as a client of the matrix: servers, or servers, group, topic and assignor.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/thalweg-io/thalweg/e2e/matrix/go/line"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type client struct{ servers string }

func main() {
	if len(os.Args) == 2 {
		line.Serve(client{os.Args[1]})
		return
	}
	line.Exit(member(os.Args[1], os.Args[2], os.Args[3], os.Args[4]))
}

func (c client) Version() string { return line.ModuleVersion("github.com/twmb/franz-go") }

func (c client) Create(topic string, partitions int) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.servers))
	if err != nil {
		return err
	}
	defer cl.Close()
	_, err = kadm.NewClient(cl).CreateTopic(context.Background(), int32(partitions), 1, nil, topic)
	return err
}

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func (c client) Produce(topic, codec string, records []line.Record) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.servers), kgo.ProducerBatchCompression(codecs[codec]), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer cl.Close()
	var all []*kgo.Record
	for _, r := range records {
		k := &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Timestamp: time.UnixMilli(r.TS)}
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
		}
		all = append(all, k)
	}
	ctx, cancel := context.WithTimeout(context.Background(), line.Within)
	defer cancel()
	return cl.ProduceSync(ctx, all...).FirstErr()
}

func (c client) Read(topic string, count int, ts int64) ([]line.Record, error) {
	at := kgo.NewOffset().AtStart()
	if ts >= 0 {
		at = kgo.NewOffset().AfterMilli(ts)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.servers), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: at}}))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), line.Within)
	defer cancel()
	var records []line.Record
	for len(records) < count {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("after %d records: %w", len(records), err)
		}
		fetches.EachRecord(func(k *kgo.Record) {
			r := line.Record{Offset: k.Offset, TS: k.Timestamp.UnixMilli(), Key: k.Key, Value: k.Value}
			for _, h := range k.Headers {
				r.Headers = append(r.Headers, line.Header{Name: h.Key, Value: h.Value})
			}
			records = append(records, r)
		})
	}
	return records[:count], nil
}

var balancers = map[string]kgo.GroupBalancer{
	"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(),
	"sticky": kgo.StickyBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer(),
	"consumer": kgo.StickyBalancer(), // the one that stands for the broker's uniform assignor
}

func member(servers, group, topic, assignor string) error {
	var more []kgo.Opt
	if assignor == "consumer" {
		more = append(more, kgo.ServerSideBalancer())
	}
	cl, err := kgo.NewClient(append(more, kgo.SeedBrokers(servers), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Balancers(balancers[assignor]),
		kgo.AutoCommitInterval(500*time.Millisecond), kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond))...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-line.UntilStopped()
		cancel()
	}()
	for ctx.Err() == nil {
		fetches := cl.PollFetches(ctx)
		fetches.EachRecord(func(r *kgo.Record) { line.Consumed(r.Partition, r.Offset) })
	}
	err = cl.CommitUncommittedOffsets(context.Background())
	cl.Close()
	return err
}
