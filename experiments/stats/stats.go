package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Estimate is a value with its interval.
type Estimate struct{ Value, Low, High float64 }

// resamples of a bootstrap; and how many values are too few for an interval: it is their range then.
const (
	resamples = 1000
	few       = 5
)

// Median is the median with a bootstrap interval (percentile method); of fewer than five values with their range. No values are
// all zero.
func Median(values []int64) Estimate {
	v := floats(values)
	if len(v) == 0 {
		return Estimate{}
	}
	slices.Sort(v)
	e := Estimate{middle(v), v[0], v[len(v)-1]}
	if len(v) < few {
		return e
	}
	draw := rand.New(rand.NewPCG(uint64(len(v)), 0x9e3779b97f4a7c15)) //nolint:gosec // no secret
	medians, again := make([]float64, resamples), make([]float64, len(v))
	for i := range medians {
		for j := range again {
			again[j] = v[draw.IntN(len(v))]
		}
		slices.Sort(again)
		medians[i] = middle(again)
	}
	slices.Sort(medians)
	e.Low, e.High = stat.Quantile(0.025, stat.Empirical, medians, nil), stat.Quantile(0.975, stat.Empirical, medians, nil)
	return e
}

// middle is the median of sorted values.
func middle(v []float64) float64 {
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}

// Permille is the value below which so many thousandths of sorted values lie; 0 of none.
func Permille(sorted []int64, permille int64) int64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int64(len(sorted))*permille/1000, int64(len(sorted)-1))]
}

// Mean is the mean with Student's interval, or the range of fewer than five.
func Mean(values []int64) Estimate { return mean(floats(values)) }

// Paired is the mean of b-a over pairs that had everything else in common (the same seed), with Student's interval. The slices
// must be as long as one another.
func Paired(a, b []int64) Estimate {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = float64(b[i] - a[i])
	}
	return mean(d)
}

// PairedRatio is the geometric mean of b/a over pairs, with Student's interval of the logarithms: the slices must be as long as one another. Pairs in which one is not above
// zero are left out; of none at all everything is zero, which is no ratio.
func PairedRatio(a, b []int64) Estimate {
	if len(a) != len(b) {
		panic(fmt.Sprintf("%d values have no pairs among %d", len(a), len(b)))
	}
	var logs []float64
	for i := range a {
		if a[i] > 0 && b[i] > 0 {
			logs = append(logs, math.Log(float64(b[i])/float64(a[i])))
		}
	}
	if len(logs) == 0 {
		return Estimate{}
	}
	m := mean(logs)
	return Estimate{math.Exp(m.Value), math.Exp(m.Low), math.Exp(m.High)}
}

func mean(v []float64) Estimate {
	if len(v) == 0 {
		return Estimate{}
	}
	m := stat.Mean(v, nil)
	if len(v) < few {
		return Estimate{m, slices.Min(v), slices.Max(v)}
	}
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(len(v) - 1)}.Quantile(0.975) * stat.StdDev(v, nil) / math.Sqrt(float64(len(v)))
	return Estimate{m, m - half, m + half}
}

// Share is k of n with Wilson's interval, as a share of 1.
func Share(k, n int64) Estimate {
	if n == 0 {
		return Estimate{}
	}
	const z = 1.959963984540054
	p, size := float64(k)/float64(n), float64(n)
	centre := (p + z*z/(2*size)) / (1 + z*z/size)
	half := z / (1 + z*z/size) * math.Sqrt(p*(1-p)/size+z*z/(4*size*size))
	return Estimate{p, max(centre-half, 0), min(centre+half, 1)}
}

// Ratio is the sum of k over the sum of n, as a share of 1, with a bootstrap interval over the pairs: what happens within a run hangs
// together, so that runs are drawn again and not what they count. Of fewer than five pairs the interval is their range.
func Ratio(k, n []int64) Estimate {
	ratio := func(pick func(i int) int) float64 {
		var a, b int64
		for i := range k {
			a, b = a+k[pick(i)], b+n[pick(i)]
		}
		return float64(a) / max(float64(b), 1)
	}
	e := Estimate{Value: ratio(func(i int) int { return i })}
	if len(k) < few {
		each := make([]float64, len(k))
		for i := range k {
			each[i] = float64(k[i]) / max(float64(n[i]), 1)
		}
		if len(each) > 0 {
			e.Low, e.High = slices.Min(each), slices.Max(each)
		}
		return e
	}
	draw := rand.New(rand.NewPCG(uint64(len(k)), 0x9e3779b97f4a7c15)) //nolint:gosec // no secret
	ratios, drawn := make([]float64, resamples), make([]int, len(k))
	for i := range ratios {
		for j := range drawn {
			drawn[j] = draw.IntN(len(k))
		}
		ratios[i] = ratio(func(j int) int { return drawn[j] })
	}
	slices.Sort(ratios)
	e.Low, e.High = stat.Quantile(0.025, stat.Empirical, ratios, nil), stat.Quantile(0.975, stat.Empirical, ratios, nil)
	return e
}

// PowerLaw fits y = a·x^b by least squares of the logarithms, and says how well (R² of these). All values must be above zero.
func PowerLaw(x, y []float64) (a, b, r2 float64) {
	lx, ly := make([]float64, len(x)), make([]float64, len(y))
	for i := range x {
		lx[i], ly[i] = math.Log(x[i]), math.Log(y[i])
	}
	alpha, beta := stat.LinearRegression(lx, ly, nil, false)
	return math.Exp(alpha), beta, stat.RSquared(lx, ly, nil, alpha, beta)
}

func floats(values []int64) []float64 {
	v := make([]float64, len(values))
	for i, x := range values {
		v[i] = float64(x)
	}
	return v
}

// Line fits y = base + slope·x by weighted least squares (nil: all weigh the same), and says how well (R²).
func Line(x, y, weights []float64) (base, slope, r2 float64) {
	base, slope = stat.LinearRegression(x, y, weights, false)
	return base, slope, stat.RSquared(x, y, weights, base, slope)
}
