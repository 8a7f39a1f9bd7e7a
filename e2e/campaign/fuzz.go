package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fuzzTarget is one function FuzzX of one package.
type fuzzTarget struct{ pkg, name string }

func (t fuzzTarget) String() string { return t.pkg + " " + t.name }

var fuzzFunc = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)

// fuzzTargets are the fuzz targets below root, in the order of package and name.
func fuzzTargets(root string) ([]fuzzTarget, error) {
	var all []fuzzTarget
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		for _, m := range fuzzFunc.FindAllSubmatch(text, -1) {
			all = append(all, fuzzTarget{filepath.ToSlash(dir), string(m[1])})
		}
		return nil
	})
	slices.SortFunc(all, func(a, b fuzzTarget) int { return strings.Compare(a.String(), b.String()) })
	return all, err
}

// allTargets is more targets than there will be.
const allTargets = 1000

// share is n of the targets, others for every from, so that all of them get their turn.
func share(all []fuzzTarget, n, from uint64) []fuzzTarget {
	total := uint64(len(all))
	if n >= total {
		return all
	}
	var part []fuzzTarget
	for i := range n {
		part = append(part, all[(from%total*n+i)%total])
	}
	return part
}

// fuzzRow is the last run of a target, a line of the page.
type fuzzRow struct {
	target         fuzzTarget
	begun, commit  string
	seconds        int
	execs, entries uint64
	finding        string
}

const (
	fuzzHead  = "| package | target | begun (UTC) | commit | seconds | executions | new entries | finding |\n|---|---|---|---|---:|---:|---:|---|\n"
	noFinding = "none"
)

func (r fuzzRow) String() string {
	return fmt.Sprintf("| %s | %s | %s | %s | %d | %d | %d | %s |", r.target.pkg, r.target.name, r.begun, r.commit, r.seconds, r.execs, r.entries, r.finding)
}

// parseFuzzRow reads what String wrote.
func parseFuzzRow(line string) (r fuzzRow, ok bool) {
	c := strings.Split(strings.TrimSpace(line), " | ")
	if len(c) != 8 || !strings.HasPrefix(c[1], "Fuzz") {
		return r, false
	}
	var errs [3]error
	r = fuzzRow{target: fuzzTarget{strings.TrimPrefix(c[0], "| "), c[1]}, begun: c[2], commit: c[3], finding: strings.TrimSuffix(c[7], " |")}
	r.seconds, errs[0] = strconv.Atoi(c[4])
	r.execs, errs[1] = strconv.ParseUint(c[5], 10, 64)
	r.entries, errs[2] = strconv.ParseUint(c[6], 10, 64)
	return r, errors.Join(errs[:]...) == nil
}

// fuzz runs the targets, each for o.each. The page keeps the rows of those that do not run now, so
// that a target that was added or mended can be run alone.
func fuzz(ctx context.Context, o *options, p *page) error {
	all, err := fuzzTargets(".")
	if err != nil {
		return err
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	chosen := share(slices.DeleteFunc(slices.Clone(all), func(t fuzzTarget) bool { return !only.MatchString(t.String()) }), o.n, o.from)
	rows := earlierRows(p.name(o.out))
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, max(o.jobs, 1))
	for _, t := range chosen {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			r := runFuzz(ctx, t, o.each)
			mu.Lock()
			defer mu.Unlock()
			rows[t] = r
			fmt.Println(r)
		})
	}
	wg.Wait()
	return addFuzzRows(p, all, rows)
}

// addFuzzRows writes the table of the targets that there are now.
func addFuzzRows(p *page, all []fuzzTarget, rows map[fuzzTarget]fuzzRow) error {
	var execs uint64
	var seconds int
	var found, never []string
	p.addf("Each row is the last run of its target, with one worker; new entries are inputs that reached code which the corpus had not.\n\n%s", fuzzHead)
	for _, t := range all {
		r, ok := rows[t]
		if !ok {
			never = append(never, t.String())
			continue
		}
		execs, seconds = execs+r.execs, seconds+r.seconds
		if r.finding != noFinding {
			found = append(found, t.String())
		}
		p.addf("%s\n", r)
	}
	p.addf("\n%d targets, %d of them run; %d executions in %s.\n", len(all), len(all)-len(never), execs, time.Duration(seconds)*time.Second)
	if len(never) > 0 {
		p.addf("\nNot yet run: %s.\n", strings.Join(never, ", "))
	}
	if len(found) > 0 {
		return fmt.Errorf("findings in %q", found)
	}
	return nil
}

func earlierRows(name string) map[fuzzTarget]fuzzRow {
	rows := map[fuzzTarget]fuzzRow{}
	text, err := os.ReadFile(name)
	if err != nil { // the first page
		return rows
	}
	for line := range strings.Lines(string(text)) {
		if r, ok := parseFuzzRow(line); ok {
			rows[r.target] = r
		}
	}
	return rows
}

// runFuzz fuzzes one target. An input that fails stays in the package's testdata, as go test leaves it.
func runFuzz(ctx context.Context, t fuzzTarget, each time.Duration) fuzzRow {
	r := fuzzRow{target: t, begun: time.Now().UTC().Format(time.DateTime), commit: commit(ctx), finding: noFinding}
	cmd := exec.CommandContext(ctx, "go", "test", "./"+t.pkg, "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+each.String(), "-fuzzminimizetime=1s", "-parallel=1")
	out, err := cmd.CombinedOutput()
	r.seconds, r.execs, r.entries = fuzzProgress(string(out))
	if err != nil {
		r.finding = fuzzFinding(out, err)
		fmt.Printf("%s\n%s\n", t, out)
	}
	return r
}

var fuzzLine = regexp.MustCompile(`fuzz: elapsed: (\S+), execs: (\d+) \([^)]*\), new interesting: (\d+)`)

// fuzzProgress reads the last line in which go test says how far it is.
func fuzzProgress(out string) (seconds int, execs, entries uint64) {
	all := fuzzLine.FindAllStringSubmatch(out, -1)
	if len(all) == 0 {
		return 0, 0, 0
	}
	last := all[len(all)-1]
	d, _ := time.ParseDuration(last[1]) // a time that is not understood counts for nothing
	execs, _ = strconv.ParseUint(last[2], 10, 64)
	entries, _ = strconv.ParseUint(last[3], 10, 64)
	return int(d.Seconds()), execs, entries
}

// fuzzFinding is the line that tells most, fit for a cell.
func fuzzFinding(out []byte, err error) string {
	text := err.Error()
	for line := range bytes.Lines(out) {
		s := strings.TrimSpace(string(line))
		if strings.Contains(s, "panic:") || strings.Contains(s, "_test.go:") || strings.HasPrefix(s, "fuzzing process hung") {
			text = s
			break
		}
	}
	return strings.ReplaceAll(firstLine(text), "|", "/")
}
