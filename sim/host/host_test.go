package host

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

const (
	us = int64(1_000)
	ms = 1000 * us
	s  = 1000 * ms
)

// oneKind is a program whose only work is of one kind.
func oneKind(c Cost, lanes int) Program {
	p := Program{Lanes: lanes}
	p.Work[machine.WorkRoute] = c
	return p
}

func work(count, bytes int64) *[machine.WorkKinds]machine.Work {
	var w [machine.WorkKinds]machine.Work
	w[machine.WorkRoute] = machine.Work{Count: count, Bytes: bytes}
	return &w
}

func draws(seed uint64) func(uint64) uint64 {
	return func(n uint64) uint64 { return choice.Seed(seed).Draw(choice.Clock, n, 0, 0, 77) }
}

func noLive() int64 { return 0 }

// uniform is a draw within (0, 1).
func uniform(draw uint64) float64 { return (float64(draw>>11) + 0.5) / (1 << 53) }

// queue feeds Poisson arrivals, each of count units of work drawn by size, and returns the times from arrival to release.
func queue(h *Host, n int, meanGap float64, size func(i uint64) int64) []int64 {
	d := draws(5)
	waits := make([]int64, 0, n)
	at := 0.0
	for i := range n {
		at += -math.Log(uniform(d(uint64(2*i)))) * meanGap
		now := int64(at)
		start := h.Free(now)
		waits = append(waits, h.Step(start, work(size(uint64(i)), 0), IO{})-now)
	}
	return waits
}

func mean(v []int64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x)
	}
	return sum / float64(len(v))
}

func quantile(v []int64, p float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return float64(v[min(int(p*float64(len(v))), len(v)-1)])
}

// Pollaczek-Khinchine: T = E[S] + rho*E[S]*(1+C2)/(2(1-rho)).
func TestOneLaneIsAnMG1Queue(t *testing.T) {
	const service = 10_000.0 // ns
	for _, c := range []struct {
		name string
		rho  float64
		c2   float64
		size func(uint64) int64
	}{
		{"M/D/1 at half load", 0.5, 0, func(uint64) int64 { return 10_000 }},
		{"M/D/1 at four fifths", 0.8, 0, func(uint64) int64 { return 10_000 }},
		{"M/M/1 at half load", 0.5, 1, func(i uint64) int64 { return int64(-math.Log(uniform(draws(9)(i))) * service) }},
		{"M/M/1 at four fifths", 0.8, 1, func(i uint64) int64 { return int64(-math.Log(uniform(draws(9)(i))) * service) }},
	} {
		h := New(Config{Cores: 2, Program: oneKind(Cost{Nanos: 1}, 1)}, draws(1), noLive, nil)
		got := mean(queue(h, 400_000, service/c.rho, c.size))
		want := service + c.rho*service*(1+c.c2)/(2*(1-c.rho))
		require.InEpsilon(t, want, got, 0.04, c.name)
	}
}

func TestMoreLanesServeMoreAndKeepTheOrder(t *testing.T) {
	h := New(Config{Cores: 4, Program: oneKind(Cost{Nanos: 1}, 4)}, draws(1), noLive, nil)
	long := h.Step(h.Free(0), work(100*us, 0), IO{})
	short := h.Step(h.Free(0), work(1*us, 0), IO{})
	require.Equal(t, 100*us, long)
	require.Equal(t, 100*us, short, "what left first must arrive first")
	require.Equal(t, int64(0), h.Free(0), "two lanes are free still")
}

func TestWorkIsPricedByUnitsAndBytes(t *testing.T) {
	p := oneKind(Cost{Nanos: 200, Picos: 500}, 1)
	p.Step = 1000
	h := New(Config{Cores: 1, Program: p}, draws(1), noLive, nil)
	require.EqualValues(t, 1000+3*200+4096*500/1000, h.Step(0, work(3, 4096), IO{}))
}

func TestEveryConnectionWrittenToBeyondTheFirstTakesItsOwnTime(t *testing.T) {
	for writes, want := range []int64{1000, 1000, 1000 + 400, 1000 + 800} {
		h := New(Config{Cores: 1, Program: Program{Step: 1000, Write: 400}}, nil, func() int64 { return 0 }, nil)
		require.EqualValues(t, want, h.Step(0, work(0, 0), IO{Writes: writes}), "%d writes", writes)
		require.EqualValues(t, want, h.Busy())
	}
}

func TestTheInterfaceIsSharedAndServesInOrder(t *testing.T) {
	h := New(Config{Cores: 1, NICPicosPerByte: 800}, draws(1), noLive, nil)
	require.Equal(t, 800*us, h.Transmit(0, 1_000_000))
	require.Equal(t, 801*us, h.Transmit(100, 1250))
	require.Equal(t, 2*ms+1*us, h.Transmit(2*ms, 1250))
}

