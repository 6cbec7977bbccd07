package stream

import "time"

// ParseTime reads a time as the API's JSON has it (RFC 3339), in nanoseconds since the Unix epoch; ok is false
// for what is none, or lies outside the years that nanoseconds reach.
func ParseTime(text string) (ns int64, ok bool) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1678 || t.Year() > 2261 {
		return 0, false
	}
	return t.UnixNano(), true
}
