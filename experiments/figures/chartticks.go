package figures

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
)

// graduation is one tick of an axis: at a share of its length, without a label if it is minor.
type graduation struct {
	at    float64
	label string
}

// ruler is the paper that an axis has for its ticks.
type ruler struct {
	length vg.Length
	across bool // labels stand beside one another, not above
}

// fits says whether labels keep their distance.
func (r ruler) fits(ticks []graduation) bool {
	var last *graduation
	for i := range ticks {
		if ticks[i].label == "" {
			continue
		}
		if last != nil && !r.apart(*last, ticks[i]) {
			return false
		}
		last = &ticks[i]
	}
	return true
}

func (r ruler) apart(a, b graduation) bool {
	distance := vg.Length(math.Abs(a.at-b.at)) * r.length
	if !r.across {
		return distance >= tickSize*1.25
	}
	s := textStyle(tickSize, false, ink)
	return distance >= (s.Width(a.label)+s.Width(b.label))/2+7
}

// ticks are the graduations of an axis on the paper that there is.
func (d *direction) ticks(r ruler) []graduation {
	var out []graduation
	switch {
	case len(d.Names) > 0:
		for i, name := range d.Names {
			out = append(out, graduation{d.at(float64(i)), name})
		}
		return out
	case d.bare:
		return nil
	case d.Scale == Log:
		out = d.logTicks(r)
	case d.Scale == Nines:
		out = d.nineTicks(r)
	default:
		out = d.linearTicks(r, d.first, d.last)
	}
	for _, end := range [...]struct {
		place float64
		label string
	}{{d.foot, "0"}, {d.head, "100 %"}} {
		if math.IsNaN(end.place) {
			continue
		}
		g := graduation{d.share(end.place), end.label}
		for i := range out {
			if out[i].label != "" && !r.apart(out[i], g) {
				out[i].label = ""
			}
		}
		out = append(out, g)
	}
	return out
}

// linearTicks are at multiples of 1, 2 or 5 times a power of ten (bytes: of a power of two), as close as labels can stand.
func (d *direction) linearTicks(r ruler, low, high float64) []graduation {
	most := 2 + int(r.length/24)
	if r.across {
		most = min(2+int(r.length/44), 13)
	}
	base := math.Pow(10, math.Floor(math.Log10((high-low)/100)))
	if d.Unit == Bytes {
		base = math.Pow(2, math.Floor(math.Log2((high-low)/64)))
	}
	var ticks []graduation
	for n := range 40 {
		step := base * math.Pow(10, float64(n/3)) * [...]float64{1, 2, 5}[n%3]
		if d.Unit == Bytes {
			step = base * math.Pow(2, float64(n))
		}
		from, to := math.Ceil(low/step-1e-9), math.Floor(high/step+1e-9)
		if to-from+1 > float64(most) {
			continue
		}
		ticks = ticks[:0]
		for k := from; k <= to; k++ {
			ticks = append(ticks, graduation{d.at(k * step), d.Unit.label(k*step, max(2*step, low))})
		}
		if r.fits(ticks) {
			return ticks
		}
	}
	return ticks
}

// logTicks label decades, or every second one, third and so on, as many as there is room for. Where less than two decades are
// shown, their 2 and 5 have labels too, and where even those are too few, round numbers as on a linear axis.
func (d *direction) logTicks(r ruler) []graduation {
	base := 10.0
	steps := []int{1, 2, 3, 4, 6, 9}
	if d.Unit == Bytes {
		base, steps = 2, []int{1, 2, 5, 10, 20}
	}
	decade := math.Log10(base)
	from, to := int(math.Floor(d.first/decade)), int(math.Floor(d.last/decade+1e-9))
	inside := 0
	for e := from; e <= to; e++ {
		if float64(e)*decade >= d.first-1e-9 {
			inside++
		}
	}
	if inside >= 2 {
		for _, step := range steps {
			ticks := d.decades(from, to, base, func(e, n int) bool { return n == 1 && e%step == 0 }, r)
			if r.fits(ticks) && labelled(ticks) > 0 {
				return ticks
			}
		}
	}
	ticks := d.decades(from, to, base, func(_, n int) bool { return n == 1 || n == 2 || n == 5 }, r)
	if r.fits(ticks) && labelled(ticks) >= 3 {
		return ticks
	}
	return d.linearTicks(r, math.Pow(10, d.first), math.Pow(10, d.last))
}

