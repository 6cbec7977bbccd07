package experiments

import (
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/spec"
)

// durabilityLost is what a power failure breaks where acknowledged does not mean synced;
// fallsWithDurability takes the same for granted.
var (
	durabilityLost      = []spec.ID{spec.NoAckedLoss}
	fallsWithDurability = []spec.ID{
		spec.NoAckedLoss, spec.NoAbortedRead, spec.OffsetConsistency, spec.LinearizableLog, spec.LinearizableWrites, spec.ReplicaAgreement,
		spec.OneVotePerTerm, spec.OneLeaderPerTerm, spec.LogMatching, spec.AppliedAgreement, spec.LeaderCompleteness,
		spec.PublishProgress, spec.MonotonicReads, spec.DirectRead, spec.RemovalByRule, spec.NoDoubleStore, spec.AckIsFinal,
		spec.AtLeastOnce, spec.FirstOrder, spec.ConsumerNoPhantom, spec.ConsumerProgress,
	}
)

// powerLoss is nats-server#7564 (field report: Jepsen, NATS 2.12.1): with the default sync
// interval an acknowledgement means that a quorum holds the message in memory.
var powerLoss = Experiment{
	Name:     "power-loss",
	Question: "Does an acknowledged message survive when all nodes lose power at once? (nats-server#7564)",
	Vary:     "sync",
	Cluster:  oneStream,
	Load:     standardLoad,
	Faults: func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		dark := d.time("blackout", 12, 18)
		return faults.Plan{Faults: []faults.Fault{
			// Slow disks keep many publishes between written and synced when the lights go out.
			{At: dark - 1000*ms, Kind: faults.SlowDisk, Targets: one(faults.Everyone()), For: 1000 * ms, Amount: 200},
			{At: dark, Kind: faults.Power, Targets: one(faults.Everyone()), For: d.time("blackout for", 1, 3), Keep: d.keep("keep"), Tear: true},
		}}
	},
	Duration: 35 * time.Second,
	Quiet:    12 * time.Second,
	Expect:   map[string]Expectation{"nats": {Violated: durabilityLost, Also: fallsWithDurability}},
}

// pauseThenPowerLoss is nats-server#7567: one power failure of a single node, and pauses, are
// enough. A follower sleeps while the other two acknowledge; one of these loses power and comes back
// without what it had; then its partner sleeps and the first one wakes. The two form a majority that has never
// seen the acknowledged messages, and writes over them.
var pauseThenPowerLoss = Experiment{
	Name:     "pause-then-power-loss",
	Question: "Do replicas stay equal when one node loses power while others pause? (nats-server#7567)",
	Vary:     "sync",
	Cluster:  oneStream,
	Load:     standardLoad,
	Faults:   pauseKill,
	Duration: 50 * time.Second,
	Quiet:    12 * time.Second,
	Expect:   map[string]Expectation{"nats": {Violated: []spec.ID{spec.NoAckedLoss, spec.ReplicaAgreement}, Also: fallsWithDurability}},
}

func pauseKill(key load.Key, _ rundir.Cluster) faults.Plan {
	d := drawer{key}
	asleep := d.time("asleep", 8, 9)
	lost := d.time("lost", 18, 20)
	swap := lost + d.time("swap", 0, 1) + int64(200*time.Millisecond)
	back := swap + int64(300*time.Millisecond) // after the rest has gone to sleep
	return faults.Plan{Faults: []faults.Fault{
		{At: asleep, Kind: faults.Pause, Targets: one(faults.FollowerOf(ordersName, 1)), For: swap + int64(100*time.Millisecond) - asleep},
		{At: lost, Kind: faults.Power, Targets: one(faults.FollowerOf(ordersName, 2)), For: back - lost, Keep: faults.KeepNone},
		{At: swap, Kind: faults.Pause, Targets: one(faults.LeaderOf(ordersName)), For: d.time("rest", 10, 14)},
	}}
}
