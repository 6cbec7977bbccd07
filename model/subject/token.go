package subject

// Cut splits off the first token; more says that rest holds further ones.
func Cut(s string) (token, rest string, more bool) {
	end := tokenEnd(s, 0)
	if end == len(s) {
		return s, "", false
	}
	return s[:end], s[end+1:], true
}

// Tokens counts the tokens of s.
func Tokens[S Text](s S) int {
	n := 1
	for i := 0; i < len(s); i++ {
		if s[i] == Separator {
			n++
		}
	}
	return n
}

// Token returns token number i, counted from 0, or "" if there are fewer.
func Token(s string, i int) string {
	for more := true; more; i-- {
		var token string
		if token, s, more = Cut(s); i == 0 {
			return token
		}
	}
	return ""
}

// ValidName says whether s can be one token of a literal subject, and the name of a
// stream, consumer or account: no dot, no wildcard character, no path separator, no
// control character or white space.
func ValidName[S Text](s S) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c == 0x7f, c == Separator, c == Single, c == Rest, c == '/', c == '\\':
			return false
		}
	}
	return len(s) > 0
}
