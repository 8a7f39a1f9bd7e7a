package main

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/trial"
)

// broker is a broker of either kind over several runs, with one data directory.
type broker interface {
	name() string
	dir() string
	start(t *testing.T)
	stop(t *testing.T) // cleanly
	addr() string
}

// settings keep internal topics small on both sides and let both compact all the time.
var settings = map[string]string{
	"offsets.topic.replication.factor":         "1",
	"offsets.topic.num.partitions":             "1",
	"transaction.state.log.replication.factor": "1",
	"transaction.state.log.min.isr":            "1",
	"transaction.state.log.num.partitions":     "1",
	"log.cleaner.backoff.ms":                   "100",
	"log.cleaner.min.cleanable.ratio":          "0.01",
	"log.cleaner.dedupe.buffer.size":           "4194304",
}

type apache struct {
	home kafka.Home
	path string
	now  *kafka.Broker
}

func newApache(t *testing.T) *apache {
	a := &apache{home: kafka.Need(t), path: filepath.Join(t.TempDir(), "kafka")}
	t.Cleanup(func() {
		if a.now != nil {
			a.now.Kill()
		}
	})
	return a
}

func (a *apache) name() string { return "Apache Kafka" }
func (a *apache) dir() string  { return a.path }
func (a *apache) addr() string { return a.now.Addr }

func (a *apache) start(t *testing.T) {
	t.Helper()
	b, err := a.home.Start(t.Context(), a.path, settings)
	if err != nil {
		t.Fatal(err)
	}
	a.now = b
}

func (a *apache) stop(t *testing.T) {
	t.Helper()
	err := a.now.Stop()
	for range 2 { // on a machine with other work to do it may take longer than it is given, and is killed: then it recovers first
		if err == nil {
			return
		}
		t.Log(err)
		a.start(t)
		err = a.now.Stop()
	}
	if err != nil {
		t.Fatal(err)
	}
}

type thalweg struct {
	*trial.Broker
	path string
}

func newThalweg(t *testing.T) *thalweg {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	build := t.TempDir()
	t.Chdir(root)
	bin, err := trial.Build(t.Context(), build)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "thalweg")
	var overrides []string
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		overrides = append(overrides, key+"="+settings[key])
	}
	b := &thalweg{trial.NewBroker(bin, path, overrides...), path}
	t.Cleanup(func() {
		if b.Running() {
			_ = b.Kill() // what is alarming was told by stop
		}
	})
	return b
}

func (b *thalweg) name() string { return "Thalweg" }
func (b *thalweg) dir() string  { return b.path }
func (b *thalweg) addr() string { return b.Addr() }

func (b *thalweg) start(t *testing.T) {
	t.Helper()
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
}

func (b *thalweg) stop(t *testing.T) {
	t.Helper()
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
}
