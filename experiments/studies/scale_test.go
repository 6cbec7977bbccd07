package studies

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/figures"
)

// made is a table of costs in which value v of a factor has the processor time that cost gives.
func made(factorName, system string, values []int, cost func(v int) int64) *Rows {
	r := &Rows{Columns: scale.Tables[0].Columns}
	for _, v := range values {
		row := make([]string, len(r.Columns))
		for i, c := range r.Columns {
			row[i] = map[string]string{"factor": factorName, "system": system, "value": strconv.Itoa(v), "operations": "10", "busy_ns": strconv.FormatInt(10*cost(v), 10)}[c]
			if row[i] == "" {
				row[i] = "1"
			}
		}
		r.rows = append(r.rows, row)
	}
	return r
}

func TestALawIsFoundInATableThatFollowsIt(t *testing.T) {
	f, k := findFactor("subscribers"), &costs[0]
	line := lawOf(made("subscribers", "reference", []int{1, 10, 100, 1000}, func(v int) int64 { return 700 + 30*int64(v) }), f, k, "reference")
	require.InDelta(t, 700, line.line.Base, 1)
	require.InDelta(t, 30, line.line.Slope, 0.01)
	require.Greater(t, line.line.R2, 0.999)
	square := lawOf(made("subscribers", "reference", []int{1, 10, 100, 1000}, func(v int) int64 { return 5 * int64(v) * int64(v) }), f, k, "reference")
	require.InDelta(t, 2, square.exponent, 0.001)
	require.Greater(t, square.r2, 0.999)
	require.Less(t, square.line.R2, 0.98, "no line fits a parabola")
	require.InDelta(t, 1e6, square.grown(), 1)
	flat := lawOf(made("subscribers", "reference", []int{1, 10, 100}, func(int) int64 { return 50 }), f, k, "reference")
	require.Equal(t, []string{"0", "–", "–", "–", "–"}, flat.words(k))
}

func TestALineIsFittedByRelativeErrors(t *testing.T) {
	f := fitLine([]figures.XY{{X: 0, Y: 100}, {X: 1, Y: 110}, {X: 1000, Y: 10_300}})
	require.InDelta(t, 100, f.Base, 2, "large values do not drown the base")
}
