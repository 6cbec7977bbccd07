package experiments

import (
	"fmt"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// threeNodes is a cluster without streams: core messaging needs none.
var threeNodes = rundir.Cluster{Nodes: 3}

// coreAtMostOnce counts what core messaging loses, by cause, the more the more goes wrong.
var coreAtMostOnce = Experiment{
	Name:     "core-at-most-once",
	Question: "How many core messages are lost, and why, and is any delivered twice or out of its publisher's order?",
	Vary:     "intensity of the faults (0 to 4, by seed)",
	Cluster:  rundir.Cluster{Nodes: 3, Limits: rundir.Limits{PendingBytes: 64 << 10}},
	Load: load.Spec{Groups: []load.Group{
		{Name: "camera", Count: 1, Nodes: []int{1}, Send: &load.Send{PerSecond: 30, Bytes: 8192, Subjects: []string{"film"}}},
		{Name: "ticker", Count: 3, Nodes: []int{1, 2, 3}, Send: &load.Send{PerSecond: 90, Subjects: []string{"tick.a", "tick.b", "tick.c"}}},
		{Name: "screen", Count: 3, Nodes: []int{1, 2, 3}, Subscribe: &load.Subscribe{Filters: []string{"tick.>"}}},
		{Name: "churn", Count: 2, Nodes: []int{1, 2}, Subscribe: &load.Subscribe{Filters: []string{"tick.a", "tick.*"}, ChurnEveryMS: 4000, ChurnOffMS: 500}},
		{Name: "slow", Count: 1, Nodes: []int{3}, Subscribe: &load.Subscribe{Filters: []string{"film"}, StallEveryMS: 6000, StallMS: 3000}},
	}},
	Graded:   coreTrouble,
	Levels:   5,
	Duration: 56 * time.Second,
	Quiet:    24 * time.Second,
}

// coreTrouble is as many rounds of faults as the seed's intensity says, each one of everything that can come between a publisher
// and a subscriber.
func coreTrouble(key load.Key, c rundir.Cluster, level int) faults.Plan {
	d := drawer{key}
	var p faults.Plan
	node := func(what string) faults.Target {
		return faults.Node(1 + machine.NodeID(d.ms(what, 0, int64(c.Nodes)-1)))
	}
	for n := range int64(level) {
		what := fmt.Sprint("round ", n)
		at := (5000 + n*5500 + d.ms(what, 0, 800)) * ms
		p.Faults = append(p.Faults,
			faults.Fault{At: at, Kind: faults.Partition, Targets: []faults.Target{node(what + " apart"), faults.TheOthers()}, For: d.ms(what+" for", 800, 4500) * ms},
			faults.Fault{At: at + 2600*ms, Kind: faults.Crash, Targets: one(node(what + " crash")), For: d.ms(what+" down", 200, 1200) * ms},
			faults.Fault{At: at + 4200*ms, Kind: faults.Reset, Targets: []faults.Target{node(what + " reset"), faults.EveryClient()}},
			faults.Fault{At: at + 4800*ms, Kind: faults.Pause, Targets: one(node(what + " pause")), For: d.ms(what+" paused", 200, 1500) * ms},
		)
	}
	return p
}

// locationTransparency moves services between nodes while partitions come and go; no client is told where they are.
var locationTransparency = Experiment{
	Name:     "location-transparency",
	Question: "Are requests answered while services restart on other nodes and partitions come and go, with no client reconfigured?",
	Vary:     "intensity of the faults (0 to 4, by seed)",
	Cluster:  threeNodes,
	Load: load.Spec{Groups: []load.Group{
		{Name: "asker", Count: 3, Nodes: []int{1, 2, 3}, Request: &load.Request{PerSecond: 60, Subject: "svc.price"}},
		{
			Name: "price", Count: 3, Nodes: []int{1, 2, 3}, Serve: &load.Serve{Subject: "svc.price", Queue: "price", WorkMS: 2},
			Moves: &load.Moves{EveryMS: 5000, DownMS: 400, CrashPercent: 40},
		},
	}},
	Graded:   coreTrouble,
	Levels:   5,
	Duration: 56 * time.Second,
	Quiet:    24 * time.Second,
}

// queueGroups share work between members on all nodes who come, go and are cut off.
var queueGroups = Experiment{
	Name:     "queue-groups",
	Question: "Does each message go to one member of a queue group, whatever comes between them?",
	Vary:     "intensity of the faults (0 to 4, by seed)",
	Cluster:  threeNodes,
	Load: load.Spec{Groups: []load.Group{
		{Name: "order", Count: 3, Nodes: []int{1, 2, 3}, Send: &load.Send{PerSecond: 90, Subjects: []string{"order.eu", "order.us"}}},
		{Name: "pack", Count: 4, Nodes: []int{1, 1, 2, 3}, Subscribe: &load.Subscribe{Filters: []string{"order.*"}, Queue: "packers", ChurnEveryMS: 7000, ChurnOffMS: 400}},
		{Name: "bill", Count: 2, Nodes: []int{2, 3}, Subscribe: &load.Subscribe{Filters: []string{"order.eu"}, Queue: "billers"}},
		{Name: "audit", Count: 1, Nodes: []int{1}, Subscribe: &load.Subscribe{Filters: []string{"order.>"}}},
	}},
	Graded:   coreTrouble,
	Levels:   5,
	Duration: 56 * time.Second,
	Quiet:    24 * time.Second,
}
