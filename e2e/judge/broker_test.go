package judge

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
	dir() string // the data directory
	start(t *testing.T)
	stop(t *testing.T) // cleanly
	kill(t *testing.T)
	addr() string
}

// settings keep internal topics small on both sides.
var settings = map[string]string{
	"offsets.topic.replication.factor":         "1",
	"offsets.topic.num.partitions":             "2",
	"transaction.state.log.replication.factor": "1",
	"transaction.state.log.min.isr":            "1",
	"transaction.state.log.num.partitions":     "2",
	"group.initial.rebalance.delay.ms":         "0",
}

type apache struct {
	home kafka.Home
	path string
	now  *kafka.Broker
}

func newApache(t *testing.T, home kafka.Home) *apache {
	a := &apache{home: home, path: filepath.Join(t.TempDir(), "kafka")}
	t.Cleanup(func() {
		if a.now == nil {
			return
		}
		if t.Failed() {
			t.Logf("Apache Kafka has printed at the end:\n%s", tail(a.now.Output()))
		}
		a.now.Kill()
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
	if err := a.now.Stop(); err != nil {
		t.Fatal(err)
	}
}

func (a *apache) kill(*testing.T) { a.now.Kill() }

type thalweg struct {
	*trial.Broker
	path string
}

func newThalweg(t *testing.T, bin string) *thalweg {
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

func (b *thalweg) kill(t *testing.T) {
	t.Helper()
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
}

// build builds our binary.
func build(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(root)
	bin, err := trial.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}
