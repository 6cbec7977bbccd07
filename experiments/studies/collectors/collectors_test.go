package collectors

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/sim/host"
)

// table is the points of all cases, each column 0 but for what set gives it.
func table(set func(k *gcCase, column string) int64) *study.Rows {
	columns := Study.Tables[0].Columns
	var rows [][]string
	for _, k := range gcCases() {
		row := []string{k.Name, k.Design, k.gc, fmt.Sprint(k.cores)}
		for _, c := range columns[4:] {
			row = append(row, fmt.Sprint(set(&k, c)))
		}
		rows = append(rows, row)
	}
	return study.NewRows(columns, rows...)
}

var onServer = &study.Tables{Study: Study, Options: study.Options{Size: study.Small, Hardware: "server"}}

// One seed's tail is luck; five have an interval.
func TestTailsAreComparedWhereThereAreSeedsEnough(t *testing.T) {
	seeds := func(n int) *study.Rows {
		var rows [][]string
		for _, k := range gcCases() {
			for range n {
				row := []string{k.Name, k.Design, k.gc, fmt.Sprint(k.cores)}
				for range Study.Tables[0].Columns[4:] {
					row = append(row, fmt.Sprint(k.cores))
				}
				rows = append(rows, row)
			}
		}
		return study.NewRows(Study.Tables[0].Columns, rows...)
	}
	require.Contains(t, tails(seeds(4)), "not compared")
	require.Contains(t, tails(seeds(5)), "×0.25 (0.25 to 0.25) on two")
}

// 100 MB/s at 0.3 ns a byte over GOGC 100 and 8 cores: 3750 ppm, less what allocating while it marks puts off.
func TestTheShareOfTheFormula(t *testing.T) {
	share := func(k *gcCase, ppm float64) int64 {
		f := 0.3e-9 * 100e6 / (float64(k.GOGC) / 100 * float64(k.cores))
		return int64(ppm * f / (1 + 4*f*float64(k.GOGC)/100))
	}
	check := func(scale float64, only string) bool {
		c, err := shareCheck(onServer, table(func(k *gcCase, column string) int64 {
			switch {
			case column == "allocated_per_s_bytes":
				return 100_000_000
			case column == "marks":
				return 1000
			case column == "collector_ppm_of_cores" && k.GOGC > 0 && (only == "" || k.gc == only):
				return share(k, scale*1e6)
			case column == "collector_ppm_of_cores" && k.GOGC > 0:
				return share(k, 1e6)
			}
			return 0
		}))
		require.NoError(t, err)
		return c.Holds
	}
	require.True(t, check(1, ""))
	require.True(t, check(1.09, ""))
	require.False(t, check(1.12, ""))
	require.False(t, check(0.88, ""))
	require.False(t, check(1.12, "Go, GOGC 50"), "one that does not is enough")
	require.False(t, check(0, ""))
	c, err := shareCheck(onServer, table(func(*gcCase, string) int64 { return 0 }))
	require.NoError(t, err)
	require.False(t, c.Holds, "nothing was measured")
}

// The limit of 34 MiB leaves 14 when the runtime has its 20.
func TestALimitIsOfTheHeapAndTheRuntime(t *testing.T) {
	check := func(tight, ppm int64) bool {
		c, err := limitCheck(onServer, table(func(k *gcCase, column string) int64 {
			switch {
			case column == "heap_max_bytes" && k.MemLimit == tightLimit:
				return tight
			case column == "heap_max_bytes":
				return 50 << 20
			case column == "collector_ppm_of_cores":
				return ppm
			}
			return 0
		}))
		require.NoError(t, err)
		return c.Holds
	}
	require.True(t, check(14<<20, 499_999))
	require.False(t, check(14<<20+1, 499_999))
	require.False(t, check(14<<20, 500_000))
	require.False(t, check(0, 0), "nothing was measured")
}

func TestGosTailIsComparedWithNoCollectorsOfTheSameSeeds(t *testing.T) {
	check := func(with, without int64) bool {
		return tailCheck(table(func(k *gcCase, column string) int64 {
			switch {
			case column != "p90_ns" || k.Name != systems.Reference.Name || k.cores != 8:
				return 1
			case k.gc == go100:
				return with
			case k.gc == noGC:
				return without
			}
			return 1
		})).Holds
	}
	require.True(t, check(109, 100))
	require.False(t, check(111, 100))
	require.False(t, tailCheck(study.NewRows(Study.Tables[0].Columns)).Holds, "nothing was measured")
}

func TestNoPauseOfG1IsLongerThanItsGoal(t *testing.T) {
	check := func(longest int64, of string) bool {
		return goalCheck(table(func(k *gcCase, column string) int64 {
			switch {
			case column == "pause_max_ns" && k.gc == of:
				return longest
			case column == "pause_max_ns" && k.Kind == host.G1:
				return ms
			case column == "pause_max_ns":
				return 100 * ms
			}
			return 0
		})).Holds
	}
	require.True(t, check(20*ms, g1Small))
	require.False(t, check(20*ms+1, g1Small))
	require.False(t, check(20*ms+1, g1Large))
	require.False(t, check(0, g1Large), "nothing was measured")
}

// calibrated has each figure at so many times what was measured.
func calibrated(times func(column string) float64) *study.Rows {
	columns := Study.Tables[2].Columns
	var rows [][]string
	for _, c := range calibrations() {
		row := []string{c.name, "1"}
		for _, column := range columns[2:] {
			row = append(row, fmt.Sprintf("%.0f", times(column)*float64(map[string]int64{
				"collections_per_1000_s": c.collections, "collector_ppm_of_cores": c.ppm, "pause_p50_ns": c.p50, "pause_p90_ns": c.p90, "pause_p99_ns": c.p99, "mark_p50_ns": c.mark,
			}[column])))
		}
		rows = append(rows, row)
	}
	return study.NewRows(columns, rows...)
}

