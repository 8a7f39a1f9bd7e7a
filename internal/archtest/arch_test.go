package archtest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// thisModule parses the module that this package belongs to.
var thisModule = sync.OnceValues(func() (*tree, error) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return nil, err
	}
	return parseTree(os.DirFS(root))
})

func module(t *testing.T) *tree {
	t.Helper()
	tree, err := thisModule()
	if err != nil {
		t.Fatal(err)
	}
	if tree.folders["internal/archtest"] == nil {
		t.Fatal("the tree that was read does not hold this package")
	}
	return tree
}

func rules(t *testing.T) *order {
	t.Helper()
	o, err := parseOrder(importOrder)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func report(t *testing.T, list []finding) {
	t.Helper()
	for _, f := range list {
		t.Errorf("%s", f)
	}
}

// TestImports holds every import of the module against the tables of rules_test.go.
func TestImports(t *testing.T) { report(t, importFindings(module(t), rules(t))) }

// TestPackageComments wants a package comment from every package.
func TestPackageComments(t *testing.T) { report(t, docFindings(module(t))) }

// TestDiskThroughVFS wants no file call in the broker's insides but through vfs (S-18).
func TestDiskThroughVFS(t *testing.T) { report(t, diskFindings(module(t), diskFiles)) }

// TestCores wants no clock, randomness, goroutine, channel or map order in core packages.
func TestCores(t *testing.T) { report(t, coreFindings(module(t), shells)) }

// TestRefusalsAgree looks for a refusal that the order contradicts: such a rule would read as
// allowed in one place and as refused in the other.
func TestRefusalsAgree(t *testing.T) {
	o := rules(t)
	for _, r := range refusals {
		named := false
		for _, from := range o.names() {
			for _, to := range o.names() {
				if !inPattern(from, r.from) || !inPattern(to, r.to) || from == to {
					continue
				}
				named = true
				if o.below[from][to] && !r.narrows && !(r.but != "" && inPattern(to, r.but)) {
					t.Errorf("the order lets %s import %s, which is refused: %s", from, to, r.reason)
				}
			}
		}
		if !named {
			t.Errorf("no package of the order is meant by the refusal %s ✗ %s", r.from, r.to)
		}
	}
}

// inPattern compares a name of the order, which may be a pattern itself, with a pattern.
func inPattern(name, pattern string) bool {
	return name == pattern || matches(name, pattern)
}
