package figures

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var (
	shadow = color.RGBA{0xee, 0xee, 0xee, 0xff}
	parity = color.RGBA{0xb0, 0xb0, 0xb0, 0xff}
)

// drawShades paints stretches of X behind the data.
func (c *cell) drawShades(area draw.Canvas) {
	for _, s := range c.Shades {
		from, to := min(max(c.x.at(s.From), 0), 1), min(max(c.x.at(s.To), 0), 1)
		if from < to {
			area.SetColor(shadow)
			area.Fill(vg.Rectangle{Min: vg.Point{X: area.X(from), Y: area.Min.Y}, Max: vg.Point{X: area.X(to), Y: area.Max.Y}}.Path())
		}
	}
}

// drawGrid draws light lines at labelled ticks, and a darker one where a ratio is one.
func (c *cell) drawGrid(area draw.Canvas) {
	light := draw.LineStyle{Color: grid, Width: 0.5}
	for _, t := range c.yTicks {
		if t.label != "" {
			area.StrokeLine2(light, area.Min.X, area.Y(t.at), area.Max.X, area.Y(t.at))
		}
	}
	for _, t := range c.xTicks {
		if t.label != "" {
			area.StrokeLine2(light, area.X(t.at), area.Min.Y, area.X(t.at), area.Max.Y)
		}
	}
	one := draw.LineStyle{Color: parity, Width: 0.8}
	if f := c.x.at(1); c.X.Unit == Ratio && within(f) {
		area.StrokeLine2(one, area.X(f), area.Min.Y, area.X(f), area.Max.Y)
	}
	if f := c.y.at(1); c.Y.Unit == Ratio && within(f) {
		area.StrokeLine2(one, area.Min.X, area.Y(f), area.Max.X, area.Y(f))
	}
}

// within says whether a share of an axis is on it.
func within(f float64) bool { return f >= -1e-9 && f <= 1+1e-9 }

// drawData draws what is filled, then rules, then lines and marks in their order.
func (c *cell) drawData(area draw.Canvas) {
	for i := range c.Lines {
		switch l := &c.Lines[i]; l.Kind {
		case Blocks:
			c.drawBlocks(area, l)
		case BandOnly:
			c.drawBand(area, l)
		}
	}
	for _, r := range c.Rules {
		if f := c.x.at(r.X); within(f) {
			dashed := draw.LineStyle{Color: faint, Width: 0.7, Dashes: []vg.Length{2.5, 2}}
			area.StrokeLine2(dashed, area.X(f), area.Min.Y, area.X(f), area.Max.Y)
		}
	}
	for i := range c.Lines {
		switch l := &c.Lines[i]; l.Kind {
		case Stems:
			c.drawStems(area, l)
		case Joined, Plain, Steps:
			c.drawLine(area, l)
		}
	}
	for i := range c.Lines {
		if l := &c.Lines[i]; l.marked() {
			c.drawWhiskers(area, l)
			c.drawMarks(area, l)
		}
	}
}

func (c *cell) point(area draw.Canvas, x, y float64) vg.Point {
	return vg.Point{X: area.X(c.x.at(x)), Y: area.Y(c.y.at(y))}
}

func (c *cell) drawBlocks(area draw.Canvas, l *Line) {
	area.SetColor(l.Style.Color.rgba())
	for _, p := range l.Points {
		from, to := c.x.at(p.X), c.x.at(p.X+p.High)
		foot, head := 0.0, 1.0
		if p.Low != 0 || p.Y != 0 {
			a, b := c.y.at(p.Low), c.y.at(p.Y)
			foot, head = min(a, b), max(a, b)
		}
		if to < 0 || from > 1 || head < 0 || foot > 1 {
			continue
		}
		r := vg.Rectangle{
			Min: vg.Point{X: area.X(max(from, 0)), Y: area.Y(max(foot, 0))},
			Max: vg.Point{X: area.X(min(to, 1)), Y: area.Y(min(head, 1))},
		}
		// What is short is still seen.
		r.Max.X = max(r.Max.X, r.Min.X+0.8)
		area.Fill(r.Path())
	}
}

