package client

// parseStamp reads a time as the API writes it, 2006-01-02T15:04:05.999999999Z, as nanoseconds since the Unix epoch.
func parseStamp(text []byte) (stamp int64, ok bool) {
	const form = "dddd-dd-ddTdd:dd:dd"
	if len(text) < len(form)+1 || text[len(text)-1] != 'Z' {
		return 0, false
	}
	var parts [6]int64 // year, month, day, hour, minute, second
	part := 0
	for i := range len(form) {
		switch c := text[i]; {
		case form[i] == 'd' && c >= '0' && c <= '9':
			parts[part] = parts[part]*10 + int64(c-'0')
		case form[i] != 'd' && c == form[i]:
			part++
		default:
			return 0, false
		}
	}
	nanos, ok := parseFraction(text[len(form) : len(text)-1])
	year, month, day := parts[0], parts[1], parts[2]
	if !ok || year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31 || parts[3] > 23 || parts[4] > 59 || parts[5] > 59 {
		return 0, false
	}
	seconds := ((daysSinceEpoch(year, month, day)*24+parts[3])*60+parts[4])*60 + parts[5]
	return seconds*second + nanos, true
}

// parseFraction reads ".123" as nanoseconds; "" is none.
func parseFraction(text []byte) (nanos int64, ok bool) {
	if len(text) == 0 {
		return 0, true
	}
	if text[0] != '.' || len(text) < 2 || len(text) > 10 {
		return 0, false
	}
	unit := int64(second)
	for i := 1; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		unit /= 10
		nanos += unit * int64(text[i]-'0')
	}
	return nanos, true
}

// daysSinceEpoch counts days of the Gregorian calendar; years begin in March here, so that a leap day is a year's last.
func daysSinceEpoch(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 719469
}
