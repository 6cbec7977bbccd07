package wire

// Handler is told what a client sent. Slices are valid only during the call. An error ends the
// parsing: Feed returns it, and so does every Feed after it.
type Handler interface {
	OnConnect(json []byte) error
	OnPing() error
	OnPong() error
	OnPub(p *Pub) error
	// OnSub: queue is nil if there is none.
	OnSub(subject, queue, sid []byte) error
	// OnUnsub: max is the number of deliveries after which the subscription ends, 0 for now.
	OnUnsub(sid []byte, max int) error
}

// Pub is a PUB or HPUB.
type Pub struct {
	Subject []byte
	Reply   []byte // nil if there is none
	Header  []byte // nil for a PUB
	Payload []byte
	// Tail is everything after the subject and its blank, to the end of the operation:
	// "[reply ][hlen ]n\r\n" header payload "\r\n". The MSG or HMSG that delivers the message
	// ends with the same bytes.
	Tail []byte
}

// Headers says whether this is an HPUB.
func (p *Pub) Headers() bool { return p.Header != nil }

// Parser reads what a NATS client sends. Its zero value has nats-server's limits.
type Parser struct {
	// MaxControlLine bounds the arguments of a line, MaxPayload headers and payload together;
	// bytes, 0 for the default.
	MaxControlLine int
	MaxPayload     int

	stream  stream
	pub     Pub
	args    argList
	rebuilt []byte
}

// Feed parses in, the next bytes of the connection, cut anywhere. Errors are *Error, or what the
// handler returned.
func (p *Parser) Feed(in []byte, h Handler) error {
	return feed(&p.stream, in, p.controlLine(), p, h, (*Parser).operation)
}

// Buffered is the number of bytes of an operation that has not arrived whole.
func (p *Parser) Buffered() int { return len(p.stream.buf) }

func (p *Parser) controlLine() int {
	if p.MaxControlLine == 0 {
		return DefaultControlLine
	}
	return p.MaxControlLine
}

func (p *Parser) payload() int {
	if p.MaxPayload == 0 {
		return DefaultPayload
	}
	return p.MaxPayload
}

func (p *Parser) operation(in []byte, h Handler) (n, need int, err error) {
	if n, err = p.quick(in, h); n > 0 {
		return n, 0, err
	}
	end, after := line(in, p.controlLine())
	if after == 0 {
		if !clientVerb(in) {
			return 0, 0, breach(ErrUnknownOp, "%s", quoted(in))
		}
		return 0, 0, nil
	}
	if end >= 4 {
		switch {
		case isVerb(in, "PUB") && blank(in[3]):
			return p.message(in, 4, end, after, false, h)
		case end > 4 && isVerb(in, "HPUB") && blank(in[4]):
			return p.message(in, 5, end, after, true, h)
		}
	}
	return after, 0, p.other(in[:end], h)
}

// clientVerb says whether in can be the beginning of a line.
func clientVerb(in []byte) bool {
	return isVerb(in, "PUB") || isVerb(in, "HPUB") || isVerb(in, "SUB") || isVerb(in, "UNSUB") ||
		isVerb(in, "PING") || isVerb(in, "PONG") || isVerb(in, "CONNECT")
}

// other handles a line that no payload follows.
func (p *Parser) other(line []byte, h Handler) error {
	verb, rest := line, []byte(nil)
	for i, c := range line {
		if blank(c) {
			verb, rest = line[:i], line[i+1:]
			break
		}
	}
	if len(rest) > p.controlLine() {
		return breach(ErrMaxControlLine, "%d bytes, limit %d", len(rest), p.controlLine())
	}
	switch {
	case rest == nil && !is(verb, "PING") && !is(verb, "PONG"): // every other verb takes arguments
	case is(verb, "PING"):
		return h.OnPing()
	case is(verb, "PONG"):
		return h.OnPong()
	case is(verb, "SUB"):
		return p.sub(rest, h)
	case is(verb, "UNSUB"):
		return p.unsub(rest, h)
	case is(verb, "CONNECT"):
		return h.OnConnect(rest)
	}
	return breach(ErrUnknownOp, "%s", quoted(line))
}

func is(word []byte, verb string) bool { return len(word) == len(verb) && isVerb(word, verb) }

func (p *Parser) sub(rest []byte, h Handler) error {
	a := &p.args
	switch {
	case !a.split(rest) || a.n < 2 || a.n > 3:
		return breach(ErrParser, "SUB takes a subject, maybe a queue, and a sid: %s", quoted(rest))
	case a.n == 2:
		return h.OnSub(a.arg[0], nil, a.arg[1])
	}
	return h.OnSub(a.arg[0], a.arg[1], a.arg[2])
}

