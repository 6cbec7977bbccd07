package broker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// stamps are the times of a node's messages of ORDERS.
func (l *lab) stamps(id machine.NodeID) (stamps []int64) {
	for _, g := range l.nodes[id].m.(*Broker).groups {
		if g.state.name() != "ORDERS" {
			continue
		}
		_, last, _, _ := g.store.State()
		for seq := uint64(1); seq <= last; seq++ {
			m, token, found := g.store.Get(&l.nodes[id].fx, seq)
			require.True(l.t, found && token == 0, "message %d is in memory", seq)
			stamps = append(stamps, m.Time)
		}
	}
	return stamps
}

func TestStampsAreTheProposersAndNeverDecreaseWhateverTheClocksOfReplicasSay(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	for _, id := range l.ids {
		l.nodes[id].env.Wall = machine.Wall(1000 * (4 - int64(id)))
	}
	first := l.leader("ORDERS")
	l.publish(first, 1, 5)
	wall := int64(l.nodes[first].env.Wall)
	l.nodes[first].env.Wall -= 500 // a clock is set back
	l.publish(first, 6, 10)
	l.run(10)
	for _, id := range l.ids {
		got := l.stamps(id)
		require.Len(t, got, 10, "node %d", id)
		for seq, stamp := range got {
			require.Equal(t, wall, stamp, "node %d, message %d", id, seq+1)
		}
	}
}
