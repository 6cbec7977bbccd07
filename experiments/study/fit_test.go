package study_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/study"
)

func TestALineIsFittedByRelativeErrors(t *testing.T) {
	f := study.FitLine([]figures.XY{{X: 0, Y: 100}, {X: 1, Y: 110}, {X: 1000, Y: 10_300}})
	require.InDelta(t, 100, f.Base, 2, "large values do not drown the base")
}
