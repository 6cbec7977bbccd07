package figures

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/brokerlab/brokerlab/experiments/metrics"
)

// Timeline draws faults, throughput and latency over one time axis.
func Timeline(r *metrics.Run) (Figure, error) {
	var panels []panel
	if p, ok := faultPanel(r); ok {
		panels = append(panels, p)
	}
	panels = append(panels, throughputPanel(r), latencyPanel(r))
	last := panels[len(panels)-1].plot
	last.X.Label.Text = "time since the run began (s, virtual)"
	return render("timeline", "Throughput and latency",
		"Operations completed in each second, and latency by the second in which a publish was sent (logarithmic). "+
			"Shaded: a fault is going on. Triangles: a node became leader.", panels)
}

// series is one line over the seconds of a run.
type series struct {
	label string
	color color.Color
	width vg.Length
	dash  []vg.Length
	value func(*metrics.Sample) int64
}

func throughputPanel(r *metrics.Run) panel {
	p := newPlot(r.End)
	all := []series{
		{"offered", grey, 1, []vg.Length{2, 2}, func(s *metrics.Sample) int64 { return s.Offered }},
		{"acknowledged", blue, 1.4, nil, func(s *metrics.Sample) int64 { return s.Acked }},
		{"read", green, 1.2, nil, func(s *metrics.Sample) int64 { return s.ReadOK }},
		{"unknown", orange, 1.2, nil, func(s *metrics.Sample) int64 { return s.Unknown + s.ReadUnknown }},
		{"failed", red, 1.2, nil, func(s *metrics.Sample) int64 { return s.Failed + s.ReadFailed }},
	}
	p.Y.Min, p.Y.Max = 0, 1
	for i := range r.Samples {
		for _, s := range all {
			p.Y.Max = max(p.Y.Max, float64(s.value(&r.Samples[i])))
		}
	}
	p.Y.Max *= 1.05
	p.Y.Tick.Marker = countTicks{}
	p.Add(shade{r.Spans}, lines{})
	legend := addSeries(p, r, all, false)
	p.Add(healed{r.Healed}, elections{r.Elections})
	p.X.Tick.Marker = unlabelled{}
	legend = append(legend, mark{label: "election", color: election, glyph: triangle{}})
	return panel{plot: p, title: "Operations per second", legend: legend, height: 150}
}

func latencyPanel(r *metrics.Run) panel {
	p := newPlot(r.End)
	all := []series{
		{"maximum", red, 0.9, nil, func(s *metrics.Sample) int64 { return s.PublishMaxUS }},
		{"99th percentile", orange, 1.2, nil, func(s *metrics.Sample) int64 { return s.PublishP99US }},
		{"median", blue, 1.5, nil, func(s *metrics.Sample) int64 { return s.PublishP50US }},
	}
	low, high := int64(1000), int64(10_000)
	for i := range r.Samples {
		if s := &r.Samples[i]; s.PublishP50US > 0 {
			low, high = min(low, s.PublishP50US), max(high, s.PublishMaxUS)
		}
	}
	logAxis(p, low, high)
	p.Add(shade{r.Spans}, lines{})
	legend := addSeries(p, r, all, true)
	p.Add(healed{r.Healed}, elections{r.Elections})
	return panel{plot: p, title: "Latency of acknowledged publishes (log scale)", legend: legend, height: 185}
}

// logAxis makes the vertical axis logarithmic in milliseconds around low and high microseconds.
func logAxis(p *plot.Plot, low, high int64) {
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = latencyTicks{}
	p.Y.Min, p.Y.Max = float64(low)/1000*0.7, float64(high)/1000*1.4
}

// addSeries draws steps, one a second; with gaps, a second of value 0 has no line.
func addSeries(p *plot.Plot, r *metrics.Run, all []series, gaps bool) []mark {
	var legend []mark
	for _, s := range all {
		used := false
		var run plotter.XYs
		flush := func() {
			if len(run) > 0 {
				p.Add(seriesLine{run, draw.LineStyle{Color: s.color, Width: s.width, Dashes: s.dash}})
			}
			run = nil
		}
		for i := range r.Samples {
			if float64(i)+0.2 > seconds(r.End) {
				break // the rest of a second says nothing about rates
			}
			v := float64(s.value(&r.Samples[i]))
			used = used || v > 0
			if gaps {
				if v == 0 {
					flush()
					continue
				}
				v /= 1000
			}
			end := min(float64(i+1), seconds(r.End))
			run = append(run, plotter.XY{X: float64(i), Y: v}, plotter.XY{X: end, Y: v})
		}
		if used {
			flush()
			legend = append(legend, mark{label: s.label, color: s.color})
		}
	}
	return legend
}

// seriesLine is a polyline; unlike plotter.Line it does not ask for room outside the axes.
type seriesLine struct {
	points plotter.XYs
	style  draw.LineStyle
}

func (l seriesLine) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	pts := make([]vg.Point, len(l.points))
	for i, pt := range l.points {
		pts[i] = vg.Point{X: x(pt.X), Y: y(pt.Y)}
	}
	c.StrokeLines(l.style, c.ClipLinesXY(pts)...)
}

// triangle points down, as the ticks of elections do.
type triangle struct{}

func (triangle) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	c.SetColor(s.Color)
	var t vg.Path
	t.Move(vg.Point{X: at.X - s.Radius, Y: at.Y + s.Radius})
	t.Line(vg.Point{X: at.X + s.Radius, Y: at.Y + s.Radius})
	t.Line(vg.Point{X: at.X, Y: at.Y - s.Radius})
	t.Close()
	c.Fill(t)
}
