// Segmentio is segmentio/kafka-go as a client of the matrix: servers, or servers, group, topic and assignor.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/thalweg-io/thalweg/e2e/matrix/go/line"
)

type client struct{ servers string }

func main() {
	if len(os.Args) == 2 {
		line.Serve(client{os.Args[1]})
		return
	}
	line.Exit(member(os.Args[1], os.Args[2], os.Args[3], os.Args[4]))
}

func (c client) Version() string { return line.ModuleVersion("github.com/segmentio/kafka-go") }

func (c client) Create(topic string, partitions int) error {
	cl := kafka.Client{Addr: kafka.TCP(c.servers)}
	r, err := cl.CreateTopics(context.Background(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}})
	if err != nil {
		return err
	}
	return r.Errors[topic]
}

var codecs = map[string]kafka.Compression{"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd}

func (c client) Produce(topic, codec string, records []line.Record) error {
	w := kafka.Writer{Transport: &kafka.Transport{}, // the one of all writers remembers for seconds which topics there are
		Addr: kafka.TCP(c.servers), Topic: topic, Compression: codecs[codec], RequiredAcks: kafka.RequireAll, BatchTimeout: 5 * time.Millisecond}
	defer w.Close()
	var all []kafka.Message
	for _, r := range records {
		m := kafka.Message{Time: time.UnixMilli(r.TS), Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, kafka.Header{Key: h.Name, Value: h.Value})
		}
		all = append(all, m)
	}
	ctx, cancel := context.WithTimeout(context.Background(), line.Within)
	defer cancel()
	return w.WriteMessages(ctx, all...)
}

func (c client) Read(topic string, count int, ts int64) ([]line.Record, error) {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{c.servers}, Topic: topic, Partition: 0, MaxWait: 200 * time.Millisecond})
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), line.Within)
	defer cancel()
	err := r.SetOffset(kafka.FirstOffset)
	if ts >= 0 {
		err = r.SetOffsetAt(ctx, time.UnixMilli(ts))
	}
	if err != nil {
		return nil, err
	}
	var records []line.Record
	for len(records) < count {
		m, err := r.ReadMessage(ctx)
		if err != nil {
			return nil, fmt.Errorf("after %d records: %w", len(records), err)
		}
		k := line.Record{Offset: m.Offset, TS: m.Time.UnixMilli(), Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			k.Headers = append(k.Headers, line.Header{Name: h.Key, Value: h.Value})
		}
		records = append(records, k)
	}
	return records, nil
}

var balancers = map[string]kafka.GroupBalancer{"range": kafka.RangeGroupBalancer{}, "roundrobin": kafka.RoundRobinGroupBalancer{}}

// member uses the ConsumerGroup of the library, whose commits belong to a generation. Its Reader, which is easier, sends what was
// consumed in one generation in the next one, too: whoever owns the partition there has it undone, with either broker.
func member(servers, group, topic, assignor string) error {
	g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: group, Brokers: []string{servers}, Topics: []string{topic},
		StartOffset: kafka.FirstOffset, GroupBalancers: []kafka.GroupBalancer{balancers[assignor]},
		SessionTimeout: 6 * time.Second, HeartbeatInterval: 500 * time.Millisecond})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-line.UntilStopped()
		cancel()
	}()
	for {
		gen, err := g.Next(ctx)
		if ctx.Err() != nil {
			return g.Close() // ends the generation, which has its partitions committed, and leaves
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err) // such as a coordinator that still loads; the next call tries again
			continue
		}
		for _, a := range gen.Assignments[topic] {
			gen.Start(func(ctx context.Context) {
				if err := consume(ctx, servers, topic, gen, a); err != nil {
					fmt.Fprintln(os.Stderr, err)
				}
			})
		}
	}
}

// consume reads one partition until the generation ends.
func consume(ctx context.Context, servers, topic string, gen *kafka.Generation, a kafka.PartitionAssignment) error {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{servers}, Topic: topic, Partition: a.ID, MaxWait: 200 * time.Millisecond})
	defer r.Close()
	if err := r.SetOffset(a.Offset); err != nil {
		return err
	}
	next, committed, last := int64(-1), int64(-1), time.Now()
	for {
		wait, done := context.WithTimeout(ctx, 100*time.Millisecond)
		m, err := r.ReadMessage(wait)
		done()
		if err == nil {
			line.Consumed(int32(m.Partition), m.Offset)
			next = m.Offset + 1
		}
		over := ctx.Err() != nil
		if next > committed && (err != nil || time.Since(last) > 100*time.Millisecond) {
			if err := gen.CommitOffsets(map[string]map[int]int64{topic: {a.ID: next}}); err != nil {
				return err
			}
			committed, last = next, time.Now()
		}
		if over {
			return nil
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}
