// The architecture test: the rooms of the design, what pure packages must not use, and how
// long things may be. Exceptions are listed here and nowhere else.
package experiments_test

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/brokerlab/brokerlab/experiments/internal/arch"
)

// design is the table of rooms. Arrows point down only; tests are held to them too.
var design = &arch.Policy{
	Module: "github.com/brokerlab/brokerlab",
	Rooms: map[string][]string{
		"model":       {"model"},
		"faults":      {"faults", "model"},
		"checker":     {"checker", "model"},
		"impl":        {"impl", "model"},
		"sim":         {"sim", "faults", "model"},
		"experiments": {"experiments", "sim", "impl", "checker", "faults", "model"},
		"notebooks":   {"notebooks", "model"}, // model for the form of history files
		"cmd":         {"cmd", "experiments", "impl/drive"},
	},
	Libraries: map[string][]string{
		"model":         {},
		"faults":        {},
		"sim":           {},
		"checker":       {"github.com/anishathalye/porcupine"},
		"impl":          {"github.com/klauspost/compress"},
		"impl/broker":   {"github.com/klauspost/compress", "go.etcd.io/raft", "google.golang.org/protobuf"},
		"impl/quorum":   {"github.com/klauspost/compress", "go.etcd.io/raft", "google.golang.org/protobuf"},
		"impl/kafka":    {"go.etcd.io/raft"},
		"impl/redpanda": {"go.etcd.io/raft"},
		"impl/wire":     {"github.com/klauspost/compress", "go.etcd.io/raft", "google.golang.org/protobuf"},
		"impl/drive":    {"github.com/klauspost/compress", "golang.org/x/sys"},
	},
	Confined: []arch.Confined{
		{Library: "go.etcd.io/raft", Code: []string{"impl/broker", "impl/wire", "impl/quorum", "impl/kafka", "impl/redpanda"}, Tests: []string{"sim"}},
	},
	Pure:   []string{"model", "faults", "checker", "sim", "impl"},
	Driver: "impl/drive",
	Banned: map[string][]string{
		// A broker knows nothing of the process it runs in.
		"impl": {
			"time", "os", "net", "sync", "crypto/rand", "math/rand", "runtime", "unsafe",
			"syscall", "context", "log",
		},
		// The other rooms may use time's types, though not its clock.
		"model":   {"os", "net", "crypto/rand", "math/rand", "unsafe", "syscall"},
		"faults":  {"os", "net", "crypto/rand", "math/rand", "unsafe", "syscall"},
		"checker": {"os", "net", "crypto/rand", "math/rand", "unsafe", "syscall"},
		"sim":     {"os", "net", "crypto/rand", "math/rand", "unsafe", "syscall"},
	},
	EntropyFile:  "sim/entropy.go",
	FloatFiles:   map[string]string{},
	MaxFileLines: 600,
	MaxFuncLines: 70,
	LongFiles:    map[string]int{},
	LongFuncs:    map[string]int{},
}

// topLevel is what the project's root holds, hidden and generated names apart.
var topLevel = []string{
	"model", "sim", "impl", "faults", "checker", "experiments", "notebooks", "cmd",
	"go.mod", "go.sum", "Makefile", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE",
}

// root is the module's directory, seen from this package's.
const root = ".."

// generated says whether make and runs leave a name behind.
func generated(name string) bool {
	return name == "bin" || name == "out" || path.Ext(name) == ".test" || path.Ext(name) == ".prof"
}

func tree(t *testing.T) []*arch.Source {
	t.Helper()
	files, err := arch.Tree(root, generated)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(s *arch.Source) bool { return s.Path == "experiments/arch_test.go" }) {
		t.Fatal("the walk has not found this file")
	}
	return files
}

func report(t *testing.T, found []string) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}

func TestArchitectureArrowsPointDownAndSizesStaySmall(t *testing.T) {
	files := tree(t)
	for _, rule := range design.SyntaxRules() {
		t.Run(rule.Name, func(t *testing.T) {
			for _, s := range files {
				report(t, rule.Check(s))
			}
		})
	}
}

