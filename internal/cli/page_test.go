package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/command"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

// docs/cli.md is what the commands say of themselves. The tools by Kafka's names are left to their own --help.
func TestPage(t *testing.T) {
	var b bytes.Buffer
	s := Streams{In: nil, Out: &b, Err: &b}
	code := 0
	root := tree(s, command.OS(nil, &b, &b), healthy{}, &code)
	b.WriteString(`# The command line

*Written from the commands themselves: ` + "`go test ./internal/cli -run TestPage -update`" + `.*

Our own commands, each of which works with any Kafka cluster. Beside them the binary holds the tools by Kafka's names,
with Kafka's options and output: ` + "`thalweg help`" + ` lists them, ` + "`bin/`" + ` has a script for each.

- **Which cluster**: ` + "`-b HOST:PORT`" + `, else ` + "`--profile NAME`" + `, else the variable ` + "`" + command.ProfileVariable + "`" + `, else the profile in use, else ` + "`" + command.DefaultBootstrap + "`" + `.
- **Output**: a table on a terminal, tab-separated lines without a heading in a pipe, or ` + "`-o json`" + `.
- **Errors** are one line on standard error: what failed, and what to try.
- **Exit codes**: 0 done, 1 it failed, 2 the words were wrong, 130 ended by Ctrl-C.

`)
	walk(&b, root)
	path := filepath.Join("..", "..", "docs", "cli.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, b.Bytes()) {
		t.Errorf("docs/cli.md is not what the commands say (%v); -update writes it anew", err)
	}
}

// walk writes a section for each command that people are told of, families first.
func walk(b *bytes.Buffer, cmd *cobra.Command) {
	if cmd.HasParent() {
		fmt.Fprintf(b, "## %s\n\n```\n", cmd.CommandPath())
		cmd.InitDefaultHelpFlag()
		_ = cmd.Help()
		b.WriteString("```\n\n")
	}
	for _, sub := range sorted(cmd) {
		if !sub.Hidden && sub.Annotations[kafkaTool] == "" && sub.Name() != "help" {
			walk(b, sub)
		}
	}
}

// Every command says what it does, and everything that changes something can be tried without doing it.
func TestHabits(t *testing.T) {
	var b bytes.Buffer
	code := 0
	root := tree(Streams{Out: &b, Err: &b}, command.OS(nil, &b, &b), healthy{}, &code)
	dry := map[string]bool{"thalweg topic create": true, "thalweg topic alter": true, "thalweg topic delete": true, "thalweg produce": true,
		"thalweg config set": true, "thalweg group reset-offsets": true, "thalweg group delete": true}
	seen := 0
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.HasParent() && cmd.Short == "" {
			t.Errorf("%s has no summary", cmd.CommandPath())
		}
		if dry[cmd.CommandPath()] {
			seen++
			if cmd.Flags().Lookup("dry-run") == nil {
				t.Errorf("%s has no --dry-run", cmd.CommandPath())
			}
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(root)
	if seen != len(dry) {
		t.Errorf("%d of %d commands found", seen, len(dry))
	}
}
