package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// verdict is what a test run with a planted bug tells.
type verdict struct {
	red    bool
	text   string // which tests noticed, or why none did
	output string // of the run, if none did
}

func (v verdict) word() string {
	if v.red {
		return "red"
	}
	return "ERROR"
}

// event is one line of go test -json.
type event struct {
	Action, Test, Output, FailedBuild string
}

// judge reads the events of a test run. errs is what the go command said beside them, failed
// whether it ended with an error.
func judge(events []byte, errs string, failed bool) verdict {
	running, red := map[string]bool{}, map[string]bool{}
	passed := 0
	var output strings.Builder
	for line := range bytes.Lines(events) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			output.Write(line)
			continue
		}
		output.WriteString(e.Output)
		top, _, _ := strings.Cut(e.Test, "/")
		switch {
		case e.FailedBuild != "" || e.Action == "build-fail":
			return verdict{text: "does not compile", output: output.String() + errs}
		case e.Test == "" || e.Test != top:
			// the package, or a part of a test
		case e.Action == "run":
			running[top] = true
		case e.Action == "fail":
			red[top] = true
			delete(running, top)
		case e.Action == "pass" || e.Action == "skip":
			passed++
			delete(running, top)
		}
	}
	switch {
	case !failed && passed == 0:
		return verdict{text: "there are no tests", output: output.String() + errs}
	case !failed:
		return verdict{text: fmt.Sprintf("not noticed, %d tests stayed green", passed)}
	case len(red) > 0:
		return verdict{red: true, text: names(red)}
	case len(running) > 0:
		return verdict{red: true, text: names(running) + " brought the process down"}
	}
	return verdict{text: "failed outside of a test", output: output.String() + errs}
}

func names(tests map[string]bool) string {
	var list []string
	for t := range tests {
		list = append(list, t)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
