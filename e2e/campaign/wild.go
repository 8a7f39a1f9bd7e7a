package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// wild runs the programs of e2e/wild that take too long for each change; its table is the page.
func wild(ctx context.Context, o *options, p *page) error {
	install := exec.CommandContext(ctx, filepath.Join("e2e", "wild", "install"))
	install.Stdout, install.Stderr = os.Stderr, os.Stderr
	if err := install.Run(); err != nil {
		return fmt.Errorf("%s: %w", install.Path, err)
	}
	argv := []string{"run", "./e2e/wild", "-stage", "heavy", "-only", o.only}
	cmd := exec.CommandContext(ctx, "go", argv...)
	cmd.Env = append(os.Environ(), "CI=true") // nothing is skipped
	var table bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&table, os.Stdout), os.Stderr
	err := cmd.Run()
	p.addf("Versions, and what each program needed: [e2e/wild](../../e2e/wild/README.md).\n\n%s", table.String())
	if err != nil {
		return fmt.Errorf("go %v: %w: see the table", argv, err)
	}
	return nil
}
