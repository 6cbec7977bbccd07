package experiments

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
)

// What is not put to the test cannot fail: a change of the load or of the limits after which nothing is freed,
// fetched or read from disk any more would make soak a matter of form.
func TestSoakPutsEverythingToTheTest(t *testing.T) {
	var sum rundir.Totals
	for seed := rundir.Seed(1); seed <= 12; seed++ {
		c, err := soak.Config(seed, Options{})
		require.NoError(t, err)
		res, err := Execute(c, nil)
		require.NoError(t, err)
		require.True(t, res.Manifest.Expected(), "seed %s: %s", seed, res.Sentence())
		sum.Add(&res.Manifest.Totals)
	}
	got := sum.Covered
	require.Zero(t, got.Panics)
	got.Panics = 1
	require.NotContains(t, got.String(), "no ", "some of it never happened")
}

func TestSoakDrawsClustersThatDiffer(t *testing.T) {
	nodes, streams, replicas, limits := map[int]bool{}, map[int]bool{}, map[int]bool{}, map[rundir.Limits]bool{}
	for seed := rundir.Seed(1); seed <= 60; seed++ {
		c, err := soak.Config(seed, Options{})
		require.NoError(t, err)
		nodes[c.Cluster.Nodes], streams[len(c.Cluster.Streams)], limits[c.Cluster.Limits] = true, true, true
		for _, s := range c.Cluster.Streams {
			replicas[s.Replicas] = true
		}
	}
	require.Len(t, nodes, 3)
	require.Len(t, streams, 4)
	require.Equal(t, map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true}, replicas)
	require.Greater(t, len(limits), 55)
}

func TestNoFaultOfSoakStrikesAfterItsEnd(t *testing.T) {
	for seed := rundir.Seed(1); seed <= 300; seed++ {
		c, err := soak.Config(seed, Options{})
		require.NoError(t, err)
		plan, err := faults.Parse(strings.Join(c.Plan, "\n") + "\n")
		require.NoError(t, err)
		for i := range plan.Faults {
			f := &plan.Faults[i]
			require.True(t, f.Kind == faults.Heal || f.At >= soakStart*1e9-3e9 && f.At+f.For <= soakEnd*1e9, "seed %s: %s", seed, f)
		}
	}
}

func TestLimitsOfACustomClusterReachTheBrokerAndAreChecked(t *testing.T) {
	dir := t.TempDir()
	run := func(limits string) (*Result, error) {
		file := filepath.Join(dir, "cluster.json")
		require.NoError(t, os.WriteFile(file, []byte(`{"nodes": 3, "streams": [{"name": "ORDERS", "replicas": 3}, {"name": "AUDIT", "replicas": 1}], "duration_s": 20, "limits": `+limits+`}`), 0o600))
		plan := filepath.Join(dir, "plan.txt")
		require.NoError(t, os.WriteFile(plan, []byte("plan v1\n"), 0o600))
		load := filepath.Join(dir, "load.json")
		require.NoError(t, os.WriteFile(load, []byte(`{"clients": [{"name": "c", "count": 2, "publish_per_second": 20, "read_per_second": 20}]}`), 0o600))
		e, err := Custom(file, load, plan)
		require.NoError(t, err)
		c, err := e.Config(1, Options{})
		if err != nil {
			return nil, err
		}
		return Execute(c, nil)
	}
	res, err := run(`{"segment_bytes": 4000, "tail_bytes": 3000, "keep_bytes": 10, "cache_bytes": 1, "block_bytes": 2000, "batch_bytes": 100, "queue_bytes": 100000, "max_segments": 2}`)
	require.NoError(t, err)
	require.Greater(t, res.Manifest.Totals.Covered.SegmentsFreed, 10)
	require.Greater(t, res.Manifest.Totals.Covered.DiskReads, 10)
	res, err = run(`{}`)
	require.NoError(t, err)
	require.Zero(t, res.Manifest.Totals.Covered.Checkpoints)
	for limits, want := range map[string]string{
		`{"tail_bytes": 100}`:                   "keep bytes 1048576 must not exceed tail bytes 100",
		`{"cache_bytes": -1}`:                   "cache bytes must be between 1 and",
		`{"segment_bytes": 2000000000}`:         "segment bytes must be between 1 and",
		`{"batch_bytes": -1, "tail_bytes": -1}`: "max batch must be",
	} {
		_, err := run(limits)
		var usage *UsageError
		require.ErrorAs(t, err, &usage, limits)
		require.ErrorContains(t, err, want)
	}
}
