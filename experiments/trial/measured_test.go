package trial

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/host"
)

func TestALeaderIsTheLastBeforeATime(t *testing.T) {
	m := &Measured{Leaders: []Leadership{{At: 1, Node: 1, Stream: "S"}, {At: 2, Node: 3}, {At: 5, Node: 2, Stream: "S"}}}
	require.EqualValues(t, 0, m.Leader("S", 1))
	require.EqualValues(t, 1, m.Leader("S", 5))
	require.EqualValues(t, 2, m.Leader("S", 6))
	require.EqualValues(t, 3, m.Leader("", 6))
}

func TestCollectionsAreOneNodesWithinTheWindow(t *testing.T) {
	at := func(n int, at, nanos int64) Collected {
		return Collected{Node: machine.NodeID(n + 1), Event: host.Event{Kind: host.Pause, At: at, Nanos: nanos}}
	}
	m := &Measured{From: 100, Window: 50, GC: []Collected{at(0, 99, 1), at(0, 149, 7), at(1, 120, 9), at(0, 100, 5), at(0, 150, 8)}}
	c := m.Collections(0)
	require.Equal(t, []int64{5, 7}, c.Pauses)
	require.EqualValues(t, 100, c.Events[0].At, "in order of time")
	require.EqualValues(t, 7, c.Pause(1000))
	require.Zero(t, m.Collections(2).Pause(500))
}