// pausing is a collector that stops the world for length each time the next Poisson moment has come.
type pausing struct {
	h      *Host
	length int64
	gap    float64
	at     float64
	n      uint64
}

func (p *pausing) advance(now int64) {
	for int64(p.at) <= now {
		p.h.stop(int64(p.at), p.length)
		p.n++
		p.at += -math.Log(uniform(draws(33)(p.n))) * p.gap
	}
}
func (p *pausing) charge(_, cost, _ int64) int64 { return cost }

// The closed formula d_p = G - (1-p)(1-rho)/gamma holds while pauses seldom meet (field study C.3), and is known to fall
// short where they do.
func TestPausesDelayAsTheClosedFormulaSaysWhileTheySeldomMeet(t *testing.T) {
	run := func(length int64, perSecond, rho float64) []int64 {
		h := New(Config{Cores: 2, Program: oneKind(Cost{Nanos: 1}, 1)}, draws(1), noLive, nil)
		h.gc = &pausing{h: h, length: length, gap: 1e9 / perSecond, at: 1e9 / perSecond}
		return queue(h, 1_000_000, 20_000/rho, func(uint64) int64 { return 20_000 })
	}
	closed := func(length int64, perSecond, rho, p float64) float64 {
		return float64(length) - (1-p)*(1-rho)/perSecond*1e9
	}
	waits := run(20*ms, 1, 0.5)
	require.InEpsilon(t, closed(20*ms, 1, 0.5, 0.99), quantile(waits, 0.99), 0.15)
	require.InEpsilon(t, closed(20*ms, 1, 0.5, 0.999), quantile(waits, 0.999), 0.15)
	crowded := run(20*ms, 2, 0.8)
	require.Greater(t, quantile(crowded, 0.999), 1.2*closed(20*ms, 2, 0.8, 0.999), "pauses that meet add up, which the formula leaves out")
}

// run allocates a steady stream and collects what the collector did.
func run(cfg Config, live int64, allocPerMs int64, millis int) (events []Event, h *Host) {
	cfg.Program = oneKind(Cost{Nanos: 10 * us, Alloc: allocPerMs}, max(cfg.Program.Lanes, 1))
	h = New(cfg, draws(2), func() int64 { return live }, func(e Event) { events = append(events, e) })
	for i := range millis {
		now := int64(i) * ms
		h.Step(h.Free(now), work(1, 0), IO{})
	}
	return events, h
}

func only(events []Event, kind EventKind, why string) (out []Event) {
	for _, e := range events {
		if e.Kind == kind && (why == "" || e.Why == why) {
			out = append(out, e)
		}
	}
	return out
}

// T = (H-L)/A: 64 MiB live at GOGC 100 and 64 MiB/s leave a cycle about a second.
func TestGoCollectsOnceAnAllocatedHeapful(t *testing.T) {
	for _, c := range []struct {
		gogc   int64
		cycles float64 // in 20 s
	}{{100, 20}, {200, 10}, {50, 40}} {
		events, _ := run(Config{Cores: 2, Collector: CollectorConfig{Kind: Go, GOGC: c.gogc}}, 64*mib, 64*mib/1000, 20_000)
		marks := only(events, Mark, "")
		require.InDelta(t, c.cycles, len(marks), 0.15*c.cycles+2, "GOGC=%d", c.gogc)
		// C = c*L by a quarter of two cores: 64 MiB * 0.3 ns / 0.5 = 40 ms.
		require.InEpsilon(t, 64*mib*0.3/0.5, mean(nanos(marks[3:])), 0.02)
		require.InDelta(t, len(marks), len(only(events, Pause, "sweep termination")), 1)
		require.Len(t, only(events, Pause, "mark termination"), len(marks))
	}
}

func nanos(events []Event) (out []int64) {
	for _, e := range events {
		out = append(out, e.Nanos)
	}
	return out
}

func TestGoWithALittleHeapCollectsEveryFourMegabytes(t *testing.T) {
	events, _ := run(Config{Cores: 2, Collector: CollectorConfig{Kind: Go}}, 100<<10, 4*mib/1000, 10_000)
	require.InDelta(t, 10, len(only(events, Mark, "")), 3)
}

