package faults

import (
	"hash/fnv"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
)

func anyOptions(t *rapid.T) GenOptions {
	return GenOptions{
		Nodes:     rapid.IntRange(1, 7).Draw(t, "nodes"),
		Start:     rapid.Int64Range(0, 10*second).Draw(t, "start"),
		End:       rapid.Int64Range(11*second, 60*second).Draw(t, "end"),
		Gap:       rapid.Int64Range(50*milli, 5*second).Draw(t, "gap"),
		Kinds:     rapid.OneOf(rapid.Just[[]Kind](nil), rapid.SliceOf(rapid.SampledFrom(Kinds()))).Draw(t, "kinds"),
		Streams:   rapid.SampledFrom([][]string{nil, {"ORDERS"}, {"A", "B"}}).Draw(t, "streams"),
		Replicas:  rapid.IntRange(0, 5).Draw(t, "replicas"),
		Files:     rapid.SampledFrom([][]string{nil, {"wal"}, {"wal", "streams"}}).Draw(t, "files"),
		NoClients: rapid.Bool().Draw(t, "noclients"),
	}
}

func TestAGeneratedPlanIsValidAndKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opt := anyOptions(t)
		p := Generate(rapid.Uint64().Draw(t, "seed"), opt)
		require.NoError(t, p.Validate(opt.Nodes, opt.Streams))
		q, err := Parse(p.String())
		require.NoError(t, err)
		require.Equal(t, p.String(), q.String())
		require.LessOrEqual(t, p.Healed(), opt.End)
		failing, losing := map[machine.NodeID]bool{}, map[machine.NodeID]bool{}
		for i := range p.Faults {
			f := &p.Faults[i]
			require.GreaterOrEqual(t, f.At, opt.Start)
			if opt.Kinds != nil {
				require.Contains(t, opt.Kinds, f.Kind)
			}
			for _, target := range f.Targets {
				require.False(t, opt.NoClients && target.HasClients())
				if f.Kind.Media() {
					for _, id := range target.Expand(opt.Nodes) {
						failing[id] = true
						if f.Kind.Loses() {
							losing[id] = true
							require.GreaterOrEqual(t, opt.Nodes, 3)
							require.True(t, opt.Replicas == 0 || opt.Replicas >= 3)
						}
					}
				}
			}
		}
		require.LessOrEqual(t, len(losing), 1, "one node loses what it had synced")
		require.LessOrEqual(t, 2*len(failing), max(opt.Nodes-1, 0), "disks fail on a minority at most")
	})
}

func TestEachGeneratedFaultIsDrawnByItsOwnNumber(t *testing.T) {
	opt := GenOptions{Nodes: 3, End: 60 * second, Streams: []string{"ORDERS"}}
	var g generator
	g.seed, g.opt = 7, opt
	g.prepare()
	require.Greater(t, g.count, 5)
	whole := Generate(7, opt)
	require.Len(t, whole.Faults, g.count)
	for i := g.count - 1; i >= 0; i-- {
		f, ok := g.fault(i)
		require.True(t, ok)
		require.Equal(t, whole.Faults[i], f, "drawn alone, and after every later one")
	}
}

func TestSeedsUseDifferentKindsAndTogetherAll(t *testing.T) {
	opt := GenOptions{Nodes: 5, End: 60 * second, Streams: []string{"ORDERS"}}
	seen, sets := map[Kind]int{}, map[string]bool{}
	for seed := range uint64(200) {
		in := map[Kind]bool{}
		for _, f := range Generate(seed, opt).Faults {
			in[f.Kind] = true
		}
		set := ""
		for _, k := range Kinds() {
			if in[k] {
				seen[k]++
				set += k.String() + " "
			}
		}
		sets[set] = true
	}
	for _, k := range Kinds() {
		if slices.Contains([]Kind{Duplicate, Reorder, Heal}, k) || k.Loses() {
			require.Zero(t, seen[k], k)
			continue
		}
		require.Greater(t, seen[k], 20, k)
		require.Less(t, seen[k], 180, k)
	}
	require.Greater(t, len(sets), 150)
}

func TestAGeneratedPlanIsTheSameOnEveryMachine(t *testing.T) {
	h := fnv.New64a()
	for seed := range uint64(50) {
		p := Generate(seed, GenOptions{Nodes: 3, End: 30 * second, Streams: []string{"ORDERS"}})
		h.Write([]byte(p.String()))
	}
	require.Equal(t, uint64(0x29618539b830150e), h.Sum64(), "a change here changes what every seed means")
}
