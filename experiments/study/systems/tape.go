package systems

import (
	"time"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/spec"
)

// The tape of the durability frontier: one stream of three replicas is published to; late enough for every sync interval but the
// longest to have come round, power fails on some of its nodes, and what was not synced there is gone; then there is time to heal,
// and everything is read back.
const (
	tapeStream   = "ORDERS"
	TapeRate     = 100 // publishes a second
	TapeFrom     = int64(60_000) * ms
	tapeTo       = int64(75_000) * ms
	tapeDark     = 1500 * ms
	tapeDuration = 105 * time.Second
	tapeQuiet    = 25 * time.Second
)

// Loss is what one run lost.
type Loss struct {
	Acked, Lost int64 // messages acknowledged, or sent if nothing is ever acknowledged
	// drained says that everything could be read back at the end: if not, nobody can say what is lost.
	Drained bool
	Events  uint64
}

// PowerLoss is what a run lost.
func PowerLoss(s *System, seed rundir.Seed, down int) (Loss, error) {
	res, err := tape(s, seed, down)
	if err != nil {
		return Loss{}, err
	}
	stats := res.Report.Of(spec.NoAckedLoss).Stats
	out := Loss{Events: res.Manifest.Totals.WorldEvents, Drained: res.Report.Of(spec.NoAckedLoss).Value != spec.Unknown}
	if s.unacknowledged() {
		out.Acked, out.Lost = sentAndGone(res.History)
		return out, nil
	}
	out.Acked, out.Lost = stats.Checked, stats.Anomalies
	return out, nil
}

// tape runs a system under the tape: power fails on down of the stream's three nodes at once, the leader among them.
func tape(s *System, seed rundir.Seed, down int) (*experiments.Result, error) {
	e := experiments.Experiment{
		Name: "durability-frontier", Question: "tape", Duration: tapeDuration, Quiet: tapeQuiet,
		Cluster: rundir.Cluster{Nodes: 3, SyncIntervalMS: s.syncMS, Streams: []load.StreamSpec{{Name: tapeStream, Replicas: 3}}},
		Load:    load.Spec{Groups: []load.Group{{Name: "p", Count: 8, PublishPerSecond: TapeRate, Bytes: 128}}},
		Faults:  func(key load.Key, _ rundir.Cluster) faults.Plan { return blackout(key, down) },
	}
	c, err := e.Config(seed, experiments.Options{Profile: s.Profile, Set: s.set})
	if err != nil {
		return nil, err
	}
	return experiments.Execute(c, nil)
}

// blackout takes the power of the leader, and of followers with it, at a time that the seed alone decides.
func blackout(key load.Key, down int) faults.Plan {
	at := TapeFrom + int64(key.Sub("blackout").Below(0, uint64((tapeTo-TapeFrom)/ms)))*ms
	who := []faults.Target{faults.Everyone()}
	switch down {
	case 1:
		who = []faults.Target{faults.LeaderOf(tapeStream)}
	case 2:
		who = []faults.Target{append(faults.LeaderOf(tapeStream), faults.FollowerOf(tapeStream, 1)...)}
	}
	return faults.Plan{Faults: []faults.Fault{{At: at, Kind: faults.Power, Targets: who, For: tapeDark, Keep: faults.KeepNone}}}
}

// sentAndGone counts messages that were sent and those of them that the final reads did not find: where no acknowledgement is asked
// for (acks=0), what was sent is all that a producer knows.
func sentAndGone(h *history.History) (sent, gone int64) {
	there := map[string]bool{}
	final, unsent := map[uint64]bool{}, map[uint64]bool{}
	for i := range h.Events {
		switch e := &h.Events[i]; {
		case e.Kind == history.Invoke && e.Final:
			final[e.Op] = true
		case e.Kind == history.Fail:
			unsent[e.Op] = true
		case e.Kind == history.OK && final[e.Op] && e.Value != "":
			there[e.Value] = true
		}
	}
	for i := range h.Events {
		if e := &h.Events[i]; e.Kind == history.Invoke && e.Verb == history.Publish && !unsent[e.Op] {
			sent++
			if !there[e.Value] {
				gone++
			}
		}
	}
	return sent, gone
}
