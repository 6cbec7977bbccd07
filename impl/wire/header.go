package wire

import (
	"bytes"
	"iter"
	"strconv"
)

// HeaderLine begins every header block; a status may follow it on the line. Then come lines
// "Key: value" and an empty line.
const HeaderLine = "NATS/1.0"

const crlf = "\r\n"

// AppendHeader appends a whole block of the given keys and values.
func AppendHeader(dst []byte, keysAndValues ...string) []byte {
	return appendFields(append(dst, HeaderLine+crlf...), keysAndValues)
}

// AppendStatus appends a whole block with a status line: "NATS/1.0 503", or with a text "NATS/1.0
// 404 No Messages".
func AppendStatus(dst []byte, code int, text string, keysAndValues ...string) []byte {
	dst = strconv.AppendInt(append(dst, HeaderLine+" "...), int64(code), 10)
	if text != "" {
		dst = append(append(dst, ' '), text...)
	}
	return appendFields(append(dst, crlf...), keysAndValues)
}

// AppendHeaderWith appends the block hdr with further keys and values at its end. An empty hdr
// counts as a block without any.
func AppendHeaderWith(dst, hdr []byte, keysAndValues ...string) []byte {
	if len(hdr) == 0 {
		return AppendHeader(dst, keysAndValues...)
	}
	return appendFields(append(dst, bytes.TrimSuffix(hdr, []byte(crlf))...), keysAndValues)
}

func appendFields(dst []byte, keysAndValues []string) []byte {
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		dst = append(append(dst, keysAndValues[i]...), ": "...)
		dst = append(append(dst, keysAndValues[i+1]...), crlf...)
	}
	return append(dst, crlf...)
}

// HeaderGet returns the first value of key in the block hdr, without surrounding blanks; nil if it
// is not there. The key must be equal, capitals included; a present but empty value is not nil.
func HeaderGet(hdr []byte, key string) []byte {
	for rest := skipLine(hdr); len(rest) > 0; rest = skipLine(rest) {
		if len(rest) > len(key) && rest[len(key)] == ':' && string(rest[:len(key)]) == key {
			return value(rest[len(key)+1:])
		}
	}
	return nil
}

// Headers goes through keys and values of the block hdr in order.
func Headers(hdr []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for rest := skipLine(hdr); len(rest) > 0; rest = skipLine(rest) {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			colon := bytes.IndexByte(rest[:end], ':')
			if colon > 0 && !yield(rest[:colon], value(rest[colon+1:])) {
				return
			}
		}
	}
}

// HeaderStatus returns code and text of the block's status; 0 if it has none.
func HeaderStatus(hdr []byte) (code int, text []byte) {
	if !bytes.HasPrefix(hdr, []byte(HeaderLine)) {
		return 0, nil
	}
	status := value(hdr[len(HeaderLine):])
	digits := status
	if i := bytes.IndexByte(status, ' '); i >= 0 {
		digits, text = status[:i], value(status[i:])
	}
	code, ok := number(digits)
	if !ok || len(digits) != 3 {
		return 0, nil
	}
	return code, text
}

// HeaderValid says whether hdr is a block as AppendHeader makes them: first line, fields with a
// colon, one empty line at the very end.
func HeaderValid(hdr []byte) bool {
	first, rest, ok := bytes.Cut(hdr, []byte(crlf))
	if !ok || !bytes.HasPrefix(first, []byte(HeaderLine)) {
		return false
	}
	if len(first) > len(HeaderLine) && first[len(HeaderLine)] != ' ' {
		return false
	}
	for {
		var field []byte
		if field, rest, ok = bytes.Cut(rest, []byte(crlf)); !ok {
			return false
		}
		if len(field) == 0 {
			return len(rest) == 0
		}
		if bytes.IndexByte(field, ':') < 1 {
			return false
		}
	}
}

func skipLine(p []byte) []byte {
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		return p[i+1:]
	}
	return nil
}

// value cuts p at its line end and trims blanks. It is never nil.
func value(p []byte) []byte {
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		p = p[:i:i]
	}
	for len(p) > 0 && blank(p[0]) {
		p = p[1:]
	}
	for n := len(p); n > 0 && (blank(p[n-1]) || p[n-1] == '\r'); n = len(p) {
		p = p[: n-1 : n-1]
	}
	if p == nil {
		p = []byte{}
	}
	return p
}
