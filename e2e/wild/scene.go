package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// scene is where a program runs.
type scene struct {
	dir     string // where it was built; shared with other runs
	tmp     string // its own, removed afterwards
	servers string // host:port of a broker of its own
}

// joined waits until a group is stable.
func (s *scene) joined(ctx context.Context, group string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.servers))
	if err != nil {
		return err
	}
	defer cl.Close()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		groups, err := kadm.NewClient(cl).DescribeGroups(ctx, group)
		if err == nil && groups[group].State == "Stable" {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("group %s is %q: %w", group, groups[group].State, ctx.Err())
		}
	}
}

// records reads a topic, of one partition or more, from the beginning until enough is content with what was read. The topic
// may be made while this waits. Errors: the context ended, with the number of records.
func (s *scene) records(ctx context.Context, topic string, enough func([]*kgo.Record) bool) ([]*kgo.Record, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.servers), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(100*time.Millisecond), kgo.MetadataMaxAge(time.Second))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	var read []*kgo.Record
	for !enough(read) {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return read, fmt.Errorf("%d records of %s: %w", len(read), topic, ctx.Err())
		}
		if err := fetches.Err0(); err != nil && !errors.Is(err, context.Canceled) {
			return read, err
		}
		read = append(read, fetches.Records()...)
	}
	return read, nil
}

// count is content with so many records.
func count(n int) func([]*kgo.Record) bool {
	return func(read []*kgo.Record) bool { return len(read) >= n }
}

// gone counts the records of a topic that are not there any more.
func (s *scene) gone(ctx context.Context, topic string) (int64, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.servers))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	read, err := s.records(ctx, topic, func(read []*kgo.Record) bool {
		last := map[int32]int64{}
		for _, r := range read {
			last[r.Partition] = r.Offset + 1
		}
		for p, end := range ends[topic] {
			if last[p] < end.Offset {
				return false
			}
		}
		return true
	})
	if err != nil {
		return 0, err
	}
	var gone int64
	for p, end := range ends[topic] {
		gone += end.Offset
		for _, r := range read {
			if r.Partition == p && r.Offset < end.Offset {
				gone--
			}
		}
	}
	return gone, nil
}
