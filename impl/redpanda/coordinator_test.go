package redpanda

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
)

// coordinated is a world with a topic and a coordinator.
func coordinated(t *testing.T) (w *world, coordinator *node) {
	w = newWorld(t)
	w.topic(1)
	r := proto.FindCoordinatorReply{}
	first := w.ask(w.nodes[1], proto.FindCoordinator, &proto.FindCoordinatorRequest{Group: "g"})
	require.True(t, w.answer(first, &r))
	require.Equal(t, proto.CoordinatorNotThere, r.Code, "the topic is made when it is first asked for")
	w.leader(2)
	return w, w.find(w.nodes[2])
}

// find asks n who coordinates.
func (w *world) find(n *node) *node {
	var r proto.FindCoordinatorReply
	require.True(w.t, w.answer(w.ask(n, proto.FindCoordinator, &proto.FindCoordinatorRequest{Group: "g"}), &r))
	require.Equal(w.t, proto.OK, r.Code)
	return w.nodes[r.Node-1]
}

func (w *world) commit(n *node, offset int64) uint32 {
	return w.ask(n, proto.OffsetCommit, &proto.OffsetCommitRequest{Group: "g", ID: 1, Offset: offset})
}

// code is what a commit was answered; none is -1.
func (w *world) code(correlation uint32) proto.Code {
	r := proto.CodeReply{Code: -1}
	w.answer(correlation, &r)
	return r.Code
}

func (w *world) committed(n *node) proto.OffsetReply {
	var r proto.OffsetReply
	require.True(w.t, w.answer(w.ask(n, proto.OffsetFetch, &proto.OffsetFetchRequest{Group: "g", ID: 1}), &r))
	return r
}

func TestACommitIsReadBackAndTheLastOneCounts(t *testing.T) {
	w, c := coordinated(t)
	require.Equal(t, proto.OffsetReply{Offset: -1}, w.committed(c), "nothing is committed yet")
	require.Equal(t, proto.OK, w.code(w.commit(c, 7)))
	require.Equal(t, proto.OK, w.code(w.commit(c, 5)))
	require.Equal(t, proto.OffsetReply{Offset: 5}, w.committed(c))
	other := w.nodes[c.id%3]
	require.Equal(t, proto.NotCoordinator, w.code(w.commit(other, 9)))
	require.Equal(t, proto.OffsetReply{Code: proto.NotCoordinator, Offset: -1}, w.committed(other))
	bad := w.ask(c, proto.OffsetCommit, &proto.OffsetCommitRequest{Group: "g", Generation: 3, ID: 1, Offset: 1})
	require.Equal(t, proto.IllegalGeneration, w.code(bad))
	require.Equal(t, proto.OffsetReply{Offset: 5}, w.committed(c))
}

func TestACommitIsAnsweredWhenAMajorityHasSyncedIt(t *testing.T) {
	w, c := coordinated(t)
	for _, n := range w.nodes {
		n.held = true
	}
	at := w.commit(c, 3)
	w.run(300 * 1_000_000)
	require.Equal(t, proto.Code(-1), w.code(at))
	require.Equal(t, proto.OffsetReply{Offset: -1}, w.committed(c))
	w.release(c)
	w.run(300 * 1_000_000)
	require.Equal(t, proto.Code(-1), w.code(at))
	w.release(w.nodes[c.id%3])
	w.run(300 * 1_000_000)
	require.Equal(t, proto.OK, w.code(at), "the slow third does not hold it up")
	require.Equal(t, proto.OffsetReply{Offset: 3}, w.committed(c))
}

func TestTheNextCoordinatorKnowsWhatWasCommittedAndTheOldOneRefuses(t *testing.T) {
	w, c := coordinated(t)
	require.Equal(t, proto.OK, w.code(w.commit(c, 10)))
	w.cut(c)
	lost := w.commit(c, 20)
	next := w.leader(2)
	require.NotEqual(t, c.id, next.id)
	require.Equal(t, proto.OffsetReply{Offset: 10}, w.committed(next))
	require.Equal(t, proto.OK, w.code(w.commit(next, 12)))
	w.run(5 * sec)
	require.Equal(t, proto.NotCoordinator, w.code(lost))
	require.Equal(t, proto.NotCoordinator, w.code(w.commit(c, 21)))
	w.heal(c)
	w.run(5 * sec)
	next = w.leader(2)
	require.Equal(t, proto.OffsetReply{Offset: 12}, w.committed(next))
}

// A new leader has not applied what leaders before it committed until an entry of its own term is applied. Its term is set ahead here of what
// it has applied, for that takes no time in this world.
func TestANewLeaderKnowsNeitherOffsetsNorItsEndBeforeItHasAppliedItsLog(t *testing.T) {
	w, c := coordinated(t)
	require.Equal(t, proto.OK, w.code(w.commit(c, 10)))
	p := c.m.partition(2)
	p.term++
	require.Equal(t, proto.OffsetReply{Code: proto.CoordinatorLoading, Offset: -1}, w.committed(c))
	require.Equal(t, proto.CoordinatorLoading, w.code(w.commit(c, 99)))
	code, _, _ := w.fetch(c, 2, 5)
	require.Equal(t, proto.OffsetNotAvailable, code)
	p.term--
	require.Equal(t, proto.OffsetReply{Offset: 10}, w.committed(c))
	code, _, _ = w.fetch(c, 2, 5)
	require.Equal(t, proto.OffsetOutOfRange, code)
	require.Equal(t, proto.OK, w.code(w.commit(c, 11)))
	_, hw, values := w.fetch(c, 2, 0)
	require.Equal(t, int64(2), hw)
	require.Len(t, values, 2, "commits are records of the topic")
}
