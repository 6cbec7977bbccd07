package host

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Half of the sweep terminations of nats-server on two busy cores took 0.3 to 1.9 ms, half of the mark terminations less than
// 10 microseconds.
func TestGoWaitsForThreadsWhenItEndsASweepAndSeldomWhenItEndsMarking(t *testing.T) {
	cfg := CollectorConfig{Kind: Go, StopMin: 20 * us, StopMax: 4 * ms, ContendedPermille: 500}
	events, _ := run(Config{Cores: 2, Collector: cfg}, 32*mib, 256*mib/1000, 60_000)
	sweep, mark := nanos(only(events, Pause, "sweep termination")), nanos(only(events, Pause, "mark termination"))
	require.Greater(t, len(sweep), 200)
	require.Greater(t, quantile(sweep, 0.5), float64(300*us))
	require.Less(t, quantile(sweep, 0.5), float64(2500*us))
	require.EqualValues(t, 20*us, quantile(mark, 0.5))
	require.Greater(t, quantile(mark, 0.99), float64(500*us))
}

// The heap is seen at its highest, when marking ends, and then at what that has left.
func TestTheHeapIsASawtooth(t *testing.T) {
	events, _ := run(Config{Cores: 2, Collector: CollectorConfig{Kind: Go}}, 64*mib, 64*mib/1000, 20_000)
	heap := only(events, Heap, "")
	for i := 3; i+2 < len(heap); i += 3 { // the cycle is due, ends, has swept
		due, peak, swept := heap[i], heap[i+1], heap[i+2]
		require.Less(t, due.Heap, peak.Heap)
		require.Less(t, swept.Heap, peak.Heap)
		require.LessOrEqual(t, peak.Heap, peak.Goal+64*mib/10, "what is allocated while marking keeps within the goal, but for a little")
	}
}

func TestWhatAProgramHoldsAtItsStartIsNotCopiedByG1(t *testing.T) {
	cfg := Config{Cores: 2, Collector: CollectorConfig{Kind: G1, Heap: 1 << 30}}
	events, _ := run(cfg, 200*mib, 100*mib/1000, 3000)
	young := only(events, Pause, "young")
	require.NotEmpty(t, young)
	require.Less(t, young[0].Nanos, 5*ms, "two hundredths of the young generation, not 200 MiB, which would take 150 ms")
}

// A cycle stops the world as it begins, halfway and as it ends, and the program feels it then.
func TestZGCStopsTheWorldWhenItSaysSo(t *testing.T) {
	cfg := Config{Cores: 4, Program: oneKind(Cost{Nanos: 1}, 1), Collector: CollectorConfig{Kind: ZGC, StopMin: 300 * us}}
	h := New(cfg, draws(1), func() int64 { return 100 * mib }, nil)
	z := h.gc.(*zCollector)
	z.at, z.ends = ms, 11*ms
	h.Step(2*ms, work(1, 0), IO{})
	require.EqualValues(t, 1, z.done)
	require.Equal(t, 6*ms+8*us, h.Step(5*ms+900*us, work(100*us, 0), IO{}), "a step that is under way ends, with 8 % of barriers")
	require.Equal(t, 6*ms+308*us+1080, h.Step(6*ms+1, work(us, 0), IO{}), "the next waits for the pause")
	require.EqualValues(t, 2, z.done)
}

// One core and one thread of the collector's: each gets half.
func TestACollectorsThreadsShareTheCoresFairly(t *testing.T) {
	h := New(Config{Cores: 1, Program: oneKind(Cost{Nanos: 1}, 1)}, draws(1), noLive, nil)
	require.Equal(t, 200*us, h.share(100*us, 1000))
	h = New(Config{Cores: 2, Program: oneKind(Cost{Nanos: 1}, 1)}, draws(1), noLive, nil)
	require.Equal(t, 100*us, h.share(100*us, 1000))
}

// Assists do what the background then need not: a program that allocates in bursts pays with time, and the cycle takes no more
// processor than its formula says, C = c*(L+R).
func TestAssistsTakeWorkFromTheBackground(t *testing.T) {
	cfg := Config{Cores: 2, Collector: CollectorConfig{Kind: Go}}
	cfg.Program = oneKind(Cost{Nanos: 10 * us, Alloc: 1}, 1)
	var events []Event
	h := New(cfg, draws(2), func() int64 { return 64 * mib }, func(e Event) { events = append(events, e) })
	slowed := 0
	for i := range int64(20_000) {
		now, burst := i*ms, int64(0)
		if i%500 == 0 {
			burst = 30 * mib
		}
		start := h.Free(now)
		if h.Step(start, work(1, 1), IO{})-start > 100*us {
			slowed++
		}
		h.gc.charge(start, 0, burst+16<<10)
	}
	marks := only(events, Mark, "")
	require.NotEmpty(t, marks)
	require.InEpsilon(t, float64(len(marks))*64*mib*0.3, float64(h.Collected()), 0.05)
	require.Less(t, quantile(nanos(marks[2:]), 0), 64*mib*0.3/0.5, "some mark ended sooner than the background alone would have ended it")
}

// The stops of the formula's own collector are as many and as long as asked for.
func TestStopsComeAtTheirRate(t *testing.T) {
	events, _ := run(Config{Cores: 2, Collector: CollectorConfig{Kind: Stops, StopMin: 5 * ms, Every: 200 * ms}}, 0, 0, 100_000)
	stops := only(events, Pause, "stop")
	require.InDelta(t, 500, len(stops), 70)
	require.EqualValues(t, 5*ms, quantile(nanos(stops), 1))
}

// What marking takes is counted: 64 MiB at 0.3 ns a byte, each cycle, and its pauses.
func TestTheCollectorsProcessorTimeIsCounted(t *testing.T) {
	events, h := run(Config{Cores: 2, Collector: CollectorConfig{Kind: Go}}, 64*mib, 64*mib/1000, 20_000)
	marks := len(only(events, Mark, ""))
	require.InEpsilon(t, float64(marks)*64*mib*0.3, float64(h.Collected()), 0.05)
	none, h := run(Config{Cores: 2, Collector: CollectorConfig{Kind: NoCollector}}, 64*mib, 64*mib/1000, 100)
	require.Empty(t, none)
	require.Zero(t, h.Collected())
}
