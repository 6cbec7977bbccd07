package studies

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/studies/core"
	"github.com/brokerlab/brokerlab/experiments/studies/scale"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// rowsOf runs points of a grid in this process, and returns what they add.
func rowsOf(t *testing.T, s *study.Study, which func(n int) bool) *study.Tables {
	t.Helper()
	o := study.Options{Size: study.Small, Hardware: "server"}
	r := study.Runner{Study: *s, Options: o}
	tables, err := r.Try(which)
	require.NoError(t, err)
	return tables
}

func TestTheSameCellGivesTheSameRows(t *testing.T) {
	for _, s := range []*study.Study{&core.Study, &scale.Study} {
		some := func(n int) bool { return n%29 == 1 }
		a, b := rowsOf(t, s, some), rowsOf(t, s, some)
		for _, table := range s.Tables {
			require.Equal(t, a.Of(table.Name), b.Of(table.Name), "%s, table %s", s.Name, table.Name)
		}
	}
}
