package choice

import (
	"math/bits"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Point says that a share PPM (parts per million) of all values is at most Value.
type Point struct {
	PPM   uint64
	Value int64
}

// Quantiles is a distribution as its inverse, piecewise linear between points. The zero
// value always samples 0. It is read-only once built, and may be shared.
type Quantiles struct {
	knots []knot
	jump  [buckets]uint8 // the first segment that a draw with these top bits can lie in
}

const (
	million    = 1_000_000
	bucketBits = 5
	buckets    = 1 << bucketBits
)

// knot is a Point with its share scaled to 64 bits.
type knot struct {
	at    uint64
	value int64
}

// NewQuantiles builds a distribution. Points run from PPM 0 to PPM 1000000 with strictly
// rising shares and values that do not fall; a table that is none is a broken invariant of the
// caller, since tables are constants or come from validated profiles.
func NewQuantiles(points ...Point) *Quantiles {
	n := len(points)
	if n < 2 || n > 255 || points[0].PPM != 0 || points[n-1].PPM != million {
		machine.Broken("quantile table of %d points does not run from 0 to 1000000 ppm", n)
	}
	q := &Quantiles{knots: make([]knot, n)}
	for i, p := range points {
		if i > 0 && (p.PPM <= points[i-1].PPM || p.Value < points[i-1].Value) {
			machine.Broken("quantile table falls at point %d: %d ppm, %d", i, p.PPM, p.Value)
		}
		q.knots[i] = knot{at: scale(p.PPM), value: p.Value}
	}
	for b := range q.jump {
		low, seg := uint64(b)<<(64-bucketBits), 0
		for seg < n-2 && q.knots[seg+1].at <= low {
			seg++
		}
		q.jump[b] = uint8(seg)
	}
	return q
}

// scale maps a share of a million onto the whole range of a draw.
func scale(ppm uint64) uint64 {
	if ppm >= million {
		return 1<<64 - 1
	}
	quo, _ := bits.Div64(ppm, 0, million)
	return quo
}

// Sample maps a uniform draw to a value.
func (q *Quantiles) Sample(draw uint64) int64 {
	if len(q.knots) == 0 {
		return 0
	}
	seg := int(q.jump[draw>>(64-bucketBits)])
	for seg < len(q.knots)-2 && draw >= q.knots[seg+1].at {
		seg++
	}
	lo, hi := &q.knots[seg], &q.knots[seg+1]
	h, l := bits.Mul64(draw-lo.at, uint64(hi.value-lo.value))
	quo, _ := bits.Div64(h, l, hi.at-lo.at)
	return lo.value + int64(quo)
}

// At returns the value below which a share of ppm lies.
func (q *Quantiles) At(ppm uint64) int64 { return q.Sample(scale(ppm)) }

// Mean is the expected value, rounded down: the trapezoids under the curve.
func (q *Quantiles) Mean() int64 {
	var hi, lo uint64
	for i := 1; i < len(q.knots); i++ {
		a, b := q.knots[i-1], q.knots[i]
		h, l := bits.Mul64(b.at-a.at, uint64(a.value)+uint64(b.value-a.value)/2)
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi, _ = bits.Add64(hi, h, carry)
	}
	return int64(hi)
}

const (
	us int64 = 1_000
	ms int64 = 1_000_000
)

// Ready tables. Each says where its numbers come from: measured here, published, or assumed.
var (
	// LAN is one way between two machines of one datacentre (assumed: a median of 150 µs
	// with a scheduler's tail of milliseconds).
	LAN = NewQuantiles(Point{0, 90 * us}, Point{500_000, 150 * us}, Point{900_000, 220 * us},
		Point{990_000, 450 * us}, Point{999_000, 1500 * us}, Point{999_900, 4 * ms}, Point{million, 12 * ms})
	// Loopback is one way within a machine (measured: half of a TCP ping-pong, p50 17 µs,
	// p99 58 µs, p99.9 95 µs).
	Loopback = NewQuantiles(Point{0, 6 * us}, Point{500_000, 8500}, Point{990_000, 29 * us},
		Point{999_000, 48 * us}, Point{million, 500 * us})
	// SyncTime is an fdatasync of a few bytes (measured: p50 0.34 ms, p99 0.62 ms, p99.9
	// 1.6 to 80 ms); bytes to flush come on top.
	SyncTime = NewQuantiles(Point{0, 260 * us}, Point{500_000, 340 * us}, Point{900_000, 430 * us},
		Point{990_000, 620 * us}, Point{999_000, 3 * ms}, Point{999_900, 12 * ms}, Point{million, 40 * ms})
	// CacheWrite is a write into the page cache (measured: p50 3.1 µs); bytes come on top.
	CacheWrite = NewQuantiles(Point{0, 2 * us}, Point{500_000, 3 * us}, Point{990_000, 6 * us},
		Point{999_000, 30 * us}, Point{million, 300 * us})
	// CacheRead is a read served by the page cache (assumed: as a write).
	CacheRead = NewQuantiles(Point{0, 1 * us}, Point{500_000, 2 * us}, Point{990_000, 5 * us},
		Point{999_000, 30 * us}, Point{million, 300 * us})
	// NameChange is a rename, removal or truncation in memory (assumed).
	NameChange = NewQuantiles(Point{0, 4 * us}, Point{500_000, 8 * us}, Point{990_000, 25 * us},
		Point{999_000, 100 * us}, Point{million, 2 * ms})
)
