package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/metadata"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/memdisk"
	"github.com/brokerlab/brokerlab/model/machine"
)

// The high watermark does not move under min ISR, so this takes one that has moved and is heard of late.
func TestARecordThatIsCommittedByAnISRThatIsTooSmallByNowIsInTheLogNevertheless(t *testing.T) {
	s := newScene(t, Config{})
	s.do("topic 1 3 2")
	s.do("produce all a")
	p := s.b.partition(1)
	p.meta.ISR, p.hw = []uint32{1}, 1
	s.text.Reset()
	s.within(p.wakeLater)
	require.Equal(t, "  produce all a: not enough replicas after append, at -1\n", s.text.String())
}

func TestAProcessThatHasNotAppliedItsRegistrationFetchesNothing(t *testing.T) {
	s := newScene(t, Config{})
	s.b.epoch++
	s.do("topic 2 3 2")
	require.Empty(t, s.text.String())
	s.b.epoch--
	s.sleep(tickEvery)
	require.Contains(t, s.text.String(), "asks n2: wait 500ms, anew, p2")
}

func TestTwoRegistrationsInOneEntryHaveEpochsOfTheirOwn(t *testing.T) {
	w := newWorld(t, Config{})
	seen := map[uint64]bool{}
	for _, br := range w.nodes[0].m.meta.Brokers() {
		require.False(t, seen[br.Epoch])
		seen[br.Epoch] = true
	}
	require.Len(t, seen, 3)
}

func TestTheControllerHearsABrokerByItsEpochAlone(t *testing.T) {
	w := newWorld(t, Config{})
	ctl := w.nodes[0].m
	br := ctl.meta.Broker(3)
	s := ctl.session(3)
	s.heard = 0
	require.Equal(t, proto.StaleBrokerEpoch, ctl.heard(&proto.HeartbeatRequest{Node: 3, Epoch: br.Epoch - 1, Index: ctl.index}))
	require.Zero(t, s.heard, "a process of before keeps no session")
	require.Equal(t, proto.BrokerIDNotRegistered, ctl.heard(&proto.HeartbeatRequest{Node: 9}))
	require.Equal(t, proto.NotController, w.nodes[1].m.heard(&proto.HeartbeatRequest{Node: 3, Epoch: br.Epoch}))
	br.Fenced = true
	require.Equal(t, proto.OK, ctl.heard(&proto.HeartbeatRequest{Node: 3, Epoch: br.Epoch, Index: br.Epoch>>16 - 1}))
	require.Positive(t, s.heard)
	require.Empty(t, ctl.ctl.queue, "it has not applied its own registration")
	require.Equal(t, proto.OK, ctl.heard(&proto.HeartbeatRequest{Node: 3, Epoch: br.Epoch, Index: br.Epoch >> 16}))
	require.Equal(t, &metadata.Session{Broker: 3, Epoch: br.Epoch}, ctl.ctl.queue[0].c.Unfence)
	s.heard = 0
	ctl.ctlLead(2)
	require.Equal(t, ctl.env.Mono, ctl.session(3).heard, "a new controller begins anew")
}

func TestABrokerWhoseEpochIsStaleRegistersAnew(t *testing.T) {
	w := newWorld(t, Config{})
	n := w.nodes[2].m
	epoch := n.epoch
	n.epoch--
	w.run(3 * sec)
	require.Equal(t, epoch, n.epoch)
}

func TestACheckpointOfTheHighWatermarksCountsWholeOrNotAtAll(t *testing.T) {
	s := newScene(t, Config{})
	s.do("topic 3 1 1")
	s.do("produce 1 a")
	s.sleep(6 * sec)
	whole := s.files[hwName]
	require.Equal(t, map[uint32]int64{1: 1}, readWatermarks(memdisk.Files{hwName: whole}))
	for i := range whole {
		torn := append([]byte(nil), whole...)
		torn[i] ^= 1
		require.Empty(t, readWatermarks(memdisk.Files{hwName: torn}))
		require.Empty(t, readWatermarks(memdisk.Files{hwName: whole[:i]}))
	}
	require.Empty(t, readWatermarks(memdisk.Files{}))
}

// With a min ISR of three one broker less is too few: a commit is refused before it is appended.
func TestACommitIsRefusedUnderMinISR(t *testing.T) {
	w, c := coordinated(t, Config{OffsetsMinISR: 3})
	require.Equal(t, proto.OK, w.code(w.commit(c, 1)))
	other := w.nodes[2]
	if other == c {
		other = w.nodes[1]
	}
	w.cut(other)
	w.until("it is fenced", func() bool { return w.nodes[0].fenced(uint32(other.id)) })
	end := c.m.partition(c.m.meta.Topic("__consumer_offsets").First).log.Appended()
	require.Equal(t, proto.CoordinatorNotThere, w.code(w.commit(c, 2)))
	require.Equal(t, end, c.m.partition(c.m.meta.Topic("__consumer_offsets").First).log.Appended())
	require.Equal(t, proto.OffsetReply{Offset: 1}, w.committed(c))
}

func TestEverySettingThatIsWrongIsNamed(t *testing.T) {
	nodes := []machine.NodeID{1, 2, 3}
	require.NoError(t, Config{Node: 1, Nodes: nodes}.Check())
	err := Config{Node: 4, Nodes: nodes, ElectionTicks: 3, FlushInterval: -1, Session: sec, ReplicaLag: -1, MaxParked: -1}.Check()
	for _, why := range []string{"node 4 is not among", "election ticks must be a power of two", "flush interval", "must be longer than its heartbeat", "replica lag", "max parked"} {
		require.ErrorContains(t, err, why)
	}
}

func TestOnlySoManyProducesWaitAndAnsweredOnesMakeRoom(t *testing.T) {
	s := newScene(t, Config{MaxParked: 2})
	for _, line := range []string{"topic 1 3 2", "produce all a", "produce all b", "produce all c", "n2 at=2", "n3 at=2", "produce all c"} {
		s.text.Reset()
		s.do(line)
		want := ""
		switch line {
		case "produce all c":
			if s.b.parked == 2 {
				want = "  produce all c: not enough replicas, at -1\n"
			} else {
				require.Equal(t, int64(3), s.b.partition(1).log.End())
			}
		case "n3 at=2":
			want = "  produce all a: none, at 0\n  produce all b: none, at 1\n"
		}
		if want != "" {
			require.Equal(t, want, s.text.String())
		}
	}
	require.Equal(t, 1, s.b.parked)
}

func TestAControllerThatIsDeposedAnswersWhoWaitsAndTakesNothingMore(t *testing.T) {
	w := newWorld(t, Config{})
	ctl := w.nodes[0].m
	var heard []proto.Code
	hear := func(r metadata.Result) { heard = append(heard, r.Code) }
	ctl.command(metadata.Command{NewProducer: true}, hear)
	ctl.proposeCommands()
	ctl.command(metadata.Command{NewProducer: true}, hear)
	require.Empty(t, heard)
	require.Len(t, ctl.ctl.inFlight, 1)
	number := ctl.ctl.inFlight[0].number
	require.Nil(t, ctl.takeFlight(1, ctl.incarnation+2, number), "a process before this one counted, too")
	require.Nil(t, ctl.takeFlight(2, ctl.incarnation, number))
	ctl.ctlFollow()
	require.Equal(t, []proto.Code{proto.NotController, proto.NotController}, heard)
	ctl.command(metadata.Command{NewProducer: true}, hear)
	require.Len(t, heard, 3)
	require.Empty(t, ctl.ctl.queue)
}
