package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// orderFree is the comment with which an author vouches that a loop over a map gives the same
// result in any order, on the line of the loop or the one above: "// order-free: <reason>".
const orderFree = "order-free:"

const mapReason = "behaviour must not depend on map order; sort the keys, or say why it does not matter: // order-free: <reason>"

// mapRanges reports loops over maps that are not recognisably free of order.
func (c *coreCheck) mapRanges() {
	var stack []ast.Node
	ast.Inspect(c.file.syntax, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		loop, ok := n.(*ast.RangeStmt)
		if !ok {
			return true
		}
		kind := c.ranged(loop.X)
		if kind == "" || c.vouched(loop) || c.orderFree(loop, enclosing(stack)) {
			return true
		}
		c.add(loop, "ranges over %s %s: %s", kind, types.ExprString(loop.X), mapReason)
		return true
	})
}

// ranged says what kind of unordered thing an expression is; "" if it is none.
func (c *coreCheck) ranged(x ast.Expr) string {
	if call, ok := ast.Unparen(x).(*ast.CallExpr); ok {
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			if p, name := imported(c.names, sel); p == "maps" && listed("Keys Values All", name) {
				return "map"
			}
		}
	}
	t := c.info.Types[x].Type
	if t == nil || t == types.Typ[types.Invalid] {
		return "something of unknown type, perhaps a map,"
	}
	if p, ok := t.(*types.TypeParam); ok {
		t = p.Constraint()
		if isMap(t) || p.Underlying() == nil {
			return "map"
		}
	}
	if isMap(t) {
		return "map"
	}
	return ""
}

// isMap reports whether a type is a map, or a constraint with a map among its terms.
func isMap(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Map:
		return true
	case *types.Interface:
		for e := range u.EmbeddedTypes() {
			if isMap(e) {
				return true
			}
		}
	case *types.Union:
		for term := range u.Terms() {
			if isMap(term.Type()) {
				return true
			}
		}
	}
	return false
}

// vouched reports whether the author has vouched for the statement at n.
func (c *coreCheck) vouched(n ast.Node) bool {
	line := c.t.fset.Position(n.Pos()).Line
	for _, group := range c.file.syntax.Comments {
		for _, comment := range group.List {
			at := c.t.fset.Position(comment.End()).Line
			_, reason, ok := strings.Cut(comment.Text, orderFree)
			if ok && (at == line || c.t.fset.Position(group.End()).Line == line-1) && strings.TrimSpace(reason) != "" {
				return true
			}
		}
	}
	return false
}

// mapSequence reports maps.Keys and its kin where they are neither ranged over (the loop is
// looked at instead) nor sorted on the spot.
func (c *coreCheck) mapSequence(sel *ast.SelectorExpr) {
	ok := false
	ast.Inspect(c.file.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if call, is := ast.Unparen(n.X).(*ast.CallExpr); is && call.Fun == sel {
				ok = true
			}
		case *ast.CallExpr:
			outer, is := n.Fun.(*ast.SelectorExpr)
			if !is || len(n.Args) == 0 {
				return true
			}
			inner, is := ast.Unparen(n.Args[0]).(*ast.CallExpr)
			if !is || inner.Fun != sel {
				return true
			}
			if p, name := imported(c.names, outer); p == "slices" && listed("Sorted SortedFunc SortedStableFunc", name) {
				ok = true
			}
		}
		return true
	})
	if !ok && !c.vouched(sel) {
		c.add(sel, "uses maps.%s: %s", sel.Sel.Name, mapReason)
	}
}

// enclosing returns the innermost function body on a stack of nodes.
func enclosing(stack []ast.Node) *ast.BlockStmt {
	for i := len(stack) - 1; i >= 0; i-- {
		switch n := stack[i].(type) {
		case *ast.FuncDecl:
			return n.Body
		case *ast.FuncLit:
			return n.Body
		}
	}
	return nil
}

