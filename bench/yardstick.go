package bench

import (
	"context"
	"embed"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

// Versions of the yardsticks, which are built from their modules, each in a module of its own in the user's cache.
const (
	kfakeVersion = "v0.0.0-20260918054303-01f206a7e32c"
	franzVersion = "v1.22.2" // what that kfake needs, and does not say
	natsVersion  = "v2.15.3"
)

//go:embed yardstick/kfake.go
var yardstickSources embed.FS

// build makes a program of some modules once, and tells say if it is not there yet. It needs Go.
func build(ctx context.Context, say func(string), name, target string, modules ...string) (string, error) {
	sources, err := fs.Sub(yardstickSources, "yardstick")
	if err != nil {
		return "", err
	}
	cache, err := recipe.Cache()
	if err != nil {
		return "", err
	}
	r := recipe.Recipe{Name: "bench-" + name, Sources: sources, Env: []string{"CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=mod"},
		Build: [][]string{{"go", "mod", "init", "yardstick"}, append([]string{"go", "get"}, modules...), {"go", "build", "-o", name, target}}}
	dir, err := r.Prepare(ctx, cache, say)
	return filepath.Join(dir, name), err
}

// Kfake makes brokers of franz-go's kfake, which keeps everything in memory: what a broker in Go costs that was written to be tested
// against. say is told if it has to be built first, which needs Go.
func Kfake(ctx context.Context, say func(string)) (Maker, error) {
	binary, err := build(ctx, say, "kfake", "kfake.go", "github.com/twmb/franz-go/pkg/kfake@"+kfakeVersion, "github.com/twmb/franz-go@"+franzVersion)
	if err != nil {
		return Maker{}, err
	}
	m := Maker{Name: "kfake", About: "franz-go's kfake " + kfakeVersion + ", in memory", Can: []string{"P1", "P3", "P5b", "F2"}}
	m.Start = func(ctx context.Context, dir string, _ map[string]string) (*Broker, error) {
		p, err := startProcess(ctx, m.Name, exec.Command(binary), readyLine)
		if err != nil {
			return nil, err
		}
		b := p.broker(m.Name, dir)
		return b, b.begin()
	}
	return m, nil
}

var natsReady = regexp.MustCompile(`Listening for client connections on (\S+)\n(?s:.*)Server is ready`)

// NATS makes servers of NATS with JetStream, whose streams are files. It is given the work of P1, P3 and F2 in its own protocol. say
// is told if it has to be built first, which needs Go.
func NATS(ctx context.Context, say func(string)) (Maker, error) {
	binary, err := build(ctx, say, "nats-server", "github.com/nats-io/nats-server/v2", "github.com/nats-io/nats-server/v2@"+natsVersion)
	if err != nil {
		return Maker{}, err
	}
	m := Maker{Name: "nats", About: "NATS server " + natsVersion + ", JetStream, file store, its defaults", Own: natsWork()}
	m.Start = func(ctx context.Context, dir string, _ map[string]string) (*Broker, error) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		p, err := startProcess(ctx, m.Name, exec.Command(binary, "-a", "127.0.0.1", "-p", "-1", "-js", "-sd", dir), natsReady)
		if err != nil {
			return nil, err
		}
		b := p.broker(m.Name, dir)
		b.ping = func(ctx context.Context) error {
			c, err := dialNATS(ctx, b.Addr)
			if err != nil {
				return err
			}
			return c.Close()
		}
		return b, nil
	}
	return m, nil
}
