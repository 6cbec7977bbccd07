package arch

import (
	"go/ast"
	"go/token"
	"strings"
)

// arrows: a package imports only the rooms its room sees, and no pure package the driver.
func (p *Policy) arrows(s *Source) (found []string) {
	sees, known := p.Rooms[room(s.Dir())]
	if !known {
		return []string{s.finding(s.tree.Package, "%q is no room of the design", room(s.Dir()))}
	}
	for imp, at := range s.imports {
		to, ours := strings.CutPrefix(imp, p.Module+"/")
		switch {
		case !ours:
		case !withinAny(to, sees):
			found = append(found, s.finding(at, "%s sees only %s, not %s", room(s.Dir()), strings.Join(sees, ", "), to))
		case p.pure(s) && within(to, p.Driver):
			found = append(found, s.finding(at, "a pure package does not import %s", p.Driver))
		}
	}
	return found
}

// libraries: code of a room uses only the libraries listed for it.
func (p *Policy) libraries(s *Source) (found []string) {
	allowed, listed := longest(p.Libraries, s.Dir())
	if s.test() || !listed {
		return nil
	}
	for imp, at := range s.imports {
		if !standard(imp) && !within(imp, p.Module) && !withinAny(imp, allowed) {
			found = append(found, s.finding(at, "%s does not use the library %s", s.Dir(), imp))
		}
	}
	return found
}

// confined: some libraries appear in their own places only.
func (p *Policy) confined(s *Source) (found []string) {
	for imp, at := range s.imports {
		for _, c := range p.Confined {
			here := withinAny(s.Dir(), c.Code) || s.test() && withinAny(s.Dir(), c.Tests)
			if within(imp, c.Library) && !here {
				found = append(found, s.finding(at, "%s belongs in %s and tests of %s only",
					c.Library, strings.Join(c.Code, ", "), strings.Join(c.Tests, ", ")))
			}
		}
	}
	return found
}

// pureImports: a pure package imports nothing that reaches outside the machine.
func (p *Policy) pureImports(s *Source) (found []string) {
	if !p.pure(s) {
		return nil
	}
	for imp, at := range s.imports {
		if s.Path == p.EntropyFile && imp == "crypto/rand" {
			continue
		}
		if withinAny(imp, p.Banned[room(s.Dir())]) {
			found = append(found, s.finding(at, "a pure package of %s does not import %s", room(s.Dir()), imp))
		}
	}
	return found
}

// entropy: crypto/rand.Reader is assigned in one file, which says why. Its address is
// as good as an assignment; a dot import would hide both.
func (p *Policy) entropy(s *Source) (found []string) {
	pkg := s.names("crypto/rand")
	if pkg == "" || s.Path == p.EntropyFile {
		return nil
	}
	if pkg == "." {
		return []string{s.finding(s.tree.Package, "crypto/rand is not imported with a dot")}
	}
	ast.Inspect(s.tree, func(n ast.Node) bool {
		var written []ast.Expr
		switch n := n.(type) {
		case *ast.AssignStmt:
			written = n.Lhs
		case *ast.RangeStmt:
			written = []ast.Expr{n.Key, n.Value}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				written = []ast.Expr{n.X}
			}
		}
		for _, e := range written {
			if e != nil && selects(ast.Unparen(e), pkg, "Reader") {
				found = append(found, s.finding(e.Pos(), "crypto/rand.Reader is set only in %s", p.EntropyFile))
			}
		}
		return true
	})
	return found
}
