package figures

import (
	"image/color"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/brokerlab/brokerlab/experiments/metrics"
)

// shade paints the spans of faults behind the data.
type shade struct{ spans []metrics.Span }

func (s shade) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, span := range s.spans {
		r := vg.Rectangle{
			Min: vg.Point{X: x(seconds(span.From)), Y: c.Min.Y},
			Max: vg.Point{X: max(x(seconds(span.To)), x(seconds(span.From))+1), Y: c.Max.Y},
		}
		c.SetColor(familyOf(span.Kind).tint)
		c.Fill(r.Path())
	}
}

// elections ticks every change of leader at the top.
type elections struct{ at []metrics.Election }

func (e elections) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, el := range e.at {
		at := x(seconds(el.Time))
		c.SetColor(election)
		var tri vg.Path
		tri.Move(vg.Point{X: at - 3.5, Y: c.Max.Y})
		tri.Line(vg.Point{X: at + 3.5, Y: c.Max.Y})
		tri.Line(vg.Point{X: at, Y: c.Max.Y - 6})
		tri.Close()
		c.Fill(tri)
		c.StrokeLine2(draw.LineStyle{Color: election, Width: 0.4, Dashes: []vg.Length{1, 2}}, at, c.Min.Y, at, c.Max.Y)
	}
}

// lines draws a light grid at the labelled ticks.
type lines struct{ vertical bool }

func (l lines) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := draw.LineStyle{Color: grid, Width: 0.5}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if t.Label != "" && t.Value > p.Y.Min {
			c.StrokeLine2(style, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
	if !l.vertical {
		return
	}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		c.StrokeLine2(style, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
	}
}

// healed marks the moment from which progress is owed.
type healed struct{ at int64 }

func (h healed) Plot(c draw.Canvas, p *plot.Plot) {
	if h.at == 0 {
		return
	}
	x, _ := p.Transforms(&c)
	at := x(seconds(h.at))
	c.StrokeLine2(draw.LineStyle{Color: green, Width: 1, Dashes: []vg.Length{4, 2}}, at, c.Min.Y, at, c.Max.Y)
}

// faultBars draws one row a kind of fault, or more where faults of a kind overlap; bars are
// labelled with the nodes they struck.
type faultBars struct{ rows []faultRow }

type faultRow struct {
	kind  string
	first bool // of its kind
	spans []metrics.Span
}

func newFaultBars(spans []metrics.Span) faultBars {
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(x, y metrics.Span) int { return int(min(max(x.From-y.From, -1), 1)) })
	var kinds []string
	for _, s := range spans {
		if !slices.Contains(kinds, s.Kind) {
			kinds = append(kinds, s.Kind)
		}
	}
	var b faultBars
	for _, kind := range kinds {
		lanes := []faultRow{{kind: kind, first: true}}
		for _, s := range spans {
			if s.Kind == kind {
				lanes = place(lanes, s)
			}
		}
		b.rows = append(b.rows, lanes...)
	}
	return b
}

// mostLanes bounds the rows of one kind; beyond it bars lie on one another.
const mostLanes = 3

// place puts a span into the first lane that is free.
func place(lanes []faultRow, s metrics.Span) []faultRow {
	for i := range lanes {
		if n := len(lanes[i].spans); n == 0 || lanes[i].spans[n-1].To <= s.From || i == mostLanes-1 {
			lanes[i].spans = append(lanes[i].spans, s)
			return lanes
		}
	}
	return append(lanes, faultRow{kind: s.Kind, spans: []metrics.Span{s}})
}

func (b faultBars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, row := range b.rows {
		row.draw(c, x, y(float64(len(b.rows)-1-i)))
	}
}

func (r faultRow) draw(c draw.Canvas, x func(float64) vg.Length, level vg.Length) {
	small := textStyle(smallSize-1, false, ink)
	free := c.Min.X
	for i, s := range r.spans {
		from, to := x(seconds(s.From)), max(x(seconds(s.To)), x(seconds(s.From))+2)
		c.SetColor(familyOf(r.kind).line)
		c.Fill(vg.Rectangle{Min: vg.Point{X: from, Y: level - 4}, Max: vg.Point{X: to, Y: level + 4}}.Path())
		room := c.Max.X
		if i+1 < len(r.spans) {
			room = x(seconds(r.spans[i+1].From))
		}
		label := struck(s.What)
		switch w := small.Width(label); {
		case w+6 <= room-to:
			onWhite(c, small, to+3, level, label)
			to += w + 3
		case w+6 <= from-free:
			onWhite(c, small, from-w-3, level, label)
		}
		free = max(free, to)
	}
}

// onWhite writes over lines, not through them.
func onWhite(c draw.Canvas, style draw.TextStyle, x, y vg.Length, label string) {
	c.SetColor(color.White)
	c.Fill(vg.Rectangle{Min: vg.Point{X: x - 1, Y: y - 5}, Max: vg.Point{X: x + style.Width(label) + 1, Y: y + 5}}.Path())
	c.FillText(style, vg.Point{X: x, Y: y}, label)
}

var (
	roleWithNodes = regexp.MustCompile(`[a-z]+(?: \d+)?(?: of \S+)? \(([^)]*)\)`)
	planTimes     = regexp.MustCompile(`^at \S+ \S+ ?| for \S+`)
)

// struck is the part of a plan's line that says whom it struck, roles given as nodes.
func struck(line string) string {
	return strings.TrimSpace(roleWithNodes.ReplaceAllString(planTimes.ReplaceAllString(line, ""), "$1"))
}

// faultPanel is the strip of faults, or false when there were none.
func faultPanel(r *metrics.Run) (panel, bool) {
	bars := newFaultBars(r.Spans)
	if len(bars.rows) == 0 {
		return panel{}, false
	}
	p := newPlot(r.End)
	p.Y.Min, p.Y.Max = -0.6, float64(len(bars.rows))-0.4
	p.Y.Tick.Marker = plot.ConstantTicks(rowTicks(bars.rows))
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	p.Add(lines{vertical: true}, healed{r.Healed}, bars)
	p.X.Tick.Marker = unlabelled{}
	legend := []mark{}
	for _, f := range [...]family{processFaults, networkFaults, diskFaults, clockFaults} {
		if slices.ContainsFunc(bars.rows, func(r faultRow) bool { return familyOf(r.kind).name == f.name }) {
			legend = append(legend, mark{label: f.name, color: f.line, block: true})
		}
	}
	if r.Healed > 0 {
		legend = append(legend, mark{label: "healed", color: green})
	}
	return panel{plot: p, title: "Faults", legend: legend, height: 15*vg.Length(len(bars.rows)) + 14}, true
}

// rowTicks names each kind once, at its first row.
func rowTicks(rows []faultRow) []plot.Tick {
	var out []plot.Tick
	for i, r := range rows {
		if r.first {
			out = append(out, plot.Tick{Value: float64(len(rows) - 1 - i), Label: r.kind})
		}
	}
	return out
}

// unlabelled marks the same times as the panels below, which carry the labels.
type unlabelled struct{}

func (unlabelled) Ticks(low, high float64) []plot.Tick {
	ticks := secondTicks{}.Ticks(low, high)
	for i := range ticks {
		ticks[i].Label = ""
	}
	return ticks
}
