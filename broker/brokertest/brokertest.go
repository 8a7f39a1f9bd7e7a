// Package brokertest starts the real broker inside a test: the same code as the thalweg binary,
// on a memory disk, in milliseconds.
//
//	b := brokertest.Start(t)
//	client, _ := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
//
// Place: above broker; meant for anybody's tests. A broker that Start made ends with its test.
//
// Concurrency: a Broker may be used from any goroutine.
package brokertest

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// timeout bounds start and shutdown.
const timeout = 30 * time.Second

// Broker is a running broker.
type Broker struct {
	*broker.Broker
	t  testing.TB
	on broker.Config
}

// Option changes how a broker is started.
type Option func(*settings)

type settings struct {
	props map[string]string
	dir   string
	lg    *slog.Logger
}

// WithProperty sets a key of server.properties.
func WithProperty(key, value string) Option { return func(s *settings) { s.props[key] = value } }

// WithDir keeps the data in a directory of the operating system instead of in memory.
func WithDir(path string) Option { return func(s *settings) { s.dir = path } }

// WithLogger gets the broker's log, which is thrown away otherwise.
func WithLogger(lg *slog.Logger) Option { return func(s *settings) { s.lg = lg } }

// Start starts a broker on a free port of loopback, with its data in memory unless WithDir says
// otherwise, and stops it when the test ends. It fails the test if the broker does not start.
func Start(t testing.TB, opts ...Option) *Broker {
	t.Helper()
	s := settings{props: map[string]string{"listeners": "PLAINTEXT://127.0.0.1:0"}}
	for _, o := range opts {
		o(&s)
	}
	cfg, ignored, err := broker.FromProperties(s.props)
	if err != nil {
		t.Fatalf("brokertest: %v", err)
	}
	if len(ignored) > 0 {
		t.Fatalf("brokertest: keys without effect: %v", ignored)
	}
	cfg.LogDirs, cfg.FS = []string{"data"}, vfs.NewMem()
	if s.dir != "" {
		cfg.LogDirs, cfg.FS = []string{s.dir}, vfs.OS()
	}
	cfg.Logger = s.lg
	return start(t, cfg)
}

func start(t testing.TB, cfg broker.Config) *Broker {
	t.Helper()
	b, err := broker.New(cfg)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		err = b.Start(ctx)
	}
	if err != nil {
		t.Fatalf("brokertest: %v", err)
	}
	out := &Broker{Broker: b, t: t, on: cfg}
	t.Cleanup(out.Stop)
	return out
}

// Addr is the address that clients bootstrap from.
func (b *Broker) Addr() string { return b.Listeners()[0].Address() }

// Dial connects without a socket, whatever the address: a dialer for kgo.Dialer.
func (b *Broker) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return b.DialInProcess(ctx)
}

// Stop shuts the broker down cleanly. The test's end does it too; it may be called more than once.
func (b *Broker) Stop() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		b.t.Errorf("brokertest: shutdown: %v", err)
	}
}

// Restart stops the broker cleanly and starts another one on the same disk and the same configuration.
func (b *Broker) Restart() *Broker {
	b.t.Helper()
	b.Stop()
	return start(b.t, b.on)
}

// Crash starts another broker on what a power cut would have left of the disk now: everything that was flushed
// and nothing else. Only for data in memory. The crashed broker must not be used any more.
func (b *Broker) Crash() *Broker {
	b.t.Helper()
	mem, ok := b.on.FS.(*vfs.MemFS)
	if !ok {
		b.t.Fatal("brokertest: only a memory disk can crash")
	}
	cfg := b.on
	cfg.FS = mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
	return start(b.t, cfg)
}
