package pauses

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// tailFigure draws what was measured over what the formula says, against how busy the server is with pauses.
func tailFigure(t *study.Tables) (figures.Figure, error) {
	rows := tailCases(t.Of("server"))
	var charts []figures.Chart
	for _, p := range []float64{0.99, 0.999} {
		c := figures.Chart{
			Title: fmt.Sprintf("%g %%", p*100), X: figures.Axis{Label: "time spent on pauses, γG/(1-ρ)", Scale: figures.Log, Unit: figures.PerMillion},
			Y:      figures.Axis{Label: "measured / formula", Scale: figures.Log, Unit: figures.Ratio},
			Shades: []figures.Shade{{From: 300, To: seldom * 1e6, Label: "small"}},
		}
		for i, load := range tailLoads {
			line := figures.Line{Name: fmt.Sprintf("load %.1f", float64(load)/1000), Style: figures.Style{Color: figures.Color(i), Mark: figures.Diamond}, Kind: figures.Marks}
			held(rows, func(k *tailCase, q, got, want float64) {
				if q == p && k.rho == float64(load)/1000 {
					line.Points = append(line.Points, figures.XY{X: k.busyWith() * 1e6, Y: got / want})
				}
			})
			if len(line.Points) > 0 {
				c.Lines = append(c.Lines, line)
			}
		}
		charts = append(charts, c)
	}
	return figures.Grid("tail", "Tail latency with pauses over the closed formula",
		"One server with Poisson arrivals that is stopped for G at rate γ; each point a setting whose pauses reach the percentile. ×1 is d = G - (1-p)(1-ρ)/γ.", t.Command, 2, charts)
}

// electionFigure has a panel a system.
func electionFigure(t *study.Tables) (figures.Figure, error) {
	var charts []figures.Chart
	for _, s := range patience() {
		charts = append(charts, s.chart(t.Of("points").Where("system", s.Name)))
	}
	return figures.Grid("elections", "How long a pause of the leader costs it its place",
		"Share of pauses after which the stream had a new leadership, with Wilson's intervals; the line is the closed formula with the design's own timers. The longest pause of Go measured on a crowded two-core machine was 39 ms.",
		t.Command, 2, charts)
}

// chart draws shares and formula.
func (s *timed) chart(rows *study.Rows) figures.Chart {
	measured := figures.Line{Name: "measured", Style: figures.Style{Color: figures.Blue, Mark: figures.Diamond}, Kind: figures.Marks}
	for _, l := range s.shares(rows) {
		measured.Points = append(measured.Points, figures.XY{X: l.pause * 1e6, Y: l.Value * 1e6, Low: l.Low * 1e6, High: l.High * 1e6})
	}
	formula := figures.Line{Name: "closed formula", Style: figures.Style{Color: figures.Orange}, Kind: figures.Plain}
	controller := controllerShare(rows)
	for g := 50.0; g <= 25_000; g *= 1.03 {
		formula.Points = append(formula.Points, figures.XY{X: g * 1e6, Y: s.chance(g, controller) * 1e6})
	}
	return figures.Chart{
		Title: s.Name, X: figures.Axis{Label: "length of the pause", Scale: figures.Log, Unit: figures.Nanos, Min: 3e7, Max: 3e10},
		Y:     figures.Axis{Label: "share with a new leadership", Unit: figures.PerMillion, Min: 0, Max: 1e6},
		Rules: []figures.Rule{{X: 39e6, Label: "Go"}},
		Lines: []figures.Line{formula, measured},
	}
}
