package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/recipe"
	"github.com/thalweg-io/thalweg/e2e/trial"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "wild:", err)
		os.Exit(1)
	}
}

// rig is what all programs share.
type rig struct {
	cache, tmp string
	serve      func(ctx context.Context, data string) (addr string, stop func() error, err error)
}

func run(ctx context.Context) error {
	pattern := flag.String("only", "", "the programs whose name matches")
	stage := flag.String("stage", "light", "light, heavy or all")
	onKafka := flag.Bool("kafka", false, "on an Apache Kafka: what a program of the table is worth")
	flag.Parse()
	only, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	stages := map[string][]bool{"light": {false}, "heavy": {true}, "all": {false, true}}[*stage]
	if stages == nil {
		return fmt.Errorf("-stage %s is none of light, heavy and all", *stage)
	}
	var r rig
	if r.cache, err = recipe.Cache(); err != nil {
		return err
	}
	if r.cache, err = filepath.Abs(r.cache); err != nil {
		return err
	}
	if r.tmp, err = os.MkdirTemp("", "thalweg-wild-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.tmp)
	r.serve = thalweg(r.tmp)
	if *onKafka {
		r.serve = apacheKafka
	}
	var chosen []program
	for _, heavy := range stages {
		for _, p := range programs() {
			if *onKafka {
				p.until = "" // it has everything
			}
			if p.heavy == heavy && only.MatchString(p.name) {
				chosen = append(chosen, p)
			}
		}
	}
	return r.table(ctx, chosen)
}

// table runs programs one after the other and prints what came of them.
func (r rig) table(ctx context.Context, chosen []program) error {
	if len(chosen) == 0 {
		return errors.New("no program was chosen")
	}
	var failed []error
	fmt.Println("| program | version | what it did | result | seconds |\n|---|---|---|---|---:|")
	for _, p := range chosen {
		begin := time.Now()
		err := p.missing()
		if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
			fmt.Printf("| %s | %s | %s | SKIPPED: %v | |\n", p.name, p.version, p.what, err)
			continue
		}
		if err == nil {
			err = r.play(ctx, p)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		verdict, failure := p.verdict(err)
		if failure != nil {
			failed = append(failed, failure)
		}
		fmt.Printf("| %s | %s | %s | %s | %.0f |\n", p.name, p.versionNow(ctx), p.what, verdict, time.Since(begin).Seconds())
	}
	return errors.Join(failed...)
}

// play builds a program and runs it with a broker of its own: two versions of one program use the same topics.
func (r rig) play(ctx context.Context, p program) (err error) {
	s := &scene{}
	if s.tmp, err = os.MkdirTemp(r.tmp, p.name+"-"); err != nil {
		return err
	}
	s.dir = s.tmp
	if p.recipe.Name != "" {
		if s.dir, err = p.recipe.Prepare(ctx, r.cache, func(text string) { fmt.Fprintln(os.Stderr, text) }); err != nil {
			return err
		}
	}
	data, err := os.MkdirTemp(r.tmp, "data-")
	if err != nil {
		return err
	}
	addr, stop, err := r.serve(ctx, data)
	if err != nil {
		return err
	}
	s.servers = addr
	within := p.within
	if within == 0 {
		within = runsWithin
	}
	inTime, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err = errors.Join(p.run(inTime, s), stop())
	return errors.Join(err, os.RemoveAll(data), os.RemoveAll(s.tmp))
}

// thalweg starts the real binary, which it builds when it is first asked for one.
func thalweg(tmp string) func(context.Context, string) (string, func() error, error) {
	bin := ""
	return func(ctx context.Context, data string) (string, func() error, error) {
		if bin == "" {
			built, err := trial.Build(ctx, tmp)
			if err != nil {
				return "", nil, err
			}
			bin = built
		}
		broker := trial.NewBroker(bin, data)
		if err := broker.Start(); err != nil {
			return "", nil, err
		}
		return broker.Addr(), broker.Stop, nil
	}
}

func apacheKafka(ctx context.Context, data string) (string, func() error, error) {
	home, err := kafka.Fetch(ctx)
	if err != nil {
		return "", nil, err
	}
	broker, err := home.Start(ctx, data, nil)
	if err != nil {
		return "", nil, err
	}
	return broker.Addr, broker.Stop, nil
}
