// Planted shows that the tests would notice: it builds every planted bug of the module in, one
// at a time, and wants a test to turn red.
//
//	go run ./e2e/planted [-run regexp] [-list] [-j n] [-first]
//
// A planted bug is a build tag planted_<package>_<bug>. Its file planted_<bug>.go sets a
// constant that switches one guard off; a twin with the negated tag leaves the guard in place.
// For each tag the tests of the package run once. Red is a failing test; a package that stays
// green, does not compile or fails outside of a test is an error, and so is one that is not green
// without the bug.
//
// Files: main.go (flags, order, report), find.go (the tags in the tree), judge.go (what a test
// run tells).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// runWithin bounds the tests of one package with one bug; a bug may make them hang, which is
// red, too.
const runWithin = 2 * time.Minute

// elsewhere names the package whose tests watch a guard, where that is not the guard's own.
var elsewhere = map[string]string{
	"planted_replica_stalledhome":     "./broker",
	"planted_storage_admitown":        "./broker",
	"planted_storage_adoptforgets":    "./broker/internal/replica",
	"planted_storage_adoptunfinished": "./broker/internal/replica",
}

// first: one test that notices is enough, and no others are run after it.
var first = flag.Bool("first", false, "end with the first test that notices")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "planted:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	pattern := flag.String("run", "", "only tags that match this regular expression")
	list := flag.Bool("list", false, "list the bugs and run nothing")
	jobs := flag.Int("j", max(1, runtime.NumCPU()/2), "so many at a time")
	flag.Parse()
	match, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	bugs, err := find(os.DirFS("."))
	if err != nil {
		return err
	}
	for tag := range elsewhere {
		if !slices.ContainsFunc(bugs, func(b bug) bool { return b.tag == tag }) {
			return fmt.Errorf("%s is watched from elsewhere but planted nowhere", tag)
		}
	}
	var chosen []bug
	for _, b := range bugs {
		if match.MatchString(b.tag) {
			chosen = append(chosen, b)
		}
	}
	if *list {
		for _, b := range chosen {
			fmt.Println(b.tag, b.watchers())
		}
		return nil
	}
	if len(chosen) == 0 {
		return errors.New("no planted bug found; run this in the root of the module")
	}
	return runAll(ctx, chosen, *jobs)
}

// runAll runs the bugs, some at a time, and prints a line for each as it is done.
func runAll(ctx context.Context, bugs []bug, jobs int) error {
	var mu sync.Mutex
	missed := 0
	without := &baseline{done: map[string]*result{}}
	slots := make(chan struct{}, max(1, jobs))
	var all sync.WaitGroup
	for _, b := range bugs {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			begin := time.Now()
			v, green := without.of(ctx, b.watchers())
			if green {
				v = plant(ctx, b)
			}
			mu.Lock()
			defer mu.Unlock()
			if !v.red {
				missed++
			}
			fmt.Printf("%-5s  %-44s %s  (%.1fs)\n", v.word(), b.tag, v.text, time.Since(begin).Seconds())
			if !v.red && v.output != "" {
				fmt.Println("\t" + strings.ReplaceAll(strings.TrimSpace(v.output), "\n", "\n\t"))
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d planted bugs were not noticed", missed, len(bugs))
	}
	fmt.Printf("all %d planted bugs were noticed\n", len(bugs))
	return nil
}

// plant runs the tests that watch a bug with the bug built in.
func plant(ctx context.Context, b bug) verdict {
	v, _ := test(ctx, "-count=1", fmt.Sprintf("-failfast=%v", *first), "-timeout="+runWithin.String(), "-tags="+b.tag, b.watchers())
	return v
}

// baseline tells of packages, each tested once, whether they are green without any bug.
type baseline struct {
	mu   sync.Mutex
	done map[string]*result
}

type result struct {
	once  sync.Once
	v     verdict
	green bool
}

// of returns why a package cannot show a bug, if it is not green.
func (l *baseline) of(ctx context.Context, pkg string) (v verdict, green bool) {
	l.mu.Lock()
	r := l.done[pkg]
	if r == nil {
		r = &result{}
		l.done[pkg] = r
	}
	l.mu.Unlock()
	r.once.Do(func() {
		v, failed := test(ctx, pkg)
		if v.red {
			v = verdict{text: "red without the bug, too: " + v.text}
		}
		r.v, r.green = v, !failed
	})
	return r.v, r.green
}

// test runs go test and says what came of it.
func test(ctx context.Context, args ...string) (v verdict, failed bool) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	return judge(out, errs.String(), err != nil), err != nil
}
