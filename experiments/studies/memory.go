package studies

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/sim/host"
)

var memoryStudy = Study{
	Name:     "memory",
	Question: "Does memory grow abnormally: with what does it grow, and which bound holds it?",
	Vary:     "messages, subjects, consumers, slow subscribers, partitions; one at a time",
	Small:    1, Full: 5,
	Tables: []Table{
		{"points", []string{"axis", "system", "design", "n", "seed", "live_bytes", "heap_bytes", "ok", "failed", "events"}},
		{"uses", []string{"axis", "system", "n", "seed", "kind", "count", "bytes"}},
	},
	Grid:     memoryGrid,
	Conclude: concludeMemory,
}

// Bounds of the configurations that are compared: defaults of impl/broker and impl/kafka where not said otherwise.
const (
	cacheBound   = 4 << 20   // CacheBytes, of a stream and of a partition
	tailBound    = 4 << 20   // TailBytes, of a Raft group
	keepSlack    = 256 << 10 // MaxBatch: one entry more than a bound may come before it is looked at
	pendingBound = 1 << 20   // PendingBytes of a slow subscriber, set for this study (64 MiB by default)
	slowBytes    = 4096      // a message to slow subscribers
)

// axes of the study: which sizes, and what is done there.
type memoryAxis struct {
	name   string
	system system
	small  []int
	full   []int
	trial  func(n int, t *trial.Trial)
}

func memoryAxes() []memoryAxis {
	fast := func(n, subjects int, t *trial.Trial) {
		rate := min(n, 40_000)
		t.Load = publishers(4, rate, 128)
		t.Load.Groups[0].Keys = subjects
		t.Measure = int64(n) * 1000 * ms / int64(rate)
	}
	messages := func(n int, t *trial.Trial) { fast(n, 0, t) }
	return []memoryAxis{
		{"messages", reference, []int{1000, 10_000, 100_000}, []int{1000, 10_000, 100_000, 1_000_000}, messages},
		{"messages", kafkaAll, []int{1000, 10_000, 100_000}, []int{1000, 10_000, 100_000, 1_000_000}, messages},
		{"subjects", reference, []int{4, 1000, 10_000}, []int{4, 1000, 10_000, 100_000}, func(n int, t *trial.Trial) {
			fast(4*n, n/4, t)
			t.Load.Groups[0].PublishPerSecond = 40_000
			t.Measure = max(int64(8*n)*1000*ms/40_000, 500*ms)
		}},
		{"consumers", reference, []int{1, 10, 100}, []int{1, 10, 100, 1000}, consumersAxis},
		{"slow subscribers", reference, []int{1, 10, 30}, []int{1, 10, 30, 100}, slowAxis},
		{"partitions", reference, []int{1, 5, 20}, []int{1, 10, 100}, partitionsAxis},
		{"partitions", kafkaAll, []int{1, 5, 20}, []int{1, 10, 100}, partitionsAxis},
	}
}

// consumersAxis has n durable consumers that nobody works on, on one stream that is published to.
func consumersAxis(n int, t *trial.Trial) {
	for i := range n {
		t.Cluster.Streams[0].Consumers = append(t.Cluster.Streams[0].Consumers, load.ConsumerSpec{Name: fmt.Sprintf("C%d", i), Ack: "explicit"})
	}
	t.Ready = (5000 + 20*int64(n)) * ms
	t.Load = publishers(4, 1000, 128)
	t.Measure = 1000 * ms
}

// slowAxis has n subscribers on core subjects that stop reading, and senders that do not.
func slowAxis(n int, t *trial.Trial) {
	t.Cluster.Limits.PendingBytes = pendingBound
	t.Load.Groups = []load.Group{
		{Name: "slow", Count: n, Nodes: []int{1}, Subscribe: &load.Subscribe{Filters: []string{"tick.>"}, StallEveryMS: 100, StallMS: 30_000}},
		{Name: "s", Count: 4, Nodes: []int{1}, Send: &load.Send{PerSecond: 2000, Bytes: slowBytes, Subjects: []string{"tick.a"}}},
	}
	t.Measure, t.Grace = 3000*ms, 1000*ms
}

// partitionsAxis has n streams or partitions; the same load is spread over them, enough to fill every cache a little.
func partitionsAxis(n int, t *trial.Trial) {
	t.Cluster.Streams = t.Cluster.Streams[:0]
	for i := range n {
		t.Cluster.Streams = append(t.Cluster.Streams, load.StreamSpec{Name: streamName(i), Replicas: 3})
	}
	t.Ready = (5000 + 200*int64(n)) * ms
	t.Load = publishers(4, 10_000, 1024)
	t.Measure = 2000 * ms
}

func memoryGrid(o *Options) (points []Point) {
	for _, a := range memoryAxes() {
		sizes := a.full
		if o.Size == Small {
			sizes = a.small
		}
		for _, n := range sizes {
			points = append(points, func(seed rundir.Seed, out *Output) error { return a.measure(o, n, seed, out) })
		}
	}
	return points
}

func (a *memoryAxis) measure(o *Options, n int, seed rundir.Seed, out *Output) error {
	t := a.system.trial(seed, o, 1)
	if a.system.design == reference.design {
		t.Collector = &host.CollectorConfig{Kind: host.Go, GOGC: 100}
	}
	a.trial(n, &t)
	m, err := trial.Run(t)
	if err != nil {
		return fmt.Errorf("%s, %s, %d: %w", a.name, a.system.name, n, err)
	}
	largest := 0
	for i := range m.Nodes {
		if m.Nodes[i].Peak > m.Nodes[largest].Peak {
			largest = i
		}
	}
	// What waits in connections is charged to nobody's allocation: between two cycles the model may not have seen it.
	heap := max(gather(m, largest).heap, m.Nodes[largest].Peak)
	out.Events += m.Events
	out.Add("points", a.name, a.system.name, a.system.design, n, seed, m.Nodes[largest].Peak, heap, m.OK, m.Failed+m.Unknown+m.Open, m.Events)
	for _, u := range m.Nodes[largest].Uses {
		out.Add("uses", a.name, a.system.name, n, seed, u.Kind, u.Count, u.Bytes)
	}
	return nil
}
