package experiments

import (
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/spec"
)

// oneStream is the standard cluster: three nodes, one stream of three replicas.
var oneStream = rundir.Cluster{Nodes: 3, Streams: []load.StreamSpec{{Name: ordersName, Replicas: 3}}}

const ordersName = "ORDERS"

// standardLoad is eight clients with a hundred operations a second in all.
var standardLoad = load.Spec{Groups: []load.Group{{
	Name: "c", Count: 8, PublishPerSecond: 70, ReadPerSecond: 30, Bytes: 128, ConditionalPercent: 2, LastPercent: 20,
}}}

// wholeSystem is a stream of orders with a consumer, one of which only the newest messages of a subject stay, and a work queue that
// gives a message up after its fifth delivery.
var wholeSystem = rundir.Cluster{Nodes: 3, Streams: []load.StreamSpec{
	{Name: ordersName, Replicas: 3, DuplicateWindowMS: 60_000, Consumers: []load.ConsumerSpec{{Name: "SHIP", AckWaitMS: 2000, MaxPending: 40}}},
	{Name: "PRICES", Replicas: 3, MaxMsgsPerSubject: 3, AllowDirect: true},
	{Name: "TASKS", Replicas: 3, Retention: "workqueue", Consumers: []load.ConsumerSpec{{Name: "DO", AckWaitMS: 1500, MaxDeliver: 5}}},
}}

// wholeLoad uses all that the broker has: streams with expectations and deduplication, keys, a consumer; and core messaging with
// subscribers, a queue group, and services that move from node to node.
var wholeLoad = load.Spec{Groups: []load.Group{
	{Name: "shop", Count: 4, Streams: []string{ordersName}, PublishPerSecond: 40, ReadPerSecond: 15, ConditionalPercent: 5, IDPercent: 40, Retries: 4, RepeatPercent: 5, LastPercent: 20},
	{Name: "ship", Count: 3, Work: &load.Work{Stream: ordersName, Consumer: "SHIP", ConfirmPercent: 40, NakPercent: 4, NakDelayMS: 300, ForgetPercent: 3, WorkMS: 10}},
	{Name: "quote", Count: 2, Streams: []string{"PRICES"}, PublishPerSecond: 12, Keys: 3, SharedKeys: true, KeyConditionalPercent: 50, ReadPerSecond: 12, KeyPercent: 70, DirectPercent: 30},
	{Name: "planner", Count: 1, Streams: []string{"TASKS"}, PublishPerSecond: 6},
	{Name: "doer", Count: 1, Work: &load.Work{Stream: "TASKS", Consumer: "DO", ConfirmPercent: 50, NakPercent: 15, WorkMS: 5}},
	{Name: "sensor", Count: 2, Nodes: []int{1, 2}, Send: &load.Send{PerSecond: 40, Subjects: []string{"temp.hall", "temp.yard"}}},
	{Name: "screen", Count: 2, Nodes: []int{2, 3}, Subscribe: &load.Subscribe{Filters: []string{"temp.*"}}},
	{Name: "keeper", Count: 3, Nodes: []int{1, 2, 3}, Subscribe: &load.Subscribe{Filters: []string{"temp.>"}, Queue: "keepers"}},
	{Name: "asker", Count: 2, Nodes: []int{1, 3}, Request: &load.Request{PerSecond: 20, Subject: "svc.tax"}},
	{
		Name: "tax", Count: 2, Nodes: []int{1, 2}, Serve: &load.Serve{Subject: "svc.tax", Queue: "tax", WorkMS: 2},
		Moves: &load.Moves{EveryMS: 9000, DownMS: 400, CrashPercent: 40},
	},
}}

var quickstart = Experiment{
	Name:     "quickstart",
	Question: "Does the whole broker keep its promises through one bad minute?",
	Vary:     "profile",
	Cluster:  wholeSystem,
	Load:     wholeLoad,
	Faults:   badMinute,
	Duration: 74 * time.Second,
	Quiet:    24 * time.Second,
	Expect: map[string]Expectation{
		// All nodes lose power within the minute, and nothing was synced. What a consumer owes of a message that is lost is owed
		// of the one that has its number now.
		"nats": {Violated: durabilityLost, Also: append([]spec.ID{spec.NoFalseDuplicate, spec.ExpectedSequence, spec.AckFenced, spec.RedeliveryInTime}, fallsWithDurability...)},
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
