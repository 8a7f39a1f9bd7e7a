package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/hostile"
	"github.com/thalweg-io/thalweg/e2e/messages"
)

const (
	// halfOpenPairs are measured without and with the crowd, in turns.
	halfOpenPairs = 4
	// halfOpenPhase is how long each is measured, unless -each says less.
	halfOpenPhase = 20 * time.Second
	// halfOpenSettle is how long the crowd has been there when measuring begins.
	halfOpenSettle = 3 * time.Second
	// halfOpenMemory is the sum of the broker's bounds: partial frames 64 MiB, answers not taken 128 MiB, requests
	// 256 MiB, and what a broker and so many goroutines take.
	halfOpenMemory = 576 << 20
	// halfOpenFactor is how much worse than without the crowd the 99th percentile may be.
	halfOpenFactor = 2
	// halfOpenProducers send a record each, wait for it, and rest for halfOpenRest.
	halfOpenProducers = 4
	halfOpenRest      = 10 * time.Millisecond
	halfOpenLeast     = 500     // records of a phase, below which its percentiles say little
	halfOpenLoad      = 8 << 20 // bytes that the clients which never read ask for
)

// crowdWork is the topic of those who work beside the crowd.
const crowdWork = "crowd-work"

// halfOpen lets o.n clients hold connections for nothing while others work.
func halfOpen(ctx context.Context, o *options, p *page) error {
	dir, bin, err := setup(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data, err := os.MkdirTemp(dir, "data")
	if err != nil {
		return err
	}
	n, err := messages.StartNode(bin, data)
	if err != nil {
		return err
	}
	err = crowded(ctx, o, p, n)
	return errors.Join(err, n.End())
}

func crowded(ctx context.Context, o *options, p *page, n *messages.Node) error {
	if err := makeCrowdTopics(ctx, n.Addr()); err != nil {
		return err
	}
	l := newLoad(ctx)
	defer l.end()
	if err := errors.Join(l.consume(n.Addr(), crowdWork), l.produce(n.Addr(), crowdWork, halfOpenProducers, halfOpenRest)); err != nil {
		return err
	}
	if _, _, err := measureWork(ctx, l, 5*time.Second, 1); err != nil { // warm
		return err
	}
	p.addf("Phases of %v, with the crowd after %v. %d clients of the crowd: silent ones, ones that send half a frame of 60 kB, a byte a second, or fetches whose answers they never read; those that are thrown out come back; they are a process of their own. "+
		"Meanwhile %d producers send a record of 1 KiB with acks=all, one at a time and %v apart, to a topic with flush.policy=os, so that the disk does not hide what the crowd does, and a consumer reads them. Produce is from send to acknowledgement, "+
		"end to end is from send to the consumer. Resident is of the process at the end of the phase.\n\n", min(o.each, halfOpenPhase), halfOpenSettle, o.n, halfOpenProducers, halfOpenRest)
	p.addf("| pair | crowd | records | produce p50 ms | p99 ms | end to end p50 ms | p99 ms | resident MiB | goroutines |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	var produce, endToEnd []float64
	for pair := range halfOpenPairs {
		d := min(o.each, halfOpenPhase)
		calm, err := phase(ctx, p, n, l, d, pair, 0)
		if err != nil {
			return err
		}
		crowd, err := hostile.StartProcess(ctx, n.Addr(), "crowd-load", int(o.n))
		if err != nil {
			return err
		}
		_, _, err = measureWork(ctx, l, halfOpenSettle, 1) // their coming in is not what is measured
		full := calm
		if err == nil {
			full, err = phase(ctx, p, n, l, d, pair, o.n)
		}
		open, thrown, eerr := crowd.End()
		if err := errors.Join(err, eerr); err != nil {
			return err
		}
		p.addf("| | %d in at the end, %d times thrown out | | | | | | | |\n", open, thrown)
		produce = append(produce, full.produce99/calm.produce99)
		endToEnd = append(endToEnd, full.end99/calm.end99)
		if err := emptied(ctx, n); err != nil {
			return err
		}
	}
	slices.Sort(produce)
	slices.Sort(endToEnd)
	middle := len(produce) / 2
	var err error
	p.addf("\nThe 99th percentile with the crowd over that without, by pair, in order: produce %.2f, median %.2f; end to end %.2f, median %.2f. At most %d is wanted of the medians. Peak of the resident memory: %d MiB, at most %d wanted.\n",
		produce, produce[middle], endToEnd, endToEnd[middle], halfOpenFactor, n.Peak()>>20, halfOpenMemory>>20)
	if produce[middle] > halfOpenFactor || endToEnd[middle] > halfOpenFactor {
		err = fmt.Errorf("p99 with the crowd is %.2f (produce) and %.2f (end to end) times that without", produce[middle], endToEnd[middle])
	}
	if n.Peak() > halfOpenMemory {
		err = errors.Join(err, fmt.Errorf("%d MiB resident", n.Peak()>>20))
	}
	return err
}

// figures99 are the percentiles of a phase in milliseconds.
type figures99 struct{ produce99, end99 float64 }

// phase measures for a while and adds a row to the page.
func phase(ctx context.Context, p *page, n *messages.Node, l *load, d time.Duration, pair int, crowd uint64) (f figures99, err error) {
	produced, arrived, err := measureWork(ctx, l, d, halfOpenLeast)
	if err != nil {
		return f, err
	}
	now, err := n.Figures()
	if err != nil {
		return f, err
	}
	f = figures99{percentile(produced, 99), percentile(arrived, 99)}
	row := fmt.Sprintf("| %d | %d | %d | %.1f | %.1f | %.1f | %.1f | %d | %d |\n", pair+1, crowd, len(produced),
		percentile(produced, 50), f.produce99, percentile(arrived, 50), f.end99, now.Resident>>20, now.Goroutines)
	p.addf("%s", row)
	fmt.Print(row)
	return f, nil
}

// emptied waits until the crowd's goroutines have ended in the broker.
func emptied(ctx context.Context, n *messages.Node) error {
	for until := time.Now().Add(settleWithin); ; {
		f, err := n.Figures()
		if err != nil {
			return err
		}
		if f.Goroutines < 200 {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("%d goroutines %v after the crowd has gone", f.Goroutines, settleWithin)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func makeCrowdTopics(ctx context.Context, addr string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return err
	}
	defer client.Close()
	policy := "os"
	if _, err := kadm.NewClient(client).CreateTopics(ctx, 1, 1, map[string]*string{"flush.policy": &policy}, "crowd-load", crowdWork); err != nil {
		return err
	}
	for sent := 0; sent < halfOpenLoad; sent += 500_000 {
		if err := client.ProduceSync(ctx, &kgo.Record{Topic: "crowd-load", Value: make([]byte, 500_000)}).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

// measureWork returns what was measured in the time that follows, at least so many of each.
func measureWork(ctx context.Context, l *load, d time.Duration, least int) (produced, arrived []time.Duration, err error) {
	took, err := l.measure(ctx, func() error { return pause(ctx, d) })
	produced, arrived = took.produced[crowdWork], took.arrived[crowdWork]
	if err == nil && (len(produced) < least || len(arrived) < least) {
		err = fmt.Errorf("only %d records acknowledged and %d read in %v", len(produced), len(arrived), d)
	}
	return produced, arrived, err
}
