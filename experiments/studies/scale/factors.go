package scale

import (
	"fmt"
	"slices"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
)

const ms = int64(time.Millisecond)

// factor is what grows.
type factor struct {
	name, unit string
	// per says what costs are told for: an operation, or a second of the run (of things that cost though nobody uses them).
	per     perWhat
	systems []systems.System
	// Values of the small size, and those that the full size adds.
	small, more []int
	linear      bool // its axis
	// trial is the run at a value.
	trial func(s *systems.System, o *study.Options, seed rundir.Seed, value int) trial.Trial
}

type perWhat string

const (
	perOperation perWhat = "an operation"
	perSecond    perWhat = "a second"
)

var everyLog = []systems.System{systems.Reference, systems.NATSDefault, systems.KafkaAll, systems.Redpanda}

// factors in the order of figures.
func factors() []factor {
	streamsOnly := []systems.System{systems.Reference, systems.NATSDefault}
	return []factor{
		{"nodes", "nodes", perOperation, everyLog, []int{1, 3, 5, 7}, nil, true, nodesTrial},
		{"replicas", "replicas on 5 nodes", perOperation, everyLog, []int{1, 3, 5}, nil, true, replicasTrial},
		{"streams", "streams or partitions, all but one idle", perSecond, everyLog, []int{1, 10, 100}, []int{1000}, false, streamsTrial},
		{"consumers", "consumers, all but one idle", perOperation, streamsOnly, []int{1, 10, 100}, []int{1000}, false, consumersTrial},
		{"workers", "consumers that all take every message", perOperation, streamsOnly, []int{1, 4, 16}, []int{64}, false, workersTrial},
		{"subjects", "subjects in a stream", perOperation, streamsOnly, []int{1, 10, 100, 1000, 10_000}, []int{100_000}, false, subjectsTrial},
		{"subscriptions", "subscriptions to other subjects", perOperation, []systems.System{systems.Reference}, []int{1, 10, 100, 1000, 10_000}, []int{100_000}, false, subscriptionsTrial},
		{"subscribers", "subscribers to one subject, on three nodes", perOperation, []systems.System{systems.Reference}, []int{3, 30, 300}, []int{900}, false, subscribersTrial},
		{"rate", "publishes a second", perOperation, everyLog, []int{100, 1000, 10_000, 100_000}, nil, false, rateTrial},
	}
}

// findFactor is a factor by its name.
func findFactor(name string) *factor {
	all := factors()
	i := slices.IndexFunc(all, func(f factor) bool { return f.name == name })
	return &all[i]
}

// base is a trial at a thousand publishes of 128 B a second, of half a second that counts.
func base(s *systems.System, seed rundir.Seed, o *study.Options, streams int) trial.Trial {
	t := s.Trial(seed, o, streams)
	t.Load = systems.Publishers(4, 1000, 128)
	t.Warm, t.Measure = 300*ms, 500*ms
	return t
}

// nodesTrial has one stream a node, of three replicas as soon as there are three nodes, and the same rate over all.
func nodesTrial(s *systems.System, o *study.Options, seed rundir.Seed, value int) trial.Trial {
	t := base(s, seed, o, value)
	t.Cluster.Nodes = value
	for i := range t.Cluster.Streams {
		t.Cluster.Streams[i].Replicas = min(value, 3)
	}
	return t
}

func replicasTrial(s *systems.System, o *study.Options, seed rundir.Seed, value int) trial.Trial {
	t := base(s, seed, o, 1)
	t.Cluster.Nodes, t.Cluster.Streams[0].Replicas = 5, value
	return t
}

// streamsTrial publishes to the first of the streams only, ten times a second: what is measured is what the others cost.
func streamsTrial(s *systems.System, o *study.Options, seed rundir.Seed, value int) trial.Trial {
	t := base(s, seed, o, value)
	t.Load.Groups[0].Streams, t.Load.Groups[0].PublishPerSecond = []string{systems.StreamName(0)}, 10
	t.Ready, t.Warm, t.Measure = 4000*ms+120*ms*int64(value), 1000*ms, 2000*ms // streams are created one after another, a tick each
	return t
}

