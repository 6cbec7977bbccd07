package collectors

import (
	"strconv"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/sim/host"
)

const ms = int64(time.Millisecond)

// gcCase is a system with a collector on so many cores.
type gcCase struct {
	systems.System
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
	add := func(s systems.System, gc string, cores int64, lanes bool, c host.CollectorConfig) {
		cases = append(cases, gcCase{s, gc, cores, c, lanes})
	}
	for _, g := range []struct {
		name    string
		percent int64
	}{{"Go, GOGC 50", 50}, {go100, 100}, {"Go, GOGC 400", 400}} {
		add(systems.Reference, g.name, 8, g.percent >= 100, host.CollectorConfig{Kind: host.Go, GOGC: g.percent})
	}
	add(systems.Reference, goTight, 8, true, host.CollectorConfig{Kind: host.Go, GOGC: -1, MemLimit: tightLimit})
	add(systems.Reference, goRoomy, 8, false, host.CollectorConfig{Kind: host.Go, GOGC: -1, MemLimit: roomyLimit})
	add(systems.Reference, g1Small, 8, true, host.CollectorConfig{Kind: host.G1, Heap: smallHeap})
	add(systems.Reference, zgcSmall, 8, true, host.CollectorConfig{Kind: host.ZGC, Heap: smallHeap})
	add(systems.Reference, noGC, 8, false, host.CollectorConfig{Kind: host.NoCollector})
	for _, cores := range []int64{1, 2, 4} { // without a collector, one lane is the same on any number
		add(systems.Reference, go100, cores, false, host.CollectorConfig{Kind: host.Go, GOGC: 100})
	}
	for _, cores := range []int64{2, 8} {
		add(systems.KafkaAll, g1Large, cores, cores == 8, host.CollectorConfig{Kind: host.G1})
	}
	add(systems.KafkaAll, zgcLarge, 8, true, host.CollectorConfig{Kind: host.ZGC})
	add(systems.KafkaAll, go100, 8, false, host.CollectorConfig{Kind: host.Go, GOGC: 100})
	add(systems.KafkaAll, noGC, 8, false, host.CollectorConfig{Kind: host.NoCollector})
	return cases
}

// The one load: a share of what one lane can do, so that queues are those of pauses and not of a lack of processor.
const (
	gcRate  = 20_000
	gcBytes = 1024
)

func grid(o *study.Options) (points []study.Point) {
	for _, c := range gcCases() {
		points = append(points, func(seed rundir.Seed, out *study.Output) error { return c.measure(o, seed, seed == o.First(), out) })
	}
	for _, c := range calibrations() {
		points = append(points, func(seed rundir.Seed, out *study.Output) error { return c.measure(seed, out) })
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

func (c *gcCase) trial(o *study.Options, seed rundir.Seed) trial.Trial {
	t := c.System.Trial(seed, o, 1)
	t.Load = load.Spec{Groups: []load.Group{{Name: "p", Count: 16, PublishPerSecond: gcRate, Bytes: gcBytes, MaxOpen: 1 << 20}}}
	t.Constants, t.Collector = c.constants(), &c.CollectorConfig
	t.Warm, t.Measure = 500*ms, c.window(o)
	return t
}

// window is how long is measured.
func (c *gcCase) window(o *study.Options) int64 {
	switch {
	case c.Design == systems.KafkaAll.Design: // a gibibyte takes seconds to fill
		return 10_000 * ms
	case o.Size == study.Small:
		return 1000 * ms
	}
	return 2000 * ms
}

// measure adds one point, and of the first seed what the collector of the busiest node did.
func (c *gcCase) measure(o *study.Options, seed rundir.Seed, first bool, out *study.Output) error {
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
	g := m.Collections(busiest)
	out.Events += m.Events
	out.Add("points", c.Name, c.Design, c.gc, c.cores, gcRate, seed, m.Rate(m.Done), m.OK, m.Open, m.Failed+m.Unknown,
		trial.Quantile(m.Latency, 500_000), trial.Quantile(m.Latency, 900_000), trial.Quantile(m.Latency, 990_000), trial.Quantile(m.Latency, 999_000),
		trial.Quantile(m.Latency, 999_900), m.Latency.Max(), n.Busy*1000/m.Window, n.Collector*1_000_000/(m.Window*c.cores),
		m.Rate(n.Allocated), len(g.Pauses), g.Pause(500), g.Pause(990), g.Pause(1000), len(g.Marks), stats.Permille(g.Marks, 500), g.Stalls, max(g.Heap, n.Peak),
		n.Peak, m.Events)
	if first && c.lanes {
		for _, e := range g.Events {
			out.Add("events", c.Name, c.gc, c.cores, e.Kind, e.Why, e.At-m.From, e.Nanos, e.Live, e.Heap, e.Goal)
		}
	}
	return nil
}

// gcRows are the rows of one case.
func gcRows(p *study.Rows, s *systems.System, gc string, cores int64) *study.Rows {
	return p.Where("system", s.Name, "collector", gc, "cores", strconv.FormatInt(cores, 10))
}
