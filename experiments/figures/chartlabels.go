package figures

import (
	"cmp"
	"slices"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	tickSize     = smallSize
	commandSize  = vg.Length(8)
	headSize     = vg.Length(13)
	headRow      = vg.Length(17)
	legendRow    = vg.Length(14)
	commandRow   = vg.Length(10)
	nameRow      = vg.Length(10.5) // of tick labels with several lines
	labelRow     = vg.Length(12.5) // of an axis' label
	noteRow      = vg.Length(10.5)
	noteSize     = vg.Length(8.5)
	swatchWidth  = vg.Length(28) // with the gap after it
	legendMargin = vg.Length(14)
	optical      = vg.Length(0.8) // digits and small letters look centred this much above the middle of their box
)

func legendText() text.Style { return textStyle(smallSize, false, ink) }

// aligned is a style whose text hangs on its start, middle or end.
func aligned(s text.Style, x text.XAlignment) text.Style {
	s.XAlign = x
	return s
}

// wrap breaks a text into lines no wider than there is room, between words if it can.
func wrap(s text.Style, words string, room vg.Length) (lines []string) {
	line := ""
	for _, word := range strings.Fields(words) {
		if line != "" && s.Width(line+" "+word) <= room {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for s.Width(word) > room && len([]rune(word)) > 1 {
			n := fitting(s, []rune(word), room)
			lines, word = append(lines, string([]rune(word)[:n])), string([]rune(word)[n:])
		}
		line = word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// balance wraps into as few lines as wrap, all of about the same width.
func balance(s text.Style, words string, room vg.Length) []string {
	lines := wrap(s, words, room)
	if len(lines) < 2 {
		return lines
	}
	least := widestWord(s, words)
	for narrow := room - 4; narrow > least; narrow -= 4 {
		less := wrap(s, words, narrow)
		if len(less) > len(lines) {
			break
		}
		lines = less
	}
	return lines
}

// fitting is how many letters of a word there is room for, at least one.
func fitting(s text.Style, word []rune, room vg.Length) int {
	n := 1
	for n < len(word) && s.Width(string(word[:n+1])) <= room {
		n++
	}
	return n
}

// widestWord is what wrapping between words needs at least.
func widestWord(s text.Style, words string) (w vg.Length) {
	for _, word := range strings.Fields(words) {
		w = max(w, s.Width(word))
	}
	return w
}

// commandLines breaks a command so that a shell still takes it.
func commandLines(command string) []string {
	s := textStyle(commandSize, false, faint)
	lines := wrap(s, command, figureWidth-2*margin-s.Width(` \`))
	for i := range lines[:max(len(lines)-1, 0)] {
		lines[i] += ` \`
	}
	return lines
}

// entry is a name of the legend with all kinds of lines that it stands for.
type entry struct {
	name  string
	lines []*Line
}

// entries are the names of all charts in order of first appearance.
func entries(charts []Chart) (out []entry) {
	for i := range charts {
		for k := range charts[i].Lines {
			l := &charts[i].Lines[k]
			if l.Name == "" {
				continue
			}
			at := slices.IndexFunc(out, func(e entry) bool { return e.name == l.Name })
			if at < 0 {
				at = len(out)
				out = append(out, entry{name: l.Name})
			}
			if !slices.ContainsFunc(out[at].lines, func(had *Line) bool { return had.Kind == l.Kind }) {
				out[at].lines = append(out[at].lines, l)
			}
		}
	}
	for _, e := range out { // what is filled lies below
		slices.SortStableFunc(e.lines, func(a, b *Line) int { return cmp.Compare(b.Kind, a.Kind) })
	}
	return out
}

func (e entry) width() vg.Length { return swatchWidth + legendText().Width(e.name) + legendMargin }

// legendRows breaks a legend into rows.
func legendRows(all []entry) (rows [][]entry) {
	const room = figureWidth - 2*margin + legendMargin
	used := vg.Length(room)
	for _, e := range all {
		if used+e.width() > room {
			rows, used = append(rows, nil), 0
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], e)
		used += e.width()
	}
	return rows
}

// drawLegend draws rows of entries downwards from top.
func drawLegend(c draw.Canvas, rows [][]entry, top vg.Length) {
	for i, row := range rows {
		x, y := c.Min.X+margin, top-legendRow*(vg.Length(i)+0.5)
		for _, e := range row {
			for _, l := range e.lines {
				l.swatch(c, x, y)
			}
			c.FillText(legendText(), vg.Point{X: x + swatchWidth - 3, Y: y + optical}, e.name)
			x += e.width()
		}
	}
}

// note is a label of a shade or of a rule, in a row above the data.
type note struct {
	text   string
	row    int // 0 is next to the data
	middle vg.Length
	width  vg.Length
}

func noteText() text.Style { return textStyle(noteSize, false, faint) }

// notes places the labels of shades and rules beside or, where they would overlap, above one another, between both ends of the
// panel. A label whose text is there already is left out if it needs a row of its own: ten elections at once need not be named
// ten times.
func notes(c *Chart, x *direction, left, right vg.Length) (out []note, rows int) {
	add := func(text string, at float64) {
		if text == "" || at < -1e-9 || at > 1+1e-9 {
			return
		}
		row := 0
		for _, line := range slices.Backward(balance(noteText(), text, right-left)) {
			n := note{text: line, row: row, width: noteText().Width(line)}
			n.middle = left + vg.Length(at)*(right-left)
			n.middle = min(max(n.middle, left+n.width/2), right-n.width/2)
			again := slices.ContainsFunc(out, func(o note) bool { return o.text == line })
			for n.row < 64 && !n.free(out) {
				n.row++
			}
			if again && n.row >= rows {
				continue
			}
			out = append(out, n)
			row = n.row + 1
			rows = max(rows, row)
		}
	}
	for _, s := range c.Shades {
		from, to := min(max(x.at(s.From), 0), 1), min(max(x.at(s.To), 0), 1)
		if to > from {
			add(s.Label, (from+to)/2)
		}
	}
	for _, r := range c.Rules {
		add(r.Label, x.at(r.X))
	}
	return out, rows
}

// free says whether a note's place is still empty.
func (n note) free(placed []note) bool {
	for _, o := range placed {
		apart := max(n.middle-o.middle, o.middle-n.middle)
		if n.row == o.row && apart < (n.width+o.width)/2+5 {
			return false
		}
	}
	return true
}
