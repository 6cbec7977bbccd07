package host

// g1Collector models the JVM's G1 (JDK 21): the world stops to copy what lives of the young generation, whose size adapts so
// that the pause keeps to the goal; when the old generation has passed IHOP a cycle marks beside the program, and the
// next collections are mixed.
//
//	pause G = t0 + (survivors*c_copy + roots)/threads
//	full collection when the heap is exhausted: heap at 0.5 GB/s a thread
type g1Collector struct {
	cfg CollectorConfig
	h   *Host
	s   stopper

	eden   int64 // size of the young generation
	young  int64 // allocated since the last collection
	old    int64 // promoted, live or not
	lastL  int64 // live bytes at the last look
	marks  int64 // end of the concurrent cycle; 0: none
	began  int64
	mixed  int64 // mixed collections still to come
	reclam int64 // dead old bytes that each of them gives back
}

const (
	g1Base     = 1_500_000 // t0: 1 to 2 ms
	g1Copy     = 1500      // picoseconds to copy a byte, one thread (1 to 2 ns)
	g1FullRate = 2000      // picoseconds a byte of a full collection, one thread (0.3 to 1 GB/s)
	mixedCount = 8         // G1MixedGCCountTarget
)

func newG1(cfg CollectorConfig, h *Host, s stopper) *g1Collector {
	orDefault(&cfg.Heap, 1<<30)
	orDefault(&cfg.MaxPause, 20_000_000)
	orDefault(&cfg.IHOP, 35)
	orDefault(&cfg.SurvivorPermille, 20)
	orDefault(&cfg.MarkPicos, 300)
	orDefault(&cfg.StopMin, 50_000)
	*s.cfg = cfg
	return &g1Collector{cfg: cfg, h: h, s: s, eden: cfg.Heap / 20}
}

func (g *g1Collector) threads() int64 { return int64(max(g.h.cfg.Cores, 1)) }

// advance ends a concurrent cycle with its remark pause.
func (g *g1Collector) advance(now int64) {
	if g.marks == 0 || now < g.marks {
		return
	}
	pause := g.s.stop() + g1Base
	g.h.stop(g.marks, pause)
	g.h.log(Event{Kind: Mark, At: g.began, Nanos: g.marks - g.began})
	g.h.log(Event{Kind: Pause, At: g.marks, Nanos: pause, Why: "remark"})
	dead := max(g.old-g.h.live(), 0)
	g.mixed, g.reclam, g.marks = mixedCount, dead/mixedCount, 0
}

func (g *g1Collector) charge(start, cost, alloc int64) int64 {
	g.young += alloc
	if g.marks != 0 {
		cost = g.h.crowd(cost, g.threads()*1000/4) // ConcGCThreads: a quarter
	}
	if g.young >= g.eden {
		g.collect(start + cost)
	}
	return cost
}

// collect is a young or mixed collection.
func (g *g1Collector) collect(at int64) {
	// What lives of the young generation: a share in flight, and what the program has come to hold since.
	live := g.h.live()
	grown := max(live-g.lastL, 0)
	g.lastL = live
	survivors := min(g.young*g.cfg.SurvivorPermille/1000+grown, g.young)
	copied, why := survivors, "young"
	if g.mixed > 0 {
		copied += g.reclam / 4 // regions chosen for their garbage still hold some that lives
		g.old -= g.reclam
		g.mixed--
		why = "mixed"
	}
	pause := g.s.stop() + g1Base + copied/1000*g1Copy/g.threads()
	g.old += grown + survivors/8 // age
	g.h.stop(at, pause)
	g.h.log(Event{Kind: Pause, At: at, Nanos: pause, Why: why})
	g.h.log(Event{Kind: Heap, At: at, Live: live, Heap: g.old + g.young, Goal: g.cfg.Heap})
	g.young = 0
	g.adapt(pause)
	if g.old+g.eden >= g.cfg.Heap {
		g.full(at + pause)
	}
	if g.marks == 0 && g.mixed == 0 && g.old > g.cfg.Heap/100*g.cfg.IHOP {
		g.began = at + pause
		g.marks = g.began + max(live, g.old/2)/1000*g.cfg.MarkPicos*4/g.threads()
	}
}

