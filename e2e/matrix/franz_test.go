package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/e2e/trial"
)

// TestWrittenStays: what is written for the clients to read is still there when retention has been over all topics, old as it is.
func TestWrittenStays(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(filepath.Join("..", ".."))
	bin, err := trial.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	broker := trial.NewBroker(bin, filepath.Join(dir, "data"), "log.retention.check.interval.ms=10", "log.initial.task.delay.ms=0")
	if err := broker.Start(); err != nil {
		t.Fatal(err)
	}
	defer broker.Kill()
	j, err := newJudge(broker.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	if err := prepare(ctx, j); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"kept-as-usual", "once-more"} { // the second one is emptied by a pass that began later than the first one's
		if err := emptied(ctx, j, topic); err != nil {
			t.Fatalf("%v\n%s", err, broker.Output())
		}
	}
	for _, codec := range codecs {
		if err := j.whole(ctx, codecTopic(codec), int64(len(ordinary()))); err != nil {
			t.Error(err)
		}
	}
	if err := j.whole(ctx, probesTopic, int64(len(probes()))); err != nil {
		t.Error(err)
	}
}

// emptied writes the same to a topic with the settings of the broker, and waits until it is deleted.
func emptied(ctx context.Context, j *judge, topic string) error {
	if _, err := j.admin.CreateTopic(ctx, 1, 1, nil, topic); err != nil {
		return err
	}
	records := ordinary()
	if err := j.write(ctx, topic, "none", records); err != nil {
		return err
	}
	for {
		if start, err := j.start(ctx, topic); err != nil || start == int64(len(records)) {
			return err
		}
	}
}