// loopCheck recognises loop bodies whose effect is the same in any order: they only collect
// into a slice that is sorted afterwards, fill or empty maps under the loop's own key, count,
// take a minimum or maximum, or look for something and return the same constant.
type loopCheck struct {
	*coreCheck
	loop    *ast.RangeStmt
	after   *ast.BlockStmt  // the function in which the loop stands
	local   map[string]bool // variables of one turn of the loop
	returns string          // the constants that a return inside gives
}

func (c *coreCheck) orderFree(loop *ast.RangeStmt, function *ast.BlockStmt) bool {
	l := &loopCheck{coreCheck: c, loop: loop, after: function, local: map[string]bool{}}
	if loop.Tok == token.DEFINE {
		l.declare(loop.Key)
		l.declare(loop.Value)
	} else if loop.Key != nil {
		return false // its variables outlive the loop: they hold the last turn
	}
	return l.block(loop.Body)
}

func (l *loopCheck) declare(x ast.Expr) {
	if id, ok := x.(*ast.Ident); ok {
		l.local[id.Name] = true
	}
}

func (l *loopCheck) block(b *ast.BlockStmt) bool {
	for _, s := range b.List {
		if !l.stmt(s) {
			return false
		}
	}
	return true
}

func (l *loopCheck) stmt(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.BlockStmt:
		return l.block(s)
	case *ast.IncDecStmt:
		return l.integer(s.X) && l.pure(s.X)
	case *ast.AssignStmt:
		return l.assign(s)
	case *ast.ExprStmt:
		return l.drop(s.X)
	case *ast.BranchStmt:
		return s.Tok == token.CONTINUE && s.Label == nil
	case *ast.ReturnStmt:
		return l.sameReturn(s)
	case *ast.IfStmt:
		if l.extreme(s) {
			return true
		}
		return (s.Init == nil || l.stmt(s.Init)) && l.pure(s.Cond) && l.block(s.Body) && (s.Else == nil || l.stmt(s.Else))
	case *ast.RangeStmt:
		if c := l.ranged(s.X); c != "" || s.Tok == token.ASSIGN || !l.pure(s.X) {
			return false // an inner loop over a map is judged by itself, and refused here
		}
		l.declare(s.Key)
		l.declare(s.Value)
		return l.block(s.Body)
	}
	return false
}

// drop accepts delete(m, k) and clear(m).
func (l *loopCheck) drop(x ast.Expr) bool {
	call, ok := x.(*ast.CallExpr)
	if !ok {
		return false
	}
	id, ok := call.Fun.(*ast.Ident)
	return ok && (id.Name == "delete" || id.Name == "clear") && l.allPure(call.Args)
}

// sameReturn accepts a return of constants, if all returns of the loop give the same ones.
func (l *loopCheck) sameReturn(s *ast.ReturnStmt) bool {
	text := "return"
	for _, r := range s.Results {
		if tv := l.info.Types[r]; tv.Value == nil && !tv.IsNil() {
			return false
		}
		text += " " + types.ExprString(r)
	}
	if l.returns == "" {
		l.returns = text
	}
	return l.returns == text
}

func (l *loopCheck) assign(s *ast.AssignStmt) bool {
	if !l.allPure(s.Rhs) {
		return false
	}
	switch s.Tok {
	case token.DEFINE:
		for _, x := range s.Lhs {
			l.declare(x)
		}
		return true
	case token.ADD_ASSIGN, token.SUB_ASSIGN, token.OR_ASSIGN, token.AND_ASSIGN, token.XOR_ASSIGN:
		return l.integer(s.Lhs[0]) && l.pure(s.Lhs[0])
	case token.ASSIGN:
		for i, x := range s.Lhs {
			if len(s.Lhs) != len(s.Rhs) || !l.stores(x, s.Rhs[i]) {
				return false
			}
		}
		return true
	}
	return false
}