func TestModelsAreHeldToWhatWasMeasured(t *testing.T) {
	holds := func(of string, times float64) (out []bool) {
		for _, c := range calibrationChecks(calibrated(func(column string) float64 {
			if column == of {
				return times
			}
			return 1
		})) {
			out = append(out, c.Holds)
		}
		return out
	}
	both := []bool{true, true}
	require.Equal(t, both, holds("", 1))
	require.Equal(t, both, holds("collector_ppm_of_cores", 1.99))
	require.Equal(t, both, holds("collector_ppm_of_cores", 0.501))
	require.Equal(t, []bool{false, true}, holds("collector_ppm_of_cores", 2.01))
	require.Equal(t, []bool{false, true}, holds("collector_ppm_of_cores", 0.49))
	require.Equal(t, both, holds("pause_p99_ns", 2.49))
	require.Equal(t, []bool{true, false}, holds("pause_p99_ns", 2.51))
	require.Equal(t, []bool{true, false}, holds("pause_p90_ns", 0.39))
	require.Equal(t, both, holds("collections_per_1000_s", 10), "shown, and held to nothing")
	require.Equal(t, "2.00", calibrationTable(calibrated(func(string) float64 { return 2 })).Rows[0][4])
}

// A quick calibration: Kafka's documents say that 21 ms hold for nine pauses of ten, and less than one collection a second.
func TestTheCalibrationOfKafkaSaysWhatTheModelDoes(t *testing.T) {
	all := calibrations()
	c := all[len(all)-1]
	var out study.Output
	require.NoError(t, c.measure(1, &out))
	r := study.NewRows(Study.Tables[2].Columns, out.Rows["calibration"]...)
	require.InDelta(t, 1000*30*mb/(6<<30/10*6), r.Int(0, "collections_per_1000_s"), 3, "60 % of the heap are filled in two minutes, and less in the beginning")
	require.LessOrEqual(t, r.Int(0, "pause_p50_ns"), r.Int(0, "pause_p90_ns"))
	require.LessOrEqual(t, r.Int(0, "pause_p90_ns"), r.Int(0, "pause_p99_ns"))
	require.InDelta(t, 21*ms, r.Int(0, "pause_p90_ns"), 10e6)

	first := all[0]
	out = study.Output{}
	require.NoError(t, first.measure(1, &out))
	r = study.NewRows(Study.Tables[2].Columns, out.Rows["calibration"]...)
	n := r.Int(0, "collections_per_1000_s") / 100 // in its 10 s
	marked := n * (31 + 205) * mb / 2 * 3 / 10    // ns
	require.InEpsilon(t, marked*1_000_000/(20*1000*ms), r.Int(0, "collector_ppm_of_cores"), 0.6, "what marks take, of two cores")
	require.Greater(t, r.Int(0, "heap_max_bytes"), int64(205*mb*9/10))
}

// A point's row is of the busiest node and of the window.
func TestAPointsRowIsOfTheBusiestNode(t *testing.T) {
	k := gcCases()[1]
	require.Equal(t, go100, k.gc)
	var out study.Output
	o := &study.Options{Size: study.Small, Hardware: "server"}
	require.NoError(t, k.measure(o, 1, true, &out))
	r := study.NewRows(Study.Tables[0].Columns, out.Rows["points"]...)
	require.InDelta(t, gcRate, r.Int(0, "achieved_per_s"), 1000)
	require.InDelta(t, gcRate, r.Int(0, "ok"), 1000, "in one second")
	require.InDelta(t, 550, r.Int(0, "busy_permille_of_a_core"), 100, "the leader's")
	marks, pauses := r.Int(0, "marks"), r.Int(0, "pauses")
	require.InDelta(t, 2*marks, pauses, 2)
	for _, pair := range [][2]string{{"p50_ns", "p90_ns"}, {"p90_ns", "p99_ns"}, {"p99_ns", "p99.9_ns"}, {"p99.9_ns", "p99.99_ns"}, {"p99.99_ns", "max_ns"}, {"pause_p50_ns", "pause_p99_ns"}, {"pause_p99_ns", "pause_max_ns"}, {"live_max_bytes", "heap_max_bytes"}} {
		require.LessOrEqual(t, r.Int(0, pair[0]), r.Int(0, pair[1]), pair)
	}
	kinds := map[string]int64{}
	for _, e := range out.Rows["events"] {
		kinds[e[3]]++
	}
	require.Equal(t, []int64{pauses, marks}, []int64{kinds["pause"], kinds["mark"]})
	require.Len(t, k.constants(), 1)
	k.cores = 2
	require.EqualValues(t, 4_000_000, k.constants()["go.stop_max_ns"])
}

func TestACasesTableHasItsRates(t *testing.T) {
	rows := caseTable(table(func(_ *gcCase, column string) int64 {
		return map[string]int64{"ok": 40_000, "achieved_per_s": 20_000, "pauses": 30, "collector_ppm_of_cores": 5000, "heap_max_bytes": 3 << 20, "p99_ns": 7 * ms}[column]
	})).Rows
	require.Len(t, rows, len(gcCases()))
	require.Equal(t, []string{"7 ms", "15.0", "0.50 %", "3 MiB"}, []string{rows[0][2], rows[0][4], rows[0][7], rows[0][8]})
}
