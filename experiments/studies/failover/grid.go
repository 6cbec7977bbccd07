package failover

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
)

// compared are those compared, each with how long its client waits for one answer by default: js.Publish of nats.go 5 s,
// Kafka's delivery.timeout.ms 120 s. What has no answer by then is unknown.
var compared = []systems.System{systems.Reference, systems.NATSDefault, systems.KafkaAll, systems.KafkaFlush, systems.Redpanda}

func answerTimeout(s *systems.System) int64 {
	if s.Design == "kafka" || s.Design == "redpanda" {
		return 120 * sec
	}
	return 5 * sec
}

func grid(o *study.Options) (points []study.Point) {
	for _, s := range compared {
		for _, f := range troubles {
			points = append(points, func(seed rundir.Seed, out *study.Output) error { return faultPoint(s, f, o, seed, out) })
		}
	}
	return points
}

// clients publish so often a second, all together: often enough for gaps of a tenth of a second to show, and little
// enough for a hundred runs a minute.
const (
	clients = 8
	rate    = 200
)

// calm is how long the window has been open at least when the fault begins, so that what is usual is known.
const calm = 2 * sec

// faultTrial strikes once. When is the seed's alone, the same for all systems and faults: from 0 to 2 s, which is a period of
// Kafka's heartbeats and many of the others'.
func faultTrial(s systems.System, f trouble, o *study.Options, seed rundir.Seed) (t trial.Trial, at int64) {
	t = s.Trial(seed, o, 1)
	t.Load = systems.Publishers(clients, rate, 128)
	t.Warm, t.Keep, t.Timeout = sec, true, answerTimeout(&s)
	t.Ready = 5 * sec
	phase := int64(load.Key(seed).Sub("failover").Below(0, 2000)) * ms
	at = t.From() + calm + phase
	fault := faults.Fault{At: at, Kind: f.kind, Targets: f.on, For: f.holds}
	if f.kind == faults.Power {
		fault.Keep = faults.KeepNone
	}
	t.Plan = faults.Plan{Faults: []faults.Fault{fault}}
	t.Measure = calm + 2*sec + f.watch
	return t, at
}

func faultPoint(s systems.System, f trouble, o *study.Options, seed rundir.Seed, out *study.Output) error {
	t, at := faultTrial(s, f, o, seed)
	m, err := trial.Run(t)
	if err != nil {
		return fmt.Errorf("%s, %s, seed %v: %w", s.Name, f.name, seed, err)
	}
	out.Events += m.Events
	at += m.From - t.From() // a cluster that needed longer to be ready
	until := m.From + m.Window
	g := silences(m.Completions, clients, at, until)
	of, meta := m.Leader(systems.StreamName(0), at), m.Leader("", at)
	ours, metas := 0, 0
	for _, l := range m.Leaders {
		if l.At < at {
			continue
		}
		what := "stream"
		if ours++; l.Stream != systems.StreamName(0) {
			what = "meta"
			ours--
			metas++
		}
		out.Add("elections", s.Name, f.name, seed, l.At-at, l.Node, what)
	}
	out.Add("gaps", s.Name, s.Design, s.Policy, f.name, seed, study.Bit(of == meta), g.usual, g.longest, g.anyClient, g.silent, study.Bit(g.ended),
		m.Offered, m.OK, m.Failed, m.Unknown, m.Open, ours, metas, m.Events)
	if seed == o.First() {
		addTimeline(s, f, m, at, until, out)
	}
	return nil
}

// addTimeline adds the samples of one run, by time from its fault.
func addTimeline(s systems.System, f trouble, m *trial.Measured, at, until int64, out *study.Output) {
	last := int64(0)
	for i := range m.Samples {
		p := &m.Samples[i]
		if last != 0 && p.At <= until {
			out.Add("timeline", s.Name, f.name, p.At-at, p.At-last, p.Done, p.Failed, p.Max)
		}
		last = p.At
	}
}
