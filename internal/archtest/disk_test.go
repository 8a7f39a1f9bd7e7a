package archtest

import (
	"go/ast"
	"strings"
)

// diskCalls are the functions of Go's library that reach files by name. Types and constants of
// the same packages (os.File, os.ErrNotExist) are free.
var diskCalls = map[string]string{
	"os": "Open OpenFile OpenRoot OpenInRoot Create CreateTemp NewFile ReadFile WriteFile ReadDir DirFS CopyFS " +
		"Mkdir MkdirAll MkdirTemp Remove RemoveAll Rename Stat Lstat Link Symlink Readlink Truncate " +
		"Chmod Chown Lchown Chtimes Chdir",
	"path/filepath": "Walk WalkDir Glob EvalSymlinks",
}

// systemPackages hold the calls of the operating system: every function of theirs counts as
// reaching files, except the conversions to their types named here.
var systemPackages = map[string]string{
	"syscall":                  "Errno Signal Handle",
	"golang.org/x/sys/unix":    "Errno Signal",
	"golang.org/x/sys/windows": "Errno Signal Handle",
}

// diskFindings reports calls that reach files without vfs in the packages that must not
// (diskPackages), tests excepted. allowed is diskFiles or a test's own.
func diskFindings(t *tree, allowed files) []finding {
	found := &findings{t: t}
	used := files{}
	t.each(func(dir string, f *source) {
		if f.test() || !oneOf(dir, diskPackages) {
			return
		}
		own := &findings{t: t}
		checkDisk(own, f)
		if _, ok := allowed[f.name]; ok && len(own.list) > 0 {
			used[f.name] = "used"
			return
		}
		found.list = append(found.list, own.list...)
	})
	found.stale("diskFiles", allowed, used)
	return found.sorted()
}

func checkDisk(found *findings, f *source) {
	const reason = "the only road to a disk is vfs, so that crashes and errors can be injected (S-18)"
	names := f.importNames()
	for _, spec := range f.syntax.Imports {
		if importPath(spec) == "io/ioutil" {
			found.add(spec, "imports io/ioutil: %s", reason)
		}
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			p, name := imported(names, n)
			if listed(diskCalls[p], name) {
				found.add(n, "uses %s.%s: %s", p, name, reason)
			}
		case *ast.CallExpr:
			sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
			if !ok {
				return true
			}
			p, name := imported(names, sel)
			if free, ok := systemPackages[p]; ok && !listed(free, name) {
				found.add(n, "calls %s.%s: %s", p, name, reason)
			}
		}
		return true
	})
}

// imported resolves "name.Sel" to the import path behind name; "" if name is no import.
func imported(names map[string]string, sel *ast.SelectorExpr) (importPath, name string) {
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	return names[id.Name], sel.Sel.Name
}

// listed reports whether word is one of words, which are separated by blanks.
func listed(words, word string) bool {
	return word != "" && strings.Contains(" "+words+" ", " "+word+" ")
}

// stale reports the entries of a table of exceptions that no file needed.
func (f *findings) stale(table string, allowed, used files) {
	for name := range allowed {
		if used[name] == "" {
			f.list = append(f.list, finding{text: "entry " + name + " of " + table + " is not needed (any more)"})
			f.list[len(f.list)-1].pos.Filename = name
		}
	}
}
