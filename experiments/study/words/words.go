package words

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/brokerlab/brokerlab/experiments/stats"
)

// duration writes nanoseconds for readers: three digits and a unit.
func Nanos(ns float64) string {
	switch a := math.Abs(ns); {
	case a >= 1e9:
		return fmt.Sprintf("%.3g s", ns/1e9)
	case a >= 1e6:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	case a >= 1e3:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	}
	return fmt.Sprintf("%.3g ns", ns)
}

// nanosText is a time for readers.
func NanosText(ns float64) string {
	switch {
	case ns >= 1e9:
		return fmt.Sprintf("%.2f s", ns/1e9)
	case ns >= 1e6:
		return fmt.Sprintf("%.2f ms", ns/1e6)
	}
	return fmt.Sprintf("%.0f µs", ns/1e3)
}

// span prints nanoseconds to three digits.
func Span(ns float64) string {
	d := time.Duration(ns)
	switch {
	case d >= time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s"
	case d >= time.Millisecond:
		return strconv.FormatFloat(float64(d)/1e6, 'f', 2, 64) + " ms"
	}
	return strconv.FormatFloat(float64(d)/1e3, 'f', 0, 64) + " µs"
}

// lasting is a time for readers: to a hundredth of a second, or to a millisecond below a tenth.
func Lasting(ns float64) string {
	if ns < 1e8 {
		return fmt.Sprintf("%.0f ms", ns/1e6)
	}
	return fmt.Sprintf("%.2f s", ns/1e9)
}

func Bytes(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1<<20:
		return fmt.Sprintf("%.3g MiB", v/(1<<20))
	case a >= 1<<10:
		return fmt.Sprintf("%.3g KiB", v/(1<<10))
	}
	return fmt.Sprintf("%.3g B", v)
}

func BytesText(b float64) string {
	if b < 1<<20 {
		return fmt.Sprintf("%.0f KiB", b/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", b/(1<<20))
}

func Number(v float64) string { return fmt.Sprintf("%.4g", v) }

// percent prints a share with two significant digits.
func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'g', 2, 64) + " %"
}

func PPM(ppm float64) string { return fmt.Sprintf("%.2f %%", ppm/1e4) }

// shareText is a share in percent with its interval.
func Share(k, n int64) string {
	e := stats.Share(k, n)
	if k == 0 {
		return fmt.Sprintf("0 (below %s)", percent(e.High))
	}
	return fmt.Sprintf("%s (%s to %s)", percent(e.Value), percent(e.Low), percent(e.High))
}
