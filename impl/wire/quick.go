package wire

// quickPub reads "PUB subject [reply ]n\r\n", the line that decides how fast a broker is, in one
// pass: capitals, single blanks, a plain number of at most seven digits. ok is false for anything
// else, right or wrong: the general path judges it. tail is where the line goes on after the
// subject, reply the end of the reply (0 if there is none), after the start of the payload.
func quickPub(in []byte) (tail, reply, size, after int, ok bool) {
	if len(in) < 8 || in[0] != 'P' || in[1] != 'U' || in[2] != 'B' || in[3] != ' ' {
		return
	}
	i := 4
	for i < len(in) && in[i] > ' ' {
		i++
	}
	if i == 4 || i == len(in) || in[i] != ' ' {
		return
	}
	i++
	tail = i
	for start := i; ; {
		digits := true
		for size = 0; i < len(in) && in[i] > ' '; i++ {
			d := in[i] - '0'
			digits = digits && d <= 9
			size = size*10 + int(d)
		}
		switch {
		case i == start || i+1 >= len(in):
			return
		case in[i] == ' ' && reply == 0:
			reply = i
			i++
			start = i
			continue
		case in[i] != '\r' || in[i+1] != '\n' || !digits || i-start > 7 || in[start] == '0' && i-start > 1:
			return
		}
		return tail, reply, size, i + 2, true
	}
}

// quick handles the PUB at the start of in if it is of the plain form and within the limits; n is 0
// if not, or if it has not arrived whole.
func (p *Parser) quick(in []byte, h Handler) (n int, err error) {
	tail, reply, size, after, ok := quickPub(in)
	n = after + size + 2
	if !ok || n > len(in) || size > p.payload() || after > p.controlLine() || in[n-2] != '\r' || in[n-1] != '\n' {
		return 0, nil
	}
	m := &p.pub
	m.Subject, m.Reply, m.Header = in[4:tail-1:tail-1], nil, nil
	if reply > 0 {
		m.Reply = in[tail:reply:reply]
	}
	m.Payload, m.Tail = in[after:n-2:n-2], in[tail:n:n]
	return n, h.OnPub(m)
}
