package trial

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// probeWithin bounds a probe: a broker in trouble answers, and soon.
const probeWithin = 10 * time.Second

// ProbeTopic is where Append writes; it is not judged. MakeProbe makes it.
const ProbeTopic = "probe"

// MakeProbe makes the topic of Append.
func (t *Trial) MakeProbe(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.Addr()))
	if err != nil {
		return err
	}
	defer cl.Close()
	_, err = kadm.NewClient(cl).CreateTopic(ctx, 1, 1, nil, ProbeTopic)
	return err
}

// Append sends one record once, without retries, and returns what the broker said: nil, a *kerr.Error,
// or that it said nothing in time.
func (t *Trial) Append(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.Addr()), kgo.DisableIdempotentWrite(), kgo.RecordRetries(0),
		kgo.RecordDeliveryTimeout(probeWithin), kgo.DefaultProduceTopic(ProbeTopic))
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.ProduceSync(ctx, kgo.SliceRecord(make([]byte, 100))).FirstErr()
}

// Refused probes until a record is refused, and wants an error that clients try again after.
func (t *Trial) Refused(ctx context.Context) (*kerr.Error, error) {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	for {
		switch err, said := t.Append(ctx), (*kerr.Error)(nil); {
		case errors.As(err, &said) && said.Retriable:
			return said, nil
		case err != nil:
			return nil, fmt.Errorf("a record was refused with an error that clients do not try again after: %w", err)
		case ctx.Err() != nil:
			return nil, errors.New("records are still taken")
		}
	}
}

// Reads reads some records from the beginning of a topic with a new client, and asks for the ends of
// its logs.
func (t *Trial) Reads(ctx context.Context, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.Addr()), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err := errors.Join(err, ends.Error()); err != nil {
		return fmt.Errorf("ends of the logs: %w", err)
	}
	for {
		fetches := cl.PollFetches(ctx)
		if fetches.NumRecords() > 0 {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("nothing can be read: %w", errors.Join(fetches.Err(), ctx.Err()))
		}
	}
}

// CreatesTopic makes a topic and removes it.
func (t *Trial) CreatesTopic(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.Addr()))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, name); err != nil {
		return fmt.Errorf("create a topic: %w", err)
	}
	if _, err := admin.DeleteTopic(ctx, name); err != nil {
		return fmt.Errorf("delete a topic: %w", err)
	}
	return nil
}
