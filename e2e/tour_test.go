package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write docs/tour.md anew")

// tour is docs/tour.md: prose, and between lines "$ ..." the commands that a reader types.
// "$ thalweg server" and "^C" are the server's start and stop.
const tour = `# A tour

*Written by ` + "`go test ./e2e -run TestTour -update`" + `, which runs every command below against the real binary; CI runs it and fails
when anything is printed otherwise. Addresses, ids and times are replaced by fixed ones.*

Build the binary with Go 1.26 or newer, ` + "`go build ./cmd/thalweg`" + `, and put it into your PATH. What follows takes five minutes.

## Start a server

$ thalweg server

It needs no configuration. It listens on this machine only, and an acknowledged record is on disk. Leave it running, and go on in a
second terminal.

## Write and read

$ thalweg topic create orders
$ thalweg produce orders -k eu-1 '{"total":5}'
$ printf 'eu-2:{"total":7}\nus-1:{"total":9}\n' | thalweg produce orders --key-separator :
$ thalweg consume orders

A pipe gets the values alone, or whole records as JSON:

$ thalweg consume orders --key '^eu-' | cat
$ thalweg consume orders --from -1 -o json

` + "`--follow`" + ` goes on with what is to come, ` + "`--from`" + ` and ` + "`--to`" + ` take offsets and times, ` + "`--format`" + ` a layout:

$ thalweg consume orders --from 1 --to 3 --format '%o: %k\n'
$ thalweg consume orders --from 1h --follow --max 2

JSON loses nothing, so that a pipe copies a topic with keys, headers, timestamps and partitions:

$ thalweg consume orders -o json | thalweg produce orders-copy --input json

## Look at topics and change them

$ thalweg topic ls
$ thalweg topic describe orders
$ thalweg config set topic orders retention.ms=86400000 --dry-run
$ thalweg config set topic orders retention.ms=86400000
$ thalweg config get topic orders
$ thalweg topic alter orders --partitions 3

## Consumer groups

Any Kafka client makes one by committing offsets; so does this command, which puts a new group before the last record:

$ thalweg group reset-offsets billing --topic orders:0 --to -1
$ thalweg group describe billing

## Clusters by name

Every command works with any Kafka cluster. A profile keeps its address, and how to log in:

$ thalweg profile add local --bootstrap-server localhost:9092 --use --replace
$ thalweg profile ls
$ thalweg cluster status

## When something is wrong

An error is one line: what failed, and what to try.

$ thalweg topic create orders
$ thalweg topic craete orders
$ thalweg consume payments

` + "`thalweg doctor`" + ` examines the machine, the configuration and the cluster, and ` + "`thalweg config show`" + ` tells where each value of a
server's configuration comes from:

$ thalweg config show --override num.partitions=3 --override num.io.threads=8 --given

## Kafka's own commands

The tools by Kafka's names take Kafka's options and print what Kafka's print; ` + "`bin/`" + ` has a script for each.

$ thalweg kafka-topics --bootstrap-server localhost:9092 --list
$ thalweg kafka-get-offsets --bootstrap-server localhost:9092 --topic orders
$ thalweg kafka-consumer-groups --bootstrap-server localhost:9092 --list

## Stop

Ctrl-C in the first terminal:

^C

All commands with all options: [cli.md](cli.md).
`

// tourWithin bounds one command.
const tourWithin = 30 * time.Second

// TestTour runs the commands of the tour and compares what they print with docs/tour.md.
func TestTour(t *testing.T) {
	needSignals(t)
	if raceEnabled {
		t.Skip("the page is about the binary as users build it")
	}
	home := t.TempDir()
	bin := filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary(t), filepath.Join(bin, "thalweg")); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(home, "thalweg-data")
	w := &walker{t: t, home: home, env: append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+home, "XDG_CONFIG_HOME="+home, "THALWEG_PROFILE=")}
	var page strings.Builder
	var console []string
	flush := func() {
		if len(console) > 0 {
			fmt.Fprintf(&page, "```console\n%s```\n", strings.Join(console, ""))
			console = nil
		}
	}
	for line := range strings.Lines(tour) {
		switch command, isCommand := strings.CutPrefix(line, "$ "); {
		case isCommand && command == "thalweg server\n":
			console = append(console, line+w.start(data))
		case isCommand:
			console = append(console, line+w.run(strings.TrimSuffix(command, "\n")))
		case line == "^C\n":
			console = append(console, line+w.stop())
		default:
			flush()
			page.WriteString(line)
		}
	}
	flush()
	path := filepath.Join("..", "docs", "tour.md")
	if *update {
		if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != page.String() {
		t.Errorf("docs/tour.md is not what happens (%v); -update writes it anew. What happens:\n%s", err, page.String())
	}
}

