package figures

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Grid draws charts in rows of columns panels with one legend: every line's name once, in order of first appearance. Above
// stands the title, below the command that makes the figure. The error lists all that is wrong with the charts.
func Grid(name, title, caption, command string, columns int, charts []Chart) (Figure, error) {
	f := Figure{Name: name, Title: title, Caption: caption}
	if err := checkCharts(columns, charts); err != nil {
		return f, fmt.Errorf("figure %s: %w", name, err)
	}
	s := newSheet(title, command, min(columns, len(charts)), charts)
	var svg, png error
	f.SVG, svg = s.svg()
	f.PNG, png = s.png()
	if err := errors.Join(svg, png); err != nil {
		return f, fmt.Errorf("figure %s: %w", name, err)
	}
	return f, nil
}

func (s *sheet) svg() ([]byte, error) {
	c := vgsvg.New(figureWidth, s.height)
	s.draw(draw.New(c))
	var b bytes.Buffer
	_, err := c.WriteTo(&b)
	return plainFonts(b.Bytes()), err
}

func (s *sheet) png() ([]byte, error) {
	c := vgimg.NewWith(vgimg.UseWH(figureWidth, s.height), vgimg.UseDPI(pngDPI))
	s.draw(draw.New(c))
	var b bytes.Buffer
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(&b)
	return b.Bytes(), err
}

// sheet is a figure laid out: all sizes are known before anything is drawn.
type sheet struct {
	title, command []string
	legend         [][]entry
	cells          []cell
	columns        int
	left, right    []vg.Length // room beside the data, by column, so that panels above one another are aligned
	strip          []vg.Length // room above the data, by row
	data           []vg.Length // height of the data, by row
	bottom         []vg.Length // room below the data, by row
	height         vg.Length
}

const (
	columnGap = vg.Length(12)
	rowGap    = vg.Length(8)
)

// panelHeight is that of the data and the axis below them.
func panelHeight(columns int) vg.Length { return [...]vg.Length{220, 190, 160, 150}[columns-1] }

func newSheet(title, command string, columns int, charts []Chart) *sheet {
	rows := (len(charts) + columns - 1) / columns
	s := &sheet{
		title:   balance(textStyle(headSize, true, ink), title, figureWidth-2*margin),
		command: commandLines(command),
		legend:  legendRows(entries(charts)),
		columns: columns,
		left:    make([]vg.Length, columns),
		right:   make([]vg.Length, columns),
		strip:   make([]vg.Length, rows),
		data:    make([]vg.Length, rows),
		bottom:  make([]vg.Length, rows),
	}
	for i := range charts {
		s.cells = append(s.cells, newCell(&charts[i]))
	}
	s.settle()
	s.height = 2*margin + s.top() + commandRow*vg.Length(len(s.command))
	for r := range rows {
		s.height += s.strip[r] + s.data[r] + s.bottom[r] + rowGap
	}
	return s
}

// top is the room of title and legend.
func (s *sheet) top() vg.Length {
	return headRow*vg.Length(len(s.title)) + legendRow*vg.Length(len(s.legend)) + 4
}

func (s *sheet) cellWidth() vg.Length {
	return (figureWidth - 2*margin - columnGap*vg.Length(s.columns-1)) / vg.Length(s.columns)
}

// settle finds the room that labels need. It depends on itself, since fewer labels fit where others take more room; room only
// grows, and a few rounds are enough.
func (s *sheet) settle() {
	for range 4 {
		for i := range s.cells {
			c, col, row := &s.cells[i], i%s.columns, i/s.columns
			c.measure(s.cellWidth(), s.left[col]+s.right[col], panelHeight(s.columns), s.data[row])
			s.left[col], s.right[col] = max(s.left[col], c.left), max(s.right[col], c.right)
			s.strip[row], s.bottom[row] = max(s.strip[row], c.strip), max(s.bottom[row], c.bottom)
			s.data[row] = max(s.data[row], c.least)
		}
	}
	for i := range s.cells {
		col, row := i%s.columns, i/s.columns
		s.cells[i].divide(s.cellWidth()-s.left[col]-s.right[col], s.data[row])
	}
}

func (s *sheet) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	top := c.Max.Y - margin
	for i, line := range s.title {
		c.FillText(textStyle(headSize, true, ink), vg.Point{X: c.Min.X + margin, Y: top - headRow*(vg.Length(i)+0.5)}, line)
	}
	drawLegend(c, s.legend, top-headRow*vg.Length(len(s.title)))
	for i := range s.cells {
		area := c
		area.Rectangle = s.area(i)
		s.cells[i].draw(area, area.Max.Y+s.strip[i/s.columns])
	}
	for i, line := range s.command {
		y := c.Min.Y + margin + commandRow*(vg.Length(len(s.command)-i)-0.5)
		c.FillText(textStyle(commandSize, false, faint), vg.Point{X: c.Min.X + margin, Y: y}, line)
	}
}

// area is where the data of a chart are drawn, counted from the foot of the sheet.
func (s *sheet) area(i int) (r vg.Rectangle) {
	col, row := i%s.columns, i/s.columns
	left, top := margin+vg.Length(col)*(s.cellWidth()+columnGap), s.height-margin-s.top()
	for above := range row {
		top -= s.strip[above] + s.data[above] + s.bottom[above] + rowGap
	}
	r.Min.X, r.Max.X = left+s.left[col], left+s.cellWidth()-s.right[col]
	r.Max.Y = top - s.strip[row]
	r.Min.Y = r.Max.Y - s.data[row]
	return r
}
