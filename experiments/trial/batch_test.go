package trial

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/load"
)

// The batch server (baselines: queueing): with one sync of F at a time, and everything that waits joining the next one, K clients that
// publish again when they were answered get between K/2F (the first to come back starts a sync alone, and the others wait for the
// next) and K/F, and each waits between F and 2F; a sync for each message would give 1/F, whatever K. Steps are free here, and the
// network is short beside a sync of 10 ms.
func TestGroupCommitIsABatchServer(t *testing.T) {
	hw, err := hardware.Load("server")
	require.NoError(t, err)
	hw, err = hw.With("disk.sync_ns", 10*ms)
	require.NoError(t, err)
	sync := float64(hw.Disk().SyncTime.Mean())
	for _, clients := range []int{1, 4, 16, 64} {
		m, err := Run(Trial{
			Seed: 1, Profile: "reference", Hardware: "server", Constants: map[string]int64{"disk.sync_ns": 10 * ms}, Free: true,
			Cluster: rundir.Cluster{Nodes: 1, Streams: []load.StreamSpec{{Name: "S", Replicas: 1}}},
			Load:    load.Spec{Groups: []load.Group{{Name: "p", Count: clients, PublishPerSecond: clients * 2000, Bytes: 128, MaxOpen: 1}}},
			Warm:    200 * ms, Measure: 2000 * ms,
		})
		require.NoError(t, err)
		rate, alone := float64(m.Rate(m.Done)), 1e9/sync
		require.Less(t, rate, 1.15*float64(clients)*alone, "%d clients", clients)
		if clients == 1 {
			require.InEpsilon(t, alone, rate, 0.15)
			continue
		}
		require.Greater(t, rate, 0.85*float64(clients)*alone/2, "%d clients", clients)
		require.Greater(t, m.Latency.Mean(), 0.9*sync, "%d clients", clients)
		require.Less(t, m.Latency.Mean(), 2.2*sync, "%d clients", clients)
	}
}