func TestArchitecturePurePackagesDependOnNoMapOrderAndNoFloat(t *testing.T) {
	checker, err := design.NewChecker(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := checker.Files()
	if err != nil {
		t.Error(err)
	}
	if len(files) == 0 {
		t.Fatal("no pure file was checked")
	}
	for _, rule := range design.TypedRules() {
		t.Run(rule.Name, func(t *testing.T) {
			for _, s := range files {
				report(t, rule.Check(s))
			}
		})
	}
}

func TestArchitectureEveryPackageSaysWhatItIsInDocGo(t *testing.T) {
	packages := map[string][]*arch.Source{}
	for _, s := range tree(t) {
		packages[s.Dir()] = append(packages[s.Dir()], s)
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		report(t, arch.Documented(dir, packages[dir]))
	}
}

func TestArchitectureExceptionsAreOfThingsThatExist(t *testing.T) {
	report(t, design.Gone(tree(t)))
}

func TestArchitectureTheRootHoldsTheRoomsAndNothingElse(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !generated(name) && !slices.Contains(topLevel, name) {
			t.Errorf("%s: nothing stands at the top level without a reason; with one, add it to topLevel", name)
		}
	}
}

// A snippet is a file at a path and what its rule must say of it: a part of the finding's
// sentence, or nothing.
type snippet struct{ rule, path, text, finding string }

