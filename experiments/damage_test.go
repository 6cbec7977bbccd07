package experiments

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/spec"
)

// damageWithoutEnd strikes one node after the other, whether those before are back or not.
func damageWithoutEnd(key load.Key, c rundir.Cluster) faults.Plan {
	var p faults.Plan
	for at, n := int64(5000), 0; at < 52_000; n++ {
		d := drawer{key.Sub(fmt.Sprint("round ", n))}
		harm := damage(d, faults.Node(1+machine.NodeID(d.ms("who", 0, int64(c.Nodes)-1))), at*ms)
		last := &harm[len(harm)-1]
		p.Faults = append(p.Faults, harm...)
		p.Faults = append(p.Faults, troubleReturning(d, c, last.At+last.For)...)
		at += d.ms("gap", 1300, 6000)
	}
	return p
}

func TestMoreDamageThanAMajorityCanSpareStopsAClusterAndMakesItSayNothingWrong(t *testing.T) {
	e := damagedLogs
	e.Faults = damageWithoutEnd
	stopped := 0
	for seed := rundir.Seed(1); seed <= 8; seed++ {
		c, err := e.Config(seed, Options{})
		require.NoError(t, err)
		res, err := Execute(c, nil)
		require.NoError(t, err)
		require.Empty(t, res.Manifest.Violated, "seed %s: %s", seed, res.Sentence())
		if res.Manifest.Verdict == spec.Unknown {
			stopped++ // and nobody could read the end
		}
	}
	require.NotZero(t, stopped, "no cluster lost more than it could spare")
}
