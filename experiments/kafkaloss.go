package experiments

import (
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/spec"
)

// The known weaknesses of Kafka's replication, each by the settings under which it shows. With the settings that Kafka's
// documents recommend (acks=all, min.insync.replicas=2, ELR, no unclean election) the same faults lose nothing, except
// where every copy of a record goes with the power.

// plainLoad is standardLoad without what only streams have.
var plainLoad = load.Spec{Groups: []load.Group{{Name: "c", Count: 8, PublishPerSecond: 70, ReadPerSecond: 30, Bytes: 128, LastPercent: 20}}}

// lostWithTheLog is what may fall when acknowledged records are gone and their offsets given again.
var lostWithTheLog = []spec.ID{
	spec.NoAckedLoss, spec.NoAbortedRead, spec.OffsetConsistency, spec.LinearizableLog, spec.LinearizableWrites, spec.ReplicaAgreement, spec.PublishProgress,
}

func kafkaLoss(name, question string, set []string, faultsOf func(key load.Key, c rundir.Cluster) faults.Plan) Experiment {
	return Experiment{
		Name: name, Question: question, Vary: "settings", Profile: "kafka", Set: set, Test: []spec.ID{spec.NoAckedLoss},
		Cluster: oneStream, Load: plainLoad, Faults: faultsOf, Duration: 84 * time.Second, Quiet: 26 * time.Second,
		Expect: map[string]Expectation{"kafka": {Violated: []spec.ID{spec.NoAckedLoss}, Also: lostWithTheLog}},
	}
}

// kafkaAcksOne: the leader acknowledges from its own page cache, is cut off, and is never heard of again in time.
var kafkaAcksOne = kafkaLoss("kafka-acks-one", "Does a record that the leader alone acknowledged survive the leader? (acks=1)",
	[]string{"acks=1"}, func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		at := d.time("cut", 14, 18)
		return faults.Plan{Faults: []faults.Fault{
			{At: at, Kind: faults.Partition, Targets: []faults.Target{faults.LeaderOf(ordersName), faults.FollowersOf(ordersName)}, For: 1000 * ms},
			{At: at + d.ms("dies", 200, 900)*ms, Kind: faults.Crash, Targets: one(faults.LeaderOf(ordersName)), For: 20_000 * ms},
		}}
	})

// fiveNodes leave a majority of controllers when two of three replicas are down.
var fiveNodes = rundir.Cluster{Nodes: 5, Streams: []load.StreamSpec{{Name: ordersName, Replicas: 3}}}

func onFive(e Experiment) Experiment {
	e.Cluster = fiveNodes
	return e
}

// kafkaUnclean: the only replica in sync goes, and one that is behind is elected.
var kafkaUnclean = onFive(kafkaLoss("kafka-unclean-election", "What does it cost to elect a replica that is not in sync? (unclean.leader.election.enable)",
	[]string{"unclean=on", "elr=off", "min-isr=1"}, func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		at := d.time("away", 12, 14)
		alone := at + d.time("alone", 14, 16)
		return faults.Plan{Faults: []faults.Fault{
			// Both followers leave; the leader goes on alone, and then goes as they return.
			{At: at, Kind: faults.Crash, Targets: one(faults.FollowersOf(ordersName)), For: alone - at},
			{At: alone, Kind: faults.Crash, Targets: one(faults.LeaderOf(ordersName)), For: 25_000 * ms},
		}}
	}))

// kafkaLastReplica: followers leave one after the other, the last replica of the ISR loses power and what it had not synced,
// and comes back as the one that everybody follows (KIP-966).
var kafkaLastReplica = onFive(kafkaLoss("kafka-last-replica", "What does the last replica standing lose for everybody? (KIP-966: ELR off)",
	[]string{"elr=off"}, func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		first := d.time("first", 10, 12)
		second := first + d.time("second", 1, 2)
		dark := second + d.time("dark", 13, 14)
		back := dark + 14_000*ms
		return faults.Plan{Faults: []faults.Fault{
			// They are cut off and not restarted: ELR takes a restart without a clean shutdown for a loss, too.
			{At: first, Kind: faults.Partition, Targets: []faults.Target{faults.FollowerOf(ordersName, 1), faults.TheOthers()}, For: back - first},
			{At: second, Kind: faults.Partition, Targets: []faults.Target{faults.FollowerOf(ordersName, 2), faults.TheOthers()}, For: back + 2000*ms - second},
			{At: dark, Kind: faults.Power, Targets: one(faults.LeaderOf(ordersName)), For: 1000 * ms, Keep: faults.KeepNone},
		}}
	}))

// kafkaPowerLoss: every copy of a record is in a page cache when the power goes.
var kafkaPowerLoss = kafkaLoss("kafka-power-loss", "Does an acknowledged record survive when all nodes lose power at once? (flush.messages unset)",
	nil, func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		return faults.Plan{Faults: []faults.Fault{
			{At: d.time("blackout", 14, 24), Kind: faults.Power, Targets: one(faults.Everyone()), For: d.time("blackout for", 1, 3), Keep: d.keep("keep"), Tear: true},
		}}
	})

// kafkaMinute is the bad minute of quickstart, without what no page cache survives: all nodes' power.
var kafkaMinute = Experiment{
	Name:     "kafka-bad-minute",
	Question: "Does a Kafka-style log with recommended settings keep its promises while nodes crash, pause and are cut off?",
	Vary:     "profile", Profile: "kafka", Cluster: oneStream, Load: plainLoad,
	Faults: func(key load.Key, c rundir.Cluster) faults.Plan {
		p := badMinute(key, c)
		for i := range p.Faults {
			p.Faults[i].At += 6000 * ms
		}
		p.Faults = p.Faults[:len(p.Faults)-1]
		return p
	},
	Duration: 84 * time.Second, Quiet: 26 * time.Second,
}
