package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// readWithin bounds what the judge waits for records that have been acknowledged.
const readWithin = 10 * time.Second

// codecs are the names of all compression types, at their number on the wire.
var codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

var franzCodecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

// judge reads and writes with franz-go. Safe for concurrent use.
type judge struct {
	servers string
	admin   *kadm.Client
	client  *kgo.Client
}

func newJudge(servers string) (*judge, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(servers), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		return nil, err
	}
	return &judge{servers, kadm.NewClient(cl), cl}, nil
}

func (j *judge) close() { j.client.Close() }

// create makes a topic that keeps what it is given: the records of the probes are older than seven days, and brokers begin to delete
// such records when they have run for thirty seconds.
func (j *judge) create(ctx context.Context, topic string, partitions int32) error {
	forever := "-1"
	_, err := j.admin.CreateTopic(ctx, partitions, 1, map[string]*string{"retention.ms": &forever}, topic)
	return err
}

// whole wants partition 0 to have the offsets from 0 to count: otherwise it is not the client who fails to read them.
func (j *judge) whole(ctx context.Context, topic string, count int64) error {
	start, err := j.start(ctx, topic)
	if err != nil {
		return err
	}
	end, err := j.end(ctx, topic)
	if err != nil {
		return err
	}
	if start != 0 || end != count {
		return fmt.Errorf("%s has the offsets %d to %d instead of 0 to %d", topic, start, end, count)
	}
	return nil
}

// partitions counts the partitions of a topic; 0 if there is none.
func (j *judge) partitions(ctx context.Context, topic string) (int, error) {
	topics, err := j.admin.ListTopics(ctx, topic)
	if err != nil {
		return 0, err
	}
	return len(topics[topic].Partitions), nil
}

// start is the beginning of partition 0.
func (j *judge) start(ctx context.Context, topic string) (int64, error) {
	listed, err := j.admin.ListStartOffsets(ctx, topic)
	return offset(listed, err, topic)
}

// end is the end of partition 0.
func (j *judge) end(ctx context.Context, topic string) (int64, error) {
	listed, err := j.admin.ListEndOffsets(ctx, topic)
	return offset(listed, err, topic)
}

// offset is that of a topic's partition 0.
func offset(listed kadm.ListedOffsets, err error, topic string) (int64, error) {
	if err := errors.Join(err, listed.Error()); err != nil {
		return 0, err
	}
	o, ok := listed.Lookup(topic, 0)
	if !ok {
		return 0, fmt.Errorf("no offset of %s", topic)
	}
	return o.Offset, nil
}

// write writes records to partition 0 in batches of a codec.
func (j *judge) write(ctx context.Context, topic, codec string, records []record) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(j.servers), kgo.ProducerBatchCompression(franzCodecs[codec]),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
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
	return cl.ProduceSync(ctx, all...).FirstErr()
}

// read reads partition 0 from an offset to its end, which must come to so many records, and counts
// them by the codec of their batches. What was acknowledged with acks=1 may take a moment.
func (j *judge) read(ctx context.Context, topic string, from, count int64) ([]record, map[string]int, error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(j.servers), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(from)}}))
	if err != nil {
		return nil, nil, err
	}
	defer cl.Close()
	var records []record
	coded := map[string]int{}
	for end := from + count; len(records) == 0 || records[len(records)-1].Offset < end-1; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, nil, fmt.Errorf("%d of %d records arrived: %w", len(records), count, err)
		}
		fetches.EachRecord(func(k *kgo.Record) {
			records = append(records, fromFranz(k))
			coded[codecs[k.Attrs.CompressionType()]]++
		})
	}
	return records, coded, nil
}

func fromFranz(k *kgo.Record) record {
	r := record{Offset: k.Offset, TS: k.Timestamp.UnixMilli(), Key: k.Key, Value: k.Value}
	for _, h := range k.Headers {
		r.Headers = append(r.Headers, header{h.Key, h.Value})
	}
	return r
}
