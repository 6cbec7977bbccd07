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

// smallLimits make checkpoints, freed logs and snapshots happen within seconds, so that what a node loses is
// in a segment, a block or a checkpoint, and what it lacks comes as a snapshot.
var smallLimits = rundir.Limits{SegmentBytes: 1 << 15, BlockBytes: 1 << 14, CacheBytes: 1 << 12, TailBytes: 1 << 13, KeepBytes: 1 << 11}

// damagedLogs takes from one node after the other what it had synced: bits of its log or of its blocks, the end of a file,
// or its whole disk. Each has the time to come back before the next is struck, and is struck again by honest trouble
// while it does. Of five nodes two may be struck at once: a minority still.
var damagedLogs = Experiment{
	Name:     "damaged-logs",
	Question: "Does a node that loses what it had synced come back, and is anything acknowledged lost with it? (nats-server#7549)",
	Vary:     "damage",
	Cluster:  damagedCluster(3),
	Shape: func(key load.Key) (rundir.Cluster, load.Spec) {
		return damagedCluster(int(drawer{key}.of("nodes", 3, 3, 5))), damagedLoad
	},
	Load:     damagedLoad,
	Faults:   damageOneByOne,
	Duration: 75 * time.Second,
	Quiet:    15 * time.Second,
	Expect:   map[string]Expectation{"nats": {Violated: durabilityLost, Also: fallsWithDurability}},
}

// bitRot is nats-server#7549, with no power failure: one follower is cut off while the other two acknowledge; a bit of the
// other follower's log flips, and its process starts again as the leader falls asleep. A node that cuts its log at the
// hole and votes on makes a majority with the one that never had what was acknowledged.
var bitRot = Experiment{
	Name:     "bit-rot",
	Question: "Does one flipped bit in one log lose what was acknowledged? (nats-server#7549)",
	Vary:     "damage",
	Cluster:  oneStream,
	Load:     standardLoad,
	Faults: func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		first, second := faults.FollowerOf(ordersName, 1), faults.FollowerOf(ordersName, 2)
		alone := d.time("alone", 7, 9)
		rot := d.time("rot", 15, 17)
		return faults.Plan{Faults: []faults.Fault{
			{At: alone, Kind: faults.Partition, Targets: []faults.Target{first, faults.TheOthers()}, For: rot + 400*ms - alone},
			{At: rot, Kind: faults.Rot, Targets: one(second), In: "wal"},
			{At: rot + 100*ms, Kind: faults.Crash, Targets: one(second), For: 500 * ms},
			{At: rot + 200*ms, Kind: faults.Pause, Targets: one(faults.LeaderOf(ordersName)), For: d.time("asleep", 6, 9)},
		}}
	},
	Duration: 45 * time.Second,
	Quiet:    12 * time.Second,
	Expect:   map[string]Expectation{"nats": {Violated: []spec.ID{spec.NoAckedLoss}, Also: fallsWithDurability}},
}

// wipedDisk replaces a follower's disk while the other follower is cut off, and the leader falls asleep: a vote of the
// empty disk would make a leader of the one that never had what was acknowledged. With every other seed it replaces
// the disk of a node that has come back from the same before: let in under the id that its second disk had, it would
// have forgotten what the leader knows it to hold.
var wipedDisk = Experiment{
	Name:     "wiped-disk",
	Question: "Does a node whose disk was replaced vote for what it does not know?",
	Vary:     "bug-wiped-votes",
	Cluster:  oneStream,
	Load:     standardLoad,
	Faults: func(key load.Key, _ rundir.Cluster) faults.Plan {
		d := drawer{key}
		first, second := faults.FollowerOf(ordersName, 1), faults.FollowerOf(ordersName, 2)
		wiped := d.time("wiped", 18, 20)
		again := faults.Fault{At: wiped, Kind: faults.Wipe, Targets: one(second), For: d.ms("wiped for", 50, 800) * ms}
		if d.of("twice", 0, 1) == 1 {
			return faults.Plan{Faults: []faults.Fault{{At: d.time("before", 5, 6), Kind: faults.Wipe, Targets: one(second), For: 500 * ms}, again}}
		}
		alone := d.time("alone", 13, 14)
		return faults.Plan{Faults: []faults.Fault{
			{At: alone, Kind: faults.Partition, Targets: []faults.Target{first, faults.TheOthers()}, For: wiped + 250*ms - alone},
			again,
			{At: wiped + 50*ms, Kind: faults.Pause, Targets: one(faults.LeaderOf(ordersName)), For: d.time("asleep", 7, 10)},
		}}
	},
	Duration: 55 * time.Second,
	Quiet:    15 * time.Second,
	Expect:   map[string]Expectation{"nats": {Violated: []spec.ID{spec.NoAckedLoss}, Also: fallsWithDurability}},
}

