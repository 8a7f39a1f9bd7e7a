package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
)

// purePackages are those of Go's library whose functions (not methods) only compute.
const purePackages = "strings bytes slices maps cmp math math/bits unicode unicode/utf8 errors"

// pureMethods are methods of others that only compute, by package.
var pureMethods = map[string]string{
	"sync/atomic":             "Load",
	"github.com/google/btree": "Get Has Len Min Max",
}

// purity tells which calls change nothing, so that they may be made in any order: built-ins,
// conversions, functions that only compute, and functions of the core packages whose body
// writes nothing but its own variables and calls only the like. Calls through interfaces and
// function values may do anything.
type purity struct {
	typed *typed
	decls map[token.Pos]declared // by position of the name
	known map[*ast.FuncDecl]bool
}

type declared struct {
	decl *ast.FuncDecl
	file *source
}

func newPurity(t *tree, types *typed) *purity {
	p := &purity{typed: types, decls: map[token.Pos]declared{}, known: map[*ast.FuncDecl]bool{}}
	t.each(func(_ string, f *source) {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				p.decls[fn.Name.Pos()] = declared{fn, f}
			}
		}
	})
	return p
}

// expr reports whether evaluating x, which stands in a file with these types, changes nothing.
func (p *purity) expr(info *types.Info, x ast.Expr) bool { return p.node(info, x, x) }

// node inspects n. Variables declared inside scope are its own and may be written.
func (p *purity) node(info *types.Info, n, scope ast.Node) bool {
	ok := true
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.UnaryExpr:
			ok = ok && n.Op != token.ARROW
		case *ast.CallExpr:
			ok = ok && p.call(info, n)
		case *ast.AssignStmt:
			for _, to := range n.Lhs {
				ok = ok && (n.Tok == token.DEFINE || own(info, to, scope))
			}
		case *ast.IncDecStmt:
			ok = ok && own(info, n.X, scope)
		case *ast.RangeStmt:
			t := info.Types[n.X].Type
			ok = ok && t != nil && !isMap(t) && (n.Tok != token.ASSIGN || own(info, n.Key, scope) && own(info, n.Value, scope))
		case *ast.GoStmt, *ast.DeferStmt, *ast.SendStmt, *ast.SelectStmt:
			ok = false
		}
		return ok
	})
	return ok
}

// own reports whether x is a variable declared inside scope; nil and _ count as such.
func own(info *types.Info, x ast.Expr, scope ast.Node) bool {
	if x == nil {
		return true
	}
	id, ok := x.(*ast.Ident)
	if !ok {
		return false
	}
	obj := info.ObjectOf(id)
	return id.Name == "_" || obj != nil && scope.Pos() <= obj.Pos() && obj.Pos() < scope.End()
}

func (p *purity) call(info *types.Info, call *ast.CallExpr) bool {
	tv := info.Types[call.Fun]
	if tv.IsType() {
		return true
	}
	var name *ast.Ident
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		name = f
	case *ast.SelectorExpr:
		name = f.Sel
	case *ast.IndexExpr: // f[T](…)
		name, _ = f.X.(*ast.Ident)
	}
	if name == nil {
		return false
	}
	switch obj := info.Uses[name].(type) {
	case *types.Builtin:
		return listed("len cap min max new make append panic", obj.Name())
	case *types.Func:
		return p.function(obj.Origin())
	}
	return false
}

func (p *purity) function(f *types.Func) bool {
	if f.Pkg() == nil {
		return f.Name() == "Error"
	}
	recv := f.Signature().Recv()
	switch path := f.Pkg().Path(); {
	case recv == nil && listed(purePackages, path):
		return true
	case recv != nil && path == "time":
		return !isPointer(recv.Type()) // of Time and Duration
	case recv != nil && listed(pureMethods[path], f.Name()):
		return true
	}
	d, ok := p.decls[f.Pos()]
	info := p.typed.infos[d.file]
	if !ok || info == nil {
		return false
	}
	if pure, ok := p.known[d.decl]; ok {
		return pure
	}
	p.known[d.decl] = true // a recursive call adds nothing of its own
	pure := p.node(info, d.decl.Body, d.decl)
	p.known[d.decl] = pure
	return pure
}

func isPointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}
