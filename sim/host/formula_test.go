package host

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// gopher is Go's collector on two cores with 4 MiB of roots within 20 MiB that no footprint shows.
func gopher(c CollectorConfig, live *int64) (*goCollector, *[]Event) {
	c.Kind = Go
	events := &[]Event{}
	cfg := Config{Cores: 2, Program: oneKind(Cost{Nanos: 1}, 1), Collector: c}
	cfg.Program.Base = 20 * mib
	h := New(cfg, draws(1), func() int64 { return *live }, func(e Event) { *events = append(*events, e) })
	return h.gc.(*goCollector), events
}

// H = max(L + (L+R)*g, 4 MiB*g); the trigger lies between 45/64 of the way and the later of 61/64 and 4 MiB before the goal.
func TestGoPacesAsItsRuntimeDoes(t *testing.T) {
	for _, c := range []struct {
		name          string
		gogc, limit   int64
		live, since   int64
		began, ends   int64 // of the last mark, in ms
		goal, trigger int64
	}{
		{"nothing lives", 0, 0, 0, 0, 0, 0, 4 * mib, 4 * mib / 64 * 61},
		{"nothing lives, GOGC 200", 200, 0, 0, 0, 0, 0, 8 * mib, 8 * mib / 64 * 61},
		{"much room: 4 MiB before the goal", 0, 0, 124 * mib, 0, 0, 0, 252 * mib, 248 * mib},
		{"little room: 61/64 of it", 0, 0, 8 * mib, 0, 0, 0, 20 * mib, 8*mib + 12*mib/64*61},
		{"half as much", 50, 0, 60 * mib, 0, 0, 0, 92 * mib, 60*mib + 32*mib/64*61},
		{"a runway that is too long", 0, 0, 60 * mib, 40_000_000, 0, 10, 124 * mib, 60*mib + mib*45},
		// 110 MiB less the 20 that the runtime has, and 3 %.
		{"a limit", 0, 110 * mib, 60 * mib, 0, 0, 0, 90*mib - 110*mib*3/100, 60*mib + (30*mib-110*mib*3/100)/64*61},
		{"a small limit keeps 1 MiB", -1, 30 * mib, 0, 0, 0, 0, 9 * mib, 9 * mib / 64 * 61},
		{"a limit below what lives", 0, 50 * mib, 60 * mib, 0, 0, 0, 60 * mib, 60*mib + 64<<10},
	} {
		live := c.live
		g, _ := gopher(CollectorConfig{GOGC: c.gogc, MemLimit: c.limit}, &live)
		g.live, g.since, g.began, g.ends = c.live, c.since, c.began*ms, c.ends*ms
		g.look()
		require.EqualValues(t, c.live+4*mib, g.scan, "what lives and the roots are scanned")
		g.pace()
		require.Equal(t, c.goal, g.goal, "goal: %s", c.name)
		require.Equal(t, c.trigger, g.trigger, "trigger: %s", c.name)
	}
}

// 1000 bytes a microsecond while the last mark lasted, and the next takes 64 MiB * 0.3 ns / (2 cores / 4) = 40,264 us.
func TestGoBeginsARunwayBeforeTheGoal(t *testing.T) {
	live := 60 * int64(mib)
	g, _ := gopher(CollectorConfig{GOGC: 400}, &live)
	g.live, g.since, g.began, g.ends = live, 10_000_000, 5*ms, 15*ms
	g.look()
	require.EqualValues(t, 1000*40_264, g.runway())
	g.pace()
	require.Equal(t, g.goal-1000*40_264, g.trigger)
}

