package memory

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
)

// A queue beyond its bound is found.
func TestABoundThatIsPassedIsFound(t *testing.T) {
	with := func(bytes string) *study.Rows {
		return study.NewRows(Study.Tables[1].Columns, []string{"messages", "reference", "1000", "0x1", "raft tail", "10", bytes})
	}
	check := func(u *study.Rows) study.Check {
		return boundCheck(u, "x", "y", "raft tail", []string{"messages"}, &systems.Reference, func(string, int64, int64) int64 { return tailBound + keepSlack })
	}
	require.False(t, check(with("5000000")).Holds)
	require.True(t, check(with("4000000")).Holds)
	require.False(t, check(study.NewRows(Study.Tables[1].Columns)).Holds, "nothing was held to the bound")
}
