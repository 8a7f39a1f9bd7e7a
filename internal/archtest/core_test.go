package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
)

// coreRefusals are the names of Go's library that a core may not use, by import path.
var coreRefusals = []struct{ path, names, reason string }{
	{"time", "Now Since Until", "a core reads no clock; now is an argument"},
	{"time", "Sleep After AfterFunc Tick NewTimer NewTicker", "a core does not wait; timers belong to the shell"},
	{"context", "WithTimeout WithTimeoutCause WithDeadline WithDeadlineCause AfterFunc", "a context with a deadline reads the clock"},
	{"sync", "Map", "iteration over a sync.Map depends on chance"},
}

// coreImports are packages that a core may not import at all.
var coreImports = map[string]string{
	"crypto/rand":  "randomness is an argument, so that a seed repeats a run",
	"hash/maphash": "its seed differs from run to run",
	"os/signal":    "signals belong to the shell",
	"testing":      "tests belong into _test files",
}

// seededRand are the names of math/rand and math/rand/v2 that take their randomness from the
// caller. All others draw from the global source.
const seededRand = "New NewPCG NewChaCha8 NewSource NewZipf Rand Source Source64 PCG ChaCha8 Zipf"

// coreFindings holds the core packages against decision 9. exempt is the table of shells.
func coreFindings(t *tree, exempt files) []finding {
	found := &findings{t: t}
	used := files{}
	types := typesOf(t, isCore)
	purity := newPurity(t, types)
	t.each(func(dir string, f *source) {
		if f.test() || !isCore(dir) {
			return
		}
		own := &findings{t: t}
		c := &coreCheck{findings: own, file: f, names: f.importNames(), info: types.of(f), purity: purity}
		c.run()
		if _, ok := exempt[f.name]; ok && len(own.list) > 0 {
			used[f.name] = "used"
			return
		}
		found.list = append(found.list, own.list...)
	})
	found.stale("shells", exempt, used)
	return found.sorted()
}

func isCore(dir string) bool {
	for _, c := range cores {
		if matches(dir, c.pattern) {
			return true
		}
	}
	return false
}

type coreCheck struct {
	*findings
	file   *source
	names  map[string]string
	info   *types.Info
	purity *purity
}

func (c *coreCheck) run() {
	for _, spec := range c.file.syntax.Imports {
		p := importPath(spec)
		if reason, ok := coreImports[p]; ok {
			c.add(spec, "imports %s: %s", p, reason)
		}
		if spec.Name != nil && spec.Name.Name == "." {
			c.add(spec, "imports %s with a dot: names must show where they come from", p)
		}
	}
	ast.Inspect(c.file.syntax, func(n ast.Node) bool {
		c.node(n)
		return true
	})
	c.mapRanges()
}

func (c *coreCheck) node(n ast.Node) {
	const channel = "cores are called, they do not communicate; channels belong to the shell"
	switch n := n.(type) {
	case *ast.GoStmt:
		c.add(n, "starts a goroutine: goroutines belong to the shell")
	case *ast.SelectStmt:
		c.add(n, "select: %s", channel)
	case *ast.SendStmt:
		c.add(n, "sends to a channel: %s", channel)
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			c.add(n, "receives from a channel: %s", channel)
		}
	case *ast.ChanType:
		c.add(n, "has a channel type: %s", channel)
	case *ast.SelectorExpr:
		c.selector(n)
	}
}

func (c *coreCheck) selector(n *ast.SelectorExpr) {
	p, name := imported(c.names, n)
	for _, r := range coreRefusals {
		if r.path == p && listed(r.names, name) {
			c.add(n, "uses %s.%s: %s", p, name, r.reason)
		}
	}
	if (p == "math/rand" || p == "math/rand/v2") && !listed(seededRand, name) {
		c.add(n, "uses %s.%s: randomness is an argument, so that a seed repeats a run", p, name)
	}
	if p == "maps" && listed("Keys Values All", name) {
		c.mapSequence(n)
	}
	if sel := c.info.Selections[n]; sel != nil && sel.Obj().Name() == "Go" && isWaitGroup(sel.Recv()) {
		c.add(n, "starts a goroutine (sync.WaitGroup.Go): goroutines belong to the shell")
	}
}

func isWaitGroup(t types.Type) bool {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := t.(*types.Named)
	return ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "sync" && named.Obj().Name() == "WaitGroup"
}
