package host

// goCollector models the collector of Go 1.26 (runtime/mgcpacer.go, mgclimit.go): mark and sweep beside the
// program, which stops twice a cycle and pays for allocating while marking is under way.
//
//	goal    H = L + (L+R)*GOGC/100, at least 4 MiB*GOGC/100
//	trigger = H - runway, within [L + 45/64*(H-L), max(L + 61/64*(H-L), H - 4 MiB)]
//	marking takes C = c*(L+R) of processor time, by a quarter of the cores: D = C/(P/4)
//	under GOMEMLIMIT M the goal is at most M less 3 % or 1 MiB, never below L, and the collector never takes more than
//	half of the processor (gcCPULimiter), after which the limit is exceeded instead.
//
// Of the bytes of Base, Roots stand for R, stacks and globals, and for what an idle program has on its heap: they are scanned. The
// others are the program's text and the runtime's own tables, which count against a memory limit and for nothing else.
type goCollector struct {
	cfg CollectorConfig
	h   *Host
	s   stopper

	live     int64 // L: marked by the last cycle, what was allocated meanwhile with it
	scan     int64 // bytes that the cycle under way has to mark
	heap     int64 // allocated and not swept
	goal     int64
	trigger  int64
	marking  bool
	began    int64
	ends     int64
	since    int64 // allocated since marking began
	lastEnd  int64
	lastWork int64 // processor time of the last cycle, and of that under way
	from     int64 // heap when marking began
	assisted int64 // bytes that assists have scanned in this cycle, and the time that took them
	assists  int64
}

const (
	mib = 1 << 20
	// utilization is the share of the cores that marking takes, in thousandths (gcBackgroundUtilization).
	utilization = 250
	// sweepPermille of the pauses that wait for a thread end a sweep, the others end marking. Measured on nats-server (Go 1.26, two
	// cores): half of the sweep terminations take more than 0.3 to 1.9 ms, half of the mark terminations less than 10 us.
	sweepPermille = 900
	assistQuota   = 64 << 10 // bytes of marking that an assist does at least (gcOverAssistWork)
)

func newGo(cfg CollectorConfig, h *Host, s stopper) *goCollector {
	orDefault(&cfg.GOGC, 100)
	orDefault(&cfg.MarkPicos, 300)
	orDefault(&cfg.Roots, 4*mib)
	orDefault(&cfg.StopMin, 20_000)
	g := &goCollector{cfg: cfg, h: h, s: s}
	*g.s.cfg = cfg
	g.pace()
	return g
}

// pace sets the goal and the trigger of the next cycle from what lives.
func (g *goCollector) pace() {
	base, roots := g.h.cfg.Program.Base, g.roots()
	switch {
	case g.cfg.GOGC < 0:
		g.goal = 1 << 62
	default:
		g.goal = max(g.live+(g.live+roots)*g.cfg.GOGC/100, 4*mib*g.cfg.GOGC/100)
	}
	if m := g.cfg.MemLimit; m > 0 {
		g.goal = min(g.goal, max(m-base-max(m*3/100, mib), g.live))
	}
	room := g.goal - g.live
	low := g.live + room/64*45
	high := max(g.live+room/64*61, g.goal-4*mib)
	g.trigger = min(max(g.goal-g.runway(), low), high)
	g.trigger = max(g.trigger, g.live+64<<10) // a cycle that begins as the last one ends would never let go
}

// runway is what the program is expected to allocate while the next cycle marks: at the rate at which it did while the last one
// was marking, for as long as the background alone takes (consMark: that assists shortened a cycle makes the next begin no later).
func (g *goCollector) runway() int64 {
	if g.ends <= g.began {
		return g.since
	}
	return g.since / max((g.ends-g.began)/1000, 1) * (g.cost() / g.workers()) // bytes a microsecond, microseconds
}

// roots are R.
func (g *goCollector) roots() int64 { return min(g.cfg.Roots, g.h.cfg.Program.Base) }

// workers mark: a quarter of the cores, in thousandths of a core. On a host with cores to spare the runtime marks on those, too
// (idle workers), which shortens marks and costs the same; that is left out.
func (g *goCollector) workers() int64 { return utilization * int64(max(g.h.cfg.Cores, 1)) }

