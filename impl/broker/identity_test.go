package broker

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
)

// members are the members under which nodes serve the group of the cluster, "" for one that does not.
func (l *lab) members() (names []string) {
	for _, id := range l.ids {
		name := ""
		if n := l.nodes[id]; n.m != nil {
			if g := l.broker(id).groups[0]; g.absent == "" && g.members.whole(g.self) {
				name = g.self.String()
			}
		}
		names = append(names, name)
	}
	return names
}

func TestAClusterIsFoundedByAllOfItsNodes(t *testing.T) {
	l := darkLab(t, 3, mustProfile(t, "reference"), func(*Config) {})
	l.boot(1)
	l.boot(2)
	l.run(200)
	require.Equal(t, []string{"", "", ""}, l.members(), "two cannot know that the third was not part of a cluster with one of them")
	require.Equal(t, waitsForOthers, l.broker(1).groups[0].absent)
	require.Empty(t, l.nodes[1].damaged, "waiting is no damage")
	l.boot(3)
	l.eventually("a leader", func() bool { return l.leader("") != 0 })
	require.Equal(t, []string{"n1", "n2", "n3"}, l.members())
	// From now on a majority will do, also after everybody was down.
	for _, id := range l.ids {
		l.power(id)
	}
	l.boot(1)
	l.boot(3)
	l.eventually("a leader", func() bool { return l.leader("") != 0 })
}

func TestAMajorityFoundsAClusterThatTheOperatorKnowsToBeNew(t *testing.T) {
	l := darkLab(t, 3, mustProfile(t, "reference"), func(c *Config) { c.NewCluster = true })
	l.boot(1)
	l.run(50)
	require.Equal(t, []string{"", "", ""}, l.members(), "one is no majority")
	l.boot(2)
	l.eventually("a leader", func() bool { return l.leader("") != 0 })
	require.Equal(t, []string{"n1", "n2", ""}, l.members())
	l.boot(3)
	l.eventually("the third is let in", func() bool { return slices.Equal(l.members(), []string{"n1", "n2", "n3.1"}) })
}

func TestANodeAloneFoundsItsClusterByItself(t *testing.T) {
	l := newLabOf(t, 1, mustProfile(t, "reference"), func(*Config) {})
	l.run(3)
	require.Equal(t, machine.NodeID(1), l.leader(""))
}

func TestAWipedNodeIsToldByWhoeverIsThere(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	l.power(1)
	l.wipe(3)
	l.boot(3)
	l.run(100)
	require.Contains(t, l.nodes[3].damaged, "n2 belongs to a cluster that was founded without it")
	require.Zero(t, l.leader(""), "it voted")
	l.power(3) // and it knows that when it starts again with nobody there
	l.power(2)
	l.boot(3)
	l.run(20)
	require.NotEmpty(t, l.nodes[3].damaged)
	l.boot(1)
	l.boot(2)
	l.eventually("it is back", l.allAlive)
	require.Contains(t, l.members()[2], "n3.", "as a new member")
}

func TestPowerMayFailAtAnyMomentOfAFounding(t *testing.T) {
	for at := range 40 {
		for who := range 4 {
			l := newLab(t, 3, mustProfile(t, "reference"))
			l.steps(at)
			for _, id := range l.ids {
				if who == 0 || int(id) == who {
					l.power(id)
				}
			}
			for _, id := range l.ids {
				if l.nodes[id].m == nil {
					l.boot(id)
				}
			}
			l.eventually("a leader", func() bool { return l.leader("") != 0 && slices.Equal(l.members(), []string{"n1", "n2", "n3"}) })
		}
	}
}

func TestADiskMayBeReplacedAtAnyMomentOfAFounding(t *testing.T) {
	for at := range 40 {
		l := newLab(t, 3, mustProfile(t, "reference"))
		l.steps(at)
		l.wipe(2)
		l.steps(at % 7)
		l.boot(2)
		l.eventually("a leader of a whole cluster", func() bool { return l.leader("") != 0 && !slices.Contains(l.members(), "") })
	}
}

func TestWhatALogSaysOfItsDiskReadsBackAndNothingElseDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := identity{disk: rapid.Uint64().Draw(t, "disk"), standing: standing(rapid.IntRange(1, 3).Draw(t, "standing"))}
		for range rapid.IntRange(0, 3).Draw(t, "founders") {
			id.founders = append(id.founders, diskOf{machine.NodeID(rapid.Uint32().Draw(t, "node")), rapid.Uint64().Draw(t, "its disk")})
		}
		text := id.append(nil)
		got, err := decodeIdentity(text)
		require.NoError(t, err)
		require.Equal(t, id, got)
		for n := range text {
			_, err := decodeIdentity(text[:n])
			require.ErrorIs(t, err, errIdentity)
		}
	})
}

func TestAMembershipReadsBackAndNoPartOfOneDoes(t *testing.T) {
	ids := rapid.SliceOfN(rapid.Uint64(), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		m := membership{conf: &pb.ConfState{Voters: ids.Draw(t, "voters"), Learners: ids.Draw(t, "learners"), VotersOutgoing: ids.Draw(t, "outgoing"), LearnersNext: ids.Draw(t, "next")}}
		if rapid.Bool().Draw(t, "leave") {
			m.conf.AutoLeave = new(true)
		}
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			m.newest = append(m.newest, admission{memberID(rapid.Uint64().Draw(t, "id")), rapid.Uint64().Draw(t, "token")})
		}
		text := m.append(nil)
		got, rest, err := readMembership(append(slices.Clone(text), "state"...))
		require.NoError(t, err)
		require.Equal(t, "state", string(rest))
		require.True(t, proto.Equal(m.conf, got.conf))
		require.Equal(t, m.newest, got.newest)
		for n := range text {
			_, _, err := readMembership(text[:n])
			require.Error(t, err)
		}
	})
}

func FuzzReadMembership(f *testing.F) {
	m := foundedBy([]memberID{1, 2, 3})
	f.Add(m.append(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, rest, err := readMembership(text)
		if err != nil {
			return
		}
		again, none, err := readMembership(m.append(nil))
		if err != nil || len(none) > 0 || !proto.Equal(m.conf, again.conf) || !slices.Equal(m.newest, again.newest) || len(rest) > len(text) {
			t.Errorf("%+v became %+v (%v)", m, again, err)
		}
	})
}
