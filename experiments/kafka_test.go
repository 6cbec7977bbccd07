package experiments

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/spec"
)

// once runs one seed of an experiment.
func once(t *testing.T, name string, seed rundir.Seed, o Options) *Result {
	t.Helper()
	e, err := Find(name)
	require.NoError(t, err)
	c, err := e.Config(seed, o)
	require.NoError(t, err)
	res, err := Execute(c, nil)
	require.NoError(t, err)
	return res
}

func TestKafkaLosesWhereItsDocumentsSayItMay(t *testing.T) {
	for _, name := range []string{"kafka-acks-one", "kafka-unclean-election", "kafka-last-replica", "kafka-power-loss"} {
		res := once(t, name, 1, Options{})
		require.True(t, res.Manifest.Expected(), "%s: %s %v; repeat: brokerlab run %s --seed 1", name, res.Manifest.Verdict, res.Manifest.Violated, name)
		require.Contains(t, res.Manifest.Violated, spec.NoAckedLoss)
	}
}

func TestTheSettingThatKafkasDocumentsRecommendKeepsTheRecords(t *testing.T) {
	for _, c := range []struct{ name, set string }{
		{"kafka-acks-one", "acks=all"},
		{"kafka-unclean-election", "unclean=off"},
		{"kafka-last-replica", "elr=on"},
		{"kafka-power-loss", "flush=each"},
	} {
		res := once(t, c.name, 1, Options{Set: []string{c.set}})
		require.Equal(t, spec.Holds, res.Report.Of(spec.NoAckedLoss).Value, "%s: %s; repeat: brokerlab run %s --seed 1 --set %s", c.name, res.Report.Of(spec.NoAckedLoss).Sentence, c.name, c.set)
	}
}

func TestARaftGroupAPartitionKeepsWhatAllNodesPowerTakesFromKafka(t *testing.T) {
	res := once(t, "kafka-power-loss", 1, Options{Profile: "redpanda"})
	require.Equal(t, spec.Holds, res.Manifest.Verdict, "%v", res.Manifest.Violated)
}

func TestABaselineRefusesWhatOnlyStreamsHaveAndListsAll(t *testing.T) {
	e, err := Find("quickstart")
	require.NoError(t, err)
	_, err = e.Config(1, Options{Profile: "kafka"})
	var usage *UsageError
	require.ErrorAs(t, err, &usage)
	require.Contains(t, usage.Why, "conditional_percent: profile kafka has no expectations")
	_, err = e.Config(1, Options{Profile: "kafka", Set: []string{"acks=2"}})
	require.ErrorContains(t, err, "is not one of all, 1, 0")
	_, err = e.Config(1, Options{Profile: "kafka", Set: []string{"acks=2", "linger", "elk=on", "elr=on", "elr=off"}})
	for _, each := range []string{"acks=2: switch acks", "linger: want switch=value", `unknown switch "elk"`, "elr is set to both on and off"} {
		require.ErrorContains(t, err, each)
	}
	_, err = e.Config(1, Options{Profile: "pulsar"})
	require.ErrorContains(t, err, "want one of reference, nats, kafka, redpanda")
}
