// Sarama is IBM/sarama as a client of the matrix: servers, or servers, group, topic and assignor.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
	"github.com/thalweg-io/thalweg/e2e/matrix/go/line"
)

type client struct{ servers []string }

func main() {
	if len(os.Args) == 2 {
		line.Serve(client{os.Args[1:]})
		return
	}
	line.Exit(member(os.Args[1], os.Args[2], os.Args[3], os.Args[4]))
}

func (c client) Version() string { return line.ModuleVersion("github.com/IBM/sarama") }

func (c client) Create(topic string, partitions int) error {
	admin, err := sarama.NewClusterAdmin(c.servers, sarama.NewConfig())
	if err != nil {
		return err
	}
	defer admin.Close()
	return admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 1}, false)
}

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

func (c client) Produce(topic, codec string, records []line.Record) error {
	config := sarama.NewConfig()
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Compression = codecs[codec]
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Flush.Frequency = 5 * time.Millisecond
	producer, err := sarama.NewSyncProducer(c.servers, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	var all []*sarama.ProducerMessage
	for _, r := range records {
		m := &sarama.ProducerMessage{Topic: topic, Timestamp: time.UnixMilli(r.TS), Key: encoder(r.Key), Value: encoder(r.Value)}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
		}
		all = append(all, m)
	}
	return producer.SendMessages(all)
}

// encoder keeps null apart from empty.
func encoder(b []byte) sarama.Encoder {
	if b == nil {
		return nil
	}
	return sarama.ByteEncoder(b)
}

func (c client) Read(topic string, count int, ts int64) ([]line.Record, error) {
	cl, err := sarama.NewClient(c.servers, sarama.NewConfig())
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	offset := sarama.OffsetOldest
	if ts >= 0 {
		if offset, err = cl.GetOffset(topic, 0, ts); err != nil {
			return nil, err
		}
	}
	consumer, err := sarama.NewConsumerFromClient(cl)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, offset)
	if err != nil {
		return nil, err
	}
	defer partition.Close()
	var records []line.Record
	late := time.After(line.Within)
	for len(records) < count {
		select {
		case m := <-partition.Messages():
			r := line.Record{Offset: m.Offset, TS: m.Timestamp.UnixMilli(), Key: m.Key, Value: m.Value}
			for _, h := range m.Headers {
				r.Headers = append(r.Headers, line.Header{Name: string(h.Key), Value: h.Value})
			}
			records = append(records, r)
		case <-late:
			return nil, fmt.Errorf("%d of %d records came", len(records), count)
		}
	}
	return records, nil
}

var strategies = map[string]func() sarama.BalanceStrategy{
	"range": sarama.NewBalanceStrategyRange, "roundrobin": sarama.NewBalanceStrategyRoundRobin, "sticky": sarama.NewBalanceStrategySticky,
}

func member(servers, group, topic, assignor string) error {
	config := sarama.NewConfig()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Interval = 500 * time.Millisecond
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategies[assignor]()}
	cl, err := sarama.NewConsumerGroup([]string{servers}, group, config)
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
		if err := cl.Consume(ctx, []string{topic}, handler{}); err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	return cl.Close()
}

type handler struct{}

func (handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			line.Consumed(m.Partition, m.Offset)
			session.MarkMessage(m, "")
		case <-session.Context().Done():
			return nil
		}
	}
}
