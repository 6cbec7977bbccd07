package studies

import (
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/sim/host"
)

var collectorsStudy = Study{
	Name:     "collectors",
	Question: "Is Go's garbage collector a ceiling: what does a collector cost a broker in pauses, processor time, heap and tail latency?",
	Vary:     "collector and its settings, cores; the load is the same",
	Small:    1, Full: 30,
	Tables: []Table{
		{"points", []string{
			"system", "design", "collector", "cores", "offered_per_s", "seed", "achieved_per_s", "ok", "open", "failed",
			"p50_ns", "p90_ns", "p99_ns", "p99.9_ns", "p99.99_ns", "max_ns", "busy_permille_of_a_core", "collector_ppm_of_cores",
			"allocated_per_s_bytes", "pauses", "pause_p50_ns", "pause_p99_ns", "pause_max_ns", "marks", "mark_p50_ns", "stalls", "heap_max_bytes",
			"live_max_bytes", "events",
		}},
		{"events", []string{"system", "collector", "cores", "kind", "why", "at_ns", "nanos", "live_bytes", "heap_bytes", "goal_bytes"}},
		{"calibration", []string{"case", "seed", "collections_per_1000_s", "collector_ppm_of_cores", "pause_p50_ns", "pause_p90_ns", "pause_p99_ns", "mark_p50_ns", "heap_max_bytes"}},
	},
	Grid:     collectorsGrid,
	Conclude: concludeCollectors,
}

// gcCase is a system with a collector on so many cores.
type gcCase struct {
	system
	gc    string // the collector, as tables and legends name it
	cores int64
	host.CollectorConfig
	// lanes says that the first seed's events are kept for the figure.
	lanes bool
}

// The collectors that are compared. Of the limits, the tight one leaves a few MiB above what a broker under this load holds (10 MB)
// and the runtime's own (20 MiB), the roomy one many times that. A JVM has 256 MiB for the reference broker, whose cycles can then be
// seen within seconds, and what Kafka's scripts give it for Kafka's design.
const (
	go100    = "Go, GOGC 100"
	goTight  = "Go, limit 34 MiB"
	goRoomy  = "Go, limit 128 MiB"
	g1Small  = "G1, 256 MiB"
	zgcSmall = "ZGC, 256 MiB"
	g1Large  = "G1, 1 GiB"
	zgcLarge = "ZGC, 1 GiB"
	noGC     = "none"

	tightLimit = 34 << 20
	roomyLimit = 128 << 20
	smallHeap  = 256 << 20
)

func gcCases() (cases []gcCase) {
	add := func(s system, gc string, cores int64, lanes bool, c host.CollectorConfig) {
		cases = append(cases, gcCase{s, gc, cores, c, lanes})
	}
	for _, g := range []struct {
		name    string
		percent int64
	}{{"Go, GOGC 50", 50}, {go100, 100}, {"Go, GOGC 400", 400}} {
		add(reference, g.name, 8, g.percent >= 100, host.CollectorConfig{Kind: host.Go, GOGC: g.percent})
	}
	add(reference, goTight, 8, true, host.CollectorConfig{Kind: host.Go, GOGC: -1, MemLimit: tightLimit})
	add(reference, goRoomy, 8, false, host.CollectorConfig{Kind: host.Go, GOGC: -1, MemLimit: roomyLimit})
	add(reference, g1Small, 8, true, host.CollectorConfig{Kind: host.G1, Heap: smallHeap})
	add(reference, zgcSmall, 8, true, host.CollectorConfig{Kind: host.ZGC, Heap: smallHeap})
	add(reference, noGC, 8, false, host.CollectorConfig{Kind: host.NoCollector})
	for _, cores := range []int64{1, 2, 4} { // without a collector, one lane is the same on any number
		add(reference, go100, cores, false, host.CollectorConfig{Kind: host.Go, GOGC: 100})
	}
	for _, cores := range []int64{2, 8} {
		add(kafkaAll, g1Large, cores, cores == 8, host.CollectorConfig{Kind: host.G1})
	}
	add(kafkaAll, zgcLarge, 8, true, host.CollectorConfig{Kind: host.ZGC})
	add(kafkaAll, go100, 8, false, host.CollectorConfig{Kind: host.Go, GOGC: 100})
	add(kafkaAll, noGC, 8, false, host.CollectorConfig{Kind: host.NoCollector})
	return cases
}

