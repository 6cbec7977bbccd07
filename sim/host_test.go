package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
	"github.com/brokerlab/brokerlab/sim/host"
)

// toiler answers every read with as many bytes, after work for each read and each byte.
type toiler struct {
	out   []*machine.ConnBuf
	reads int
	bytes int
}

func (t *toiler) Footprint(dst []machine.Use) []machine.Use {
	return append(dst, machine.Use{Kind: "all", Bytes: 8 << 20})
}

func (t *toiler) Step(_ *machine.Env, in *machine.Input, fx *machine.Effects) {
	switch in.Kind {
	case machine.ConnOpened:
		t.out = append(t.out, in.Out)
	case machine.ConnBytes:
		t.reads++
		t.bytes += len(in.Bytes)
		fx.Charge(machine.WorkParse, 1, int64(len(in.Bytes)), 0)
		fx.Write(t.out[in.Conn-1], in.Bytes)
	}
}

// asker sends a byte every gap, and notes when each comes back.
type asker struct {
	gap   int64
	left  int
	conn  *machine.ConnBuf
	sent  []machine.Mono
	waits []int64
}

func (a *asker) Footprint(dst []machine.Use) []machine.Use { return dst }

func (a *asker) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	switch in.Kind {
	case machine.ConnOpened:
		a.conn = in.Out
		fx.SetTimer(machine.TimerKey{}, env.Mono+machine.Mono(a.gap))
	case machine.TimerFired:
		if a.left--; a.left >= 0 {
			a.sent = append(a.sent, env.Mono)
			fx.Write(a.conn, []byte{'x'})
			fx.SetTimer(machine.TimerKey{}, env.Mono+machine.Mono(a.gap))
		}
	case machine.ConnBytes:
		for range in.Bytes {
			a.waits = append(a.waits, int64(env.Mono-a.sent[len(a.waits)]))
		}
	}
}

func toil(t *testing.T, h host.Config, gap int64, n int, events *[]host.Event) (*toiler, *asker, *World) {
	t.Helper()
	server, client := &toiler{}, &asker{gap: gap, left: n}
	w, err := New(Config{
		Seed:    3,
		Network: NetworkConfig{Latency: choice.NewQuantiles(choice.Point{PPM: 0, Value: 20 * microsecond}, choice.Point{PPM: 1_000_000, Value: 20 * microsecond})},
		Hooks:   Hooks{Collector: func(_ Time, _ machine.NodeID, e *host.Event) { *events = append(*events, *e) }},
		Processes: []Process{
			{ID: 1, Broker: true, Host: h, Boot: func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) { return server, nil }},
			{ID: FirstClient, Boot: func(_ *machine.Env, _ machine.Image, fx *machine.Effects) (machine.Machine, error) {
				fx.Dials = append(fx.Dials, machine.Dial{Token: 1, To: 1})
				return client, nil
			}},
		},
	})
	require.NoError(t, err)
	w.RunUntil(int64(n)*gap + 5*second)
	require.Len(t, client.waits, n, "every byte comes back")
	return server, client, w
}

func parse(nanos, alloc int64) host.Program {
	p := host.Program{Lanes: 1}
	p.Work[machine.WorkParse] = host.Cost{Nanos: nanos, Alloc: alloc}
	return p
}

func last(v []int64) int64 { return v[len(v)-1] }

func TestAStepTakesItsTimeAndWhatComesMeanwhileIsReadAtOnce(t *testing.T) {
	var none []host.Event
	idle, light, w := toil(t, host.Config{Cores: 1, Program: parse(100*microsecond, 0)}, millisecond, 1000, &none)
	require.Greater(t, last(light.waits), 100*microsecond)
	require.Less(t, last(light.waits), 500*microsecond)
	require.Equal(t, int64(idle.reads)*100*microsecond, w.Busy(1))
	// Ten times as much as it could handle one by one: reads grow until they suffice.
	full, heavy, _ := toil(t, host.Config{Cores: 1, Program: parse(100*microsecond, 0)}, 10*microsecond, 20_000, &none)
	require.Less(t, full.reads, full.bytes/5)
	require.Less(t, last(heavy.waits), 600*microsecond)
}

func TestAByteThatCannotBeReadTogetherMakesAQueue(t *testing.T) {
	var none []host.Event
	p := host.Program{Lanes: 1}
	p.Work[machine.WorkParse] = host.Cost{Picos: 20_000_000} // 20 us a byte
	_, heavy, _ := toil(t, host.Config{Cores: 1, Program: p}, 10*microsecond, 10_000, &none)
	require.Greater(t, last(heavy.waits), 50*millisecond)
}

