package core

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/study"
)

func TestEveryMessageOfCoreIsDeliveredOrMissing(t *testing.T) {
	w := way{name: "to three", subscribers: 3, node: 2}
	var out study.Output
	require.NoError(t, w.point(&study.Options{Hardware: "server"}, 1, 2000, 100*ms, &out))
	r := study.NewRows(Study.Tables[0].Columns, out.Rows["rates"]...)
	require.Zero(t, r.Int(0, "missing"))
	require.InEpsilon(t, r.Int(0, "messages")*10, r.Int(0, "achieved_per_s"), 0.05)
	require.Greater(t, r.Int(0, "p50_ns"), int64(50_000), "two hops of the network")
}
