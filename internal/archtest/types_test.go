package archtest

import (
	"bytes"
	"errors"
	"go/ast"
	"go/build"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// typed holds what is known of the types in the packages of a tree.
type typed struct {
	infos map[*source]*types.Info
	none  *types.Info
}

// of returns the types in a file; empty if the file is part of no known build.
func (t *typed) of(f *source) *types.Info {
	if info := t.infos[f]; info != nil {
		return info
	}
	return t.none
}

// typesOf checks the packages that wanted selects, once per operating system until every file
// has been seen. Errors are ignored: what they leave without a type stays unknown.
func typesOf(t *tree, wanted func(dir string) bool) *typed {
	all := &typed{infos: map[*source]*types.Info{}, none: &types.Info{}}
	others := exportData(thirdPartyImports(t))
	for _, goos := range systems() {
		c := &checker{tree: t, goos: goos, typed: all, wanted: wanted, others: others,
			done: map[string]*types.Package{}}
		for _, dir := range t.dirs {
			if wanted(dir) && c.news(dir) {
				c.check(dir)
			}
		}
	}
	return all
}

// systems are the operating systems whose builds are looked at, ours first because the types of
// packages that are not ours are known for it only.
func systems() []string {
	all := []string{runtime.GOOS}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		if goos != runtime.GOOS {
			all = append(all, goos)
		}
	}
	return all
}

// checker type-checks packages of one tree as one operating system sees them.
type checker struct {
	*typed
	tree   *tree
	goos   string
	wanted func(dir string) bool
	others types.Importer
	done   map[string]*types.Package // by dir; nil while being checked
}

// files are the files of a directory that are built for the system, tests left out.
func (c *checker) files(dir string) []*source {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = c.goos, "amd64", false, nil
	ctx.OpenFile = func(name string) (io.ReadCloser, error) { return c.tree.fsys.Open(filepath.ToSlash(name)) }
	var in []*source
	for _, f := range c.tree.folders[dir].files {
		if ok, err := ctx.MatchFile(dir, path.Base(f.name)); err == nil && ok && !f.test() {
			in = append(in, f)
		}
	}
	return in
}

// news reports whether checking a directory would tell about a file not seen before.
func (c *checker) news(dir string) bool {
	return slices.ContainsFunc(c.files(dir), func(f *source) bool { return c.infos[f] == nil })
}

func (c *checker) check(dir string) *types.Package {
	if p, ok := c.done[dir]; ok {
		return p
	}
	c.done[dir] = nil
	files := c.files(dir)
	info := &types.Info{
		Types:      map[ast.Expr]types.TypeAndValue{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
		Defs:       map[*ast.Ident]types.Object{},
		Uses:       map[*ast.Ident]types.Object{},
	}
	var syntax []*ast.File
	for _, f := range files {
		syntax = append(syntax, f.syntax)
		if c.wanted(dir) && c.infos[f] == nil {
			c.infos[f] = info
		}
	}
	conf := types.Config{
		Importer:         c,
		Error:            func(error) {},
		IgnoreFuncBodies: !c.wanted(dir),
		Sizes:            types.SizesFor("gc", "amd64"),
	}
	p, _ := conf.Check(path.Join(modulePath, dir), c.tree.fset, syntax, info)
	c.done[dir] = p
	return p
}

// Import finds a package for the type checker: ours from source, others in the build cache,
// and an empty one if it is in neither.
func (c *checker) Import(importPath string) (*types.Package, error) {
	if dir, ok := ours(importPath); ok && c.tree.folders[dir] != nil {
		if p := c.check(dir); p != nil {
			return p, nil
		}
		return nil, errors.New("import cycle")
	}
	if importPath == "unsafe" {
		return types.Unsafe, nil
	}
	if p, err := c.others.Import(importPath); err == nil {
		return p, nil
	}
	p := types.NewPackage(importPath, path.Base(importPath))
	p.MarkComplete()
	return p, nil
}

// thirdPartyImports lists the imports of a tree that are not its own, tests left out.
func thirdPartyImports(t *tree) []string {
	var paths []string
	t.each(func(_ string, f *source) {
		for _, spec := range f.syntax.Imports {
			p := importPath(spec)
			if _, our := ours(p); !our && !f.test() && p != "C" && p != "unsafe" {
				paths = append(paths, p)
			}
		}
	})
	slices.Sort(paths)
	return slices.Compact(paths)
}

// exportData returns an importer of packages by the go command's build cache. Without a go
// command it knows none.
func exportData(paths []string) types.Importer {
	lookup := func(string) (io.ReadCloser, error) { return nil, fs.ErrNotExist }
	if files := exportFiles(paths); files != nil {
		lookup = func(p string) (io.ReadCloser, error) {
			if files[p] == "" {
				return nil, fs.ErrNotExist
			}
			return os.Open(files[p])
		}
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", lookup)
}

var exports = struct {
	sync.Mutex
	files map[string]string // import path → file of export data
	asked map[string]bool
}{files: map[string]string{}, asked: map[string]bool{}}

// exportFiles asks the go command, once per process and path, where the export data of packages
// and of all they import lies.
func exportFiles(paths []string) map[string]string {
	exports.Lock()
	defer exports.Unlock()
	args := []string{"list", "-e", "-deps", "-export", "-f", "{{.ImportPath}}={{.Export}}", "--"}
	news := 0
	for _, p := range paths {
		if !exports.asked[p] {
			exports.asked[p] = true
			args = append(args, p)
			news++
		}
	}
	if news > 0 {
		var out bytes.Buffer
		cmd := exec.Command("go", args...)
		cmd.Stdout = &out
		_ = cmd.Run() // what it could not find stays unknown
		for line := range strings.Lines(out.String()) {
			if p, file, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				exports.files[p] = file
			}
		}
	}
	return exports.files
}
