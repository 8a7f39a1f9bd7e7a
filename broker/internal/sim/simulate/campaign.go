package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/sim"
)

// campaign plays many seeds.
type campaign struct {
	from, n           uint64
	jobs              int
	twice, stop, json bool
	groups            bool // only seeds with consumer groups
}

// outcome is what came of a campaign.
type outcome struct {
	From, Seeds, Events uint64
	VirtualSeconds      float64
	Seconds             float64
	SeedsPerSecond      float64
	Twice               bool
	Violations          []found
	Different           []uint64 // seeds with two traces
	Missing             []string // of Sometimes
	Sometimes           []counted
}

type found struct {
	Seed       uint64
	Rule, Text string
}

type counted struct {
	Name  string
	Count int64
}

// completeFrom is the number of seeds from which on every state of Sometimes must be reached.
const completeFrom = 1000

// run plays the seeds and prints what came of them.
func (c *campaign) run(w io.Writer) bool {
	begin := time.Now()
	out := &outcome{From: c.from, Twice: c.twice}
	some := sim.NewSometimes()
	for r := range c.results() {
		out.Seeds++
		out.Events += uint64(r.Events)
		out.VirtualSeconds += r.Time.Seconds()
		some.Add(r.Sometimes)
		if r.different {
			out.Different = append(out.Different, r.Plan.Seed)
		}
		if v := r.Violation; v != nil {
			out.Violations = append(out.Violations, found{r.Plan.Seed, v.Rule, v.String()})
			if !c.json {
				fmt.Fprintf(w, "seed %d: %v\n", r.Plan.Seed, v)
			}
		}
	}
	out.Seconds = time.Since(begin).Seconds()
	out.SeedsPerSecond = float64(out.Seeds) / out.Seconds
	for _, name := range some.Names() {
		out.Sometimes = append(out.Sometimes, counted{name, some.Count(name)})
	}
	if out.Seeds >= completeFrom {
		out.Missing = some.Missing()
	}
	out.print(w, c.json)
	return len(out.Violations)+len(out.Different)+len(out.Missing) == 0
}

// result is a run, and whether a second one was different.
type result struct {
	*sim.Result
	different bool
}

// results yields the outcomes in order of the seeds; seeds are played in blocks of jobs.
func (c *campaign) results() func(func(result) bool) {
	return func(yield func(result) bool) {
		seed := c.from
		for at := uint64(0); at < c.n; at += uint64(max(c.jobs, 1)) {
			block := make([]result, min(c.n-at, uint64(max(c.jobs, 1))))
			var all sync.WaitGroup
			for i := range block {
				for c.groups && sim.NewPlan(seed).GroupShards == 0 {
					seed++
				}
				own := seed
				seed++
				all.Go(func() { block[i] = c.play(own) })
			}
			all.Wait()
			for _, r := range block {
				if !yield(r) || c.stop && r.Violation != nil {
					return
				}
			}
		}
	}
}

func (c *campaign) play(seed uint64) result {
	r := result{Result: sim.Run(sim.NewPlan(seed), sim.Options{})}
	if c.twice {
		r.different = sim.Run(sim.NewPlan(seed), sim.Options{}).Hash != r.Hash
	}
	return r
}

func (o *outcome) print(w io.Writer, asJSON bool) {
	if asJSON {
		_ = json.NewEncoder(w).Encode(o) // to the terminal or a pipe: nobody to tell
		return
	}
	fmt.Fprintf(w, "%d seeds from %d in %.1f s: %.1f seeds/s, %d events, %.0f virtual seconds, %d violations, %d differ when repeated\n",
		o.Seeds, o.From, o.Seconds, o.SeedsPerSecond, o.Events, o.VirtualSeconds, len(o.Violations), len(o.Different))
	for _, s := range o.Sometimes {
		fmt.Fprintf(w, "%10d  %s\n", s.Count, s.Name)
	}
	for _, m := range o.Missing {
		fmt.Fprintf(w, "NEVER REACHED: %s\n", m)
	}
}
