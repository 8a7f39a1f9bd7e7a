package cli

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker"
)

func call(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = Main(args, Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestExitCodesAndWords(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.properties")
	f := func(code int, word string, args ...string) {
		t.Helper()
		got, out, errs := call(args...)
		if got != code || !strings.Contains(out+errs, word) {
			t.Errorf("thalweg %v: exit %d, out %q, err %q", args, got, out, errs)
		}
		if code != 0 && (strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "thalweg: ")) {
			t.Errorf("thalweg %v: not one clear sentence: %q", args, errs)
		}
	}
	f(0, "server")
	f(0, "kafka-topics", "help")
	f(0, "4.4.0", "kafka-topics", "--version")
	f(0, "--node-id", "kafka-server-stop", "--help")
	f(2, "--all", "kafka-server-stop", "--all")
	f(0, "server", "help")
	f(0, "Kafka 4.4", "version")
	f(0, "flush.policy", "server", "--help")
	f(2, `no command "serve"`, "serve")
	f(2, `did you mean "thalweg server"`, "serve", "--override", "x=y")
	f(2, `did you mean "thalweg topic ls"`, "topic", "lss", "-z")
	f(2, `no command "foo"; "thalweg topic --help"`, "topic", "foo")
	f(2, `unknown flag: --bogus`, "--bogus")
	f(2, `unknown flag: --bogus`, "topic", "ls", "--bogus")
	f(2, "takes nothing, not 1 word", "profile", "ls", "x")
	f(2, `no command "foo"`, "help", "topic", "foo")
	f(0, "Usage: thalweg topic create NAME...", "help", "topic", "create")
	f(0, "Usage: thalweg topic create NAME...", "topic", "create", "--help")
	f(0, "Usage: thalweg topic COMMAND", "topic")
	f(0, "flush.policy", "help", "server")
	f(2, "bash, zsh, fish, powershell", "completion")
	f(2, "bash, zsh, fish, powershell", "completion", "tcsh")
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		f(0, "thalweg", "completion", shell)
	}
	f(2, "no arguments", "version", "x")
	f(2, "needs KEY=VALUE", "server", "--override")
	f(2, "needs KEY=VALUE", "server", "--override", "novalue")
	f(2, "--verbose", "server", "--verbose")
	f(2, "one properties file", "server", "a", "b")
	f(1, missing, "server", missing)
	f(1, "listeners", "server", "--override", "listeners=nonsense")
	f(1, "num.partitions=0", "server", "--override=num.partitions=0")
}

func TestOverridesWinOverTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.properties")
	if err := os.WriteFile(file, []byte("node.id=1\nnum.partitions=2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := parseServer([]string{"--override", "node.id=7", file, "--override=log.dirs=/a=b"})
	if err != nil {
		t.Fatal(err)
	}
	props, err := a.properties()
	if err != nil || !maps.Equal(props, map[string]string{"node.id": "7", "num.partitions": "2", "log.dirs": "/a=b"}) {
		t.Errorf("%v, %v", props, err)
	}
}

// signalled runs serve with a broker on a free port and returns the way to signal it, what it
// prints, and its outcome.
func signalled(t *testing.T) (signals chan os.Signal, out *lines, outcome chan error) {
	t.Helper()
	cfg, _, err := broker.FromProperties(map[string]string{"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	signals, out, outcome = make(chan os.Signal, 2), &lines{ch: make(chan string, 16)}, make(chan error, 1)
	go func() { outcome <- serve(cfg, signals, Streams{Out: out, Err: out}) }()
	return signals, out, outcome
}

// lines is a writer that hands on whole lines.
type lines struct {
	part string
	ch   chan string
}

func (l *lines) Write(p []byte) (int, error) {
	l.part += string(p)
	for {
		line, rest, ok := strings.Cut(l.part, "\n")
		if !ok {
			return len(p), nil
		}
		l.ch <- line
		l.part = rest
	}
}

func (l *lines) want(t *testing.T, word string) {
	t.Helper()
	for {
		select {
		case line := <-l.ch:
			if strings.Contains(line, word) {
				return
			}
		case <-time.After(time.Minute):
			t.Fatalf("never printed %q", word)
		}
	}
}

func TestServeUntilASignal(t *testing.T) {
	signals, out, outcome := signalled(t)
	out.want(t, "listening on PLAINTEXT://127.0.0.1:")
	out.want(t, "data in ")
	signals <- os.Interrupt
	out.want(t, "stopping")
	out.want(t, "stopped cleanly")
	if err := <-outcome; err != nil {
		t.Error(err)
	}
}
