package stats

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAMedianOfFewHasTheirRange(t *testing.T) {
	require.Equal(t, Estimate{3, 1, 10}, Median([]int64{10, 1, 3}))
	require.Equal(t, Estimate{2, 1, 3}, Median([]int64{3, 1}))
	require.Equal(t, Estimate{}, Median(nil))
}

func TestABootstrapIsTheSameEachTimeAndHoldsTheMedian(t *testing.T) {
	values := []int64{5, 9, 12, 13, 15, 21, 22, 30, 41, 90}
	e := Median(values)
	require.Equal(t, e, Median(values))
	require.Equal(t, 18.0, e.Value)
	require.Less(t, e.Low, e.Value)
	require.Greater(t, e.High, e.Value)
	require.Greater(t, e.Low, 5.0)
	require.Less(t, e.High, 90.0)
}

// Student (1908), table of the additional hours of sleep: ten patients, two drugs; mean difference 1.58, t with 9 degrees of
// freedom 2.262, standard deviation 1.23.
func TestStudentsOwnPairs(t *testing.T) {
	a := []int64{7, -16, -2, -12, -1, 34, 37, 8, 0, 20}
	b := []int64{19, 8, 11, 1, -1, 44, 55, 16, 46, 34}
	e := Paired(a, b)
	require.InDelta(t, 15.8, e.Value, 1e-9)
	require.InDelta(t, 7.0, e.Low, 0.05)
	require.InDelta(t, 24.6, e.High, 0.05)
}

func TestARatioOfPairsIsGeometric(t *testing.T) {
	e := PairedRatio([]int64{1, 10, 0}, []int64{4, 10, 5})
	require.InDelta(t, 2, e.Value, 1e-9)
}

// Wilson's interval for 0 of 30 is 0 to 11.35 %, for 15 of 30 33.15 to 66.85 %.
func TestSharesHaveWilsonsInterval(t *testing.T) {
	e := Share(0, 30)
	require.InDelta(t, 0, e.Low, 1e-12)
	require.InDelta(t, 0.1135, e.High, 1e-4)
	e = Share(15, 30)
	require.InDelta(t, 0.3315, e.Low, 1e-4)
	require.InDelta(t, 0.6685, e.High, 1e-4)
}

func TestAPowerLawIsFound(t *testing.T) {
	a, b, r2 := PowerLaw([]float64{1, 10, 100}, []float64{3, 30 * 3.1622776601683795, 3000})
	require.InDelta(t, 3, a, 1e-9)
	require.InDelta(t, 1.5, b, 1e-9)
	require.InDelta(t, 1, r2, 1e-12)
}

func TestAPermilleIsAValueOfThem(t *testing.T) {
	v := []int64{1, 2, 3, 4}
	for permille, want := range map[int64]int64{0: 1, 249: 1, 250: 2, 500: 3, 999: 4, 1000: 4} {
		require.Equal(t, want, Permille(v, permille))
	}
	require.Zero(t, Permille(nil, 500))
	require.EqualValues(t, 5000, Permille(make10000(), 500))
}

// Within a run losses hang together: one run of ten that loses all is not known as well as a tenth of all messages would be.
func TestARatioIsDrawnByRuns(t *testing.T) {
	n := []int64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100}
	spread, together := []int64{10, 10, 10, 10, 10, 10, 10, 10, 10, 10}, []int64{100, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	require.Equal(t, Estimate{0.1, 0.1, 0.1}, Ratio(spread, n))
	e := Ratio(together, n)
	require.Equal(t, 0.1, e.Value)
	require.Zero(t, e.Low)
	require.InDelta(t, 0.3, e.High, 0.051)
	require.Equal(t, e, Ratio(together, n))
	require.Equal(t, Estimate{0.5, 0.2, 0.8}, Ratio([]int64{2, 8}, []int64{10, 10}))
	require.Equal(t, Estimate{}, Ratio(nil, nil))
}

// By a table of Student's t: 2.776 with 4 degrees of freedom; 1, 2, 3, 4, 5 have a standard deviation of 1.5811.
func TestAMeanHasStudentsInterval(t *testing.T) {
	e := Mean([]int64{5, 1, 3, 2, 4})
	half := 2.7764 * 1.5811 / 2.2361
	require.InDelta(t, 3, e.Value, 1e-12)
	require.InDelta(t, 3-half, e.Low, 1e-3)
	require.InDelta(t, 3+half, e.High, 1e-3)
	require.Equal(t, Estimate{2.5, 1, 4}, Mean([]int64{4, 1, 3, 2}), "four have their range")
	require.Equal(t, Estimate{}, Mean(nil))
}

func TestARatioOfPairsSaysHowMuchLargerTheSecondIs(t *testing.T) {
	e := PairedRatio([]int64{1, 2, 4, 8, 16}, []int64{2, 4, 8, 16, 32})
	require.InDelta(t, 2, e.Value, 1e-9)
	require.InDelta(t, 2, e.Low, 1e-9)
	e = PairedRatio([]int64{2, 2}, []int64{4, 16})
	require.InDelta(t, 4, e.Value, 1e-9)
	require.InDelta(t, 2, e.Low, 1e-9)
	require.InDelta(t, 8, e.High, 1e-9)
	require.Equal(t, Estimate{}, PairedRatio([]int64{0, 3}, []int64{4, 0}), "no pair is no ratio, and not 1")
	require.InDelta(t, 4, PairedRatio([]int64{1, 3}, []int64{4, 0}).Value, 1e-9)
	require.Equal(t, Estimate{}, PairedRatio(nil, nil))
	require.Panics(t, func() { PairedRatio([]int64{1}, []int64{1, 2}) }, "one of these has no pair")
}

func TestALineWeighsItsPoints(t *testing.T) {
	base, slope, r2 := Line([]float64{0, 1, 2}, []float64{5, 7, 9}, nil)
	require.InDeltaSlice(t, []float64{5, 2, 1}, []float64{base, slope, r2}, 1e-9)
	base, slope, _ = Line([]float64{0, 1, 2}, []float64{5, 7, 900}, []float64{1, 1, 1e-12})
	require.InDeltaSlice(t, []float64{5, 2}, []float64{base, slope}, 1e-3)
}

func TestAMedianOfFiveIsDrawnAndItsIntervalIsWithinThem(t *testing.T) {
	e := Median([]int64{100, 1, 50, 49, 51})
	require.Equal(t, 50.0, e.Value)
	require.Equal(t, 1.0, e.Low, "three of five draws are the least in 5 % of the samples")
	require.Equal(t, 100.0, e.High)
	require.Equal(t, 2.5, Median([]int64{4, 1, 2, 3}).Value)
}

func TestSharesOfFewAndOfNone(t *testing.T) {
	require.Equal(t, Estimate{}, Share(0, 0))
	e := Share(30, 30)
	require.Equal(t, 1.0, e.Value)
	require.InDelta(t, 1-0.1135, e.Low, 1e-4)
	require.InDelta(t, 1, e.High, 1e-12)
	require.Equal(t, Estimate{0, 0, 0}, Ratio([]int64{0}, []int64{0}))
	require.Equal(t, 0.25, Ratio([]int64{1, 0, 0, 0, 4}, []int64{4, 4, 4, 4, 4}).Value)
}

func make10000() (v []int64) {
	for i := range int64(10_000) {
		v = append(v, i)
	}
	return v
}
