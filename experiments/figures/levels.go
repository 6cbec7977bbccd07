package figures

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// LevelLosses is what became of all messages, or of all requests, over seeds of which each has a level of faults.
type LevelLosses struct {
	What, Good string
	Levels     []Level
	Outcomes   []LevelOutcome // in the order of reports
}

// Level is what its seeds have in common.
type Level struct {
	Level, Seeds int
	All          int64 // messages of all seeds
}

// LevelOutcome is one way to end, by the levels of its LevelLosses.
type LevelOutcome struct {
	Name string
	At   []LevelShare
}

// LevelShare is how many of a level's messages ended so, per million of all seeds together, and in the seed with the
// smallest and the one with the largest share.
type LevelShare struct {
	Count                   int64
	PerMillion, Least, Most int64
}

// LossesByLevel draws the share of messages lost by each cause against the level of faults. Command is what makes it.
func LossesByLevel(all []LevelLosses, command string) (Figure, error) {
	var panels []panel
	for i := range all {
		panels = append(panels, levelPanel(&all[i]))
	}
	panels[len(panels)-1].plot.X.Label.Text = "level of faults (marks: all seeds together; bars: from the least to the most of one seed)\n" + command
	return render("losses", "Losses by cause and level of faults",
		"How much of core messaging is lost, by cause, the more goes wrong: per million of all seeds of a level together; bars reach from "+
			"the seed with the smallest share to the one with the largest. Made by: "+command, panels)
}

func levelPanel(l *LevelLosses) panel {
	p := newPlot(0)
	p.X.Tick.Marker = plot.ConstantTicks(levelTicks(l.Levels))
	p.X.Tick.Length = 0
	p.X.Min, p.X.Max = -0.5, float64(len(l.Levels))-0.5
	low, high := 10.0, 100.0
	var lost []LevelOutcome
	var legend []mark
	for _, o := range l.Outcomes {
		if o.Name == l.Good {
			continue
		}
		lost = append(lost, o)
		s := styleOf(o.Name)
		legend = append(legend, mark{label: causeOf(o.Name), color: s.color, glyph: s.glyph})
		for _, at := range o.At {
			high = max(high, float64(at.Most))
			for _, v := range [...]int64{at.PerMillion, at.Least} {
				if v > 0 {
					low = min(low, float64(v))
				}
			}
		}
	}
	low = math.Pow(10, math.Floor(math.Log10(low)))
	none := low / 2.5
	p.Y.Scale = plot.LogScale{}
	p.Y.Min, p.Y.Max = none/1.6, high*1.5
	p.Y.Tick.Marker = plot.ConstantTicks(shareTicks(none, low, p.Y.Max))
	p.Add(lines{}, levelMarks{lost, none})
	return panel{plot: p, title: fmt.Sprintf("Lost per million %s (log scale)", l.What), legend: legend, height: 260}
}

func levelTicks(levels []Level) []plot.Tick {
	var out []plot.Tick
	for i, l := range levels {
		label := fmt.Sprintf("%d\n%d seeds", l.Level, l.Seeds)
		if l.Seeds == 1 {
			label = strings.TrimSuffix(label, "s")
		}
		out = append(out, plot.Tick{Value: float64(i), Label: label})
	}
	return out
}

// shareTicks marks none, and decades of a million.
func shareTicks(none, low, high float64) []plot.Tick {
	out := []plot.Tick{{Value: none, Label: "none"}}
	for v := low; v <= high; v *= 10 {
		out = append(out, plot.Tick{Value: v, Label: fmt.Sprintf("%.0f", v)})
		for n := 2.0; n < 10 && v*n <= high; n++ {
			out = append(out, plot.Tick{Value: v * n})
		}
	}
	return out
}

// levelMarks draws the causes of a level beside one another, joined to those of the next level.
type levelMarks struct {
	lost []LevelOutcome
	none float64 // where nothing is drawn, zero being nowhere on a logarithmic axis
}

func (m levelMarks) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := func(v int64) vg.Length { return y(max(float64(v), m.none)) }
	for k, o := range m.lost {
		s := styleOf(o.Name)
		offset := (float64(k) - float64(len(m.lost)-1)/2) * 0.66 / float64(max(len(m.lost), 5))
		var points []vg.Point
		for i, v := range o.At {
			points = append(points, vg.Point{X: x(float64(i) + offset), Y: at(v.PerMillion)})
		}
		c.StrokeLines(draw.LineStyle{Color: s.color, Width: 0.5, Dashes: []vg.Length{1, 2}}, points)
		for i, v := range o.At {
			c.StrokeLine2(draw.LineStyle{Color: s.color, Width: 1}, points[i].X, at(v.Least), points[i].X, at(v.Most))
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: s.color, Radius: 3.4, Shape: s.glyph}, points[i])
		}
	}
}