func TestAGoCycleMarksForItsShareAndCountsWhatItTook(t *testing.T) {
	live := 60 * int64(mib)
	g, events := gopher(CollectorConfig{}, &live)
	g.heap = g.trigger - 1
	require.EqualValues(t, 5, g.charge(ms, 5, 0), "below the trigger nothing happens")
	require.False(t, g.marking)
	require.EqualValues(t, 5, g.charge(ms, 5, 1))
	require.True(t, g.marking)
	mark := int64(64*mib/1000*300) * 2 // by a quarter of two cores
	require.Equal(t, ms+5+20*us, g.began)
	require.Equal(t, g.began+mark, g.ends)
	g.charge(2*ms, 5, 100)
	g.advance(g.ends - 1)
	require.True(t, g.marking)
	ends, heap := g.ends, g.heap
	g.advance(g.ends)
	require.False(t, g.marking)
	require.Equal(t, ends, g.lastEnd)
	require.Equal(t, live+100, g.heap, "what was allocated while it marked dies a cycle later")
	require.EqualValues(t, mark/2+2*20*us, g.h.Collected())
	seen := only(*events, Heap, "")
	require.Equal(t, heap, seen[1].Heap)
	require.Equal(t, []int64{live, live + 100}, []int64{seen[2].Live, seen[2].Heap})
}

// The limiter: marking may take half of two cores, so that a cycle of 10 ms of processor time waits for 5 ms.
func TestGoUnderALimitWaitsUntilItTookHalf(t *testing.T) {
	live := int64(0)
	g, _ := gopher(CollectorConfig{MemLimit: 40 * mib}, &live)
	g.lastEnd, g.lastWork = 100*ms, 10*ms
	require.False(t, g.limited(105*ms-1))
	require.True(t, g.limited(105*ms))
	free, _ := gopher(CollectorConfig{}, &live)
	free.lastEnd, free.lastWork = 100*ms, 10*ms
	require.True(t, free.limited(100*ms), "without a limit nobody waits")
}

// Halfway to its goal half of what is scanned is owed; the background has had a tenth of the time.
func TestAnAssistPaysWhatTheBackgroundOwes(t *testing.T) {
	live := 96 * int64(mib)
	g, _ := gopher(CollectorConfig{}, &live)
	g.look() // 100 MiB, which the background marks in 62.9 ms
	g.marking, g.began, g.ends, g.from, g.goal, g.heap = true, 0, 62_914_500, 100*mib, 200*mib, 150*mib
	at := int64(6_291_450)
	owed := g.scan/1000*500 - (g.scan - (g.ends-at)*500/300)
	took := g.assist(at)
	require.Equal(t, owed*300/1000, took)
	require.EqualValues(t, 62_914_500-took*2, g.ends, "and the background need not")
	require.Equal(t, owed, g.assisted)
	require.Zero(t, g.assist(g.ends), "a mark that is over")
	require.Zero(t, g.assist(0), "or has not begun")

	g.assisted, g.ends, g.heap = 0, 62_914_500, 100*mib
	require.Zero(t, g.assist(at), "at the trigger nobody owes anything")
	g.heap = 100*mib + 10*mib + 200<<10 // a little more than the tenth that is done
	require.EqualValues(t, 64<<10*300/1000, g.assist(at+30_000), "an assist does 64 KiB at least")
}

// Of pauses that wait nine in ten end a sweep: with 250 in 1000 contended, 450 of the one kind and 50 of the other.
func TestHowLongAStopTakes(t *testing.T) {
	cfg := CollectorConfig{StopMin: 100, StopMax: 300, ContendedPermille: 250}
	fixed := func(first, second uint64) *stopper {
		return &stopper{cfg: &cfg, draw: func(n uint64) uint64 { return map[uint64]uint64{2: first, 3: second}[n] }}
	}
	require.EqualValues(t, 100, fixed(250, 7).stop())
	require.EqualValues(t, 107, fixed(249, 7).stop())
	require.EqualValues(t, 107, fixed(1249, 207).stop())
	require.EqualValues(t, 107, fixed(449, 7).stopOf(450))
	cfg.StopMax = 100
	require.EqualValues(t, 100, fixed(0, 7).stop(), "no range")
}

// jvm is a G1 of 1000 MiB on four cores in which so much lives.
func jvm(live *int64) (*g1Collector, *[]Event) {
	events := &[]Event{}
	cfg := Config{Cores: 4, Program: oneKind(Cost{Nanos: 1}, 1), Collector: CollectorConfig{Kind: G1, Heap: 1000 * mib}}
	h := New(cfg, draws(1), func() int64 { return *live }, func(e Event) { *events = append(*events, e) })
	return h.gc.(*g1Collector), events
}

