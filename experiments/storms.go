package experiments

import (
	"fmt"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// The storms repeat one kind of trouble until whatever recovery forgets shows.

const ms = int64(time.Millisecond)

// voteStorm makes leaders go and voters restart while votes are being cast.
var voteStorm = Experiment{
	Name:     "vote-storm",
	Question: "Does a node that restarts during an election remember whom it voted for?",
	Vary:     "bug-forget-vote",
	Cluster:  rundir.Cluster{Nodes: 5, Streams: []load.StreamSpec{{Name: ordersName, Replicas: 5}}},
	Load:     load.Spec{Groups: []load.Group{{Name: "c", Count: 4, PublishPerSecond: 20, ReadPerSecond: 5, LastPercent: 20}}},
	Faults: func(key load.Key, c rundir.Cluster) faults.Plan {
		d := drawer{key}
		var p faults.Plan
		for n := range int64(12) {
			at := 5000 + n*3000
			what := fmt.Sprint("round ", n)
			leader := faults.LeaderOf(ordersName)
			p.Faults = append(p.Faults, faults.Fault{At: at * ms, Kind: faults.Crash, Targets: one(leader), For: d.ms(what+" leader for", 1500, 2500) * ms})
			// Two others restart about when their election timeouts run out.
			for k := range 2 {
				who := faults.FollowerOf(ordersName, 1+int(d.ms(fmt.Sprint(what, " who ", k), 0, int64(c.Nodes)-2)))
				p.Faults = append(p.Faults, faults.Fault{
					At: (at + d.ms(fmt.Sprint(what, " when ", k), 800, 1700)) * ms, Kind: faults.Crash, Targets: one(who), For: d.ms(fmt.Sprint(what, " for ", k), 5, 60) * ms,
				})
			}
		}
		return p
	},
	Duration: 60 * time.Second,
	Quiet:    12 * time.Second,
}

// tornLogs cuts power again and again, with writes torn and reordered.
var tornLogs = Experiment{
	Name:     "torn-logs",
	Question: "Does recovery tell a torn log from a whole one?",
	Vary:     "bug-accept-after-hole",
	Cluster:  oneStream,
	Load:     load.Spec{Groups: []load.Group{{Name: "c", Count: 8, PublishPerSecond: 300, ReadPerSecond: 30, Bytes: 2000, LastPercent: 20}}},
	Faults: func(key load.Key, c rundir.Cluster) faults.Plan {
		d := drawer{key}
		var p faults.Plan
		for n := range int64(8) {
			what := fmt.Sprint("round ", n)
			target := faults.Everyone()
			if d.ms(what+" who", 0, 2) > 0 {
				target = faults.Node(1 + machine.NodeID(d.ms(what+" node", 0, int64(c.Nodes)-1)))
			}
			keep := faults.KeepSubset
			if d.ms(what+" keep", 0, 1) > 0 {
				keep = faults.KeepLast
			}
			p.Faults = append(p.Faults, faults.Fault{At: (5000 + n*4000 + d.ms(what, 0, 1000)) * ms, Kind: faults.Power, Targets: one(target), For: d.ms(what+" for", 300, 1200) * ms, Keep: keep, Tear: true})
		}
		return p
	},
	Duration: 50 * time.Second,
	Quiet:    10 * time.Second,
}

// failingSyncs lets syncs fail, and cuts power soon after: what a failed sync leaves in the cache is clean,
// and never written again.
var failingSyncs = Experiment{
	Name:     "failing-syncs",
	Question: "Is a sync that failed ever taken for one that succeeded?",
	Vary:     "bug-retry-sync",
	Cluster:  oneStream,
	Load:     standardLoad,
	Faults: func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		var p faults.Plan
		for n := range int64(4) {
			what := fmt.Sprint("round ", n)
			at := 5000 + n*8000
			// One disk fails, one is honest: the third member's copy is the one that must last.
			p.Faults = append(p.Faults,
				faults.Fault{At: at * ms, Kind: faults.Pause, Targets: one(faults.FollowerOf(ordersName, 2)), For: 2500 * ms},
				faults.Fault{At: (at + d.ms(what, 300, 1000)) * ms, Kind: faults.FailSync, Targets: one(faults.FollowerOf(ordersName, 1)), Sync: faults.SyncKeep},
				faults.Fault{At: (at + 2000 + d.ms(what+" power", 0, 300)) * ms, Kind: faults.Power, Targets: one(faults.Everyone()), For: d.ms(what+" for", 300, 1000) * ms, Keep: faults.KeepNone},
			)
		}
		return p
	},
	Duration: 50 * time.Second,
	Quiet:    12 * time.Second,
}
