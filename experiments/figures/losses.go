package figures

import (
	"cmp"
	"fmt"
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/brokerlab/brokerlab/experiments/metrics"
)

// Losses is what became of all messages, or of all requests, of core messaging.
type Losses struct {
	What string // "messages"
	Good string // the outcome that is no loss: "delivered"
	All  int64
	// Outcomes are in the order of reports, those that are no loss among them.
	Outcomes []Outcome
}

// Outcome is one way to end. PerSecond counts by the second of sending.
type Outcome struct {
	Name      string
	Count     int64
	PerSecond []int64
}

// lost are the outcomes that are losses.
func (l *Losses) lost() (out []Outcome, n int64) {
	for _, o := range l.Outcomes {
		if o.Name != l.Good {
			out = append(out, o)
			n += o.Count
		}
	}
	return out, n
}

// lossStyle is how a cause is drawn everywhere.
type lossStyle struct {
	color color.RGBA
	glyph draw.GlyphDrawer
}

// lossStyles are by cause; of a request, by what follows its fate.
var lossStyles = map[string]lossStyle{
	"crash":                   {orange, draw.CircleGlyph{}},
	"slow consumer":           {purple, draw.PyramidGlyph{}},
	"partition":               {blue, draw.BoxGlyph{}},
	"pause":                   {yellow, draw.PyramidGlyph{}},
	"route broken":            {sky, draw.SquareGlyph{}},
	"subscriber's connection": {green, draw.RingGlyph{}},
	"publisher's connection":  {pink, draw.TriangleGlyph{}},
	"dropped by a node":       {brown, draw.BoxGlyph{}},
	"no interest":             {grey, draw.CrossGlyph{}},
	"not sent":                {pale, draw.BoxGlyph{}},
	"no answer":               {purple, draw.RingGlyph{}},
	"late answer":             {brown, draw.RingGlyph{}},
	"undecided":               {election, draw.CircleGlyph{}},
	"unexplained":             {red, boldCross{}},
	"no responders":           {pink, draw.BoxGlyph{}},
	"refused":                 {pale, draw.TriangleGlyph{}},
}

// causeOf is an outcome without the fate that all requests lost by a cause share.
func causeOf(outcome string) string {
	if _, cause, found := strings.Cut(outcome, ": "); found {
		return cause
	}
	return outcome
}

func styleOf(outcome string) lossStyle {
	return cmp.Or(lossStyles[causeOf(outcome)], lossStyle{faint, draw.CrossGlyph{}})
}

// LossesByCause draws what one run lost: how much by each cause, and when.
func LossesByCause(r *metrics.Run, all []Losses) (Figure, error) {
	var panels []panel
	for i := range all {
		panels = append(panels, causePanel(&all[i]))
	}
	if p, ok := faultPanel(r); ok {
		panels = append(panels, p)
	}
	for i := range all {
		panels = append(panels, secondsPanel(r, &all[i]))
	}
	panels[len(panels)-1].plot.X.Label.Text = "time at which it was sent (s, virtual)"
	panels[len(panels)-1].plot.X.Tick.Marker = secondTicks{}
	return render("losses", "Losses by cause",
		"What core messaging lost, by cause: counts, and per mille of all; then when it was lost, stacked by cause. "+
			"A message counts once for each subscriber whose filter names it, and once for each queue group. Shaded: a fault is going on.", panels)
}

// causePanel draws a bar for each cause.
func causePanel(l *Losses) panel {
	lost, n := l.lost()
	p := newPlot(0)
	p.HideX()
	p.X.Min, p.X.Max = 0, 1
	p.Y.Min, p.Y.Max = -0.6, max(float64(len(lost)), 1)-0.4
	var ticks []plot.Tick
	for i, o := range lost {
		ticks = append(ticks, plot.Tick{Value: float64(len(lost) - 1 - i), Label: o.Name})
	}
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Tick.Length = 0
	p.Add(causeBars{lost, l.All})
	title := fmt.Sprintf("%d of %d %s %s; %s not, by cause", l.All-n, l.All, l.What, l.Good, share(n, l.All))
	if n == 0 {
		title = fmt.Sprintf("All %d %s %s", l.All, l.What, l.Good)
		p.HideY()
	}
	return panel{plot: p, title: title, height: 17*vg.Length(len(lost)) + 8}
}

// share is a count, and how many in a thousand it is, rounded to the nearest tenth.
func share(n, all int64) string {
	tenths := (n*10_000 + all/2) / max(all, 1)
	return fmt.Sprintf("%d (%d.%d ‰)", n, tenths/10, tenths%10)
}

// causeBars leaves room for the numbers at the longest bar's end.
type causeBars struct {
	lost []Outcome
	all  int64
}

func (b causeBars) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	small := textStyle(smallSize, false, ink)
	most := int64(1)
	for _, o := range b.lost {
		most = max(most, o.Count)
	}
	room := c.Max.X - c.Min.X - small.Width(share(most, b.all)) - 6
	for i, o := range b.lost {
		level, end := y(float64(len(b.lost)-1-i)), c.Min.X+room*vg.Length(o.Count)/vg.Length(most)
		c.SetColor(styleOf(o.Name).color)
		c.Fill(vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: level - 5.5}, Max: vg.Point{X: end, Y: level + 5.5}}.Path())
		c.FillText(small, vg.Point{X: end + 5, Y: level}, share(o.Count, b.all))
	}
}

// secondsPanel stacks causes over the seconds of a run.
func secondsPanel(r *metrics.Run, l *Losses) panel {
	p := newPlot(r.End)
	p.X.Tick.Marker = unlabelled{}
	lost, _ := l.lost()
	sums := make([]int64, int(p.X.Max)+1)
	var legend []mark
	for _, o := range lost {
		for s, n := range o.PerSecond {
			sums[s] += n
		}
		legend = append(legend, mark{label: causeOf(o.Name), color: styleOf(o.Name).color, block: true})
	}
	most := int64(4)
	for _, n := range sums {
		most = max(most, n)
	}
	p.Y.Min, p.Y.Max = 0, float64(most)*1.05
	p.Y.Tick.Marker = countTicks{}
	p.Add(shade{r.Spans}, lines{}, stack(lost), healed{r.Healed})
	return panel{plot: p, title: fmt.Sprintf("Lost %s per second", l.What), legend: legend, height: 150}
}

// stack draws one column a second.
type stack []Outcome

func (s stack) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var below []int64
	for _, o := range s {
		c.SetColor(styleOf(o.Name).color)
		for sec, n := range o.PerSecond {
			for len(below) <= sec {
				below = append(below, 0)
			}
			if n > 0 {
				low, high := y(float64(below[sec])), y(float64(below[sec]+n))
				c.Fill(vg.Rectangle{Min: vg.Point{X: x(float64(sec)) + 0.5, Y: low}, Max: vg.Point{X: x(min(float64(sec+1), p.X.Max)) - 0.5, Y: high}}.Path())
			}
			below[sec] += n
		}
	}
}
