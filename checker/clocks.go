package checker

import (
	"math"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
)

// clocks follows which faults made nodes' clocks wrong.
type clocks struct {
	stepped bool // some wall clock was set
	wrong   bool // some clock ran at another rate than time
	drifts  []drift
}

// drift is a time in which some node's clock ran fast.
type drift struct {
	from, to int64
	ppm      int64
	why      string
}

// fault takes a fault that began or ended: "... clock n1 +1h" or "... drift n1 +200ppm for 5s".
func (c *clocks) fault(e *history.Event) {
	switch {
	case e.Verb == "clock":
		c.stepped = true
	case e.Verb == "drift" && e.On:
		c.wrong = true
		for _, word := range strings.Fields(e.Why) {
			rate, ok := strings.CutSuffix(word, "ppm")
			ppm, err := strconv.ParseInt(strings.TrimPrefix(rate, "+"), 10, 32)
			if ok && err == nil && ppm > 0 {
				c.drifts = append(c.drifts, drift{e.Time, math.MaxInt64, ppm, e.Why})
			}
		}
	case e.Verb == "drift":
		for i := range c.drifts {
			if d := &c.drifts[i]; d.why == e.Why && d.to == math.MaxInt64 {
				d.to = e.Time
				break
			}
		}
	}
}

// least returns the shortest true time, within from and to, in which some node's clock may show d: a hundredth less for
// what is measured from elsewhere, and less by the fastest drift of that time.
func (c *clocks) least(d, from, to int64) int64 {
	fast := int64(0)
	for i := range c.drifts {
		if x := &c.drifts[i]; x.from <= to && from <= x.to {
			fast = max(fast, x.ppm)
		}
	}
	return d / 1_000_000 * (990_000_000_000 / (1_000_000 + fast))
}
