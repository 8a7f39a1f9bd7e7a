package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/trial"
)

// TestLoad: what producers and a consumer took is measured by topic, each time anew, and a producer that fails is told.
func TestLoad(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	dir, bin, err := setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := trial.NewBroker(bin, filepath.Join(dir, "data"))
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	defer b.Kill()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	most := "100"
	_, err1 := kadm.NewClient(cl).CreateTopics(ctx, 1, 1, nil, "a", "b")
	_, err2 := kadm.NewClient(cl).CreateTopic(ctx, 1, 1, map[string]*string{"max.message.bytes": &most}, "small")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	l := newLoad(ctx)
	defer l.end()
	if err := errors.Join(l.consume(b.Addr(), "a"), l.produce(b.Addr(), "a", 2, 0), l.produce(b.Addr(), "b", 1, time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		enough := func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.took.produced["a"]) > 0 && len(l.took.produced["b"]) > 0 && len(l.took.arrived["a"]) > 0
		}
		took, err := l.measure(ctx, func() error { return until(ctx, enough) })
		if err != nil {
			t.Fatal(err)
		}
		if len(took.produced["a"]) == 0 || len(took.produced["b"]) == 0 || len(took.arrived["a"]) == 0 || len(took.arrived["b"]) != 0 {
			t.Errorf("measured: %v", took)
		}
	}
	if err := l.produce(b.Addr(), "small", 1, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := l.measure(ctx, func() error { return until(ctx, func() bool { return l.failed.Load() != nil }) }); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("of a producer whose records are too large: %v", err)
	}
}

// until waits for something.
func until(ctx context.Context, f func() bool) (err error) {
	for err == nil && !f() {
		err = pause(ctx, time.Millisecond)
	}
	return err
}
