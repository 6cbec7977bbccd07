package arch

import (
	"path"
	"slices"
	"strings"
)

// Policy is what a tree is held to. Directories and files are named from the module's
// root, with slashes; a directory stands for everything below it too.
type Policy struct {
	Module string
	// Rooms says what each top-level directory's packages, tests included, import
	// directly of the module. A directory that is no room is a finding.
	Rooms map[string][]string
	// Libraries says which other modules the code below a directory imports, tests
	// apart. The longest directory counts; those that have none choose freely.
	Libraries map[string][]string
	// Confined lists libraries that appear in a few places only.
	Confined []Confined
	// Pure are the directories whose code, tests apart, decides nothing by clock,
	// goroutine, map order or float; Driver is the one below them that does.
	Pure   []string
	Driver string
	// Banned says what the pure packages of a room do not import, subpackages included.
	Banned map[string][]string
	// EntropyFile alone imports crypto/rand among the pure, and alone in the tree sets
	// its Reader.
	EntropyFile string
	// FloatFiles are pure files that may use floats, each with the reason.
	FloatFiles map[string]string
	// LongFiles and LongFuncs ("file:Type.Func") are exceptions to the limits, with
	// their lengths: ratchets that only shrink.
	MaxFileLines, MaxFuncLines int
	LongFiles, LongFuncs       map[string]int
}

// Confined is a library that only some directories' code and some others' tests import.
type Confined struct {
	Library     string
	Code, Tests []string
}

// Rule judges one file.
type Rule struct {
	Name  string
	Check func(*Source) []string
}

// SyntaxRules need no types; they judge every file.
func (p *Policy) SyntaxRules() []Rule {
	return []Rule{
		{"arrows", p.arrows},
		{"libraries", p.libraries},
		{"confined", p.confined},
		{"pure imports", p.pureImports},
		{"entropy", p.entropy},
		{"sequential", p.sequential},
		{"wall clock", p.wallClock},
		{"sizes", p.sizes},
	}
}

// TypedRules judge files that Checker has checked.
func (p *Policy) TypedRules() []Rule {
	return []Rule{
		{"map order", p.mapOrder},
		{"floats", p.floats},
	}
}

// PureDir says whether the code of a directory is to be pure.
func (p *Policy) PureDir(dir string) bool { return withinAny(dir, p.Pure) && !within(dir, p.Driver) }

func (p *Policy) pure(s *Source) bool { return !s.test() && p.PureDir(s.Dir()) }

// within says whether dir is root or below it.
func within(dir, root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }

func withinAny(dir string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return within(dir, root) })
}

func room(dir string) string { return strings.SplitN(dir, "/", 2)[0] }

// standard says whether an import path is the standard library's: no dot before the
// first slash.
func standard(imp string) bool { return !strings.Contains(room(imp), ".") }

// longest finds the value of the nearest directory at or above dir.
func longest(table map[string][]string, dir string) (value []string, ok bool) {
	for ; dir != "."; dir = path.Dir(dir) {
		if value, ok = table[dir]; ok {
			return value, true
		}
	}
	return nil, false
}
