package scale

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// cost is something that grows.
type cost struct {
	name, column string
	// share says that it is told for an operation or a second; memory and latency are what they are.
	share bool
	unit  figures.Unit
	print func(float64) string
	// caveat is what a reader of the figure must know.
	caveat string
}

// costs in the order of the law table.
var costs = []cost{
	{"processor time", "busy_ns", true, figures.Nanos, words.Nanos, ""},
	{"bytes on the wire", "wire_bytes", true, figures.Bytes, words.Bytes, ""},
	{"world events", "world_events", true, figures.Count, words.Number, ""},
	{"live bytes", "live_bytes", false, figures.Bytes, words.Bytes, " What Kafka's and Redpanda's partitions take beside their logs is not counted."},
	{"latency p50", "p50_ns", false, figures.Nanos, words.Nanos, ""},
}

// law is how a cost grows with a factor: a power law's exponent and fit, and a line's.
type law struct {
	points       []figures.XY
	exponent, r2 float64
	line         study.Line
}

// lawOf fits a cost of a system against a factor's values; of the table of costs.
func lawOf(r *study.Rows, f *factor, c *cost, system string) law {
	at := r.Where("factor", f.name, "system", system)
	l := law{}
	var x, y []float64
	for _, v := range at.Values("value") {
		one := at.Where("value", v)
		var each []float64
		for i := range one.Len() {
			n := float64(one.Int(i, c.column))
			if c.share {
				n /= f.of(one, i)
			}
			each = append(each, n)
		}
		value, _ := strconv.ParseFloat(v, 64)
		p := middlePoint(value, each)
		l.points = append(l.points, p)
		if p.Y > 0 {
			x, y = append(x, p.X), append(y, p.Y)
		}
	}
	if len(x) > 1 {
		_, l.exponent, l.r2 = stats.PowerLaw(x, y)
		l.line = study.FitLine(l.points)
	}
	return l
}

// middlePoint is the median of values, which lie between Low and High.
func middlePoint(x float64, values []float64) figures.XY {
	slices.Sort(values)
	n := len(values)
	return figures.XY{X: x, Y: (values[(n-1)/2] + values[n/2]) / 2, Low: values[0], High: values[n-1]}
}

// of is what costs of row i are told for: its operations, or its seconds.
func (f *factor) of(r *study.Rows, i int) float64 {
	if f.per == perSecond {
		return float64(r.Int(i, "window_ns")) / 1e9
	}
	return float64(max(r.Int(i, "operations"), 1))
}

// grown is by how much the last point is above the first.
func (l law) grown() float64 {
	first, last := l.points[0].Y, l.points[len(l.points)-1].Y
	if first == 0 {
		return 0
	}
	return last / first
}

// words are the law's: exponent, R², base, slope, R². What does not grow has no law, and what no line fits (R² below 0.9) no slope.
func (l *law) words(k *cost) []string {
	w := []string{"0", "–", "–", "–", "–"}
	if !math.IsNaN(l.r2) {
		w[0], w[1] = fmt.Sprintf("%.2f", l.exponent), fmt.Sprintf("%.2f", l.r2)
	}
	if l.line.R2 >= 0.9 {
		w[2], w[3], w[4] = k.print(l.line.Base), k.print(l.line.Slope), fmt.Sprintf("%.3f", l.line.R2)
	}
	return w
}

func last(points []figures.XY) figures.XY { return points[len(points)-1] }
