package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// Checker checks packages against the export data that the go command keeps in its build
// cache: what golang.org/x/tools/go/packages does, without the dependency.
type Checker struct {
	policy   *Policy
	fset     *token.FileSet
	importer types.Importer
	packages []listed
}

// NewChecker asks the go command for the pure packages of the module at root, and for
// packages extra; it compiles what is not compiled yet.
func (p *Policy) NewChecker(root string, extra ...string) (*Checker, error) {
	args := append([]string{"list", "-e", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles"}, extra...)
	for _, dir := range p.Pure {
		args = append(args, "./"+dir+"/...")
	}
	cmd := exec.Command("go", args...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = root, &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, &stderr)
	}
	c := &Checker{policy: p, fset: token.NewFileSet()}
	exports := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		exports[l.ImportPath] = l.Export
		if dir, ours := strings.CutPrefix(l.ImportPath, p.Module+"/"); ours && p.PureDir(dir) {
			c.packages = append(c.packages, l)
		}
	}
	c.importer = importer.ForCompiler(c.fset, "gc", func(imp string) (io.ReadCloser, error) {
		if exports[imp] == "" {
			return nil, fmt.Errorf("%s does not compile", imp)
		}
		return os.Open(exports[imp])
	})
	return c, nil
}

// Files gives every pure file with its types. A package that does not compile is an
// error beside the files of the others.
func (c *Checker) Files() (files []*Source, err error) {
	for _, l := range c.packages {
		loaded, bad := c.load(l)
		if bad != nil {
			err = errors.Join(err, bad)
			continue
		}
		files = append(files, loaded...)
	}
	return files, err
}

// Snippet parses and checks one file as a package of its own.
func (c *Checker) Snippet(name, text string) (*Source, error) {
	s, err := parse(c.fset, name, []byte(text))
	if err != nil {
		return nil, err
	}
	return s, c.check(c.policy.Module+"/"+s.Dir(), []*Source{s})
}

// check gives the files of one package the types of everything in them.
func (c *Checker) check(imp string, files []*Source) error {
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{},
		Uses:  map[*ast.Ident]types.Object{},
		Defs:  map[*ast.Ident]types.Object{},
	}
	trees := make([]*ast.File, 0, len(files))
	for _, s := range files {
		s.info = info
		trees = append(trees, s.tree)
	}
	_, err := (&types.Config{Importer: c.importer}).Check(imp, c.fset, trees, info)
	return err
}

// load parses and checks one listed package.
func (c *Checker) load(l listed) ([]*Source, error) {
	dir := strings.TrimPrefix(l.ImportPath, c.policy.Module+"/")
	var files []*Source
	for _, name := range l.GoFiles {
		text, err := os.ReadFile(filepath.Join(l.Dir, name))
		if err != nil {
			return nil, err
		}
		s, err := parse(c.fset, path.Join(dir, name), text)
		if err != nil {
			return nil, err
		}
		files = append(files, s)
	}
	return files, c.check(l.ImportPath, files)
}
