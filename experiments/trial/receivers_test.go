package trial

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/load"
)

func TestDeliveriesThatDoNotComeAreMissingAndHaveWaited(t *testing.T) {
	run := func(receivers int) *Measured {
		m, err := Run(Trial{
			Seed: 1, Hardware: "server", Cluster: rundir.Cluster{Nodes: 1}, Ready: 1000 * ms, Warm: 100 * ms, Measure: 100 * ms, Grace: 400 * ms, Receivers: receivers,
			Load: load.Spec{Groups: []load.Group{
				{Name: "p", Count: 1, Send: &load.Send{PerSecond: 1000, Subjects: []string{"tick"}}},
				{Name: "s", Count: 1, Subscribe: &load.Subscribe{Filters: []string{"tick"}}},
			}},
		})
		require.NoError(t, err)
		return m
	}
	one := run(1)
	require.Zero(t, one.Missing)
	require.Equal(t, one.Offered, one.Arrived)
	require.Equal(t, one.Offered, one.Arrival.TotalCount())
	require.InDelta(t, one.Offered, one.Delivered, 3, "of the window's deliveries some were published before it")
	require.Less(t, one.Arrival.Max(), 50*ms)
	require.NotZero(t, one.World.Bytes)
	require.Less(t, one.World.Events, one.Events, "the world's events of the window are not those of the run")

	two := run(2) // one of two is not there
	require.Equal(t, one.Offered, two.Missing)
	require.Equal(t, 2*one.Offered, two.Arrival.TotalCount())
	require.Greater(t, two.Arrival.Max(), 400*ms, "what is missing has waited to the end")
}
