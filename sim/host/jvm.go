package host

// g1Collector models the JVM's G1 (JDK 21): the world stops to copy what lives of the young generation, whose size adapts so
// that the pause keeps to the goal; when the old generation has passed IHOP a cycle marks beside the program, and the
// next collections are mixed.
//
//	pause G = t0 + survivors*c_copy/threads
//	full collection when the heap is exhausted: heap at 0.5 GB/s a thread
//
// The shape is that of Detlefs, Flood, Heller and Printezis, Garbage-First Garbage Collection (ISMM 2004), whose model of a pause is a
// fixed cost and one for each byte copied and each card scanned; cards and roots are left to t0. Sizes and thresholds are HotSpot's
// (G1NewSizePercent 5, G1MaxNewSizePercent 60, G1MixedGCCountTarget 8, ConcGCThreads a quarter). What a byte costs is assumed; the
// whole is held to the pauses that Kafka's documents give for LinkedIn's brokers (experiments/studies/collectors).
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
	// What a program holds when it has started was copied and promoted long ago.
	live := h.live()
	return &g1Collector{cfg: cfg, h: h, s: s, eden: cfg.Heap / 20, old: live, lastL: live}
}

func (g *g1Collector) threads() int64 { return int64(max(g.h.cfg.Cores, 1)) }

// advance ends a concurrent cycle with its remark pause.
func (g *g1Collector) advance(now int64) {
	if g.marks == 0 || now < g.marks {
		return
	}
	work := (g.marks - g.began) * g.threads() / 4
	g.h.collected += work
	g.h.log(Event{Kind: Mark, At: g.began, Nanos: g.marks - g.began, Work: work})
	g.pause(g.marks, g.s.stop(), g1Base, "remark")
	dead := max(g.old-g.h.live(), 0)
	g.mixed, g.reclam, g.marks = mixedCount, dead/mixedCount, 0
}

// pause stops the world: for stop until it stands, and for work by all threads at once.
func (g *g1Collector) pause(at, stop, work int64, why string) {
	g.h.stop(at, stop+work)
	g.h.collected += work * g.threads()
	g.h.log(Event{Kind: Pause, At: at, Nanos: stop + work, Work: work * g.threads(), Why: why})
}

func (g *g1Collector) charge(start, cost, alloc int64) int64 {
	g.young += alloc
	if g.marks != 0 {
		cost = g.h.share(cost, g.threads()*1000/4) // ConcGCThreads: a quarter
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
	stop, work := g.s.stop(), g1Base+copied/1000*g1Copy/g.threads()
	pause := stop + work
	g.h.log(Event{Kind: Heap, At: at, Live: live, Heap: g.old + g.young, Goal: g.cfg.Heap})
	g.old += grown + max(survivors-grown, 0)/8 // age
	g.pause(at, stop, work, why)
	g.h.log(Event{Kind: Heap, At: at + pause, Live: live, Heap: g.old, Goal: g.cfg.Heap})
	g.young = 0
	g.adapt(pause)
	if g.old+g.eden > g.cfg.Heap { // the least young generation there can be finds no room
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
	g.pause(at, 0, g.cfg.Heap/1000*g1FullRate/g.threads(), "full")
	g.old = g.h.live()
	g.mixed, g.marks = 0, 0
}