var syntaxSnippets = []snippet{
	{"arrows", "impl/broker/a.go", `import _ "github.com/brokerlab/brokerlab/sim"`, "impl sees only impl, model, not sim"},
	{"arrows", "impl/store/a_test.go", `import _ "github.com/brokerlab/brokerlab/checker"`, "not checker"},
	{"arrows", "sim/a.go", `import _ "github.com/brokerlab/brokerlab/impl/wire"`, "not impl/wire"},
	{"arrows", "checker/a.go", `import _ "github.com/brokerlab/brokerlab/faults"`, "not faults"},
	{"arrows", "faults/a.go", `import _ "github.com/brokerlab/brokerlab/sim/choice"`, "not sim/choice"},
	{"arrows", "model/load/a.go", `import _ "github.com/brokerlab/brokerlab/faults"`, "not faults"},
	{"arrows", "cmd/brokerlab/a.go", `import _ "github.com/brokerlab/brokerlab/impl/broker"`, "not impl/broker"},
	{"arrows", "impl/broker/a.go", `import _ "github.com/brokerlab/brokerlab/impl/drive"`, "does not import impl/drive"},
	{"arrows", "helpers/a.go", ``, `"helpers" is no room`},
	{"arrows", "cmd/brokerlab/a.go", `import _ "github.com/brokerlab/brokerlab/impl/drive"`, ""},
	{"arrows", "sim/a.go", `import _ "github.com/brokerlab/brokerlab/model/machine"`, ""},
	{"libraries", "model/a.go", `import _ "github.com/anishathalye/porcupine"`, "model does not use the library"},
	{"libraries", "impl/store/a.go", `import _ "github.com/spf13/cobra"`, "impl/store does not use the library"},
	{"libraries", "checker/a.go", `import _ "github.com/anishathalye/porcupine"`, ""},
	{"libraries", "model/a_test.go", `import _ "pgregory.net/rapid"`, ""},
	{"confined", "experiments/a.go", `import _ "go.etcd.io/raft/v3"`, "go.etcd.io/raft belongs in impl/broker"},
	{"confined", "sim/a.go", `import _ "go.etcd.io/raft/v3"`, "go.etcd.io/raft belongs in impl/broker"},
	{"confined", "impl/store/a_test.go", `import _ "go.etcd.io/raft/v3/raftpb"`, "go.etcd.io/raft belongs in impl/broker"},
	{"confined", "sim/a_test.go", `import _ "go.etcd.io/raft/v3"`, ""},
	{"confined", "impl/wire/a.go", `import _ "go.etcd.io/raft/v3/raftpb"`, ""},
	{"pure imports", "impl/broker/a.go", `import _ "time"`, "a pure package of impl does not import time"},
	{"pure imports", "impl/client/a.go", `import _ "sync/atomic"`, "does not import sync/atomic"},
	{"pure imports", "impl/kafka/a.go", `import _ "math/rand/v2"`, "does not import math/rand/v2"},
	{"pure imports", "sim/world.go", `import _ "crypto/rand"`, "a pure package of sim does not import crypto/rand"},
	{"pure imports", "sim/entropy.go", `import _ "crypto/rand"`, ""},
	{"pure imports", "impl/drive/a.go", `import _ "time"`, ""},
	{"pure imports", "impl/wire/a_test.go", `import _ "os"`, ""},
	{"entropy", "experiments/a.go", "import \"crypto/rand\"\nfunc f() { rand.Reader = nil }", "set only in sim/entropy.go"},
	{"entropy", "experiments/a_test.go", "import r \"crypto/rand\"\nvar p = &r.Reader", "set only in sim/entropy.go"},
	{"entropy", "experiments/a.go", `import . "crypto/rand"`, "not imported with a dot"},
	{"entropy", "experiments/a.go", "import \"crypto/rand\"\nvar r = rand.Reader", ""},
	{"entropy", "sim/entropy.go", "import \"crypto/rand\"\nfunc f() { rand.Reader = nil }", ""},
	{"sequential", "impl/broker/a.go", "func f() { go f() }", "starts no goroutine"},
	{"sequential", "sim/a.go", "func f() { select {} }", "does not select"},
	{"sequential", "impl/drive/a.go", "func f() { go f() }", ""},
	{"wall clock", "sim/a.go", "import \"time\"\nvar t = time.Now()", "time.Now"},
	{"wall clock", "checker/a.go", "import \"time\"\nfunc f() { sleep := time.Sleep; sleep(1) }", "time.Sleep"},
	{"wall clock", "faults/a.go", "import . \"time\"", "not imported with a dot"},
	{"wall clock", "faults/a.go", "import \"time\"\nconst d = 2 * time.Minute", ""},
	{"sizes", "experiments/a.go", strings.Repeat("\n", 600), "the file has 601 lines, more than 600"},
	{"sizes", "experiments/a.go", "func f() {" + strings.Repeat("\n", 70) + "}", "func f has 71 lines, more than 70"},
	{"sizes", "experiments/a.go", "type T[A any] struct{}\nfunc (*T[A]) f() {" + strings.Repeat("\n", 70) + "}", "func T.f has 71"},
	{"sizes", "experiments/a.go", "func f() {" + strings.Repeat("\n", 69) + "}", ""},
}

var typedSnippets = []snippet{
	{"map order", "impl/broker/a.go", "func f(m map[int]int) (s int) { for k := range m { s = k }; return s }", "range over a map"},
	{"map order", "impl/broker/a.go", "type M map[int]int\nfunc f(m M) (s int) { for _, v := range m { s = v }; return s }", "range over a map"},
	{"map order", "impl/broker/a.go", "func f[M ~map[int]int](m M) (s int) { for k := range m { s = k }; return s }", "range over a map"},
	{"map order", "sim/a.go", "import \"maps\"\nfunc f(m map[int]int) (s int) { for k := range maps.Keys(m) { s = k }; return s }", "maps.Keys yields in map order"},
	{"map order", "sim/a.go", "func f(m map[int]int) (s int) {\n// map order:\nfor k := range m { s = k }; return s }", "range over a map"},
	{"map order", "sim/a.go", "func f(m map[int]int) (s int) {\n// map order: a sum has none\nfor k := range m { s += k }; return s }", ""},
	{"map order", "sim/a.go", "func f(m map[int]int) (n int) { for range m { n++ }; return n }", ""},
	{"map order", "sim/a.go", "import (\"maps\"; \"slices\")\nfunc f(m map[int]int) []int { return slices.Sorted(maps.Keys(m)) }", ""},
	{"map order", "sim/a.go", "func f(l []int) (s int) { for i := range l { s = i }; return s }", ""},
	{"floats", "faults/a.go", "func f(n int) bool { return float64(n)*1.5 > 3 }", "computes with no"},
	{"floats", "impl/store/a.go", "type T struct{ ratio float32 }", "computes with no float32"},
	{"floats", "checker/a.go", "var half = 1 / 2.0", "computes with no"},
	{"floats", "checker/a.go", "const second int64 = 1e9", ""},
}

