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
	f = study.FitLine([]figures.XY{{X: 0, Y: 100}, {X: 1, Y: 50}, {X: 2, Y: 200}, {X: 3, Y: 0}})
	require.InDelta(t, 66.6667, f.Base, 1e-3, "weights of 1/y², by hand; what is not above zero is left out")
	require.InDelta(t, 0.0000, f.Slope, 1e-3)
}
