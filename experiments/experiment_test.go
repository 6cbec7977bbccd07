package experiments

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/impl/broker"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

func TestEveryExperimentIsWellFormedUnderEveryProfileAndSeed(t *testing.T) {
	names := map[string]bool{}
	for _, e := range All() {
		require.False(t, names[e.Name], e.Name)
		names[e.Name] = true
		require.True(t, strings.HasSuffix(e.Question, "?") || strings.HasSuffix(e.Question, ")"), e.Question)
		for _, profile := range broker.Profiles() {
			plans := map[string]bool{}
			for seed := rundir.Seed(1); seed <= 50; seed++ {
				c, err := e.Config(seed, Options{Profile: profile})
				require.NoError(t, err, "%s seed %s", e.Name, seed)
				again, err := e.Config(seed, Options{Profile: profile})
				require.NoError(t, err)
				require.Equal(t, c, again)
				plan, err := faults.Parse(strings.Join(c.Plan, "\n") + "\n")
				require.NoError(t, err)
				require.LessOrEqual(t, plan.Healed(), c.Heal, "%s seed %s: healed too late", e.Name, seed)
				plans[strings.Join(c.Plan, "\n")] = true
			}
			require.Greater(t, len(plans), 40, "%s: seeds must differ", e.Name)
		}
	}
}

func TestEveryMutantNamesASwitchAndAnExperiment(t *testing.T) {
	for _, m := range Mutants() {
		e, err := Find(m.Experiment)
		require.NoError(t, err, m.ID)
		_, err = e.Config(1, Options{Set: []string{m.Set}})
		require.NoError(t, err, m.ID)
		require.NotEmpty(t, m.Breaks, m.ID)
	}
}

func TestWhatWasAskedForWronglyIsSaid(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Profile: "mainframe"}, `unknown profile "mainframe"`},
		{Options{Set: []string{"sync"}}, "want switch=value"},
		{Options{Set: []string{"sync=sometimes"}}, "sometimes"},
		{Options{Set: []string{"sync=none", "sync=group"}}, "set to both none and group"},
		{Options{Set: []string{"sink=none"}}, `unknown switch "sink"`},
	} {
		_, err := quickstart.Config(1, c.o)
		var usage *UsageError
		require.ErrorAs(t, err, &usage)
		require.ErrorContains(t, err, c.want)
	}
	_, err := Find("quickstop")
	require.ErrorContains(t, err, "quickstart")
}

func TestTheExamplesOfCustomExperimentsAreValid(t *testing.T) {
	e, err := Custom("examples/cluster.json", "examples/load.json", "examples/plan.txt")
	require.NoError(t, err)
	c, err := e.Config(1, Options{})
	require.NoError(t, err)
	require.Equal(t, 5, c.Cluster.Nodes)
	require.Len(t, c.Plan, 6)
}

// TestTheExamplesOfEveryRoleRun runs them on one seed: every role does what it is there for, and nothing promised is broken.
func TestTheExamplesOfEveryRoleRun(t *testing.T) {
	for name, want := range map[string][]history.Verb{
		"core": {history.Send, history.Subscribe, history.Unsubscribe, history.Flush, history.Request, history.Answer},
		"streams": {
			history.Publish, history.Read, history.Last, history.NextOf, history.Remove, history.Purge,
		},
		"consumers": {
			history.Publish, history.CreateConsumer, history.Fetch, history.Ack, history.Nak, history.Term, history.Progress, history.Subscribe, history.ConsumerInfo,
		},
	} {
		e, err := Custom("examples/"+name+"-cluster.json", "examples/"+name+".json", "examples/"+name+"-plan.txt")
		require.NoError(t, err)
		c, err := e.Config(1, Options{})
		require.NoError(t, err)
		res, err := Execute(c, nil)
		require.NoError(t, err)
		require.Equal(t, spec.Holds, res.Manifest.Verdict, "%s: %v %v", name, res.Manifest.Violated, res.Manifest.Unknown)
		asked, drained := map[history.Verb]int{}, false
		for _, e := range res.History.Events {
			if e.Kind == history.Invoke {
				asked[e.Verb]++
			}
			drained = drained || e.Verb == history.Drained
		}
		require.True(t, drained, name)
		for _, v := range want {
			require.Positive(t, asked[v], "%s: %s", name, v)
		}
	}
}

func TestCustomFilesAreRefusedWithFileAndPlace(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	cluster, loads, plan := "examples/cluster.json", "examples/load.json", "examples/plan.txt"
	for _, c := range []struct{ cluster, load, plan, want string }{
		{write("a.json", "{\"nodes\": 3,\n \"strems\": []}"), loads, plan, `a.json: line 2, column 2: unknown field "strems"`},
		{cluster, write("b.json", `{"clients": [{"name": "c", "count": "four"}]}`), plan, "b.json: line 1, column"},
		{cluster, loads, write("p.txt", "plan v1\nat 3s explode n1\n"), "p.txt: line 2, column"},
		{cluster, loads, filepath.Join(dir, "missing"), "missing: no such file"},
		{write("c.json", `{"nodes": 3, "streams": [{"name": "ORDERS", "replicas": 3}], "duration_s": 20}`), loads, plan, "its last fault ends at 26s"},
		{write("d.json", `{"nodes": 3, "streams": [{"name": "X", "replicas": 3}], "duration_s": -1}`), loads, plan, "duration_s -1"},
	} {
		_, err := Custom(c.cluster, c.load, c.plan)
		var usage *UsageError
		require.ErrorAs(t, err, &usage)
		require.ErrorContains(t, err, c.want)
	}
}

func TestAContradictoryConfigurationListsEveryFault(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "cluster.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"nodes": 12, "election_ticks": 7, "streams": [{"name": "a b", "replicas": 9}], "duration_s": 60}`), 0o600))
	e, err := Custom(path, "examples/load.json", "examples/plan.txt")
	require.NoError(t, err)
	_, err = e.Config(1, Options{})
	for _, want := range []string{"cluster.nodes: 12", `"a b"`, "replicas: 9", "power of two", `no stream "ORDERS"`} {
		require.ErrorContains(t, err, want)
	}
}

func TestAPlanIsHealedOnce(t *testing.T) {
	p := faults.Plan{Faults: []faults.Fault{{At: 1, Kind: faults.Crash, Targets: one(faults.Node(1)), For: 5}}}
	h := healed(p, 100)
	require.Len(t, h.Faults, 2)
	require.Equal(t, h, healed(h, 100))
	require.Len(t, p.Faults, 1)
}

func TestLongSentencesAreWrapped(t *testing.T) {
	text := wrap(strings.Repeat("word ", 40), 30, "  ")
	for _, line := range strings.Split(text, "\n") {
		require.LessOrEqual(t, len(line), 32)
		require.True(t, strings.HasPrefix(line, "  word"))
	}
}
