package quorum

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/memdisk"
	"github.com/brokerlab/brokerlab/model/machine"
)

// node is one member of a group, whose disk ends what it does when the test says so.
type node struct {
	t       *testing.T
	files   memdisk.Files
	fx      machine.Effects
	log     *Log
	group   *Group
	tokens  machine.Token
	ends    []machine.DiskOp
	applied []string
	sent    []*pb.Message
}

func start(t *testing.T, f memdisk.Files, id machine.NodeID, peers []machine.NodeID, maxBytes int64) *node {
	n := &node{t: t, files: f}
	var err error
	n.log, err = OpenLog(id, "log", f, &n.fx, func() machine.Token { n.tokens++; return n.tokens })
	require.NoError(t, err)
	n.group = n.log.Open(Config{
		ID: 7, Node: id, Peers: peers, ElectionTicks: 8, MaxBytes: maxBytes,
		Apply: func(_, _ uint64, data []byte) { n.applied = append(n.applied, string(data)) },
		Lead:  func(uint64) {}, Follow: func() {},
		Send:  func(_ machine.NodeID, m *pb.Message) { n.sent = append(n.sent, m) },
		Ready: func(*Group) {},
	})
	n.work()
	return n
}

// work is what ends a step: it leaves the ends of disk operations to finish.
func (n *node) work() {
	n.group.Process()
	n.log.Flush(&n.fx)
	for _, op := range n.fx.Disk {
		n.files.Do(&op)
		if op.Token != 0 {
			n.ends = append(n.ends, op)
		}
	}
	n.fx.Reset()
}

// finish ends the disk operations under way.
func (n *node) finish() {
	ends := n.ends
	n.ends = nil
	for _, op := range ends {
		require.True(n.t, n.log.Done(&machine.Input{Kind: machine.DiskDone, Token: op.Token, N: int64(len(op.Data))}))
	}
	n.work()
}

func (n *node) rest() {
	for len(n.ends) > 0 {
		n.finish()
	}
}

func TestAnEntryIsAppliedWhenItsOwnBatchIsDurableAndNotWithTheOneBefore(t *testing.T) {
	n := start(t, memdisk.Files{}, 1, []machine.NodeID{1}, 0)
	n.rest()
	require.True(t, n.group.Leading())
	require.True(t, n.group.Propose([]byte("a")))
	n.work()
	require.True(t, n.group.Propose([]byte("b")))
	n.work()
	require.Empty(t, n.applied)
	n.finish()
	require.Equal(t, []string{"a"}, n.applied, "b is written behind it")
	n.rest()
	require.Equal(t, []string{"a", "b"}, n.applied)
	again := start(t, n.files, 1, []machine.NodeID{1}, 0)
	again.rest()
	require.Equal(t, []string{"a", "b"}, again.applied)
	require.Greater(t, again.group.Term(), n.group.Term())
}

func TestAVoteIsNotSaidBeforeItIsDurableAndNotForgotten(t *testing.T) {
	peers := []machine.NodeID{1, 2, 3}
	vote := func(n *node, from, term uint64) {
		to, kind, index := uint64(2), pb.MsgVote, uint64(0)
		n.sent = nil
		n.group.Receive(&pb.Message{From: &from, To: &to, Type: &kind, Term: &term, Index: &index, LogTerm: &index})
		n.work()
	}
	n := start(t, memdisk.Files{}, 2, peers, 0)
	n.rest()
	vote(n, 1, 5)
	require.Empty(t, n.sent, "a crash now would forget it")
	n.rest()
	require.Len(t, n.sent, 1)
	require.Equal(t, pb.MsgVoteResp, n.sent[0].GetType())
	require.False(t, n.sent[0].GetReject())
	n = start(t, n.files, 2, peers, 0)
	n.rest()
	require.Equal(t, uint64(5), n.group.Term())
	vote(n, 3, 5)
	n.rest()
	require.True(t, n.sent[0].GetReject(), "it has voted in this term")
}

func TestALogThatIsFullTakesNothingMore(t *testing.T) {
	n := start(t, memdisk.Files{}, 1, []machine.NodeID{1}, 10)
	n.rest()
	require.True(t, n.group.Propose(make([]byte, 11)))
	n.work()
	n.rest()
	require.False(t, n.group.Propose([]byte("a")))
}

func TestALogThatLostWhatWasSyncedDoesNotOpen(t *testing.T) {
	n := start(t, memdisk.Files{}, 1, []machine.NodeID{1}, 0)
	n.rest()
	for range 5 {
		n.group.Propose([]byte(strings.Repeat("x", 100)))
		n.work()
		n.rest()
	}
	names, _ := n.files.List("log")
	require.NotEmpty(t, names)
	n.files[names[0]][len(n.files[names[0]])/3] ^= 1
	var fx machine.Effects
	_, err := OpenLog(1, "log", n.files, &fx, func() machine.Token { return 1 })
	require.ErrorContains(t, err, "lost what was synced")
}

func TestMemoryIsWhatRaftWantsOfAStorage(t *testing.T) {
	var m memory
	entry := func(index, term uint64, size int) *pb.Entry {
		return &pb.Entry{Index: &index, Term: &term, Data: make([]byte, size)}
	}
	m.append([]*pb.Entry{entry(1, 1, 10), entry(2, 1, 10), entry(3, 2, 10)})
	last, _ := m.LastIndex()
	first, _ := m.FirstIndex()
	require.Equal(t, []uint64{1, 3}, []uint64{first, last})
	for max, want := range map[uint64]int{0: 1, 10: 1, 19: 1, 20: 2, 30: 3} {
		ents, err := m.Entries(1, 4, max)
		require.NoError(t, err)
		require.Len(t, ents, want, "at least one, then as many as fit %d", max)
	}
	_, err := m.Entries(1, 5, 100)
	require.ErrorIs(t, err, raft.ErrUnavailable)
	for i, want := range []uint64{0, 1, 1, 2} {
		term, err := m.Term(uint64(i))
		require.NoError(t, err)
		require.Equal(t, want, term)
	}
	_, err = m.Term(4)
	require.ErrorIs(t, err, raft.ErrUnavailable)
	old, _ := m.Entries(1, 4, 100)
	m.append([]*pb.Entry{entry(2, 3, 5)})
	last, _ = m.LastIndex()
	require.Equal(t, uint64(2), last, "what it overwrites goes")
	require.Equal(t, int64(15), m.bytes)
	require.Equal(t, uint64(1), old[1].GetTerm(), "never in place")
	require.Panics(t, func() { m.append([]*pb.Entry{entry(4, 3, 5)}) })
}