func (p *Parser) unsub(rest []byte, h Handler) error {
	a, limit := &p.args, 0
	ok := a.split(rest) && a.n >= 1 && a.n <= 2
	if ok && a.n == 2 {
		limit, ok = number(a.arg[1])
	}
	if !ok {
		return breach(ErrParser, "UNSUB takes a sid and maybe a number: %s", quoted(rest))
	}
	return h.OnUnsub(a.arg[0], limit)
}

// message handles a PUB or HPUB whose arguments are in[from:end] and whose payload begins at after.
func (p *Parser) message(in []byte, from, end, after int, headers bool, h Handler) (n, need int, err error) {
	m := &p.pub
	args := in[from:end]
	if len(args) > p.controlLine() {
		return 0, 0, breach(ErrMaxControlLine, "%d bytes, limit %d", len(args), p.controlLine())
	}
	hlen, size, tail, plain := p.plainArgs(args, headers)
	if !plain {
		if hlen, size, err = p.oddArgs(args, headers); err != nil {
			return 0, 0, err
		}
	}
	switch {
	case hlen > size:
		return 0, 0, breach(ErrParser, "header of %d bytes in a message of %d", hlen, size)
	case size > p.payload():
		return 0, 0, breach(ErrMaxPayload, "%d bytes, limit %d", size, p.payload())
	}
	need = after + size + 2
	if len(in) < need {
		return 0, need, nil
	}
	if in[need-2] != '\r' || in[need-1] != '\n' {
		return 0, 0, breach(ErrUnknownOp, "payload of %d bytes does not end there", size)
	}
	m.Header, m.Payload = nil, in[after:need-2:need-2]
	if headers {
		m.Header, m.Payload = in[after:after+hlen:after+hlen], in[after+hlen:need-2:need-2]
	}
	if plain && after == end+2 {
		m.Tail = in[from+tail : need : need]
	} else {
		p.rebuild(hlen, size, in[after:need])
	}
	return need, 0, h.OnPub(m)
}

// plainArgs reads arguments separated by single blanks, as every client writes them. tail is where
// they go on after the subject. ok is false if they are not so: oddArgs may still read them.
func (p *Parser) plainArgs(args []byte, headers bool) (hlen, size, tail int, ok bool) {
	for tail < len(args) && !blank(args[tail]) {
		tail++
	}
	if tail == 0 || tail == len(args) || args[tail] != ' ' {
		return 0, 0, 0, false
	}
	p.pub.Subject, p.pub.Reply = args[:tail:tail], nil
	tail++
	reply, word := lastWord(args[tail:])
	if size, ok = plainNumber(word); !ok {
		return 0, 0, 0, false
	}
	if headers {
		if reply == nil {
			return 0, 0, 0, false
		}
		reply, word = lastWord(reply)
		if hlen, ok = plainNumber(word); !ok {
			return 0, 0, 0, false
		}
	}
	if reply != nil {
		if len(reply) == 0 || hasBlank(reply) {
			return 0, 0, 0, false
		}
		p.pub.Reply = reply[:len(reply):len(reply)]
	}
	return hlen, size, tail, true
}

// oddArgs reads arguments separated by any blanks.
func (p *Parser) oddArgs(args []byte, headers bool) (hlen, size int, err error) {
	a, least := &p.args, 2
	if headers {
		least = 3
	}
	ok := a.split(args) && (a.n == least || a.n == least+1)
	if ok {
		size, ok = number(a.arg[a.n-1])
	}
	if ok && headers {
		hlen, ok = number(a.arg[a.n-2])
	}
	if !ok {
		return 0, 0, breach(ErrParser, "a message takes a subject, maybe a reply, and sizes: %s", quoted(args))
	}
	p.pub.Subject, p.pub.Reply = a.arg[0], nil
	if a.n == least+1 {
		p.pub.Reply = a.arg[1]
	}
	return hlen, size, nil
}

// rebuild makes the tail that a client which writes as others do would have sent.
func (p *Parser) rebuild(hlen, size int, body []byte) {
	b := p.rebuilt[:0]
	if p.pub.Reply != nil {
		b = append(append(b, p.pub.Reply...), ' ')
	}
	if !p.pub.Headers() {
		hlen = -1
	}
	b = appendSizes(b, hlen, size)
	p.pub.Tail = append(b, body...)
	if p.rebuilt = p.pub.Tail; cap(p.rebuilt) > keepBuffer {
		p.rebuilt = nil
	}
}
