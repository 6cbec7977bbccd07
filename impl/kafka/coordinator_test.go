package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// coordinated is a world with a topic and a coordinator, which is not the controller's node.
func coordinated(t *testing.T, cfg Config) (w *world, coordinator *node) {
	w = newWorld(t, cfg)
	w.ask(w.nodes[0], proto.CreateTopic, &proto.CreateTopicRequest{Name: "T", Partitions: 1, Replicas: 3, MinISR: 2})
	w.run(sec)
	r := proto.FindCoordinatorReply{}
	first := w.ask(w.nodes[0], proto.FindCoordinator, &proto.FindCoordinatorRequest{Group: "g"})
	w.run(sec)
	require.True(t, w.answer(first, &r))
	require.Equal(t, proto.CoordinatorNotThere, r.Code, "the topic is made when it is first asked for")
	w.run(sec)
	coordinator = w.find(w.nodes[0])
	require.False(t, coordinator.m.ctl.active)
	return w, coordinator
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
	w, c := coordinated(t, Config{})
	require.Equal(t, proto.OffsetReply{Offset: -1}, w.committed(c), "nothing is committed yet")
	require.Equal(t, proto.OK, w.code(w.commit(c, 7)))
	require.Equal(t, proto.OK, w.code(w.commit(c, 5)))
	require.Equal(t, proto.OffsetReply{Offset: 5}, w.committed(c))
	other := w.nodes[c.id%3]
	require.Equal(t, proto.NotCoordinator, w.code(w.commit(other, 9)))
	require.Equal(t, proto.OffsetReply{Code: proto.NotCoordinator, Offset: -1}, w.committed(other))
	for _, c := range []struct {
		m    proto.OffsetCommitRequest
		code proto.Code
	}{
		{proto.OffsetCommitRequest{Group: "g", Generation: 3, ID: 1, Offset: 1}, proto.IllegalGeneration},
		{proto.OffsetCommitRequest{ID: 1, Offset: 1}, proto.InvalidGroup},
		{proto.OffsetCommitRequest{Group: "g", ID: 1, Offset: -2}, proto.InvalidRequest},
	} {
		require.Equal(t, c.code, w.code(w.ask(w.find(other), proto.OffsetCommit, &c.m)))
	}
}

func TestACommitSurvivesTheCrashOfItsCoordinator(t *testing.T) {
	w, c := coordinated(t, Config{})
	for offset := range int64(50) {
		require.Equal(t, proto.OK, w.code(w.commit(c, offset)))
	}
	w.crash(c)
	w.run(15 * sec) // its session ends
	next := w.find(w.nodes[c.id%3])
	require.NotEqual(t, c.id, next.id)
	require.Equal(t, proto.OffsetReply{Offset: 49}, w.committed(next))
	require.Equal(t, proto.OK, w.code(w.commit(next, 50)))
	w.boot(c)
	w.run(15 * sec)
	w.crash(next)
	w.run(15 * sec)
	require.Equal(t, proto.OffsetReply{Offset: 50}, w.committed(w.find(c)))
}

// While it is cut off, what a coordinator is told it cannot keep. Its successor does not know of it; and when it hears of that one, it
// says so.
func TestACommitIsNotAnsweredBelowTheHighWatermarkAndAStaleCoordinatorRefuses(t *testing.T) {
	w, c := coordinated(t, Config{})
	require.Equal(t, proto.OK, w.code(w.commit(c, 10)))
	w.cut(c)
	lost := w.commit(c, 20)
	w.run(4 * sec)
	require.Equal(t, proto.Code(-1), w.code(lost), "nobody else has it")
	require.Equal(t, proto.OffsetReply{Offset: 10}, w.committed(c), "what is not committed is not shown")
	w.run(2 * sec)
	require.Equal(t, proto.CoordinatorNotThere, w.code(lost), "offsets.commit.timeout.ms is over")
	waits := w.commit(c, 21)
	w.run(4 * sec)
	others := w.nodes[c.id%3]
	next := w.find(others)
	require.NotEqual(t, c.id, next.id, "its session is over")
	require.Equal(t, proto.OffsetReply{Offset: 10}, w.committed(next))
	require.Equal(t, proto.OK, w.code(w.commit(next, 12)))
	w.heal(c)
	w.run(3 * sec)
	require.NotContains(t, []proto.Code{proto.OK, -1}, w.code(waits))
	require.Equal(t, proto.NotCoordinator, w.code(w.commit(c, 22)))
	require.Equal(t, proto.OffsetReply{Offset: 12}, w.committed(w.find(c)))
}

func TestANewCoordinatorAnswersNothingBeforeItHasReadItsLog(t *testing.T) {
	w, c := coordinated(t, Config{CacheBytes: 200})
	for offset := range int64(30) {
		require.Equal(t, proto.OK, w.code(w.commit(c, offset)))
	}
	w.crash(c)
	w.slow = true
	w.run(15 * sec)
	next := w.find(w.nodes[c.id%3])
	require.Equal(t, proto.OffsetReply{Code: proto.CoordinatorLoading, Offset: -1}, w.committed(next))
	require.Equal(t, proto.CoordinatorLoading, w.code(w.commit(next, 99)))
	w.slow = false
	for token, p := range next.m.owners { // the one read that was held up ends, in vain
		if next.m.reads[token] != nil && p.offsets != nil {
			w.give(next, machine.Input{Kind: machine.DiskDone, Token: token, Err: machine.ErrDiskIO})
		}
	}
	w.run(sec)
	require.Equal(t, proto.OffsetReply{Offset: 29}, w.committed(next))
}

func TestThePlantedBugAnswersACommitThatNobodyElseHas(t *testing.T) {
	w, c := coordinated(t, Config{BugCommitEarly: true})
	w.cut(c)
	require.Equal(t, proto.OK, w.code(w.commit(c, 20)))
	w.run(15 * sec)
	require.Equal(t, proto.OffsetReply{Offset: -1}, w.committed(w.find(w.nodes[c.id%3])))
}