var damagedLoad = load.Spec{Groups: []load.Group{{Name: "c", Count: 6, PublishPerSecond: 60, ReadPerSecond: 20, Bytes: 200, LastPercent: 20}}}

// damagedCluster has its streams on all of its nodes: what strikes a minority of them strikes one of every stream's replicas.
func damagedCluster(nodes int) rundir.Cluster {
	return rundir.Cluster{
		Nodes: nodes, Streams: []load.StreamSpec{{Name: ordersName, Replicas: nodes}, {Name: "AUDIT", Replicas: nodes}}, Limits: smallLimits,
	}
}

const (
	damageRounds = 5
	damageEvery  = 11_000
)

func damageOneByOne(key load.Key, c rundir.Cluster) faults.Plan {
	var p faults.Plan
	for n := range int64(damageRounds) {
		d := drawer{key.Sub(fmt.Sprint("round ", n))}
		at := (5000 + n*damageEvery + d.ms("at", 0, 1000)) * ms
		first := d.ms("who", 0, int64(c.Nodes)-1)
		who := faults.Node(1 + machine.NodeID(first))
		switch {
		case c.Nodes >= 5 && d.of("two", 0, 1) == 1:
			second := (first + 1 + d.ms("second", 0, int64(c.Nodes)-2)) % int64(c.Nodes)
			p.Faults = append(p.Faults, damage(drawer{d.key.Sub("second")}, faults.Node(1+machine.NodeID(second)), at+d.ms("later", 0, 2000)*ms)...)
		case d.of("leads", 0, 0, 1) == 1:
			who = faults.LeaderOf(c.Streams[d.ms("leads what", 0, int64(len(c.Streams))-1)].Name)
		}
		harm := damage(d, who, at)
		p.Faults = append(p.Faults, harm...)
		last := &harm[len(harm)-1]
		p.Faults = append(p.Faults, troubleReturning(d, c, last.At+last.For)...)
	}
	return p
}

// damage takes something from a node and has it start again.
func damage(d drawer, who faults.Target, at int64) []faults.Fault {
	away := d.ms("away", 50, 1500) * ms
	strike := func(kind faults.Kind, in string, last bool) []faults.Fault {
		f := faults.Fault{At: at, Kind: kind, Targets: one(who), In: in, Last: last}
		if kind != faults.Rot {
			f.For = away
			return []faults.Fault{f}
		}
		end := faults.Fault{At: at + d.ms("found", 0, 300)*ms, Kind: faults.Crash, Targets: one(who), For: away}
		if d.of("found how", 0, 1) == 1 {
			end.Kind, end.Keep, end.Tear = faults.Power, d.keep("keep"), true
		}
		return []faults.Fault{f, end}
	}
	switch d.of("what", 0, 0, 0, 1, 1, 2, 3, 4) {
	case 0:
		return []faults.Fault{{At: at, Kind: faults.Wipe, Targets: one(who), For: away}}
	case 1:
		return strike(faults.Rot, "wal", false)
	case 2:
		return strike(faults.Lose, "wal", false)
	case 3:
		return strike(faults.Rot, "streams", true)
	}
	return strike(faults.Lose, "streams", true)
}

// troubleReturning is what else befalls a cluster while one of its nodes comes back: nothing, or honest
// failures of power, leaders and links.
func troubleReturning(d drawer, c rundir.Cluster, back int64) []faults.Fault {
	var out []faults.Fault
	for n := range d.of("troubles", 0, 0, 1, 2, 3) {
		d := drawer{d.key.Sub(fmt.Sprint("trouble ", n))}
		f := faults.Fault{At: back + d.ms("at", 0, 2500)*ms, For: d.ms("for", 20, 1200) * ms, Targets: one(faults.Node(1 + machine.NodeID(d.ms("who", 0, int64(c.Nodes)-1))))}
		leader := one(faults.LeaderOf([]string{faults.Meta, c.Streams[0].Name, c.Streams[1].Name}[d.ms("of", 0, 2)]))
		switch d.of("what", 0, 1, 2, 3, 4, 5) {
		case 0:
			f.Kind, f.Keep, f.Tear = faults.Power, d.keep("keep"), true
		case 1:
			f.Kind, f.Keep, f.Tear, f.Targets = faults.Power, d.keep("keep"), true, one(faults.Everyone())
		case 2:
			f.Kind, f.Targets = faults.Crash, leader
		case 3:
			f.Kind, f.Targets = faults.Pause, leader
		case 4:
			f.Kind, f.Targets = faults.Partition, []faults.Target{f.Targets[0], faults.TheOthers()}
		case 5:
			f.Kind, f.Amount = faults.SlowDisk, d.of("slow", 20, 200)
		}
		out = append(out, f)
	}
	return out
}
