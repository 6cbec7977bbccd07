package experiments

import (
	"fmt"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/spec"
)

// The storms repeat one kind of trouble until whatever recovery forgets shows.

const ms = int64(time.Millisecond)

// voteStorm makes nodes restart between two requests for their vote in one term. Election timeouts of two or
// three ticks make candidates collide, slow links keep their requests apart, and links without sessions deliver
// the second one to a voter that has restarted since the first.
var voteStorm = Experiment{
	Name:     "vote-storm",
	Question: "Does a node that restarts remember whom it voted for?",
	Vary:     "bug-forget-vote",
	Cluster: rundir.Cluster{
		Nodes: 5, Streams: []load.StreamSpec{{Name: ordersName, Replicas: 5}}, ElectionTicks: 4, Datagrams: true,
	},
	Load: load.Spec{Groups: []load.Group{{Name: "c", Count: 4, PublishPerSecond: 10, ReadPerSecond: 5, LastPercent: 20}}},
	Faults: func(key load.Key, c rundir.Cluster) faults.Plan {
		d := drawer{key}
		p := faults.Plan{Faults: []faults.Fault{
			{At: 5000 * ms, Kind: faults.SlowLink, Targets: []faults.Target{faults.Everyone(), faults.Everyone()}, For: 40_000 * ms, Amount: d.ms("latency", 30, 70) * ms},
		}}
		for n := range int64(20) {
			at := 5500 + n*2000
			what := fmt.Sprint("round ", n)
			p.Faults = append(p.Faults, faults.Fault{At: at * ms, Kind: faults.Crash, Targets: one(faults.LeaderOf(ordersName)), For: d.ms(what, 1200, 1500) * ms})
			// From 0.5 s on, one of the others after the other.
			for k := range int64(5) {
				who := faults.Node(1 + machine.NodeID(d.ms(fmt.Sprint(what, " who ", k), 0, int64(c.Nodes)-1)))
				p.Faults = append(p.Faults, faults.Fault{At: (at + 480 + 80*k + d.ms(fmt.Sprint(what, " when ", k), 0, 60)) * ms, Kind: faults.Crash, Targets: one(who), For: 3 * ms})
			}
		}
		return p
	},
	Duration: 60 * time.Second,
	Quiet:    12 * time.Second,
}

// stalledDisks takes what is acknowledged while disks do not answer, and then takes the power.
var stalledDisks = Experiment{
	Name:     "stalled-disks",
	Question: "Is anything acknowledged that only a stalled disk would have kept?",
	Vary:     "bug-ack-before-sync",
	Cluster:  oneStream,
	Load:     standardLoad,
	Faults: func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		leader, first, second := faults.LeaderOf(ordersName), faults.FollowerOf(ordersName, 1), faults.FollowerOf(ordersName, 2)
		all := d.time("all", 7, 8)
		one1 := d.time("leader", 17, 18)
		off := one1 + d.ms("off", 600, 900)*ms
		return faults.Plan{Faults: []faults.Fault{
			// No disk answers, and then all is dark.
			{At: all, Kind: faults.StallDisk, Targets: one(faults.Everyone()), For: 900 * ms},
			{At: all + d.ms("dark", 400, 800)*ms, Kind: faults.Power, Targets: one(faults.Everyone()), For: 1000 * ms, Keep: faults.KeepNone},
			// The leader's disk stalls and one follower is cut off: the other one alone has what is acknowledged.
			{At: one1 - 100*ms, Kind: faults.Partition, Targets: []faults.Target{second, faults.TheOthers()}, For: off - one1 + 300*ms},
			{At: one1, Kind: faults.StallDisk, Targets: one(leader), For: off - one1 + 50*ms},
			// It goes, and the leader forgets.
			{At: off, Kind: faults.Crash, Targets: one(first), For: 6000 * ms},
			{At: off, Kind: faults.Power, Targets: one(leader), For: 300 * ms, Keep: faults.KeepNone},
		}}
	},
	Duration: 45 * time.Second,
	Quiet:    12 * time.Second,
	Expect:   map[string]Expectation{"nats": {Violated: []spec.ID{spec.NoAckedLoss}, Also: fallsWithDurability}},
}

