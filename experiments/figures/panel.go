package figures

import (
	"bytes"
	"fmt"
	"image/color"
	"regexp"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is one finished picture in both forms.
type Figure struct {
	Name  string // file name without its extension
	Title string
	// Caption says how to read it.
	Caption string
	SVG     []byte
	PNG     []byte
}

// mark is one entry of a legend.
type mark struct {
	label string
	color color.Color
	glyph draw.GlyphDrawer // nil: a line
	block bool             // a filled block
}

// panel is one plot with a title and a legend in a strip above it, so that nothing covers data.
type panel struct {
	plot   *plot.Plot
	title  string
	legend []mark
	height vg.Length
}

const (
	figureWidth = vg.Length(720)
	stripHeight = vg.Length(22)
	rowHeight   = vg.Length(15)
	margin      = vg.Length(8)
	pngDPI      = 144
)

// render draws panels above one another with their data areas aligned.
func render(name, title, caption string, panels []panel) (Figure, error) {
	f := Figure{Name: name, Title: title, Caption: caption}
	height := 2 * margin
	for _, p := range panels {
		height += p.height + p.strip()
	}
	svg := vgsvg.New(figureWidth, height)
	drawPanels(draw.New(svg), panels)
	var b bytes.Buffer
	if _, err := svg.WriteTo(&b); err != nil {
		return f, fmt.Errorf("figure %s: %w", name, err)
	}
	f.SVG = plainFonts(b.Bytes())

	img := vgimg.NewWith(vgimg.UseWH(figureWidth, height), vgimg.UseDPI(pngDPI))
	drawPanels(draw.New(img), panels)
	b = bytes.Buffer{}
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(&b); err != nil {
		return f, fmt.Errorf("figure %s: %w", name, err)
	}
	f.PNG = b.Bytes()
	return f, nil
}

var fontFamily = regexp.MustCompile(`font-family:[^;"]*`)

// plainFonts names fonts of the same metrics that every system has, in place of a face that few have.
func plainFonts(svg []byte) []byte {
	return fontFamily.ReplaceAll(svg, []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif"))
}

func drawPanels(c draw.Canvas, panels []panel) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	areas := make([]draw.Canvas, len(panels))
	top := c.Max.Y - margin
	left, right := c.Min.X, c.Max.X
	for i, p := range panels {
		area := c
		area.Min.X, area.Max.X = c.Min.X+margin, c.Max.X-2*margin
		area.Max.Y = top - p.strip()
		area.Min.Y = area.Max.Y - p.height
		top = area.Min.Y
		areas[i] = area
		data := p.plot.DataCanvas(area)
		left, right = max(left, data.Min.X), min(right, data.Max.X)
	}
	for i, p := range panels {
		area := areas[i]
		data := p.plot.DataCanvas(area)
		area.Min.X += left - data.Min.X
		area.Max.X -= data.Max.X - right
		p.plot.Draw(area)
		p.drawStrip(c, left, right, area.Max.Y)
	}
}

// rows breaks the legend into rows: beside the title if it fits there, else below it.
func (p panel) rows() [][]mark {
	const room = figureWidth * 0.86
	title := textStyle(titleSize, true, ink).Width(p.title)
	if len(p.legend) == 0 || title+legendWidth(p.legend) <= room {
		return [][]mark{p.legend}
	}
	rows := [][]mark{nil}
	for _, m := range p.legend {
		last := rows[len(rows)-1]
		if len(last) == 0 || legendWidth(append(last, m)) > room {
			rows = append(rows, []mark{m})
			continue
		}
		rows[len(rows)-1] = append(last, m)
	}
	return rows
}

// strip is the height of what stands above the panel.
func (p panel) strip() vg.Length { return stripHeight + rowHeight*vg.Length(len(p.rows())-1) }

func legendWidth(legend []mark) vg.Length {
	small := textStyle(smallSize, false, ink)
	var w vg.Length
	for _, m := range legend {
		w += small.Width(m.label) + 24
	}
	return w
}

// drawStrip draws a panel's title at the left and its legend at the right, above bottom.
func (p panel) drawStrip(c draw.Canvas, left, right, bottom vg.Length) {
	y := bottom + p.strip() - stripHeight/2 - 1
	c.FillText(textStyle(titleSize, true, ink), vg.Point{X: left, Y: y}, p.title)
	small := textStyle(smallSize, false, ink)
	for _, row := range p.rows() {
		x := right - legendWidth(row)
		for _, m := range row {
			m.draw(c, x+10, y)
			x += 24
			c.FillText(small, vg.Point{X: x, Y: y}, m.label)
			x += small.Width(m.label)
		}
		y -= rowHeight
	}
}

func (m mark) draw(c draw.Canvas, x, y vg.Length) {
	switch {
	case m.block:
		c.SetColor(m.color)
		c.Fill(vg.Rectangle{Min: vg.Point{X: x, Y: y - 3.5}, Max: vg.Point{X: x + 10, Y: y + 3.5}}.Path())
	case m.glyph != nil:
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: m.color, Radius: 3, Shape: m.glyph}, vg.Point{X: x + 6, Y: y})
	default:
		c.StrokeLine2(draw.LineStyle{Color: m.color, Width: 1.6}, x, y, x+11, y)
	}
}
