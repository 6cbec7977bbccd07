package figures

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
)

// Story is the life of one message, to be drawn by Life.
type Story struct {
	Message string
	// Lanes are named from top to bottom; everything else names a lane by its number here.
	Lanes []string
	Steps []Step
	// Copies are the spans during which a lane held the message.
	Copies []Span
	// Faults are the spans during which something was wrong with a lane.
	Faults []Span
	// Arrows are the messages that carried it, and its acknowledgement.
	Arrows []Arrow
	// Turn is the moment that decided the message's fate; no text, no mark.
	Turn Turn
}

// Step is one thing that happened, at a point of a lane.
type Step struct {
	At   int64 // nanoseconds
	Lane int
	What What
	Text string
}

// What is the kind of a step.
type What uint8

// Kinds of steps.
const (
	Published What = iota
	Stored
	Acknowledged
	Refused
	Found   // read, or back after a restart
	Missing // looked for in vain, or gone from a lane
	Elected
	Displaced // another message took its number
)

// Span is a part of a lane. Lanes is 1, or more if it covers the lanes below too.
type Span struct {
	From, To int64
	Lane     int
	Kind     string // the plan's word for a fault
	Text     string
	// Down says that the lane's process was not running: what its disk holds shows later.
	Down bool
}

// Arrow leads from one lane to another.
type Arrow struct{ From, To Point }

// Point is a place in the picture.
type Point struct {
	At   int64
	Lane int
}

// Turn is a moment with its sentence.
type Turn struct {
	At   int64
	Text string
	Good bool
}

// together is how near in time steps must be to share a column.
const together = int64(20_000)

// burst is how far apart columns are that count time from the same beginning.
const burst = int64(100_000_000)

// column is one place on the time axis: what happens in a column happens together, and columns stand
// in order of time, at distances that their labels ask for.
type column struct {
	from, to int64
	start    int64 // of its burst
	label    string
	gap      string // the time since the column before, if it belongs to another burst
	x        vg.Length
}

// columnsOf are the columns of all the times of a story.
func columnsOf(s *Story) []column {
	var times []int64
	for _, x := range s.Steps {
		times = append(times, x.At)
	}
	for _, spans := range [...][]Span{s.Copies, s.Faults} {
		for _, x := range spans {
			times = append(times, x.From, x.To)
		}
	}
	for _, a := range s.Arrows {
		times = append(times, a.From.At, a.To.At)
	}
	if s.Turn.Text != "" {
		times = append(times, s.Turn.At)
	}
	slices.Sort(times)
	var cols []column
	for _, t := range times {
		n := len(cols)
		switch {
		case n > 0 && t-cols[n-1].from < together:
			cols[n-1].to = t
		case n > 0 && t-cols[n-1].to < burst:
			start := cols[n-1].start
			cols = append(cols, column{from: t, to: t, start: start, label: "+" + span(t-start)})
		default:
			c := column{from: t, to: t, start: t, label: clock(t)}
			if n > 0 {
				c.gap = span(t - cols[n-1].to)
			}
			cols = append(cols, c)
		}
	}
	return cols
}

// clock is a time of the run, rounded down.
func clock(ns int64) string { return fmt.Sprintf("%d.%03d s", ns/1e9, ns/1e6%1000) }

// span is a stretch of time in about three digits, rounded down.
func span(ns int64) string {
	switch {
	case ns < 10_000_000:
		return fmt.Sprintf("%d.%02d ms", ns/1e6, ns/1e4%100)
	case ns < 100_000_000:
		return fmt.Sprintf("%d.%d ms", ns/1e6, ns/1e5%10)
	case ns < 1_000_000_000:
		return fmt.Sprintf("%d ms", ns/1e6)
	case ns < 10_000_000_000:
		return fmt.Sprintf("%d.%02d s", ns/1e9, ns/1e7%100)
	}
	return fmt.Sprintf("%d.%d s", ns/1e9, ns/1e8%10)
}

// Sizes of the picture of a life.
const (
	laneNames    = vg.Length(58)
	columnRoom   = vg.Length(9) // between neighbours' time labels
	labelRoom    = vg.Length(10)
	labelLine    = vg.Length(11)
	laneAbove    = vg.Length(12) // from a lane's line to its first label
	laneMargin   = vg.Length(10)
	belowLine    = vg.Length(14)
	turnLine     = vg.Length(14)
	axisRoom     = vg.Length(30)
	lifeWordings = vg.Length(8.5)
)

// label is text of a lane: a step's above its line, or below where an arrow would cross it; a fault's below.
type label struct {
	lane  int
	below bool
	col   int
	lines []string
}

func (l label) width() vg.Length {
	style := textStyle(lifeWordings, false, ink)
	var w vg.Length
	for _, line := range l.lines {
		w = max(w, style.Width(line))
	}
	return w
}

