package main

import (
	"context"
	"os"
	"time"

	"github.com/thalweg-io/thalweg/e2e/trial"
)

func kill9(ctx context.Context, o *options, p *page) error {
	w, err := openWorkshop(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	data, err := os.MkdirTemp(w.dir, "data")
	if err != nil {
		return err
	}
	t, err := trial.Start(ctx, trial.Options{
		Broker:     trial.NewBroker(w.bin, data),
		Topics:     []trial.Topic{crashTopic("group"), crashTopic("os")},
		Partitions: crashPartitions, Rate: crashRate, Programs: w.programs,
	})
	if err != nil {
		return err
	}
	defer t.Close()
	c := newCrashes(o)
	err = c.rounds(ctx, t, o.n, func() (string, error) {
		c.wait(ctx, 200*time.Millisecond)
		over := t.Fault("kill -9")
		defer over()
		if err := t.Kill(); err != nil {
			return "kill -9", err
		}
		return "kill -9", t.Restart()
	})
	return c.conclude(ctx, t, p, err)
}
