// Simulate runs seeds of the simulator.
//
//	go run ./broker/internal/sim/simulate [-from n] [-n n] [-j n] [-twice] [-stop] [-json] [-groups]
//	go run ./broker/internal/sim/simulate -seed n [-story n] [-noshrink]
//
// With -seed it plays one seed, shrinks a violation and prints what remains. Otherwise it plays -n seeds, -j at
// a time, each twice with -twice, and prints every violation and what was reached; with -stop it ends at
// the first violation. It ends with 1 if there was a violation, if a state of the Sometimes table
// was never reached in 1,000 seeds or more, or if two runs of a seed differed.
//
// Files: main.go (flags), campaign.go (many seeds), replay.go (one seed).
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	c := campaign{}
	flag.Uint64Var(&c.from, "from", 1, "first seed")
	flag.Uint64Var(&c.n, "n", 500, "number of seeds")
	flag.IntVar(&c.jobs, "j", 1, "seeds at a time")
	flag.BoolVar(&c.twice, "twice", false, "play each seed twice and compare the traces")
	flag.BoolVar(&c.stop, "stop", false, "end at the first violation")
	flag.BoolVar(&c.json, "json", false, "print the outcome as JSON")
	flag.BoolVar(&c.groups, "groups", false, "play only seeds that have consumer groups")
	seed := flag.Int64("seed", -1, "play this seed alone")
	last := flag.Int("story", 60, "lines of the story to print, with -seed")
	noShrink := flag.Bool("noshrink", false, "leave a violation as it is, with -seed")
	flag.Parse()
	ok := false
	if *seed >= 0 {
		ok = replay(os.Stdout, uint64(*seed), *last, !*noShrink)
	} else {
		ok = c.run(os.Stdout)
	}
	if !ok {
		fmt.Fprintln(os.Stderr, "simulate: not everything is as it should be")
		os.Exit(1)
	}
}