// decades are the powers of a base from one exponent to another and, of ten, their multiples between, labelled where asked.
func (d *direction) decades(from, to int, base float64, named func(e, n int) bool, r ruler) (out []graduation) {
	between := 9
	if base == 2 || r.length*vg.Length(math.Log10(base)/(d.high-d.low)) < 12 {
		between = 1
	}
	for e := from; e <= to; e++ {
		for n := 1; n <= between; n++ {
			v := float64(n) * math.Pow(base, float64(e))
			p := math.Log10(v)
			if p < d.first-1e-9 || p > d.last+1e-9 {
				continue
			}
			g := graduation{at: d.share(p)}
			if named(e, n) {
				g.label = d.Unit.label(v, v)
			}
			out = append(out, g)
		}
	}
	return out
}

func labelled(ticks []graduation) (n int) {
	for _, t := range ticks {
		if t.label != "" {
			n++
		}
	}
	return n
}

// nineTicks label 90 %, 99 % and so on, then 50 % and 0 % if there is room for them.
func (d *direction) nineTicks(r ruler) []graduation {
	var out []graduation
	for step := 1; step < 16; step++ {
		out = out[:0]
		for n := 1; float64(n) <= d.last+1e-9; n++ {
			if float64(n) < d.first-1e-9 {
				continue
			}
			g := graduation{at: d.share(float64(n))}
			if (n-1)%step == 0 {
				g.label = nines(n)
			}
			out = append(out, g)
		}
		if r.fits(out) {
			break
		}
	}
	for _, low := range [...]struct {
		v     float64
		label string
	}{{0.5, "50 %"}, {0, "0 %"}} {
		g := graduation{d.at(low.v), low.label}
		if p := Nines.place(low.v); p < d.first-1e-9 || p > d.last+1e-9 {
			continue
		}
		if with := slices.Insert(slices.Clone(out), 0, g); r.fits(with) {
			out = with
		}
	}
	return out
}

// nines writes 90 %, 99 %, 99.9 % by the number of nines.
func nines(n int) string {
	digits := ""
	for range n {
		digits += "9"
	}
	switch n {
	case 1:
		return "90 %"
	case 2:
		return "99 %"
	}
	return digits[:2] + "." + digits[2:] + " %"
}

// prefix is one size of a unit.
type prefix struct {
	size float64
	name string
}

func (u Unit) prefixes() []prefix {
	switch u {
	case Nanos:
		return []prefix{{1, " ns"}, {1e3, " µs"}, {1e6, " ms"}, {1e9, " s"}}
	case Bytes:
		return []prefix{{1, " B"}, {1 << 10, " KiB"}, {1 << 20, " MiB"}, {1 << 30, " GiB"}, {1 << 40, " TiB"}}
	case PerSecond:
		return []prefix{{1, "/s"}, {1e3, " k/s"}, {1e6, " M/s"}, {1e9, " G/s"}}
	case PerMillion:
		return []prefix{{1, " ppm"}, {1e4, " %"}}
	case Ratio:
		return []prefix{{1, ""}}
	}
	return []prefix{{1, ""}, {1e3, " k"}, {1e6, " M"}, {1e9, " G"}}
}

// label writes a value in the largest size of its unit that is not above scale.
func (u Unit) label(v, scale float64) string {
	sizes := u.prefixes()
	best := sizes[0]
	for _, p := range sizes[1:] {
		// Shares from 0.1 % up are in per cent.
		if limit := p.size * (1 - 1e-9); scale >= limit || u == PerMillion && scale >= limit/10 {
			best = p
		}
	}
	if u == Ratio {
		return "×" + plain(v)
	}
	if v == 0 && u != PerMillion {
		return "0"
	}
	return plain(v/best.size) + best.name
}

// plain writes a number of at most six digits without an exponent.
func plain(v float64) string {
	short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	if err != nil || short == 0 {
		return "0"
	}
	return strings.Replace(strconv.FormatFloat(short, 'f', -1, 64), "-", "−", 1)
}
