package throughput

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
)

// point is a row of the table of points, of which only what tests are about is said.
type point struct {
	axis, system, bytes, batching, constant string
	value, offered, seed, achieved          int64
	p50, p99, busy                          int64
}

func points(rows ...point) *study.Rows {
	var text [][]string
	for _, r := range rows {
		line := []string{r.axis, r.system, "kafka", systems.Synced, r.bytes, "1", "16", r.batching, r.constant}
		for _, v := range []int64{r.value, r.offered, r.seed, r.achieved, 0, 0, 0, 0, r.p50, r.p99, r.p99, r.p99, r.busy} {
			line = append(line, fmt.Sprint(v))
		}
		text = append(text, line)
	}
	return study.NewRows(Study.Tables[0].Columns, text...)
}

func rate(system, bytes string, offered, achieved int64) point {
	return point{axis: "rate", system: system, bytes: bytes, offered: offered, achieved: achieved, p50: offered, p99: 10 * offered, busy: offered / 10}
}

// The highest rate of which 95 % was acknowledged, before the first that was not; of that rate are the other figures, too.
func TestARateIsKeptUpWithTo95PercentAndNotBeyondTheFirstThatIsNot(t *testing.T) {
	rows := points(
		rate("a", "128", 1000, 1000), rate("a", "128", 2000, 1900), rate("a", "128", 4000, 3799), rate("a", "128", 8000, 8000),
		rate("a", "1024", 1000, 949), rate("b", "128", 1000, 1000),
		point{axis: "base", system: "a", bytes: "128", offered: 10_000, achieved: 10_000},
	)
	r, p50, p99, busy := capacity(rows, "a", "128")
	require.Equal(t, []any{int64(2000), 2000.0, 20_000.0, 200.0}, []any{r, p50, p99, busy})
	r, _, _, _ = capacity(rows, "a", "1024")
	require.Zero(t, r)
	r, _, _, _ = capacity(rows, "b", "128")
	require.EqualValues(t, 1000, r)
	// Over seeds the median decides.
	seeds := points(rate("a", "128", 1000, 100), rate("a", "128", 1000, 960), rate("a", "128", 1000, 990))
	r, _, _, _ = capacity(seeds, "a", "128")
	require.EqualValues(t, 1000, r)
}

// Where nothing higher was offered the rate says so: of larger messages, which are offered at lower rates, too.
func TestTheHighestRateOfferedIsCalledThat(t *testing.T) {
	rows := points(rate("a", "128", 8000, 8000), rate("a", "128", 4000, 4000), rate("a", "1024", 4000, 4000))
	require.Equal(t, "8000/s (the most offered)", rateText(rows, 8000, "128"))
	require.Equal(t, "4000/s", rateText(rows, 4000, "128"))
	require.Equal(t, "4000/s (the most offered)", rateText(rows, 4000, "1024"))
}

func TestALineEndsAtItsKnee(t *testing.T) {
	l := hockeyLine(points(rate("a", "128", 1000, 1000), rate("a", "128", 2000, 1500), rate("a", "128", 4000, 1500), rate("a", "128", 8000, 1600)), "a", "p99_ns")
	require.Len(t, l.Points, 2)
	require.Equal(t, []float64{1500, 20_000}, []float64{l.Points[1].X, l.Points[1].Y})
}

func base(system string, seed, p50, p99 int64) point {
	return point{axis: "base", system: system, bytes: "128", offered: baseRate, seed: seed, p50: p50, p99: p99}
}

// Twice of what the reference took, seed by seed, however far the seeds lie apart.
func TestRatiosArePairedBySeed(t *testing.T) {
	ref, kafka := systems.Reference.Name, systems.KafkaAll.Name
	other := base(kafka, 1, 1, 1)
	other.axis = "batching" // no seed's pair
	rows := points(base(ref, 1, 10, 1000), base(ref, 2, 1000, 10), base(kafka, 1, 20, 3000), base(kafka, 2, 2000, 30), other)
	table := ratioTable((&study.Tables{Study: Study}).With("points", rows).With("losses", losses([]string{kafka, "1", "true", "1000", "10"})))
	require.Equal(t, [][]string{
		{ref, "1.00 (1.00 to 1.00)", "1.00 (1.00 to 1.00)", "1.00 (1.00 to 1.00)", "not readable"},
		{kafka, "2.00 (2.00 to 2.00)", "3.00 (3.00 to 3.00)", "3.00 (3.00 to 3.00)", "1.00 % (1.00 % to 1.00 %)"},
	}, table.Rows)
}

func losses(rows ...[]string) *study.Rows { return study.NewRows(Study.Tables[2].Columns, rows...) }

func TestWhatIsLostIsAShareOfWhatWasAcknowledgedInLogsThatWereRead(t *testing.T) {
	l := losses([]string{"a", "1", "true", "1000", "10"}, []string{"a", "2", "true", "3000", "0"}, []string{"a", "3", "false", "3000", "3000"}, []string{"b", "1", "false", "5", "0"})
	require.Equal(t, "0.25 % (0.00 % to 1.00 %)", lossText(l, "a"))
	require.Equal(t, "not readable", lossText(l, "b"))
}

// whole is a table of losses in which everything is as expected, but for what change does to a system's row.
func whole(change func(name string, row []string) []string) *study.Rows {
	var rows [][]string
	for _, s := range loaded {
		lost := "0"
		if s.Policy != systems.Synced {
			lost = "7"
		}
		if row := change(s.Name, []string{s.Name, "1", "true", "1000", lost}); row != nil {
			rows = append(rows, row)
		}
	}
	return losses(rows...)
}

