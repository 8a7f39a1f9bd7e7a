package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/e2e/recipe"
	"github.com/thalweg-io/thalweg/e2e/trial"
)

// options are the flags.
type options struct {
	only  *regexp.Regexp
	write bool
	other string
	jobs  int
	page  string
}

// overrides make groups begin and notice at once; they are limits of the broker, not of clients.
var overrides = []string{
	"group.initial.rebalance.delay.ms=500",
	"group.consumer.min.session.timeout.ms=6000", "group.consumer.session.timeout.ms=6000",
	"group.consumer.min.heartbeat.interval.ms=500", "group.consumer.heartbeat.interval.ms=500",
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	only := flag.String("only", "", "the clients whose name matches")
	flag.BoolVar(&o.write, "write", false, "write the page")
	flag.IntVar(&o.jobs, "j", 2, "so many clients at a time, and three times as many groups, which mostly wait")
	flag.StringVar(&o.other, "servers", "", "a running cluster to ask instead, such as an Apache Kafka; for comparison, the page is left alone")
	flag.StringVar(&o.page, "page", filepath.Join("docs", "clients.md"), "the page")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	if o.other != "" {
		w, err := newWorkshop()
		if err != nil {
			return err
		}
		rows, err := o.runAll(ctx, w, o.other)
		fmt.Print("\n", table(rows), "\n", groupTable(rows), "\n")
		return errors.Join(err, complain(rows))
	}
	tmp, err := os.MkdirTemp("", "thalweg-matrix-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	bin, err := trial.Build(ctx, tmp)
	if err != nil {
		return err
	}
	broker := trial.NewBroker(bin, filepath.Join(tmp, "data"), overrides...)
	if err := broker.Start(); err != nil {
		return err
	}
	w, err := newWorkshop()
	if err != nil {
		return errors.Join(err, broker.Kill())
	}
	rows, err := o.runAll(ctx, w, broker.Addr())
	err = errors.Join(err, runSnippets(ctx, w, broker.Addr(), o.only))
	return errors.Join(err, broker.Stop(), o.report(rows))
}

// runAll runs the clients that were asked for: first each by itself, then the groups. Those that
// are skipped have no row.
func (o *options) runAll(ctx context.Context, w *workshop, servers string) ([]row, error) {
	j, err := newJudge(servers)
	if err != nil {
		return nil, err
	}
	defer j.close()
	if err := prepare(ctx, j); err != nil {
		return nil, err
	}
	chosen := slices.DeleteFunc(clients(), func(c client) bool { return !o.only.MatchString(c.name) })
	rows := make([]row, len(chosen))
	err = each(o.jobs, len(chosen), func(i int) (err error) {
		rows[i], err = examineOne(ctx, j, w, chosen[i])
		return err
	})
	err = errors.Join(err, o.groupAll(ctx, j, rows))
	return slices.DeleteFunc(rows, func(r row) bool { return r.client == "" }), err
}

// groupAll tries the groups of all rows that were not skipped.
func (o *options) groupAll(ctx context.Context, j *judge, rows []row) error {
	type cell struct {
		*row
		assignor string
	}
	var cells []cell
	for i := range rows {
		if rows[i].client != "" {
			for _, assignor := range rows[i].of().groups {
				cells = append(cells, cell{&rows[i], assignor})
			}
		}
	}
	var mu sync.Mutex // guards the rows: one may have several groups under way
	return each(3*o.jobs, len(cells), func(i int) error {
		c, begin := cells[i], time.Now()
		g := groupTrial{judge: j, launch: c.launch, topic: c.client + "-group-" + c.assignor, assignor: c.assignor}
		err := g.try(ctx)
		fmt.Printf("%-18s group, %s, in %.1f s: %v\n", c.client, c.assignor, time.Since(begin).Seconds(), err)
		mu.Lock()
		defer mu.Unlock()
		c.cell(groupColumn(c.assignor), plain, err)
		return ctx.Err()
	})
}

// each calls f for 0 to n-1, some at a time.
func each(jobs, n int, f func(i int) error) error {
	errs := make([]error, n)
	turns := make(chan struct{}, max(1, jobs))
	var group sync.WaitGroup
	for i := range n {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			errs[i] = f(i)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func newWorkshop() (*workshop, error) {
	cache, err := recipe.Cache()
	if err != nil {
		return nil, err
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return nil, err
	}
	return &workshop{cache: cache, say: func(s string) { fmt.Println(s) }, built: map[string]func() (string, error){}}, nil
}

func examineOne(ctx context.Context, j *judge, w *workshop, c client) (row, error) {
	begin := time.Now()
	err := c.missing()
	var l launch
	if err == nil && c.build != nil {
		l, err = c.build(ctx, w)
	}
	if skippable(err) {
		fmt.Printf("SKIPPED %s: %v\n", c.name, err)
		return row{}, nil
	}
	if err != nil {
		return row{}, fmt.Errorf("%s: %w", c.name, err)
	}
	built := time.Since(begin)
	var p asked = kcat{j.servers}
	if c.build != nil {
		if p, err = l.start(ctx, j.servers); err != nil {
			return row{}, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	r, err := examine(ctx, j, c.name, p)
	r.launch = l
	err = errors.Join(err, p.stop())
	fmt.Printf("%-18s built in %.1f s, examined in %.1f s\n", c.name, built.Seconds(), (time.Since(begin) - built).Seconds())
	return r, err
}
