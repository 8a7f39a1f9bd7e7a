package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/thalweg-io/thalweg/broker"
)

const serverHelp = `Usage: thalweg server [server.properties] [--override KEY=VALUE]...

Runs a broker until it is told to stop (Ctrl-C or SIGTERM): it finishes requests, flushes and
stops cleanly; a second Ctrl-C ends it at once. Without configuration it listens on loopback,
port 9092, and keeps its data in ./thalweg-data.

Keys are Kafka's, and beside them flush.policy: group (default: an acknowledged record has been
flushed to disk) or os (as Kafka: the operating system writes when it likes).
`

// echo is how soon the same signal is taken for the first one again: timeout(1) sends it to the process and
// then to its group.
const echo = 200 * time.Millisecond

// shutdownTimeout bounds how long a clean stop waits for running requests.
const shutdownTimeout = 30 * time.Second

func runServer(args []string, s Streams) error {
	props, help, err := serverProperties(args)
	if help {
		_, err = io.WriteString(s.Out, serverHelp)
	}
	if help || err != nil {
		return err
	}
	cfg, ignored, err := broker.FromProperties(props)
	if err != nil {
		return err
	}
	for _, key := range ignored {
		fmt.Fprintf(s.Err, "thalweg: %s has no effect in this version\n", key)
	}
	cfg.Logger = slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	// Signals are caught before anything is opened, so that none ends the process half-way.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	return serve(cfg, signals, s)
}

// serverProperties collects the configuration: the file first, then the overrides.
func serverProperties(args []string) (props map[string]string, help bool, err error) {
	props = map[string]string{}
	overrides := map[string]string{}
	file := ""
	for i := 0; i < len(args); i++ {
		arg := args[i]
		value, inline := strings.CutPrefix(arg, "--override=")
		switch {
		case arg == "--help" || arg == "-h":
			return nil, true, nil
		case arg == "--override":
			if i++; i == len(args) {
				return nil, false, usage("--override needs KEY=VALUE")
			}
			value, inline = args[i], true
		case !inline && strings.HasPrefix(arg, "-"):
			return nil, false, usage("server has no option %s", arg)
		case !inline && file != "":
			return nil, false, usage("server takes one properties file, not both %s and %s", file, arg)
		case !inline:
			file = arg
		}
		if !inline {
			continue
		}
		k, v, ok := strings.Cut(value, "=")
		if !ok {
			return nil, false, usage("--override needs KEY=VALUE, not %q", value)
		}
		overrides[strings.TrimSpace(k)] = v
	}
	if file != "" {
		if props, err = readProperties(file); err != nil {
			return nil, false, fmt.Errorf("cannot read the properties file: %w", err)
		}
	}
	maps.Copy(props, overrides)
	return props, false, nil
}

// serve runs a broker until a signal or a failure.
func serve(cfg broker.Config, signals <-chan os.Signal, s Streams) error {
	b, err := broker.New(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	started := make(chan error, 1)
	go func() { started <- b.Start(ctx) }()
	select {
	case err = <-started:
	case <-signals:
		cancel()
		<-started
		return errors.New("interrupted while starting")
	}
	if err != nil {
		return err
	}
	greet(b, cfg, s.Out)
	var first os.Signal
	select {
	case err := <-b.Failed():
		return fmt.Errorf("cannot go on: %w", err)
	case first = <-signals:
	}
	fmt.Fprintln(s.Out, "stopping; Ctrl-C again ends at once")
	return stop(b, first, signals, s)
}

func greet(b *broker.Broker, cfg broker.Config, w io.Writer) {
	for _, l := range b.Listeners() {
		fmt.Fprintf(w, "listening on %s\n", l)
	}
	dirs := cfg.LogDirs
	if len(dirs) == 0 {
		dirs = []string{broker.DefaultLogDir}
	}
	for _, d := range dirs {
		if abs, err := filepath.Abs(d); err == nil {
			d = abs
		}
		fmt.Fprintf(w, "data in %s\n", d)
	}
	at := b.Listeners()[0].Address()
	fmt.Fprintf(w, "try: echo hello | kcat -b %s -P -t greetings; kcat -b %s -C -t greetings -e\n", at, at)
}

// stop shuts down cleanly, or ends at once on another signal.
func stop(b *broker.Broker, first os.Signal, signals <-chan os.Signal, s Streams) error {
	since := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- b.Shutdown(ctx) }()
	for {
		select {
		case err := <-stopped:
			if err != nil {
				return fmt.Errorf("shutdown: %w", err)
			}
			fmt.Fprintln(s.Out, "stopped cleanly")
			return nil
		case again := <-signals:
			if again == first && time.Since(since) < echo {
				continue
			}
			return errors.New("ended before the stop was clean; the next start recovers")
		}
	}
}
