package figures

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// StyleOf is the style of a design under a policy, the same in every figure: colour is by design, marks are by what has been
// synced when a message is acknowledged.
func StyleOf(design, policy string) Style {
	s := Style{Color: Brown, Mark: Diamond}
	switch design {
	case "reference":
		s.Color = Blue
	case "nats":
		s.Color = Orange
	case "kafka":
		s.Color = Green
	case "redpanda":
		s.Color = Purple
	case "core":
		s.Color = Grey
	}
	switch policy {
	case "synced":
		s.Mark = Disc
	case "replicated":
		s.Mark = Ring
	case "memory":
		s.Mark = Cross
	case "one-synced":
		s.Mark = Square
	}
	return s
}

func (c Color) rgba() color.RGBA {
	switch c {
	case Blue:
		return blue
	case Orange:
		return orange
	case Green:
		return green
	case Purple:
		return purple
	case Sky:
		return sky
	case Red:
		return red
	case Grey:
		return grey
	case Pink:
		return pink
	}
	return brown
}

// tint is a colour that others are seen through.
func (c Color) tint() color.NRGBA {
	solid := c.rgba()
	return color.NRGBA{solid.R, solid.G, solid.B, 0x38}
}

const markRadius = vg.Length(3)

// stamp draws a mark. Hollow ones are filled white, so that lines do not run through them.
func (s Style) stamp(c draw.Canvas, at vg.Point) {
	c.SetColor(s.Color.rgba())
	c.SetLineDash(nil, 0)
	r := markRadius
	switch s.Mark {
	case Disc:
		c.Fill(circle(at, r))
	case Ring:
		c.SetColor(color.White)
		c.Fill(circle(at, r))
		c.SetColor(s.Color.rgba())
		c.SetLineWidth(1.2)
		c.Stroke(circle(at, r-0.4))
	case Cross:
		c.SetLineWidth(1.3)
		for _, turn := range [...]vg.Length{1, -1} {
			var p vg.Path
			p.Move(vg.Point{X: at.X - r*0.9, Y: at.Y - turn*r*0.9})
			p.Line(vg.Point{X: at.X + r*0.9, Y: at.Y + turn*r*0.9})
			c.Stroke(p)
		}
	case Square:
		c.Fill(polygon(at, r*1.25, math.Pi/4))
	default:
		c.Fill(polygon(at, r*1.35, 0))
	}
}

func circle(at vg.Point, r vg.Length) vg.Path {
	var p vg.Path
	p.Move(vg.Point{X: at.X + r, Y: at.Y})
	p.Arc(at, r, 0, 2*math.Pi)
	p.Close()
	return p
}

// polygon is a square of which a corner is at a distance and an angle.
func polygon(at vg.Point, r vg.Length, angle float64) vg.Path {
	var p vg.Path
	for k := range 4 {
		sin, cos := math.Sincos(angle + float64(k)*math.Pi/2)
		corner := vg.Point{X: at.X + r*vg.Length(cos), Y: at.Y + r*vg.Length(sin)}
		if k == 0 {
			p.Move(corner)
			continue
		}
		p.Line(corner)
	}
	p.Close()
	return p
}

// stroke is how a line of the style is drawn.
func (s Style) stroke(width vg.Length) draw.LineStyle {
	l := draw.LineStyle{Color: s.Color.rgba(), Width: width}
	if s.Dashed {
		l.Dashes = []vg.Length{4, 2.5}
	}
	return l
}

// swatch draws what a legend's entry stands for, y being its middle.
func (l *Line) swatch(c draw.Canvas, x, y vg.Length) {
	middle := vg.Point{X: x + swatchWidth/2 - 4, Y: y}
	end := x + swatchWidth - 8
	switch l.Kind {
	case BandOnly, Blocks:
		c.SetColor(l.Style.Color.rgba())
		if l.Kind == BandOnly {
			c.SetColor(l.Style.Color.tint())
		}
		c.Fill(vg.Rectangle{Min: vg.Point{X: x + 2, Y: y - 4}, Max: vg.Point{X: end - 2, Y: y + 4}}.Path())
	case Stems:
		c.StrokeLine2(l.Style.stroke(1.2), middle.X, y-4, middle.X, y+4)
	case Joined, Plain, Steps:
		c.StrokeLine2(l.Style.stroke(1.4), x, y, end, y)
	}
	if l.marked() {
		l.Style.stamp(c, middle)
	}
}
