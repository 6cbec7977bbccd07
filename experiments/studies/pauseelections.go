package studies

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

var pauseElections = Study{
	Name:     "pause-elections",
	Question: "How long must a leader be stopped, by a collector or anything else, before another takes its place?",
	Vary:     "length of one pause of the leader, by design with its default timers",
	Small:    20, Full: 100,
	Tables: []Table{
		{"points", []string{
			"system", "design", "pause_ms", "seed", "paused_node", "paused_controller", "election", "moved", "after_ns", "ok", "failed", "max_ns", "events",
		}},
	},
	Grid:     pauseElectionsGrid,
	Conclude: concludePauseElections,
}

// timed is a system with what decides when its followers lose patience.
type timed struct {
	system
	// Of Raft: the length of a tick, how many make the shortest election timeout, and how long the first elections take.
	tickMS, ticks int64
	ready         int64
	// session says that a broker is fenced by a controller when it was not heard for a session (Kafka).
	session bool
	cluster func(*rundir.Cluster)
}

// Kafka's defaults (impl/kafka/config.go): a heartbeat every 2 s, a session of 9 s; the controllers' quorum has ticks of 250 ms and
// elects after 8 to 15 of them.
const (
	kafkaBeatMS, kafkaSessionMS = 2000, 9000
	kafkaTickMS, kafkaTicks     = 250, 8
)

// patience are the systems. The reference broker's own timers are ticks of 100 ms, 8 of which make the shortest timeout (impl/broker),
// Redpanda's 150 ms and 8 (impl/redpanda); NATS's are a heartbeat a second and an election after 4 to 9 s: ticks of a second, 4 to 7.
func patience() []timed {
	none := func(*rundir.Cluster) {}
	return []timed{
		{system: reference, tickMS: 100, ticks: 8, cluster: none},
		{system: natsDefault.with("NATS, its own timers"), tickMS: 1000, ticks: 4, ready: 40_000 * ms, cluster: func(c *rundir.Cluster) { c.TickMS, c.ElectionTicks = 1000, 4 }},
		{system: redpanda, tickMS: 150, ticks: 8, cluster: none},
		{system: kafkaAll, tickMS: kafkaTickMS, ticks: kafkaTicks, session: true, ready: 30_000 * ms, cluster: none},
	}
}

// pauseLengths in milliseconds.
func pauseLengths(o *Options) []int64 {
	if o.Size == Small {
		return []int64{100, 500, 900, 1200, 1500, 2000, 4000, 6000, 8000, 10_000, 12_000, 20_000}
	}
	return []int64{100, 300, 500, 700, 800, 900, 1000, 1200, 1400, 1700, 2000, 2500, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 12_000, 15_000, 20_000}
}

func pauseElectionsGrid(o *Options) (points []Point) {
	for _, s := range patience() {
		for _, length := range pauseLengths(o) {
			points = append(points, func(seed rundir.Seed, out *Output) error { return s.pause(o, seed, length, out) })
		}
	}
	return points
}

// pauseRate is publishes a second: each lets followers hear of the leader, once in 20 ms.
const pauseRate = 50

// pause stops the leader once, at a time that is any within two seconds of every timer's phase.
func (s *timed) pause(o *Options, seed rundir.Seed, length int64, out *Output) error {
	t := s.trial(seed, o, 1)
	s.cluster(&t.Cluster)
	t.Load = load.Spec{Groups: []load.Group{{Name: "p", Count: 2, PublishPerSecond: pauseRate, Bytes: 128, MaxOpen: 1 << 20}}}
	t.Ready = s.ready
	if t.Ready == 0 {
		t.Ready = 5000 * ms
	}
	phase := int64(load.Key(seed).Sub("pause").Below(0, uint64(2000*ms)))
	// Votes may be split, and the next attempt is a timeout later: wait for two.
	t.Warm, t.Measure = 500*ms+phase, (length+4*s.tickMS*s.ticks)*ms+2000*ms
	at := t.From() + 200*ms
	t.Plan = faults.Plan{Faults: append(apart(seed), faults.Fault{At: at, Kind: faults.Pause, Targets: []faults.Target{faults.LeaderOf(streamName(0))}, For: length * ms})}
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	paused, controller := leaderAt(m, streamName(0), at), leaderAt(m, "", at)
	election, moved, after := 0, 0, int64(0)
	for _, l := range m.Leaders {
		if l.Stream == streamName(0) && l.At >= at && l.At < t.Until() && election == 0 {
			election, moved, after = 1, boolInt(l.Node != paused), l.At-at
		}
	}
	if paused == 0 {
		return fmt.Errorf("%s: nobody led the stream when it was to be paused", s.name)
	}
	out.Events += m.Events
	out.Add("points", s.name, s.design, length, seed, paused, boolInt(controller == paused), election, moved, after, m.OK, m.Failed+m.Unknown+m.Open, m.Latency.Max(), m.Events)
	return nil
}

// apart starts two of the three nodes anew a while after the first, so that their ticks do not beat at one time: followers that lose
// patience in the same moment split the vote.
func apart(seed rundir.Seed) (out []faults.Fault) {
	for n := machine.NodeID(2); n <= 3; n++ {
		late := 100*ms + int64(load.Key(seed).Sub("start").Below(uint64(n), uint64(1000*ms)))
		out = append(out, faults.Fault{At: ms, Kind: faults.Crash, Targets: []faults.Target{faults.Node(n)}, For: late})
	}
	return out
}

// leaderAt is the node that was the last to lead a stream before a time; "" is the cluster's own group.
func leaderAt(m *trial.Measured, stream string, at int64) (node machine.NodeID) {
	for _, l := range m.Leaders {
		if l.At < at && (l.Stream == stream) {
			node = l.Node
		}
	}
	return node
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