// G = t0 + survivors*c_copy/threads: of 50 MiB two hundredths, and what the program has come to hold.
func TestAYoungCollectionOfG1CopiesWhatSurvives(t *testing.T) {
	live := int64(100 * mib)
	g, events := jvm(&live)
	require.EqualValues(t, 50*mib, g.eden, "a twentieth of the heap")
	require.EqualValues(t, 100*mib, g.old)
	live = 104 * mib
	require.EqualValues(t, 7, g.charge(ms, 7, 50*mib-1))
	require.Empty(t, *events)
	require.EqualValues(t, 7, g.charge(ms, 7, 1))
	pause := only(*events, Pause, "young")[0]
	copied := int64(mib) + 4*mib
	require.Equal(t, 1_500_000+copied/1000*1500/4+50*us, pause.Nanos)
	require.Equal(t, ms+7, pause.At)
	require.Equal(t, (pause.Nanos-50*us)*4, g.h.Collected(), "four threads worked")
	require.EqualValues(t, 104*mib+mib/8, g.old, "what lives is promoted, and of those in flight an eighth")
	require.Zero(t, g.young)
	// 1.97 ms to copy for 18.5 that may be: the young generation grows by a quarter of the way, to 60 % at most.
	want := (3*50*mib + 50*mib*18_500_000/(pause.Nanos-1_500_000)) / 4
	require.Equal(t, want, g.eden)
	g.adapt(1_500_001)
	require.EqualValues(t, 600*mib, g.eden)
	g.adapt(1000 * ms)
	g.adapt(1000 * ms)
	for range 20 {
		g.adapt(1000 * ms)
	}
	require.EqualValues(t, 50*mib, g.eden, "and shrinks to 5 %")
}

// Past 35 % of the heap a quarter of the threads mark; eight mixed collections give back what is dead.
func TestG1MarksPastItsThresholdAndThenCollectsTheOld(t *testing.T) {
	live := int64(100 * mib)
	g, events := jvm(&live)
	g.old = 350 * mib / 100 * 100
	g.young = 1
	g.collect(0)
	require.Zero(t, g.marks, "35 % are not past 35 %")
	g.old = 420 * mib
	g.young = 1
	g.collect(10 * ms)
	began := last(only(*events, Pause, "young"))
	require.Equal(t, began.At+began.Nanos, g.began)
	require.EqualValues(t, 210*mib/1000*300, g.marks-g.began, "half of the old, by one thread of four")
	at := g.marks
	require.EqualValues(t, 100, g.charge(g.began, 100, 0), "three cores are left")
	g.advance(at - 1)
	require.NotZero(t, g.marks)
	was := g.h.Collected()
	g.advance(at)
	mark := only(*events, Mark, "")[0]
	require.Equal(t, mark.Nanos, mark.Work, "one thread")
	require.Equal(t, mark.Work+1_500_000*4, g.h.Collected()-was, "and the remark pause by four")
	require.EqualValues(t, 8, g.mixed)
	require.EqualValues(t, (420-100)*mib/8, g.reclam)
	for range 9 { // the ninth is young again
		g.young = 1
		g.collect(at + s)
	}
	mixed := only(*events, Pause, "mixed")
	require.Len(t, mixed, 8)
	require.Equal(t, 1_500_000+int64(10*mib)/1000*1500/4+50*us, mixed[0].Nanos, "a quarter of a region is copied")
	require.EqualValues(t, 100*mib, g.old)
	require.Zero(t, g.marks)
}

func last(events []Event) Event { return events[len(events)-1] }

// zee is a ZGC of 1000 MiB on eight cores.
func zee(live *int64, cores int) (*zCollector, *[]Event) {
	events := &[]Event{}
	cfg := Config{Cores: cores, Program: oneKind(Cost{Nanos: 1}, 1), Collector: CollectorConfig{Kind: ZGC, Heap: 1000 * mib}}
	h := New(cfg, draws(1), func() int64 { return *live }, func(e Event) { *events = append(*events, e) })
	return h.gc.(*zCollector), events
}

