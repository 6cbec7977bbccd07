package redpanda

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

var plain = proto.Batch{PID: proto.NoProducer, Seq: -1}

func seq(n int32) proto.Batch { return proto.Batch{PID: 7, Seq: n} }

func TestARecordIsAcknowledgedOnceAMajorityHasSyncedIt(t *testing.T) {
	w := newWorld(t)
	leader, second, third := w.topic(1)
	leader.held, second.held, third.held = true, true, true
	at := w.produce(leader, 1, -1, plain, "a")
	w.run(300 * ms)
	_, _, answered := w.produced(at)
	require.False(t, answered, "everybody has it, nobody has synced it")
	w.release(second)
	w.run(300 * ms)
	_, _, answered = w.produced(at)
	require.False(t, answered, "one of three")
	_, hw, values := w.fetch(leader, 1, 0)
	require.Zero(t, hw)
	require.Empty(t, values, "what is not committed is not shown")
	w.release(leader)
	w.run(300 * ms)
	code, base, answered := w.produced(at)
	require.True(t, answered, "the slow third does not hold it up")
	require.Equal(t, proto.OK, code)
	require.Zero(t, base)
	_, hw, values = w.fetch(leader, 1, 0)
	require.Equal(t, int64(1), hw)
	require.Equal(t, []string{"a"}, values)
}

// Two followers would be a majority. But a leader applies, and so answers, only what it has synced itself: raft with asynchronous storage
// applies no entry that is not stable on the node.
func TestTheLeadersOwnDiskIsWaitedForToo(t *testing.T) {
	w := newWorld(t)
	leader, _, _ := w.topic(1)
	leader.held = true
	at := w.produce(leader, 1, -1, plain, "a")
	w.run(300 * ms)
	_, _, answered := w.produced(at)
	require.False(t, answered)
	w.release(leader)
	code, _, answered := w.produced(at)
	require.True(t, answered)
	require.Equal(t, proto.OK, code)
}

func TestWhatWasAcknowledgedSurvivesAllNodesPower(t *testing.T) {
	w := newWorld(t)
	leader, second, third := w.topic(1)
	require.Equal(t, []string{"a", "b"}, w.keeps(leader, "a", "b"))
	third.held = true
	require.Equal(t, []string{"c"}, w.keeps(leader, "c"))
	w.produce(leader, 1, 1, plain, "d")
	for _, n := range []*node{leader, second, third} {
		w.power(n)
	}
	for _, n := range w.nodes {
		w.boot(n)
	}
	next := w.leader(1)
	_, _, values := w.fetch(next, 1, 0)
	require.GreaterOrEqual(t, len(values), 3)
	require.Equal(t, []string{"a", "b", "c"}, values[:3])
	code, base, _ := w.produced(w.produce(next, 1, -1, plain, "e"))
	require.Equal(t, proto.OK, code)
	require.Equal(t, int64(len(values)), base)
}

// keeps produces values, which must be acknowledged, in order.
func (w *world) keeps(n *node, values ...string) (kept []string) {
	for _, v := range values {
		at := w.produce(n, 1, -1, plain, v)
		w.run(200 * ms)
		if code, _, answered := w.produced(at); answered && code == proto.OK {
			kept = append(kept, v)
		}
	}
	return kept
}

func TestALeaderThatIsCutOffAnswersNotLeaderAndTheNextKeepsWhatWasAcknowledged(t *testing.T) {
	w := newWorld(t)
	leader, _, _ := w.topic(1)
	require.Len(t, w.keeps(leader, "a", "b"), 2)
	w.cut(leader)
	lost := w.produce(leader, 1, -1, plain, "x")
	fetches := w.ask(leader, proto.Fetch, &proto.FetchRequest{MaxWait: 60 * sec, MinBytes: 1, MaxBytes: 1 << 20, Parts: []proto.FetchPart{{ID: 1, Offset: 2}}})
	w.run(300 * ms)
	_, _, answered := w.produced(lost)
	require.False(t, answered)
	next := w.leader(1)
	require.NotEqual(t, leader.id, next.id)
	require.Len(t, w.keeps(next, "c"), 1)
	code, base := proto.OK, int64(0)
	for began := w.now; !answered; w.run(10 * ms) {
		require.Less(t, w.now, began+5*sec, "it has heard of nobody for an election timeout")
		code, base, answered = w.produced(lost)
	}
	require.Equal(t, proto.NotLeader, code)
	require.Equal(t, int64(-1), base)
	var r proto.FetchReply
	require.True(t, w.answer(fetches, &r))
	require.Equal(t, proto.NotLeader, r.Parts[0].Code)
	code, _, _ = w.produced(w.produce(leader, 1, -1, plain, "y"))
	require.Equal(t, proto.NotLeader, code)
	w.heal(leader)
	w.run(5 * sec)
	next = w.leader(1)
	_, _, values := w.fetch(next, 1, 0)
	require.Equal(t, []string{"a", "b", "c"}, values, "what nobody acknowledged is gone")
	require.Equal(t, int64(3), leader.m.partition(1).end)
}

