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

func run(ctx context.Context) error {
	pattern := flag.String("only", "", "the programs whose name matches")
	flag.Parse()
	only, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	cache, err := recipe.Cache()
	if err != nil {
		return err
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "thalweg-wild-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	bin, err := trial.Build(ctx, tmp)
	if err != nil {
		return err
	}
	var failed []error
	fmt.Println("| program | library | what it does | |\n|---|---|---|---|")
	for i, p := range programs() {
		if !only.MatchString(p.name) {
			continue
		}
		err := p.missing()
		if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
			fmt.Printf("| %s | %s | %s | SKIPPED: %v |\n", p.name, p.version, p.what, err)
			continue
		}
		if err == nil {
			err = p.onItsOwn(ctx, bin, filepath.Join(tmp, fmt.Sprint(i)), cache)
		}
		verdict := "passed"
		if err != nil {
			verdict = "FAILED"
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
		}
		fmt.Printf("| %s | %s | %s | %s |\n", p.name, p.version, p.what, verdict)
	}
	return errors.Join(failed...)
}

func (p program) missing() error {
	for _, name := range p.needs {
		if _, err := exec.LookPath(name); err != nil {
			return err
		}
	}
	return nil
}

// onItsOwn gives a program a broker of its own: two versions of one program use the same topics.
func (p program) onItsOwn(ctx context.Context, bin, data, cache string) error {
	broker := trial.NewBroker(bin, data)
	if err := broker.Start(); err != nil {
		return err
	}
	err := p.run(ctx, cache, broker.Addr(), func(s string) { fmt.Fprintln(os.Stderr, s) })
	return errors.Join(err, broker.Stop())
}