func TestACollectorStopsTheProgramOfItsHost(t *testing.T) {
	var events []host.Event
	h := host.Config{Cores: 2, Program: parse(microsecond, 1<<20), Collector: host.CollectorConfig{Kind: host.Go, StopMin: 5 * millisecond}}
	_, client, _ := toil(t, h, millisecond, 2000, &events)
	pauses := 0
	for _, e := range events {
		if e.Kind == host.Pause {
			pauses++
		}
	}
	require.Greater(t, pauses, 50)
	slow := 0
	for _, wait := range client.waits {
		if wait > 2*millisecond {
			slow++
		}
	}
	require.InDelta(t, 4*pauses, slow, float64(3*pauses), "a pause of 5 ms is felt by the few bytes that fall into it")
}

func TestABusyProcessThatDiesForgetsWhatWaited(t *testing.T) {
	var none []host.Event
	run := func() string {
		_, _, w := toil(t, host.Config{Cores: 1, Program: parse(300*microsecond, 0)}, 100*microsecond, 1000, &none)
		p := w.processOf(1)
		w.kill(p, "crash", true)
		w.RunUntil(w.Now() + second)
		require.Nil(t, p.held)
		return w.Hash()
	}
	require.Equal(t, run(), run())
}

// crier answers every read to all who are connected.
type crier struct{ toiler }

func (c *crier) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	if in.Kind != machine.ConnBytes {
		c.toiler.Step(env, in, fx)
		return
	}
	for _, out := range c.out {
		fx.Write(out, in.Bytes)
	}
}

func TestWhatIsWrittenToManyConnectionsCostsAWriteEach(t *testing.T) {
	const listeners = 10
	server := &crier{}
	cfg := Config{Seed: 3, Processes: []Process{{
		ID: 1, Broker: true, Host: host.Config{Cores: 1, Program: host.Program{Step: microsecond, Write: 4 * microsecond}},
		Boot: func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) { return server, nil },
	}}}
	asked := 1 // by the first
	for i := range listeners {
		client := &asker{gap: second, left: asked}
		asked = 0
		cfg.Processes = append(cfg.Processes, Process{ID: FirstClient + machine.NodeID(i), Boot: func(_ *machine.Env, _ machine.Image, fx *machine.Effects) (machine.Machine, error) {
			fx.Dials = append(fx.Dials, machine.Dial{Token: 1, To: 1})
			return deaf{client}, nil
		}})
	}
	w, err := New(cfg)
	require.NoError(t, err)
	w.RunUntil(second / 2)
	was := w.Busy(1)
	w.RunUntil(3 * second)
	require.Len(t, server.out, listeners)
	require.EqualValues(t, microsecond+(listeners-1)*4*microsecond, w.Busy(1)-was)
}

// deaf is an asker that does not listen.
type deaf struct{ *asker }

func (d deaf) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	if in.Kind != machine.ConnBytes {
		d.asker.Step(env, in, fx)
	}
}

// framer sends a peer frames, one every gap.
type framer struct {
	gap, left int64
	peer      machine.NodeID
	got       int
}

func (f *framer) Footprint(dst []machine.Use) []machine.Use { return dst }

func (f *framer) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	switch in.Kind {
	case machine.PeerUp:
		fx.SetTimer(machine.TimerKey{}, env.Mono+machine.Mono(second)) // the other has heard of it too
	case machine.PeerFrame:
		f.got++
	case machine.TimerFired:
		if f.left--; f.left >= 0 {
			fx.Send(machine.Addr{Node: f.peer}, machine.RouteLink, make([]byte, 100))
			fx.SetTimer(machine.TimerKey{}, env.Mono+machine.Mono(f.gap))
		}
	}
}

func TestFramesThatComeWhileTheirReaderIsBusyAreReadTogether(t *testing.T) {
	for _, c := range []struct {
		gap         int64
		least, most int64 // processor time a frame
	}{{millisecond, 10_000, 10_010}, {2 * microsecond, 1500, 2500}} {
		const frames = 5000
		sender, receiver := &framer{gap: c.gap, left: frames, peer: 2}, &framer{peer: 1}
		boot := func(m machine.Machine) machine.Boot {
			return func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) { return m, nil }
		}
		latency := choice.NewQuantiles(choice.Point{PPM: 0, Value: 20 * microsecond}, choice.Point{PPM: 1_000_000, Value: 20 * microsecond})
		w, err := New(Config{Seed: 3, Network: NetworkConfig{Latency: latency}, Processes: []Process{
			{ID: 1, Broker: true, Boot: boot(sender)},
			{ID: 2, Broker: true, Boot: boot(receiver), Host: host.Config{Cores: 1, Program: host.Program{Lanes: 1, Step: 10 * microsecond, Input: 10 * microsecond}}},
		}})
		require.NoError(t, err)
		w.RunUntil(10 * second)
		require.Equal(t, frames, receiver.got)
		mean := w.Busy(2) / frames
		require.GreaterOrEqual(t, mean, c.least)
		require.LessOrEqual(t, mean, c.most, "one every %d ns", c.gap)
	}
}
