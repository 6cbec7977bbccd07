package studies

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// rowsOf runs points of a grid in this process, and returns what they add.
func rowsOf(t *testing.T, s *Study, which func(n int) bool) *Tables {
	t.Helper()
	o := Options{Size: Small, Hardware: "server"}
	c := s.cells(&o)
	var outputs []Output
	for n := range c.count() {
		if which(n) {
			out, err := c.run(n)
			require.NoError(t, err)
			outputs = append(outputs, out)
		}
	}
	r := Runner{Study: *s, Options: o}
	return r.gather(outputs)
}

func TestTheSameCellGivesTheSameRows(t *testing.T) {
	for _, s := range []*Study{&core, &scale} {
		some := func(n int) bool { return n%29 == 1 }
		a, b := rowsOf(t, s, some), rowsOf(t, s, some)
		for _, table := range s.Tables {
			require.Equal(t, a.Of(table.Name).rows, b.Of(table.Name).rows, "%s, table %s", s.Name, table.Name)
			for _, row := range a.Of(table.Name).rows {
				require.Len(t, row, len(table.Columns), "%s, table %s", s.Name, table.Name)
			}
		}
	}
}

func TestEveryMessageOfCoreIsDeliveredOrMissing(t *testing.T) {
	w := way{name: "to three", subscribers: 3, node: 2}
	var out Output
	require.NoError(t, w.point(&Options{Hardware: "server"}, 1, 2000, 100*ms, &out))
	r := &Rows{Columns: core.Tables[0].Columns, rows: out.Rows["rates"]}
	require.Zero(t, r.Int(0, "missing"))
	require.InEpsilon(t, r.Int(0, "messages")*10, r.Int(0, "achieved_per_s"), 0.05)
	require.Greater(t, r.Int(0, "p50_ns"), int64(50_000), "two hops of the network")
}
