package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/sidebyside"
)

// sideBySide plays one script of command lines in three systems and writes down what is equal.
func sideBySide(ctx context.Context, _ *options, p *page) error {
	home, err := kafka.Fetch(ctx)
	if err != nil {
		return err
	}
	dir, bin, err := setup(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	steps, err := sidebyside.Session()
	if err != nil {
		return err
	}
	report, err := sidebyside.Play(ctx, home, bin, dir, steps)
	if err != nil {
		return err
	}
	addSideBySide(p, report)
	if err := report.Err(); err != nil {
		fmt.Println(err)
		return errors.New("deviations without a reason, or reasons without a deviation: see the table")
	}
	return nil
}

func addSideBySide(p *page, r *sidebyside.Report) {
	steps, equal, excepted, lacking, differ := r.Counts()
	p.addf("Brokers: the tools of Apache Kafka %s against its broker and against Thalweg. Tools: those tools and ours, both against Thalweg; of tools the words are compared, not what only Java says (names of exceptions, traces, tables of options). ", r.Version)
	p.addf("Ids, addresses, times, rates and directories are masked. An API that is not served, or a tool that is not there, is told and counted as missing; the step is compared as soon as it is not.\n\n")
	p.addf("| %d steps | equal | equal but for exceptions | missing | differ |\n|---|---:|---:|---:|---:|\n", steps)
	for i, name := range []string{"brokers", "tools"} {
		p.addf("| %s | %d | %d | %d | %d |\n", name, equal[i], excepted[i], lacking[i], differ[i])
	}
	p.addf("\n## Exceptions\n\n| pair | reason | steps |\n|---|---|---|\n")
	for _, e := range r.Exceptions() {
		p.addf("| %s | %s | %s |\n", e.Pair, e.Reason, strings.Trim(strings.ReplaceAll(fmt.Sprint(e.Steps), " ", ", "), "[]"))
	}
	p.addf("\n## Steps\n\n| | command line | brokers | tools |\n|---:|---|---|---|\n")
	for i := range r.Rows {
		row := &r.Rows[i]
		p.addf("| %d | `%s` | %s | %s |\n", row.Step.Number(), strings.ReplaceAll(row.Step.Line, "|", `\|`), row.Verdict(0), row.Verdict(1))
	}
}