func TestWhatIsRefusedAndWhatNobodyAnswers(t *testing.T) {
	w := newWorld(t)
	leader, second, _ := w.topic(2)
	code, base, _ := w.produced(w.produce(second, 1, -1, plain, "a"))
	require.Equal(t, proto.NotLeader, code)
	require.Equal(t, int64(-1), base)
	code, _, _ = w.produced(w.produce(second, 9, -1, plain, "a"))
	require.Equal(t, proto.NotLeader, code)
	torn := w.ask(leader, proto.Produce, &proto.ProduceRequest{Acks: -1, Parts: []proto.ProducePart{{ID: 1, Batch: []byte("torn")}}})
	code, _, _ = w.produced(torn)
	require.Equal(t, proto.CorruptMessage, code)
	_, _, answered := w.produced(w.produce(leader, 1, 0, plain, "a"))
	require.False(t, answered, "acks=0")
	w.run(300 * ms)
	_, hw, _ := w.fetch(leader, 1, 0)
	require.Equal(t, int64(1), hw)
	leader.held = true
	for _, n := range w.nodes {
		n.held = true
	}
	code, base, answered = w.produced(w.produce(leader, 1, 1, plain, "b", "c"))
	require.True(t, answered, "acks=1: taken in, not synced")
	require.Equal(t, proto.OK, code)
	require.Equal(t, int64(1), base)
	_, base, _ = w.produced(w.produce(leader, 1, 1, plain, "d"))
	require.Equal(t, int64(3), base, "behind what is in flight")
	for _, n := range w.nodes {
		w.release(n)
	}
	w.run(300 * ms)
	_, hw, values := w.fetch(leader, 1, 1)
	require.Equal(t, int64(4), hw)
	require.Equal(t, []string{"b", "c", "d"}, values)
}

func TestABatchThatComesAgainIsKnownAgainByTheNextLeaderToo(t *testing.T) {
	w := newWorld(t)
	leader, _, _ := w.topic(1)
	ask := func(n *node, b proto.Batch, values ...string) (proto.Code, int64) {
		at := w.produce(n, 1, -1, b, values...)
		w.run(200 * ms)
		code, base, answered := w.produced(at)
		require.True(t, answered)
		return code, base
	}
	is := func(wantCode proto.Code, wantBase int64) func(proto.Code, int64) {
		return func(code proto.Code, base int64) {
			require.Equal(t, wantCode, code)
			require.Equal(t, wantBase, base)
		}
	}
	is(proto.OK, 0)(ask(leader, seq(0), "a", "b"))
	is(proto.OK, 2)(ask(leader, seq(2), "c"))
	is(proto.OK, 0)(ask(leader, seq(0), "a", "b"))
	is(proto.OutOfOrderSequence, -1)(ask(leader, seq(4), "d"))
	w.cut(leader)
	next := w.leader(1)
	is(proto.OK, 2)(ask(next, seq(2), "c"))
	is(proto.OK, 3)(ask(next, seq(3), "d"))
	_, _, values := w.fetch(next, 1, 0)
	require.Equal(t, []string{"a", "b", "c", "d"}, values)
}

func TestAFetchWaitsForEnoughOrForItsTime(t *testing.T) {
	w := newWorld(t)
	leader, _, _ := w.topic(1)
	var r proto.FetchReply
	ask := func(minimum, wait int64, offset int64) uint32 {
		return w.ask(leader, proto.Fetch, &proto.FetchRequest{MinBytes: minimum, MaxWait: wait, MaxBytes: 1 << 20, Parts: []proto.FetchPart{{ID: 1, Offset: offset, Epoch: -1}}})
	}
	at := ask(1, 60*sec, 0)
	require.False(t, w.answer(at, &r))
	w.produce(leader, 1, -1, plain, "a")
	w.run(20 * ms)
	require.True(t, w.answer(at, &r))
	require.Equal(t, []string{"a"}, valuesOf(r.Parts[0].Batches, 0))
	at = ask(1000, sec, 0)
	w.run(800 * ms)
	require.False(t, w.answer(at, &r))
	w.run(400 * ms)
	require.True(t, w.answer(at, &r))
	require.Len(t, valuesOf(r.Parts[0].Batches, 0), 1)
	code, hw, _ := w.fetch(leader, 1, 2)
	require.Equal(t, proto.OffsetOutOfRange, code)
	require.Equal(t, int64(1), hw)
	code, _, _ = w.fetch(leader, 1, -1)
	require.Equal(t, proto.OffsetOutOfRange, code)
	code, hw, values := w.fetch(leader, 1, 1)
	require.Equal(t, proto.OK, code)
	require.Equal(t, int64(1), hw)
	require.Empty(t, values)
	code, _, _ = w.fetch(w.nodes[2], 1, 0)
	require.Equal(t, proto.NotLeader, code)
	w.produce(leader, 1, -1, plain, "b", "c")
	w.run(20 * ms)
	small := w.ask(leader, proto.Fetch, &proto.FetchRequest{MaxBytes: 1, Parts: []proto.FetchPart{{ID: 1, Offset: 2, Epoch: -1}}})
	require.True(t, w.answer(small, &r))
	require.Equal(t, []string{"c"}, valuesOf(r.Parts[0].Batches, 2), "an offset within a batch")
	small = w.ask(leader, proto.Fetch, &proto.FetchRequest{MaxBytes: 1, Parts: []proto.FetchPart{{ID: 1, Offset: 0, Epoch: -1}}})
	require.True(t, w.answer(small, &r))
	require.Equal(t, []string{"a"}, valuesOf(r.Parts[0].Batches, 0), "one batch at least, and no more than fit")
	_, _, all := w.fetch(leader, 1, 0)
	require.Equal(t, []string{"a", "b", "c"}, all)
	both := int64(len(leader.m.partition(1).read(0, 1<<20)))
	for room, want := range map[int64]int{both: 3, both - 1: 1} {
		small = w.ask(leader, proto.Fetch, &proto.FetchRequest{MaxBytes: room, Parts: []proto.FetchPart{{ID: 1, Offset: 0, Epoch: -1}}})
		require.True(t, w.answer(small, &r))
		require.Len(t, valuesOf(r.Parts[0].Batches, 0), want)
	}
}

