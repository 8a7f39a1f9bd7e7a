package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPage: a page names purpose, command, outcome and what the campaign added.
func TestPage(t *testing.T) {
	f := func(failed error, want ...string) {
		t.Helper()
		dir := t.TempDir()
		p := newPage(context.Background(), campaign{name: "some", purpose: "To show it."}, &options{text: "go run it"})
		p.addf("| a | %d |\n", 7)
		if err := p.write(dir, failed); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "some.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range append(want, "# Campaign some\n\nTo show it.", "`go run it`", "| a | 7 |") {
			if !strings.Contains(string(text), w) {
				t.Errorf("%q is not in\n%s", w, text)
			}
		}
	}
	f(nil, "outcome: **passed**")
	f(errors.New("two seeds"), "outcome: **FAILED: two seeds**")
}

// TestTable: names are distinct, and each planted bug of the simulator's campaign is planted somewhere.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range campaigns {
		if c.name == "" || c.purpose == "" || c.n == 0 || c.run == nil || seen[c.name] {
			t.Errorf("campaign %+v", c)
		}
		seen[c.name] = true
	}
	for _, tag := range simPlantedTags {
		parts := strings.SplitN(tag, "_", 3)
		name := filepath.Join("..", "..", "broker", "internal", parts[1], "planted_"+parts[2]+".go")
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) { // a package beneath the coordinator
			name = filepath.Join("..", "..", "broker", "internal", "coordinator", parts[1], "planted_"+parts[2]+".go")
			text, err = os.ReadFile(name)
		}
		if err != nil || !strings.Contains(string(text), "//go:build "+tag+"\n") {
			t.Errorf("%s is not planted in %s: %v", tag, name, err)
		}
	}
}

// TestFirstLine cuts at the first line break, and long lines.
func TestFirstLine(t *testing.T) {
	if got := firstLine("a\nb"); got != "a" {
		t.Errorf("%q", got)
	}
	if got := firstLine(strings.Repeat("x", 500)); len(got) != 160 {
		t.Errorf("%d bytes", len(got))
	}
}

// TestFuzzShare: with from = 0, 1, 2, … every target has its turn, and none comes twice in one share.
func TestFuzzShare(t *testing.T) {
	var all []fuzzTarget
	for i := range 29 {
		all = append(all, fuzzTarget{"p", string(rune('a' + i))})
	}
	seen := map[fuzzTarget]bool{}
	for from := range uint64(4) {
		now := map[fuzzTarget]bool{}
		for _, t := range share(all, 8, from) {
			seen[t], now[t] = true, true
		}
		if len(now) != 8 {
			t.Errorf("from %d: %d targets", from, len(now))
		}
	}
	if len(seen) != len(all) {
		t.Errorf("%d of %d targets", len(seen), len(all))
	}
	if n := len(share(all, allTargets, 5)); n != len(all) {
		t.Errorf("all of them are %d", n)
	}
}

// TestFuzzTargets finds the targets of this repository, and each of them once.
func TestFuzzTargets(t *testing.T) {
	all, err := fuzzTargets(filepath.Join("..", ".."))
	if err != nil || len(all) < 20 {
		t.Fatalf("%d targets, %v", len(all), err)
	}
	for i := 1; i < len(all); i++ {
		if all[i-1].String() >= all[i].String() {
			t.Errorf("%s before %s", all[i-1], all[i])
		}
	}
}

// TestFuzzRow: a row is read as it was written, and the last line of progress counts.
func TestFuzzRow(t *testing.T) {
	r := fuzzRow{fuzzTarget{"a/b", "FuzzC"}, "2026-01-02 03:04:05", "abc with changes", 600, 12, 3, noFinding}
	if got, ok := parseFuzzRow(r.String() + "\n"); !ok || got != r {
		t.Errorf("%+v", got)
	}
	for _, s := range []string{"", "|---|---|---|---|---:|---:|---:|---|", strings.Split(fuzzHead, "\n")[0]} {
		if got, ok := parseFuzzRow(s); ok {
			t.Errorf("%q is %+v", s, got)
		}
	}
	seconds, execs, entries := fuzzProgress("fuzz: elapsed: 3s, execs: 10 (3/sec), new interesting: 1 (total: 5)\nfuzz: elapsed: 1m1s, execs: 20 (3/sec), new interesting: 2 (total: 6)\nok\n")
	if seconds != 61 || execs != 20 || entries != 2 {
		t.Errorf("%d s, %d, %d", seconds, execs, entries)
	}
	if got := fuzzFinding([]byte("--- FAIL\n    x_test.go:5: a | b\n"), os.ErrInvalid); got != "x_test.go:5: a / b" {
		t.Errorf("%q", got)
	}
}

// TestParseKgo: passed, skipped with the reason, and failed tests are told apart.
func TestParseKgo(t *testing.T) {
	r, err := parseKgo([]byte("=== RUN   TestA\n    a_test.go:9: not this\n--- PASS: TestA (0.01s)\n    --- PASS: TestA/sub (0.00s)\n" +
		"=== RUN   TestB\n    b_test.go:12: wants more\n--- SKIP: TestB (0.00s)\n    c_test.go:9: bad\n--- FAIL: TestC (1.00s)\n"))
	if err != nil || r.passed != 2 || !slices.Equal(r.skipped, []string{"TestB: wants more"}) || !slices.Equal(r.failed, []string{"TestC"}) {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := parseKgo([]byte("FAIL\n")); err == nil {
		t.Errorf("a run without tests passed as %+v", r)
	}
}
