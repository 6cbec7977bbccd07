package broker

import (
	"errors"
	"slices"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// conn is a client's connection.
type conn struct {
	b       *Broker
	id      machine.ConnID
	ip      string
	out     *machine.ConnBuf
	parser  wire.Parser
	options wire.Connect
	subs    map[string]*subscription
	order   []*subscription // subs in the order they were made, and some that ended
	closed  bool
	// connected: CONNECT came; greeted: and a PING after it.
	connected, greeted bool

	heard  machine.Mono // when bytes came last
	pings  int          // PINGs of ours that are unanswered
	flow   outflow
	behind []*gate // that it is not read from because of
	paused bool
}

const maxSubsPerConn = 1 << 20

// errClosed ends the parsing of a read that came from a connection closed meanwhile: by what an earlier
// operation of the same read did.
var errClosed = errors.New("connection closed")

func (b *Broker) connOpened(in *machine.Input) {
	c := &conn{b: b, id: in.Conn, ip: hostOf(in.Remote), out: in.Out, subs: map[string]*subscription{}, heard: b.env.Mono}
	c.parser.MaxPayload = b.cfg.MaxPayload
	c.options = wire.DefaultConnect()
	b.conns[in.Conn] = c
	c.armPing()
	c.sendInfo(&b.info)
}

func (b *Broker) connBytes(in *machine.Input) {
	c := b.conns[in.Conn]
	if c == nil || c.closed {
		return
	}
	b.fx.Charge(machine.WorkParse, 0, int64(len(in.Bytes)), 0)
	c.heard, b.reading = b.env.Mono, c
	switch err := c.parser.Feed(in.Bytes, c); {
	case err == nil:
	case errors.Is(err, wire.ErrParser), errors.Is(err, wire.ErrNoHeaders):
		c.end(wire.ErrText(err), false) // without a word, as nats-server: these are in none of its clients' vocabulary
	default:
		c.fail(wire.ErrText(err))
	}
	b.reading = nil
	c.holdBack()
}

// connClosed forgets a connection and everything it wanted.
func (b *Broker) connClosed(id machine.ConnID) {
	c := b.conns[id]
	if c == nil {
		return
	}
	c.closed = true
	if b.reading == c {
		b.reading = nil
	}
	delete(b.conns, id)
	c.dissolve()
	for _, kind := range [...]uint32{timerPing, timerWrite, timerPause} {
		b.fx.CancelTimer(c.timer(kind))
	}
	for _, s := range c.order {
		if c.subs[s.sid] == s {
			b.unsubscribe(s)
		}
	}
	c.subs, c.order = nil, nil
}

// fail tells the client why, and closes.
func (c *conn) fail(why string) {
	c.err(why)
	c.end(why, false)
}

// slow closes at once and without a word: it would not be read, and nats.go takes any -ERR it does not know for
// the end, and does not come back. What waits is dropped, as nats-server does.
func (c *conn) slow(why string) { c.end(why, true) }

func (c *conn) end(why string, abrupt bool) {
	if c.closed {
		return
	}
	c.b.observe(machine.Observation{Kind: machine.Dropped, Conn: c.id, Client: c.options.Name, N: 1, Why: "connection: " + why})
	c.b.fx.Closes = append(c.b.fx.Closes, machine.Close{Conn: c.id, Abrupt: abrupt})
	c.b.connClosed(c.id)
}

func (c *conn) write(s string) {
	if !c.closed {
		c.out.B = append(c.out.B, s...)
		c.wrote()
	}
}

// wrote follows everything that is appended to the output. A client that does not read is cut before it takes the
// memory. Who writes to it is held back only for what the driver has said: what is written in this step may leave at once, and no
// report would follow that lets them go.
func (c *conn) wrote() {
	b := c.b
	b.fx.Touch(c.out)
	switch {
	case c.flow.backlog+int64(len(c.out.B)) > b.cfg.MaxPending:
		c.slow(whyPending)
	case c.flow.backlog > b.cfg.MaxPending/2:
		b.hold(&c.flow.gate)
	}
}

func (c *conn) err(text string) {
	if !c.closed {
		c.out.B = wire.AppendErr(c.out.B, text)
		c.wrote()
	}
}

func (c *conn) ok() {
	if c.options.Verbose {
		c.write("+OK\r\n")
	}
}

// takes counts an operation; false if the connection is closed.
func (c *conn) takes() bool {
	c.b.fx.Charge(machine.WorkParse, 1, 0, 0)
	return !c.closed
}

// OnConnect, OnPing, OnPong, OnPub, OnSub and OnUnsub are wire.Handler.
func (c *conn) OnConnect(text []byte) error {
	if !c.takes() {
		return errClosed
	}
	options := c.options // what another CONNECT does not mention stays as it was
	if err := wire.ParseConnect(text, &options); err != nil {
		return err
	}
	c.options, c.connected = options, true
	switch {
	case options.Protocol < 0 || options.Protocol > 1:
		return wire.ErrClientProtocol
	case options.NoResponders && !options.Headers:
		return wire.ErrNoResponders
	}
	c.ok()
	return nil
}

// OnPing answers at once, behind everything written before.
func (c *conn) OnPing() error {
	if !c.takes() {
		return errClosed
	}
	c.write(wire.PongLine)
	c.greet()
	return nil
}

// OnPong says that the client is there.
func (c *conn) OnPong() error {
	c.b.fx.Charge(machine.WorkParse, 1, 0, 0)
	c.pings = 0
	return nil
}

// OnPub routes a publish; one with a reply that reaches nobody is told so at once.
func (c *conn) OnPub(p *wire.Pub) error {
	if !c.takes() {
		return errClosed
	}
	if p.Headers() && !c.options.Headers {
		return wire.ErrNoHeaders
	}
	if c.options.Pedantic && !subject.Valid(p.Subject) {
		// A word only, and only if asked for, as in nats-server (client.go, processPub): the filter that ends
		// $JS.API.CONSUMER.CREATE.S.C.orders.> is a subject's tokens like any other. Who keeps messages checks
		// for itself.
		c.err(wire.ErrPublishSubject.Text)
	}
	c.ok()
	m := message{subject: p.Subject, reply: p.Reply, header: p.Header, data: p.Payload, tail: p.Tail, from: c}
	if p.Headers() && len(p.Header) == 0 {
		m.header, m.tail = nil, nil // an empty block is none
	}
	switch reached := c.b.fromClient(&m); {
	case reached || c.closed:
	case len(p.Reply) > 0 && c.options.NoResponders:
		c.noResponders(p)
	default:
		c.b.dropped(&m, machine.Observation{Conn: c.id, Client: c.options.Name, Why: "no interest"})
	}
	return nil
}

// noResponders sends the status to the client's own interest in its reply: to the first subscription that is no
// queue group's, and without counting (nats-server client.go, subForReply).
func (c *conn) noResponders(p *wire.Pub) {
	res := c.b.index.Match(p.Reply, c.b.takeScratch())
	defer c.b.giveScratch()
	for _, s := range res.Plain {
		if s.conn == c {
			header := append([]byte("NATS/1.0 503\r\nNats-Subject: "), p.Subject...)
			header = append(header, "\r\n\r\n"...)
			c.out.B = wire.AppendHMsg(c.out.B, p.Reply, s.sid, "", header, []byte(nil))
			c.wrote()
			return
		}
	}
}

// OnSub adds interest.
func (c *conn) OnSub(filter, queue, sid []byte) error {
	if !c.takes() {
		return errClosed
	}
	switch {
	case !subject.ValidFilter(string(filter)):
		c.err(wire.ErrSubject.Text)
		return nil
	case len(c.subs) >= maxSubsPerConn:
		c.err(wire.ErrMaxSubs.Text)
		return nil
	}
	if c.subs[string(sid)] == nil {
		s := &subscription{filter: string(filter), queue: string(queue), conn: c, sid: string(sid)}
		c.subs[s.sid] = s
		c.order = append(c.order, s)
		c.b.subscribe(s)
	}
	c.ok()
	return nil
}

// OnUnsub ends interest now, or after max deliveries counted from the beginning.
func (c *conn) OnUnsub(sid []byte, max int) error {
	if !c.takes() {
		return errClosed
	}
	if s := c.subs[string(sid)]; s != nil {
		if max <= s.delivered {
			c.drop(c.b, s)
		} else {
			s.left = max - s.delivered
			if c.b.bug(BugUnsubLate) {
				s.left++
			}
		}
	}
	c.ok()
	return nil
}

func (c *conn) drop(b *Broker, s *subscription) {
	delete(c.subs, s.sid)
	b.unsubscribe(s)
	// Swept when half of it is gone: a search each would make ending n subscriptions cost n*n.
	if len(c.order) > 2*len(c.subs)+16 {
		c.order = slices.DeleteFunc(c.order, func(s *subscription) bool { return c.subs[s.sid] != s })
	}
}

// send writes one delivery.
func (c *conn) send(b *Broker, s *subscription, m *message) {
	if c.closed {
		return
	}
	s.delivered++
	had := len(c.out.B)
	if len(m.header) > 0 {
		if !c.options.Headers {
			m = &message{subject: m.subject, shown: m.shown, reply: m.reply, data: m.data}
			m.tail = wire.AppendTail(nil, m.reply, nil, m.data)
			c.out.B = append(c.out.B, "MSG "...)
		} else {
			c.out.B = append(c.out.B, "HMSG "...)
		}
	} else {
		c.out.B = append(c.out.B, "MSG "...)
	}
	if m.shown != nil {
		c.out.B = append(append(c.out.B, m.shown...), ' ')
	} else {
		c.out.B = append(append(c.out.B, m.subject...), ' ')
	}
	c.out.B = append(append(c.out.B, s.sid...), ' ')
	c.out.B = append(c.out.B, m.tail...)
	b.fx.Charge(machine.WorkDeliver, 1, int64(len(c.out.B)-had), 0)
	c.wrote()
}
