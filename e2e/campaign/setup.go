package main

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/thalweg-io/thalweg/e2e/trial"
)

// setup makes a directory, which the caller removes, and builds the binary in it.
func setup(ctx context.Context) (dir, bin string, err error) {
	if dir, err = os.MkdirTemp("", "campaign"); err != nil {
		return "", "", err
	}
	if bin, err = trial.Build(ctx, dir); err != nil {
		os.RemoveAll(dir)
	}
	return dir, bin, err
}

// pause lets some time pass.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// percentile is in milliseconds. It sorts d.
func percentile(d []time.Duration, p int) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return float64(d[min(len(d)*p/100, len(d)-1)].Microseconds()) / 1000
}
