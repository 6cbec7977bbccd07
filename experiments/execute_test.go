package experiments

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

func runSeed(t *testing.T, name string, seed rundir.Seed, o Options) *Result {
	t.Helper()
	e, err := Find(name)
	require.NoError(t, err)
	c, err := e.Config(seed, o)
	require.NoError(t, err)
	res, err := Execute(c, nil)
	require.NoError(t, err)
	return res
}

func TestARunIsAFunctionOfItsConfigurationAndItsExecutedPlanRepeatsIt(t *testing.T) {
	a := runSeed(t, "power-loss", 3, Options{Profile: "nats"})
	b := runSeed(t, "power-loss", 3, Options{Profile: "nats"})
	require.Equal(t, a.Manifest, b.Manifest)
	require.Equal(t, a.History.Events, b.History.Events)

	c := a.Manifest.Config
	c.Plan = planLines(a.Executed)
	require.NotEqual(t, a.Manifest.Plan, runSeed(t, "power-loss", 4, Options{Profile: "nats"}).Manifest.Plan)
	again, err := Execute(c, nil)
	require.NoError(t, err)
	require.Equal(t, a.Manifest.Trace, again.Manifest.Trace)
}

func TestAHistoryIsInOrderAndItsStoredMessagesHaveNames(t *testing.T) {
	res := runSeed(t, "stalled-disks", 1, Options{})
	require.Equal(t, spec.Holds, res.Manifest.Verdict, res.Sentence())
	stored, healed, drained := 0, 0, 0
	for i := range res.History.Events {
		e := &res.History.Events[i]
		require.Equal(t, uint64(i+1), e.Index)
		switch e.Verb {
		case "stored":
			stored++
			require.NotEmpty(t, e.Value, "event %d: a stored message that nobody published", e.Index)
		case history.Healed:
			healed++
		case history.Drained:
			drained++
		}
	}
	require.Greater(t, stored, 3000)
	require.Equal(t, 1, healed)
	require.Equal(t, 1, drained)
}

func TestTheDemoEndsAsTheReadmeSays(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	require.Contains(t, string(text), runSeed(t, "quickstart", 1, Options{}).LastLine())
}

// mutantSeeds bounds the seeds in which a planted bug must be caught.
const mutantSeeds = 40

func TestEveryPlantedBugIsCaughtAndItsExperimentHoldsWithoutIt(t *testing.T) {
	for _, m := range Mutants() {
		t.Run(m.ID, func(t *testing.T) {
			caught, err := m.Hunt(mutantSeeds, false)
			require.NoError(t, err)
			require.True(t, caught.Caught, "repeat: brokerlab run %s --set %s --seeds 1-%d", m.Experiment, m.Set, mutantSeeds)
			t.Logf("caught with seed %s: %s", caught.Seed, caught.Sentence)
			sound := runSeed(t, m.Experiment, caught.Seed, Options{})
			require.Equal(t, spec.Holds, sound.Manifest.Verdict, "without the bug: %s", sound.Sentence())
		})
	}
}

func TestThePublishedLossesShowUnderTheNATSProfileAndNotUnderTheReference(t *testing.T) {
	for _, name := range []string{"power-loss", "pause-then-power-loss"} {
		res := runSeed(t, name, 1, Options{Profile: "nats"})
		require.True(t, res.Manifest.Expected(), "%s: %v", name, res.Manifest.Violated)
		require.Contains(t, res.Sentence(), "acknowledged")
		require.Contains(t, res.Sentence(), "power failed")
		lives := res.lives()
		require.NotEmpty(t, lives)
		require.Contains(t, strings.Join(lives[0].Lines, "\n"), "published by")
		require.Equal(t, spec.Holds, runSeed(t, name, 1, Options{}).Manifest.Verdict)
	}
}