// tornLogs cuts power with writes torn. A follower is cut off, and what it missed comes to it as one long
// write to a slow disk: entries of which any may survive without those before. Then all nodes are hit.
var tornLogs = Experiment{
	Name:     "torn-logs",
	Question: "Does recovery tell a torn log from a whole one?",
	Vary:     "bug-accept-after-hole",
	Cluster:  oneStream,
	Load:     load.Spec{Groups: []load.Group{{Name: "c", Count: 8, PublishPerSecond: 400, ReadPerSecond: 20, Bytes: 600, LastPercent: 20}}},
	Faults: func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		follower := faults.FollowerOf(ordersName, 1)
		var p faults.Plan
		for n := range int64(3) {
			what := fmt.Sprint("round ", n)
			at := 4000 + n*5000
			p.Faults = append(p.Faults,
				faults.Fault{At: at * ms, Kind: faults.Partition, Targets: []faults.Target{follower, faults.TheOthers()}, For: 1000 * ms},
				faults.Fault{At: (at + 900) * ms, Kind: faults.SlowDisk, Targets: one(follower), For: 3000 * ms, Amount: 3000},
				faults.Fault{At: (at + d.ms(what, 1200, 2600)) * ms, Kind: faults.Power, Targets: one(follower), For: 500 * ms, Keep: faults.KeepSubset, Tear: true},
			)
		}
		return faults.Plan{Faults: append(p.Faults,
			faults.Fault{At: 18_800 * ms, Kind: faults.SlowDisk, Targets: one(faults.Everyone()), For: 1500 * ms, Amount: d.ms("slow", 500, 1500)},
			faults.Fault{At: (19_000 + d.ms("all", 0, 1000)) * ms, Kind: faults.Power, Targets: one(faults.Everyone()), For: 500 * ms, Keep: faults.KeepSubset, Tear: true},
		)}
	},
	Duration: 32 * time.Second,
	Quiet:    11 * time.Second,
	Expect:   map[string]Expectation{"nats": {Violated: []spec.ID{spec.NoAckedLoss}, Also: fallsWithDurability}},
}

// failingSyncs lets a sync fail on the one follower that is connected, and cuts its power soon after: what a failed
// sync leaves in the cache is clean, and never written again. The leader goes at the same time, so that
// nobody else has what was acknowledged meanwhile. Few publishes: a later sync would show the damage.
var failingSyncs = Experiment{
	Name:     "failing-syncs",
	Question: "Is a sync that failed ever taken for one that succeeded?",
	Vary:     "bug-retry-sync",
	Cluster:  oneStream,
	Load:     load.Spec{Groups: []load.Group{{Name: "c", Count: 4, PublishPerSecond: 8, ReadPerSecond: 4, LastPercent: 20}}},
	Faults: func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		var p faults.Plan
		for n := range int64(6) {
			what := fmt.Sprint("round ", n)
			at := (6000 + n*9000) * ms
			off := at + d.ms(what, 100, 300)*ms
			p.Faults = append(p.Faults,
				faults.Fault{At: at - 100*ms, Kind: faults.Partition, Targets: []faults.Target{faults.FollowerOf(ordersName, 2), faults.TheOthers()}, For: off - at + 300*ms},
				faults.Fault{At: at, Kind: faults.FailSync, Targets: one(faults.FollowerOf(ordersName, 1)), Sync: faults.SyncKeep},
				faults.Fault{At: off, Kind: faults.Power, Targets: one(faults.FollowerOf(ordersName, 1)), For: 300 * ms, Keep: faults.KeepNone},
				faults.Fault{At: off, Kind: faults.Crash, Targets: one(faults.LeaderOf(ordersName)), For: 5000 * ms},
			)
		}
		return p
	},
	Duration: 75 * time.Second,
	Quiet:    12 * time.Second,
	Expect:   map[string]Expectation{"nats": {Violated: []spec.ID{spec.NoAckedLoss}, Also: fallsWithDurability}},
}