// D = L*c/threads: 80 MiB at 0.5 ns by two threads; three pauses of 0.1 ms; barriers of 8 %.
func TestACycleOfZGC(t *testing.T) {
	live := int64(80 * mib)
	z, events := zee(&live, 8)
	require.EqualValues(t, 1080, z.charge(ms, 1000, 1000*mib/100*70-1))
	require.Zero(t, z.ends)
	require.EqualValues(t, 1080, z.charge(ms, 1000, 1), "at 70 % a cycle begins")
	d := int64(80 * mib / 1000 * 500 / 2)
	require.Equal(t, []int64{ms + 1080, ms + 1080 + d}, []int64{z.at, z.ends})
	z.charge(2*ms, 1000, 500)
	ends := z.ends
	z.advance(ends - 1)
	require.Len(t, only(*events, Pause, ""), 2)
	z.advance(ends)
	require.Equal(t, []int64{ms + 1080, ms + 1080 + d/2, ends}, []int64{(*events)[0].At, (*events)[1].At, (*events)[2].At})
	require.EqualValues(t, 80*mib+500, z.used, "what lives, and what was allocated meanwhile")
	require.EqualValues(t, 3*80+3*100*us+2*d, z.h.Collected())
	require.Zero(t, z.ends)
	tiny := int64(0)
	z, _ = zee(&tiny, 2)
	require.EqualValues(t, ms, z.length())
	require.EqualValues(t, 1, z.workers())
}

// A cycle begins while what is left outlasts it by a quarter.
func TestZGCBeginsBeforeItIsTooLate(t *testing.T) {
	for over, begins := range map[int64]bool{0: true, 1: false} {
		live := int64(400_000_000)
		z, _ := zee(&live, 8) // a cycle takes 100 ms
		z.rate.perSecond = 5_000_000_000
		z.rate.since = ms
		z.used = z.cfg.Heap - 625_000_000 - over
		z.charge(ms, 1000, 0)
		require.Equal(t, begins, z.ends != 0, "625 MB and %d bytes are left", over)
	}
}

// Whoever allocates when the heap is full waits for the end of the cycle, and uses no processor meanwhile.
func TestAnAllocationStallOfZGCIsNoProcessorTime(t *testing.T) {
	live := int64(80 * mib)
	z, events := zee(&live, 8)
	z.at, z.ends, z.used, z.done = 0, 50*ms, 1000*mib-1, 1
	require.EqualValues(t, 1080, z.charge(10*ms, 1000, 0))
	require.EqualValues(t, 40*ms, z.charge(10*ms, 1000, 1))
	stall := only(*events, Stall, "")
	require.Len(t, stall, 1)
	require.Equal(t, []int64{10*ms + 1080, 40*ms - 1080}, []int64{stall[0].At, stall[0].Nanos})
	require.EqualValues(t, 1, z.more)
	h := z.h
	h.lanes[0] = 10 * ms
	h.Step(10*ms, work(1000, 0), IO{})
	require.EqualValues(t, 1080, h.Busy())
}

func TestTheRateOfAllocationIsSmoothed(t *testing.T) {
	r := rate{}
	r.add(99*ms, 50)
	require.Zero(t, r.perSecond)
	r.add(200*ms, 950)
	require.EqualValues(t, 1000*1000/200/4, r.perSecond)
	r.add(300*ms, 100)
	require.EqualValues(t, (3*1250+1000)/4, r.perSecond)
}

// The moments of Stops are exponential; each keeps every lane from the moment on.
func TestStopsKeepEveryLane(t *testing.T) {
	cfg := Config{Cores: 2, Program: oneKind(Cost{Nanos: 1}, 2), Collector: CollectorConfig{Kind: Stops, StopMin: 100, Every: s}}
	h := New(cfg, draws(1), noLive, nil)
	c := h.gc.(*stopsCollector)
	at := c.at
	h.lanes[1] = at + 30
	h.gc.advance(at - 1)
	require.Equal(t, []int64{0, at + 30}, h.lanes)
	h.gc.advance(at)
	require.Equal(t, []int64{at + 100, at + 130}, h.lanes)
	require.Greater(t, c.at, at)
}

