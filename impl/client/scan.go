package client

import (
	"bytes"
	"encoding/json"
)

// value is one JSON value, as its text. The scanner below reads the few members it is asked for and
// steps over the rest; encoding/json costs several times as much, on every acknowledgement.
type value []byte

func (v value) number(to *uint64) bool {
	n, ok := parseNumber(v)
	*to = n
	return ok
}

// text is the content of a JSON string. It shares v's bytes unless something in it is escaped.
func (v value) text(to *[]byte) bool {
	if len(v) < 2 || v[0] != '"' {
		return false
	}
	if bytes.IndexByte(v, '\\') < 0 {
		*to = v[1 : len(v)-1]
		return true
	}
	var text string
	err := json.Unmarshal(v, &text)
	*to = []byte(text)
	return err == nil
}

// members calls f for each member of the JSON object text; keys are as they are spelled. It returns false if text is not
// an object, or f does. It does not check what it steps over beyond brackets and quotes.
func members(text []byte, f func(key []byte, v value) bool) bool {
	p := space(text)
	if len(p) == 0 || p[0] != '{' {
		return false
	}
	if p = space(p[1:]); len(p) > 0 && p[0] == '}' {
		return len(space(p[1:])) == 0
	}
	for {
		n := quoted(p)
		if n == 0 {
			return false
		}
		key := p[1 : n-1]
		if p = space(p[n:]); len(p) == 0 || p[0] != ':' {
			return false
		}
		p = space(p[1:])
		if n = extent(p); n == 0 || !f(key, value(p[:n])) {
			return false
		}
		if p = space(p[n:]); len(p) == 0 {
			return false
		}
		switch p[0] {
		case '}':
			return len(space(p[1:])) == 0
		case ',':
			p = space(p[1:])
		default:
			return false
		}
	}
}

// extent is the length of the value at the start of p; 0 if there is none.
func extent(p []byte) int {
	if n := quoted(p); n > 0 {
		return n
	}
	depth := 0
	for i := 0; i < len(p); {
		switch p[i] {
		case '"':
			n := quoted(p[i:])
			if n == 0 {
				return 0
			}
			i += n
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // the end of what encloses a plain word
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return 0
}

// quoted is the length of the string at the start of p, quotes included; 0 if there is none.
func quoted(p []byte) int {
	if len(p) == 0 || p[0] != '"' {
		return 0
	}
	for i := 1; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

func space(p []byte) []byte {
	for len(p) > 0 && (p[0] == ' ' || p[0] == '\t' || p[0] == '\r' || p[0] == '\n') {
		p = p[1:]
	}
	return p
}
