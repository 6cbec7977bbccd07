package host

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
	done int   // pauses of the cycle that are over
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

// workers are the threads that mark and move beside the program: a quarter of the cores (ConcGCThreads).
func (z *zCollector) workers() int64 { return max(int64(z.h.cfg.Cores)/4, 1) }

// length is how long a cycle takes.
func (z *zCollector) length() int64 {
	return max(z.h.live()/1000*z.cfg.MarkPicos/z.workers(), 1_000_000)
}

// zPauses are a cycle's: as it begins, halfway, and before it moves.
var zPauses = [...]string{"mark start", "mark end", "relocate start"}

// advance stops the world whenever a pause of the cycle under way is due, and ends it after the last.
func (z *zCollector) advance(now int64) {
	for z.ends != 0 {
		at := z.at + (z.ends-z.at)*int64(z.done)/int64(len(zPauses)-1)
		if at > now {
			return
		}
		pause := z.s.stop()
		z.h.stop(at, pause)
		z.h.collected += z.cfg.StopMin
		z.h.log(Event{Kind: Pause, At: at, Nanos: pause, Work: z.cfg.StopMin, Why: zPauses[z.done]})
		if z.done++; z.done == len(zPauses) {
			z.finish()
		}
	}
}

func (z *zCollector) finish() {
	work := (z.ends - z.at) * z.workers()
	z.h.collected += work
	z.h.log(Event{Kind: Mark, At: z.at, Nanos: z.ends - z.at, Work: work})
	live := z.h.live()
	z.h.log(Event{Kind: Heap, At: z.ends, Live: live, Heap: z.used, Goal: z.cfg.Heap})
	z.used = live + z.more
	z.h.log(Event{Kind: Heap, At: z.ends, Live: live, Heap: z.used, Goal: z.cfg.Heap})
	z.ends = 0
}

func (z *zCollector) charge(start, cost, alloc int64) int64 {
	z.used += alloc
	z.rate.add(start, alloc)
	barriers := cost * zBarrierPermille / 1000
	z.h.collected += barriers
	cost += barriers
	if z.ends != 0 {
		z.more += alloc
		cost = z.h.share(cost, z.workers()*1000)
		if z.used >= z.cfg.Heap { // allocation stall: until the cycle gives memory back
			stall := max(z.ends-start-cost, 0)
			z.h.log(Event{Kind: Stall, At: start + cost, Nanos: stall, Why: "allocation stall"})
			z.h.waited += stall
			cost += stall
		}
		return cost
	}
	// A cycle begins while what is left still outlasts it (ZDirector's rule of the allocation rate), or at 70 %.
	need := z.rate.perSecond / 1000 * (z.length() / 1_000_000)
	if z.cfg.Heap-z.used <= need+need/4 || z.used >= z.cfg.Heap/100*70 {
		z.at, z.more, z.done = start+cost, 0, 0
		z.ends = z.at + z.length()
	}
	return cost
}
