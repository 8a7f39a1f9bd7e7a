package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