// The one load: a share of what one lane can do, so that queues are those of pauses and not of a lack of processor.
const (
	gcRate  = 20_000
	gcBytes = 1024
)

func collectorsGrid(o *Options) (points []Point) {
	first, _ := (&Study{Small: 1, Full: 1}).seeds(o)
	for _, c := range gcCases() {
		points = append(points, func(seed rundir.Seed, out *Output) error { return c.measure(o, seed, seed == first, out) })
	}
	for _, c := range calibrations() {
		points = append(points, func(seed rundir.Seed, out *Output) error { return c.measure(seed, out) })
	}
	return points
}

// constants of the hardware: with two cores or fewer, threads contend as was measured on such a machine (experiments/hardware,
// two-core.json), for clients and kernel share them.
func (c *gcCase) constants() map[string]int64 {
	set := map[string]int64{"cores": c.cores}
	if c.cores <= 2 {
		set["go.stop_max_ns"], set["go.contended_permille"] = 4_000_000, 500
		set["g1.contended_permille"], set["zgc.contended_permille"] = 200, 200
	}
	return set
}

func (c *gcCase) trial(o *Options, seed rundir.Seed) trial.Trial {
	t := c.system.trial(seed, o, 1)
	t.Load = load.Spec{Groups: []load.Group{{Name: "p", Count: 16, PublishPerSecond: gcRate, Bytes: gcBytes, MaxOpen: 1 << 20}}}
	t.Constants, t.Collector = c.constants(), &c.CollectorConfig
	t.Warm, t.Measure = 500*ms, c.window(o)
	return t
}

// window is how long is measured.
func (c *gcCase) window(o *Options) int64 {
	w := 2000 * ms
	if o.Size == Small {
		w = 1000 * ms
	}
	if c.design == kafkaAll.design {
		w *= 10 // a gibibyte takes seconds to fill
	}
	return w
}

// measure adds one point, and of the first seed what the collector of the busiest node did.
func (c *gcCase) measure(o *Options, seed rundir.Seed, first bool, out *Output) error {
	t := c.trial(o, seed)
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	busiest := 0
	for i := range m.Nodes {
		if m.Nodes[i].Busy > m.Nodes[busiest].Busy {
			busiest = i
		}
	}
	n := &m.Nodes[busiest]
	g := gather(m, busiest)
	out.Events += m.Events
	out.Add("points", c.name, c.design, c.gc, c.cores, gcRate, seed, m.Rate(m.Done), m.OK, m.Open, m.Failed+m.Unknown,
		trial.Quantile(m.Latency, 500_000), trial.Quantile(m.Latency, 900_000), trial.Quantile(m.Latency, 990_000), trial.Quantile(m.Latency, 999_000),
		trial.Quantile(m.Latency, 999_900), m.Latency.Max(), n.Busy*1000/m.Window, n.Collector*1_000_000/(m.Window*c.cores),
		m.Rate(n.Allocated), len(g.pauses), g.pause(500), g.pause(990), g.pause(1000), len(g.marks), quantileOf(g.marks, 500), g.stalls, max(g.heap, n.Peak),
		n.Peak, m.Events)
	if first && c.lanes {
		for _, e := range g.events {
			out.Add("events", c.name, c.gc, c.cores, e.Kind, e.Why, e.At-m.From, e.Nanos, e.Live, e.Heap, e.Goal)
		}
	}
	return nil
}
