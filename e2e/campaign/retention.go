package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/trial"
)

const (
	// retentionSegments are deleted while producers are measured, each so large.
	retentionSegments     = 100
	retentionSegmentBytes = 4 << 20
	// retentionProducers send a record to each of the topics, one at a time, and rest for retentionRest.
	retentionProducers = 8
	retentionRest      = 2 * time.Millisecond
	// retentionSettle is how long after the segments were written the disk is left alone.
	retentionSettle = 3 * time.Second
	// retentionQuiet is how long is measured with nothing to delete, before and after.
	retentionQuiet = 3 * time.Second
	// retentionFactor is how much worse than in quiet the 99th percentile may be.
	retentionFactor = 1.2
	retentionWithin = 2 * time.Minute
)

// retentionPolicies are the flush policies of the topics that are written to.
var retentionPolicies = []string{"group", "os"}

// retention deletes segments of a topic, o.n times, while others write to other topics.
func retention(ctx context.Context, o *options, p *page) error {
	dir, bin, err := setup(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := trial.NewBroker(bin, filepath.Join(dir, "data"), "log.retention.check.interval.ms=100", "log.initial.task.delay.ms=0", "log.segment.delete.delay.ms=0")
	if err := b.Start(); err != nil {
		return err
	}
	err = shrinking(ctx, o, p, b, filepath.Join(dir, "data"))
	return errors.Join(err, b.Stop())
}

func shrinking(ctx context.Context, o *options, p *page, b *trial.Broker, data string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(1<<20))
	if err != nil {
		return err
	}
	defer client.Close()
	s := &shrinker{client: client, admin: kadm.NewClient(client), data: data}
	for _, policy := range retentionPolicies {
		if err := s.create(ctx, "work-"+policy, "flush.policy="+policy); err != nil {
			return err
		}
	}
	l := newLoad(ctx)
	defer l.end()
	for _, policy := range retentionPolicies {
		if err := l.produce(b.Addr(), "work-"+policy, retentionProducers, retentionRest); err != nil {
			return err
		}
	}
	p.addf("Each turn fills a topic with %d segments of %d MiB, waits %v, and sets its `retention.bytes` to 0. From then until the last file is unlinked (`file.delete.delay.ms` is 0, so that all of it comes at once) "+
		"and for 3 s before and after that, %d producers send a record of 1 KiB each with acks=all, one at a time and %v apart, to a topic with flush.policy=group, and as many to one with flush.policy=os. "+
		"Times are from send to acknowledgement. Quiet is before and after together; what the quiet after has over the quiet before is how much two equal phases differ on this machine.\n\n", retentionSegments, retentionSegmentBytes>>20, retentionSettle, retentionProducers, retentionRest)
	p.addf("| turn | deleted in s | policy | quiet: records | p50 ms | p99 ms | deleting: records | p50 ms | p99 ms | p99 deleting over quiet | p99 after over before |\n|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	ratios, control := map[string][]float64{}, map[string][]float64{}
	for turn := range int(o.n) {
		topic := fmt.Sprintf("victim-%d", turn)
		if err := s.fill(ctx, topic); err != nil {
			return err
		}
		took, samples, err := s.turn(ctx, l, topic)
		if err != nil {
			return err
		}
		for _, policy := range retentionPolicies {
			before, deleting, after := samples[0]["work-"+policy], samples[1]["work-"+policy], samples[2]["work-"+policy]
			quiet := slices.Concat(before, after)
			r := percentile(deleting, 99) / percentile(quiet, 99)
			c := percentile(after, 99) / percentile(before, 99)
			ratios[policy], control[policy] = append(ratios[policy], r), append(control[policy], c)
			row := fmt.Sprintf("| %d | %.1f | %s | %d | %.2f | %.2f | %d | %.2f | %.2f | %.2f | %.2f |\n", turn+1, took.Seconds(), policy,
				len(quiet), percentile(quiet, 50), percentile(quiet, 99), len(deleting), percentile(deleting, 50), percentile(deleting, 99), r, c)
			p.addf("%s", row)
			fmt.Print(row)
		}
	}
	for _, policy := range retentionPolicies {
		slices.Sort(ratios[policy])
		slices.Sort(control[policy])
		median := ratios[policy][len(ratios[policy])/2]
		p.addf("\nflush.policy=%s: the 99th percentile while segments are deleted over that in quiet, by turn, in order: %.2f, median %.2f; at most %.1f is wanted of the median. "+
			"The quiet after over the quiet before, by turn, in order: %.2f, median %.2f.\n",
			policy, ratios[policy], median, retentionFactor, control[policy], control[policy][len(control[policy])/2])
		if median > retentionFactor {
			err = errors.Join(err, fmt.Errorf("flush.policy=%s: p99 while segments are deleted is %.2f times that in quiet", policy, median))
		}
	}
	return err
}

// shrinker fills topics and has them emptied.
type shrinker struct {
	client *kgo.Client
	admin  *kadm.Client
	data   string
}

func (s *shrinker) create(ctx context.Context, topic string, configs ...string) error {
	of := map[string]*string{}
	for _, c := range configs {
		key, value, _ := strings.Cut(c, "=")
		of[key] = &value
	}
	_, err := s.admin.CreateTopic(ctx, 1, 1, of, topic)
	return err
}

// fill makes a topic with so many whole segments.
func (s *shrinker) fill(ctx context.Context, topic string) error {
	if err := s.create(ctx, topic, "flush.policy=os", fmt.Sprintf("segment.bytes=%d", retentionSegmentBytes)); err != nil {
		return err
	}
	var failed atomic.Pointer[error]
	for sent := 0; sent < retentionSegments*retentionSegmentBytes; sent += 500_000 {
		s.client.Produce(ctx, &kgo.Record{Topic: topic, Value: make([]byte, 500_000)}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	if err := s.client.Flush(ctx); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	return pause(ctx, retentionSettle)
}

// files counts the segments of a topic, deleted ones included.
func (s *shrinker) files(topic string) int {
	live, _ := filepath.Glob(filepath.Join(s.data, topic+"-0", "*.log"))
	dead, _ := filepath.Glob(filepath.Join(s.data, topic+"-0", "*.deleted"))
	return len(live) + len(dead)
}

// turn measures before, while and after the segments of a topic are deleted, by the topic that is written to.
func (s *shrinker) turn(ctx context.Context, l *load, topic string) (took time.Duration, samples [3]map[string][]time.Duration, err error) {
	if n := s.files(topic); n < retentionSegments {
		return 0, samples, fmt.Errorf("%s has %d segments, want %d", topic, n, retentionSegments)
	}
	quiet := func() error { return pause(ctx, retentionQuiet) }
	empty := func() error {
		begin := time.Now()
		defer func() { took = time.Since(begin) }()
		return s.empty(ctx, topic)
	}
	for i, do := range []func() error{quiet, empty, quiet} {
		measured, err := l.measure(ctx, do)
		if err != nil {
			return took, samples, err
		}
		samples[i] = measured.produced
	}
	return took, samples, nil
}

// empty has a topic emptied and waits until nothing is left to unlink.
func (s *shrinker) empty(ctx context.Context, topic string) error {
	zero := "0"
	if _, err := s.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.bytes", Value: &zero}}, topic); err != nil {
		return err
	}
	for begin := time.Now(); s.files(topic) > 1; {
		if time.Since(begin) > retentionWithin {
			return fmt.Errorf("%s has %d files left after %v", topic, s.files(topic), retentionWithin)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
