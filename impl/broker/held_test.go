package broker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// fetching is a cluster in which one follower was away for so long that it needs a snapshot. It has fetched the
// messages, and its disk is slow to put the checkpoint in place.
func fetching(t *testing.T) (l *lab, leader, other, behind machine.NodeID) {
	l = newLabOf(t, 3, mustProfile(t, "reference"), func(c *Config) { c.CacheBytes = 1 })
	l.createOrders()
	l.publish(l.leader("ORDERS"), 1, 5)
	leader = l.leader("ORDERS")
	other, behind = others(l, leader)
	// The other follower keeps its whole log: it need not send another snapshot when it leads.
	l.small(leader, 400, 1)
	l.nodes[behind].paused = true
	l.publish(leader, 6, 40)
	l.nodes[behind].hold = func(op *machine.DiskOp) bool { return op.Kind == machine.Rename }
	l.resume(behind)
	for range 200 {
		if l.run(1); len(l.nodes[behind].held) > 0 {
			break
		}
	}
	require.NotEmpty(t, l.nodes[behind].held, "no checkpoint of a snapshot was written")
	require.Len(t, l.nodes[behind].stored["ORDERS"], 40, "its messages were not fetched")
	return l, leader, other, behind
}

func TestASnapshotWhoseLeaderWasDeposedMeanwhileIsInstalledAllTheSame(t *testing.T) {
	l, leader, other, behind := fetching(t)
	l.nodes[leader].paused = true
	for range 300 {
		if l.run(1); l.leader("ORDERS") == other {
			break
		}
	}
	require.Equal(t, other, l.leader("ORDERS"), "nobody else was elected")
	l.run(5)
	l.release(behind)
	l.publish(other, 41, 60)
	l.run(20)
	require.Empty(t, l.nodes[behind].damaged)
	require.Len(t, l.nodes[behind].stored["ORDERS"], 60)
	require.Equal(t, l.nodes[other].stored["ORDERS"], l.nodes[behind].stored["ORDERS"])
}

func TestASnapshotIsInstalledOnlyWhenItsCheckpointIsDurable(t *testing.T) {
	l, leader, other, behind := fetching(t)
	l.run(20)
	require.Len(t, l.nodes[behind].held, 1, "nothing else waits for the checkpoint")
	l.nodes[behind].held, l.nodes[behind].hold = nil, nil
	l.power(behind)
	l.boot(behind)
	l.nodes[other].paused = true
	l.run(100)
	l.publish(leader, 41, 50)
	l.run(100)
	require.Empty(t, l.nodes[behind].damaged)
	require.Len(t, l.nodes[behind].stored["ORDERS"], 50)
	require.Equal(t, l.nodes[leader].stored["ORDERS"], l.nodes[behind].stored["ORDERS"])
}

func TestAFollowerWhoseSnapshotIsOutOfDateWhenItIsInstalledGetsTheNextOneAtOnce(t *testing.T) {
	l, leader, other, behind := fetching(t)
	l.publish(leader, 41, 60)
	require.Greater(t, l.orders(leader).tail.base(), l.orders(behind).fetch.index, "the leader has forgotten what comes after the snapshot")
	l.release(behind)
	l.run(10) // far less than the leader waits for a snapshot of which nothing is heard
	require.Len(t, l.nodes[behind].stored["ORDERS"], 60)
	require.Equal(t, l.nodes[other].stored["ORDERS"], l.nodes[behind].stored["ORDERS"])
}
