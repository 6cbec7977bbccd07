package scale

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/study"
)

// made is a table of costs in which value v of a factor has the processor time that cost gives.
func made(factorName, system string, values []int, cost func(v int) int64) *study.Rows {
	columns := Study.Tables[0].Columns
	var rows [][]string
	for _, v := range values {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = map[string]string{"factor": factorName, "system": system, "value": strconv.Itoa(v), "operations": "10", "busy_ns": strconv.FormatInt(10*cost(v), 10)}[c]
			if row[i] == "" {
				row[i] = "1"
			}
		}
		rows = append(rows, row)
	}
	return study.NewRows(columns, rows...)
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
