package experiments

import (
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
)

// oneStream is the standard cluster: three nodes, one stream of three replicas.
var oneStream = rundir.Cluster{Nodes: 3, Streams: []load.StreamSpec{{Name: ordersName, Replicas: 3}}}

const ordersName = "ORDERS"

// standardLoad is eight clients with a hundred operations a second in all.
var standardLoad = load.Spec{Groups: []load.Group{{
	Name: "c", Count: 8, PublishPerSecond: 70, ReadPerSecond: 30, Bytes: 128, ConditionalPercent: 2, LastPercent: 20,
}}}

var quickstart = Experiment{
	Name:     "quickstart",
	Question: "Does a replicated stream keep its promises through one bad minute?",
	Vary:     "profile",
	Cluster:  oneStream,
	Load:     standardLoad,
	Faults:   badMinute,
	Duration: 60 * time.Second,
	Quiet:    10 * time.Second,
	Expect: map[string]Expectation{
		// All nodes lose power within the minute, and nothing was synced.
		"nats": {Violated: durabilityLost, Also: fallsWithDurability},
	},
}

// badMinute is one of each fault that a cluster meets in its life, a few seconds apart; when
// exactly, and what a power failure leaves behind, are the seed's.
func badMinute(key load.Key, _ rundir.Cluster) faults.Plan {
	d := drawer{key}
	leader, follower := faults.LeaderOf(ordersName), faults.FollowerOf(ordersName, 1)
	return faults.Plan{Faults: []faults.Fault{
		{At: d.time("crash", 5, 7), Kind: faults.Crash, Targets: one(leader), For: d.time("crash for", 1, 3)},
		{At: d.time("power", 11, 13), Kind: faults.Power, Targets: one(follower), For: d.time("power for", 1, 3), Keep: d.keep("power keep"), Tear: true},
		{At: d.time("partition", 18, 20), Kind: faults.Partition, Targets: []faults.Target{leader, faults.TheOthers()}, For: d.time("partition for", 3, 5)},
		{At: d.time("cut", 26, 27), Kind: faults.Cut, Targets: []faults.Target{leader, follower}, For: d.time("cut for", 2, 4)},
		// An election timeout is 0.8 to 1.6 s.
		{At: d.time("pause", 32, 33), Kind: faults.Pause, Targets: one(leader), For: d.time("pause for", 3, 5)},
		{At: d.time("slow", 39, 40), Kind: faults.SlowDisk, Targets: one(leader), For: d.time("slow for", 2, 4), Amount: 20},
		{At: d.time("blackout", 45, 46), Kind: faults.Power, Targets: one(faults.Everyone()), For: d.time("blackout for", 1, 2), Keep: d.keep("blackout keep"), Tear: true},
	}}
}

func one(t faults.Target) []faults.Target { return []faults.Target{t} }

// drawer draws the details of a plan, each by its name.
type drawer struct{ key load.Key }

// time is between two numbers of seconds, in whole milliseconds, so that plans are readable.
func (d drawer) time(what string, from, to int64) int64 {
	return d.ms(what, from*1000, to*1000) * ms
}

// ms is between two whole numbers, both included: of milliseconds, or of anything.
func (d drawer) ms(what string, from, to int64) int64 {
	return from + int64(d.key.Sub(what).Below(0, uint64(to-from)+1))
}

// keep is one way for a power failure to resolve what was not synced.
func (d drawer) keep(what string) faults.Keep {
	all := [...]faults.Keep{faults.KeepNone, faults.KeepPrefix, faults.KeepSubset, faults.KeepLast, faults.KeepMetadata, faults.KeepData, faults.KeepAny}
	return all[d.key.Sub(what).Below(0, uint64(len(all)))]
}
