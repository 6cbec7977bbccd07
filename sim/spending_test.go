package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
	"github.com/brokerlab/brokerlab/sim/host"
)

// A life counts to the whole, however much the next one uses.
func TestWhatIsSpentIsOfAllLives(t *testing.T) {
	var none []host.Event
	h := host.Config{Cores: 1, Program: parse(100*microsecond, 1<<10), Collector: host.CollectorConfig{Kind: host.ZGC, Heap: 1 << 30}}
	idle, _, w := toil(t, h, millisecond, 100, &none)
	p := w.processOf(1)
	busy, collected, allocated := w.Busy(1), w.Collected(1), w.Allocated(1)
	require.EqualValues(t, int64(idle.reads)*108*microsecond, busy)
	require.EqualValues(t, int64(idle.reads)*8*microsecond, collected)
	require.EqualValues(t, int64(idle.reads)<<10, allocated)
	w.kill(p, "crash", true)
	require.Equal(t, []int64{busy, collected, allocated}, []int64{w.Busy(1), w.Collected(1), w.Allocated(1)})
	w.restart(p)
	w.RunUntil(w.Now() + second)
	require.NotNil(t, p.host)
	fx := &machine.Effects{}
	fx.Charge(machine.WorkParse, 2, 0, 0)
	w.cost(p, fx)
	require.Equal(t, []int64{busy + 216*microsecond, collected + 16*microsecond, allocated + 2<<10}, []int64{w.Busy(1), w.Collected(1), w.Allocated(1)})
	require.Zero(t, w.Busy(99))
	require.Zero(t, w.Busy(FirstClient), "clients cost nothing")
}

// Writes are to connections and to nodes, each link its own; many frames to one are one.
func TestHowManyWritesAStepMakes(t *testing.T) {
	fx := &machine.Effects{Dirty: make([]*machine.ConnBuf, 2)}
	require.Equal(t, 2, writes(fx))
	for _, f := range []struct {
		to   machine.NodeID
		link machine.Link
	}{{2, machine.RouteLink}, {2, machine.RouteLink}, {3, machine.RouteLink}, {2, machine.RaftLink}} {
		fx.Send(machine.Addr{Node: f.to}, f.link, []byte("x"))
	}
	require.Equal(t, 5, writes(fx))
}

// A step's effects leave when its work is done; then each byte takes its time on the interface, and again on the wire.
func TestBytesLeaveWhenTheStepIsDoneAndTheInterfaceIsFree(t *testing.T) {
	for _, c := range []struct{ nic, wire, want int64 }{
		{0, 0, 100*microsecond + 40*microsecond},
		{10_000_000, 0, 100*microsecond + 10*microsecond + 40*microsecond},
		{10_000_000, 5_000_000, 100*microsecond + 10*microsecond + 2*5*microsecond + 40*microsecond},
	} {
		server, client := &toiler{}, &asker{gap: millisecond, left: 3}
		latency := choice.NewQuantiles(choice.Point{PPM: 0, Value: 20 * microsecond}, choice.Point{PPM: 1_000_000, Value: 20 * microsecond})
		w, err := New(Config{Seed: 3, Network: NetworkConfig{Latency: latency, PicosPerByte: max(c.wire, 1)}, Processes: []Process{
			{
				ID: 1, Broker: true, Host: host.Config{Cores: 1, Program: parse(100*microsecond, 0), NICPicosPerByte: c.nic},
				Boot: func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) { return server, nil },
			},
			{ID: FirstClient, Boot: func(_ *machine.Env, _ machine.Image, fx *machine.Effects) (machine.Machine, error) {
				fx.Dials = append(fx.Dials, machine.Dial{Token: 1, To: 1})
				return client, nil
			}},
		}})
		require.NoError(t, err)
		w.RunUntil(second)
		require.Len(t, client.waits, 3)
		for _, wait := range client.waits {
			require.InDelta(t, c.want, wait, 100, "clients' clocks drift")
		}
	}
}

// Three inputs at one time wait for one lane, each for those before it; in the order of their coming.
func TestWhatComesToABusyProgramWaitsItsTurn(t *testing.T) {
	server := &toiler{}
	cfg := Config{Seed: 3, Processes: []Process{{
		ID: 1, Broker: true, Host: host.Config{Cores: 1, Program: parse(100*microsecond, 0)},
		Boot: func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) { return server, nil },
	}}}
	w, err := New(cfg)
	require.NoError(t, err)
	w.RunUntil(second)
	p := w.processOf(1)
	require.False(t, w.waits(p))
	w.hold(p, event{kind: evFree, epoch: 99}) // that comes to nothing
	require.True(t, w.waits(p), "a lane is free, and nobody overtakes what waits for it")
	p.letting = true
	require.False(t, w.waits(p), "but what waited")
	p.letting = false
	w.RunUntil(w.Now())
	require.Empty(t, p.held)
	fx := &machine.Effects{}
	fx.Charge(machine.WorkParse, 1, 0, 0)
	require.Equal(t, 100*microsecond, w.cost(p, fx))
	require.True(t, w.waits(p), "its lane is taken")
	p.paused++
	w.hold(p, event{kind: evFree})
	require.False(t, p.waking, "who is paused wakes when resumed")
	p.paused--
	w.wake(p)
	require.True(t, p.waking)
	w.RunUntil(w.Now() + 100*microsecond - 1)
	require.Len(t, p.held, 1)
	w.RunUntil(w.Now() + 1)
	require.Empty(t, p.held)
	require.False(t, w.waits(p))
}

// salvo sends three frames at once; whoever gets them notes when.
type salvo struct {
	framer
	came []machine.Mono
}

func (s *salvo) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	switch in.Kind {
	case machine.PeerFrame:
		s.came = append(s.came, env.Mono)
	case machine.TimerFired:
		for range 3 {
			fx.Send(machine.Addr{Node: s.peer}, machine.RouteLink, make([]byte, 100))
		}
	default:
		s.framer.Step(env, in, fx)
	}
}

func TestFramesSentTogetherFollowOneAnotherOnTheWire(t *testing.T) {
	sender, receiver := &salvo{framer: framer{peer: 2}}, &salvo{framer: framer{peer: 9}}
	boot := func(m machine.Machine) machine.Boot {
		return func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) { return m, nil }
	}
	latency := choice.NewQuantiles(choice.Point{PPM: 0, Value: 20 * microsecond}, choice.Point{PPM: 1_000_000, Value: 20 * microsecond})
	w, err := New(Config{Seed: 3, Network: NetworkConfig{Latency: latency, PicosPerByte: 1_000_000}, Processes: []Process{
		{ID: 1, Broker: true, Boot: boot(sender)}, {ID: 2, Broker: true, Boot: boot(receiver)},
	}})
	require.NoError(t, err)
	w.RunUntil(1500 * millisecond)
	require.Len(t, receiver.came, 3)
	require.InDelta(t, 100*microsecond, int64(receiver.came[1]-receiver.came[0]), 100)
	require.InDelta(t, 200*microsecond, int64(receiver.came[2]-receiver.came[0]), 100)
}
