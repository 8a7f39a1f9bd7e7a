package main

import (
	"cmp"
	"fmt"
	"go/build/constraint"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// prefix begins the build tag of every planted bug.
const prefix = "planted_"

// bug is one planted bug.
type bug struct {
	tag string
	dir string // of the package that holds the guard, from the module's root
}

// watchers is the package whose tests must turn red, as the go command wants it.
func (b bug) watchers() string {
	if p := elsewhere[b.tag]; p != "" {
		return p
	}
	return "./" + b.dir
}

// find lists the planted bugs of a module, sorted by package and tag. Each must have a file that
// is built with its tag and one that is built without.
func find(fsys fs.FS) ([]bug, error) {
	with, without := map[bug]bool{}, map[bug]bool{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (base == "testdata" || base[0] == '.' || base[0] == '_'):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		return read(fsys, name, with, without)
	})
	if err != nil {
		return nil, err
	}
	var bugs []bug
	dirs := map[string]string{}
	for b := range with {
		if !without[b] {
			return nil, fmt.Errorf("%s in %s has no twin for builds without it", b.tag, b.dir)
		}
		if other, ok := dirs[b.tag]; ok {
			return nil, fmt.Errorf("%s is planted in %s and in %s", b.tag, other, b.dir)
		}
		dirs[b.tag] = b.dir
		bugs = append(bugs, b)
	}
	for b := range without {
		if !with[b] {
			return nil, fmt.Errorf("%s in %s is negated but never planted", b.tag, b.dir)
		}
	}
	slices.SortFunc(bugs, func(a, b bug) int { return cmp.Or(cmp.Compare(a.dir, b.dir), cmp.Compare(a.tag, b.tag)) })
	return bugs, nil
}

// read notes the planted tags in the build constraint of one file.
func read(fsys fs.FS, name string, with, without map[bug]bool) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	expr, err := buildConstraint(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var tags []string
	if expr != nil {
		expr.Eval(func(tag string) bool {
			if strings.HasPrefix(tag, prefix) {
				tags = append(tags, tag)
			}
			return false
		})
	}
	planted := strings.HasPrefix(path.Base(name), prefix)
	switch {
	case len(tags) > 1:
		return fmt.Errorf("%s: one tag per planted bug, not %v", name, tags)
	case len(tags) == 1:
		b := bug{tag: tags[0], dir: path.Dir(name)}
		if built(expr, b.tag, true) {
			with[b] = true
		}
		if built(expr, b.tag, false) {
			without[b] = true
		}
	case planted && !strings.HasSuffix(name, "_test.go"):
		return fmt.Errorf("%s: a planted bug without a build tag %s<package>_<bug>", name, prefix)
	}
	return nil
}

// built reports whether some build with (or without) a tag, and any others, takes the file.
func built(expr constraint.Expr, tag string, with bool) bool {
	some := func(others bool) bool {
		return expr.Eval(func(t string) bool {
			if t == tag {
				return with
			}
			return others
		})
	}
	return some(true) || some(false)
}

func buildConstraint(text string) (constraint.Expr, error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if constraint.IsGoBuild(line) {
			return constraint.Parse(line)
		}
		if strings.HasPrefix(line, "package ") {
			break
		}
	}
	return nil, nil
}
