// Package peer runs an Apache Kafka and a Thalweg in the same way, one after the other over the same files: for tests that move
// partitions between their data directories.
//
// Place: above e2e/kafka and e2e/trial, which start one run of either.
//
// Concurrency: a Broker belongs to one test. Files: peer.go, files.go (moving a partition's files).
package peer

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/trial"
)

// Broker is a broker of either kind over several runs, with one data directory. What goes wrong fails the test; a run that is left
// ends with it.
type Broker interface {
	Name() string // for people
	Dir() string  // the data directory
	Addr() string // host:port of the present run
	Start(t *testing.T)
	Stop(t *testing.T) // cleanly
	Kill(t *testing.T) // kill -9
}

type apache struct {
	home     kafka.Home
	path     string
	settings map[string]string
	now      *kafka.Broker
}

// Apache makes an Apache Kafka that does not run yet, with settings of server.properties.
func Apache(t *testing.T, home kafka.Home, settings map[string]string) Broker {
	a := &apache{home: home, path: filepath.Join(t.TempDir(), "kafka"), settings: settings}
	t.Cleanup(func() {
		if a.now == nil {
			return
		}
		if t.Failed() {
			t.Logf("Apache Kafka has printed:\n%s", a.now.Output())
		}
		a.now.Kill()
	})
	return a
}

func (a *apache) Name() string { return "Apache Kafka" }
func (a *apache) Dir() string  { return a.path }
func (a *apache) Addr() string { return a.now.Addr }

func (a *apache) Start(t *testing.T) {
	t.Helper()
	b, err := a.home.Start(t.Context(), a.path, a.settings)
	if err != nil {
		t.Fatal(err)
	}
	a.now = b
}

// Stop tries it again when it was killed because it took longer than it is given, on a machine with other work to do: it recovers
// first then, and the stop that counts is clean.
func (a *apache) Stop(t *testing.T) {
	t.Helper()
	err := a.now.Stop()
	for range 2 {
		if err == nil {
			return
		}
		t.Log(err)
		a.Start(t)
		err = a.now.Stop()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (a *apache) Kill(*testing.T) { a.now.Kill() }

type thalweg struct {
	b    *trial.Broker
	path string
}

// Build builds our binary, from the module's root, which becomes the working directory of the test.
func Build(t *testing.T) (bin string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(root)
	if bin, err = trial.Build(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return bin
}

// Thalweg makes a Thalweg that does not run yet, with settings of server.properties.
func Thalweg(t *testing.T, bin string, settings map[string]string) Broker {
	path := filepath.Join(t.TempDir(), "thalweg")
	var overrides []string
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		overrides = append(overrides, key+"="+settings[key])
	}
	b := &thalweg{trial.NewBroker(bin, path, overrides...), path}
	t.Cleanup(func() {
		if b.b.Running() {
			_ = b.b.Kill() // what is alarming was told by Stop
		}
	})
	return b
}

func (b *thalweg) Name() string { return "Thalweg" }
func (b *thalweg) Dir() string  { return b.path }
func (b *thalweg) Addr() string { return b.b.Addr() }

func (b *thalweg) Start(t *testing.T) { t.Helper(); check(t, b.b.Start()) }
func (b *thalweg) Stop(t *testing.T)  { t.Helper(); check(t, b.b.Stop()) }
func (b *thalweg) Kill(t *testing.T)  { t.Helper(); check(t, b.b.Kill()) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
