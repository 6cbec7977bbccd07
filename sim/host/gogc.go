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
// The bytes of Base stand for R, stacks and globals: they are scanned and do not count as heap.
type goCollector struct {
	cfg CollectorConfig
	h   *Host
	s   stopper

	live     int64 // L: marked by the last cycle
	heap     int64 // allocated and not swept
	goal     int64
	trigger  int64
	marking  bool
	began    int64
	ends     int64
	since    int64 // allocated since marking began
	lastEnd  int64
	lastWork int64 // processor time of the last cycle
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
	orDefault(&cfg.StopMin, 20_000)
	g := &goCollector{cfg: cfg, h: h, s: s}
	*g.s.cfg = cfg
	g.pace()
	return g
}

// pace sets the goal and the trigger of the next cycle from what lives.
func (g *goCollector) pace() {
	roots := g.h.cfg.Program.Base
	switch {
	case g.cfg.GOGC < 0:
		g.goal = 1 << 62
	default:
		g.goal = max(g.live+(g.live+roots)*g.cfg.GOGC/100, 4*mib*g.cfg.GOGC/100)
	}
	if m := g.cfg.MemLimit; m > 0 {
		g.goal = min(g.goal, max(m-roots-max(m*3/100, mib), g.live))
	}
	room := g.goal - g.live
	low := g.live + room/64*45
	high := max(g.live+room/64*61, g.goal-4*mib)
	g.trigger = min(max(g.goal-g.runway(), low), high)
	g.trigger = max(g.trigger, g.live+64<<10) // a cycle that begins as the last one ends would never let go
}

// runway is what the program is expected to allocate while the next cycle marks: what it did while the last one did.
func (g *goCollector) runway() int64 { return g.since }

// cost is the processor time of one cycle.
func (g *goCollector) cost() int64 {
	return (g.live + g.h.cfg.Program.Base) / 1000 * g.cfg.MarkPicos
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
	g.lastWork = g.cost()
	work := g.lastWork * 1000 / (utilization * int64(max(g.h.cfg.Cores, 1)))
	g.marking, g.began, g.since = true, at+pause, 0
	g.ends = g.began + max(work, 10_000)
}

// finish stops the world to end marking, and learns what lives.
func (g *goCollector) finish() {
	g.h.log(Event{Kind: Mark, At: g.began, Nanos: g.ends - g.began, Work: g.lastWork})
	g.h.collected += g.lastWork
	g.h.log(Event{Kind: Heap, At: g.ends, Live: g.live, Heap: g.heap, Goal: g.goal})
	g.pause(g.ends, g.s.stopOf(g.cfg.ContendedPermille*2*(1000-sweepPermille)/1000), "mark termination")
	g.marking, g.lastEnd = false, g.ends
	g.live = max(g.h.live()-g.h.cfg.Program.Base, 0)
	// What was allocated while marking counts as marked (it is allocated black), and dies a cycle later.
	g.heap = g.live + g.since
	g.pace()
	g.h.log(Event{Kind: Heap, At: g.ends, Live: g.live, Heap: g.heap, Goal: g.goal})
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
		assist := g.assist(start, alloc)
		g.h.collected += assist
		return g.h.crowd(cost, utilization*int64(g.h.cfg.Cores)) + assist
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

// assist is the time that somebody who allocates while marking is under way has to mark himself: what he allocates must
// be marked for before the heap reaches its goal. Time that the background has not used up yet pays first.
func (g *goCollector) assist(start, alloc int64) int64 {
	left := g.ends - start
	room := g.goal - g.heap
	if alloc == 0 || left <= 0 || room >= g.since*left/max(start-g.began, 1) {
		return 0
	}
	perByte := (g.live * left / max(g.ends-g.began, 1)) * 1000 / max(room, assistQuota) // scan work, thousandths of a byte
	return min(alloc*perByte/1000, g.live) / 1000 * g.cfg.MarkPicos
}
