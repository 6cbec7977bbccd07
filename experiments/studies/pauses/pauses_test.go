package pauses

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/sim/host"
)

// Nobody fires before the shortest timeout less a tick, and somebody has by the longest.
func TestTheChanceOfAnElectionRisesBetweenTheTimeouts(t *testing.T) {
	require.Zero(t, chanceOfRaft(690, 100, 8, true))
	require.Zero(t, chanceOfRaft(690, 100, 8, false))
	require.EqualValues(t, 1, chanceOfRaft(1500, 100, 8, true))
	was := 0.0
	for silence := 700.0; silence <= 1500; silence += 50 {
		with, without := chanceOfRaft(silence, 100, 8, true), chanceOfRaft(silence, 100, 8, false)
		require.GreaterOrEqual(t, with, was)
		require.LessOrEqual(t, with, without, "pre-vote never hastens an election")
		was = with
	}
	// Two followers, even over (700, 1500): 1-(1/2)^2 by the middle.
	require.InDelta(t, 0.75, chanceOfRaft(1100, 100, 8, false), 0.02)
}

// A pause of 20 ms once a second at half load makes the 99th percentile 15 ms: field study C.3, by simulation 15.4.
func TestThePausedServerIsTheOneOfTheFormula(t *testing.T) {
	var out study.Output
	pausedServer(1, 20*ms, 1000*ms, 500, 400_000, &out)
	r := study.NewRows(Tail.Tables[0].Columns, out.Rows["server"]...)
	c := tailCases(r)
	require.Len(t, c, 1)
	require.InEpsilon(t, c[0].closed(0.99), c[0].p99, 0.15)
	require.Greater(t, c[0].p99, float64(10*ms))
}

// The check that pauses are seldom notices a server that is stopped for longer than it says.
func TestTheFormulasCheckCanFail(t *testing.T) {
	good := []tailCase{{pause: 20e6, every: 1e9, rho: 0.5, p99: 15e6, p999: 19.5e6}}
	require.True(t, tailSeldom(good).Holds)
	bad := []tailCase{{pause: 20e6, every: 1e9, rho: 0.5, p99: 25e6, p999: 19.5e6}}
	require.False(t, tailSeldom(bad).Holds)
	require.False(t, tailSeldom(nil).Holds, "nothing was held to it")
}

func TestAllSystemsGetTheSameArrivals(t *testing.T) {
	a, n := serve(3, host.CollectorConfig{}, 500, 1000, func(uint64) int64 { return serviceTime })
	b, m := serve(3, host.CollectorConfig{}, 500, 1000, func(uint64) int64 { return serviceTime })
	require.Equal(t, a, b)
	require.Equal(t, n, m)
	require.NotEqual(t, load.Key(3).Sub("pause-tail").At(1), load.Key(4).Sub("pause-tail").At(1))
}

// A leader that is stopped for a fifth of a second stays, and for three seconds does not; the same cell gives the same rows.
func TestAPausedLeaderLosesItsPlace(t *testing.T) {
	o := &study.Options{Size: study.Small, Hardware: "server"}
	s := patience()[0]
	rows := func(length int64) [][]string {
		var out study.Output
		require.NoError(t, s.pause(o, rundir.Seed(5), length, &out))
		return out.Rows["points"]
	}
	columns := Elections.Tables[0].Columns
	short, long := study.NewRows(columns, rows(200)...), study.NewRows(columns, rows(3000)...)
	require.EqualValues(t, 0, short.Int(0, "election"))
	require.EqualValues(t, 1, long.Int(0, "election"))
	require.EqualValues(t, 1, long.Int(0, "moved"))
	require.Equal(t, long, study.NewRows(columns, rows(3000)...))
}
