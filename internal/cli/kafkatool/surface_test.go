package kafkatool

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/cli/option"
)

// ofTheirOwn are the scripts that are no tools of this package, and where they are.
var ofTheirOwn = map[string]string{"kafka-server-start": "internal/cli", "kafka-run-class": "run_class.go"}

// TestSurfaceOptions goes through the options of Kafka's tools: each is accepted by the tool here, or refused
// by its name; and every tool of Kafka's stands in docs/tools.md, as what it does or as missing.
func TestSurfaceOptions(t *testing.T) {
	table, err := os.ReadFile("testdata/surface_options.list")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../../../docs/tools.md")
	if err != nil {
		t.Fatal(err)
	}
	tools, options := 0, 0
	for line := range strings.Lines(string(table)) {
		name, list, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || name[0] == '#' {
			continue
		}
		if !strings.Contains(string(docs), "`"+name+"`") {
			t.Errorf("docs/tools.md says nothing of %s", name)
		}
		tool, ok := Find(name)
		if !ok || ofTheirOwn[name] != "" {
			continue
		}
		tools++
		known := slices.Concat(tool.parser().Options, option.Standard)
		for _, o := range strings.Fields(list) {
			options++
			if !slices.ContainsFunc(known, func(k option.Option) bool { return k.Name == o }) {
				t.Errorf("%s --%s is neither accepted nor refused by name", name, o)
			}
		}
	}
	if tools < 20 || options < 290 {
		t.Errorf("the table has shrunk: %d tools, %d options", tools, options)
	}
}

// Each class name of a tool leads to a tool that there is.
func TestRunClass(t *testing.T) {
	for class, name := range toolOfClass {
		if _, ok := Find(name); !ok {
			t.Errorf("%s: there is no tool %s", class, name)
		}
	}
}
