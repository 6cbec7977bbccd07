package broker

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// said is the Raft messages of ORDERS and of one kind that a node has sent and nobody has received yet.
func (l *lab) said(id machine.NodeID, kind pb.MessageType) (list []*pb.Message) {
	group := l.orders(id).id
	for _, f := range l.queue {
		if f.from != id || f.bytes == nil || f.link != machine.RaftLink {
			continue
		}
		var frame wire.Frame
		require.NoError(l.t, wire.DecodeFrame(f.bytes, &frame))
		if frame.Kind != wire.KindRaft {
			continue
		}
		for _, r := range frame.Raft {
			if r.Group == group && r.Message.GetType() == kind {
				list = append(list, r.Message)
			}
		}
	}
	return list
}

// hear hands a node a Raft message of ORDERS.
func (l *lab) hear(id machine.NodeID, m *pb.Message) {
	frame := wire.AppendRaftFrame(nil, l.orders(id).id, m)
	l.step(l.nodes[id], &machine.Input{Kind: machine.PeerFrame, Link: machine.RaftLink, Peer: machine.Addr{Node: nodeOf(m.GetFrom())}, Bytes: frame})
}

func logs(op *machine.DiskOp) bool { return strings.HasPrefix(op.File, "wal/") }

// A node that has refused one candidate of a term, whose log is too short, may vote for another in that term: the vote alone is new.
func TestAVoteLeavesWhenItIsDurableThoughTheTermIsNotNew(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	l.publish(1, 1, 3)
	l.run(5)
	voter, other := others(l, l.leader("ORDERS"))
	g := l.orders(voter)
	term := g.term + 5
	ask := func(from machine.NodeID, index uint64) {
		kind := pb.MsgVote
		l.hear(voter, &pb.Message{
			Type: &kind, To: new(uint64(voter)), From: new(uint64(from)), Term: &term, Index: &index, LogTerm: new(g.term * min(index, 1)),
			Context: []byte("CampaignTransfer"), // whatever the present leader says
		})
	}
	l.queue = nil
	ask(l.leader("ORDERS"), 0)
	require.Equal(t, term, g.term)
	answers := l.said(voter, pb.MsgVoteResp)
	require.Len(t, answers, 1)
	require.True(t, answers[0].GetReject())
	l.nodes[voter].hold = logs
	ask(other, g.tail.last()+10)
	require.Len(t, l.said(voter, pb.MsgVoteResp), 1, "the vote is not on the disk yet")
	l.release(voter)
	answers = l.said(voter, pb.MsgVoteResp)
	require.Len(t, answers, 2)
	require.False(t, answers[1].GetReject())
	l.power(voter)
	l.boot(voter)
	require.EqualValues(t, other, l.orders(voter).vote)
	require.Equal(t, term, l.orders(voter).term)
}

// Entries that come while a batch is on its way to the disk are in the next one, and answered after that.
func TestEntriesAreAcknowledgedWhenTheirOwnBatchIsDurable(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	l.publish(1, 1, 3)
	l.run(5)
	leader := l.leader("ORDERS")
	follower, _ := others(l, leader)
	g := l.orders(follower)
	last := g.tail.last()
	l.nodes[follower].hold = logs
	for i := range uint64(3) {
		kind := pb.MsgApp
		l.hear(follower, &pb.Message{
			Type: &kind, To: new(uint64(follower)), From: new(uint64(leader)), Term: new(g.term), LogTerm: new(g.term), Index: new(last + i), Commit: new(last),
			Entries: []*pb.Entry{{Term: new(g.term), Index: new(last + i + 1), Type: new(pb.EntryNormal)}},
		})
	}
	acknowledged := func() (highest uint64) {
		for _, m := range l.said(follower, pb.MsgAppResp) {
			highest = max(highest, m.GetIndex())
		}
		return highest
	}
	require.LessOrEqual(t, acknowledged(), last)
	n := l.nodes[follower]
	require.Len(t, n.held, 1, "one batch at a time")
	for want := last + 1; len(n.held) > 0; want = last + 3 {
		op := n.held[0]
		n.held = n.held[1:]
		in := &machine.Input{Kind: machine.DiskDone, Token: op.Token}
		n.disk.perform(&op, in)
		l.step(n, in)
		require.Equal(t, want, acknowledged())
	}
}
