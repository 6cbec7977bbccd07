package faults

import (
	"errors"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

// MaxTime bounds every time and duration of a plan, in nanoseconds: a little over 36 years.
const MaxTime int64 = 1 << 60

var (
	errDuration = errors.New(`want a duration such as 250ms, 1.5s or 2m30s`)
	errTooLong  = errors.New(`a duration is at most ` + FormatDuration(MaxTime))
	errTooFine  = errors.New(`a duration is a whole number of nanoseconds`)
	errNegative = errors.New(`a duration is not negative`)
)

var units = []struct {
	name string
	size int64
}{{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}

// ParseDuration reads nanoseconds as FormatDuration writes them, and sums such as 2m30s.
func ParseDuration(s string) (int64, error) {
	if strings.HasPrefix(s, "-") {
		return 0, errNegative
	}
	if s == "" {
		return 0, errDuration
	}
	var sum int64
	for s != "" {
		end := 0
		for end < len(s) && (s[end] == '.' || s[end] >= '0' && s[end] <= '9') {
			end++
		}
		number, rest := s[:end], s[end:]
		end = 0
		for end < len(rest) && rest[end] != '.' && (rest[end] < '0' || rest[end] > '9') {
			end++
		}
		var size int64
		for _, u := range units {
			if u.name == rest[:end] {
				size = u.size
			}
		}
		if size == 0 {
			return 0, errDuration
		}
		v, err := scaled(number, size)
		if err != nil {
			return 0, err
		}
		if sum += v; sum > MaxTime {
			return 0, errTooLong
		}
		s = rest[end:]
	}
	return sum, nil
}

// scaled reads a decimal and multiplies it by unit, exactly.
func scaled(number string, unit int64) (int64, error) {
	whole, frac, dotted := strings.Cut(number, ".")
	if whole == "" || dotted && frac == "" || strings.Contains(frac, ".") {
		return 0, errDuration
	}
	v, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || v > MaxTime/unit {
		return 0, errTooLong
	}
	v *= unit
	frac = strings.TrimRight(frac, "0")
	for _, digit := range []byte(frac) {
		// Units of minutes and hours are divisible by ten only so often; what does not come
		// out even is refused rather than rounded.
		if unit%10 != 0 {
			return 0, errTooFine
		}
		unit /= 10
		v += int64(digit-'0') * unit
	}
	if v > MaxTime {
		return 0, errTooLong
	}
	return v, nil
}

// parseAmount reads an amount of the given kind.
func parseAmount(a amount, s string) (int64, error) {
	switch a {
	case latency, step:
		sign, rest := signOf(s)
		if sign == 0 || a == latency && sign < 0 {
			return 0, errors.New(map[amount]string{
				latency: "want an added latency such as +2ms", step: "want a step such as +1s or -1s",
			}[a])
		}
		v, err := ParseDuration(rest)
		return sign * v, err
	case percent:
		if number, ok := strings.CutSuffix(s, "%"); ok {
			if v, err := scaled(number, 10_000); err == nil && v >= 1 && v <= 1_000_000 {
				return v, nil
			}
		}
		return 0, errors.New("want a share above 0% and at most 100%, such as 12.5%, to the ten thousandth")
	case factor:
		if number, ok := strings.CutPrefix(s, "x"); ok {
			if v, err := strconv.ParseUint(number, 10, 31); err == nil && v >= 1 && v <= maxFactor {
				return int64(v), nil
			}
		}
		return 0, errors.New("want a factor from x1 to x" + strconv.Itoa(maxFactor))
	case rate:
		if number, ok := strings.CutSuffix(s, "ppm"); ok {
			sign, rest := signOf(number)
			if v, err := strconv.ParseUint(rest, 10, 31); err == nil && sign != 0 && v <= maxRate {
				return sign * int64(v), nil
			}
		}
		return 0, errors.New("want a rate such as +200ppm or -200ppm, at most " + strconv.Itoa(maxRate) + "ppm")
	}
	return 0, errors.New("takes no amount")
}

const (
	maxFactor = 1_000_000
	maxRate   = 500_000 // a clock at half or one and a half times the true rate
)

// signOf splits a leading sign off; the sign is 0 if there is none.
func signOf(s string) (sign int64, rest string) {
	switch {
	case strings.HasPrefix(s, "+"):
		return 1, s[1:]
	case strings.HasPrefix(s, "-"):
		return -1, s[1:]
	}
	return 0, s
}

// parseNode reads n2.
func parseNode(s string) (machine.NodeID, bool) {
	number, ok := strings.CutPrefix(s, "n")
	if !ok || number == "" || number[0] < '1' || number[0] > '9' {
		return 0, false
	}
	v, err := strconv.ParseUint(number, 10, 32)
	return machine.NodeID(v), err == nil
}
