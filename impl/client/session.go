package client

import (
	"errors"
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/machine"
)

// session is the connection, or the way to one. Only one is dialed or open at a time.
type session struct {
	order   []machine.NodeID
	at      int    // place in order, modulo its length, of the next to dial
	attempt uint64 // number of the dial; its token too
	// failures counts attempts since the last connection that became ready.
	failures int
	dialing  bool
	node     machine.NodeID // dialed last
	conn     machine.ConnID // 0 if none
	out      *machine.ConnBuf
	parser   *wire.ClientParser
	greeted  bool // CONNECT is sent
	ready    bool // its PING was answered
	stalled  bool // the load does not want to hear
	pings    int  // of keepAlive, unanswered
	barriers barriers
}

// inboxSID is the subscription to this client's inbox; those of the load have greater ones.
const inboxSID = 1

// dialNext makes node the next to dial, if it is one of ours.
func (s *session) dialNext(node machine.NodeID) {
	if i := slices.Index(s.order, node); i >= 0 {
		s.at = i
	}
}

func (c *Client) connectTimer() {
	s := &c.session
	switch {
	case s.ready || c.off:
	case s.dialing || s.conn != 0:
		c.drop("connecting took too long")
	default:
		c.dial()
	}
}

func (c *Client) dial() {
	s := &c.session
	s.node = s.order[s.at]
	s.at = (s.at + 1) % len(s.order)
	s.attempt++
	s.dialing = true
	c.fx.Dials = append(c.fx.Dials, machine.Dial{Token: machine.Token(s.attempt), To: s.node})
	c.fx.SetTimer(timerConnect, c.env.Mono+machine.Mono(c.cfg.ConnectTimeout))
}

func (c *Client) opened(in *machine.Input) {
	s := &c.session
	if !s.dialing || in.Token != machine.Token(s.attempt) {
		c.fx.Closes = append(c.fx.Closes, machine.Close{Conn: in.Conn}) // of a dial given up
		return
	}
	s.dialing, s.conn, s.out, s.parser = false, in.Conn, in.Out, &wire.ClientParser{}
	s.greeted, s.ready, s.stalled, s.pings, s.barriers = false, false, false, 0, barriers{}
}

func (c *Client) closed(in *machine.Input) {
	s := &c.session
	if s.dialing && in.Conn == 0 && in.Token == machine.Token(s.attempt) || s.conn != 0 && in.Conn == s.conn {
		why := "connection closed"
		if in.Err != nil {
			why += ": " + in.Err.Error()
		}
		c.gone(why)
	}
}

// drop ends the connection, or the attempt, from this side.
func (c *Client) drop(why string) {
	c.hangUp()
	c.gone(why)
}

func (c *Client) hangUp() {
	if c.session.conn != 0 {
		c.fx.Closes = append(c.fx.Closes, machine.Close{Conn: c.session.conn})
	}
}

// gone forgets the connection and plans the next.
func (c *Client) gone(why string) {
	s := &c.session
	c.forget(why)
	if num := c.leaving(); num != 0 {
		c.finish(num, unknown(why)) // which is where it wanted to go
		return
	}
	wait := uint64(c.cfg.ReconnectWait) << min(s.failures/len(s.order), 4)
	s.failures++
	c.fx.SetTimer(timerConnect, c.env.Mono+machine.Mono(wait/2+c.env.Choices.Draw(purposeWait, s.attempt)%wait))
}

// forget ends what was bound to the connection.
func (c *Client) forget(why string) {
	s := &c.session
	c.note(why)
	was := s.ready
	s.dialing, s.conn, s.out, s.parser, s.ready, s.barriers = false, 0, nil, nil, false, barriers{}
	clear(c.slots)
	c.idle = nil
	c.fx.CancelTimer(timerPing)
	if was {
		c.cfg.Record.Mark(history.Disconnected, s.node)
		c.loseSubscriptions(why)
	}
	c.lose(why)
}

func (c *Client) received(in *machine.Input) {
	if c.session.conn == 0 || in.Conn != c.session.conn {
		return
	}
	err := c.session.parser.Feed(in.Bytes, handler{c})
	if err != nil && !errors.Is(err, errLeft) {
		c.drop(err.Error())
	}
}

// keepAlive pings, and gives up a connection that does not answer. Who does not listen cannot tell.
func (c *Client) keepAlive() {
	s := &c.session
	switch {
	case !s.ready:
		return
	case s.stalled:
	case s.pings >= c.cfg.MaxPings:
		c.drop("stale connection: " + strconv.Itoa(s.pings) + " pings unanswered")
		return
	default:
		s.pings++
		c.ping()
	}
	c.fx.SetTimer(timerPing, c.env.Mono+machine.Mono(c.cfg.PingInterval))
}

// handler keeps the protocol's calls out of Client's own methods.
type handler struct{ *Client }

var (
	errHeaders = errors.New("the server knows no headers")
	// errLeft ends the parsing of a read whose connection was given up by what came before in it.
	errLeft = errors.New("left")
)

// OnInfo answers the first INFO with CONNECT; later ones tell nothing that matters here.
func (h handler) OnInfo(text []byte) error {
	c, s := h.Client, &h.session
	var info wire.Info
	if err := wire.ParseInfo(text, &info); err != nil {
		return err
	}
	if s.greeted {
		return nil
	}
	if !info.Headers {
		return errHeaders
	}
	s.greeted = true
	b := wire.AppendConnect(s.out.B, &wire.Connect{Echo: true, Headers: true, NoResponders: true, Protocol: 1, Name: c.cfg.Name, Lang: "brokerlab"})
	s.out.B = wire.AppendSub(b, c.inbox+"*", "", strconv.Itoa(inboxSID))
	c.ping()
	return nil
}

func (h handler) OnPong() error {
	c, s := h.Client, &h.session
	s.pings = 0
	c.ponged()
	switch {
	case s.conn == 0:
		return errLeft
	case s.ready || !s.greeted:
		return nil
	}
	s.ready, s.failures = true, 0
	c.fx.CancelTimer(timerConnect)
	c.fx.SetTimer(timerPing, c.env.Mono+machine.Mono(c.cfg.PingInterval))
	c.note("connected to node " + strconv.FormatUint(uint64(s.node), 10))
	c.cfg.Record.Mark(history.Connected, s.node)
	c.resubscribe()
	c.sendWaiting()
	return nil
}

func (h handler) OnPing() error {
	h.session.out.B = append(h.session.out.B, wire.PongLine...)
	h.fx.Touch(h.session.out)
	return nil
}

func (h handler) OnMsg(m *wire.Msg) error {
	h.message(m)
	return nil
}

func (h handler) OnOK() error { return nil }

// OnErr only notes: a server that means to end the connection closes it.
func (h handler) OnErr(text []byte) error {
	h.note("the server says: " + string(text))
	return nil
}
