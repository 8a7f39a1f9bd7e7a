package archtest

import (
	"go/ast"
	"strings"
)

// importFindings holds every import of the tree against the order, the refusals, the table of
// third parties and the purity of the codecs.
func importFindings(t *tree, o *order) []finding {
	found := &findings{t: t}
	for _, dir := range t.dirs {
		if _, ok := o.node(dir); !ok {
			first := t.folders[dir].files[0].syntax
			found.add(first.Name, "package %s has no place in the order of imports (rules_test.go)", dir)
			continue
		}
		for _, f := range t.folders[dir].files {
			for _, spec := range f.syntax.Imports {
				checkImport(found, o, dir, f, spec)
			}
		}
	}
	return found.sorted()
}

func checkImport(found *findings, o *order, dir string, f *source, spec *ast.ImportSpec) {
	p := importPath(spec)
	to, isOurs := ours(p)
	switch {
	case p == "C":
		found.add(spec, "imports C: everything is built with CGO_ENABLED=0, for one behaviour everywhere")
	case isOurs:
		checkOurs(found, o, dir, to, f, spec)
	case standard(p):
		if within(dir, "internal/kafka") && !f.test() && oneOf(p, unpure) {
			found.add(spec, "imports %s: the vocabulary and the codecs are pure, they compute on bytes", p)
		}
	default:
		checkThirdParty(found, dir, p, f, spec)
	}
}

func checkOurs(found *findings, o *order, dir, to string, f *source, spec *ast.ImportSpec) {
	if dir == to {
		return // the external test package of dir
	}
	for _, r := range refusals {
		if matches(dir, r.from) && matches(to, r.to) && !(f.test() && r.but != "" && matches(to, r.but)) {
			found.add(spec, "imports %s: %s", to, r.reason)
			return
		}
	}
	if f.test() && oneOf(to, testsMayImport) {
		return
	}
	from, _ := o.node(dir)
	name, ok := o.node(to)
	if !ok || (from != name && !o.below[from][name]) {
		found.add(spec, "imports %s: not below %s in the order of imports (rules_test.go; ARCHITECTURE, Layout)", to, dir)
	}
}

func checkThirdParty(found *findings, dir, p string, f *source, spec *ast.ImportSpec) {
	for _, m := range thirdParties {
		if !within(p, m.module) {
			continue
		}
		if f.test() {
			return
		}
		for _, user := range m.users {
			if matches(dir, user) {
				return
			}
		}
		found.add(spec, "imports %s: %s", p, m.reason)
		return
	}
	found.add(spec, "imports %s: a module without an entry among the third parties (rules_test.go)", p)
}

func oneOf(dir string, patterns []string) bool {
	for _, p := range patterns {
		if matches(dir, p) {
			return true
		}
	}
	return false
}

// docFindings reports packages whose files have no package comment. The comment of package x
// begins with "Package x ", as go doc wants it; that of a command may begin as it likes.
func docFindings(t *tree) []finding {
	found := &findings{t: t}
	for _, dir := range t.dirs {
		name, doc := packageDoc(t.folders[dir])
		first := t.folders[dir].files[0].syntax
		switch {
		case doc == "":
			found.add(first.Name, "package %s has no package comment: doc.go says purpose, place, invariants, concurrency, files", name)
		case name != "main" && !strings.HasPrefix(doc, "Package "+name+" "):
			found.add(first.Name, "the package comment does not begin with %q", "Package "+name+" ")
		}
	}
	return found.sorted()
}

func packageDoc(f *folder) (name, doc string) {
	for _, s := range f.files {
		if s.test() {
			continue
		}
		name = s.syntax.Name.Name
		if text := strings.TrimSpace(s.syntax.Doc.Text()); text != "" {
			return name, text
		}
	}
	return name, ""
}
