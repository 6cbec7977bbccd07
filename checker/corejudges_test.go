package checker

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/spec"
)

var coreIDs = []spec.ID{
	spec.CoreNoPhantom, spec.CoreAtMostOnce, spec.CoreOrder, spec.CoreNoGap, spec.CoreNoMiss, spec.QueueOne, spec.QueueServed,
	spec.ReplyCorrelates, spec.NoRespondersTrue, spec.RequestAnswered, spec.CoreProgress,
}

// coreOptions judge the histories of coreWorld, whose peace lasts ten seconds.
var coreOptions = Options{Only: coreIDs, ProgressBound: 1_500_000_000}

func TestSoundCoreMessagingIsNeverAccused(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 300
	}
	given := map[spec.ID]map[spec.Verdict]int{}
	for seed := range n {
		h := coreHistory(rand.New(rand.NewPCG(uint64(seed), 41)), 200+seed%600)
		for _, v := range Run(h, coreOptions).Verdicts {
			require.NotEqual(t, spec.Violated, v.Value, "seed %d: %s: %s", seed, v.Guarantee, v.Sentence)
			if given[v.Guarantee] == nil {
				given[v.Guarantee] = map[spec.Verdict]int{}
			}
			given[v.Guarantee][v.Value]++
		}
	}
	for _, id := range coreIDs {
		require.Greater(t, given[id][spec.Holds], n/3, "%s is hardly put to the test: %v", id, given[id])
	}
}
