package arch

import (
	"go/ast"
	"go/types"
	"strings"
)

// clockReads are the names of package time that depend on the machine's clock.
var clockReads = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// sequential: a pure package starts no goroutine and does not select, which draws lots.
func (p *Policy) sequential(s *Source) (found []string) {
	if !p.pure(s) {
		return nil
	}
	ast.Inspect(s.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, s.finding(n.Pos(), "a pure package starts no goroutine"))
		case *ast.SelectStmt:
			found = append(found, s.finding(n.Pos(), "a pure package does not select: the choice is the scheduler's"))
		}
		return true
	})
	return found
}

// wallClock: a pure package may use time's types but not the clock behind them.
func (p *Policy) wallClock(s *Source) (found []string) {
	pkg := s.names("time")
	if !p.pure(s) || pkg == "" {
		return nil
	}
	if pkg == "." {
		return []string{s.finding(s.tree.Package, "time is not imported with a dot")}
	}
	ast.Inspect(s.tree, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok && selects(e, pkg, clockReads...) {
			found = append(found, s.finding(e.Pos(), "a pure package does not ask the machine's clock: time.%s", e.(*ast.SelectorExpr).Sel.Name))
		}
		return true
	})
	return found
}

// mapOrder: a range over a map in pure code has a comment "map order: why it is harmless"
// on its line or just above, and iterators over maps go straight into something sorted.
func (p *Policy) mapOrder(s *Source) (found []string) {
	justified := map[int]bool{}
	for _, c := range s.tree.Comments {
		if _, why, ok := strings.Cut(c.Text(), "map order:"); ok && strings.TrimSpace(why) != "" {
			justified[s.line(c.Pos())] = true
			justified[s.line(c.End())+1] = true
		}
	}
	orderless := map[ast.Expr]bool{} // arguments of calls that forget their order
	ast.Inspect(s.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			counts := blank(n.Key) && blank(n.Value) // sees no key, so no order
			if t := s.info.TypeOf(n.X); t != nil && isMap(t) && !counts && !justified[s.line(n.Pos())] {
				found = append(found, s.finding(n.Pos(), "range over a map: sort its keys, or say why in a comment \"map order: ...\""))
			}
		case *ast.CallExpr:
			switch s.callee(n) {
			case "slices.Sorted", "slices.SortedFunc", "slices.SortedStableFunc", "maps.Collect":
				orderless[n.Args[0]] = true
			case "maps.Keys", "maps.Values", "maps.All":
				if !orderless[n] && !justified[s.line(n.Pos())] {
					found = append(found, s.finding(n.Pos(), "%s yields in map order: wrap it in slices.Sorted, or say why in a comment \"map order: ...\"", s.callee(n)))
				}
			}
		}
		return true
	})
	return found
}

func blank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return e == nil || ok && id.Name == "_"
}

// isMap says whether t, or a type in t's constraint, is a map.
func isMap(t types.Type) bool {
	if p, ok := t.(*types.TypeParam); ok {
		t = p.Constraint()
	}
	switch u := t.Underlying().(type) {
	case *types.Map:
		return true
	case *types.Interface:
		for i := range u.NumEmbeddeds() {
			if union, ok := u.EmbeddedType(i).(*types.Union); ok {
				for j := range union.Len() {
					if isMap(union.Term(j).Type()) {
						return true
					}
				}
			}
		}
	}
	return false
}

// callee is the called function's package path and name, "" for anything but a plain
// function of a package.
func (s *Source) callee(call *ast.CallExpr) string {
	fun := ast.Unparen(call.Fun)
	if ix, ok := fun.(*ast.IndexExpr); ok {
		fun = ix.X
	}
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	f, ok := s.info.Uses[sel.Sel].(*types.Func)
	if !ok || f.Pkg() == nil {
		return ""
	}
	return f.Pkg().Path() + "." + f.Name()
}

// floats: no expression or type of pure code is a float, but in the files allowed to; a
// constant like 1e9 that the compiler turns into an integer is none.
func (p *Policy) floats(s *Source) []string {
	found := floatUses(s)
	if _, allowed := p.FloatFiles[s.Path]; !allowed {
		return found
	}
	if len(found) == 0 {
		return []string{s.Path + ": uses no float any more: remove it from the files allowed to"}
	}
	return nil
}

func floatUses(s *Source) (found []string) {
	last := 0 // one finding a line is enough
	ast.Inspect(s.tree, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		t := s.info.TypeOf(e)
		if t == nil {
			return true
		}
		b, ok := t.Underlying().(*types.Basic)
		if ok && b.Info()&(types.IsFloat|types.IsComplex) != 0 && s.line(e.Pos()) != last {
			last = s.line(e.Pos())
			found = append(found, s.finding(e.Pos(), "a pure package computes with no %s", b.Name()))
		}
		return true
	})
	return found
}
