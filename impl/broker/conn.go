package broker

import (
	"errors"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// conn is a client's connection.
type conn struct {
	b       *Broker
	id      machine.ConnID
	out     *machine.ConnBuf
	parser  wire.Parser
	options wire.Connect
	subs    map[string]*subscription
	order   []*subscription // subs in the order they were made, and some that ended
	backlog int64           // output that waited in the driver when it last said so
	closed  bool
}

const maxSubsPerConn = 1 << 20

// errClosed ends the parsing of a read that came from a connection closed meanwhile: by what an earlier
// operation of the same read did.
var errClosed = errors.New("connection closed")

func (b *Broker) connOpened(in *machine.Input) {
	c := &conn{b: b, id: in.Conn, out: in.Out, subs: map[string]*subscription{}}
	c.parser.MaxPayload = b.cfg.MaxPayload
	c.options = wire.DefaultConnect()
	b.conns[in.Conn] = c
	info := b.info
	info.ClientID = uint64(in.Conn)
	info.ClientIP = hostOf(in.Remote)
	c.out.B = wire.AppendInfo(c.out.B, &info)
	b.fx.Touch(c.out)
}

// hostOf is the address of host:port or [host]:port, as clients parse it.
func hostOf(remote string) string {
	if i := strings.LastIndexByte(remote, ':'); i >= 0 {
		remote = remote[:i]
	}
	return strings.TrimSuffix(strings.TrimPrefix(remote, "["), "]")
}

func (b *Broker) connBytes(in *machine.Input) {
	c := b.conns[in.Conn]
	if c == nil || c.closed {
		return
	}
	b.fx.Charge(machine.WorkParse, 1, int64(len(in.Bytes)), 0)
	if err := c.parser.Feed(in.Bytes, c); err != nil {
		c.fail(wire.ErrText(err))
	}
}

// connClosed forgets a connection and everything it wanted.
func (b *Broker) connClosed(id machine.ConnID) {
	c := b.conns[id]
	if c == nil {
		return
	}
	c.closed = true
	delete(b.conns, id)
	for _, s := range c.order {
		if c.subs[s.sid] == s {
			b.unsubscribe(s)
		}
	}
	c.subs, c.order = nil, nil
}

// fail tells the client why, and closes.
func (c *conn) fail(why string) {
	if !c.closed {
		c.write("-ERR '" + why + "'\r\n")
		c.cut(why)
	}
}

// cut closes without a word: to one who does not read, or to whom it would mean something else. nats.go takes
// any -ERR it does not know for the end, and does not come back.
func (c *conn) cut(why string) {
	c.b.observe(machine.Observation{Kind: machine.Dropped, Conn: c.id, N: 1, Why: "connection: " + why})
	c.b.fx.Closes = append(c.b.fx.Closes, machine.Close{Conn: c.id})
	c.b.connClosed(c.id)
}

func (c *conn) write(s string) {
	c.out.B = append(c.out.B, s...)
	c.b.fx.Touch(c.out)
}

func (c *conn) ok() {
	if c.options.Verbose {
		c.write("+OK\r\n")
	}
}

// OnConnect, OnPing, OnPong, OnPub, OnSub and OnUnsub are wire.Handler.
func (c *conn) OnConnect(text []byte) error {
	if c.closed {
		return errClosed
	}
	options := wire.DefaultConnect()
	if err := wire.ParseConnect(text, &options); err != nil {
		return err
	}
	c.options = options
	c.ok()
	return nil
}

// OnPing answers at once, behind everything written before.
func (c *conn) OnPing() error {
	if c.closed {
		return errClosed
	}
	c.write("PONG\r\n")
	return nil
}

// OnPong needs no answer.
func (c *conn) OnPong() error { return nil }

// OnPub routes a publish; one with a reply that reaches nobody is told so at once.
func (c *conn) OnPub(p *wire.Pub) error {
	if c.closed {
		return errClosed
	}
	switch {
	case c.options.Pedantic && !subject.Valid(p.Subject):
		// Only if asked to, as nats-server: the filter that ends $JS.API.CONSUMER.CREATE.S.C.orders.> is a
		// subject's tokens like any other. Who keeps messages checks for itself.
		c.write("-ERR 'Invalid Publish Subject'\r\n")
		return nil
	case p.Headers() && !c.options.Headers:
		return wire.ErrNoHeaders
	}
	m := message{subject: p.Subject, reply: p.Reply, header: p.Header, data: p.Payload, tail: p.Tail, from: c}
	if p.Headers() && len(p.Header) == 0 {
		m.header, m.tail = nil, nil // an empty block is none
	}
	reached := c.b.route(&m)
	if !reached && len(p.Reply) > 0 && c.options.Headers && c.options.NoResponders {
		c.noResponders(p)
	}
	c.ok()
	return nil
}

// noResponders sends the status to the client's own interest in its reply.
func (c *conn) noResponders(p *wire.Pub) {
	header := append([]byte("NATS/1.0 503\r\nNats-Subject: "), p.Subject...)
	header = append(header, "\r\n\r\n"...)
	m := message{subject: p.Reply, header: header}
	for _, s := range c.order {
		if c.subs[s.sid] == s && subject.Match(s.filter, string(p.Reply)) {
			c.b.deliver(s, &m)
			return
		}
	}
}

// OnSub adds interest.
func (c *conn) OnSub(filter, queue, sid []byte) error {
	if c.closed {
		return errClosed
	}
	switch {
	case !subject.ValidFilter(string(filter)):
		c.write("-ERR 'Invalid Subject'\r\n")
		return nil
	case len(c.subs) >= maxSubsPerConn:
		return wire.ErrMaxSubs
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
	if c.closed {
		return errClosed
	}
	if s := c.subs[string(sid)]; s != nil {
		if max <= s.delivered {
			c.drop(c.b, s)
		} else {
			s.left = max - s.delivered
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

// send writes one delivery. A client that does not read is cut before it takes the memory.
func (c *conn) send(b *Broker, s *subscription, m *message) {
	if c.closed {
		return
	}
	s.delivered++
	if len(m.header) > 0 {
		if !c.options.Headers {
			m = &message{subject: m.subject, reply: m.reply, data: m.data}
			m.tail = wire.AppendTail(nil, m.reply, nil, m.data)
			c.out.B = append(c.out.B, "MSG "...)
		} else {
			c.out.B = append(c.out.B, "HMSG "...)
		}
	} else {
		c.out.B = append(c.out.B, "MSG "...)
	}
	c.out.B = append(append(c.out.B, m.subject...), ' ')
	c.out.B = append(append(c.out.B, s.sid...), ' ')
	c.out.B = append(c.out.B, m.tail...)
	b.fx.Touch(c.out)
	b.fx.Charge(machine.WorkDeliver, 1, int64(len(m.tail)), 0)
	if c.backlog+int64(len(c.out.B)) > b.cfg.MaxPending {
		c.cut(wire.ErrSlowConsumer.Text)
	}
}
