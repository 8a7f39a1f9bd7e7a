package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/thalweg-io/thalweg/e2e/foreign"
	"github.com/thalweg-io/thalweg/e2e/powercut"
	"github.com/thalweg-io/thalweg/e2e/recipe"
	"github.com/thalweg-io/thalweg/e2e/trial"
	"github.com/thalweg-io/thalweg/internal/history"
)

// What the brokers of these campaigns have to carry. Segments are as small as Kafka allows.
const (
	crashPartitions = 4
	crashRate       = 300 // records per second and producer
	crashAcks       = 20  // acknowledgements of every producer between two crashes
)

func crashTopic(policy string) trial.Topic {
	return trial.Topic{Name: policy, Configs: map[string]string{"flush.policy": policy, "segment.bytes": "1048576"}}
}

// workshop is what a campaign with the real binary needs beside it.
type workshop struct {
	dir      string // removed at the end
	bin      string
	programs []foreign.Program
}

func openWorkshop(ctx context.Context) (*workshop, error) {
	cache, err := recipe.Cache()
	if err != nil {
		return nil, err
	}
	w := &workshop{}
	if w.dir, err = os.MkdirTemp("", "campaign"); err != nil {
		return nil, err
	}
	if w.programs, err = foreign.Prepare(ctx, cache, func(s string) { fmt.Println(s) }); err == nil {
		w.bin, err = trial.Build(ctx, w.dir)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *workshop) close() { os.RemoveAll(w.dir) }

// crashes are the rounds of a campaign.
type crashes struct {
	rng    *rand.Rand
	took   []time.Duration // of each round
	kinds  map[string]int  // how often something was done
	damage powercut.Damage
}

func newCrashes(o *options) *crashes {
	return &crashes{rng: rand.New(rand.NewPCG(o.from, 0x7a1)), kinds: map[string]int{}}
}

// wait lets some time pass in which the load runs, a different one each time.
func (c *crashes) wait(ctx context.Context, most time.Duration) {
	select {
	case <-time.After(time.Duration(c.rng.Int64N(int64(most)))):
	case <-ctx.Done():
	}
}

// rounds does harm so many times, and wants every producer to go on after each.
func (c *crashes) rounds(ctx context.Context, t *trial.Trial, n uint64, harm func() (string, error)) error {
	for i := range n {
		begin := time.Now()
		kind, err := harm()
		c.kinds[kind]++
		if err == nil {
			err = t.Progress(ctx, crashAcks)
		}
		if err != nil {
			return fmt.Errorf("round %d (%s): %w", i+1, kind, err)
		}
		c.took = append(c.took, time.Since(begin))
		if (i+1)%10 == 0 {
			fmt.Printf("%d of %d, %+v\n", i+1, n, t.Counts())
		}
	}
	return nil
}

// conclude finishes a trial, writes what came of it, and keeps the history of one that failed.
func (c *crashes) conclude(ctx context.Context, t *trial.Trial, p *page, failed error) error {
	result, err := t.Finish(ctx)
	if err = errors.Join(failed, err); err == nil {
		err = t.Stop()
	}
	p.addf("| | |\n|---|---:|\n| rounds | %d |\n| records sent | %d |\n| acknowledged | %d |\n| refused or open | %d |\n| read at the end | %d |\n",
		len(c.took), result.Sent, result.Acked, result.Errors, result.Records)
	if result.Report != nil {
		for _, k := range judged {
			p.addf("| %s | %d |\n", k.text, countOf(result.Report, k.kinds))
		}
	}
	if len(c.took) > 0 {
		slices.Sort(c.took)
		p.addf("| a round, median | %v |\n| a round, longest | %v |\n", c.took[len(c.took)/2].Round(time.Millisecond), longest(c.took).Round(time.Millisecond))
	}
	if c.damage != (powercut.Damage{}) {
		p.addf("| names that were lost or came back | %d |\n| files with other data | %d |\n| blocks of 4 KiB lost or changed | %d |\n", c.damage.Names, c.damage.Files, c.damage.Blocks)
	}
	p.addf("\n| what was done | times |\n|---|---:|\n")
	for _, kind := range slices.Sorted(maps.Keys(c.kinds)) {
		p.addf("| %s | %d |\n", kind, c.kinds[kind])
	}
	p.addf("\nProducers: franz-go (none, zstd), kafka-clients (lz4, gzip), librdkafka (snappy, zstd); idempotent, acks=all, %d partitions per topic. They live as long as the campaign, and every one has at least %d acknowledgements after each round.\n", crashPartitions, crashAcks)
	if err != nil && ctx.Err() == nil {
		if dir, merr := os.MkdirTemp("", "trial"); merr == nil {
			err = errors.Join(err, t.Save(dir, result.Report))
			fmt.Println("the history is in", dir)
		}
	}
	return err
}

// longest is the longest of some durations, 0 of none.
func longest(all []time.Duration) (most time.Duration) {
	for _, d := range all {
		most = max(most, d)
	}
	return most
}

// judged are the anomalies that a page names.
var judged = []struct {
	text  string
	kinds []history.Kind
}{
	{"acknowledged and lost", []history.Kind{history.LostWrite, history.Unseen}},
	{"offsets changed", []history.Kind{history.InconsistentOffset}},
	{"duplicates", []history.Kind{history.Duplicate}},
	{"out of their producer's order", []history.Kind{history.NonmonotonicSend, history.IntNonmonotonicSend}},
	{"other violations", nil},
}

// countOf counts violations of kinds; no kinds are all others.
func countOf(r *history.Report, kinds []history.Kind) (n int) {
	named := map[history.Kind]bool{}
	for _, j := range judged {
		for _, k := range j.kinds {
			named[k] = true
		}
	}
	for k, c := range r.Counts {
		if len(kinds) == 0 && !named[history.Kind(k)] || slices.Contains(kinds, history.Kind(k)) {
			n += c.Violations
		}
	}
	return n
}