// Processor time is no more than there is: on one core a program that is never idle has what marking leaves.
func TestProgramAndCollectorTogetherUseNoMoreThanTheCores(t *testing.T) {
	cfg := Config{Cores: 1, Program: oneKind(Cost{Nanos: 100 * us, Alloc: 16 << 10}, 1), Collector: CollectorConfig{Kind: Go}}
	marked := int64(0)
	h := New(cfg, draws(2), func() int64 { return 64 * mib }, func(e Event) {
		if e.Kind == Mark {
			marked += e.Nanos
		}
	})
	now := int64(0)
	for now < 5*s {
		now = h.Step(h.Free(now), work(1, 0), IO{})
	}
	require.Greater(t, marked, now/10)
	require.Greater(t, h.Busy(), now*9/10)
	require.LessOrEqual(t, h.Busy()+marked/4, now+now/200, "steps that a mark catches under way, and assists, are all there is beyond")
}

func TestAProgramThatWasAsleepWakesUp(t *testing.T) {
	p := oneKind(Cost{Nanos: 10, Picos: 2000, Alloc: 7, PerKB: 512}, 1)
	p.Step, p.Input, p.Write, p.Wake = 100, 40, 30, 1000
	h := New(Config{Cores: 1, Program: p}, draws(1), noLive, nil)
	first := h.Step(0, work(2, 4096), IO{Writes: 3})
	require.EqualValues(t, 100+20+4096*2+2*30, first, "at the beginning it is awake")
	require.EqualValues(t, 2*7+4*512, h.Allocated())
	joined := h.Step(first, work(2, 0), IO{Writes: 3, Joined: true})
	require.EqualValues(t, 100+20-40, joined-first, "what joins the step before shares its read and its writes")
	woken := h.Step(joined+1, work(0, 0), IO{Writes: 1})
	require.EqualValues(t, 100+1000, woken-joined-1)
	require.EqualValues(t, first+joined-first+1100, h.Busy())
}

func TestFreeIsWhenTheFirstLaneIs(t *testing.T) {
	h := New(Config{Cores: 2, Program: oneKind(Cost{Nanos: 1}, 2)}, draws(1), noLive, nil)
	require.EqualValues(t, 50, h.Step(0, work(50, 0), IO{}))
	require.EqualValues(t, 3, h.Free(3))
	require.EqualValues(t, 50, h.Step(3, work(7, 0), IO{}), "not before the step before it")
	require.EqualValues(t, 10, h.Free(3), "but its lane is free")
	require.EqualValues(t, 50, h.Step(10, work(20, 0), IO{}))
	require.EqualValues(t, 30, h.Free(10))
	require.EqualValues(t, 77, h.Busy())
}

// Two lanes on four cores of which three are taken: one core for the two, and never less than a tenth of one.
func TestHowACollectorCrowds(t *testing.T) {
	h := New(Config{Cores: 4, Program: oneKind(Cost{Nanos: 1}, 2)}, draws(1), noLive, nil)
	require.EqualValues(t, 100, h.crowd(100, 2000))
	require.EqualValues(t, 200, h.crowd(100, 3000))
	require.EqualValues(t, 2000, h.crowd(100, 4000))
	require.EqualValues(t, 150, h.share(100, 4000), "four threads and two lanes: two thirds of what they need")
	require.EqualValues(t, 100, h.share(100, 2000))
	require.EqualValues(t, 100+1900+50, h.waited)
	h = New(Config{Cores: 1, Program: oneKind(Cost{Nanos: 1}, 8)}, draws(1), noLive, nil)
	require.EqualValues(t, 100, h.crowd(100, 0), "lanes need no more than the cores")
}

