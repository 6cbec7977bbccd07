package broker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// wipe replaces a node's disk by an empty one.
func (l *lab) wipe(id machine.NodeID) {
	l.power(id)
	l.nodes[id].disk = &story{files: map[string][]byte{}, synced: map[string]int{}}
}

// rot flips a bit of every file of a node whose name begins so, where a proof stands behind it.
func (l *lab) rot(id machine.NodeID, prefix string, at int) {
	for name, b := range l.nodes[id].disk.files {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix {
			b[at] ^= 4
		}
	}
}

func (l *lab) broker(id machine.NodeID) *Broker { return l.nodes[id].m.(*Broker) }

// eventually runs the cluster until something is true.
func (l *lab) eventually(what string, is func() bool) {
	for range 600 {
		if is() {
			return
		}
		l.run(1)
	}
	require.FailNow(l.t, "never: "+what)
}

// whole says whether a node votes in every group, as the member of that life.
func (l *lab) whole(id machine.NodeID, life uint64) bool {
	b := l.broker(id)
	for _, g := range b.groups {
		if g.absent != "" || g.self != memberID(id)+memberID(life)<<lifeBits || !g.members.votes(g.self) {
			return false
		}
	}
	return len(b.groups) == 2
}

func (l *lab) storedAlike(n int) {
	for _, id := range l.ids {
		_, last, count, _ := l.orders(id).store.State()
		require.EqualValues(l.t, n, last, "node %d", id)
		require.EqualValues(l.t, n, count, "node %d", id)
	}
}

func TestANodeWhoseDiskWasReplacedIsLetInAsANewMemberOfEveryGroup(t *testing.T) {
	for _, keep := range []int64{1 << 20, 100} { // with the leaders' logs whole, and with snapshots
		l := newLabOf(t, 3, mustProfile(t, "reference"), func(c *Config) { c.TailBytes, c.KeepBytes = 2*keep, keep })
		l.createOrders()
		l.publish(1, 1, 40)
		for life := uint64(1); life <= 3; life++ {
			for _, id := range l.ids {
				l.wipe(id)
				l.run(3)
				l.boot(id)
				l.eventually("the wiped node is back", func() bool { return l.whole(id, life) })
				l.publish(id, 1, 5)
				l.run(40)
			}
		}
		l.storedAlike(40 + 9*5)
		for _, id := range l.ids {
			conf := l.orders(id).members.conf
			require.Equal(t, []uint64{3<<32 | 1, 3<<32 | 2, 3<<32 | 3}, conf.Voters)
			require.Empty(t, conf.Learners)
			require.Empty(t, conf.VotersOutgoing)
		}
	}
}
