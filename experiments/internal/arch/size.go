package arch

import (
	"fmt"
	"go/ast"
	"maps"
	"path"
	"slices"
	"strings"
)

// sizes: files and functions stay short, but for the ratchets. Functions of tests are
// left out: their length is mostly tables.
func (p *Policy) sizes(s *Source) (found []string) {
	if ast.IsGenerated(s.tree) {
		return nil
	}
	if why := ratchet(s.lines, p.MaxFileLines, p.LongFiles, s.Path); why != "" {
		found = append(found, s.finding(s.tree.Package, "the file %s", why))
	}
	for _, d := range s.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || s.test() {
			continue
		}
		lines := s.line(fn.End()) - s.line(fn.Pos()) + 1
		if why := ratchet(lines, p.MaxFuncLines, p.LongFuncs, s.Path+":"+funcName(fn)); why != "" {
			found = append(found, s.finding(fn.Pos(), "func %s %s", funcName(fn), why))
		}
	}
	return found
}

// ratchet says what is wrong with a length under a limit and its list of exceptions.
func ratchet(lines, limit int, list map[string]int, key string) string {
	known, listed := list[key]
	switch {
	case !listed && lines > limit:
		return fmt.Sprintf("has %d lines, more than %d", lines, limit)
	case listed && lines > known:
		return fmt.Sprintf("has grown to %d lines; its entry in the ratchet says %d", lines, known)
	case listed && lines <= limit:
		return fmt.Sprintf("is down to %d lines: remove it from the ratchet", lines)
	case listed && lines < known:
		return fmt.Sprintf("is down to %d lines: lower its entry in the ratchet", lines)
	}
	return ""
}

// funcName is Func, or Type.Func for a method, whatever the receiver's pointers and
// type parameters.
func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name + "." + fn.Name.Name
		default:
			return fn.Name.Name
		}
	}
}

// Documented: a package says in doc.go what it is.
func Documented(dir string, files []*Source) (found []string) {
	code := false
	for _, s := range files {
		code = code || !s.test()
		if path.Base(s.Path) != "doc.go" {
			continue
		}
		start := "Package " + s.tree.Name.Name + " "
		if s.tree.Name.Name == "main" {
			start = "Command " + path.Base(dir) + " "
		}
		if !strings.HasPrefix(s.tree.Doc.Text(), start) {
			found = append(found, s.finding(s.tree.Package, "the package comment must begin with %q", start))
		}
		return found
	}
	if code {
		found = append(found, dir+": a package has a doc.go")
	}
	return found
}

// Gone finds exceptions of files and functions that do not exist.
func (p *Policy) Gone(files []*Source) (found []string) {
	exists := map[string]bool{}
	for _, s := range files {
		exists[s.Path] = true
		for _, d := range s.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				exists[s.Path+":"+funcName(fn)] = true
			}
		}
	}
	keys := slices.Concat(sorted(p.LongFiles), sorted(p.LongFuncs), sorted(p.FloatFiles))
	for _, key := range keys {
		if !exists[key] {
			found = append(found, key+" does not exist: remove its exception")
		}
	}
	return found
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
