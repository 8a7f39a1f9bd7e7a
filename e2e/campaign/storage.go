package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// storageCampaign runs one of the enumerations of package storage in full: every crash point, every n-th
// operation, or every bit. Its test says what it counted.
func storageCampaign(kind, test string) func(context.Context, *options, *page) error {
	return func(ctx context.Context, _ *options, p *page) error {
		cmd := exec.CommandContext(ctx, "go", "test", "./broker/internal/storage", "-count=1", "-v", "-timeout=1h", "-run", "^"+test+"$")
		cmd.Env = append(os.Environ(), "STORAGE_CAMPAIGN="+kind)
		out, err := cmd.CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if _, said, ok := strings.Cut(line, "_test.go:"); ok {
				_, said, _ = strings.Cut(said, ": ") // the line number
				p.addf("- %s\n", strings.TrimSpace(said))
			}
		}
		if err != nil {
			return fmt.Errorf("%w:\n%s", err, out)
		}
		return nil
	}
}
