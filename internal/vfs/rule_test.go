package vfs

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// Goal: the rule language reads what it writes, refuses what it does not know, and its globs
// match as told. Method: tables, a fuzz round trip, and a slow second matcher.

func TestParseRules(t *testing.T) {
	text := `
		# a comment, then two rules on a line
		op=sync path=*/00*.log nth=3 err=EIO sticky ; op=any latency=10ms
		err=short op=write,create p=0.25 seed=7 once # the rest is comment
		op=write-like path="a b;#\"c" err=ENOSPC after;;
		op=read err=EROFS short
	`
	want := []*Rule{
		{Ops: Ops(OpSync), Path: "*/00*.log", Nth: 3, Err: FaultEIO, Sticky: true},
		{Ops: AnyOp, Latency: 10 * time.Millisecond},
		{Ops: Ops(OpWrite, OpCreate), P: 0.25, Seed: 7, Err: FaultShort, Once: true},
		{Ops: WriteLike, Path: `a b;#"c`, Err: FaultENOSPC, After: true},
		{Ops: Ops(OpRead), Err: FaultEROFS, Short: true},
	}
	got, err := ParseRules(text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parsed\n%v\nwant\n%v", got, want)
	}
	wantText := []string{
		"op=sync path=*/00*.log nth=3 err=EIO sticky",
		"op=any latency=10ms",
		"op=create,write p=0.25 seed=7 err=short once",
		`op=write-like path="a b;#\"c" err=ENOSPC after`,
		"op=read err=EROFS short",
	}
	for i, r := range got {
		if r.String() != wantText[i] {
			t.Errorf("rule %d is %q, want %q", i, r, wantText[i])
		}
	}
}

func TestParseRulesRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"op=sync":             "neither err nor latency",
		"op=fly err=EIO":      `unknown operation "fly"`,
		"op= err=EIO":         `unknown operation ""`,
		"err=EPERM":           `unknown error "EPERM"`,
		"err=none":            `unknown error "none"`,
		"err=EIO nth=0":       "below 1",
		"err=EIO nth=x":       "nth:",
		"err=EIO p=0":         "not above 0",
		"err=EIO p=1.5":       "at most 1",
		"err=EIO p=NaN":       "not above 0",
		"err=EIO p=0.5 nth=2": "both nth and p",
		"err=EIO seed=4":      "seed without p",
		"err=EIO once sticky": "both once and sticky",
		"err=EIO short after": "both short and after",
		"err=short after":     "both short and after",
		"latency=1s short":    "need err",
		"latency=-1s":         "not above 0",
		"latency=1":           "latency:",
		"err=EIO sticky=yes":  "takes no value",
		"err=EIO colour=red":  `unknown word "colour"`,
		"err=EIO err=EIO":     "err twice",
		`err=EIO path="x`:     "quote without end",
		`err=EIO path="\q"`:   "path:",
		"err=EIO path=" + strings.Repeat("a", maxGlob+1): "longer than",
		"err=EIO\nerr=": "line 2",
	} {
		if _, err := ParseRules(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseRules(%q) says %v, want %q", text, err, want)
		}
	}
}

func FuzzParseRules(f *testing.F) {
	f.Add("op=sync path=*/00*.log nth=3 err=EIO sticky")
	f.Add("op=any p=0.5 seed=3 latency=1h2m3.5s err=short once\nop=write err=ENOSPC short;err=EROFS after#x")
	f.Add(`path="**/a b\u00e9/?" err=EIO`)
	f.Add("path=00000000\xb1 err=EIO")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := ParseRules(text)
		if err != nil {
			return
		}
		for _, r := range rules {
			again, err := ParseRules(r.String())
			if err != nil || len(again) != 1 || !reflect.DeepEqual(again[0], r) {
				t.Fatalf("%q reads back as %v, %v", r, again, err)
			}
			r.fires(OpWrite, "/"+text, "")
		}
	})
}

var globs = []struct {
	pattern, path string
	want          bool
}{
	{"*/00*.log", "/data/t-0/0001.log", true},
	{"*/00*.log", "/0001.log", false},
	{"*/00*.log", "/data/0001.log/x", false},
	{"*.log", "/a/b/x.log", true},
	{"x.log", "/x.log", true},
	{"x.log", "/ax.log", false},
	{"/x.log", "/x.log", true},
	{"/x.log", "/a/x.log", false},
	{"/a/*/c", "/a/b/c", true},
	{"/a/*/c", "/a/b/b/c", false},
	{"/a/*/c", "/a//c", true},
	{"/a/**/c", "/a/c", true},
	{"/a/**/c", "/a/b/b/c", true},
	{"/a/**/c", "/a/bc", false},
	{"/a/**", "/a/b/c", true},
	{"/a/**", "/a", false},
	{"/**c", "/a/b/c", true},
	{"?.log", "/a.log", true},
	{"?.log", "/.log", false},
	{"/a?b", "/a/b", false},
	{"**/b", "/a/b", true},
	{"**", "/a/b", true},
	{"/", "/", true},
	{"/", "/a", false},
	{"/*", "/", true},
}

func TestGlob(t *testing.T) {
	for _, g := range globs {
		if got := compileGlob(g.pattern).match(g.path); got != g.want {
			t.Errorf("%q matches %q: %v, want %v", g.pattern, g.path, got, g.want)
		}
	}
}

// slowGlob tries all ways one after the other.
func slowGlob(pattern, path string) bool {
	any := func(stop string) bool {
		for i := 0; ; i++ {
			if slowGlob(pattern, path[i:]) {
				return true
			}
			if i == len(path) || strings.IndexByte(stop, path[i]) >= 0 {
				return false
			}
		}
	}
	switch {
	case pattern == "":
		return path == ""
	case strings.HasPrefix(pattern, "**/"):
		pattern = pattern[3:]
		if slowGlob(pattern, path) {
			return true
		}
		for i := range path {
			if path[i] == '/' && slowGlob(pattern, path[i+1:]) {
				return true
			}
		}
		return false
	case strings.HasPrefix(pattern, "**"):
		pattern = pattern[2:]
		return any("")
	case pattern[0] == '*':
		pattern = pattern[1:]
		return any("/")
	}
	return path != "" && (path[0] == pattern[0] || pattern[0] == '?' && path[0] != '/') && slowGlob(pattern[1:], path[1:])
}

func TestGlobAgainstSlow(t *testing.T) {
	rng, matched := newRand(3), 0
	word := func(letters string, longest int) string {
		b := make([]byte, rng.IntN(longest))
		for i := range b {
			b[i] = letters[rng.IntN(len(letters))]
		}
		return string(b)
	}
	for range 100_000 {
		pattern, path := "/"+word("ab/**?", 7), word("ab/", 7)
		want := slowGlob(pattern[1:], strings.TrimPrefix(path, "/"))
		if got := compileGlob(pattern).match(path); got != want {
			t.Fatalf("%q matches %q: %v, want %v", pattern, path, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 1000 {
		t.Errorf("only %d matches were tried", matched)
	}
}
