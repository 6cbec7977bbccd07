package experiments

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/spec"
)

// keptSeeds once found a defect, of the broker or of a judge. What was wrong is in each name; all hold now.
var keptSeeds = []struct {
	name       string
	experiment string
	seed       rundir.Seed
	set        []string
}{
	{"a message whose last delivery was lost with the leader that counted it is owed none (judge)", "consumer-redelivery", 0x6b, nil},
	{"nor is one that was naked before that (judge)", "consumer-redelivery", 0x285, nil},
	{"nor one whose leader lost power (judge)", "consumer-redelivery", 0x31c, nil},
	{"a member that asked anew may be chosen, whatever became of what it had asked for before (judge)", "location-transparency", 0x206, nil},
	{"a fetch that another leader is said to have ended may still be answered: what comes is no later fetch's", "exactly-once", 0x16, nil},
	{"a leader that is not sure asks others before it hands out what it counted, though it answers reads by itself", "exactly-once", 0x4, []string{"read=local"}},
}

func TestKeptSeedsHold(t *testing.T) {
	for _, k := range keptSeeds {
		t.Run(k.name, func(t *testing.T) {
			res := runSeed(t, k.experiment, k.seed, Options{Set: k.set})
			require.Equal(t, spec.Holds, res.Manifest.Verdict, "%s\nrepeat: brokerlab run %s --seed %s", res.Sentence(), k.experiment, k.seed)
		})
	}
}

// A log that was cut below a checkpoint under way went on from there when that was durable, and the next entry found no place.
func TestALogThatWasCutBelowACheckpointUnderWayGoesOn(t *testing.T) {
	res := runSeed(t, "soak", 0x14, Options{Profile: "nats"})
	for _, v := range res.Report.Verdicts {
		if v.Guarantee == spec.NoCrash {
			require.Equal(t, spec.Holds, v.Value, v.Sentence)
		}
	}
	require.Positive(t, res.Manifest.Totals.Covered.Checkpoints)
}
