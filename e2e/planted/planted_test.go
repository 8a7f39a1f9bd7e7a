package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// TestFind lists the bugs of small trees; what is planted by halves is an error.
func TestFind(t *testing.T) {
	f := func(want string, files ...string) { // pairs of name and constraint
		t.Helper()
		fsys := fstest.MapFS{}
		for i := 0; i < len(files); i += 2 {
			fsys[files[i]] = &fstest.MapFile{Data: []byte("// Comment.\n\n" + files[i+1] + "\n\npackage x\n")}
		}
		bugs, err := find(fsys)
		if got := fmt.Sprint(bugs, err); got != want {
			t.Errorf("%v: %s, want %s", files, got, want)
		}
	}
	f("[{planted_a_x a} {planted_b_y b}] <nil>",
		"b/planted_y.go", "//go:build planted_b_y", "b/planted_y_off.go", "//go:build !planted_b_y",
		"a/planted_x.go", "//go:build planted_a_x", "a/planted_x_off.go", "//go:build !planted_a_x",
		"a/a.go", "//go:build linux", "a/testdata/planted_z.go", "//go:build planted_a_z")
	f("[{planted_a_x a}] <nil>",
		"a/planted_x.go", "//go:build linux && planted_a_x", "a/planted_x_off.go", "//go:build !linux || !planted_a_x")
	f("[] planted_a_x in a has no twin for builds without it", "a/planted_x.go", "//go:build planted_a_x")
	f("[] planted_a_x in a is negated but never planted", "a/planted_x.go", "//go:build !planted_a_x")
	f("[] a/planted_x.go: a planted bug without a build tag planted_<package>_<bug>", "a/planted_x.go", "")
	f("[] a/x.go: one tag per planted bug, not [planted_a_x planted_a_y]", "a/x.go", "//go:build planted_a_x || planted_a_y")
}

// TestJudge holds the words of test runs against what they mean.
func TestJudge(t *testing.T) {
	f := func(want string, failed bool, events ...string) {
		t.Helper()
		v := judge([]byte(strings.Join(events, "\n")+"\n"), "", failed)
		if got := v.word() + ": " + v.text; got != want {
			t.Errorf("%v: %q, want %q", events, got, want)
		}
	}
	const (
		run  = `{"Action":"run","Test":"TestX"}`
		fail = `{"Action":"fail","Test":"TestX"}`
		pass = `{"Action":"pass","Test":"TestX"}`
		bad  = `{"Action":"fail"}`
	)
	f("red: TestX", true, run, fail, bad)
	f("red: TestX", true, run, `{"Action":"run","Test":"TestX/part"}`, `{"Action":"fail","Test":"TestX/part"}`, fail, bad)
	f("red: TestX brought the process down", true, run, `{"Action":"output","Output":"fatal error"}`, bad)
	f("ERROR: not noticed, 1 tests stayed green", false, run, pass, `{"Action":"pass"}`)
	f("ERROR: there are no tests", false, `{"Action":"skip"}`)
	f("ERROR: does not compile", true, `{"Action":"build-fail"}`, `{"Action":"fail","FailedBuild":"x"}`)
	f("ERROR: failed outside of a test", true, run, pass, bad)
	f("ERROR: failed outside of a test", true, "no json")
}