// failed names the checks that do not hold.
func failed(p, l, c *study.Rows) (names []string) {
	t := &study.Tables{Study: Study}
	for _, check := range checks(t.With("points", p).With("losses", l).With("closed", c)) {
		if !check.Holds {
			names = append(names, check.Name)
		}
	}
	return names
}

func closed(one, sixteen int64) *study.Rows {
	return study.NewRows(Study.Tables[3].Columns, []string{"1", "1", fmt.Sprint(one), "5"}, []string{"16", "1", fmt.Sprint(sixteen), "5"}, []string{"64", "1", fmt.Sprint(2 * sixteen), "5"})
}

func TestEachCheckCanFail(t *testing.T) {
	same := func(_ string, row []string) []string { return row }
	is := func(system string, column int, value string) func(string, []string) []string {
		return func(name string, row []string) []string {
			if name == system {
				row[column] = value
			}
			return row
		}
	}
	slow := points(base(systems.Reference.Name, 1, 10, 10), base(systems.KafkaAll.Name, 1, 11, 11))
	fast := points(base(systems.Reference.Name, 1, 10, 10), base(systems.KafkaAll.Name, 1, 10, 11))
	require.Empty(t, failed(slow, whole(same), closed(2000, 10_000)))
	require.Equal(t, []string{"group-commit"}, failed(slow, whole(same), closed(2000, 9999)))
	require.Equal(t, []string{"group-commit"}, failed(slow, whole(same), closed(0, 0)), "nothing was done at all")
	require.Equal(t, []string{"linger-is-the-median"}, failed(fast, whole(same), closed(2000, 10_000)))
	require.Equal(t, []string{"linger-is-the-median"}, failed(points(), whole(same), closed(2000, 10_000)))
	require.Equal(t, []string{"synced-loses-nothing"}, failed(slow, whole(is(systems.Reference.Name, 4, "1")), closed(2000, 10_000)))
	require.Equal(t, []string{"unsynced-loses"}, failed(slow, whole(is(systems.KafkaAll.Name, 4, "0")), closed(2000, 10_000)))
	require.Equal(t, []string{"synced-loses-nothing"}, failed(slow, whole(is(systems.Redpanda.Name, 2, "false")), closed(2000, 10_000)), "a log that nobody read")
	none := func(name string, row []string) []string {
		if name == systems.NATSAlways.Name {
			return nil
		}
		return row
	}
	require.Equal(t, []string{"synced-loses-nothing"}, failed(slow, whole(none), closed(2000, 10_000)), "a system that never ran")
}

func TestTheModelStandsBesideWhatWasMeasured(t *testing.T) {
	rows := closedTable(closed(4148, 14_544)).Rows
	require.Equal(t, []string{"1", "4148/s", "2074/s", "2.00"}, rows[0])
	require.Equal(t, "1.00", rows[1][3])
}

// Each assumption is swept to both ends of its band, and at the point as it is nothing is changed.
func TestAssumptionsStandAtTheEndsOfTheirBands(t *testing.T) {
	ends := map[string][]int64{}
	for _, p := range assumptions(&study.Options{Hardware: "server"}) {
		require.Equal(t, 2*baseRate, p.rate)
		ends[p.system.Name+" "+p.constant] = append(ends[p.system.Name+" "+p.constant], p.value)
	}
	require.Equal(t, []int64{0}, ends["reference as it is"])
	require.Equal(t, []int64{1, 8}, ends["Kafka acks=all lanes"])
	require.Len(t, ends["Redpanda acks=all disk.sync_ns"], 2)
	require.Empty(t, assumptions(&study.Options{Hardware: "laptop"}))
}

// A small point, measured: what its row says is of the window.
func TestAPointsRow(t *testing.T) {
	p := publish{axis: "rate", system: systems.Reference, bytes: 128, streams: 1, clients: 16, rate: 20_000, constant: "disk.sync_ns", value: 2_000_000}
	var out study.Output
	o := &study.Options{Size: study.Small, Hardware: "server"}
	require.NoError(t, p.run(o, rundir.Seed(1), &out))
	r := study.NewRows(Study.Tables[0].Columns, out.Rows["points"]...)
	require.InDelta(t, 20_000, r.Int(0, "achieved_per_s"), 1500)
	require.InDelta(t, 5000, r.Int(0, "ok"), 300, "the window is long enough for 5000")
	require.Zero(t, r.Int(0, "open")+r.Int(0, "failed")+r.Int(0, "shed"))
	require.Greater(t, r.Int(0, "p50_ns"), 2*ms, "the sync that was asked for")
	require.Less(t, r.Int(0, "p50_ns"), r.Int(0, "p99_ns"))
	require.Less(t, r.Int(0, "p99_ns"), r.Int(0, "p99.9_ns"))
	require.LessOrEqual(t, r.Int(0, "p99.9_ns"), r.Int(0, "max_ns"))
	require.InDelta(t, 300, r.Int(0, "busiest_node_busy_permille"), 250)
	require.Empty(t, out.Rows["percentiles"])

	// With syncs of 0.4 s all is answered, and nothing within the window.
	p.value, out = 400_000_000, study.Output{}
	require.NoError(t, p.run(o, rundir.Seed(1), &out))
	r = study.NewRows(Study.Tables[0].Columns, out.Rows["points"]...)
	require.Less(t, r.Int(0, "achieved_per_s"), int64(10_000))
	require.InDelta(t, 5000, r.Int(0, "ok")+r.Int(0, "open"), 300)
	require.Greater(t, r.Int(0, "ok"), int64(4000))
}
