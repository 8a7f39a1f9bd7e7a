package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// loadBytes is the size of the values that a load's producers send.
const loadBytes = 1024

// load is clients that work while it is measured how long it takes them: producers that send one record at a time, wait for its
// acknowledgement and rest, and consumers of what they send.
type load struct {
	ctx     context.Context // of all clients
	stop    context.CancelFunc
	clients []*kgo.Client
	wg      sync.WaitGroup
	failed  atomic.Pointer[error]

	mu   sync.Mutex
	took times
}

// times are what was measured, by topic.
type times struct {
	produced map[string][]time.Duration // from send to acknowledgement
	arrived  map[string][]time.Duration // from send to a consumer
}

func newTimes() times { return times{map[string][]time.Duration{}, map[string][]time.Duration{}} }

// newLoad has no clients yet. Whoever makes one ends it.
func newLoad(ctx context.Context) *load {
	l := &load{took: newTimes()}
	l.ctx, l.stop = context.WithCancel(ctx)
	return l
}

// produce adds n producers to a topic.
func (l *load) produce(addr, topic string, n int, rest time.Duration) error {
	for range n {
		c, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
		if err != nil {
			return err
		}
		l.clients = append(l.clients, c)
		l.wg.Go(func() { l.send(c, topic, rest) })
	}
	return nil
}

// consume adds a consumer of what comes to a topic from now on.
func (l *load) consume(addr, topic string) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()))
	if err != nil {
		return err
	}
	l.clients = append(l.clients, c)
	l.wg.Go(func() { l.receive(c, topic) })
	return nil
}

// end ends the clients.
func (l *load) end() {
	l.stop()
	l.wg.Wait()
	for _, c := range l.clients {
		c.Close()
	}
}

func (l *load) send(c *kgo.Client, topic string, rest time.Duration) {
	for l.ctx.Err() == nil {
		value := make([]byte, loadBytes)
		begin := time.Now()
		binary.BigEndian.PutUint64(value, uint64(begin.UnixNano()))
		if err := c.ProduceSync(l.ctx, &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
			if l.ctx.Err() == nil {
				l.failed.Store(&err)
			}
			return
		}
		l.note(topic, time.Since(begin), false)
		_ = pause(l.ctx, rest)
	}
}

func (l *load) receive(c *kgo.Client, topic string) {
	for l.ctx.Err() == nil {
		fetches := c.PollFetches(l.ctx)
		now := time.Now()
		fetches.EachRecord(func(r *kgo.Record) {
			l.note(topic, now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(r.Value)))), true)
		})
	}
}

func (l *load) note(topic string, took time.Duration, arrived bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := l.took.produced
	if arrived {
		to = l.took.arrived
	}
	to[topic] = append(to[topic], took)
}

// measure returns what was measured while something was done. That a producer has failed is an error.
func (l *load) measure(ctx context.Context, do func() error) (times, error) {
	l.take()
	err := do()
	took := l.take()
	if failed := l.failed.Load(); failed != nil {
		err = errors.Join(err, fmt.Errorf("a producer failed: %w", *failed))
	}
	return took, errors.Join(err, ctx.Err())
}

func (l *load) take() times {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := l.took
	l.took = newTimes()
	return took
}
