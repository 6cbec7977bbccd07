package studies

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
)

var failover = Study{
	Name:     "failover",
	Question: "How long does nobody get an acknowledgement after a fault, and what decides it?",
	Vary:     "fault, by design",
	Small:    5, Full: 30,
	Tables:   failoverTables,
	Grid:     failoverGrid,
	Conclude: failoverConclude,
}

var failoverTables = []Table{
	{"gaps", []string{
		"system", "design", "policy", "fault", "seed", "leads_meta", "usual_gap_ns", "gap_ns", "all_clients_ns", "silent_ns", "ended",
		"offered", "ok", "failed", "unknown", "open", "elections", "meta_elections", "events",
	}},
	{"timeline", []string{"system", "fault", "at_ns", "width_ns", "done", "failed", "max_ns"}},
	{"elections", []string{"system", "fault", "seed", "at_ns", "node", "of"}},
}

// sec is a second in nanoseconds.
const sec = 1000 * ms

// trouble is one kind of fault, struck once in a run.
type trouble struct {
	name, title string
	// It holds for so long, and is watched for so long from its beginning.
	holds, watch int64
	kind         faults.Kind
	on           []faults.Target
}

var (
	theLeader = faults.LeaderOf(streamName(0))
	aFollower = faults.FollowerOf(streamName(0), 1)
)

// troubles of the study. A crashed leader stays away: what its return does is another matter (with sync=interval the model's leader
// starts over when a peer is back with another boot, impl/broker/guard.go, and that would be counted here). Faults of 40 s outlast
// every timer but replica.lag.time.max.ms (30 s, looked at every 15 s), which a follower's disk is stalled long enough for.
var troubles = []trouble{
	{"crash", "leader crashes for good", 60 * sec, 16 * sec, faults.Crash, []faults.Target{theLeader}},
	{"pause-short", "leader pauses for 0.5 s", 500 * ms, 4 * sec, faults.Pause, []faults.Target{theLeader}},
	{"pause", "leader pauses for 5 s", 5 * sec, 10 * sec, faults.Pause, []faults.Target{theLeader}},
	{"pause-long", "leader pauses for 40 s", 40 * sec, 46 * sec, faults.Pause, []faults.Target{theLeader}},
	{"partition", "leader cut off from nodes, 40 s", 40 * sec, 46 * sec, faults.Partition, []faults.Target{theLeader, faults.TheOthers()}},
	{"isolation", "leader cut off from all, 40 s", 40 * sec, 46 * sec, faults.Partition, []faults.Target{theLeader, append(faults.TheOthers(), faults.EveryClient()...)}},
	{"disk-leader", "leader's disk stalls for 10 s", 10 * sec, 14 * sec, faults.StallDisk, []faults.Target{theLeader}},
	{"disk-follower", "a follower's disk stalls for 60 s", 60 * sec, 50 * sec, faults.StallDisk, []faults.Target{aFollower}},
	{"restart", "all nodes crash, for 1 s", sec, 20 * sec, faults.Crash, []faults.Target{faults.Everyone()}},
	{"power", "all nodes lose power, for 1 s", sec, 20 * sec, faults.Power, []faults.Target{faults.Everyone()}},
}

// failoverSystems are those compared, each with how long its client waits for one answer by default: js.Publish of nats.go 5 s,
// Kafka's delivery.timeout.ms 120 s. What has no answer by then is unknown.
var failoverSystems = []system{reference, natsDefault, kafkaAll, kafkaFlush, redpanda}

func answerTimeout(s *system) int64 {
	if s.design == "kafka" || s.design == "redpanda" {
		return 120 * sec
	}
	return 5 * sec
}

func failoverGrid(o *Options) (points []Point) {
	for _, s := range failoverSystems {
		for _, f := range troubles {
			points = append(points, func(seed rundir.Seed, out *Output) error { return failoverPoint(s, f, o, seed, out) })
		}
	}
	return points
}

// failoverClients publish so often a second, all together: often enough for gaps of a tenth of a second to show, and little
// enough for a hundred runs a minute.
const (
	failoverClients = 8
	failoverRate    = 200
)

// calm is how long the window has been open at least when the fault begins, so that what is usual is known.
const calm = 2 * sec

// failoverTrial strikes once. When is the seed's alone, the same for all systems and faults: from 0 to 2 s, which is a period of
// Kafka's heartbeats and many of the others'.
func failoverTrial(s system, f trouble, o *Options, seed rundir.Seed) (t trial.Trial, at int64) {
	t = s.trial(seed, o, 1)
	t.Load = publishers(failoverClients, failoverRate, 128)
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

func failoverPoint(s system, f trouble, o *Options, seed rundir.Seed, out *Output) error {
	t, at := failoverTrial(s, f, o, seed)
	m, err := trial.Run(t)
	if err != nil {
		return fmt.Errorf("%s, %s, seed %v: %w", s.name, f.name, seed, err)
	}
	out.Events += m.Events
	g := silences(m.Completions, failoverClients, at, t.Until())
	of, meta := led(m.Leaders, at), ledMeta(m.Leaders, at)
	ours, metas := 0, 0
	for _, l := range m.Leaders {
		if l.At < at {
			continue
		}
		what := "stream"
		if ours++; l.Stream != streamName(0) {
			what = "meta"
			ours--
			metas++
		}
		out.Add("elections", s.name, f.name, seed, l.At-at, l.Node, what)
	}
	out.Add("gaps", s.name, s.design, s.policy, f.name, seed, bit(of == meta), g.usual, g.longest, g.anyClient, g.silent, bit(g.ended),
		m.Offered, m.OK, m.Failed, m.Unknown, m.Open, ours, metas, m.Events)
	if seed == max(o.From, 1) {
		addTimeline(s, f, m, at, t.Until(), out)
	}
	return nil
}

// addTimeline adds the samples of one run, by time from its fault.
func addTimeline(s system, f trouble, m *trial.Measured, at, until int64, out *Output) {
	last := int64(0)
	for i := range m.Samples {
		p := &m.Samples[i]
		if last != 0 && p.At <= until {
			out.Add("timeline", s.name, f.name, p.At-at, p.At-last, p.Done, p.Failed, p.Max)
		}
		last = p.At
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