func (c *cell) drawBand(area draw.Canvas, l *Line) {
	var outline []vg.Point
	for _, p := range l.Points {
		outline = append(outline, c.point(area, p.X, p.High))
	}
	for i := range l.Points {
		p := l.Points[len(l.Points)-1-i]
		outline = append(outline, c.point(area, p.X, p.Low))
	}
	if len(outline) < 4 { // one point has a height and no width
		return
	}
	if clipped := area.ClipPolygonXY(outline); len(clipped) > 2 {
		area.FillPolygon(l.Style.Color.tint(), clipped)
	}
}

func (c *cell) drawStems(area draw.Canvas, l *Line) {
	for _, p := range l.Points {
		x, y := c.x.at(p.X), min(max(c.y.at(p.Y), 0), 1)
		foot := 0.0
		if c.Y.Scale == Linear {
			foot = min(max(c.y.at(0), 0), 1)
		}
		if within(x) {
			area.StrokeLine2(draw.LineStyle{Color: l.Style.Color.rgba(), Width: 1.2}, area.X(x), area.Y(foot), area.X(x), area.Y(y))
		}
	}
}

func (c *cell) drawLine(area draw.Canvas, l *Line) {
	var path []vg.Point
	for i, p := range l.Points {
		at := c.point(area, p.X, p.Y)
		if l.Kind == Steps && i > 0 {
			path = append(path, vg.Point{X: at.X, Y: path[len(path)-1].Y})
		}
		path = append(path, at)
	}
	area.StrokeLines(l.Style.stroke(1.4), area.ClipLinesXY(thin(path))...)
}

// thin leaves out points that paper cannot show: of those in the same hair's breadth the first, the lowest, the highest and the
// last are kept, so that no peak is lost.
func thin(path []vg.Point) []vg.Point {
	const hair = 0.25
	var out []vg.Point
	for from := 0; from < len(path); {
		to, low, high := from, from, from
		for to+1 < len(path) && path[to+1].X-path[from].X < hair {
			to++
			if path[to].Y < path[low].Y {
				low = to
			}
			if path[to].Y > path[high].Y {
				high = to
			}
		}
		last := -1
		for _, i := range [...]int{from, min(low, high), max(low, high), to} {
			if i != last {
				out = append(out, path[i])
			}
			last = i
		}
		from = to + 1
	}
	return out
}

// drawWhiskers draws intervals: upright, or along X where Y has names.
func (c *cell) drawWhiskers(area draw.Canvas, l *Line) {
	thinLine := draw.LineStyle{Color: l.Style.Color.rgba(), Width: 0.8}
	clamp := func(f float64) float64 { return min(max(f, 0), 1) }
	for _, p := range l.Points {
		if !l.whiskered(p) {
			continue
		}
		if f := c.y.at(p.Y); len(c.Y.Names) > 0 && within(f) {
			from, to, y := area.X(clamp(c.x.at(p.Low))), area.X(clamp(c.x.at(p.High))), area.Y(f)
			area.StrokeLine2(thinLine, from, y, to, y)
			continue
		}
		if f := c.x.at(p.X); len(c.Y.Names) == 0 && within(f) {
			from, to, x := area.Y(clamp(c.y.at(p.Low))), area.Y(clamp(c.y.at(p.High))), area.X(f)
			area.StrokeLine2(thinLine, x, from, x, to)
		}
	}
}

// drawMarks draws the marks within the panel. Along a line marks keep a distance, the line showing what is between; marks alone
// are left out only where they would lie on one another.
func (c *cell) drawMarks(area draw.Canvas, l *Line) {
	seen := map[[2]int]bool{}
	var last vg.Point
	for i, p := range l.Points {
		if !within(c.x.at(p.X)) || !within(c.y.at(p.Y)) {
			continue
		}
		at := c.point(area, p.X, p.Y)
		spot := [2]int{int(at.X * 2), int(at.Y * 2)}
		dx, dy := at.X-last.X, at.Y-last.Y
		crowded := l.Kind == Joined && len(seen) > 0 && i < len(l.Points)-1 && dx*dx+dy*dy < 5*5
		if seen[spot] || crowded {
			continue
		}
		seen[spot], last = true, at
		l.Style.stamp(area, at)
	}
}
