// Package golden plays scripts of command lines and compares what they print with what stands in the script; -rewrite
// writes it anew. It is for tests only.
//
// The first lines of a block are the command line, with $B for the bootstrap option, $ADDR for the address and $DIR for a
// directory of the script's own; lines that begin with "< " are standard input, with \t for a tab. What is expected is the output, standard
// error in lines that begin with "! ", and the exit code. What differs from run to run is replaced: addresses, the directory, what
// Player.Unsteady names; a tab is an arrow.
package golden

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Player is how the command lines of a package are run.
type Player struct {
	Bootstrap string // the option that names a broker
	// Run runs a command line; dir is the script's directory.
	Run      func(t *testing.T, line, stdin, dir string) (out, errs string, code int)
	Unsteady []Replacement
}

// Replacement is of something that no two runs have in common. They are made in their order.
type Replacement struct {
	pattern *regexp.Regexp
	instead string
}

// Unsteady makes replacements of pairs: a regular expression, and what stands instead.
func Unsteady(pairs ...string) (all []Replacement) {
	for pair := range slices.Chunk(pairs, 2) {
		all = append(all, Replacement{regexp.MustCompile(pair[0]), pair[1]})
	}
	return all
}

// Play plays every script that matches a pattern as a test of its name, each against what start returns the address of.
func (p Player) Play(t *testing.T, pattern string, start func(t *testing.T) (addr string)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			addr, dir := start(t), t.TempDir()
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				line, stdin := block(d.Input)
				line = strings.NewReplacer("$B", p.Bootstrap+" "+addr, "$ADDR", addr, "$DIR", dir).Replace(line)
				return p.Steady(Outcome(p.Run(t, line, stdin, dir)), addr, dir)
			})
		})
	}
}

// block splits a block into the command line and its input.
func block(text string) (line, stdin string) {
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

// Words splits a command line as a shell does, with single quotes only.
func Words(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

// Outcome is what a script expects of a command line that ended like this.
func Outcome(out, errs string, code int) string {
	for l := range strings.Lines(errs) {
		out += "! " + strings.TrimSuffix(l, "\n") + "\n"
	}
	return fmt.Sprintf("%sexit %d\n", out, code)
}

// Steady replaces what no two runs have in common.
func (p Player) Steady(text, addr, dir string) string {
	host, port, _ := strings.Cut(addr, ":")
	text = strings.NewReplacer(addr, "ADDR", host, "HOST", dir, "DIR", port, "PORT").Replace(text)
	for _, u := range p.Unsteady {
		text = u.pattern.ReplaceAllString(text, u.instead)
	}
	return strings.ReplaceAll(text, "\t", "→")
}

// Elsewhere starts a foreign cluster in this process, with the topics t1 and t2 of two partitions: commands work with any cluster.
func Elsewhere(t *testing.T) (addr string) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "t1", "t2"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}
