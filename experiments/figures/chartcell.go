package figures

import (
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// cell is one chart with its axes and labels laid out.
type cell struct {
	*Chart
	x, y           direction
	xTicks, yTicks []graduation
	// xNames and yNames are the lines of names. Names below the axis that are too wide for their places are turned by an angle.
	xNames, yNames [][]string
	turn           float64
	title          []string
	xLabel, yLabel []string
	notes          []note

	// What stands around the data needs, and the least height of the data.
	left, right, bottom, strip, least vg.Length
}

const (
	tickRoom  = vg.Length(5) // tick and padding
	slant     = math.Pi / 5
	upright   = math.Pi / 2
	titleRow  = vg.Length(14)
	mostLines = 5              // of a name below its axis
	slantMost = vg.Length(100) // what a slanting name may be long
	standMost = vg.Length(110) // where upright names are broken
	laneRow   = vg.Length(26)  // of a name at the left
	bareRoom  = vg.Length(48)  // height of a chart that only has blocks
)

func newCell(c *Chart) cell {
	x, y := c.directions()
	return cell{Chart: c, x: x, y: y}
}

func tickText() text.Style  { return textStyle(tickSize, false, ink) }
func labelText() text.Style { return textStyle(bodySize, false, ink) }

// measure finds what the labels need, given the room that is beside the data so far, the height that data and axis should have
// and the height that the data have so far.
func (c *cell) measure(width, beside, height, data vg.Length) {
	length := width - beside
	c.xTicks = c.x.ticks(ruler{length, true})
	c.layNames(width, length)
	c.xLabel = balance(labelText(), c.X.Label, length)
	c.bottom = tickRoom + c.xTickHeight() + labelRow*vg.Length(len(c.xLabel)) + 2
	c.least = c.leastData(height)
	for c.least < height && len(wrap(labelText(), c.Y.Label, c.least)) > 2 { // more lines would take the width
		c.least += 10
	}
	data = max(data, c.least)
	c.yTicks = c.y.ticks(ruler{data, false})
	c.yLabel = balance(labelText(), c.Y.Label, data)
	c.left = c.yRoom()
	c.right = 4
	c.overhang(length)
	c.title = balance(textStyle(titleSize, true, ink), c.Title, length)
	var rows int
	c.notes, rows = notes(c.Chart, &c.x, 0, length)
	c.strip = titleRow*vg.Length(len(c.title)) + noteRow*vg.Length(rows) + 4
}

// leastData is the height that the data need, if the panel is to be of a height with its axis: enough for all names, and what
// an axis of long names takes away is added below.
func (c *cell) leastData(height vg.Length) vg.Length {
	switch {
	case len(c.yNames) > 0:
		most := 1
		for _, lines := range c.yNames {
			most = max(most, len(lines))
		}
		n := vg.Length(len(c.yNames))
		row := max(laneRow, vg.Length(len(c.Lines))*(2*markRadius+2.5))
		return max(n*(nameRow*vg.Length(most)+5), min(n*row, height-c.bottom))
	case c.y.bare:
		return bareRoom
	}
	return max(height-c.bottom, height*0.72)
}

// yRoom is what ticks and label of the vertical axis need.
func (c *cell) yRoom() vg.Length {
	return tickRoom + c.yTickWidth() + labelRow*vg.Length(len(c.yLabel)) + 4
}

// layNames breaks names into lines: at the left within two fifths of the width, below within their places, or else turned.
func (c *cell) layNames(width, length vg.Length) {
	c.yNames, c.xNames = nil, nil
	for _, name := range c.Y.Names {
		c.yNames = append(c.yNames, balance(tickText(), name, width*0.42))
	}
	place := length / vg.Length(max(len(c.X.Names), 1))
	wide, long := false, false
	for _, name := range c.X.Names {
		lines := balance(tickText(), name, max(place-6, 1))
		wide = wide || widestWord(tickText(), name) > place-6 || len(lines) > mostLines
		long = long || tickText().Width(name) > slantMost
		c.xNames = append(c.xNames, lines)
	}
	switch {
	case c.turn == 0 && !wide: // once turned they stay turned, lest the layout swings to and fro
		return
	case long || place*vg.Length(math.Sin(slant)) < nameRow:
		c.turn = upright
	case c.turn == 0:
		c.turn = slant
	}
	if c.turn == slant {
		for i, name := range c.X.Names {
			c.xNames[i] = []string{strings.Join(strings.Fields(name), " ")}
		}
		return
	}
	// As many lines as the places are wide for, and longer lines where they are narrow.
	for room, most := standMost, 0; ; room += 20 {
		most = 0
		for i, name := range c.X.Names {
			c.xNames[i] = balance(tickText(), name, room)
			most = max(most, len(c.xNames[i]))
		}
		if most <= 1 || nameRow*vg.Length(most) <= place-2 {
			return
		}
	}
}

// xTickHeight is that of the labels below the horizontal axis.
func (c *cell) xTickHeight() vg.Length {
	if c.x.bare && len(c.X.Names) == 0 {
		return 0
	}
	height := nameRow
	for _, lines := range c.xNames {
		if c.turn == 0 {
			height = max(height, nameRow*vg.Length(len(lines)))
			continue
		}
		sin, cos := math.Sincos(c.turn)
		height = max(height, widest(lines)*vg.Length(sin)+tickSize*vg.Length(cos))
	}
	return height
}

// widest is the width of the widest line.
func widest(lines []string) (w vg.Length) {
	for _, line := range lines {
		w = max(w, tickText().Width(line))
	}
	return w
}

func (c *cell) yTickWidth() (w vg.Length) {
	for _, lines := range c.yNames {
		w = max(w, widest(lines))
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
		lines := []string{t.label}
		if len(c.xNames) > 0 {
			lines = c.xNames[i]
		}
		before := widest(lines) / 2
		after := before
		if c.turn != 0 {
			sin, cos := math.Sincos(c.turn)
			after = nameRow * vg.Length(sin) * vg.Length(len(lines)) / 2
			before = widest(lines)*vg.Length(cos) + after
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

// draw draws a chart whose data lie in area below top.
func (c *cell) draw(area draw.Canvas, top vg.Length) {
	for i, line := range c.title {
		area.FillText(textStyle(titleSize, true, ink), vg.Point{X: area.Min.X, Y: top - titleRow*(vg.Length(i)+0.5)}, line)
	}
	c.drawShades(area)
	c.drawGrid(area)
	c.drawAxes(area)
	c.drawData(area)
	for _, n := range c.notes {
		at := vg.Point{X: area.Min.X + n.middle, Y: area.Max.Y + noteRow*(vg.Length(n.row)+0.5) + 1}
		area.FillText(aligned(noteText(), text.XCenter), at, n.text)
	}
	c.drawLabels(area)
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
	c.drawBreaks(area, line)
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

// drawBreaks interrupts axes where what has no place on the scale is set apart.
func (c *cell) drawBreaks(area draw.Canvas, line draw.LineStyle) {
	slash := func(x, y vg.Length) { area.StrokeLine2(line, x-2, y-2, x+2, y+2) }
	blank := draw.LineStyle{Color: color.White, Width: 1.6}
	for _, f := range c.x.breaks() {
		x := area.X(f)
		area.StrokeLine2(blank, x-1, area.Min.Y, x+1, area.Min.Y)
		slash(x-1.2, area.Min.Y)
		slash(x+1.2, area.Min.Y)
	}
	for _, f := range c.y.breaks() {
		y := area.Y(f)
		area.StrokeLine2(blank, area.Min.X, y-1, area.Min.X, y+1)
		slash(area.Min.X, y-1.2)
		slash(area.Min.X, y+1.2)
	}
}

// drawLabels draws what stands beside ticks, and both axes' labels.
func (c *cell) drawLabels(area draw.Canvas) {
	for i, t := range c.yTicks {
		lines := []string{t.label}
		if len(c.yNames) > 0 {
			lines = c.yNames[i]
		}
		for k, line := range lines {
			y := area.Y(t.at) + nameRow*(vg.Length(len(lines)-1)/2-vg.Length(k))
			area.FillText(aligned(tickText(), text.XRight), vg.Point{X: area.Min.X - tickRoom, Y: y + optical}, line)
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
		area.FillText(upwards, vg.Point{X: area.Min.X - c.yRoom() + labelRow*(vg.Length(i)+0.5), Y: middle.Y}, line)
	}
}

func (c *cell) drawXLabel(area draw.Canvas, i int, t graduation, foot vg.Length) {
	x := area.X(t.at)
	lines := []string{t.label}
	if len(c.xNames) > 0 {
		lines = c.xNames[i]
	}
	if c.turn == 0 {
		for k, line := range lines {
			area.FillText(aligned(tickText(), text.XCenter), vg.Point{X: x, Y: foot - nameRow*(vg.Length(k)+0.5)}, line)
		}
		return
	}
	s := aligned(tickText(), text.XRight)
	s.Rotation = c.turn
	sin, cos := math.Sincos(c.turn)
	for k, line := range lines {
		down := nameRow * (vg.Length(k) - vg.Length(len(lines)-1)/2)
		area.FillText(s, vg.Point{
			X: x + down*vg.Length(sin),
			Y: foot - down*vg.Length(cos) - tickSize/2*vg.Length(cos),
		}, line)
	}
}
