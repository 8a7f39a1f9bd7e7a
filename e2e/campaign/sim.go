package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// simOutcome is what the command simulate prints with -json.
type simOutcome struct {
	From, Seeds, Events uint64
	VirtualSeconds      float64
	Seconds             float64
	SeedsPerSecond      float64
	Violations          []struct {
		Seed       uint64
		Rule, Text string
	}
	Twice     bool
	Different []uint64
	Missing   []string
	Sometimes []struct {
		Name  string
		Count int64
	}
}

// buildSimulator builds the command simulate, with a planted bug if tag is not empty, into dir.
func buildSimulator(ctx context.Context, dir, tag string) (string, error) {
	name := filepath.Join(dir, "simulate"+tag)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags="+tag, "-o", name, "./broker/internal/sim/simulate")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build simulate: %w: %s", err, out)
	}
	return name, nil
}

// simulate plays seeds. That some of them violate a predicate is no error.
func simulate(ctx context.Context, name string, o *options, more ...string) (*simOutcome, error) {
	args := append([]string{"-json", "-n", strconv.FormatUint(o.n, 10), "-from", strconv.FormatUint(o.from, 10), "-j", strconv.Itoa(o.jobs)}, more...)
	out, err := exec.CommandContext(ctx, name, args...).Output()
	r := &simOutcome{}
	if jerr := json.Unmarshal(out, r); jerr != nil {
		return nil, errors.Join(err, jerr)
	}
	return r, nil
}

func simSeeds(ctx context.Context, o *options, p *page) error {
	return simRun(ctx, o, p)
}

func simTwice(ctx context.Context, o *options, p *page) error {
	return simRun(ctx, o, p, "-twice")
}

// simGroups plays seeds that have consumer groups.
func simGroups(ctx context.Context, o *options, p *page) error {
	return simRun(ctx, o, p, "-groups")
}

// everyState is how many seeds must reach every state of the Sometimes table between them.
const everyState = 2000

func simRun(ctx context.Context, o *options, p *page, more ...string) error {
	dir, err := os.MkdirTemp("", "campaign")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name, err := buildSimulator(ctx, dir, "")
	if err != nil {
		return err
	}
	r, err := simulate(ctx, name, o, more...)
	if err != nil {
		return err
	}
	p.addf("| | |\n|---|---|\n| seeds | %d, from %d |\n| events | %d |\n| virtual time | %.0f s |\n| seconds | %.0f |\n| seeds per second | %.1f |\n| violations | %d |\n",
		r.Seeds, r.From, r.Events, r.VirtualSeconds, r.Seconds, r.SeedsPerSecond, len(r.Violations))
	if r.Twice {
		p.addf("| seeds whose two traces differ | %d |\n", len(r.Different))
	}
	p.addf("\n")
	for _, v := range r.Violations {
		p.addf("- seed %d: %s\n", v.Seed, v.Text)
	}
	p.addf("\nSometimes, over all runs:\n\n| state | times |\n|---|---:|\n")
	for _, s := range r.Sometimes {
		p.addf("| %s | %d |\n", s.Name, s.Count)
	}
	if o.n < everyState { // a share of the seeds may miss a rare one
		r.Missing = nil
	}
	if n := len(r.Violations) + len(r.Different) + len(r.Missing); n > 0 {
		return fmt.Errorf("%d violations, %d seeds with two traces, never reached: %q", len(r.Violations), len(r.Different), r.Missing)
	}
	return nil
}

// simPlantedTags are the planted bugs that the simulator must find.
var simPlantedTags = []string{
	"planted_quorum_applybeforepersist",
	"planted_quorum_sendbeforepersist",
	"planted_quorum_hardstate",
	"planted_quorum_noterm",
	"planted_quorum_keepoldlog",
	"planted_controller_answerbeforecommit",
	"planted_controller_keepworking",
	"planted_controller_seats",
	"planted_coordinator_answeratonce",
	"planted_coordinator_skipload",
	"planted_group_fetchahead",
	"planted_group_offsetfence",
	"planted_group_oldvalue",
	"planted_metadata_epoch",
	"planted_replica_readpast",
	"planted_replica_unflushed",
	"planted_storage_bound",
	"planted_storage_dupwindow",
	"planted_storage_keepholes",
	"planted_storage_startunsaved",
	"planted_storage_keepmarker",
	"planted_storage_keeptorn",
	"planted_storage_lastonly",
	"planted_storage_recoveredunsynced",
	"planted_storage_retryfsync",
	"planted_storage_seqgap",
	"planted_storage_skipdirsync",
	"planted_storage_skipfsync",
}

func simPlanted(ctx context.Context, o *options, p *page) error {
	dir, err := os.MkdirTemp("", "campaign")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	without, err := buildSimulator(ctx, dir, "")
	if err != nil {
		return err
	}
	var missed, shrunk []string
	p.addf("A seed counts only if it violates nothing without the planted bug.\n\n")
	p.addf("| planted bug | found with seed | violation |\n|---|---:|---|\n")
	for _, tag := range simPlantedTags {
		with, err := buildSimulator(ctx, dir, tag)
		if err != nil {
			return err
		}
		seed, text, err := firstViolation(ctx, o, with, without)
		if err != nil {
			return err
		}
		if text == "" {
			missed = append(missed, tag)
			p.addf("| %s | – | not found in %d seeds |\n", tag, o.n)
			fmt.Println(tag, "was not found in", o.n, "seeds")
			continue
		}
		p.addf("| %s | %d | %s |\n", tag, seed, firstLine(text))
		fmt.Println(tag, "was found with seed", seed)
		out, _ := exec.CommandContext(ctx, with, "-seed", strconv.FormatUint(seed, 10), "-story", "25").Output() // it ends with 1: there is a violation
		shrunk = append(shrunk, fmt.Sprintf("## %s\n\n```text\n%s```\n", tag, out))
	}
	for _, s := range shrunk {
		p.addf("\n%s", s)
	}
	if len(missed) > 0 {
		return fmt.Errorf("not found: %q", missed)
	}
	return nil
}

// firstViolation finds the first seed that violates a predicate with a planted bug and not without; no
// text: there is none.
func firstViolation(ctx context.Context, o *options, with, without string) (seed uint64, text string, err error) {
	part := *o
	for end := o.from + o.n; part.from < end; {
		part.n = end - part.from
		r, err := simulate(ctx, with, &part, "-stop")
		if err != nil {
			return 0, "", err
		}
		if len(r.Violations) == 0 {
			return 0, "", nil
		}
		v := r.Violations[0]
		if err := exec.CommandContext(ctx, without, "-noshrink", "-seed", strconv.FormatUint(v.Seed, 10)).Run(); err == nil {
			return v.Seed, v.Text, nil
		}
		part.from = v.Seed + 1
	}
	return 0, "", ctx.Err()
}

// firstLine is the beginning of a text, fit for a cell of a table.
func firstLine(s string) string {
	const most = 160
	for i := range s {
		if s[i] == '\n' || i == most {
			return s[:i]
		}
	}
	return s
}
