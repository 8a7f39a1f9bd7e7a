package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// modulePath is the import path of the module's root.
const modulePath = "github.com/thalweg-io/thalweg"

// source is one parsed Go file.
type source struct {
	name   string // slash path from the module's root
	syntax *ast.File
}

// test reports whether the file belongs to tests only.
func (s *source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

// folder is one directory with Go files, of all operating systems and build tags.
type folder struct {
	dir   string // slash path from the module's root
	files []*source
}

// tree is all Go files of a module.
type tree struct {
	fsys    fs.FS
	fset    *token.FileSet
	folders map[string]*folder // by dir
	dirs    []string           // keys of folders, sorted
}

// finding is one violation of a rule.
type finding struct {
	pos  token.Position
	text string
}

func (f finding) String() string {
	return fmt.Sprintf("%s:%d: %s", f.pos.Filename, f.pos.Line, f.text)
}

// findings collects violations of one tree.
type findings struct {
	t    *tree
	list []finding
}

func (f *findings) add(at ast.Node, format string, args ...any) {
	f.list = append(f.list, finding{f.t.fset.Position(at.Pos()), fmt.Sprintf(format, args...)})
}

// sorted returns the violations in the order of files and lines.
func (f *findings) sorted() []finding {
	slices.SortStableFunc(f.list, func(a, b finding) int {
		if c := strings.Compare(a.pos.Filename, b.pos.Filename); c != 0 {
			return c
		}
		return a.pos.Line - b.pos.Line
	})
	return f.list
}

// parseTree reads every Go file of a module. Like the go command it leaves out testdata,
// vendor, directories starting with "." or "_", and modules inside the module.
func parseTree(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, fset: token.NewFileSet(), folders: map[string]*folder{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && t.leftOut(name):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		return t.parse(name)
	})
	if err != nil {
		return nil, err
	}
	for dir := range t.folders {
		t.dirs = append(t.dirs, dir)
	}
	slices.Sort(t.dirs)
	return t, nil
}

func (t *tree) leftOut(dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(t.fsys, path.Join(dir, "go.mod"))
	return err == nil
}

func (t *tree) parse(name string) error {
	text, err := fs.ReadFile(t.fsys, name)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	if t.folders[dir] == nil {
		t.folders[dir] = &folder{dir: dir}
	}
	t.folders[dir].files = append(t.folders[dir].files, &source{name: name, syntax: syntax})
	return nil
}

// each calls visit for every file, folder by folder in order.
func (t *tree) each(visit func(dir string, f *source)) {
	for _, dir := range t.dirs {
		for _, f := range t.folders[dir].files {
			visit(dir, f)
		}
	}
}

// importPath is the path in an import declaration.
func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic("BUG: the parser let a bad import path through: " + spec.Path.Value)
	}
	return p
}

// ours returns the directory of a package of this module.
func ours(importPath string) (dir string, ok bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// standard reports whether a path is of Go's own library: its first element has no dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// importNames maps the names under which a file knows its imports to their paths. The name of a
// package is taken to be the last element of its path that is not a major version (math/rand/v2
// is rand), which holds for Go's library.
func (s *source) importNames() map[string]string {
	names := map[string]string{}
	for _, spec := range s.syntax.Imports {
		p := importPath(spec)
		name := path.Base(p)
		if majorVersion.MatchString(name) {
			name = path.Base(path.Dir(p))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = p
	}
	return names
}

// within reports whether dir is root or lies below it.
func within(dir, root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }

// matches compares a directory with a pattern: a path, or a path and everything below ("x/...").
func matches(dir, pattern string) bool {
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return within(dir, root)
	}
	return dir == pattern
}
