package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

func (l *lab) orders(id machine.NodeID) *group {
	for _, g := range l.nodes[id].m.(*Broker).groups {
		if g.state.name() == "ORDERS" {
			return g
		}
	}
	return nil
}

// small lets a node keep next to nothing of its logs in memory.
func (l *lab) small(id machine.NodeID, tail, keep int64) {
	b := l.nodes[id].m.(*Broker)
	b.cfg.TailBytes, b.cfg.KeepBytes = tail, keep
}

func (l *lab) deliverAll(but func(labFrame) bool) {
	for len(l.queue) > 0 {
		f := l.queue[0]
		l.queue = l.queue[1:]
		if !but(f) {
			l.deliver(f)
		}
	}
}

func TestALaggardFetchesTheMessagesOfASnapshot(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	l.publish(1, 1, 5)
	leader := l.leader("ORDERS")
	_, late := others(l, leader)
	for _, id := range l.ids {
		l.small(id, 1000, 100)
	}
	l.nodes[late].paused = true
	l.publish(leader, 6, 60)
	require.Greater(t, l.orders(leader).tail.base(), l.orders(late).applied, "the leader has forgotten what the laggard needs")
	l.nodes[late].paused = false
	l.run(120)
	for _, id := range l.ids {
		require.Len(t, l.nodes[id].stored["ORDERS"], 60, "node %d", id)
		require.Equal(t, l.nodes[leader].stored["ORDERS"], l.nodes[id].stored["ORDERS"])
	}
	l.power(late)
	l.boot(late)
	l.run(60)
	_, last, count, _ := l.orders(late).store.State()
	require.EqualValues(t, 60, last)
	require.EqualValues(t, 60, count)
}

// snapshotOfWhatIsThere gives a follower a snapshot of an entry that is in its log, though it has not heard
// that it is committed: a leader probes with a snapshot when the follower's answer to the entry was lost.
func snapshotOfWhatIsThere(t *testing.T) (l *lab, leader, other, follower machine.NodeID) {
	l = newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	l.publish(1, 1, 5)
	leader = l.leader("ORDERS")
	other, follower = others(l, leader)
	l.small(follower, 1<<20, 1)
	before := l.orders(follower).tail.last()
	l.send(leader, "PUB orders.x _INBOX.1.p 4\r\nabcd\r\n")
	l.deliverAll(func(f labFrame) bool {
		return f.to == follower && f.bytes != nil && l.orders(follower).tail.last() > before
	})
	g := l.orders(leader)
	require.Greater(t, g.applied, l.orders(follower).commit)
	require.Equal(t, g.tail.last(), l.orders(follower).tail.last())
	kind, to, from, term := pb.MsgSnap, uint64(follower), uint64(leader), g.term
	m := &pb.Message{Type: &kind, To: &to, From: &from, Term: &term, Snapshot: g.snapshot()}
	l.step(l.nodes[follower], &machine.Input{
		Kind: machine.PeerFrame, Link: machine.RaftLink, Peer: machine.Addr{Node: leader}, Bytes: wire.AppendRaftFrame(nil, g.id, m),
	})
	return l, leader, other, follower
}

func TestASnapshotOfWhatTheLogHoldsOnlyMovesTheCommitIndex(t *testing.T) {
	l, _, _, follower := snapshotOfWhatIsThere(t)
	require.Nil(t, l.orders(follower).fetch)
	l.run(20)
	require.Len(t, l.nodes[follower].stored["ORDERS"], 6)
}

func TestAFollowerWithASnapshotOfWhatItHoldsCanBeElected(t *testing.T) {
	l, leader, _, follower := snapshotOfWhatIsThere(t)
	l.nodes[leader].paused = true
	l.queue = nil
	l.run(300)
	require.NotZero(t, l.leader("ORDERS"))
	require.Len(t, l.nodes[follower].stored["ORDERS"], 6)
}

// A leader dies while a follower fetches from it; the next one must not wait for that fetch to be given up.
func TestAFetchFromADeadLeaderDoesNotHoldUpTheNextOne(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	l.publish(1, 1, 5)
	leader := l.leader("ORDERS")
	next, late := others(l, leader)
	l.small(leader, 1000, 100)
	l.nodes[late].paused = true
	l.publish(leader, 6, 60)
	l.nodes[late].paused = false
	for range 200 {
		if l.orders(late).fetch != nil {
			break
		}
		l.deliverAll(func(f labFrame) bool {
			return f.to == late && f.bytes != nil && f.bytes[0] == byte(wire.KindCatchupChunk)
		})
		l.run(1)
	}
	require.NotNil(t, l.orders(late).fetch)
	l.nodes[leader].paused = true
	ticks := 0
	for ; ticks < 300 && l.leader("ORDERS") != next; ticks++ {
		l.run(1)
	}
	require.Equal(t, next, l.leader("ORDERS"))
	before := l.acked(next)
	l.publish(next, 100, 100)
	for ticks = 0; l.acked(next) == before && ticks < 400; ticks++ {
		l.run(1)
	}
	require.Less(t, ticks, 20)
}

func TestAConfusedPeerBreaksNothing(t *testing.T) {
	number := func(v uint64) *uint64 { return &v }
	for name, confused := range map[string]func(g *group) *pb.Message{
		"proposal": func(*group) *pb.Message {
			return &pb.Message{Type: pb.MsgProp.Enum(), Entries: []*pb.Entry{{Data: []byte("x")}}}
		},
		"read index": func(*group) *pb.Message { return &pb.Message{Type: pb.MsgReadIndex.Enum()} },
		"short context": func(g *group) *pb.Message {
			return &pb.Message{Type: pb.MsgHeartbeatResp.Enum(), Term: number(g.term), Context: []byte("x")}
		},
		"empty snapshot": func(g *group) *pb.Message {
			return &pb.Message{Type: pb.MsgSnap.Enum(), Term: number(g.term + 1), Snapshot: &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: number(1000), Term: number(1)}}}
		},
		"gap": func(g *group) *pb.Message {
			return &pb.Message{
				Type: pb.MsgApp.Enum(), Term: number(g.term + 1), Index: number(g.tail.last()), LogTerm: number(g.term),
				Entries: []*pb.Entry{{Index: number(g.tail.last() + 5), Term: number(g.term + 1)}},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 3, mustProfile(t, "reference"))
			l.createOrders()
			leader := l.leader("ORDERS")
			peer, _ := others(l, leader)
			g := l.orders(leader)
			m := confused(g)
			m.From, m.To = number(uint64(peer)), number(uint64(leader))
			l.step(l.nodes[leader], &machine.Input{
				Kind: machine.PeerFrame, Link: machine.RaftLink, Peer: machine.Addr{Node: peer}, Bytes: wire.AppendRaftFrame(nil, g.id, m),
			})
			l.run(60)
			l.publish(leader, 1, 3)
			l.run(10)
			require.Len(t, l.nodes[peer].stored["ORDERS"], 3)
		})
	}
}
