package figures

import (
	"fmt"
	"image/color"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	xfnt "golang.org/x/image/font"
)

// The palette is Okabe and Ito's, which people with any colour vision can tell apart; fates differ
// in shape too.
var (
	ink      = color.RGBA{0x22, 0x22, 0x22, 0xff}
	faint    = color.RGBA{0x77, 0x77, 0x77, 0xff}
	grid     = color.RGBA{0xe4, 0xe4, 0xe4, 0xff}
	blue     = color.RGBA{0x00, 0x72, 0xb2, 0xff}
	green    = color.RGBA{0x00, 0x9e, 0x73, 0xff}
	orange   = color.RGBA{0xe6, 0x9f, 0x00, 0xff}
	red      = color.RGBA{0xd5, 0x2b, 0x00, 0xff}
	sky      = color.RGBA{0x56, 0xb4, 0xe9, 0xff}
	purple   = color.RGBA{0x8e, 0x3c, 0x8a, 0xff}
	yellow   = color.RGBA{0xe3, 0xd0, 0x26, 0xff}
	pink     = color.RGBA{0xe0, 0x82, 0xb4, 0xff}
	brown    = color.RGBA{0x8c, 0x5a, 0x2b, 0xff}
	pale     = color.RGBA{0xc4, 0xc4, 0xc4, 0xff}
	grey     = color.RGBA{0x99, 0x99, 0x99, 0xff}
	election = color.RGBA{0x44, 0x44, 0x44, 0xff}
)

// family groups kinds of faults that share a colour.
type family struct {
	name string
	line color.RGBA
	tint color.RGBA // shade behind the data
}

var (
	processFaults = family{"process or power", orange, color.RGBA{0xfb, 0xef, 0xd3, 0xff}}
	networkFaults = family{"network", sky, color.RGBA{0xe0, 0xf0, 0xfb, 0xff}}
	diskFaults    = family{"disk", purple, color.RGBA{0xf1, 0xe6, 0xf1, 0xff}}
	clockFaults   = family{"clock", green, color.RGBA{0xdd, 0xf2, 0xeb, 0xff}}
)

// familyOf sorts a fault by its plan's word.
func familyOf(kind string) family {
	switch {
	case strings.HasSuffix(kind, "-disk"), strings.HasPrefix(kind, "fail-"):
		return diskFaults
	case kind == "clock", kind == "drift":
		return clockFaults
	case kind == "crash", kind == "power", kind == "pause":
		return processFaults
	}
	return networkFaults
}

const (
	bodySize  = vg.Length(10.5)
	smallSize = vg.Length(9.5)
	titleSize = vg.Length(11.5)
)

func face(size vg.Length, bold bool) font.Font {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfnt.WeightBold
	}
	return f
}

func textStyle(size vg.Length, bold bool, c color.Color) text.Style {
	return text.Style{Color: c, Font: face(size, bold), Handler: plot.DefaultTextHandler, YAlign: draw.YCenter}
}

// newPlot is an empty plot in the house style: light grid, no box, time on the horizontal axis. Units
// of the vertical axis stand in the panel's title or on its ticks.
func newPlot(end int64) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range [...]*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Color, a.LineStyle.Width = faint, 0.6
		a.Tick.LineStyle.Color, a.Tick.LineStyle.Width = faint, 0.6
		a.Tick.Length = 3
		a.Tick.Label.Font, a.Tick.Label.Color = face(smallSize, false), ink
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = face(bodySize, false), ink
		a.Padding = 2
	}
	p.X.Min, p.X.Max = 0, max(seconds(end), 1)
	p.X.Tick.Marker = secondTicks{}
	return p
}

func seconds(ns int64) float64 { return float64(ns) / float64(time.Second) }

// secondTicks marks round numbers of seconds: 5 to 13 labels.
type secondTicks struct{}

func (secondTicks) Ticks(low, high float64) []plot.Tick {
	step := 1
	for _, s := range [...]int{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600} {
		step = s
		if (high-low)/float64(s) <= 13 {
			break
		}
	}
	var out []plot.Tick
	for s := 0; float64(s) <= high; s += step {
		if float64(s) >= low {
			out = append(out, plot.Tick{Value: float64(s), Label: fmt.Sprint(s)})
		}
	}
	return out
}

// countTicks marks round numbers of things: about five.
type countTicks struct{}

func (countTicks) Ticks(low, high float64) []plot.Tick {
	step := 1.0
	for n := 0; high/step > 5; n++ {
		step *= [...]float64{2, 2.5, 2}[n%3]
	}
	var out []plot.Tick
	for v := 0.0; v <= high; v += step {
		out = append(out, plot.Tick{Value: v, Label: fmt.Sprint(v)})
	}
	return out
}

// latencyTicks marks decades of a logarithmic axis in milliseconds, with nine lines between.
type latencyTicks struct{}

func (latencyTicks) Ticks(low, high float64) []plot.Tick {
	var out []plot.Tick
	for _, d := range [...]struct {
		ms    float64
		label string
	}{{0.001, "1 µs"}, {0.01, "10 µs"}, {0.1, "0.1 ms"}, {1, "1 ms"}, {10, "10 ms"}, {100, "100 ms"}, {1000, "1 s"}, {10_000, "10 s"}, {100_000, "100 s"}} {
		for n := 1.0; n < 10; n++ {
			if v := d.ms * n; v >= low && v <= high {
				t := plot.Tick{Value: v}
				if n == 1 {
					t.Label = d.label
				}
				out = append(out, t)
			}
		}
	}
	return out
}
