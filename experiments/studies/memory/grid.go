package memory

import (
	"fmt"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/sim/host"
)

const ms = int64(time.Millisecond)

// axis is what grows: by which sizes, and what is done there.
type axis struct {
	name   string
	system systems.System
	small  []int
	full   []int
	trial  func(n int, t *trial.Trial)
}

func axes() []axis {
	fast := func(n, subjects int, t *trial.Trial) {
		rate := min(n, 40_000)
		t.Load = systems.Publishers(4, rate, 128)
		t.Load.Groups[0].Keys = subjects
		t.Measure = int64(n) * 1000 * ms / int64(rate)
	}
	messages := func(n int, t *trial.Trial) { fast(n, 0, t) }
	return []axis{
		{"messages", systems.Reference, []int{1000, 10_000, 100_000}, []int{1000, 10_000, 100_000, 1_000_000}, messages},
		{"messages", systems.KafkaAll, []int{1000, 10_000, 100_000}, []int{1000, 10_000, 100_000, 1_000_000}, messages},
		{"subjects", systems.Reference, []int{4, 1000, 10_000}, []int{4, 1000, 10_000, 100_000}, func(n int, t *trial.Trial) {
			fast(4*n, n/4, t)
			t.Load.Groups[0].PublishPerSecond = 40_000
			t.Measure = max(int64(8*n)*1000*ms/40_000, 500*ms)
		}},
		{"consumers", systems.Reference, []int{1, 10, 100}, []int{1, 10, 100, 1000}, consumersAxis},
		{"slow subscribers", systems.Reference, []int{1, 10, 30}, []int{1, 10, 30, 100}, slowAxis},
		{"partitions", systems.Reference, []int{1, 5, 20}, []int{1, 10, 100}, partitionsAxis},
		{"partitions", systems.KafkaAll, []int{1, 5, 20}, []int{1, 10, 100}, partitionsAxis},
	}
}

// consumersAxis has n durable consumers that nobody works on, on one stream that is published to.
func consumersAxis(n int, t *trial.Trial) {
	for i := range n {
		t.Cluster.Streams[0].Consumers = append(t.Cluster.Streams[0].Consumers, load.ConsumerSpec{Name: fmt.Sprintf("C%d", i), Ack: "explicit"})
	}
	t.Ready = (5000 + 20*int64(n)) * ms
	t.Load = systems.Publishers(4, 1000, 128)
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
		t.Cluster.Streams = append(t.Cluster.Streams, load.StreamSpec{Name: systems.StreamName(i), Replicas: 3})
	}
	t.Ready = (5000 + 200*int64(n)) * ms
	t.Load = systems.Publishers(4, 10_000, 1024)
	t.Measure = 2000 * ms
}

func grid(o *study.Options) (points []study.Point) {
	for _, a := range axes() {
		sizes := a.full
		if o.Size == study.Small {
			sizes = a.small
		}
		for _, n := range sizes {
			points = append(points, func(seed rundir.Seed, out *study.Output) error { return a.measure(o, n, seed, out) })
		}
	}
	return points
}

func (a *axis) measure(o *study.Options, n int, seed rundir.Seed, out *study.Output) error {
	t := a.system.Trial(seed, o, 1)
	if a.system.Design == systems.Reference.Design {
		t.Collector = &host.CollectorConfig{Kind: host.Go, GOGC: 100}
	}
	a.trial(n, &t)
	m, err := trial.Run(t)
	if err != nil {
		return fmt.Errorf("%s, %s, %d: %w", a.name, a.system.Name, n, err)
	}
	largest := 0
	for i := range m.Nodes {
		if m.Nodes[i].Peak > m.Nodes[largest].Peak {
			largest = i
		}
	}
	// What waits in connections is charged to nobody's allocation: between two cycles the model may not have seen it.
	heap := max(m.Collections(largest).Heap, m.Nodes[largest].Peak)
	out.Events += m.Events
	out.Add("points", a.name, a.system.Name, a.system.Design, n, seed, m.Nodes[largest].Peak, heap, m.OK, m.Failed+m.Unknown+m.Open, m.Events)
	for _, u := range m.Nodes[largest].Uses {
		out.Add("uses", a.name, a.system.Name, n, seed, u.Kind, u.Count, u.Bytes)
	}
	return nil
}
