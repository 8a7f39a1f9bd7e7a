package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// groupKill kills the real binary so many times while groups commit and read offsets.
func groupKill(ctx context.Context, o *options, p *page) error {
	cmd := exec.CommandContext(ctx, "go", "test", "./e2e", "-count=1", "-v", "-timeout=3h", "-run", "^TestCommittedOffsetsSurviveKill$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("THALWEG_E2E_ROUNDS=%d", o.n))
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if _, said, ok := strings.Cut(line, "group_test.go:"); ok {
			_, said, _ = strings.Cut(said, ": ") // the line number
			p.addf("- %s\n", strings.TrimSpace(said))
		}
	}
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, out)
	}
	return nil
}
