package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

// runsWithin bounds a program, without the time in which it is built, unless it says otherwise.
const runsWithin = 5 * time.Minute

// program is a line of the table. Whoever adds one writes a file with a function that returns it, names that
// function in programs, and says in README.md what was needed.
type program struct {
	name    string        // no two have the same
	version string        // of the software that is somebody else's
	asks    []string      // a command that prints the rest of version, if it is what the system has
	what    string        // it does
	heavy   bool          // takes too long for each change: run by the campaign
	needs   []string      // programs of the system
	recipe  recipe.Recipe // how it is built; no name: nothing is
	within  time.Duration // 0 is runsWithin
	run     func(context.Context, *scene) error

	// until names what the broker lacks: the program is expected to fail with a text that contains fails. That it passes is
	// a failure then, so that these two lines go when they are not true any more.
	until, fails string
}

// programs is the table.
func programs() []program {
	return slices.Concat(
		kafkaPython(),
		articlesInJava(),
		springBoot(),
		kafkaStreams(),
		logAgents(),
		browserTracking(),
		platforms(),
	)
}

var number = regexp.MustCompile(`\d+(\.\d+)+`)

// versionNow is the version as the table shows it.
func (p program) versionNow(ctx context.Context) string {
	if len(p.asks) == 0 {
		return p.version
	}
	out, err := exec.CommandContext(ctx, p.asks[0], p.asks[1:]...).Output()
	if err != nil {
		return p.version // why is said when it runs
	}
	return p.version + " " + number.FindString(string(out))
}

// missing names the first program of the system that is not there. Errors: exec.ErrNotFound (wrapped).
func (p program) missing() error {
	for _, name := range p.needs {
		if _, err := exec.LookPath(name); err != nil {
			return err
		}
	}
	return nil
}

// verdict is what the table says of a program that ended with err, and the failure that it is, or nil.
func (p program) verdict(err error) (string, error) {
	switch {
	case p.until == "" && err == nil:
		return "passed", nil
	case p.until != "" && err != nil && strings.Contains(err.Error(), p.fails):
		return "expected to fail until " + p.until, nil
	case p.until != "" && err == nil:
		err = errors.New("passes and is expected to fail until " + p.until + ": if that is there, say so no more")
	case p.until != "":
		err = fmt.Errorf("is expected to fail until %s with %q, but: %w", p.until, p.fails, err)
	}
	return "FAILED", fmt.Errorf("%s: %w", p.name, err)
}
