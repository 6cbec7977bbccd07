package figures

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/brokerlab/brokerlab/experiments/metrics"
)

// Fate is what became of a message, for drawing.
type Fate uint8

const (
	Kept        Fate = iota // acknowledged, and still there
	Unknown                 // outcome unknown, and not seen again
	Recovered               // outcome unknown, and there after all
	Failed                  // certainly not stored
	LostPrefix              // acknowledged and gone, before everything that survived
	LostMiddle              // acknowledged and gone, between survivors
	LostPostfix             // acknowledged and gone, after everything that survived
	Undecided               // acknowledged, and nobody looked at the end
	Removed                 // acknowledged, and removed by a rule
	fates
)

// Dot is one message.
type Dot struct {
	Sent    int64 // nanoseconds
	Latency int64 // until the answer, or until the client gave up
	Fate    Fate
}

// fateStyles is in order of drawing: what matters most comes last, on top.
var fateStyles = [...]struct {
	fate   Fate
	label  string
	color  color.RGBA
	glyph  draw.GlyphDrawer
	radius vg.Length
}{
	{Kept, "kept", green, draw.CircleGlyph{}, 1.1},
	{Failed, "failed", grey, draw.CrossGlyph{}, 2},
	{Recovered, "unknown, stored", sky, draw.RingGlyph{}, 2},
	{Unknown, "unknown, absent", orange, draw.RingGlyph{}, 2},
	{Removed, "removed by a rule", blue, draw.SquareGlyph{}, 1.4},
	{Undecided, "undecided", purple, draw.PyramidGlyph{}, 2.4},
	{LostPrefix, "lost: prefix", red, draw.PlusGlyph{}, 3.4},
	{LostMiddle, "lost: middle", red, draw.CrossGlyph{}, 3},
	{LostPostfix, "lost: postfix", red, draw.BoxGlyph{}, 2.4},
}

// Messages draws every message by its fate: when it was sent against how long its answer took.
func Messages(r *metrics.Run, dots []Dot) (Figure, error) {
	p := newPlot(r.End)
	low, high := int64(1000), int64(10_000)
	var counts [fates]int
	for _, d := range dots {
		low, high = min(low, max(d.Latency/1000, 1)), max(high, d.Latency/1000)
		counts[d.Fate]++
	}
	logAxis(p, low, high)
	p.X.Label.Text = "time at which it was published (s, virtual)"
	p.Add(shade{r.Spans}, lines{}, healed{r.Healed})
	var legend []mark
	for _, s := range fateStyles {
		if counts[s.fate] == 0 {
			continue
		}
		cloud := cloud{style: draw.GlyphStyle{Color: s.color, Radius: s.radius, Shape: s.glyph}}
		for _, d := range dots {
			if d.Fate == s.fate {
				cloud.dots = append(cloud.dots, d)
			}
		}
		p.Add(cloud)
		legend = append(legend, mark{label: fmt.Sprintf("%s (%d)", s.label, counts[s.fate]), color: s.color, glyph: s.glyph})
	}
	p.Add(elections{r.Elections})
	var panels []panel
	if fp, ok := faultPanel(r); ok {
		panels = append(panels, fp)
	}
	panels = append(panels, panel{plot: p, title: "Every message by its fate; height: how long its client waited (log scale)", legend: legend, height: 260})
	return render("messages", "Every message by its fate",
		"One mark a message: when it was published, and how long the client waited for its answer (logarithmic). "+
			"Red: acknowledged, and gone at the end.", panels)
}

// cloud draws marks, each place on the paper once: thousands of equal dots on one another
// would only make the file large.
type cloud struct {
	style draw.GlyphStyle
	dots  []Dot
}

func (cl cloud) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	seen := map[[2]int]bool{}
	for _, d := range cl.dots {
		pt := vg.Point{X: x(seconds(d.Sent)), Y: y(float64(max(d.Latency, 1000)) / 1e6)}
		cell := [2]int{int(pt.X * 2), int(pt.Y * 2)}
		if !seen[cell] {
			seen[cell] = true
			c.DrawGlyph(cl.style, pt)
		}
	}
}