// cost is the processor time of one cycle.
func (g *goCollector) cost() int64 { return g.scan / 1000 * g.cfg.MarkPicos }

// look sees what lives, and so what a cycle has to mark.
func (g *goCollector) look() (live int64) {
	live = max(g.h.live()-g.h.cfg.Program.Base, 0)
	g.scan = live + g.roots()
	return live
}

func (g *goCollector) advance(now int64) {
	if g.marking && now >= g.ends {
		g.finish()
	}
}

// begin stops the world to end the sweep, and starts to mark.
func (g *goCollector) begin(at int64) {
	pause := g.s.stopOf(min(g.cfg.ContendedPermille*2*sweepPermille/1000, 1000))
	g.pause(at, pause, "sweep termination")
	g.look()
	g.lastWork = g.cost()
	work := g.lastWork * 1000 / g.workers()
	g.marking, g.began, g.since, g.from, g.assisted, g.assists = true, at+pause, 0, g.heap, 0, 0
	g.ends = g.began + max(work, 10_000)
}

// finish stops the world to end marking, and learns what lives.
func (g *goCollector) finish() {
	g.h.log(Event{Kind: Mark, At: g.began, Nanos: g.ends - g.began, Work: g.lastWork})
	g.h.collected += g.lastWork
	g.h.log(Event{Kind: Heap, At: g.ends, Live: g.live, Heap: g.heap, Goal: g.goal})
	g.pause(g.ends, g.s.stopOf(g.cfg.ContendedPermille*2*(1000-sweepPermille)/1000), "mark termination")
	g.marking, g.lastEnd = false, g.ends
	// What was allocated while marking counts as marked (it is allocated black: gcmarknewobject), and dies a cycle later.
	live := g.look()
	g.live = live + g.since
	g.heap = g.live
	g.pace()
	g.h.log(Event{Kind: Heap, At: g.ends, Live: live, Heap: g.heap, Goal: g.goal})
}

// pause stops the world; what the runtime itself does meanwhile takes the shortest time that it does.
func (g *goCollector) pause(at, nanos int64, why string) {
	g.h.stop(at, nanos)
	g.h.collected += g.cfg.StopMin
	g.h.log(Event{Kind: Pause, At: at, Nanos: nanos, Work: g.cfg.StopMin, Why: why})
}

func (g *goCollector) charge(start, cost, alloc int64) int64 {
	g.heap += alloc
	if g.marking {
		g.since += alloc
		cost = g.h.crowd(cost, g.workers())
		if alloc > 0 {
			cost += g.assist(start)
		}
		return cost
	}
	if g.heap >= g.trigger && g.limited(start) {
		g.h.log(Event{Kind: Heap, At: start, Live: g.live, Heap: g.heap, Goal: g.goal})
		g.begin(start + cost)
	}
	return cost
}

// limited says whether the limiter allows another cycle: over the time since the last one ended, marking must not take
// more than half of the processor.
func (g *goCollector) limited(now int64) bool {
	return g.cfg.MemLimit == 0 || g.lastWork <= (now-g.lastEnd)*int64(max(g.h.cfg.Cores, 1))
}

// assist is the time that somebody who allocates while marking is under way has to mark himself: of all that is to be scanned as
// much must be by now as the heap has used of its way from the trigger to the goal (assistWorkPerByte). What the background has
// done pays first, and what assists do the background need not: marking ends sooner.
func (g *goCollector) assist(start int64) int64 {
	if start >= g.ends || start <= g.began {
		return 0
	}
	left := min((g.ends-start)*g.workers()/g.cfg.MarkPicos, g.scan-g.assisted)
	goal := g.goal
	if g.heap >= goal {
		goal += goal / 10 // maxOvershoot
	}
	way := max(goal-g.from, 1)
	owed := g.scan/1000*(min(g.heap-g.from, way)*1000/way) - (g.scan - left)
	if owed <= 0 {
		return 0
	}
	does := min(max(owed, assistQuota), left)
	took := does * g.cfg.MarkPicos / 1000
	g.assisted += does
	g.assists += took
	g.ends = max(g.ends-took*1000/g.workers(), start)
	return took
}
