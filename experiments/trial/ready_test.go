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

func TestWithAPlanTheTimesOfTheRunStand(t *testing.T) {
	tr := early()
	tr.Plan = faults.Plan{Faults: []faults.Fault{{At: 550 * ms, Kind: faults.Heal}}}
	_, err := Run(tr)
	require.ErrorContains(t, err, "kafka: streams were not created within 500ms")
}
