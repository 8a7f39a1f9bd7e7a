package cli

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/cli/command"
	"github.com/twmb/franz-go/pkg/kfake"
)

// TestGolden runs the command lines of testdata against a broker of their own per file, and compares
// exit code and output; -rewrite writes the files anew. The first line of a block is the command
// line, with $B for the bootstrap option; lines that begin with "< " are standard input; lines of standard error
// begin with "! ". What differs from run to run is replaced: ids, addresses, times.
func TestGolden(t *testing.T) {
	golden(t, "testdata/*.txt", func(t *testing.T) string { return brokertest.Start(t).Addr() })
}

// TestGoldenElsewhere runs the scripts of testdata/elsewhere against a foreign cluster in this process:
// every command works with any cluster.
func TestGoldenElsewhere(t *testing.T) {
	golden(t, "testdata/elsewhere/*.txt", foreign)
}

func foreign(t *testing.T) string {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "t1", "t2"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

func golden(t *testing.T, pattern string, start func(t *testing.T) (addr string)) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			addr, dir := start(t), t.TempDir()
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				line, stdin := script(d.Input)
				line = strings.NewReplacer("$B", "-b "+addr, "$ADDR", addr, "$DIR", dir).Replace(line)
				return steady(execute(line, stdin, dir), addr, dir)
			})
		})
	}
}

// script splits a block into the command line and its input.
func script(text string) (line, stdin string) {
	var in strings.Builder
	for i, l := range strings.Split(text, "\n") {
		rest, isInput := strings.CutPrefix(l, "<")
		rest = strings.TrimPrefix(rest, " ")
		switch {
		case isInput:
			in.WriteString(strings.ReplaceAll(rest, `\t`, "\t") + "\n")
		case i == 0:
			line = l
		default:
			line += " " + l
		}
	}
	return line, in.String()
}

// wordsOf splits a command line as a shell does, with single quotes only.
func wordsOf(line string) (out []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}

// execute runs one or more commands, joined by "|" into a pipe.
func execute(line, stdin, dir string) string {
	var text, errs string
	code := 0
	for _, part := range strings.Split(line, " | ") {
		var out, err bytes.Buffer
		s := Streams{In: strings.NewReader(stdin), Out: &out, Err: &err}
		e := command.OS(s.In, s.Out, s.Err)
		e.ConfigDir = func() (string, error) { return dir, nil }
		e.Getenv = func(string) string { return "" }
		e.Now = func() time.Time { return time.UnixMilli(1_700_000_000_000) }
		code = run(context.Background(), wordsOf(part), s, e, healthy{})
		text, stdin = out.String(), out.String()
		errs += err.String()
	}
	for l := range strings.Lines(errs) {
		text += "! " + strings.TrimSuffix(l, "\n") + "\n"
	}
	return fmt.Sprintf("%sexit %d\n", text, code)
}

var unsteady = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\b(id|cluster) [A-Za-z0-9_-]{22}`), "$1 ID"},
	{regexp.MustCompile(`"(id|cluster_id)": "[A-Za-z0-9_-]{22}"`), `"$1": "ID"`},
	{regexp.MustCompile(`20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`), "NOW"},
	{regexp.MustCompile(`answers in [0-9.]+(µs|ms|s)`), "answers in TIME"},
	{regexp.MustCompile(`TIME: [A-Za-z0-9_-]{22} with`), "TIME: ID with"},
	{regexp.MustCompile(`(ADDR|HOST:\d+) {2,}`), "$1  "},
	{regexp.MustCompile(`"timestamp":1(?:7[1-9]|[89]\d)\d{10}\b`), `"timestamp":NOW`},
}

// steady replaces what no two runs have in common.
func steady(text, addr, dir string) string {
	host, port, _ := strings.Cut(addr, ":")
	text = strings.NewReplacer(addr, "ADDR", host, "HOST", dir, "DIR", port, "PORT").Replace(text)
	for _, u := range unsteady {
		text = u.pattern.ReplaceAllString(text, u.instead)
	}
	return strings.ReplaceAll(text, "\t", "→")
}
