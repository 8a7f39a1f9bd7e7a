package main

import (
	"fmt"
	"io"

	"github.com/thalweg-io/thalweg/broker/internal/sim"
)

// maxShrinkRuns bounds the shrinking of one violation.
const maxShrinkRuns = 300

// replay plays one seed and prints what came of it; false: a violation.
func replay(w io.Writer, seed uint64, last int, shrink bool) bool {
	p := sim.NewPlan(seed)
	r := sim.Run(p, sim.Options{})
	fmt.Fprintf(w, "seed %d: %d nodes, %d events, %.1f s, trace %016x\n", seed, p.Nodes, r.Events, r.Time.Seconds(), r.Hash)
	if r.Violation == nil {
		return true
	}
	fmt.Fprintf(w, "%v\n\n", r.Violation)
	if shrink {
		var runs int
		p, runs = sim.Shrink(p, r.Violation.Rule, maxShrinkRuns)
		fmt.Fprintf(w, "shrunk in %d runs to %d of %d faults and %d of %d clients\n", runs,
			len(p.Faults), len(r.Plan.Faults), len(p.Clients), len(r.Plan.Clients))
	}
	r = sim.Run(p, sim.Options{Story: true})
	fmt.Fprintf(w, "%v\nlimits %+v\nlinks %+v\n", r.Violation, p.Limits, p.Links)
	for _, f := range p.Faults {
		fmt.Fprintf(w, "fault %v\n", f)
	}
	fmt.Fprintf(w, "\n%s", sim.Sequence(p, r.Story, last))
	return false
}