// stores accepts what a turn may write: its own variables, a map entry under the loop's own key
// or of a value that is the same in every turn, and x = max(x, …).
func (l *loopCheck) stores(to, value ast.Expr) bool {
	switch to := to.(type) {
	case *ast.Ident:
		return to.Name == "_" || l.local[to.Name] || l.extremeCall(to, value) || l.collects(to, value)
	case *ast.IndexExpr:
		t := l.info.Types[to.X].Type
		if t == nil || !isMap(t) || !l.pure(to.Index) || !l.pure(to.X) || l.mentionsLocal(to.X) {
			return false
		}
		return sameName(to.Index, l.loop.Key) || !l.mentionsLocal(value)
	case *ast.SelectorExpr:
		return l.extremeCall(to, value) || l.collects(to, value)
	}
	return false
}

// collects accepts s = append(s, …) if s is sorted later in the same function.
func (l *loopCheck) collects(to, value ast.Expr) bool {
	call, ok := value.(*ast.CallExpr)
	if !ok || len(call.Args) < 2 {
		return false
	}
	id, ok := call.Fun.(*ast.Ident)
	return ok && id.Name == "append" && l.pure(to) && sameText(to, call.Args[0]) && l.allPure(call.Args) && l.sortedLater(to)
}

func (l *loopCheck) sortedLater(slice ast.Expr) bool {
	sorted := false
	ast.Inspect(l.after, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || call.Pos() < l.loop.End() || len(call.Args) == 0 {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		p, name := imported(l.names, sel)
		switch {
		case p == "slices" && listed("Sort SortFunc SortStableFunc", name),
			p == "sort" && listed("Sort Stable Slice SliceStable Strings Ints Float64s", name):
			sorted = sorted || mentions(call.Args[0], slice)
		}
		return true
	})
	return sorted
}

// extreme accepts "if a < x { x = a }": x ends as the smallest (or greatest) in any order.
func (l *loopCheck) extreme(s *ast.IfStmt) bool {
	cond, ok := s.Cond.(*ast.BinaryExpr)
	if !ok || s.Init != nil || s.Else != nil || len(s.Body.List) != 1 || !l.pure(s.Cond) {
		return false
	}
	set, ok := s.Body.List[0].(*ast.AssignStmt)
	if !ok || set.Tok != token.ASSIGN || len(set.Lhs) != 1 || len(set.Rhs) != 1 {
		return false
	}
	switch cond.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		a, b := set.Lhs[0], set.Rhs[0]
		return sameText(cond.X, a) && sameText(cond.Y, b) || sameText(cond.X, b) && sameText(cond.Y, a)
	}
	return false
}

// extremeCall accepts x = max(x, …) and x = min(x, …).
func (l *loopCheck) extremeCall(to, value ast.Expr) bool {
	call, ok := value.(*ast.CallExpr)
	if !ok || len(call.Args) != 2 {
		return false
	}
	id, ok := call.Fun.(*ast.Ident)
	return ok && (id.Name == "max" || id.Name == "min") && (sameText(to, call.Args[0]) || sameText(to, call.Args[1]))
}

func (l *loopCheck) integer(x ast.Expr) bool {
	t := l.info.Types[x].Type
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}

func (l *loopCheck) allPure(list []ast.Expr) bool {
	for _, x := range list {
		if !l.pure(x) {
			return false
		}
	}
	return true
}

func (l *loopCheck) pure(x ast.Expr) bool { return l.purity.expr(l.info, x) }

// mentionsLocal reports whether x depends on the turn of the loop.
func (l *loopCheck) mentionsLocal(x ast.Expr) bool {
	found := false
	ast.Inspect(x, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && l.local[id.Name] {
			found = true
		}
		return !found
	})
	return found
}

func mentions(x, part ast.Expr) bool {
	found := false
	ast.Inspect(x, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok && sameText(e, part) {
			found = true
		}
		return !found
	})
	return found
}

func sameText(a, b ast.Expr) bool { return types.ExprString(a) == types.ExprString(b) }

func sameName(a, b ast.Expr) bool {
	x, okX := a.(*ast.Ident)
	y, okY := b.(*ast.Ident)
	return okX && okY && x.Name == y.Name && x.Name != "_"
}
