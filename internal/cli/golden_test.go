package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/cli/command"
	"github.com/thalweg-io/thalweg/internal/cli/golden"
)

// TestGolden runs the scripts of testdata (package golden) against a broker of their own per file.
func TestGolden(t *testing.T) {
	player.Play(t, "testdata/*.txt", func(t *testing.T) string { return brokertest.Start(t).Addr() })
}

// TestGoldenElsewhere runs the scripts of testdata/elsewhere against a foreign cluster in this process:
// every command works with any cluster.
func TestGoldenElsewhere(t *testing.T) { player.Play(t, "testdata/elsewhere/*.txt", golden.Elsewhere) }

// execute runs one or more commands, joined by "|" into a pipe.
func execute(line, stdin, dir string) (text, errs string, code int) {
	for _, part := range strings.Split(line, " | ") {
		var out, err bytes.Buffer
		s := Streams{In: strings.NewReader(stdin), Out: &out, Err: &err}
		e := command.OS(s.In, s.Out, s.Err)
		e.ConfigDir = func() (string, error) { return dir, nil }
		e.Getenv = func(string) string { return "" }
		e.Now = func() time.Time { return time.UnixMilli(1_700_000_000_000) }
		code = run(context.Background(), golden.Words(part), s, e, healthy{})
		text, stdin = out.String(), out.String()
		errs += err.String()
	}
	return text, errs, code
}

var player = golden.Player{
	Bootstrap: "-b",
	Run:       func(_ *testing.T, line, stdin, dir string) (string, string, int) { return execute(line, stdin, dir) },
	Unsteady: golden.Unsteady(
		`\b(id|cluster) [A-Za-z0-9_-]{22}`, "$1 ID",
		`"(id|cluster_id)": "[A-Za-z0-9_-]{22}"`, `"$1": "ID"`,
		`20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`, "NOW",
		`answers in [0-9.]+(µs|ms|s)`, "answers in TIME",
		`TIME: [A-Za-z0-9_-]{22} with`, "TIME: ID with",
		`(ADDR|HOST:\d+) {2,}`, "$1  ",
		`"timestamp":1(?:7[1-9]|[89]\d)\d{10}\b`, `"timestamp":NOW`,
	),
}
