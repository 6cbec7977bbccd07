package study_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// squares has two points; a wide one adds a column too many.
func squares(wide bool) study.Study {
	return study.Study{
		Name: "squares", Small: 2, Full: 3,
		Tables: []study.Table{{Name: "points", Columns: []string{"n", "seed", "square"}}},
		Grid: func(*study.Options) (points []study.Point) {
			for _, n := range []int{3, 4} {
				points = append(points, func(seed rundir.Seed, out *study.Output) error {
					row := []any{n, seed, n * n}
					if wide && n == 4 {
						row = append(row, "more")
					}
					out.Add("points", row...)
					return nil
				})
			}
			return points
		},
	}
}

func TestEachPointIsRunWithEverySeed(t *testing.T) {
	for _, c := range []struct {
		o    study.Options
		want [][]string // points and seeds
	}{
		{study.Options{Size: study.Small}, [][]string{{"3", "0x1"}, {"3", "0x2"}, {"4", "0x1"}, {"4", "0x2"}}},
		{study.Options{Size: study.Small, From: 7, To: 7}, [][]string{{"3", "0x7"}, {"4", "0x7"}}},
	} {
		r := study.Runner{Study: squares(false), Options: c.o}
		tables, err := r.Try(func(int) bool { return true })
		require.NoError(t, err)
		rows := tables.Of("points")
		require.Equal(t, len(c.want), rows.Len())
		for i, w := range c.want {
			require.Equal(t, w, []string{rows.Text(i, "n"), rows.Text(i, "seed")})
		}
		require.Equal(t, c.want[0][1], c.o.First().String())
		require.EqualValues(t, len(c.want)/2*(9+16), rows.Sum("square"))
		require.EqualValues(t, 16, rows.Most("square"))
		require.InDelta(t, 9, rows.Where("n", "3").Median("square"), 0)
	}
}

func TestARowHasItsTablesColumns(t *testing.T) {
	r := study.Runner{Study: squares(true), Options: study.Options{Size: study.Small, Hardware: "server"}, Out: t.TempDir()}
	_, err := r.RunHere()
	require.ErrorContains(t, err, "table points, row 2 has 4 columns, want 3")
	require.NoDirExists(t, string(r.Dir()))
	require.Panics(t, func() { (&study.Output{}).Add("points", 0.5) }, "floats are not exact")
}

func TestAWorkerFindsItsStudyByName(t *testing.T) {
	find := func(name string) (study.Study, bool) { return squares(false), name == "squares" }
	var out bytes.Buffer
	require.NoError(t, study.Worker(find, strings.NewReader(`{"study":"squares","options":{"size":"small"}}`+"\n3\n0\n"), &out))
	require.Equal(t, `{"rows":{"points":[["4","0x2","16"]]},"events":0}`+"\n"+`{"rows":{"points":[["3","0x1","9"]]},"events":0}`+"\n", out.String())
	require.ErrorContains(t, study.Worker(find, strings.NewReader(`{"study":"cubes"}`), &out), `no study is called "cubes"`)
	require.ErrorContains(t, study.Worker(find, strings.NewReader(`{"study":"squares","options":{"size":"small"}}`+"\n4\n"), &out), "is none of 4")
}