// adapt sizes the young generation so that the pause keeps to the goal: within 5 and 60 % of the heap.
func (g *g1Collector) adapt(pause int64) {
	size := g.eden * max(g.cfg.MaxPause-g1Base, 1) / max(pause-g1Base, 1)
	size = (3*g.eden + size) / 4
	g.eden = min(max(size, g.cfg.Heap/20), g.cfg.Heap*60/100)
	g.eden = min(g.eden, max(g.cfg.Heap-g.old, g.cfg.Heap/20))
}

// full compacts the whole heap, all threads at once, with the world stopped.
func (g *g1Collector) full(at int64) {
	pause := g.cfg.Heap / 1000 * g1FullRate / g.threads()
	g.h.stop(at, pause)
	g.h.log(Event{Kind: Pause, At: at, Nanos: pause, Why: "full"})
	g.old = g.h.live()
	g.mixed, g.marks = 0, 0
}

// zCollector models generational ZGC (JDK 21 and later): everything happens beside the program but for three pauses of
// tens of microseconds; the program pays by barriers, and whoever allocates faster than a cycle frees waits for its end.
type zCollector struct {
	cfg  CollectorConfig
	h    *Host
	s    stopper
	used int64
	ends int64 // of the cycle under way; 0: none
	at   int64 // when it began
	more int64 // allocated since
	rate rate
}

const zBarrierPermille = 80 // 5 to 15 % of throughput

// rate is bytes allocated a second, smoothed over seconds.
type rate struct {
	since, bytes, perSecond int64
}

func (r *rate) add(now, n int64) {
	r.bytes += n
	if span := now - r.since; span >= 100_000_000 {
		seen := r.bytes * 1000 / (span / 1_000_000)
		r.perSecond = (3*r.perSecond + seen) / 4
		r.since, r.bytes = now, 0
	}
}

func newZ(cfg CollectorConfig, h *Host, s stopper) *zCollector {
	orDefault(&cfg.Heap, 1<<30)
	orDefault(&cfg.MarkPicos, 500)
	orDefault(&cfg.StopMin, 100_000)
	*s.cfg = cfg
	return &zCollector{cfg: cfg, h: h, s: s}
}

// length is how long a cycle takes: live bytes marked and moved by a quarter of the cores.
func (z *zCollector) length() int64 {
	workers := max(int64(z.h.cfg.Cores)/4, 1)
	return max(z.h.live()/1000*z.cfg.MarkPicos/workers, 1_000_000)
}

func (z *zCollector) advance(now int64) {
	if z.ends == 0 || now < z.ends {
		return
	}
	for i, why := range [...]string{"mark start", "mark end", "relocate start"} {
		pause := z.s.stop()
		at := z.at + (z.ends-z.at)*int64(i)/2
		z.h.log(Event{Kind: Pause, At: at, Nanos: pause, Why: why})
		z.h.stop(z.ends, pause)
	}
	z.h.log(Event{Kind: Mark, At: z.at, Nanos: z.ends - z.at})
	z.used = z.h.live() + z.more
	z.h.log(Event{Kind: Heap, At: z.ends, Live: z.h.live(), Heap: z.used, Goal: z.cfg.Heap})
	z.ends = 0
}

func (z *zCollector) charge(start, cost, alloc int64) int64 {
	z.used += alloc
	z.rate.add(start, alloc)
	cost += cost * zBarrierPermille / 1000
	if z.ends != 0 {
		z.more += alloc
		cost = z.h.crowd(cost, max(int64(z.h.cfg.Cores)/4, 1)*1000)
		if z.used >= z.cfg.Heap { // allocation stall: until the cycle gives memory back
			stall := max(z.ends-start-cost, 0)
			z.h.log(Event{Kind: Stall, At: start + cost, Nanos: stall, Why: "allocation stall"})
			cost += stall
		}
		return cost
	}
	// A cycle begins while what is left still outlasts it (ZDirector's rule of the allocation rate), or at 70 %.
	need := z.rate.perSecond / 1000 * (z.length() / 1_000_000)
	if z.cfg.Heap-z.used <= need+need/4 || z.used >= z.cfg.Heap/100*70 {
		z.at, z.more = start+cost, 0
		z.ends = z.at + z.length()
	}
	return cost
}
