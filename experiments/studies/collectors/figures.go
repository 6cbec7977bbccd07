package collectors

import (
	"strings"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
)

// lanesFigure draws what each collector did to the busiest node, of one seed: pauses and marks beside the heap.
func lanesFigure(t *study.Tables) (figures.Figure, error) {
	events := t.Of("events")
	var charts []figures.Chart
	for _, k := range gcCases() {
		if !k.lanes {
			continue
		}
		e := gcRows(events, &k.System, k.gc, k.cores)
		if e.Len() == 0 {
			continue // no cycle ended in its window
		}
		title := k.gc
		if k.Design != systems.Reference.Design {
			title = "Kafka design: " + k.gc
		}
		charts = append(charts, pauseLane(title, e, seconds(k.window(&t.Options))), heapLane(title, e, seconds(k.window(&t.Options))))
	}
	return figures.Grid("lanes", "What collectors do to a broker under one load",
		"One seed, the node that leads. Left: each pause a stem as high as it lasted, stretches of marking beside the program as blocks along the top, at least a hair wide; right: the heap between what a cycle leaves and the next, and its goal. The lanes of Kafka's design are ten times as long.",
		t.Command, 2, charts)
}

var (
	pauseStyle = figures.Style{Color: figures.Red}
	markStyle  = figures.Style{Color: figures.Sky}
	heapStyle  = figures.Style{Color: figures.Blue}
	goalStyle  = figures.Style{Color: figures.Grey, Dashed: true}
)

// seconds of nanoseconds.
func seconds(ns int64) float64 { return float64(ns) / 1e9 }

func pauseLane(title string, e *study.Rows, end float64) figures.Chart {
	c := figures.Chart{
		Title: title, X: figures.Axis{Label: "time, s", Max: end},
		Y: figures.Axis{Label: "pause", Scale: figures.Log, Unit: figures.Nanos, Min: 1e4, Max: 1e8},
	}
	pauses, marks := figures.Line{Name: "pause", Style: pauseStyle, Kind: figures.Stems}, figures.Line{Name: "marking beside the program", Style: markStyle, Kind: figures.Blocks}
	stalls := figures.Line{Name: "allocation stall", Style: figures.Style{Color: figures.Brown}, Kind: figures.Stems}
	for i := range e.Len() {
		at, nanos := e.Int(i, "at_ns"), e.Int(i, "nanos")
		switch e.Text(i, "kind") {
		case "pause":
			pauses.Points = append(pauses.Points, figures.XY{X: seconds(at), Y: float64(nanos)})
		case "mark":
			marks.Points = append(marks.Points, figures.XY{X: seconds(at), Y: 1e8, Low: 4e7, High: seconds(nanos)})
		case "stall":
			stalls.Points = append(stalls.Points, figures.XY{X: seconds(at), Y: float64(nanos)})
		}
	}
	c.Lines = []figures.Line{marks, pauses}
	if len(stalls.Points) > 0 {
		c.Lines = append(c.Lines, stalls)
	}
	return c
}

func heapLane(title string, e *study.Rows, end float64) figures.Chart {
	c := figures.Chart{Title: title, X: figures.Axis{Label: "time, s", Max: end}, Y: figures.Axis{Label: "heap", Unit: figures.Bytes}}
	heap, goal := figures.Line{Name: "heap", Style: heapStyle, Kind: figures.Plain}, figures.Line{Name: "goal (a JVM's: its whole heap)", Style: goalStyle, Kind: figures.Steps}
	for i := range e.Len() {
		if e.Text(i, "kind") != "heap" {
			continue
		}
		at := seconds(e.Int(i, "at_ns"))
		heap.Points = append(heap.Points, figures.XY{X: at, Y: float64(e.Int(i, "heap_bytes"))})
		goal.Points = append(goal.Points, figures.XY{X: at, Y: float64(e.Int(i, "goal_bytes"))})
	}
	c.Y.Max = 1.05 * float64(max(e.Most("heap_bytes"), e.Most("goal_bytes"), 1))
	c.Lines = []figures.Line{heap, goal}
	return c
}

