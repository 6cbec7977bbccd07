package pauses

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// timed is a system with what decides when its followers lose patience.
type timed struct {
	systems.System
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
		{System: systems.Reference, tickMS: 100, ticks: 8, cluster: none},
		{System: systems.NATSDefault.With("NATS, its own timers"), tickMS: 1000, ticks: 4, ready: 40_000 * ms, cluster: func(c *rundir.Cluster) { c.TickMS, c.ElectionTicks = 1000, 4 }},
		{System: systems.Redpanda, tickMS: 150, ticks: 8, cluster: none},
		{System: systems.KafkaAll, tickMS: kafkaTickMS, ticks: kafkaTicks, session: true, ready: 30_000 * ms, cluster: none},
	}
}

// pauseLengths in milliseconds.
func pauseLengths(o *study.Options) []int64 {
	if o.Size == study.Small {
		return []int64{100, 500, 900, 1200, 1500, 2000, 4000, 6000, 8000, 10_000, 12_000, 20_000}
	}
	return []int64{100, 300, 500, 700, 800, 900, 1000, 1200, 1400, 1700, 2000, 2500, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 12_000, 15_000, 20_000}
}

func electionsGrid(o *study.Options) (points []study.Point) {
	for _, s := range patience() {
		for _, length := range pauseLengths(o) {
			points = append(points, func(seed rundir.Seed, out *study.Output) error { return s.pause(o, seed, length, out) })
		}
	}
	return points
}

// pauseRate is publishes a second: each lets followers hear of the leader, once in 20 ms.
const pauseRate = 50

// pause stops the leader once, at a time that is any within two seconds of every timer's phase.
func (s *timed) pause(o *study.Options, seed rundir.Seed, length int64, out *study.Output) error {
	t := s.Trial(seed, o, 1)
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
	t.Plan = faults.Plan{Faults: append(apart(seed), faults.Fault{At: at, Kind: faults.Pause, Targets: []faults.Target{faults.LeaderOf(systems.StreamName(0))}, For: length * ms})}
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	at += m.From - t.From() // a cluster that needed longer to be ready
	paused, controller := m.Leader(systems.StreamName(0), at), m.Leader("", at)
	election, moved, after := 0, 0, int64(0)
	for _, l := range m.Leaders {
		if l.Stream == systems.StreamName(0) && l.At >= at && l.At < m.From+m.Window && election == 0 {
			election, moved, after = 1, study.Bit(l.Node != paused), l.At-at
		}
	}
	if paused == 0 {
		return fmt.Errorf("%s: nobody led the stream when it was to be paused", s.Name)
	}
	out.Events += m.Events
	out.Add("points", s.Name, s.Design, length, seed, paused, study.Bit(controller == paused), election, moved, after, m.OK, m.Failed+m.Unknown+m.Open, m.Latency.Max(), m.Events)
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
