package sim

import "github.com/brokerlab/brokerlab/model/machine"

// maxPPM bounds a clock's drift: a tenth.
const maxPPM = 100_000

// rate is a clock that ran evenly since the virtual time since, when it showed shown.
type rate struct {
	since Time
	shown int64
	ppm   int64
}

// at is what the clock shows at virtual time t >= since.
func (r *rate) at(t Time) int64 {
	d := t - r.since
	if r.ppm == 0 {
		return r.shown + d
	}
	return r.shown + d + scalePPM(d, r.ppm)
}

// scalePPM is d·ppm/10⁶ rounded down, without overflow for any d a run reaches.
func scalePPM(d, ppm int64) int64 {
	const million = 1_000_000
	x := d % million * ppm
	q := x / million
	if x%million < 0 {
		q--
	}
	return d/million*ppm + q
}

// when is the first virtual time at which the clock shows at least v.
func (r *rate) when(v int64) Time {
	if v <= r.shown {
		return r.since
	}
	if r.ppm == 0 {
		return r.since + v - r.shown
	}
	want := v - r.shown
	// d + d·ppm/10⁶ = want: guess by the inverse slope, then walk the rounding off.
	slope := 1_000_000 + r.ppm
	d := want/slope*1_000_000 + want%slope*1_000_000/slope
	for d > 0 && d-1+scalePPM(d-1, r.ppm) >= want {
		d--
	}
	for d+scalePPM(d, r.ppm) < want {
		d++
	}
	return r.since + d
}

// turn makes the clock run at another rate from now on, without a jump.
func (r *rate) turn(now Time, ppm int64) {
	r.shown, r.since, r.ppm = r.at(now), now, ppm
}

// clocks are those of one process: wall runs on across boots and may be stepped, mono
// restarts with each boot at a value drawn for it and never jumps.
type clocks struct {
	mono rate
	wall rate
	own  int64 // the drift that the configuration gives this node, ppm
}

func (c *clocks) readMono(t Time) machine.Mono { return machine.Mono(c.mono.at(t)) }
func (c *clocks) readWall(t Time) machine.Wall { return machine.Wall(c.wall.at(t)) }

// drift turns both clocks to their own rate plus extra.
func (c *clocks) drift(now Time, extra int64) {
	ppm := max(min(c.own+extra, maxPPM), -maxPPM)
	c.mono.turn(now, ppm)
	c.wall.turn(now, ppm)
}
