package studies

import (
	"cmp"
	"slices"

	"github.com/brokerlab/brokerlab/experiments/studies/collectors"
	"github.com/brokerlab/brokerlab/experiments/studies/core"
	"github.com/brokerlab/brokerlab/experiments/studies/durability"
	"github.com/brokerlab/brokerlab/experiments/studies/failover"
	"github.com/brokerlab/brokerlab/experiments/studies/memory"
	"github.com/brokerlab/brokerlab/experiments/studies/pauses"
	"github.com/brokerlab/brokerlab/experiments/studies/scale"
	"github.com/brokerlab/brokerlab/experiments/studies/throughput"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// All lists the studies by name.
func All() []study.Study {
	all := []study.Study{
		failover.Availability, collectors.Study, core.Study, failover.Study, durability.Study, memory.Study, pauses.Elections, pauses.Tail, scale.Study, throughput.Study,
	}
	slices.SortFunc(all, func(a, b study.Study) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Find returns a study by name; ok is false if there is none.
func Find(name string) (study.Study, bool) {
	all := All()
	i := slices.IndexFunc(all, func(s study.Study) bool { return s.Name == name })
	if i < 0 {
		return study.Study{}, false
	}
	return all[i], true
}
