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
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/e2e/recipe"
	"github.com/thalweg-io/thalweg/e2e/trial"
)

// options are the flags.
type options struct {
	only  *regexp.Regexp
	write bool
	jobs  int
	page  string
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
	flag.IntVar(&o.jobs, "j", 2, "so many clients at a time")
	flag.StringVar(&o.page, "page", filepath.Join("docs", "clients.md"), "the page")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return err
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
	broker := trial.NewBroker(bin, filepath.Join(tmp, "data"))
	if err := broker.Start(); err != nil {
		return err
	}
	rows, err := o.examineAll(ctx, broker.Addr())
	return errors.Join(err, broker.Stop(), o.report(rows))
}

// examineAll examines the clients that were asked for, some at a time. Those that are skipped
// have no row.
func (o *options) examineAll(ctx context.Context, servers string) ([]row, error) {
	cache, err := recipe.Cache()
	if err != nil {
		return nil, err
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return nil, err
	}
	j, err := newJudge(servers)
	if err != nil {
		return nil, err
	}
	defer j.close()
	if err := prepare(ctx, j); err != nil {
		return nil, err
	}
	w := &workshop{cache: cache, say: func(s string) { fmt.Println(s) }, built: map[string]func() (string, error){}}
	all := clients()
	rows, errs := make([]row, len(all)), make([]error, len(all))
	turns := make(chan struct{}, max(1, o.jobs))
	var group sync.WaitGroup
	for i, c := range all {
		if !o.only.MatchString(c.name) {
			continue
		}
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			rows[i], errs[i] = examineOne(ctx, j, w, c)
		})
	}
	group.Wait()
	var done []row
	for _, r := range rows {
		if r.client != "" {
			done = append(done, r)
		}
	}
	return done, errors.Join(errs...)
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
	err = errors.Join(err, p.stop())
	fmt.Printf("%-18s built in %.1f s, examined in %.1f s\n", c.name, built.Seconds(), (time.Since(begin) - built).Seconds())
	return r, err
}
