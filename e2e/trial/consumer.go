package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/foreign"
	"github.com/thalweg-io/thalweg/internal/history"
)

// consumerClient is the first number of clients that read; producers are below.
const consumerClient = 1000

// consumer reads all topics by hand from the beginning, over crashes of the broker. It moves nowhere
// of itself: an offset that the log does not have is trouble.
type consumer struct {
	r       *Recorder
	cl      *kgo.Client
	process history.Process
	client  history.Client
	next    map[string][]int64 // by topic, partition: the offset after the last record
	records int
}

func newConsumer(r *Recorder, servers string, partitions int, client int) (*consumer, error) {
	c := &consumer{r: r, client: history.Client(client), next: map[string][]int64{}}
	from := map[string]map[int32]kgo.Offset{}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.process = r.newProcess()
	op := r.h.Invoke(r.now(), history.Call{Client: c.client, Process: c.process, F: history.Assign})
	for _, topic := range r.topics {
		from[topic] = map[int32]kgo.Offset{}
		c.next[topic] = make([]int64, partitions)
		for p := range int32(partitions) {
			from[topic][p] = kgo.NewOffset().At(0)
			r.h.Assigned(op, r.h.Key(topic, p), 0)
		}
	}
	r.h.Complete(r.now(), op, history.OK, "")
	cl, err := kgo.NewClient(kgo.SeedBrokers(servers), kgo.ConsumePartitions(from), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(200*time.Millisecond), kgo.MetadataMinAge(50*time.Millisecond))
	c.cl = cl
	return c, err
}

// follow reads until the context ends.
func (c *consumer) follow(ctx context.Context) {
	for ctx.Err() == nil {
		c.poll(ctx)
	}
}

// poll reads once and records what came.
func (c *consumer) poll(ctx context.Context) {
	fetches := c.cl.PollFetches(ctx)
	fetches.EachError(func(topic string, partition int32, err error) {
		if lost := (*kgo.ErrDataLoss)(nil); errors.As(err, &lost) || errors.As(err, new(*kerr.Error)) && !kerr.IsRetriable(err) {
			c.r.Trouble(fmt.Sprintf("a consumer of %s/%d: %v", topic, partition, err))
		}
	})
	if fetches.NumRecords() == 0 {
		return
	}
	r := c.r
	r.mu.Lock()
	defer r.mu.Unlock()
	op := r.h.Invoke(r.now(), history.Call{Client: c.client, Process: c.process, F: history.Poll})
	r.h.Poll(op)
	fetches.EachRecord(func(record *kgo.Record) {
		value, err := foreign.ValueIn(record.Value)
		if err != nil {
			r.troubleLocked(fmt.Sprintf("%s/%d at %d: %v", record.Topic, record.Partition, record.Offset, err))
			return
		}
		r.h.Read(op, r.h.Key(record.Topic, record.Partition), record.Offset, history.Value(value))
		c.next[record.Topic][record.Partition] = record.Offset + 1
		c.records++
	})
	r.h.Complete(r.now(), op, history.OK, "")
}

// toTheEnd reads until the ends of all logs as they are now.
func (c *consumer) toTheEnd(ctx context.Context) error {
	ends, err := kadm.NewClient(c.cl).ListEndOffsets(ctx, c.r.topics...)
	if err := errors.Join(err, ends.Error()); err != nil {
		return fmt.Errorf("ends of the logs: %w", err)
	}
	behind := func(topic string, partition int) bool {
		end, _ := ends.Lookup(topic, int32(partition))
		return c.next[topic][partition] < end.Offset
	}
	for {
		more := slices.ContainsFunc(c.r.topics, func(topic string) bool {
			for p := range c.next[topic] {
				if behind(topic, p) {
					return true
				}
			}
			return false
		})
		if !more {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("read %d records and not to the end: %w", c.records, context.Cause(ctx))
		}
		c.poll(ctx)
	}
}
