package memory

import (
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// liveFigure draws live bytes and heap against each axis.
func liveFigure(t *study.Tables) (figures.Figure, error) {
	p := t.Of("points")
	var charts []figures.Chart
	at := map[string]int{}
	for _, a := range axes() {
		i, ok := at[a.name]
		if !ok {
			i = len(charts)
			at[a.name] = i
			charts = append(charts, figures.Chart{Title: "against " + a.name, X: figures.Axis{Label: a.name, Scale: figures.Log}, Y: figures.Axis{Label: "bytes", Scale: figures.Log, Unit: figures.Bytes}})
		}
		rows := p.Where("axis", a.name, "system", a.system.Name)
		live := figures.Line{Name: a.system.Name + ": live", Style: a.system.Style()}
		heap := figures.Line{Name: a.system.Name + ": heap", Style: a.system.Style(), Kind: figures.Plain}
		heap.Style.Dashed = true
		for _, n := range rows.Values("n") {
			x, _ := strconv.ParseFloat(n, 64)
			of := rows.Where("n", n)
			e := stats.Median(of.Ints("live_bytes"))
			live.Points = append(live.Points, figures.XY{X: x, Y: e.Value, Low: e.Low, High: e.High})
			heap.Points = append(heap.Points, figures.XY{X: x, Y: of.Median("heap_bytes")})
		}
		charts[i].Lines = append(charts[i].Lines, live, heap)
		if a.name == "slow subscribers" {
			charts[i].Lines = append(charts[i].Lines, boundLine(rows))
		}
	}
	return figures.Grid("memory", "What memory grows with",
		"Live bytes of the node that holds most, as the machines account for them, and the most that the collector's model had on its heap, which is no less. The bound of slow subscribers is PendingBytes each.", t.Command, 2, charts)
}

func boundLine(rows *study.Rows) figures.Line {
	line := figures.Line{Name: "bound", Style: figures.Style{Color: figures.Red, Dashed: true}, Kind: figures.Plain}
	for _, n := range rows.Values("n") {
		x, _ := strconv.ParseFloat(n, 64)
		line.Points = append(line.Points, figures.XY{X: x, Y: x * pendingBound})
	}
	return line
}
