package studies

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
)

var scale = Study{
	Name:     "scale",
	Question: "How do events, bytes on the wire, live memory, processor time and latency grow with nodes, replicas, streams, consumers, subjects, subscribers and rate?",
	Vary:     "one factor at a time, by tens",
	Small:    1, Full: 5,
	Tables: []Table{{"costs", []string{
		"factor", "system", "value", "seed", "operations", "window_ns", "p50_ns", "p99_ns", "open",
		"world_events", "wire_bytes", "syncs", "busy_ns", "live_bytes", "events",
	}}},
	Grid:     scaleGrid,
	Conclude: scaleConclude,
}

// factor is what grows.
type factor struct {
	name, unit string
	// per says what costs are told for: an operation, or a second of the run (of things that cost though nobody uses them).
	per     perWhat
	systems []system
	// Values of the small size, and those that the full size adds.
	small, more []int
	linear      bool // its axis
	// trial is the run at a value.
	trial func(s *system, o *Options, seed rundir.Seed, value int) trial.Trial
}

type perWhat string

const (
	perOperation perWhat = "an operation"
	perSecond    perWhat = "a second"
)

var replicated4 = []system{reference, natsDefault, kafkaAll, redpanda}

// factors in the order of figures.
func factors() []factor {
	streamsOnly := []system{reference, natsDefault}
	return []factor{
		{"nodes", "nodes", perOperation, replicated4, []int{1, 3, 5, 7}, nil, true, nodesTrial},
		{"replicas", "replicas on 5 nodes", perOperation, replicated4, []int{1, 3, 5}, nil, true, replicasTrial},
		{"streams", "streams or partitions, all but one idle", perSecond, replicated4, []int{1, 10, 100}, []int{1000}, false, streamsTrial},
		{"consumers", "consumers, all but one idle", perOperation, streamsOnly, []int{1, 10, 100}, []int{1000}, false, consumersTrial},
		{"workers", "consumers that all take every message", perOperation, streamsOnly, []int{1, 4, 16}, []int{64}, false, workersTrial},
		{"subjects", "subjects in a stream", perOperation, streamsOnly, []int{1, 10, 100, 1000, 10_000}, []int{100_000}, false, subjectsTrial},
		{"subscriptions", "subscriptions to other subjects", perOperation, []system{reference}, []int{1, 10, 100, 1000, 10_000}, []int{100_000}, false, subscriptionsTrial},
		{"subscribers", "subscribers to one subject, on three nodes", perOperation, []system{reference}, []int{3, 30, 300}, []int{900}, false, subscribersTrial},
		{"rate", "publishes a second", perOperation, replicated4, []int{100, 1000, 10_000, 100_000}, nil, false, rateTrial},
	}
}

func scaleGrid(o *Options) (points []Point) {
	for _, f := range factors() {
		values := f.small
		if o.Size == Full {
			values = append(append([]int(nil), values...), f.more...)
		}
		for _, s := range f.systems {
			for _, v := range values {
				points = append(points, func(seed rundir.Seed, out *Output) error { return f.point(s, o, seed, v, out) })
			}
		}
	}
	return points
}

// point measures a factor at a value.
func (f *factor) point(s system, o *Options, seed rundir.Seed, value int, out *Output) error {
	t := f.trial(&s, o, seed, value)
	m, err := trial.Run(t)
	if err != nil {
		return fmt.Errorf("%s %d: %w", f.name, value, err)
	}
	busy, live := int64(0), int64(0)
	for i := range m.Nodes {
		busy += m.Nodes[i].Busy
		live += m.Nodes[i].Live
	}
	h, open := m.Latency, m.Open
	if t.Receivers > 0 {
		h, open = m.Arrival, m.Missing
	}
	out.Events += m.Events
	out.Add("costs", f.name, s.name, value, seed, m.Offered, m.Window, trial.Quantile(h, 500_000), trial.Quantile(h, 990_000), open,
		m.World.Events, m.World.Bytes, m.World.Syncs(), busy, live, m.Events)
	return nil
}

// base is a trial at a thousand publishes of 128 B a second, of half a second that counts.
func (s *system) base(seed rundir.Seed, o *Options, streams int) trial.Trial {
	t := s.trial(seed, o, streams)
	t.Load = publishers(4, 1000, 128)
	t.Warm, t.Measure = 300*ms, 500*ms
	return t
}

// nodesTrial has one stream a node, of three replicas as soon as there are three nodes, and the same rate over all.
func nodesTrial(s *system, o *Options, seed rundir.Seed, value int) trial.Trial {
	t := s.base(seed, o, value)
	t.Cluster.Nodes = value
	for i := range t.Cluster.Streams {
		t.Cluster.Streams[i].Replicas = min(value, 3)
	}
	return t
}

