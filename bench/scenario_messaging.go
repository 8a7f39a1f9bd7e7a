package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// messagingScenarios have the shapes of the OpenMessaging benchmark: one topic, records of 1 KiB, a producer and a consumer of a real
// client; as much as goes through, and how long records take at half of what goes through the slowest broker.
func messagingScenarios() []scenario {
	var list []scenario
	for i, n := range []int{1, 16, 100} {
		m := &messaging{partitions: n, records: 400_000, seconds: 12}
		list = append(list, scenario{id: "O1" + string(rune('a'+i)), policy: PolicyOS, takes: 30, turns: 4, full: n > 1,
			title: fmt.Sprintf("OpenMessaging: 1 topic, %d partitions, 1 KiB records, franz-go with acks=all; at 50 %% of the slowest broker's rate", n),
			setup: m.saturate, run: m.run, clear: func(ctx context.Context, s *stage) error { return s.delete(ctx, s.topicName) },
			measures: []measure{{unit: "most records/s", more: true, of: func(s Sample) float64 { return s.Extra["most records/s"] }},
				extra("p50 µs", 0, 0), extra("p99 µs", 0, 0), extra("p99.9 µs", 0, 0), extra("max µs", 0, 0), lateness(), perGiB(0, 0)}})
	}
	return list
}

type messaging struct{ partitions, records, seconds int }

// arena is what brokers know of each other in a scenario.
type arena struct {
	saturation map[string]float64 // records a second, by broker
}

// slowest is the least of them.
func (a *arena) slowest() float64 {
	least := 0.0
	for _, rate := range a.saturation {
		if least == 0 || rate < least {
			least = rate
		}
	}
	return least
}

// saturate finds out how many records a second go through; the first time is for compilers.
func (m *messaging) saturate(ctx context.Context, s *stage) error {
	if err := s.topic(ctx, s.topicName, m.partitions, s.policy); err != nil {
		return err
	}
	for range 2 {
		run := transit{n: s.scaled(m.records), partitions: m.partitions}
		begin := time.Now()
		if err := run.through(ctx, s); err != nil {
			return err
		}
		s.arena.saturation[s.Name] = float64(run.n) / time.Since(begin).Seconds()
	}
	return nil
}

// run paces the records.
func (m *messaging) run(ctx context.Context, s *stage) (sample Sample, err error) {
	rate := s.arena.slowest() / 2
	if rate == 0 {
		return sample, errors.New("no rate is known")
	}
	run := transit{n: max(1, int(rate*s.lasting(m.seconds).Seconds())), interval: time.Duration(float64(time.Second) / rate), partitions: m.partitions}
	sample, err = s.counted(run.n, messagingBytes, func(int) error { return run.through(ctx, s) })
	if err != nil {
		return sample, err
	}
	sample.latency = run.latency
	sample.Extra = percentiles(run.latency)
	sample.Extra["late p99 µs"] = microseconds(run.late.ValueAtQuantile(99))
	sample.Extra["most records/s"] = s.arena.saturation[s.Name]
	return sample, nil
}

const (
	messagingBytes  = 1 << 10
	messagingLinger = time.Millisecond
)

// transit is records on their way from a client to another one.
type transit struct {
	n             int
	interval      time.Duration // between records; 0: as fast as it goes
	partitions    int
	latency, late *hdrhistogram.Histogram
	begin         time.Time
}

// through sends the records and waits until they have come.
func (t *transit) through(ctx context.Context, s *stage) error {
	t.latency, t.late = newHistogram(), newHistogram()
	ends, err := s.admin.ListEndOffsets(ctx, s.topicName)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return err
	}
	from := map[int32]kgo.Offset{}
	for p, end := range ends[s.topicName] {
		from[p] = kgo.NewOffset().At(end.Offset)
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(s.Addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{s.topicName: from}))
	if err != nil {
		return err
	}
	defer consumer.Close()
	producer, err := kgo.NewClient(kgo.SeedBrokers(s.Addr), kgo.DefaultProduceTopic(s.topicName), kgo.ProducerLinger(messagingLinger),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer producer.Close()
	if err := errors.Join(producer.Ping(ctx), consumer.Ping(ctx)); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.begin = time.Now().Add(50 * time.Millisecond)
	received := make(chan error, 1)
	go func() { received <- t.receive(ctx, consumer) }()
	t.send(ctx, producer, cancel)
	return errors.Join(<-received, context.Cause(ctx))
}

// send sends by the clock, whatever becomes of the records, as far as the client has room for them.
func (t *transit) send(ctx context.Context, cl *kgo.Client, failed context.CancelCauseFunc) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	text := shape{value: messagingBytes}.text()
	var told atomic.Bool
	done := func(_ *kgo.Record, err error) {
		if err != nil && told.CompareAndSwap(false, true) {
			failed(err)
		}
	}
	for i := 0; i < t.n && ctx.Err() == nil; i++ {
		at := t.begin.Add(time.Duration(i) * t.interval)
		for d := time.Until(at); d > 0; d = time.Until(at) {
			sleepPrecisely(d)
		}
		if t.interval == 0 {
			at = time.Now()
		} else {
			_ = t.late.RecordValue(int64(time.Since(at)))
		}
		value := slices.Clone(text)
		binary.BigEndian.PutUint64(value, uint64(at.Sub(t.begin)))
		cl.Produce(ctx, &kgo.Record{Value: value}, done)
	}
}

func (t *transit) receive(ctx context.Context, cl *kgo.Client) error {
	for have := 0; have < t.n; {
		got := cl.PollFetches(ctx)
		if err := got.Err(); err != nil {
			return err
		}
		now := time.Since(t.begin)
		got.EachRecord(func(r *kgo.Record) {
			_ = t.latency.RecordValue(int64(now - time.Duration(binary.BigEndian.Uint64(r.Value))))
		})
		have += got.NumRecords()
	}
	return nil
}
