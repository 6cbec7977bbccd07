package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
)

func TestPlansReadAndFailAsWritten(t *testing.T) {
	for _, file := range []string{"testdata/executed", "testdata/errors"} {
		datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
			p, err := Parse(d.Input)
			if d.Cmd == "parse" {
				if err != nil {
					return err.Error() + "\n"
				}
				return p.String()
			}
			require.NoError(t, err)
			var nodes int
			var streams string
			d.ScanArgs(t, "nodes", &nodes)
			d.ScanArgs(t, "streams", &streams)
			if err := p.Validate(nodes, []string{streams}); err != nil {
				return err.Error() + "\n"
			}
			return "valid\n"
		})
	}
}

func TestExamplePlansAreValid(t *testing.T) {
	files, err := filepath.Glob("testdata/plans/*.plan")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		p, err := Parse(string(text))
		require.NoError(t, err, file)
		require.NotEmpty(t, p.Faults, file)
		require.NoError(t, p.Validate(5, []string{"ORDERS"}), file)
	}
}

// anyPlan draws a valid plan, as its printer must be able to write it.
func anyPlan() *rapid.Generator[Plan] {
	return rapid.Custom(func(t *rapid.T) Plan {
		return Plan{Faults: rapid.SliceOfN(rapid.Custom(anyFault), 0, 6).Draw(t, "faults")}
	})
}

func anyTime() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(0, MaxTime), rapid.Int64Range(0, 5_000_000_000),
		rapid.Map(rapid.Int64Range(0, 90_000), func(v int64) int64 { return v * 1e6 }))
}

func anyFault(t *rapid.T) Fault {
	f := Fault{At: anyTime().Draw(t, "at"), Kind: rapid.SampledFrom(Kinds()).Draw(t, "kind")}
	g := &forms[f.Kind]
	if g.lasts {
		f.For = anyTime().Draw(t, "for")
	}
	if g.power {
		f.Keep = Keep(rapid.IntRange(int(KeepNone), int(KeepAny)).Draw(t, "keep"))
		f.Tear = rapid.Bool().Draw(t, "tear")
	}
	if g.sync {
		f.Sync = SyncFailure(rapid.IntRange(0, int(SyncLate)).Draw(t, "sync"))
	}
	if g.files {
		f.In = rapid.OneOf(rapid.SampledFrom([]string{"wal", "streams/", "last", "in=x", "for"}), rapid.StringN(1, 8, -1).Filter(fileName)).Draw(t, "in")
		f.Last = rapid.Bool().Draw(t, "last")
	}
	switch g.amount {
	case latency:
		f.Amount = anyTime().Draw(t, "latency")
	case percent:
		f.Amount = rapid.Int64Range(1, 1_000_000).Draw(t, "share")
	case factor:
		f.Amount = rapid.Int64Range(1, maxFactor).Draw(t, "factor")
	case step:
		f.Amount = rapid.Int64Range(-MaxTime, MaxTime).Draw(t, "step")
	case rate:
		f.Amount = rapid.Int64Range(-maxRate, maxRate).Draw(t, "rate")
	}
	n := map[shape]int{noTarget: 0, oneTarget: 1, oneWay: 2, bothWays: 2}[g.shape]
	if g.shape == groups {
		n = rapid.IntRange(2, 4).Draw(t, "groups")
	}
	for range n {
		f.Targets = append(f.Targets, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Term { return anyTerm(t, g.clients) }), 1, 3).Draw(t, "target"))
	}
	return f
}

func anyTerm(t *rapid.T, clients bool) Term {
	x := Term{Who: Who(rapid.IntRange(int(OneNode), int(Minority)).Draw(t, "who"))}
	if x.Who == Clients && !clients {
		x.Who = All
	}
	switch {
	case x.Who == OneNode:
		x.Node = machine.NodeID(rapid.Uint32Range(1, 1<<32-1).Draw(t, "node"))
	case x.Who > Others:
		x.Stream = rapid.OneOf(rapid.SampledFrom([]string{"ORDERS", "meta", "for", "|", "->", "-", "n1", "a#b", "x=ü"}),
			rapid.StringN(1, 8, -1).Filter(streamName)).Draw(t, "stream")
	}
	if x.Who == Follower {
		x.N = rapid.IntRange(1, 1000).Draw(t, "n")
	}
	if x.Who.Role() && rapid.Bool().Draw(t, "resolved") {
		x.Resolved = true
		for id := range rapid.IntRange(0, 3).Draw(t, "nodes") {
			x.Nodes = append(x.Nodes, machine.NodeID(id*7+1))
		}
	}
	return x
}

func TestAPlanParsesBackToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPlan().Draw(t, "plan")
		require.NoError(t, p.Validate(0, nil))
		q, err := Parse(p.String())
		require.NoError(t, err, p.String())
		if len(p.Faults) == 0 {
			p.Faults = nil
		}
		require.Equal(t, p, q)
	})
}

func TestADurationParsesBackToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyTime().Draw(t, "v")
		got, err := ParseDuration(FormatDuration(v))
		require.NoError(t, err)
		require.Equal(t, v, got)
	})
}

func FuzzParsePlan(f *testing.F) {
	files, _ := filepath.Glob("testdata/plans/*.plan")
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	text, err := os.ReadFile("testdata/errors")
	require.NoError(f, err)
	for _, line := range strings.Split(string(text), "\n") {
		f.Add(Header + "\n" + line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			errs, ok := err.(ParseErrors)
			require.True(t, ok && len(errs) > 0)
			for _, e := range errs {
				require.Positive(t, e.Line)
				require.Positive(t, e.Column)
				require.NotEmpty(t, e.Rule)
			}
			return
		}
		require.NoError(t, p.Validate(0, nil), "what parses is wrong at most about nodes and streams")
		q, err := Parse(p.String())
		require.NoError(t, err, p.String())
		require.Equal(t, p, q)
	})
}

func TestThePlanIsHealedWhenItsLastFaultIsOver(t *testing.T) {
	for _, c := range []struct {
		plan string
		want int64
	}{
		{"", 0},
		{"at 1s crash n1 for 2s", 3e9},
		{"at 1s crash n1 for 2s\nat 2s pause n2 for 500ms", 3e9},
		{"at 1s crash n1 for 1h\nat 9s heal", 9e9},
		{"at 1s crash n1 for 1h\nat 9s heal\nat 9s pause n1 for 1s", 10e9},
		{"at 1s crash n1 for 1h\nat 9s heal\nat 20s heal\nat 10s pause n1 for 1h", 20e9},
		{"at 7s clock n1 +1h", 7e9},
	} {
		p, err := Parse(Header + "\n" + c.plan)
		require.NoError(t, err)
		require.Equal(t, c.want, p.Healed(), c.plan)
	}
}

func TestFaultsComeInOrderOfTimeThenOfThePlan(t *testing.T) {
	p, err := Parse(Header + "\nat 3s heal\nat 1s reset n1 - n2\nat 3s reset n1 - n2\nat 2s heal")
	require.NoError(t, err)
	require.Equal(t, []int{1, 3, 0, 2}, p.InOrder())
}

func TestAReducedPlanSharesNothingWithItsOrigin(t *testing.T) {
	p, err := Parse(Header + "\nat 1s crash n1 for 1s\nat 2s pause leader of S (n2) for 1s")
	require.NoError(t, err)
	q := p.Without(0)
	require.Len(t, q.Faults, 1)
	q.Faults[0].Targets[0][0].Nodes[0] = 9
	require.Equal(t, machine.NodeID(2), p.Faults[1].Targets[0][0].Nodes[0])
	require.Len(t, p.Faults, 2)
}