func replicasTrial(s *system, o *Options, seed rundir.Seed, value int) trial.Trial {
	t := s.base(seed, o, 1)
	t.Cluster.Nodes, t.Cluster.Streams[0].Replicas = 5, value
	return t
}

// streamsTrial publishes to the first of the streams only, ten times a second: what is measured is what the others cost.
func streamsTrial(s *system, o *Options, seed rundir.Seed, value int) trial.Trial {
	t := s.base(seed, o, value)
	t.Load.Groups[0].Streams, t.Load.Groups[0].PublishPerSecond = []string{streamName(0)}, 10
	t.Ready, t.Warm, t.Measure = 4000*ms+120*ms*int64(value), 1000*ms, 2000*ms // streams are created one after another, a tick each
	return t
}

// consumersTrial has consumers that nobody works on, but for the first.
func consumersTrial(s *system, o *Options, seed rundir.Seed, value int) trial.Trial {
	t := s.base(seed, o, 1)
	addConsumers(&t, value, 1)
	t.Ready = 4000*ms + 20*ms*int64(value)
	return t
}

// workersTrial has a worker for each consumer, and a tenth of the rate.
func workersTrial(s *system, o *Options, seed rundir.Seed, value int) trial.Trial {
	t := s.base(seed, o, 1)
	t.Load = publishers(4, 100, 128)
	addConsumers(&t, value, value)
	t.Ready, t.Receivers = 4000*ms+2000*ms*int64(value), value
	return t
}

func addConsumers(t *trial.Trial, consumers, worked int) {
	st := &t.Cluster.Streams[0]
	for i := range consumers {
		name := streamName(i)
		st.Consumers = append(st.Consumers, load.ConsumerSpec{Name: name, MaxPending: 1 << 16})
		if i < worked {
			w := &load.Work{Stream: st.Name, Consumer: name, Batch: 100, MaxOpen: 1 << 12}
			t.Load.Groups = append(t.Load.Groups, load.Group{Name: "w" + name, Count: 1, Work: w})
		}
	}
}

// subjectsTrial publishes to subjects at random until nearly all have a message, and measures then.
func subjectsTrial(s *system, o *Options, seed rundir.Seed, value int) trial.Trial {
	t := s.base(seed, o, 1)
	g := &t.Load.Groups[0]
	g.Keys, g.SharedKeys, g.PublishPerSecond = value, true, 20_000
	t.Warm, t.Measure = 500*ms+ms*int64(value)/7, 100*ms // from 10 000 subjects on three messages each
	return t
}

// subscriptionsTrial sends to one subject, to which one subscriber of node 1 listens, while others listen to subjects of their own.
func subscriptionsTrial(s *system, o *Options, seed rundir.Seed, value int) trial.Trial {
	t := trial.Trial{Seed: seed, Profile: s.profile, Hardware: o.Hardware, Cluster: rundir.Cluster{Nodes: 3}, Receivers: 1}
	t.Load = coreLoad(1000, 128, 1, 1)
	for first := 0; first < value; first += 1000 {
		var filters []string
		for i := range min(value-first, 1000) {
			filters = append(filters, fmt.Sprintf("tock.%d", first+i))
		}
		name := "o" + streamName(first/1000)
		t.Load.Groups = append(t.Load.Groups, load.Group{Name: name, Count: 1, Subscribe: &load.Subscribe{Filters: filters, FlushEveryMS: 60_000}})
	}
	t.Warm, t.Measure = 1000*ms, 500*ms
	return t
}

// subscribersTrial sends a hundred messages a second to many, on all nodes.
func subscribersTrial(s *system, o *Options, seed rundir.Seed, value int) trial.Trial {
	t := trial.Trial{Seed: seed, Profile: s.profile, Hardware: o.Hardware, Cluster: rundir.Cluster{Nodes: 3}, Receivers: value}
	t.Load = coreLoad(100, 128, value, 1)
	last := &t.Load.Groups[len(t.Load.Groups)-1]
	last.Nodes, last.Subscribe.FlushEveryMS = []int{1, 2, 3}, 60_000
	t.Warm, t.Measure = 500*ms, 500*ms
	return t
}

func rateTrial(s *system, o *Options, seed rundir.Seed, value int) trial.Trial {
	t := s.base(seed, o, 1)
	t.Load = publishers(16, value, 128)
	if value < 1000 {
		t.Measure = 2000 * ms
	}
	return t
}
