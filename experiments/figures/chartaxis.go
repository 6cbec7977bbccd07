package figures

import (
	"math"
	"slices"
)

// direction is an axis and the range that it shows. Places are values after the scale: logarithms of them, or how many nines.
type direction struct {
	Axis
	low, high float64 // the places at both ends
	// first and last bound what ticks count; below and above are the gaps to foot and head.
	first, last float64
	foot, head  float64 // where stands what has no place on the scale; NaN if nothing does
	down        bool    // 0 is at the top
	bare        bool    // no data have a value in this direction
}

// place is where a value stands before it is fitted into a range.
func (s Scale) place(v float64) float64 {
	switch {
	case s == Log && v <= 0:
		return math.Inf(-1)
	case s == Log:
		return math.Log10(v)
	case s == Nines && v >= 1:
		return math.Inf(1)
	case s == Nines:
		return -math.Log10(1 - v)
	}
	return v
}

// at is the share of the axis below a value: 0 to 1 within it.
func (d *direction) at(v float64) float64 {
	p := d.Scale.place(v)
	switch {
	case math.IsInf(p, -1):
		p = d.low
		if !math.IsNaN(d.foot) {
			p = d.foot
		}
	case math.IsInf(p, 1):
		p = d.high
		if !math.IsNaN(d.head) {
			p = d.head
		}
	}
	return d.share(p)
}

func (d *direction) share(place float64) float64 {
	f := (place - d.low) / (d.high - d.low)
	if d.down {
		return 1 - f
	}
	return f
}

// breaks are where an axis is interrupted: between the scale and what stands apart.
func (d *direction) breaks() (out []float64) {
	if !math.IsNaN(d.foot) {
		out = append(out, d.share((d.foot+d.first)/2))
	}
	if !math.IsNaN(d.head) {
		out = append(out, d.share((d.head+d.last)/2))
	}
	return out
}

// newDirection fits an axis to the values that it has to show and, if they are on the scale, to guests: shades and rules.
// Margin is the room beyond the extreme values.
func newDirection(a Axis, values, guests []float64, margin float64) direction {
	d := direction{Axis: a, foot: math.NaN(), head: math.NaN(), bare: len(values) == 0}
	if len(a.Names) > 0 {
		d.low, d.high = -0.5, float64(len(a.Names))-0.5
		d.first, d.last = d.low, d.high
		return d
	}
	var places []float64
	under, over := false, false
	for _, v := range values {
		p := a.Scale.place(v)
		under, over = under || math.IsInf(p, -1), over || math.IsInf(p, 1)
		places = append(places, p)
	}
	for _, v := range guests {
		places = append(places, a.Scale.place(v))
	}
	places = slices.DeleteFunc(places, func(p float64) bool { return math.IsInf(p, 0) })
	d.fit(places, margin)
	d.bound()
	d.first, d.last = d.low, d.high
	// Zero is nowhere on a logarithm, and one has endlessly many nines: both stand apart from what has a place.
	if span := d.high - d.low; under {
		d.foot = d.low - 0.14*span
		d.low -= 0.20 * span
	}
	if span := d.last - d.first; over {
		d.head = d.high + 0.14*span
		d.high += 0.20 * span
	}
	return d
}

// fit finds both ends from the data.
func (d *direction) fit(places []float64, margin float64) {
	d.low, d.high = 0, 1
	if len(places) == 0 {
		return
	}
	d.low, d.high = slices.Min(places), slices.Max(places)
	if d.Scale == Linear && d.low > 0 && d.low < 0.4*d.high {
		d.low = 0 // the foot of a linear axis is no trick
	}
	if d.low == d.high {
		room := 0.5
		if d.Scale == Linear && d.low != 0 {
			room = math.Abs(d.low) / 2
		}
		d.low, d.high = d.low-room, d.high+room
		return
	}
	room := margin * (d.high - d.low)
	if d.Scale == Log || d.low != 0 {
		d.low -= room
	}
	if d.high != 0 {
		d.high += room
	}
}

// bound puts in the ends that are given, where they are on the scale.
func (d *direction) bound() {
	if d.Min == 0 && d.Max == 0 {
		return
	}
	if p := d.Scale.place(d.Min); !math.IsInf(p, 0) {
		d.low = p
	}
	if p := d.Scale.place(d.Max); !math.IsInf(p, 0) {
		d.high = p
	}
	if d.high <= d.low { // one end was given, and the data lie beyond it
		d.high = d.low + 1
	}
}

// directions are both axes of a chart.
func (c *Chart) directions() (x, y direction) {
	var xs, ys, guests []float64
	margin := 0.0
	for i := range c.Lines {
		l := &c.Lines[i]
		if l.marked() || l.Kind == Stems {
			margin = 0.03
		}
		lx, ly := l.extent(len(c.Y.Names) > 0, c.Y.Scale == Linear)
		xs, ys = append(xs, lx...), append(ys, ly...)
	}
	for _, s := range c.Shades {
		guests = append(guests, s.From, s.To)
	}
	for _, r := range c.Rules {
		guests = append(guests, r.X)
	}
	x, y = newDirection(c.X, xs, guests, margin), newDirection(c.Y, ys, nil, 0.05)
	y.down = len(c.Y.Names) > 0
	return x, y
}

// extent is what a line needs of both axes. Sideways: intervals are of X; linear: stems stand on zero.
func (l *Line) extent(sideways, linear bool) (xs, ys []float64) {
	for _, p := range l.Points {
		xs = append(xs, p.X)
		switch l.Kind {
		case BandOnly:
			ys = append(ys, p.Low, p.High)
		case Blocks:
			xs = append(xs, p.X+p.High)
			if p.Low != 0 || p.Y != 0 {
				ys = append(ys, p.Low, p.Y)
			}
		default:
			ys = append(ys, p.Y)
			if l.Kind == Stems && linear {
				ys = append(ys, 0)
			}
			if !l.whiskered(p) {
				break
			}
			if sideways {
				xs = append(xs, p.Low, p.High)
			} else {
				ys = append(ys, p.Low, p.High)
			}
		}
	}
	return xs, ys
}

// whiskered says whether an interval is drawn at a point.
func (l *Line) whiskered(p XY) bool {
	return l.marked() && (p.Low != 0 || p.High != 0)
}
