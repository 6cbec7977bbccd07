package words

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/stats"
)

// Nanos writes a time given in nanoseconds: three digits and a unit.
func Nanos(ns float64) string {
	switch a := math.Abs(ns); {
	case a >= 999.5e6:
		return digits(ns/1e9, 3) + " s"
	case a >= 999.5e3:
		return digits(ns/1e6, 3) + " ms"
	case a >= 999.5:
		return digits(ns/1e3, 3) + " µs"
	}
	return digits(ns, 3) + " ns"
}

// Bytes writes a size: three digits, of a thousand and more four, and a unit.
func Bytes(b float64) string {
	switch a := math.Abs(b); {
	case a >= 1<<20:
		return digits(b/(1<<20), 3) + " MiB"
	case a >= 1<<10:
		return digits(b/(1<<10), 3) + " KiB"
	}
	return digits(b, 3) + " B"
}

// Number writes a number with four digits, or all before its point.
func Number(v float64) string { return digits(v, 4) }

// Percent writes a share: to a hundredth of a percent, and below a tenth of one with two significant digits.
func Percent(share float64) string {
	if p := 100 * share; p == 0 || math.Abs(p) >= 0.1 {
		return fmt.Sprintf("%.2f %%", p)
	}
	return strconv.FormatFloat(100*share, 'g', 2, 64) + " %"
}

// PPM writes a share given in parts per million, as Percent does.
func PPM(ppm float64) string { return Percent(ppm / 1e6) }

// Share writes what k are of n in percent, all runs together, with the interval over runs (stats.Ratio); nothing is 0.
func Share(k, n []int64) string {
	e := stats.Ratio(k, n)
	if e.Value == 0 {
		return "0"
	}
	return fmt.Sprintf("%s (%s to %s)", Percent(e.Value), Percent(e.Low), Percent(e.High))
}

// digits writes a number with so many significant digits, or all before its point if these are more; never with an exponent,
// unless it is below 0.0001, and without zeros at its end.
func digits(v float64, n int) string {
	if math.Abs(v) < 1 {
		return strconv.FormatFloat(v, 'g', n, 64)
	}
	before := len(strconv.FormatFloat(math.Abs(v), 'f', 0, 64))
	text := strconv.FormatFloat(v, 'f', max(n-before, 0), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
