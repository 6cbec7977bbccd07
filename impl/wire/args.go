package wire

import "bytes"

// argList is the arguments of a control line; no verb has more than five.
type argList struct {
	arg [5][]byte
	n   int
}

// split cuts line at runs of blanks. It returns false if there are more than five.
func (a *argList) split(line []byte) bool {
	a.n = 0
	for i := 0; i < len(line); {
		if blank(line[i]) {
			i++
			continue
		}
		start := i
		for i < len(line) && !blank(line[i]) {
			i++
		}
		if a.n == len(a.arg) {
			return false
		}
		a.arg[a.n] = line[start:i]
		a.n++
	}
	return true
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// maxNumber bounds sizes and counts; larger ones are taken as this.
const maxNumber = 1 << 40

// number reads a decimal number without sign; false if p is none.
func number(p []byte) (int, bool) {
	n := 0
	for _, c := range p {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int(c-'0'); n > maxNumber {
			n = maxNumber
		}
	}
	return n, len(p) > 0
}

// plainNumber is number for digits that begin with 0 only if they are "0".
func plainNumber(p []byte) (int, bool) {
	if len(p) > 1 && p[0] == '0' {
		return 0, false
	}
	return number(p)
}

// lastWord cuts the last word off p at a single blank that precedes it; before is nil if p is one
// word.
func lastWord(p []byte) (before, word []byte) {
	i := bytes.LastIndexByte(p, ' ')
	if i < 0 {
		return nil, p
	}
	return p[:i], p[i+1:]
}

func hasBlank(p []byte) bool {
	for _, c := range p {
		if blank(c) {
			return true
		}
	}
	return false
}