func TestEveryFaultOfAHostIsListed(t *testing.T) {
	p := Program{Lanes: -1, Step: 1, Input: 2, Write: -1}
	p.Work[machine.WorkRoute] = Cost{PerKB: -1}
	faults := (&Config{Cores: -1, NICPicosPerByte: -1, Program: p, Collector: CollectorConfig{Kind: Stops}}).Validate()
	require.Len(t, faults, 7)
	for _, c := range []CollectorConfig{
		{Kind: Go, Heap: 1},
		{Kind: G1, GOGC: 1},
		{Kind: ZGC, IHOP: 1},
		{Kind: G1, Every: 1},
		{Kind: Stops, StopMin: 1},
		{Kind: Stops, Every: 1},
		{Kind: G1, SurvivorPermille: 1001},
		{Kind: Go, ContendedPermille: 1001},
		{Kind: Go, StopMin: 2, StopMax: 1},
		{Kind: Go, MarkPicos: -1},
		{Kind: ZGC, MemLimit: 1},
		{Kind: G1, IHOP: 101},
	} {
		require.Len(t, c.Validate(), 1, "%+v", c)
	}
	for _, c := range []CollectorConfig{{}, {Kind: Go, GOGC: -1}, {Kind: G1, IHOP: 100, SurvivorPermille: 1000}, {Kind: ZGC, StopMin: 2, StopMax: 2}, {Kind: Stops, Every: 1, StopMin: 1}} {
		require.Empty(t, c.Validate(), "%+v", c)
	}
}

// Whoever allocates the last byte before a cycle is stopped with all others; the processor does the runtime's own work meanwhile, and
// no more, however long a thread kept it waiting.
func TestTheStepThatBeginsACycleIsStoppedToo(t *testing.T) {
	p := oneKind(Cost{Nanos: 1000, Alloc: 4 * mib}, 2)
	h := New(Config{Cores: 2, Program: p, Collector: CollectorConfig{Kind: Go, StopMin: 20 * us, StopMax: ms, ContendedPermille: 1000}}, func(uint64) uint64 { return 500_000 }, noLive, nil)
	require.EqualValues(t, 1000+520*us, h.Step(0, work(1, 0), IO{}))
	require.True(t, h.gc.(*goCollector).marking)
	require.EqualValues(t, 1000+520*us, h.Free(0), "the other lane was idle, and is stopped")
	require.EqualValues(t, 20*us, h.Collected())
	require.EqualValues(t, 1000, h.Busy())
}

// A stop that begins while nothing runs delays what comes in it; one that begins within a step delays what comes after it.
func TestStopsAreFeltWhenTheyCome(t *testing.T) {
	cfg := Config{Cores: 1, Program: oneKind(Cost{Nanos: 1}, 1), Collector: CollectorConfig{Kind: Stops, StopMin: ms, Every: s}}
	h := New(cfg, draws(1), noLive, nil)
	at := h.gc.(*stopsCollector).at
	require.Equal(t, at+ms+100, h.Step(at+ms/2, work(100, 0), IO{}))
	h = New(cfg, draws(1), noLive, nil)
	require.Equal(t, at+50, h.Step(at-50, work(100, 0), IO{}))
	require.Equal(t, at+50+ms, h.Free(at+60))
}

func TestAFullCollectionLeavesWhatLives(t *testing.T) {
	live := int64(970 * mib) // the least young generation, 50 MiB, has no room beside it
	g, events := jvm(&live)
	g.old, g.mixed, g.young = 990*mib, 0, 1
	g.collect(0)
	require.Equal(t, int64(1000*mib)/1000*2000/4, only(*events, Pause, "full")[0].Nanos)
	require.EqualValues(t, 970*mib, g.old)
}

// On one core its thread takes half while a cycle lasts; barriers are paid before.
func TestZGCSharesTheCoresThatItsThreadsTake(t *testing.T) {
	live := int64(80 * mib)
	z, _ := zee(&live, 1)
	z.at, z.ends = 0, s
	require.EqualValues(t, 2160, z.charge(ms, 1000, 0))
	z, _ = zee(&live, 2)
	z.at, z.ends = 0, s
	require.EqualValues(t, 1080, z.charge(ms, 1000, 0))
}
