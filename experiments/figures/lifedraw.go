package figures

import (
	"bytes"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Life draws what happened to one message: a lane for the clients and for each node, from left to
// right in order of time. Distances are not to scale, so every column has its time written below.
func Life(s *Story) (Figure, error) {
	f := Figure{
		Name: "life", Title: "The life of message " + s.Message,
		Caption: "Each lane is a place, and time runs from left to right in steps, not to scale: times stand below, " +
			"and a + counts from the last full time. A bar is a copy of the message, dashed while its node is down.",
	}
	l := layout(s)
	svg := vgsvg.New(l.width, l.height)
	l.draw(draw.New(svg))
	var b bytes.Buffer
	if _, err := svg.WriteTo(&b); err != nil {
		return f, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	f.SVG = plainFonts(b.Bytes())
	img := vgimg.NewWith(vgimg.UseWH(l.width, l.height), vgimg.UseDPI(pngDPI))
	l.draw(draw.New(img))
	b = bytes.Buffer{}
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(&b); err != nil {
		return f, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	f.PNG = b.Bytes()
	return f, nil
}

// marks are the kinds of steps as they are drawn; kinds differ in shape, not in colour alone.
var marks = [...]struct {
	color color.RGBA
	glyph draw.GlyphDrawer
}{
	Published:    {blue, draw.RingGlyph{}},
	Stored:       {blue, draw.CircleGlyph{}},
	Acknowledged: {green, draw.BoxGlyph{}},
	Refused:      {grey, boldCross{}},
	Found:        {green, draw.CircleGlyph{}},
	Missing:      {red, boldCross{}},
	Elected:      {election, triangle{}},
	Displaced:    {red, draw.PyramidGlyph{}},
}

func (l *lifeLayout) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	// Layouts count downwards, canvases upwards.
	y := func(down vg.Length) vg.Length { return c.Max.Y - down }
	c.FillText(textStyle(titleSize, true, ink), vg.Point{X: margin, Y: y(margin + stripHeight/2)}, "The life of message "+l.Message)
	if len(l.cols) == 0 {
		return
	}
	l.drawLanes(c, y)
	l.drawAxis(c, y)
	for _, s := range l.Copies {
		l.drawCopy(c, y, s)
	}
	l.drawTurn(c, y)
	for _, a := range l.Arrows {
		from, to := l.point(a.From, y), l.point(a.To, y)
		arrow(c, from, to)
	}
	for _, s := range l.Steps {
		m := marks[s.What]
		at := l.point(Point{s.At, s.Lane}, y)
		if s.What == Elected {
			at.Y += 2
		}
		style := draw.GlyphStyle{Color: m.color, Radius: 3.6, Shape: m.glyph}
		if s.What == Published || s.What == Acknowledged {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: color.White, Radius: 4, Shape: draw.CircleGlyph{}}, at)
		}
		c.DrawGlyphNoClip(style, at)
	}
	l.drawLabels(c, y)
}

func (l *lifeLayout) point(p Point, y func(vg.Length) vg.Length) vg.Point {
	return vg.Point{X: l.x(p.At), Y: y(l.line[p.Lane])}
}

func (l *lifeLayout) right() vg.Length { return l.width - margin }

// drawLanes draws the lanes and what was wrong with them.
func (l *lifeLayout) drawLanes(c draw.Canvas, y func(vg.Length) vg.Length) {
	for _, f := range l.Faults {
		c.SetColor(familyOf(f.Kind).tint)
		from := l.x(f.From)
		c.Fill(vg.Rectangle{
			Min: vg.Point{X: from, Y: y(l.bottom[f.Lane] - 1.5)},
			Max: vg.Point{X: max(l.x(f.To), from+2), Y: y(l.top[f.Lane] + 1.5)},
		}.Path())
		c.StrokeLine2(draw.LineStyle{Color: familyOf(f.Kind).line, Width: 1.2}, from, y(l.bottom[f.Lane]-1.5), from, y(l.top[f.Lane]+1.5))
	}
	for i, name := range l.Lanes {
		if i > 0 {
			c.StrokeLine2(draw.LineStyle{Color: grid, Width: 0.5}, margin, y(l.top[i]), l.right(), y(l.top[i]))
		}
		c.FillText(textStyle(bodySize, true, ink), vg.Point{X: margin, Y: y(l.line[i] - 1)}, name)
		c.StrokeLine2(draw.LineStyle{Color: grey, Width: 0.7}, laneNames+margin, y(l.line[i]), l.right(), y(l.line[i]))
	}
}

