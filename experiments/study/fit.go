package study

import (
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

// Line is y = Base + Slope·x, by least squares of relative errors: small values weigh as much as large ones.
type Line struct{ Base, Slope, R2 float64 }

// FitLine fits a line through points whose y is above zero.
func FitLine(points []figures.XY) Line {
	var x, y, w []float64
	for _, p := range points {
		if p.Y > 0 {
			x, y, w = append(x, p.X), append(y, p.Y), append(w, 1/(p.Y*p.Y))
		}
	}
	base, slope, r2 := stats.Line(x, y, w)
	return Line{base, slope, r2}
}
