package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/members"
	"github.com/thalweg-io/thalweg/e2e/trial"
)

const (
	largeGroup     = 100 // members and partitions
	largeGroupCalm = 15 * time.Second
	// largeGroupRest is how long a group is left alone at least before a member leaves or joins. Up to largeGroupPhase more is drawn, so that
	// heartbeats, which members of a large group send at almost the same time, are met at any phase.
	largeGroupRest  = 10 * time.Second
	largeGroupPhase = 5 * time.Second
	largeGroupTopic = "hundred"
)

// largeGroupSettings are those of both brokers: what Kafka has by default, but for the number of partitions of the offsets topic.
var largeGroupSettings = map[string]string{
	"group.initial.rebalance.delay.ms": "3000", "offsets.topic.num.partitions": "5", "offsets.topic.replication.factor": "1",
}

// contender is a broker that is measured.
type contender struct {
	name, addr string
	pid        int
}

// groupSample is what one phase of one group took.
type groupSample struct {
	stable, cpu time.Duration
}

// groupPhases are what happens to a group.
var groupPhases = []string{"100 join", "15 s of heartbeats", "one leaves", "one joins"}

// groups100 compares how long a group of 100 members takes, and what it costs the broker.
func groups100(ctx context.Context, o *options, p *page) error {
	home, err := kafka.Fetch(ctx)
	if err != nil {
		return err
	}
	dir, bin, err := setup(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var overrides []string
	for k, v := range largeGroupSettings {
		overrides = append(overrides, k+"="+v)
	}
	ours := trial.NewBroker(bin, filepath.Join(dir, "data"), overrides...)
	if err := ours.Start(); err != nil {
		return err
	}
	theirs, err := home.Start(ctx, filepath.Join(dir, "data-kafka"), largeGroupSettings)
	if err == nil {
		both := []contender{{"Thalweg", ours.Addr(), ours.Pid()}, {"Apache Kafka " + home.Version, theirs.Addr, theirs.PID()}}
		err = errors.Join(compareGroups(ctx, o, p, both), theirs.Stop())
	}
	return errors.Join(err, ours.Stop())
}

func compareGroups(ctx context.Context, o *options, p *page, both []contender) error {
	for _, b := range both {
		cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr))
		if err != nil {
			return err
		}
		_, err = kadm.NewClient(cl).CreateTopic(ctx, largeGroup, 1, nil, largeGroupTopic)
		cl.Close()
		if err != nil {
			return err
		}
	}
	samples := map[string][]groupSample{} // by broker, protocol and phase
	rng := rand.New(rand.NewPCG(o.from, 0x100))
	for round := range o.n + 1 {
		for _, protocol := range []string{members.Classic, members.Consumer} {
			var rests [2]time.Duration
			for i := range rests {
				rests[i] = largeGroupRest + time.Duration(rng.Int64N(int64(largeGroupPhase)))
			}
			for i := range both {
				b := both[(i+int(round))%len(both)]
				all, err := playLargeGroup(ctx, b, protocol, fmt.Sprintf("%s-%d", protocol, round), rests)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", b.name, protocol, err)
				}
				fmt.Println(b.name, protocol, all)
				if round == 0 {
					continue // until everything is warm
				}
				for phase, s := range all {
					key := b.name + protocol + groupPhases[phase]
					samples[key] = append(samples[key], s)
				}
			}
		}
	}
	addGroups100(p, o.n, both, samples)
	return nil
}

// playLargeGroup plays one group, with a rest before one leaves and one before one joins.
func playLargeGroup(ctx context.Context, b contender, protocol, group string, rests [2]time.Duration) ([]groupSample, error) {
	crowd, err := members.Start(ctx, b.addr, group, largeGroupTopic, protocol, largeGroup)
	if err != nil {
		return nil, err
	}
	var all []groupSample
	phase := func(f func() (time.Duration, error)) {
		if err != nil {
			return
		}
		var s groupSample
		var before, after time.Duration
		if before, err = cpuOf(b.pid); err != nil {
			return
		}
		if s.stable, err = f(); err != nil {
			return
		}
		after, err = cpuOf(b.pid)
		s.cpu = after - before
		all = append(all, s)
	}
	phase(func() (time.Duration, error) { return crowd.Join(largeGroup) })
	phase(func() (time.Duration, error) { return largeGroupCalm, pause(ctx, largeGroupCalm) })
	if err == nil {
		err = pause(ctx, rests[0])
	}
	phase(func() (time.Duration, error) { return crowd.Leave(1) })
	if err == nil {
		err = pause(ctx, rests[1])
	}
	phase(func() (time.Duration, error) { return crowd.Join(1) })
	return all, errors.Join(err, crowd.End())
}

// cpuTick is the unit of Linux's /proc/PID/stat.
const cpuTick = 10 * time.Millisecond

// cpuOf is the processor time that a process has used, in user and kernel mode. Linux only.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	kernel, kerr := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+kernel) * cpuTick, errors.Join(err, kerr)
}

func addGroups100(p *page, rounds uint64, both []contender, samples map[string][]groupSample) {
	p.addf("%d members, clients of franz-go in one process beside the brokers, on a topic of %d partitions without records. Both brokers run all the time on the same machine and have their turns one after the other, each group a new one; "+
		"a first round, in which everything gets warm, is left out. Settings: group.initial.rebalance.delay.ms=3000, offsets.topic.num.partitions=5, the rest as it is by default; Apache Kafka has a heap of at most 1 GiB and does not flush, Thalweg "+
		"flushes its offsets topic before it answers. Classic is the range assignor of the client, whose heartbeat interval is 3 s; consumer is KIP-848 with the uniform assignor, whose heartbeat interval is the broker's default of 5 s on both; Thalweg asks members of a group under way to come back sooner. "+
		"Before one leaves and before one joins the group rests for %v to %v, drawn once for both brokers, since members send their heartbeats almost at the same time.\n\n", largeGroup, largeGroup, largeGroupRest, largeGroupRest+largeGroupPhase)
	p.addf("Stable: until every partition has one owner and every member has one, seen by the members; CPU: of the broker's process, user and kernel, in the phase with the %v that a group has to be calm. Median of %d rounds (least to most).\n\n", members.Calm, rounds)
	for _, protocol := range []string{members.Classic, members.Consumer} {
		p.addf("\n## %s\n\n| phase |", protocol)
		for _, b := range both {
			p.addf(" %s: stable after s | CPU s |", b.name)
		}
		p.addf("\n|---|")
		for range both {
			p.addf("---:|---:|")
		}
		p.addf("\n")
		for i, phase := range groupPhases {
			p.addf("| %s |", phase)
			for _, b := range both {
				all := samples[b.name+protocol+phase]
				stable := spread(all, func(s groupSample) time.Duration { return s.stable })
				if i == 1 {
					stable = "–"
				}
				p.addf(" %s | %s |", stable, spread(all, func(s groupSample) time.Duration { return s.cpu }))
			}
			p.addf("\n")
		}
	}
}

// spread is the median of some durations in seconds, with the least and the most.
func spread(all []groupSample, of func(groupSample) time.Duration) string {
	var d []time.Duration
	for _, s := range all {
		d = append(d, of(s))
	}
	slices.Sort(d)
	return fmt.Sprintf("%.2f (%.2f–%.2f)", d[len(d)/2].Seconds(), d[0].Seconds(), d[len(d)-1].Seconds())
}