// consumersTrial has consumers that nobody works on, but for the first.
func consumersTrial(s *systems.System, o *study.Options, seed rundir.Seed, value int) trial.Trial {
	t := base(s, seed, o, 1)
	addConsumers(&t, value, 1)
	t.Ready = 4000*ms + 20*ms*int64(value)
	return t
}

// workersTrial has a worker for each consumer, and a tenth of the rate.
func workersTrial(s *systems.System, o *study.Options, seed rundir.Seed, value int) trial.Trial {
	t := base(s, seed, o, 1)
	t.Load = systems.Publishers(4, 100, 128)
	addConsumers(&t, value, value)
	t.Ready, t.Receivers = 4000*ms+2000*ms*int64(value), value
	return t
}

func addConsumers(t *trial.Trial, consumers, worked int) {
	st := &t.Cluster.Streams[0]
	for i := range consumers {
		name := systems.StreamName(i)
		st.Consumers = append(st.Consumers, load.ConsumerSpec{Name: name, MaxPending: 1 << 16})
		if i < worked {
			w := &load.Work{Stream: st.Name, Consumer: name, Batch: 100, MaxOpen: 1 << 12}
			t.Load.Groups = append(t.Load.Groups, load.Group{Name: "w" + name, Count: 1, Work: w})
		}
	}
}

// subjectsTrial publishes to subjects at random until nearly all have a message, and measures then.
func subjectsTrial(s *systems.System, o *study.Options, seed rundir.Seed, value int) trial.Trial {
	t := base(s, seed, o, 1)
	g := &t.Load.Groups[0]
	g.Keys, g.SharedKeys, g.PublishPerSecond = value, true, 20_000
	t.Warm, t.Measure = 500*ms+ms*int64(value)/7, 100*ms // from 10 000 subjects on three messages each
	return t
}

// subscriptionsTrial sends to one subject, to which one subscriber of node 1 listens, while others listen to subjects of their own.
func subscriptionsTrial(s *systems.System, o *study.Options, seed rundir.Seed, value int) trial.Trial {
	t := trial.Trial{Seed: seed, Profile: s.Profile, Hardware: o.Hardware, Cluster: rundir.Cluster{Nodes: 3}, Receivers: 1}
	t.Load = systems.CoreLoad(1000, 128, 1, 1)
	for first := 0; first < value; first += 1000 {
		var filters []string
		for i := range min(value-first, 1000) {
			filters = append(filters, fmt.Sprintf("tock.%d", first+i))
		}
		name := "o" + systems.StreamName(first/1000)
		t.Load.Groups = append(t.Load.Groups, load.Group{Name: name, Count: 1, Subscribe: &load.Subscribe{Filters: filters, FlushEveryMS: 60_000}})
	}
	t.Warm, t.Measure = 1000*ms, 500*ms
	return t
}

// subscribersTrial sends a hundred messages a second to many, on all nodes.
func subscribersTrial(s *systems.System, o *study.Options, seed rundir.Seed, value int) trial.Trial {
	t := trial.Trial{Seed: seed, Profile: s.Profile, Hardware: o.Hardware, Cluster: rundir.Cluster{Nodes: 3}, Receivers: value}
	t.Load = systems.CoreLoad(100, 128, value, 1)
	last := &t.Load.Groups[len(t.Load.Groups)-1]
	last.Nodes, last.Subscribe.FlushEveryMS = []int{1, 2, 3}, 60_000
	t.Warm, t.Measure = 500*ms, 500*ms
	return t
}

func rateTrial(s *systems.System, o *study.Options, seed rundir.Seed, value int) trial.Trial {
	t := base(s, seed, o, 1)
	t.Load = systems.Publishers(16, value, 128)
	if value < 1000 {
		t.Measure = 2000 * ms
	}
	return t
}