// ninesFigure draws latency against the share of publishes that took no longer.
func ninesFigure(t *study.Tables) (figures.Figure, error) {
	p := t.Of("points")
	chart := func(title string, keep func(k *gcCase) bool) figures.Chart {
		c := figures.Chart{
			Title: title, X: figures.Axis{Label: "share of publishes", Scale: figures.Nines},
			Y: figures.Axis{Label: "latency", Scale: figures.Log, Unit: figures.Nanos},
		}
		for _, k := range gcCases() {
			if keep(&k) {
				c.Lines = append(c.Lines, ninesLine(p, &k))
			}
		}
		return c
	}
	isGo := func(k *gcCase) bool { return strings.HasPrefix(k.gc, "Go") }
	ref := func(k *gcCase) bool { return k.Design == systems.Reference.Design }
	return figures.Grid("nines", "Latency of publishes under each collector (reference: synced; Kafka: replicated, not synced)",
		"Latency from the time a publish was due; medians over the seeds, with their bootstrap interval (of fewer than five seeds their range). Every publish of the reference broker is synced by a quorum before it is acknowledged; Kafka's are replicated and not synced.",
		t.Command, 2, []figures.Chart{
			chart("reference, 8 cores: Go's settings", func(k *gcCase) bool { return ref(k) && k.cores == 8 && (isGo(k) || k.gc == noGC) }),
			chart("reference, 8 cores: collectors", func(k *gcCase) bool { return ref(k) && k.cores == 8 && (!isGo(k) || k.gc == go100) }),
			chart("reference, Go at GOGC 100: cores", func(k *gcCase) bool { return ref(k) && k.gc == go100 }),
			chart("Kafka design", func(k *gcCase) bool { return !ref(k) }),
		})
}

// looks are the styles of collectors in legends.
var looks = map[string]figures.Style{
	"Go, GOGC 50": {Color: figures.Sky, Mark: figures.Disc}, go100: {Color: figures.Blue, Mark: figures.Disc}, "Go, GOGC 400": {Color: figures.Purple, Mark: figures.Disc},
	goTight: {Color: figures.Red, Mark: figures.Disc}, goRoomy: {Color: figures.Pink, Mark: figures.Disc},
	g1Small: {Color: figures.Orange, Mark: figures.Disc}, zgcSmall: {Color: figures.Green, Mark: figures.Disc}, noGC: {Color: figures.Grey, Mark: figures.Disc},
	g1Large: {Color: figures.Orange, Mark: figures.Ring}, zgcLarge: {Color: figures.Green, Mark: figures.Ring},
}

func ninesLine(p *study.Rows, k *gcCase) figures.Line {
	look, name := looks[k.gc], k.gc
	switch {
	case k.Design == systems.KafkaAll.Design:
		look.Mark, name = figures.Ring, name+" (Kafka)"
		if k.cores != 8 {
			look.Dashed, name = true, name+", 2 cores"
			look.Color = figures.Red
		}
	case k.cores == 1:
		look.Color, name = figures.Red, name+", 1 core"
	case k.cores == 2:
		look.Color, name = figures.Orange, name+", 2 cores"
	case k.cores == 4:
		look.Color, name = figures.Green, name+", 4 cores"
	}
	line := figures.Line{Name: name, Style: look}
	r := gcRows(p, &k.System, k.gc, k.cores)
	for _, q := range []struct {
		share  float64
		column string
	}{{0.5, "p50_ns"}, {0.9, "p90_ns"}, {0.99, "p99_ns"}, {0.999, "p99.9_ns"}, {0.9999, "p99.99_ns"}} {
		e := stats.Median(r.Ints(q.column))
		line.Points = append(line.Points, figures.XY{X: q.share, Y: e.Value, Low: e.Low, High: e.High})
	}
	return line
}
