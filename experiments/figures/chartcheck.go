package figures

import (
	"errors"
	"fmt"
	"math"
)

// checkCharts lists every fault of what is to be drawn.
func checkCharts(columns int, charts []Chart) error {
	var faults []error
	if columns < 1 || columns > 4 {
		faults = append(faults, fmt.Errorf("columns must be 1 to 4, not %d", columns))
	}
	if len(charts) == 0 {
		faults = append(faults, errors.New("no charts"))
	}
	looks := map[string][]*Line{}
	for i := range charts {
		for _, err := range checkChart(&charts[i], looks) {
			faults = append(faults, fmt.Errorf("chart %d (%q): %w", i+1, charts[i].Title, err))
		}
	}
	return errors.Join(faults...)
}

// checkChart lists the faults of one chart. Had are the lines of each name so far: a legend shared by all charts would lie about
// a name that has two looks.
func checkChart(c *Chart, had map[string][]*Line) (faults []error) {
	for _, a := range [...]struct {
		way string
		Axis
	}{{"x", c.X}, {"y", c.Y}} {
		if bounded := a.Min != 0 || a.Max != 0; bounded && !(a.Min < a.Max) || !finite(a.Min) || !finite(a.Max) {
			faults = append(faults, fmt.Errorf("%s axis must be bounded upwards, not by %v and %v", a.way, a.Min, a.Max))
		}
		if len(a.Names) > 0 && a.Scale != Linear {
			faults = append(faults, fmt.Errorf("%s axis has names, which need a linear scale", a.way))
		}
	}
	points := 0
	for i := range c.Lines {
		l := &c.Lines[i]
		points += len(l.Points)
		if err := l.check(); err != nil {
			faults = append(faults, fmt.Errorf("line %d (%q): %w", i+1, l.Name, err))
		}
		for _, before := range had[l.Name] {
			if l.Name != "" && !alike(before, l) {
				faults = append(faults, fmt.Errorf("line %d (%q): the name has two styles: %+v and %+v", i+1, l.Name, before.Style, l.Style))
				break
			}
		}
		had[l.Name] = append(had[l.Name], l)
		if w := legendText().Width(l.Name) + swatchWidth; w > figureWidth-3*margin {
			faults = append(faults, fmt.Errorf("line %d (%q): the name is too long for a legend", i+1, l.Name))
		}
	}
	if points == 0 {
		faults = append(faults, errors.New("no line has points"))
	}
	return faults
}

// alike says whether two lines can share a legend's entry: a band or a plain line goes with marks of the same colour.
func alike(a, b *Line) bool {
	marked := a.marked() && b.marked()
	drawn := a.joins() && b.joins()
	return a.Style.Color == b.Style.Color && (!marked || a.Style.Mark == b.Style.Mark) && (!drawn || a.Style.Dashed == b.Style.Dashed)
}

// marked says whether a line shows marks, and joins whether it shows a line, which may be dashed.
func (l *Line) marked() bool { return l.Kind == Joined || l.Kind == Marks }
func (l *Line) joins() bool  { return l.Kind == Joined || l.Kind == Plain || l.Kind == Steps }

// check returns the first fault of a line's points.
func (l *Line) check() error {
	if l.Kind > BandOnly {
		return fmt.Errorf("unknown kind %d", l.Kind)
	}
	sorted := l.joins() || l.Kind == BandOnly
	for i, p := range l.Points {
		switch {
		case !finite(p.X) || !finite(p.Y) || !finite(p.Low) || !finite(p.High):
			return fmt.Errorf("point %d is not of finite numbers: %v", i+1, p)
		case sorted && i > 0 && p.X < l.Points[i-1].X:
			return fmt.Errorf("points must be in order of x: %v comes after %v", p.X, l.Points[i-1].X)
		case l.Kind == Blocks && p.High < 0:
			return fmt.Errorf("point %d: a block's width is %v", i+1, p.High)
		case l.Kind == BandOnly && p.Low > p.High:
			return fmt.Errorf("point %d: the band's low %v is above its high %v", i+1, p.Low, p.High)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