func TestGoUnderItsMemoryLimitTakesAtMostHalfOfTheProcessor(t *testing.T) {
	free, _ := run(Config{Cores: 2, Collector: CollectorConfig{Kind: Go}}, 200*mib, 100*mib/1000, 20_000)
	tight, _ := run(Config{Cores: 2, Collector: CollectorConfig{Kind: Go, MemLimit: 204 * mib}}, 200*mib, 100*mib/1000, 20_000)
	require.Greater(t, len(only(tight, Mark, "")), 5*len(only(free, Mark, "")), "a heap at its limit is collected without end")
	share := float64(len(only(tight, Mark, ""))) * 200 * mib * 0.3 / (2 * 20e9)
	require.LessOrEqual(t, share, 0.52)
	require.Greater(t, share, 0.1)
}

func TestGoSlowsAProgramThatUsesAllCoresWhileItMarks(t *testing.T) {
	h := New(Config{Cores: 1, Program: oneKind(Cost{Nanos: 1}, 1), Collector: CollectorConfig{Kind: Go}}, draws(1), noLive, nil)
	g := h.gc.(*goCollector)
	g.marking, g.ends = true, s
	require.Equal(t, 100*us*1000/750, g.charge(0, 100*us, 0))
	h = New(Config{Cores: 4, Program: oneKind(Cost{Nanos: 1}, 1), Collector: CollectorConfig{Kind: Go}}, draws(1), noLive, nil)
	g = h.gc.(*goCollector)
	g.marking, g.ends = true, s
	require.Equal(t, 100*us, g.charge(0, 100*us, 0), "three cores are left for one lane")
}

func TestStopsAreMostlyShortAndNowAndThenLong(t *testing.T) {
	cfg := CollectorConfig{Kind: Go, StopMin: 20 * us, StopMax: 4 * ms, ContendedPermille: 100}
	st := stopper{cfg: &cfg, draw: draws(4)}
	long := 0
	for range 10_000 {
		if g := st.stop(); g > 20*us {
			long++
			require.Less(t, g, 4*ms)
		}
	}
	require.InDelta(t, 1000, long, 150)
}

// Kafka's documents give 21 ms of pause at 90 % and less than one young collection a second, for 6 GB of heap.
func TestG1KeepsToItsGoal(t *testing.T) {
	cfg := Config{Cores: 8, Collector: CollectorConfig{Kind: G1, Heap: 6 << 30, MaxPause: 20 * ms}}
	events, _ := run(cfg, 1<<30, 600*mib/1000, 60_000)
	young := only(events, Pause, "young")
	require.NotEmpty(t, young)
	require.Less(t, float64(len(young))/60, 1.5)
	require.Less(t, quantile(nanos(young[len(young)/2:]), 0.9), float64(25*ms))
	require.Empty(t, only(events, Pause, "full"))
}

func TestG1ThatIsTooSmallStopsTheWorldForItsWholeHeap(t *testing.T) {
	cfg := Config{Cores: 2, Collector: CollectorConfig{Kind: G1, Heap: 256 * mib}}
	events, _ := run(cfg, 250*mib, 100*mib/1000, 10_000)
	full := only(events, Pause, "full")
	require.NotEmpty(t, full)
	require.Equal(t, 256*int64(mib)/1000*2000/2, full[0].Nanos)
}

func TestZGCPausesShortlyAndStallsWhenAllocationOutrunsIt(t *testing.T) {
	roomy, _ := run(Config{Cores: 8, Collector: CollectorConfig{Kind: ZGC, Heap: 4 << 30}}, 512*mib, 400*mib/1000, 30_000)
	require.NotEmpty(t, only(roomy, Mark, ""))
	require.Empty(t, only(roomy, Stall, ""))
	require.LessOrEqual(t, quantile(nanos(only(roomy, Pause, "")), 1), float64(ms))
	tight, _ := run(Config{Cores: 2, Collector: CollectorConfig{Kind: ZGC, Heap: 600 * mib}}, 500*mib, 800*mib/1000, 10_000)
	require.NotEmpty(t, only(tight, Stall, ""))
}

func TestNoCollectorDoesNothing(t *testing.T) {
	events, _ := run(Config{Cores: 2, Collector: CollectorConfig{Kind: NoCollector}}, 64*mib, 64*mib, 1000)
	require.Empty(t, events)
}

func TestSettingsThatContradictAreListedAll(t *testing.T) {
	faults := CollectorConfig{Kind: "cms", GOGC: 100, Heap: 1, IHOP: 101, StopMin: 5, StopMax: 4}.Validate()
	require.Len(t, faults, 6)
}

func TestTheSameDrawsGiveTheSameEvents(t *testing.T) {
	cfg := Config{Cores: 2, Collector: CollectorConfig{Kind: Go, StopMax: 4 * ms, ContendedPermille: 300}}
	a, _ := run(cfg, 64*mib, 64*mib/1000, 5000)
	b, _ := run(cfg, 64*mib, 64*mib/1000, 5000)
	require.Equal(t, a, b)
}