// drawAxis writes the time below each column, and between two bursts how long nothing happened.
func (l *lifeLayout) drawAxis(c draw.Canvas, y func(vg.Length) vg.Length) {
	small, pale := textStyle(lifeWordings, false, ink), textStyle(lifeWordings, false, faint)
	level := y(l.bottom[len(l.bottom)-1])
	axis := draw.LineStyle{Color: faint, Width: 0.6}
	c.StrokeLine2(axis, laneNames+margin, level, l.right(), level)
	for i := range l.cols {
		x := &l.cols[i]
		c.StrokeLine2(draw.LineStyle{Color: grid, Width: 0.5}, x.x, level, x.x, y(l.top[0]))
		c.StrokeLine2(axis, x.x, level, x.x, level-3)
		c.FillText(small, vg.Point{X: x.x - small.Width(x.label)/2, Y: level - 10}, x.label)
		if x.gap == "" {
			continue
		}
		before := &l.cols[i-1]
		middle := (before.x + small.Width(before.label)/2 + x.x - small.Width(x.label)/2) / 2
		c.SetColor(color.White)
		c.Fill(vg.Rectangle{Min: vg.Point{X: middle - 2, Y: level - 1}, Max: vg.Point{X: middle + 2, Y: level + 1}}.Path())
		for _, d := range [...]vg.Length{-2, 2} {
			c.StrokeLine2(axis, middle+d-1.5, level-3.5, middle+d+1.5, level+3.5)
		}
		c.FillText(pale, vg.Point{X: middle - pale.Width(x.gap)/2, Y: level - 10}, x.gap)
	}
	note := "time since the run began (virtual), not to scale"
	c.FillText(pale, vg.Point{X: l.right() - pale.Width(note), Y: level - 24}, note)
}

// drawCopy draws one copy of the message as a bar, hollow while its node is down.
func (l *lifeLayout) drawCopy(c draw.Canvas, y func(vg.Length) vg.Length, s Span) {
	bar := func(from, to vg.Length, down bool) {
		if down {
			c.StrokeLine2(draw.LineStyle{Color: blue, Width: 2, Dashes: []vg.Length{3, 3}}, from, y(l.line[s.Lane]), to, y(l.line[s.Lane]))
			return
		}
		c.StrokeLine2(draw.LineStyle{Color: blue, Width: 4.5}, from, y(l.line[s.Lane]), to, y(l.line[s.Lane]))
	}
	from, to := l.x(s.From), l.x(s.To)
	for _, f := range l.Faults {
		if f.Lane != s.Lane || !f.Down || l.x(f.To) <= from || l.x(f.From) >= to {
			continue
		}
		if down := l.x(f.From); down > from {
			bar(from, down, false)
			from = down
		}
		bar(from, min(l.x(f.To), to), true)
		from = min(l.x(f.To), to)
	}
	if from < to {
		bar(from, to, false)
	}
}

// drawTurn marks the moment that decided, its sentence above the lanes.
func (l *lifeLayout) drawTurn(c draw.Canvas, y func(vg.Length) vg.Length) {
	if len(l.turn) == 0 {
		return
	}
	shade := red
	if l.Turn.Good {
		shade = green
	}
	style := textStyle(bodySize, false, shade)
	var widest vg.Length
	for _, line := range l.turn {
		widest = max(widest, style.Width(line))
	}
	x := l.x(l.Turn.At)
	left := min(max(x-widest/2, laneNames+2*margin), l.right()-widest)
	for i, line := range l.turn {
		c.FillText(style, vg.Point{X: left, Y: y(margin + stripHeight + turnLine*(vg.Length(i)+0.25))}, line)
	}
	from := l.top[0]
	c.StrokeLine2(draw.LineStyle{Color: shade, Width: 1.3, Dashes: []vg.Length{4, 2}}, x, y(from), x, y(l.bottom[len(l.bottom)-1]))
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: shade, Radius: 4, Shape: triangle{}}, vg.Point{X: x, Y: y(from)})
}

func (l *lifeLayout) drawLabels(c draw.Canvas, y func(vg.Length) vg.Length) {
	small := textStyle(lifeWordings, false, ink)
	for _, x := range l.labels {
		at := vg.Point{X: l.cols[x.col].x + 2, Y: y(l.line[x.lane] - laneAbove + 2)}
		if x.below {
			at.X, at.Y = at.X+1, y(l.line[x.lane]+laneAbove-1)
		} else {
			at.Y += labelLine * vg.Length(len(x.lines)-1)
		}
		for _, line := range x.lines {
			c.FillText(small, at, line)
			at.Y -= labelLine
		}
	}
}

// boldCross is a cross that shows on top of a dashed line.
type boldCross struct{}

func (boldCross) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	line := draw.LineStyle{Color: s.Color, Width: 1.8}
	for _, d := range [...]vg.Length{-s.Radius, s.Radius} {
		c.StrokeLine2(line, at.X-s.Radius, at.Y-d, at.X+s.Radius, at.Y+d)
	}
}

// arrow ends a little before what it points at.
func arrow(c draw.Canvas, from, to vg.Point) {
	dx, dy := float64(to.X-from.X), float64(to.Y-from.Y)
	length := math.Hypot(dx, dy)
	if length < 12 {
		return
	}
	ux, uy := vg.Length(dx/length), vg.Length(dy/length)
	a := vg.Point{X: from.X + 5*ux, Y: from.Y + 5*uy}
	b := vg.Point{X: to.X - 5*ux, Y: to.Y - 5*uy}
	c.StrokeLine2(draw.LineStyle{Color: blue, Width: 0.8}, a.X, a.Y, b.X, b.Y)
	c.SetColor(blue)
	var head vg.Path
	head.Move(b)
	head.Line(vg.Point{X: b.X - 5*ux + 2*uy, Y: b.Y - 5*uy - 2*ux})
	head.Line(vg.Point{X: b.X - 5*ux - 2*uy, Y: b.Y - 5*uy + 2*ux})
	head.Close()
	c.Fill(head)
}
