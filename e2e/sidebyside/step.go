package sidebyside

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed session.txt
var script string

// Step is one command line of the script.
type Step struct {
	Line   string // as written: the tool, its words with $B for the bootstrap option, $ADDR and $DIR
	Stdin  string
	Sorted bool // the order of the output's lines says nothing
	number int
}

// Session is the script.
func Session() ([]Step, error) { return parse(script) }

// parse reads a script: a command line each, "< " and a line of standard input below it, "sorted " before it if its output
// has no order; "#" begins a remark. Words in single quotes are one word; \t in the input is a tabulator.
func parse(text string) (steps []Step, err error) {
	for i, line := range strings.Split(text, "\n") {
		switch rest, isInput := strings.CutPrefix(line, "<"); {
		case line == "" || strings.HasPrefix(line, "#"):
		case isInput && len(steps) == 0:
			return nil, fmt.Errorf("line %d: input before the first command", i+1)
		case isInput:
			steps[len(steps)-1].Stdin += strings.ReplaceAll(strings.TrimPrefix(rest, " "), `\t`, "\t") + "\n"
		default:
			line, sorted := strings.CutPrefix(line, "sorted ")
			steps = append(steps, Step{Line: line, Sorted: sorted, number: len(steps) + 1})
		}
	}
	return steps, nil
}

// reading are commands that change nothing, and may be run again.
var reading = regexp.MustCompile(`--list|--describe|--status|kafka-get-offsets|list-endpoints|cluster-id| describe|version-mapping|kafka-log-dirs`)

func (s Step) reads() bool { return reading.MatchString(s.Line) }

// words splits the command line for a broker.
func (s Step) words(addr, dir string) (tool string, args []string) {
	line := strings.NewReplacer("$B", "--bootstrap-server "+addr, "$ADDR", addr, "$DIR", dir).Replace(s.Line)
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
			continue
		}
		args = append(args, strings.Fields(part)...)
	}
	return args[0], args[1:]
}
