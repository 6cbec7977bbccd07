package trial

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
)

// A Kafka-style cluster has no stream after half a second: its brokers have not registered yet.
func early() Trial {
	return Trial{
		Seed: 1, Profile: "kafka", Hardware: "server", Ready: 500 * ms, Measure: 100 * ms,
		Cluster: rundir.Cluster{Nodes: 3, Streams: []load.StreamSpec{{Name: "S", Replicas: 3}}},
		Load:    load.Spec{Groups: []load.Group{{Name: "p", Count: 2, PublishPerSecond: 200}}},
	}
}

func TestAClusterThatIsNotReadyIsGivenMoreTimeFromTheBeginning(t *testing.T) {
	m, err := Run(early())
	require.NoError(t, err)
	require.NotZero(t, m.OK)
	again, err := Run(early())
	require.NoError(t, err)
	require.Equal(t, m.Trace, again.Trace)
}

func TestWhatAPlanHasForAfterwardsComesAsMuchLater(t *testing.T) {
	calm, err := Run(early())
	require.NoError(t, err)
	tr := early()
	tr.Plan = faults.Plan{Faults: []faults.Fault{
		{At: 0, Kind: faults.Heal},
		{At: 550 * ms, Kind: faults.Pause, Targets: []faults.Target{faults.Everyone()}, For: 60_000 * ms},
	}}
	m, err := Run(tr)
	require.NoError(t, err)
	require.Greater(t, m.From, tr.From())
	require.Equal(t, calm.From, m.From)
	require.Positive(t, m.OK, "nobody is paused before the middle of the window")
	require.Less(t, m.OK, calm.OK)
	require.EqualValues(t, 550*ms, tr.Plan.Faults[1].At, "the caller's plan is as it was")

	require.Equal(t, []int64{0, 1050 * ms}, []int64{later(tr.Plan, 500*ms).Faults[0].At, later(tr.Plan, 500*ms).Faults[1].At})
}
