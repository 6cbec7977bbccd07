package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Source is one parsed file. Its types are known only if Checker loaded it.
type Source struct {
	Path  string // from the module's root, with slashes
	fset  *token.FileSet
	tree  *ast.File
	lines int
	info  *types.Info
}

// Dir is the file's directory from the module's root.
func (s *Source) Dir() string          { return path.Dir(s.Path) }
func (s *Source) test() bool           { return strings.HasSuffix(s.Path, "_test.go") }
func (s *Source) line(p token.Pos) int { return s.fset.Position(p).Line }

func (s *Source) finding(p token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.Path, s.line(p), fmt.Sprintf(format, args...))
}

// imports yields the file's imports as path and position.
func (s *Source) imports(yield func(string, token.Pos) bool) {
	for _, spec := range s.tree.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has accepted it; not to be reached
		}
		if !yield(name, spec.Pos()) {
			return
		}
	}
}

// names returns what the file calls the package imp, "" if it does not import it.
func (s *Source) names(imp string) string {
	for _, spec := range s.tree.Imports {
		if spec.Path.Value != strconv.Quote(imp) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(imp)
	}
	return ""
}

// selects says whether e is pkg.name for one of names.
func selects(e ast.Expr, pkg string, names ...string) bool {
	if sel, ok := e.(*ast.SelectorExpr); ok && pkg != "" {
		x, ok := sel.X.(*ast.Ident)
		return ok && x.Name == pkg && slices.Contains(names, sel.Sel.Name)
	}
	return false
}

// Parse reads one file under the name it has from the module's root.
func Parse(name, text string) (*Source, error) {
	return parse(token.NewFileSet(), name, []byte(text))
}

func parse(fset *token.FileSet, name string, text []byte) (*Source, error) {
	tree, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &Source{Path: name, fset: fset, tree: tree, lines: bytes.Count(text, []byte("\n"))}, nil
}

// Tree parses every Go file below root, whatever its build constraints; hidden
// directories, testdata and what skip says of a path from root are left out.
func Tree(root string, skip func(path string) bool) ([]*Source, error) {
	var files []*Source
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || skip(rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || filepath.Ext(p) != ".go" {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		s, err := parse(fset, rel, text)
		files = append(files, s)
		return err
	})
	return files, err
}
