package bench

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// clientScenarios are the work of real clients. Most of the time is theirs; what the broker uses depends on how they cut
// their batches.
func clientScenarios() []scenario {
	const records, size = 400_000, 1 << 10
	dropped := func(ctx context.Context, s *stage) error { return s.drop(ctx, s.topicName) }
	list := []scenario{
		{id: "G1", title: "franz-go produces 1 KiB records, idempotent, acks=all, not compressed, 6 partitions", policy: PolicyOS,
			run: func(ctx context.Context, s *stage) (Sample, error) {
				return s.intoTopic(ctx, s.scaled(records), size, func(n int) error { return franzProduce(ctx, s, n, size) })
			}, measures: []measure{perGiB(0, 0), throughput("MB/s", megabytes)}},
		{id: "G2", title: "franz-go consumes 1 KiB records, its defaults, 6 partitions", policy: PolicyOS, clear: dropped,
			setup: func(ctx context.Context, s *stage) error {
				if err := s.topic(ctx, s.topicName, clientPartitions, s.policy); err != nil {
					return err
				}
				return franzProduce(ctx, s, s.scaled(records), size)
			},
			run: func(ctx context.Context, s *stage) (Sample, error) {
				return s.counted(s.scaled(records), size, func(n int) error { return franzConsume(ctx, s, n) })
			}, measures: []measure{perGiB(0, 0), throughput("MB/s", megabytes)}},
		{id: "J1", title: "kafka-producer-perf-test, 1 KiB records, acks=1, 64 KiB batches, 6 partitions", policy: PolicyOS, tools: true, full: true, turns: lifeTurns, takes: 40,
			run: func(ctx context.Context, s *stage) (Sample, error) {
				return s.intoTopic(ctx, s.scaled(records), size, func(n int) error {
					return s.tool(ctx, "kafka-producer-perf-test", "--topic", s.topicName, "--num-records", strconv.Itoa(n), "--record-size", strconv.Itoa(size),
						"--throughput", "-1", "--producer-props", "bootstrap.servers="+s.Addr, "acks=1", "batch.size=65536", "linger.ms=5")
				})
			}, measures: []measure{perGiB(0, 0)}},
		{id: "J2", title: "kafka-consumer-perf-test, 1 KiB records, 6 partitions", policy: PolicyOS, tools: true, full: true, turns: lifeTurns, takes: 40, clear: dropped,
			setup: func(ctx context.Context, s *stage) error {
				if err := s.topic(ctx, s.topicName, clientPartitions, s.policy); err != nil {
					return err
				}
				return franzProduce(ctx, s, s.scaled(records), size)
			},
			run: func(ctx context.Context, s *stage) (Sample, error) {
				return s.counted(s.scaled(records), size, func(n int) error {
					return s.tool(ctx, "kafka-consumer-perf-test", "--bootstrap-server", s.Addr, "--topic", s.topicName, "--messages", strconv.Itoa(n))
				})
			}, measures: []measure{perGiB(0, 0)}},
	}
	return list
}

// clientPartitions is how many the topics of real clients have.
const clientPartitions = 6

// intoTopic accounts for work that writes n records into a new topic, which is dropped.
func (s *stage) intoTopic(ctx context.Context, n, size int, work func(n int) error) (Sample, error) {
	if err := s.topic(ctx, s.topicName, clientPartitions, s.policy); err != nil {
		return Sample{}, err
	}
	if err := warm(int64(n*size) + int64(n*size)/8); err != nil {
		return Sample{}, err
	}
	sample, err := s.counted(n, size, work)
	if err != nil {
		return sample, err
	}
	return sample, s.drop(ctx, s.topicName)
}

// counted accounts for work on n records.
func (s *stage) counted(n, size int, work func(n int) error) (Sample, error) {
	sample, err := s.account(func() error { return work(n) })
	sample.Records, sample.Bytes, sample.Requests = int64(n), int64(n)*int64(size), int64(n)
	return sample, err
}

// tool runs one of Kafka's tools.
func (s *stage) tool(ctx context.Context, name string, args ...string) error {
	cmd, err := s.runTool(ctx, name, args...)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, lastLines(out.String()))
	}
	return nil
}

func franzProduce(ctx context.Context, s *stage, n, size int) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Addr), kgo.DefaultProduceTopic(s.topicName),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer cl.Close()
	value := shape{value: size}.text()
	var failed atomic.Pointer[error]
	for range n {
		cl.Produce(ctx, &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func franzConsume(ctx context.Context, s *stage, n int) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Addr), kgo.ConsumeTopics(s.topicName), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for have := 0; have < n; {
		got := cl.PollFetches(ctx)
		if err := got.Err(); err != nil {
			return err
		}
		have += got.NumRecords()
	}
	return nil
}
