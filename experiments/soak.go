package experiments

import (
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
)

// soak is for long ranges of seeds: each draws faults of its own kinds and intensity.
var soak = Experiment{
	Name:     "soak",
	Question: "Does any combination of faults break a promise? (run over many seeds)",
	Vary:     "seed",
	Cluster:  oneStream,
	Load:     standardLoad,
	Faults: func(key load.Key, c rundir.Cluster) faults.Plan {
		return faults.Generate(uint64(key), faults.GenOptions{
			Nodes: c.Nodes, Start: int64(4 * time.Second), End: int64(40 * time.Second), Streams: []string{ordersName},
		})
	},
	Duration: 55 * time.Second,
	Quiet:    14 * time.Second,
	Expect:   map[string]Expectation{"nats": {Violated: fallsWithDurability, Also: fallsWithDurability}},
}