func TestWhereALeaderIsAndWhereItsLogEnds(t *testing.T) {
	w := newWorld(t)
	leader, second, _ := w.topic(2)
	var m proto.MetadataReply
	require.True(t, w.answer(w.ask(second, proto.Metadata, nil), &m))
	require.Equal(t, uint32(1), m.Topics[0].Partitions[0].Leader)
	require.Equal(t, uint32(2), m.Topics[0].Partitions[1].Leader)
	w.keeps(leader, "a", "b")
	for _, c := range []struct {
		n      *node
		latest bool
		want   proto.OffsetReply
	}{
		{leader, true, proto.OffsetReply{Offset: 2}},
		{leader, false, proto.OffsetReply{}},
		{second, true, proto.OffsetReply{Code: proto.NotLeader, Offset: -1}},
	} {
		var r proto.OffsetReply
		require.True(t, w.answer(w.ask(c.n, proto.ListOffset, &proto.ListOffsetRequest{ID: 1, Latest: c.latest}), &r))
		require.Equal(t, c.want, r)
	}
	seen := map[int64]bool{}
	for _, n := range w.nodes {
		for range 3 {
			var r proto.InitProducerReply
			require.True(t, w.answer(w.ask(n, proto.InitProducer, nil), &r))
			require.Positive(t, r.PID)
			require.False(t, seen[r.PID])
			seen[r.PID] = true
		}
	}
	var r proto.CodeReply
	require.True(t, w.answer(w.ask(leader, proto.CreateTopic, &proto.CreateTopicRequest{Name: "T", Partitions: 1, Replicas: 1}), &r))
	require.Equal(t, proto.TopicExists, r.Code)
	w.cut(w.nodes[2])
	w.run(5 * sec)
	require.True(t, w.answer(w.ask(w.nodes[2], proto.CreateTopic, &proto.CreateTopicRequest{Name: "U", Partitions: 1, Replicas: 1}), &r))
	require.Equal(t, proto.NotController, r.Code)
}

func TestASettingThatIsWrongIsNamed(t *testing.T) {
	nodes := []machine.NodeID{1, 2, 3}
	require.NoError(t, Config{Node: 1, Nodes: nodes}.Check())
	for _, c := range []Config{
		{Node: 4, Nodes: nodes},
		{Nodes: nodes},
		{Node: 1, Nodes: nodes, ElectionTicks: 3},
		{Node: 1, Nodes: nodes, ElectionTicks: 1},
		{Node: 1, Nodes: nodes, Tick: -1},
		{Node: 1, Nodes: nodes, MaxParked: -1},
	} {
		require.Error(t, c.Check())
	}
}

// A process before this one counted its proposals from one, too, and so does every other node.
func TestAnEntryAnswersNobodyButTheProcessThatProposedIt(t *testing.T) {
	w := newWorld(t)
	leader, second, _ := w.topic(1)
	for _, n := range w.nodes {
		n.held = true
	}
	w.produce(leader, 1, -1, plain, "a")
	p := leader.m.partition(1)
	require.Len(t, p.inFlight, 1)
	entry := func(node machine.NodeID, boot uint64) []byte {
		e := binary.LittleEndian.AppendUint64(binary.AppendUvarint(nil, uint64(node)), boot)
		return append(binary.AppendUvarint(e, p.inFlight[0].number), "data"...)
	}
	for _, e := range [][]byte{entry(leader.id, leader.m.boot+2), entry(second.id, leader.m.boot)} {
		data, done := p.body(e)
		require.Equal(t, "data", string(data))
		require.Nil(t, done)
		require.Len(t, p.inFlight, 1)
	}
	_, done := p.body(entry(leader.id, leader.m.boot))
	require.NotNil(t, done)
	require.Empty(t, p.inFlight)
}
