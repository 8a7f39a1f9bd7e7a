package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// groupKill kills the real binary so many times while groups commit and read offsets.
func groupKill(ctx context.Context, o *options, p *page) error {
	out, err := e2eTest(ctx, "TestCommittedOffsetsSurviveKill", o.n)
	p.said(out, "group_test.go:")
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, out)
	}
	return nil
}

// historiesPlanted is a bug that the judge of the histories must find, and plantedRounds within how many kills.
const (
	historiesPlanted = "planted_group_oldvalue"
	plantedRounds    = 5
)

// groupHistories has porcupine judge what clients saw of committed offsets while the real binary was killed, and that it finds a bug.
func groupHistories(ctx context.Context, o *options, p *page) error {
	out, err := e2eTest(ctx, "TestOffsetHistories", o.n)
	p.said(out, "histories_test.go:")
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, out)
	}
	dir, err := os.MkdirTemp("", "campaign")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "thalweg")
	if out, err := exec.CommandContext(ctx, "go", "build", "-tags="+historiesPlanted, "-o", bin, "./cmd/thalweg").CombinedOutput(); err != nil {
		return fmt.Errorf("build with %s: %w: %s", historiesPlanted, err, out)
	}
	out, err = e2eTest(ctx, "TestOffsetHistories", plantedRounds, "THALWEG_BIN="+bin)
	if err == nil || !strings.Contains(string(out), "operations have an order") {
		return fmt.Errorf("%s is not found in %d kills:\n%s", historiesPlanted, plantedRounds, out)
	}
	p.addf("\nWith `-tags %s`, where a reload keeps the first offset that it finds, the same test fails:\n\n```text\n", historiesPlanted)
	_, violation, ok := strings.Cut(string(out), "histories_test.go:")
	if !ok {
		return errors.New("the test has not said what it found")
	}
	for i, line := range strings.SplitAfter(violation, "\n") {
		if _, said, ok := strings.Cut(line, ": after"); i == 0 && ok {
			line = "after" + said
		}
		if i < 16 {
			p.addf("%s", strings.ReplaceAll(line, "\t", "    "))
		}
	}
	p.addf("```\n")
	return nil
}

// e2eTest runs one test of e2e with so many kills and returns what it printed.
func e2eTest(ctx context.Context, name string, rounds uint64, env ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "./e2e", "-count=1", "-v", "-timeout=3h", "-run", "^"+name+"$")
	cmd.Env = append(append(os.Environ(), fmt.Sprintf("THALWEG_E2E_ROUNDS=%d", rounds)), env...)
	return cmd.CombinedOutput()
}

// said adds what a test has logged from a file.
func (p *page) said(out []byte, file string) {
	for line := range strings.Lines(string(out)) {
		if _, said, ok := strings.Cut(line, file); ok {
			_, said, _ = strings.Cut(said, ": ") // the line number
			p.addf("- %s\n", strings.TrimSpace(said))
		}
	}
}
