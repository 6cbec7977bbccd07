package experiments

import (
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/impl/kafka/offsets"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/spec"
)

// shipped is a stream with one consumer, as plain as logs of the Kafka protocol have it.
var shipped = rundir.Cluster{Nodes: 3, Streams: []load.StreamSpec{{Name: ordersName, Replicas: 3, Consumers: []load.ConsumerSpec{{Name: "SHIP"}}}}}

// shipLoad has producers, one consumer that is killed or stopped every few seconds, and one that reads along.
var shipLoad = load.Spec{Groups: []load.Group{
	{Name: "shop", Count: 4, PublishPerSecond: 50, ReadPerSecond: 10, Bytes: 128, LastPercent: 20},
	{
		Name: "ship", Count: 1, Work: &load.Work{Stream: ordersName, Consumer: "SHIP", ConfirmPercent: 40, WorkMS: 20},
		Moves: &load.Moves{EveryMS: 6000, DownMS: 400, CrashPercent: 70},
	},
	{Name: "audit", Count: 1, Follow: &load.Follow{Stream: ordersName}},
}}

// kafkaConsumers puts a consumer that commits what it has processed through a bad minute: the leaders of its records and of its offsets
// go, are cut off and stand still.
var kafkaConsumers = Experiment{
	Name:     "kafka-consumers",
	Question: "Does every record reach its consumer, in order, and is none passed over, when consumers and leaders of records and offsets fail?",
	Vary:     "profile", Profile: "kafka", Cluster: shipped, Load: shipLoad, Faults: offsetsTrouble,
	Duration: 86 * time.Second, Quiet: 26 * time.Second,
}

// offsetsTrouble is a bad minute for the leaders of a stream and of the committed offsets.
func offsetsTrouble(key load.Key, _ rundir.Cluster) faults.Plan {
	d := drawer{key}
	leader, coordinator := faults.LeaderOf(ordersName), faults.LeaderOf(offsets.Topic)
	return faults.Plan{Faults: []faults.Fault{
		{At: d.time("crash", 8, 10), Kind: faults.Crash, Targets: one(leader), For: d.time("crash for", 1, 3)},
		// Clients reach the coordinator, and it reaches nobody: what it is told it cannot keep.
		{At: d.time("cut", 21, 22), Kind: faults.Partition, Targets: []faults.Target{coordinator, faults.TheOthers()}, For: d.time("cut for", 10, 14)},
		{At: d.time("gone", 40, 41), Kind: faults.Crash, Targets: one(coordinator), For: d.time("gone for", 1, 3)},
		{At: d.time("pause", 52, 53), Kind: faults.Pause, Targets: one(coordinator), For: d.time("pause for", 2, 4)},
		{At: d.time("reset", 12, 50), Kind: faults.Reset, Targets: []faults.Target{faults.Everyone(), faults.EveryClient()}},
	}}
}

// kafkaAutoCommit has a slow consumer whose polls commit what the polls before them returned, processed or not, and that is killed.
var kafkaAutoCommit = Experiment{
	Name:     "kafka-auto-commit",
	Question: "Is a record that poll returned handled, when the consumer dies before it is done with it? (enable.auto.commit)",
	Vary:     "commit", Profile: "kafka", Set: []string{"commit=auto"}, Test: []spec.ID{spec.NothingSkipped},
	Cluster: shipped,
	Load: load.Spec{Groups: []load.Group{
		{Name: "shop", Count: 2, PublishPerSecond: 50, Bytes: 128},
		{
			// It polls on while it works: at least once is promised only to who does not.
			Name: "ship", Count: 1, Work: &load.Work{Stream: ordersName, Consumer: "SHIP", WorkMS: 1500},
			Moves: &load.Moves{EveryMS: 7000, DownMS: 300, CrashPercent: 100},
		},
	}},
	// Nothing has to fail but the consumer; connections break once.
	Faults: func(key load.Key, _ rundir.Cluster) faults.Plan {
		return faults.Plan{Faults: []faults.Fault{
			{At: drawer{key}.time("reset", 8, 36), Kind: faults.Reset, Targets: []faults.Target{faults.Everyone(), faults.EveryClient()}},
		}}
	},
	Duration: 50 * time.Second, Quiet: 10 * time.Second,
	Expect: map[string]Expectation{
		"kafka": {Violated: []spec.ID{spec.NothingSkipped}},
	},
}

// kafkaMutants are planted in the Kafka-style broker and its client.
var kafkaMutants = []Mutant{
	{
		ID: "commit-early", What: "A coordinator answers a commit before its replicas have it.",
		Set: "bug-commit-early=on", Experiment: "kafka-consumers", Breaks: []spec.ID{spec.AckIsFinal},
	},
	{
		ID: "committed-plus-one", What: "A consumer begins one record behind the committed offset.",
		Set: "bug-committed-plus-one=on", Experiment: "kafka-consumers", Breaks: []spec.ID{spec.AtLeastOnce, spec.NothingSkipped},
	},
}