// walker goes through the tour.
type walker struct {
	t      *testing.T
	home   string
	env    []string
	server *process
	addr   string
	said   int // bytes of the server's output that the page has
}

// fourDigits finds a free port as long as 9092, so that tables on the page are as wide as a reader's.
func fourDigits(t *testing.T) string {
	t.Helper()
	for port := 9100; port < 10_000; port++ {
		addr := fmt.Sprintf("localhost:%d", port)
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no port of four digits is free")
	return ""
}

// start starts the server on a free port, which the page calls 9092.
func (w *walker) start(data string) string {
	w.t.Helper()
	w.server = launch(w.t, data, fourDigits(w.t))
	addr, err := w.server.awaitReady()
	if err != nil {
		w.t.Fatal(err)
	}
	w.addr = addr
	for begun := time.Now(); !strings.Contains(w.server.out.String(), "\ntry: "); time.Sleep(time.Millisecond) {
		if time.Since(begun) > tourWithin {
			w.t.Fatalf("the greeting is not complete; %s", w.server.out.tail())
		}
	}
	w.said = len(w.server.out.String())
	w.profile()
	return w.steady(w.server.out.String())
}

// profile makes the server the cluster of somebody who names none, as it would be on port 9092.
func (w *walker) profile() {
	cmd := exec.Command(filepath.Join(w.home, "bin", "thalweg"), "profile", "add", "local", "-b", w.addr, "--use")
	cmd.Env = w.env
	command(w.t, cmd)
}

// run runs a command line in a terminal and returns what a person sees.
func (w *walker) run(line string) string {
	w.t.Helper()
	read, write := terminal(w.t)
	ctx, cancel := context.WithTimeout(w.t.Context(), tourWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", strings.ReplaceAll(line, "localhost:9092", w.addr))
	cmd.Dir, cmd.Env = w.home, w.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = write, write, write
	var out bytes.Buffer
	seen := make(chan struct{})
	go func() { // ends when nobody can write any more
		_, _ = out.ReadFrom(read)
		close(seen)
	}()
	err := cmd.Run()
	write.Close()
	<-seen
	if ctx.Err() != nil {
		w.t.Fatalf("%s: still runs after %v: %s", line, tourWithin, out.String())
	}
	if failed := strings.Contains(out.String(), "thalweg: "); failed == (err == nil) {
		w.t.Errorf("%s: %v, but it says %s", line, err, out.String())
	}
	return w.steady(strings.ReplaceAll(out.String(), "\r\n", "\n"))
}

// stop ends the server as Ctrl-C does.
func (w *walker) stop() string {
	w.t.Helper()
	w.server.signal(syscall.SIGINT)
	if code, err := w.server.awaitExit(stopWithin); err != nil || code != 0 {
		w.t.Fatalf("%v, code %d; %s", err, code, w.server.out.tail())
	}
	return w.steady(w.server.out.String()[w.said:])
}

var unsteady = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\b(id|cluster) [A-Za-z0-9_-]{22}\b`), "$1 kXyDfZgbT7mwFn8Cq3hUvA"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ`), "2026-11-29T12:00:00.000Z"},
	{regexp.MustCompile(`"timestamp":\d{13}`), `"timestamp":1795953600000`},
}

// steady replaces what no two runs have in common. Widths stay.
func (w *walker) steady(text string) string {
	text = strings.ReplaceAll(text, w.addr, "localhost:9092")
	text = strings.ReplaceAll(text, w.home, "/home/you")
	for _, u := range unsteady {
		text = u.pattern.ReplaceAllString(text, u.instead)
	}
	for pattern, instead := range map[string]string{`(?m) +\d+(?:ms|\.\ds)(  -)$`: "1.2s  -", `(?m) +\d+ B$`: "345 B"} {
		text = regexp.MustCompile(pattern).ReplaceAllStringFunc(text, func(m string) string { return fmt.Sprintf("%*s", len(m), instead) })
	}
	return text
}
