package scale

import (
	"math"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// decade are bounds that hold all points and span a factor of ten at least: what hardly grows shall look so.
func decade(lines []figures.Line) (low, high float64) {
	low = math.Inf(1)
	for _, l := range lines {
		for _, p := range l.Points {
			if p.Y > 0 {
				low, high = min(low, p.Y), max(high, p.Y)
			}
		}
	}
	if high == 0 {
		return 0, 0
	}
	middle := math.Sqrt(low * high)
	return min(low/1.3, middle/math.Sqrt(10)), max(high*1.3, middle*math.Sqrt(10))
}

// growthFigure has a panel for each factor.
func growthFigure(t *study.Tables, r *study.Rows, k *cost) (figures.Figure, error) {
	var charts []figures.Chart
	for _, f := range factors() {
		chart := figures.Chart{Title: f.name, X: figures.Axis{Label: f.unit, Scale: figures.Log}, Y: figures.Axis{Scale: figures.Log, Unit: k.unit}}
		if f.linear {
			chart.X.Scale = figures.Linear
		}
		chart.Y.Label = k.name
		if k.share {
			chart.Y.Label = string(f.per)
		}
		for _, s := range f.systems {
			l := figures.Line{Name: s.Name, Style: s.Style(), Points: lawOf(r, &f, k, s.Name).points}
			l.Style.Dashed = s.Design == "nats" // it lies on the reference's line more often than not
			chart.Lines = append(chart.Lines, l)
		}
		chart.Y.Min, chart.Y.Max = decade(chart.Lines)
		charts = append(charts, chart)
	}
	name := map[string]string{"busy_ns": "scale-cpu", "wire_bytes": "scale-wire", "world_events": "scale-events", "live_bytes": "scale-memory", "p50_ns": "scale-latency"}[k.column]
	title := "Growth of " + k.name
	return figures.Grid(name, title, title+" by one factor at a time, all else as it was: 1000 publishes a second of 128 B to a stream of three replicas on three nodes. "+
		"Sums over all brokers; the median over seeds, bars from the least to the most."+k.caveat, t.Command, 3, charts)
}
