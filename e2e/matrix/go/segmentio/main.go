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

func member(servers, group, topic, assignor string) error {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{servers}, GroupID: group, Topic: topic,
		StartOffset: kafka.FirstOffset, GroupBalancers: []kafka.GroupBalancer{balancers[assignor]}, MaxWait: 200 * time.Millisecond,
		SessionTimeout: 6 * time.Second, HeartbeatInterval: 500 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-line.UntilStopped()
		cancel()
	}()
	// Not with ReadMessage, which commits before it returns.
	var told []kafka.Message
	for last := time.Now(); ; {
		wait, done := context.WithTimeout(ctx, 200*time.Millisecond)
		m, err := r.FetchMessage(wait)
		done()
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if err == nil {
			line.Consumed(int32(m.Partition), m.Offset)
			told = append(told, m)
		}
		if err != nil || time.Since(last) > 200*time.Millisecond {
			if err := r.CommitMessages(context.Background(), told...); err != nil {
				fmt.Fprintln(os.Stderr, err) // of a generation that is over
			}
			told, last = told[:0], time.Now()
		}
		if ctx.Err() != nil {
			return r.Close()
		}
	}
}
