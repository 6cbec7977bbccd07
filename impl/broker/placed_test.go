package broker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

func TestAStreamIsPlacedOnTheNodesWithTheFewestReplicas(t *testing.T) {
	s := &metaState{g: &group{b: &Broker{cfg: Config{Nodes: []machine.NodeID{1, 2, 3, 4}}}}}
	require.Equal(t, []machine.NodeID{1, 2}, s.choosePeers(2, nil), "the lowest among equals")
	s.streams = []*assignment{{Peers: []machine.NodeID{1, 2, 3}}, {Peers: []machine.NodeID{1, 4}}}
	require.Equal(t, []machine.NodeID{2}, s.choosePeers(1, nil))
	require.ElementsMatch(t, []machine.NodeID{2, 3, 4}, s.choosePeers(3, nil))
	require.Equal(t, []machine.NodeID{3, 4}, s.choosePeers(2, []machine.NodeID{2}), "n2 would be the first, and is avoided")
}

// A node that was away while streams were changed and deleted, and hears of it by a snapshot of meta, has what meta says.
func TestASnapshotOfMetaChangesAndEndsStreams(t *testing.T) {
	l := newLabOf(t, 3, mustProfile(t, "reference"), func(c *Config) { c.TailBytes, c.KeepBytes = 400, 1 })
	l.createOrders()
	require.Contains(t, l.ask(1, `STREAM.CREATE.GONE | {"name":"GONE","subjects":["gone"],"num_replicas":3}`), `"created"`)
	l.run(10)
	away, client := others(l, l.leader(""))
	if client == l.leader("ORDERS") {
		away, client = client, away
	}
	l.nodes[away].paused = true
	l.run(60)
	require.Contains(t, l.ask(client, "STREAM.DELETE.GONE | "), `"success":true`)
	for _, limit := range []string{"9", "8", "7", "6", "5"} {
		require.Contains(t, l.ask(client, `STREAM.UPDATE.ORDERS | {"name":"ORDERS","subjects":["orders.>"],"num_replicas":3,"max_msgs":`+limit+`}`), `"max_msgs":`+limit)
	}
	require.Contains(t, l.ask(client, `STREAM.UPDATE.ORDERS | {"name":"ORDERS","subjects":["orders.>"],"num_replicas":1}`), `"err_code":10061`, "it is not scaled")
	meta := func(id machine.NodeID) *metaState { return l.broker(id).meta() }
	require.Greater(t, meta(client).g.tail.base(), meta(away).g.applied, "it needs a snapshot")
	l.resume(away)
	l.eventually("it has caught up", func() bool { return meta(away).g.applied == meta(client).g.applied })
	require.Len(t, l.broker(away).groups, 2, "meta and ORDERS")
	_, a := meta(away).find("ORDERS")
	require.EqualValues(t, 5, a.Config.MaxMsgs)
	require.Same(t, a, l.orders(away).state.(*streamState).a, "what it would carry into the stream's log if it led")
	l.run(40)
	l.agree()
}
