package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestPlay: a program passes if its processes say what they must and those that say nothing end well.
func TestPlay(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh here")
	}
	from := fstest.MapFS{}
	for name, text := range map[string]string{
		"says": "echo localhost:9092; exec sleep 60", "silent": "echo more", "bad": "exit 3", "waits": "echo one; echo two; exec sleep 60",
	} {
		from[name] = &fstest.MapFile{Data: []byte(text)}
	}
	f := func(fails string, steps ...step) {
		t.Helper()
		s := scene{dir: t.TempDir(), tmp: t.TempDir(), servers: "here:1"}
		err := s.play(t.Context(), from, []string{"sh"}, steps)
		if fails == "" && err != nil || fails != "" && (err == nil || !strings.Contains(err.Error(), fails)) {
			t.Errorf("%v, want %q", err, fails)
		}
	}
	f("", step{file: "says", says: "here:1"})
	f("", step{file: "waits", says: "two", wait: true}, step{file: "silent"})
	f("bad", step{file: "bad"})
	f("did not print", step{file: "silent", says: "less"})
	f("did not print", step{file: "silent", says: "less", wait: true}, step{file: "silent"})
	f("bad", step{file: "waits", says: "never", wait: true}, step{file: "bad"})
}

// TestPrintsInTime: who waits for a line that does not come is told what came.
func TestPrintsInTime(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh here")
	}
	ctx, cancel := context.WithCancel(t.Context())
	p, err := launch(t.Context(), t.TempDir(), []string{"WORD=seen"}, "sh", "-c", "echo $WORD >&2; exec sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	seen := func(line string) bool { return line == "seen" }
	if err := p.prints(ctx, seen); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := p.prints(ctx, func(string) bool { return false }); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "seen") {
		t.Error(err)
	}
	if err := p.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	begin := time.Now()
	if p.end(); time.Since(begin) >= endsWithin {
		t.Error("a process that can be interrupted was not")
	}
	if err := p.wait(t.Context()); err == nil {
		t.Error("an interrupted process ended well")
	}
}

// TestVerdict: what is expected to fail must, and as it is expected to.
func TestVerdict(t *testing.T) {
	f := func(until, fails string, err error, want string, failure bool) {
		t.Helper()
		got, bad := program{name: "p", until: until, fails: fails}.verdict(err)
		if got != want || (bad != nil) != failure {
			t.Errorf("%s, %v", got, bad)
		}
	}
	f("", "", nil, "passed", false)
	f("", "", errors.New("no"), "FAILED", true)
	f("wings", "falls", fmt.Errorf("it falls"), "expected to fail until wings", false)
	f("wings", "falls", errors.New("burns"), "FAILED", true)
	f("wings", "falls", nil, "FAILED", true)
}

// TestTable: what each line of the table must have.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range programs() {
		if p.name == "" || p.version == "" || p.what == "" || p.run == nil || seen[p.name] || (p.until == "") != (p.fails == "") {
			t.Errorf("%+v", p)
		}
		seen[p.name] = true
	}
}
