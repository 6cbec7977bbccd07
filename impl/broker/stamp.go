package broker

import "bytes"

// stamp renders nanoseconds since the Unix epoch as RFC 3339 in UTC, as the API's JSON has it: without the
// zeros that a fraction ends in. The core may not see package time; the calendar is Hinnant's days-from-civil run
// backwards.
func stamp(ns int64) string {
	days, rest := ns/(86400*sec), ns%(86400*sec)
	if rest < 0 {
		days, rest = days-1, rest+86400*sec
	}
	z := days + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day := doy - (153*mp+2)/5 + 1
	month := mp + 3
	if month > 12 {
		month -= 12
	}
	year := yoe + era*400
	if month <= 2 {
		year++
	}
	b := make([]byte, 0, 35)
	b = append(padded(b, year, 4), '-')
	b = append(padded(b, month, 2), '-')
	b = append(padded(b, day, 2), 'T')
	secs := rest / sec
	b = append(padded(b, secs/3600, 2), ':')
	b = append(padded(b, secs/60%60, 2), ':')
	b = padded(b, secs%60, 2)
	if rest %= sec; rest > 0 {
		b = bytes.TrimRight(padded(append(b, '.'), rest, 9), "0")
	}
	return string(append(b, 'Z'))
}

func padded(b []byte, v int64, width int) []byte {
	var digits [20]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + v%10)
		v /= 10
	}
	return append(b, digits[:width]...)
}
