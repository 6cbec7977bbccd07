package pauses

import (
	"fmt"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// tailFigure draws what was measured over what the formula says, against how busy the server is with pauses.
func tailFigure(t *study.Tables, rows []tailCase) (figures.Figure, error) {
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

// chart draws shares and formula; in counts the points whose interval holds the formula's value.
func (s *timed) chart(rows *study.Rows) (c figures.Chart, in, all int) {
	c = figures.Chart{
		Title: s.Name, X: figures.Axis{Label: "length of the pause", Scale: figures.Log, Unit: figures.Nanos, Min: 3e7, Max: 3e10},
		Y:     figures.Axis{Label: "share with a new leadership", Unit: figures.PerMillion, Min: 0, Max: 1e6},
		Rules: []figures.Rule{{X: 39e6, Label: "Go"}},
	}
	measured := figures.Line{Name: "measured", Style: figures.Style{Color: figures.Blue, Mark: figures.Diamond}, Kind: figures.Marks}
	formula := figures.Line{Name: "closed formula", Style: figures.Style{Color: figures.Orange}, Kind: figures.Plain}
	controller := controllerShare(rows)
	for _, length := range rows.Values("pause_ms") {
		of := rows.Where("pause_ms", length)
		k := int64(0)
		for _, v := range of.Ints("election") {
			k += v
		}
		e := stats.Share(k, int64(of.Len()))
		g, _ := strconv.ParseFloat(length, 64)
		if want := s.chance(g, controller); want >= e.Low-1e-9 && want <= e.High+1e-9 {
			in++
		}
		all++
		measured.Points = append(measured.Points, figures.XY{X: g * 1e6, Y: e.Value * 1e6, Low: e.Low * 1e6, High: e.High * 1e6})
	}
	for g := 50.0; g <= 25_000; g *= 1.03 {
		formula.Points = append(formula.Points, figures.XY{X: g * 1e6, Y: s.chance(g, controller) * 1e6})
	}
	c.Lines = []figures.Line{formula, measured}
	return c, in, all
}
