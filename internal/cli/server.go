package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/thalweg-io/thalweg/broker"
)

const serverHelp = `Usage: thalweg server [-daemon] [server.properties] [--override KEY=VALUE]...

Runs a broker until it is told to stop (Ctrl-C or SIGTERM): it finishes requests, flushes and
stops cleanly; a second Ctrl-C ends it at once. Without configuration it listens on loopback,
port 9092, and keeps its data in ./thalweg-data.

-daemon runs it in the background: what it prints goes to logs/kafkaServer.out and its log to
logs/server.log, which is rotated; LOG_DIR names another directory than logs.

Keys are Kafka's, and beside them flush.policy: group (default: an acknowledged record has been
flushed to disk) or os (as Kafka: the operating system writes when it likes).
`

// echo is how soon the same signal is taken for the first one again: timeout(1) sends it to the process and
// then to its group.
const echo = 200 * time.Millisecond

// shutdownTimeout bounds how long a clean stop waits for running requests.
const shutdownTimeout = 30 * time.Second

func runServer(args []string, s Streams) error {
	a, err := parseServer(args)
	switch {
	case err != nil:
		return err
	case a.help:
		_, err = io.WriteString(s.Out, serverHelp)
		return err
	case a.version:
		return runVersion(nil, s)
	}
	cfg, err := a.config(s.Err)
	if err != nil {
		return err
	}
	if a.daemon {
		return runDaemon(args, s)
	}
	file, err := daemonLog()
	if err != nil {
		return err
	}
	cfg.Logger = slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if file != nil {
		defer file.Close()
		cfg.Logger = slog.New(slog.NewTextHandler(file, nil))
		s.Out, s.Err = io.MultiWriter(s.Out, file), io.MultiWriter(s.Err, file)
	}
	// Signals are caught before anything is opened, so that none ends the process half-way.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	return serve(cfg, signals, s)
}

// config reads the configuration and tells of everything in it that has no effect.
func (a serverArguments) config(w io.Writer) (broker.Config, error) {
	props, err := a.properties()
	if err != nil {
		return broker.Config{}, err
	}
	quiet := os.Getenv(daemonVariable) != "" // the foreground has told it
	note := func(format string, args ...any) {
		if !quiet {
			fmt.Fprintf(w, "thalweg: "+format+"\n", args...)
		}
	}
	for _, l := range withoutControllers(props) {
		note("listener %s is not opened: a node here needs none for controllers", l)
	}
	cfg, ignored, err := broker.FromProperties(props)
	if err != nil {
		return cfg, err
	}
	for _, key := range ignored {
		note("%s", ignoredKey(key))
	}
	if set := ignoredVariables(os.Getenv); len(set) > 0 {
		note("no effect in the environment, there is no Java: %s", strings.Join(set, ", "))
	}
	return cfg, nil
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
		select {
		case <-started:
		case <-signals: // a long recovery does not look at ctx
		}
		return errors.New("interrupted while starting")
	}
	if err != nil {
		return err
	}
	greet(b, cfg, s.Out)
	forgetProgram()
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
	if at := b.MetricsAddress(); at != "" {
		fmt.Fprintf(w, "metrics on http://%s/metrics\n", at)
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
	at := reachable(b.Listeners()[0])
	fmt.Fprintf(w, greeted+"thalweg produce greetings hello -b %s; thalweg consume greetings -b %s\n", at, at)
}

// reachable is an address for a client on this machine: a wildcard is none.
func reachable(l broker.Listener) string {
	if l.Host == "" || l.Host == "0.0.0.0" || l.Host == "::" {
		l.Host = "localhost"
	}
	return l.Address()
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
