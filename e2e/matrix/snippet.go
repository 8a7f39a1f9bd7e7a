package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// snippetWithin bounds how long the README's program may take until it has printed its record.
const snippetWithin = 2 * time.Minute

// snippet is a program of the README.
type snippet struct{ language, text string }

var fence = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

// snippets are the programs between the marks of a README.
func snippets(readme string) ([]snippet, error) {
	_, part, found := strings.Cut(readme, "<!-- snippets -->")
	part, _, ended := strings.Cut(part, "<!-- /snippets -->")
	if !found || !ended {
		return nil, errors.New("no marks of snippets")
	}
	var all []snippet
	for _, m := range fence.FindAllStringSubmatch(part, -1) {
		all = append(all, snippet{m[1], m[2]})
	}
	return all, nil
}

// runner is how the program of a language runs: the client whose libraries it needs, the name of
// its file, and what stands before that.
type runner struct {
	client, file string
	argv         func(launch) []string
	says         string // the line that it must print
}

var runners = map[string]runner{
	"python": {"kafka-python", "greetings.py", func(l launch) []string { return []string{l.argv[0], "-u"} }, "python hello"},
	"java":   {"kafka-clients", "Greetings.java", func(l launch) []string { return l.argv[:len(l.argv)-1] }, "java hello"},
	"js":     {"kafkajs", "greetings.mjs", func(l launch) []string { return l.argv[:1] }, "node hello"},
	"go":     {"franz-go", "greetings.go", func(launch) []string { return []string{"go", "run"} }, "go hello"},
}

// runSnippets runs every program of README.md, one after the other, as it stands there, but for the
// address. A client whose tools are missing is skipped like its row.
func runSnippets(ctx context.Context, w *workshop, servers string, only *regexp.Regexp) error {
	text, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	all, err := snippets(string(text))
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range all {
		r, ok := runners[s.language]
		if !ok {
			return fmt.Errorf("a snippet in %s, which nobody runs", s.language)
		}
		if only.MatchString(r.client) {
			errs = append(errs, runSnippet(ctx, w, servers, s, r))
		}
	}
	return errors.Join(errs...)
}

func runSnippet(ctx context.Context, w *workshop, servers string, s snippet, r runner) error {
	c := row{client: r.client}.of()
	err := c.missing()
	var l launch
	if err == nil {
		l, err = c.build(ctx, w)
	}
	if skippable(err) {
		fmt.Printf("SKIPPED the README's program in %s: %v\n", s.language, err)
		return nil
	}
	if err == nil {
		err = runFile(ctx, l, strings.ReplaceAll(s.text, "localhost:9092", servers), r)
	}
	fmt.Printf("the README's program in %s: %v\n", s.language, err)
	if err != nil {
		return fmt.Errorf("the README's program in %s: %w", s.language, err)
	}
	return nil
}

// runFile writes the program where it finds its libraries and runs it until it has printed its record.
func runFile(ctx context.Context, l launch, text string, r runner) error {
	ctx, cancel := context.WithTimeout(ctx, snippetWithin)
	defer cancel()
	inside, err := os.MkdirTemp(l.dir, "snippet-") // where Node.js looks for packages in the folders above
	if err != nil {
		return err
	}
	defer os.RemoveAll(inside)
	if err := os.WriteFile(filepath.Join(inside, r.file), []byte(text), 0o644); err != nil {
		return err
	}
	argv := slices.Concat(r.argv(l), []string{filepath.Join(inside, r.file)})
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if cmd.Dir = l.dir; cmd.Dir == "" {
		cmd.Dir = filepath.Join(here, "go")
	}
	cmd.WaitDelay = time.Second // a program that "go run" has started holds the pipe
	errs := &tail{}
	cmd.Stderr = errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	said := says(out, r.says)
	cancel() // some run until they are stopped
	_ = cmd.Wait()
	if said != nil {
		return fmt.Errorf("%w; its errors end with %q", said, errs)
	}
	return nil
}

// says waits for a line.
func says(from io.Reader, line string) error {
	var lines []string
	for in := bufio.NewScanner(from); in.Scan(); {
		if lines = append(lines, in.Text()); in.Text() == line {
			return nil
		}
	}
	return fmt.Errorf("it did not print %q but %q", line, lines)
}
