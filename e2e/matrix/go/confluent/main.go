// Confluent is confluent-kafka-go (librdkafka) as a client of the matrix: servers, or servers,
// group, topic and assignor. It is the one program that wants cgo.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
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

func (c client) Version() string {
	_, library := kafka.LibraryVersion()
	return line.ModuleVersion("github.com/confluentinc/confluent-kafka-go/v2") + " (librdkafka " + library + ")"
}

func (c client) Create(topic string, partitions int) error {
	admin, err := kafka.NewAdminClient(&kafka.ConfigMap{"bootstrap.servers": c.servers})
	if err != nil {
		return err
	}
	defer admin.Close()
	made, err := admin.CreateTopics(context.Background(), []kafka.TopicSpecification{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}})
	if err == nil && made[0].Error.Code() != kafka.ErrNoError {
		err = made[0].Error
	}
	return err
}

func (c client) Produce(topic, codec string, records []line.Record) error {
	p, err := kafka.NewProducer(&kafka.ConfigMap{"bootstrap.servers": c.servers, "compression.type": codec, "linger.ms": 5})
	if err != nil {
		return err
	}
	defer p.Close()
	delivered := make(chan kafka.Event, len(records))
	for _, r := range records {
		m := &kafka.Message{TopicPartition: kafka.TopicPartition{Topic: &topic, Partition: 0},
			Timestamp: time.UnixMilli(r.TS), TimestampType: kafka.TimestampCreateTime, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, kafka.Header{Key: h.Name, Value: h.Value})
		}
		if err := p.Produce(m, delivered); err != nil {
			return err
		}
	}
	late := time.After(line.Within)
	for range records {
		select {
		case e := <-delivered:
			if m, ok := e.(*kafka.Message); ok && m.TopicPartition.Error != nil {
				return m.TopicPartition.Error
			}
		case <-late:
			return fmt.Errorf("not everything was acknowledged")
		}
	}
	return nil
}

func (c client) Read(topic string, count int, ts int64) ([]line.Record, error) {
	consumer, err := kafka.NewConsumer(&kafka.ConfigMap{"bootstrap.servers": c.servers, "group.id": "none", "enable.auto.commit": false})
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	at := []kafka.TopicPartition{{Topic: &topic, Partition: 0, Offset: kafka.OffsetBeginning}}
	if ts >= 0 {
		at[0].Offset = kafka.Offset(ts)
		if at, err = consumer.OffsetsForTimes(at, int(line.Within.Milliseconds())); err != nil {
			return nil, err
		}
	}
	if err := consumer.Assign(at); err != nil {
		return nil, err
	}
	var records []line.Record
	for begin := time.Now(); len(records) < count; {
		m, err := consumer.ReadMessage(200 * time.Millisecond)
		if e := (kafka.Error{}); errors.As(err, &e) && !e.IsFatal() && time.Since(begin) < line.Within {
			fmt.Fprintln(os.Stderr, err) // errors that are not fatal only inform: the consumer goes on
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("after %d records: %w", len(records), err)
		}
		r := line.Record{Offset: int64(m.TopicPartition.Offset), TS: m.Timestamp.UnixMilli(), Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			r.Headers = append(r.Headers, line.Header{Name: h.Key, Value: h.Value})
		}
		records = append(records, r)
	}
	return records, nil
}

func member(servers, group, topic, assignor string) error {
	config := kafka.ConfigMap{"bootstrap.servers": servers, "group.id": group, "auto.offset.reset": "earliest", "auto.commit.interval.ms": 500,
		"enable.auto.offset.store": false} // so that nothing is committed that was not told yet
	if assignor == "consumer" {
		config["group.protocol"] = "consumer"
	} else {
		config["partition.assignment.strategy"] = assignor
		config["session.timeout.ms"] = 6000
		config["heartbeat.interval.ms"] = 500
	}
	consumer, err := kafka.NewConsumer(&config)
	if err != nil {
		return err
	}
	if err := consumer.Subscribe(topic, nil); err != nil {
		return err
	}
	stopped := line.UntilStopped()
	for {
		select {
		case <-stopped:
			return consumer.Close()
		default:
		}
		switch e := consumer.Poll(100).(type) {
		case *kafka.Message:
			line.Consumed(e.TopicPartition.Partition, int64(e.TopicPartition.Offset))
			if _, err := consumer.StoreMessage(e); err != nil {
				fmt.Fprintln(os.Stderr, err) // of a partition that is somebody else's by now
			}
		case kafka.Error:
			fmt.Fprintln(os.Stderr, e)
		}
	}
}
