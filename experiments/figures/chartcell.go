package figures

import (
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// cell is one chart with its axes and labels laid out.
type cell struct {
	*Chart
	x, y           direction
	xTicks, yTicks []graduation
	// xNames and yNames are the lines of names; turned names stand slanting below the axis, each in one line.
	xNames, yNames [][]string
	turned         bool
	title          []string
	xLabel, yLabel []string
	notes          []note

	// What stands around the data needs, and the least height of the data.
	left, right, bottom, strip, least vg.Length
}

const (
	tickRoom  = vg.Length(5) // tick and padding
	slant     = math.Pi / 5
	titleRow  = vg.Length(14)
	mostLines = 3 // of a name below its axis
)

func newCell(c *Chart) cell {
	x, y := c.directions()
	return cell{Chart: c, x: x, y: y}
}

func tickText() text.Style  { return textStyle(tickSize, false, ink) }
func labelText() text.Style { return textStyle(bodySize, false, ink) }

// measure finds what the labels need, given the room that is beside the data so far and the height of data and axis.
func (c *cell) measure(width, left, right, height vg.Length) {
	length := width - left - right
	c.xTicks = c.x.ticks(ruler{length, true})
	c.layNames(width, length)
	c.xLabel = wrap(labelText(), c.X.Label, length)
	c.bottom = tickRoom + c.xTickHeight() + labelRow*vg.Length(len(c.xLabel)) + 2
	c.yTicks = c.y.ticks(ruler{height - c.bottom, false})
	c.yLabel = wrap(labelText(), c.Y.Label, height-c.bottom)
	c.left = tickRoom + c.yTickWidth() + labelRow*vg.Length(len(c.yLabel)) + 3
	c.right = 4
	c.overhang(length)
	c.title = wrap(textStyle(titleSize, true, ink), c.Title, length)
	var rows int
	c.notes, rows = notes(c.Chart, &c.x, 0, length)
	c.strip = titleRow*vg.Length(len(c.title)) + noteRow*vg.Length(rows) + 5
}

// layNames breaks names into lines: at the left within two fifths of the width, below within their places, or else slanting.
func (c *cell) layNames(width, length vg.Length) {
	c.least = 0
	c.yNames, c.xNames = nil, nil
	most := 1
	for _, name := range c.Y.Names {
		lines := wrap(tickText(), name, width*0.42)
		c.yNames = append(c.yNames, lines)
		most = max(most, len(lines))
	}
	c.least = vg.Length(len(c.Y.Names)) * (nameRow*vg.Length(most) + 5)
	place := length/vg.Length(max(len(c.X.Names), 1)) - 6
	for _, name := range c.X.Names {
		lines := wrap(tickText(), name, max(place, 1))
		c.turned = c.turned || widestWord(tickText(), name) > place || len(lines) > mostLines
		c.xNames = append(c.xNames, lines)
	}
}

// xTickHeight is that of the labels below the horizontal axis.
func (c *cell) xTickHeight() vg.Length {
	if c.x.bare && len(c.X.Names) == 0 {
		return 0
	}
	height := nameRow
	for i, lines := range c.xNames {
		if c.turned {
			height = max(height, tickText().Width(c.X.Names[i])*vg.Length(math.Sin(slant))+tickSize)
		} else {
			height = max(height, nameRow*vg.Length(len(lines)))
		}
	}
	return height
}

func (c *cell) yTickWidth() (w vg.Length) {
	for _, lines := range c.yNames {
		for _, line := range lines {
			w = max(w, tickText().Width(line))
		}
	}
	if len(c.yNames) > 0 {
		return w
	}
	for _, t := range c.yTicks {
		w = max(w, tickText().Width(t.label))
	}
	return w
}

// overhang makes room for labels of the horizontal axis that reach beyond the data.
func (c *cell) overhang(length vg.Length) {
	for i, t := range c.xTicks {
		at := vg.Length(t.at) * length
		before, after := tickText().Width(t.label)/2, tickText().Width(t.label)/2
		switch {
		case c.turned:
			before, after = tickText().Width(t.label)*vg.Length(math.Cos(slant)), tickSize/2
		case len(c.xNames) > 0:
			before, after = 0, 0
			for _, line := range c.xNames[i] {
				before = max(before, tickText().Width(line)/2)
			}
			after = before
		}
		c.left, c.right = max(c.left, before-at+2), max(c.right, after+at-length+2)
	}
}

// divide puts the ticks and the notes where they stand once the size of the data is known.
func (c *cell) divide(length, height vg.Length) {
	c.xTicks = c.x.ticks(ruler{length, true})
	c.yTicks = c.y.ticks(ruler{height, false})
	c.notes, _ = notes(c.Chart, &c.x, 0, length)
}

// draw draws a chart whose data lie in area, from the left end and the top of its cell.
func (c *cell) draw(area draw.Canvas, left, top vg.Length) {
	for i, line := range c.title {
		c2 := vg.Point{X: area.Min.X, Y: top - titleRow*(vg.Length(i)+0.5)}
		area.FillText(textStyle(titleSize, true, ink), c2, line)
	}
	c.drawShades(area)
	c.drawGrid(area)
	c.drawData(area)
	c.drawAxes(area)
	for _, n := range c.notes {
		at := vg.Point{X: area.Min.X + n.middle, Y: area.Max.Y + noteRow*(vg.Length(n.row)+0.5) + 1}
		area.FillText(aligned(noteText(), text.XCenter), at, n.text)
	}
	c.drawLabels(area, left)
}

// drawAxes draws both axes with their ticks.
func (c *cell) drawAxes(area draw.Canvas) {
	line := draw.LineStyle{Color: faint, Width: 0.6}
	area.StrokeLine2(line, area.Min.X, area.Min.Y, area.Max.X, area.Min.Y)
	area.StrokeLine2(line, area.Min.X, area.Min.Y, area.Min.X, area.Max.Y)
	length := func(t graduation) vg.Length {
		if t.label == "" {
			return 1.8
		}
		return 3
	}
	if len(c.X.Names) == 0 {
		for _, t := range c.xTicks {
			x := area.X(t.at)
			area.StrokeLine2(line, x, area.Min.Y, x, area.Min.Y-length(t))
		}
	}
	if len(c.Y.Names) == 0 {
		for _, t := range c.yTicks {
			y := area.Y(t.at)
			area.StrokeLine2(line, area.Min.X, y, area.Min.X-length(t), y)
		}
	}
}

// drawLabels draws what stands beside ticks, and both axes' labels.
func (c *cell) drawLabels(area draw.Canvas, left vg.Length) {
	for i, t := range c.yTicks {
		lines := []string{t.label}
		if len(c.yNames) > 0 {
			lines = c.yNames[i]
		}
		for k, line := range lines {
			y := area.Y(t.at) + nameRow*(vg.Length(len(lines)-1)/2-vg.Length(k))
			area.FillText(aligned(tickText(), text.XRight), vg.Point{X: area.Min.X - tickRoom, Y: y}, line)
		}
	}
	foot := area.Min.Y - tickRoom
	for i, t := range c.xTicks {
		c.drawXLabel(area, i, t, foot)
	}
	foot -= c.xTickHeight()
	middle := area.Center()
	for i, line := range c.xLabel {
		area.FillText(aligned(labelText(), text.XCenter), vg.Point{X: middle.X, Y: foot - labelRow*(vg.Length(i)+0.5)}, line)
	}
	upwards := aligned(labelText(), text.XCenter)
	upwards.Rotation = math.Pi / 2
	for i, line := range c.yLabel {
		area.FillText(upwards, vg.Point{X: left + labelRow*(vg.Length(i)+0.5), Y: middle.Y}, line)
	}
}

func (c *cell) drawXLabel(area draw.Canvas, i int, t graduation, foot vg.Length) {
	x := area.X(t.at)
	if c.turned {
		s := aligned(tickText(), text.XRight)
		s.Rotation = slant
		area.FillText(s, vg.Point{X: x + 2, Y: foot - tickSize/2 + 1}, t.label)
		return
	}
	lines := []string{t.label}
	if len(c.xNames) > 0 {
		lines = c.xNames[i]
	}
	for k, line := range lines {
		area.FillText(aligned(tickText(), text.XCenter), vg.Point{X: x, Y: foot - nameRow*(vg.Length(k)+0.5)}, line)
	}
}
