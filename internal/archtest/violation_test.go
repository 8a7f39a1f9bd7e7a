package archtest

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cockroachdb/datadriven"
)

// TestViolations holds planted violations, and code that only looks like them, against the
// same rules as the module. Each case of testdata is a small module, its files given as
//
//	-- path/to/file.go --
//	text
//
// and what is found in it. The commands are the rules: imports, docs, disk, core. Arguments
// named exempt are files with a place in the table of exceptions.
func TestViolations(t *testing.T) {
	o := rules(t)
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			tree, err := parseTree(unpack(d.Input))
			if err != nil {
				return err.Error() + "\n"
			}
			exempt := files{}
			for _, arg := range d.CmdArgs {
				for _, name := range arg.Vals {
					exempt[name] = "planted"
				}
			}
			var list []finding
			switch d.Cmd {
			case "imports":
				list = importFindings(tree, o)
			case "docs":
				list = docFindings(tree)
			case "disk":
				list = diskFindings(tree, exempt)
			case "core":
				list = coreFindings(tree, exempt)
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			var b strings.Builder
			for _, f := range list {
				fmt.Fprintln(&b, f)
			}
			if b.Len() == 0 {
				return "nothing\n"
			}
			return b.String()
		})
	})
}

// unpack splits the input of a case into files. Lines of a file count from 1.
func unpack(input string) fstest.MapFS {
	fsys := fstest.MapFS{}
	name := ""
	for line := range strings.Lines(input + "\n") {
		if rest, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(rest), " --")
			fsys[name] = &fstest.MapFile{}
			continue
		}
		if name != "" {
			fsys[name].Data = append(fsys[name].Data, line...)
		}
	}
	return fsys
}
