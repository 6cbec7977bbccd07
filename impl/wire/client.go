package wire

// ClientHandler is told what a server sent. Slices are valid only during the call. An error ends
// the parsing: Feed returns it, and so does every Feed after it.
type ClientHandler interface {
	OnInfo(json []byte) error
	OnMsg(m *Msg) error
	OnPing() error
	OnPong() error
	OnOK() error
	// OnErr: text is without its quotes.
	OnErr(text []byte) error
}

// Msg is a MSG or HMSG.
type Msg struct {
	Subject []byte
	SID     []byte
	Reply   []byte // nil if there is none
	Header  []byte // nil for a MSG
	Payload []byte
}

// ClientControlLine is the default limit of a line from a server: an INFO may be long.
const ClientControlLine = 64 << 10

// ClientParser reads what a NATS server sends.
type ClientParser struct {
	// MaxControlLine and MaxPayload are limits in bytes; 0 for ClientControlLine and 64 MiB.
	MaxControlLine int
	MaxPayload     int

	stream stream
	msg    Msg
	args   argList
}

// Feed parses in, the next bytes of the connection, cut anywhere. Errors are *Error, or what the
// handler returned.
func (p *ClientParser) Feed(in []byte, h ClientHandler) error {
	return feed(&p.stream, in, p.controlLine(), p, h, (*ClientParser).operation)
}

func (p *ClientParser) controlLine() int {
	if p.MaxControlLine == 0 {
		return ClientControlLine
	}
	return p.MaxControlLine
}

func (p *ClientParser) payload() int {
	if p.MaxPayload == 0 {
		return 64 << 20
	}
	return p.MaxPayload
}

func (p *ClientParser) operation(in []byte, h ClientHandler) (n, need int, err error) {
	end, after := line(in, p.controlLine())
	if after == 0 {
		if !serverVerb(in) {
			return 0, 0, breach(ErrUnknownOp, "%s", quoted(in))
		}
		return 0, 0, nil
	}
	verb, rest := in[:end], []byte(nil)
	for i, c := range verb {
		if blank(c) {
			verb, rest = in[:i], in[i+1:end]
			break
		}
	}
	if len(rest) > p.controlLine() {
		return 0, 0, breach(ErrMaxControlLine, "%d bytes, limit %d", len(rest), p.controlLine())
	}
	switch {
	case is(verb, "MSG"):
		return p.message(in, rest, after, false, h)
	case is(verb, "HMSG"):
		return p.message(in, rest, after, true, h)
	case is(verb, "PING"):
		return after, 0, h.OnPing()
	case is(verb, "PONG"):
		return after, 0, h.OnPong()
	case is(verb, "+OK"):
		return after, 0, h.OnOK()
	case is(verb, "-ERR"):
		return after, 0, h.OnErr(unquote(rest))
	case is(verb, "INFO"):
		return after, 0, h.OnInfo(rest)
	}
	return 0, 0, breach(ErrUnknownOp, "%s", quoted(in[:end]))
}

func serverVerb(in []byte) bool {
	return isVerb(in, "MSG") || isVerb(in, "HMSG") || isVerb(in, "PING") || isVerb(in, "PONG") ||
		isVerb(in, "+OK") || isVerb(in, "-ERR") || isVerb(in, "INFO")
}

func unquote(text []byte) []byte {
	for len(text) > 0 && blank(text[0]) {
		text = text[1:]
	}
	if n := len(text); n >= 2 && text[0] == '\'' && text[n-1] == '\'' {
		return text[1 : n-1]
	}
	return text
}

func (p *ClientParser) message(in, args []byte, after int, headers bool, h ClientHandler) (n, need int, err error) {
	m, a, least := &p.msg, &p.args, 3
	if headers {
		least = 4
	}
	size, hlen := 0, 0
	ok := a.split(args) && (a.n == least || a.n == least+1)
	if ok {
		size, ok = number(a.arg[a.n-1])
	}
	if ok && headers {
		hlen, ok = number(a.arg[a.n-2])
	}
	switch {
	case !ok || hlen > size:
		return 0, 0, breach(ErrParser, "a message takes a subject, a sid, maybe a reply, and sizes: %s", quoted(args))
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
	m.Subject, m.SID, m.Reply, m.Header = a.arg[0], a.arg[1], nil, nil
	if a.n == least+1 {
		m.Reply = a.arg[2]
	}
	if headers {
		m.Header = in[after : after+hlen : after+hlen]
	}
	m.Payload = in[after+hlen : need-2 : need-2]
	return need, 0, h.OnMsg(m)
}
