package bench

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// scenario is a piece of work that every broker is given.
type scenario struct {
	id     string // of PERFORMANCE's table of workloads, with a letter where it has several rows
	title  string
	policy string // of flushing: PolicyOS or PolicyGroup
	// setup and clear surround the turns; may be nil.
	setup, clear func(context.Context, *stage) error
	run          func(context.Context, *stage) (Sample, error)
	measures     []measure
	// alone says that it starts brokers of its own, and that the long-lived ones must not run meanwhile.
	alone bool
	// tools says that it needs Kafka's own tools.
	tools bool
	// turns is the most turns there are of it; 0: as many as the options say.
	turns int
	// cold says that the first turn counts: there is nothing that a turn before could have warmed.
	cold bool
	// full says that a quick run leaves it out.
	full bool
	// pinned says that broker and driver are kept on processors of their own.
	pinned bool
	// noop is the same work for a responder that does nothing; nil: that would say nothing.
	noop func(context.Context, *stage) (Sample, error)
	// late puts it behind the others that the long-lived brokers do: it leaves them with something to do.
	late bool
	// scale multiplies the scale of the run; 0: 1.
	scale float64
	// takes is how many seconds all turns of it together take with an Apache Kafka beside, about: its weight when time is dealt out. 0: usualTime.
	takes float64
}

// usualTime is what most scenarios take, in seconds.
const usualTime = 12

// inFull is a scenario that a quick run leaves out.
func inFull(s scenario) scenario {
	s.full = true
	return s
}

func (s scenario) weight() float64 { return cmp.Or(s.takes, usualTime) }
func (s scenario) size() float64   { return cmp.Or(s.scale, 1) }

// most and least are how many turns there may be.
func (s scenario) most(turns int) int { return min(turns, cmp.Or(s.turns, turns)) }
func (s scenario) least() int {
	if s.cold {
		return 1
	}
	return leastTurns
}

func (s scenario) begin(ctx context.Context, st *stage) error {
	if s.setup == nil {
		return nil
	}
	return s.setup(ctx, st)
}

// twice does the work of two turns, and clears up.
func (s scenario) twice(ctx context.Context, st *stage) error {
	if err := s.begin(ctx, st); err != nil {
		return err
	}
	for range 2 {
		if _, err := s.run(ctx, st); err != nil {
			return err
		}
	}
	if s.clear == nil {
		return nil
	}
	return s.clear(ctx, st)
}

// measure is a figure of a sample: a row of the table.
type measure struct {
	unit string
	of   func(Sample) float64
	// more says that more is better; else less is.
	more bool
	// told says that neither is: it is not compared.
	told bool
	// limit is what a throwaway broker of 680 lines needed on the reference machine, goal what ours is to reach; 0: none.
	limit, goal float64
}

const gib = 1 << 30

// perGiB is what a gibibyte of values costs the broker.
func perGiB(limit, goal float64) measure {
	return measure{unit: "CPU s/GiB", limit: limit, goal: goal,
		of: func(s Sample) float64 { return s.CPU.Total.Seconds() / (float64(s.Bytes) / gib) }}
}

// perMillion is what a million records cost the broker.
func perMillion(limit, goal float64) measure {
	return measure{unit: "CPU s/M records", limit: limit, goal: goal,
		of: func(s Sample) float64 { return s.CPU.Total.Seconds() / (float64(s.Records) / 1e6) }}
}

// perRequest is what a request costs the broker.
func perRequest(limit, goal float64) measure {
	return measure{unit: "CPU µs/request", limit: limit, goal: goal,
		of: func(s Sample) float64 { return s.CPU.Total.Seconds() * 1e6 / float64(s.Requests) }}
}

// throughput is by the clock: it is told, never judged.
func throughput(unit string, of func(Sample) float64) measure {
	return measure{unit: unit, more: true, of: func(s Sample) float64 { return of(s) / s.Wall.Seconds() }}
}

func megabytes(s Sample) float64 { return float64(s.Bytes) / 1e6 }
func requests(s Sample) float64  { return float64(s.Requests) }

// extra is a figure that the scenario itself has put into the sample.
func extra(name string, limit, goal float64) measure {
	return measure{unit: name, limit: limit, goal: goal, of: func(s Sample) float64 { return s.Extra[name] }}
}

// lateness is how late the driver itself was with what it had to send.
func lateness() measure {
	m := extra("late p99 µs", 0, 0)
	m.told = true
	return m
}

// scenarios are all of them, in the order in which they are measured: first what starts brokers and is quick, then the work of
// those that last, then what takes long.
func scenarios() []scenario {
	var all []scenario
	all = append(all, produceScenarios()...)
	all = append(all, fetchScenarios()...)
	all = append(all, liveScenarios()...)
	all = append(all, messagingScenarios()...)
	all = append(all, besideScenarios()...)
	all = append(all, clientScenarios()...)
	all = append(all, lifeScenarios()...)
	order := func(s scenario) int {
		switch {
		case s.alone && s.full:
			return 3
		case s.late:
			return 2
		case s.alone:
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b scenario) int { return order(a) - order(b) })
	return all
}

// microseconds and milliseconds of nanoseconds.
func microseconds(ns int64) float64 { return float64(ns) / float64(time.Microsecond) }
func milliseconds(ns int64) float64 { return float64(ns) / float64(time.Millisecond) }