func bites(t *testing.T, rules []arch.Rule, sn snippet, s *arch.Source) {
	t.Helper()
	i := slices.IndexFunc(rules, func(r arch.Rule) bool { return r.Name == sn.rule })
	if i < 0 {
		t.Fatalf("no rule is named %q", sn.rule)
	}
	found := strings.Join(rules[i].Check(s), "\n")
	if sn.finding == "" && found != "" || !strings.Contains(found, sn.finding) {
		t.Errorf("%s on %s:\n%s\nwant %q, found %q", sn.rule, sn.path, sn.text, sn.finding, found)
	}
}

func TestArchitectureEverySyntaxRuleBites(t *testing.T) {
	for _, sn := range syntaxSnippets {
		s, err := arch.Parse(sn.path, "package p;"+sn.text+"\n")
		if err != nil {
			t.Fatalf("%s: %v", sn.text, err)
		}
		bites(t, design.SyntaxRules(), sn, s)
	}
}

func TestArchitectureEveryTypedRuleBites(t *testing.T) {
	checker, err := design.NewChecker(root, "maps", "slices")
	if err != nil {
		t.Fatal(err)
	}
	for _, sn := range typedSnippets {
		s, err := checker.Snippet(sn.path, "package p;"+sn.text+"\n")
		if err != nil {
			t.Fatalf("%s: %v", sn.text, err)
		}
		bites(t, design.TypedRules(), sn, s)
	}
}

func TestArchitectureExceptionsOnlyShrink(t *testing.T) {
	long, err := arch.Parse("model/a.go", "package model\nfunc f() {"+strings.Repeat("\n", 9)+"}\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limit, entry int
		finding      string
	}{
		{5, 9, "has grown to 10 lines"},
		{5, 10, ""},
		{5, 12, "lower its entry"},
		{20, 12, "remove it from the ratchet"},
	} {
		p := &arch.Policy{MaxFileLines: 100, MaxFuncLines: c.limit, LongFuncs: map[string]int{"model/a.go:f": c.entry}}
		bites(t, p.SyntaxRules(), snippet{"sizes", long.Path, "ten lines", c.finding}, long)
	}
	p := &arch.Policy{LongFuncs: map[string]int{"model/a.go:g": 100}, FloatFiles: map[string]string{"model/b.go": "gone"}}
	if found := p.Gone([]*arch.Source{long}); len(found) != 2 {
		t.Errorf("two exceptions are of things that do not exist, found %q", found)
	}
}

func TestArchitectureAPackageWithoutItsDocIsFound(t *testing.T) {
	for _, c := range []struct{ path, text, finding string }{
		{"sim/disk/a.go", "package disk", "sim/disk: a package has a doc.go"},
		{"sim/disk/doc.go", "package disk", `must begin with "Package disk "`},
		{"cmd/brokerlab/doc.go", "// Package main is it.\npackage main", `must begin with "Command brokerlab "`},
		{"sim/disk/doc.go", "// Package disk is the simulated disk.\npackage disk", ""},
		{"sim/disk/a_test.go", "package disk_test", ""},
	} {
		s, err := arch.Parse(c.path, c.text+"\n")
		if err != nil {
			t.Fatal(err)
		}
		found := strings.Join(arch.Documented(s.Dir(), []*arch.Source{s}), "\n")
		if c.finding == "" && found != "" || !strings.Contains(found, c.finding) {
			t.Errorf("%s: want %q, found %q", c.path, c.finding, found)
		}
	}
}