// lifeLayout says where everything of a story stands.
type lifeLayout struct {
	*Story
	cols   []column
	labels []label
	// line is the height of each lane's line; top and bottom are its edges, downwards from the picture's top.
	line, top, bottom []vg.Length
	turn              []string
	width, height     vg.Length
}

func layout(s *Story) *lifeLayout {
	l := &lifeLayout{Story: s, cols: columnsOf(s)}
	l.label()
	l.spread()
	if s.Turn.Text != "" {
		l.turn = folded(s.Turn.Text, l.width-laneNames-4*margin)
	}
	l.stack()
	return l
}

// column is the column of a time.
func (l *lifeLayout) column(at int64) int {
	n, _ := slices.BinarySearchFunc(l.cols, at, func(c column, t int64) int { return cmp.Compare(c.to, t) })
	return n
}

func (l *lifeLayout) x(at int64) vg.Length { return l.cols[l.column(at)].x }

// label gathers the texts by place; what happens at one place shares a label.
func (l *lifeLayout) label() {
	add := func(x label, text string) {
		for i := range l.labels {
			if y := &l.labels[i]; y.lane == x.lane && y.below == x.below && y.col == x.col {
				if !slices.Contains(y.lines, text) {
					y.lines = append(y.lines, text)
				}
				return
			}
		}
		x.lines = []string{text}
		l.labels = append(l.labels, x)
	}
	for _, s := range l.Steps {
		for _, line := range strings.Split(s.Text, "\n") {
			add(label{lane: s.Lane, col: l.column(s.At), below: l.climbs(s)}, line)
		}
	}
	for _, f := range l.Faults {
		add(label{lane: f.Lane, below: true, col: l.column(f.From)}, f.Text)
	}
	slices.SortStableFunc(l.labels, func(a, b label) int { return cmp.Compare(a.col, b.col) })
}

// climbs says that an arrow leads upwards from a step, where its label would stand.
func (l *lifeLayout) climbs(s Step) bool {
	return slices.ContainsFunc(l.Arrows, func(a Arrow) bool { return a.From == Point{s.At, s.Lane} && a.To.Lane < s.Lane })
}

// spread gives columns their places: as near as their labels allow, and then evenly wider until the
// page is filled. A story of many steps makes the picture wider than a page.
func (l *lifeLayout) spread() {
	small := textStyle(lifeWordings, false, ink)
	left := laneNames + 2*margin
	free := map[[2]int]vg.Length{} // by lane and side: where the next label may begin
	need := left
	at := 0
	for i := range l.cols {
		c := &l.cols[i]
		c.x = left + small.Width(c.label)/2
		if i > 0 {
			before := &l.cols[i-1]
			c.x = before.x + (small.Width(before.label)+small.Width(c.label))/2 + columnRoom
			if c.gap != "" {
				c.x += small.Width(c.gap) + columnRoom
			}
		}
		from := at
		for ; at < len(l.labels) && l.labels[at].col == i; at++ {
			c.x = max(c.x, free[l.labels[at].side()])
		}
		for _, x := range l.labels[from:at] {
			free[x.side()] = c.x + x.width() + labelRoom
			need = max(need, free[x.side()])
		}
		need = max(need, c.x+small.Width(c.label)/2)
	}
	need += margin
	l.width = max(figureWidth, need)
	if n := len(l.cols); n > 1 {
		slack := (l.width - need) / vg.Length(n-1)
		for i := range l.cols {
			l.cols[i].x += slack * vg.Length(i)
		}
	}
}

func (l label) side() [2]int {
	if l.below {
		return [2]int{l.lane, 1}
	}
	return [2]int{l.lane, 0}
}

// stack gives lanes their heights: as many lines as their labels have.
func (l *lifeLayout) stack() {
	above, below := make([]int, len(l.Lanes)), make([]int, len(l.Lanes))
	for _, x := range l.labels {
		lines := above
		if x.below {
			lines = below
		}
		lines[x.lane] = max(lines[x.lane], len(x.lines))
	}
	y := margin + stripHeight + turnLine*vg.Length(len(l.turn)) + margin/2
	for i := range l.Lanes {
		l.top = append(l.top, y)
		y += laneMargin/2 + laneAbove + labelLine*vg.Length(max(above[i], 1)-1) + labelLine/2
		l.line = append(l.line, y)
		y += laneMargin + belowLine*vg.Length(min(below[i], 1)) + labelLine*vg.Length(max(below[i], 1)-1)
		l.bottom = append(l.bottom, y)
	}
	l.height = y + axisRoom + margin
}

// folded breaks a text into lines no wider than room.
func folded(s string, room vg.Length) []string {
	style := textStyle(bodySize, false, ink)
	var lines []string
	for _, word := range strings.Fields(s) {
		n := len(lines)
		if n == 0 || style.Width(lines[n-1]+" "+word) > room {
			lines = append(lines, word)
			continue
		}
		lines[n-1] += " " + word
	}
	return lines
}

// Struck is the part of a plan's line that says whom it struck, roles given as nodes.
func Struck(line string) string { return struck(line) }
