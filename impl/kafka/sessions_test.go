package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// until runs until something holds, and returns how long it took; at most a minute.
func (w *world) until(what string, holds func() bool) (took machine.Mono) {
	for began := w.now; w.now < began+60*sec; w.run(20 * ms) {
		if holds() {
			return w.now - began
		}
	}
	require.Fail(w.t, "never: "+what)
	return 0
}

func (n *node) fenced(id uint32) bool { return n.m.meta.Broker(id).Fenced }

// heard is when the active controller has last heard of a broker.
func (n *node) heard(id uint32) machine.Mono { return n.m.session(id).heard }

func topic(t *testing.T, cfg Config) *world {
	w := newWorld(t, cfg)
	w.ask(w.nodes[0], proto.CreateTopic, &proto.CreateTopicRequest{Name: "T", Partitions: 3, Replicas: 3, MinISR: 2})
	w.run(sec)
	require.Len(t, w.nodes[0].m.meta.Partitions(), 3)
	return w
}

func TestABrokerThatIsNotHeardOfForASessionIsFencedAndWhatItLedIsLedByTheNext(t *testing.T) {
	w := topic(t, Config{})
	ctl := w.nodes[0]
	w.run(20 * sec)
	for id := uint32(1); id <= 3; id++ {
		require.False(t, ctl.fenced(id), "heartbeats keep a session")
		require.Less(t, w.now-ctl.heard(id), machine.Mono(2*sec+2*tickEvery))
	}
	w.cut(w.nodes[2])
	heard := ctl.heard(3)
	w.until("n3 is fenced", func() bool { return ctl.fenced(3) })
	require.GreaterOrEqual(t, w.now-heard, machine.Mono(9*sec))
	require.Less(t, w.now-heard, machine.Mono(9*sec+2*tickEvery+25*ms))
	p := ctl.m.meta.Partition(3)
	require.Equal(t, []uint32{1, 2}, p.ISR)
	require.Equal(t, uint32(1), p.Leader)
	index := ctl.m.index
	w.run(10 * sec)
	require.Equal(t, index, ctl.m.index, "once")
	w.heal(w.nodes[2])
	took := w.until("n3 is let in", func() bool { return !ctl.fenced(3) })
	require.Less(t, took, machine.Mono(sec))
	w.until("n3 is in sync", func() bool { return len(p.ISR) == 3 })
	require.Equal(t, uint32(1), p.Leader, "nobody moves a leader for that")
}

// The configuration's rebalance is shortened, for nothing else takes five minutes.
func TestThePreferredLeaderReturnsWhenElectionsAreLookedAt(t *testing.T) {
	w := topic(t, Config{Rebalance: 40 * sec})
	ctl := w.nodes[0]
	due := ctl.m.ctl.rebalance
	w.cut(w.nodes[1])
	w.until("n2 is fenced", func() bool { return ctl.fenced(2) })
	w.heal(w.nodes[1])
	w.until("n2 is in sync", func() bool { return len(ctl.m.meta.Partition(2).ISR) == 3 })
	require.Equal(t, uint32(3), ctl.m.meta.Partition(2).Leader)
	w.run(due - w.now - 200*ms)
	require.Equal(t, uint32(3), ctl.m.meta.Partition(2).Leader)
	w.run(400 * ms)
	require.Equal(t, uint32(2), ctl.m.meta.Partition(2).Leader)
	require.Greater(t, ctl.m.ctl.rebalance, due)
}

func TestANewProcessIsNotRegisteredBeforeTheSessionOfTheOneBeforeHasEnded(t *testing.T) {
	w := topic(t, Config{})
	ctl := w.nodes[0]
	old := ctl.m.meta.Broker(3).Epoch
	w.crash(w.nodes[2])
	heard := ctl.heard(3)
	w.boot(w.nodes[2])
	booted := w.now
	w.run(5 * sec)
	require.Equal(t, old, ctl.m.meta.Broker(3).Epoch, "duplicate broker registration")
	require.Zero(t, w.nodes[2].m.epoch)
	require.False(t, w.nodes[2].m.acting, "it reads what was said to the process before it")
	w.ask(w.nodes[2], proto.Metadata, nil)
	require.True(t, w.nodes[2].shut, "and nothing of it listens yet")
	w.until("the process before is fenced", func() bool { return ctl.fenced(3) })
	require.GreaterOrEqual(t, w.now-heard, machine.Mono(9*sec))
	require.Less(t, w.now-heard, machine.Mono(10*sec))
	w.until("the new process is registered", func() bool { return ctl.m.meta.Broker(3).Epoch != old })
	require.InDelta(t, 12_700*ms, int64(w.now-booted), 2*tickEvery, "its eighth try: each waits twice as long as the one before")
	w.until("it is let in", func() bool { return !ctl.fenced(3) })
	require.Equal(t, ctl.m.meta.Broker(3).Epoch, w.nodes[2].m.epoch)
	require.NotEqual(t, old, w.nodes[2].m.epoch)
	require.True(t, w.nodes[2].m.acting)
	var m proto.MetadataReply
	require.True(t, w.answer(w.ask(w.nodes[2], proto.Metadata, nil), &m))
}

func TestANewControllerGivesEverybodyAWholeSession(t *testing.T) {
	w := topic(t, Config{})
	w.crash(w.nodes[0])
	var ctl *node
	w.until("another is the controller", func() bool {
		for _, n := range w.nodes[1:] {
			if n.m.ctl.active {
				ctl = n
			}
		}
		return ctl != nil
	})
	began := w.now
	other := w.nodes[4-int(ctl.id)] // 2 and 3
	w.until("n1 is fenced", func() bool { return ctl.fenced(1) })
	require.GreaterOrEqual(t, w.now-began, machine.Mono(9*sec-20*ms))
	require.Less(t, w.now-began, machine.Mono(9*sec+300*ms))
	require.False(t, ctl.fenced(uint32(other.id)))
	require.False(t, ctl.fenced(uint32(ctl.id)), "it hears itself")
}

func TestARefusedRegistrationWaitsTwiceAsLongEachTime(t *testing.T) {
	b := &Broker{cfg: Config{}.withDefaults()}
	var waits []machine.Mono
	for n := range 10 {
		waits = append(waits, b.backoff(n)/ms)
	}
	require.Equal(t, []machine.Mono{100, 200, 400, 800, 1600, 3200, 6400, 9000, 9000, 9000}, waits)
}
