package studies

import (
	"fmt"
	"math"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

// medians has a point for each value of the column x, in order of the rows: the median over seeds of the column y, with its
// interval.
func medians(r *Rows, x, y string) (out []figures.XY) {
	for _, v := range r.Values(x) {
		e := stats.Median(r.Where(x, v).Ints(y))
		at, _ := strconv.ParseFloat(v, 64)
		out = append(out, figures.XY{X: at, Y: e.Value, Low: e.Low, High: e.High})
	}
	return out
}

// median over the rows of a column.
func median(r *Rows, column string) float64 { return stats.Median(r.Ints(column)).Value }

// fitted is y = Base + Slope·x, by least squares of relative errors: small values weigh as much as large ones.
type fitted struct{ Base, Slope, R2 float64 }

// fitLine fits a line through points whose y is above zero.
func fitLine(points []figures.XY) fitted {
	var x, y, w []float64
	for _, p := range points {
		if p.Y > 0 {
			x, y, w = append(x, p.X), append(y, p.Y), append(w, 1/(p.Y*p.Y))
		}
	}
	base, slope, r2 := stats.Line(x, y, w)
	return fitted{base, slope, r2}
}

// duration writes nanoseconds for readers: three digits and a unit.
func duration(ns float64) string {
	switch a := math.Abs(ns); {
	case a >= 1e9:
		return fmt.Sprintf("%.3g s", ns/1e9)
	case a >= 1e6:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	case a >= 1e3:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	}
	return fmt.Sprintf("%.3g ns", ns)
}
