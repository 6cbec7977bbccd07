package client

import (
	"errors"
	"strconv"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// session is the connection, or the way to one. Only one is dialed or open at a time.
type session struct {
	order   []machine.NodeID
	attempt uint64 // number of the dial; its token too
	// failures counts attempts since the last connection that became ready.
	failures int
	dialing  bool
	conn     machine.ConnID // 0 if none
	out      *machine.ConnBuf
	parser   *wire.ClientParser
	greeted  bool // CONNECT is sent
	ready    bool // its PING was answered
	pings    int  // unanswered
}

const sid = "1"

func (c *Client) connectTimer() {
	s := &c.session
	switch {
	case s.ready:
	case s.dialing || s.conn != 0:
		c.drop("connecting took too long")
	default:
		c.dial()
	}
}

func (c *Client) dial() {
	s := &c.session
	node := s.order[s.attempt%uint64(len(s.order))]
	s.attempt++
	s.dialing = true
	c.fx.Dials = append(c.fx.Dials, machine.Dial{Token: machine.Token(s.attempt), To: node})
	c.fx.SetTimer(timerConnect, c.env.Mono+machine.Mono(c.cfg.ConnectTimeout))
}

func (c *Client) opened(in *machine.Input) {
	s := &c.session
	if !s.dialing || in.Token != machine.Token(s.attempt) {
		c.fx.Closes = append(c.fx.Closes, machine.Close{Conn: in.Conn}) // of a dial given up
		return
	}
	s.dialing, s.conn, s.out, s.parser = false, in.Conn, in.Out, &wire.ClientParser{}
	s.greeted, s.ready, s.pings = false, false, 0
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
	if c.session.conn != 0 {
		c.fx.Closes = append(c.fx.Closes, machine.Close{Conn: c.session.conn})
	}
	c.gone(why)
}

// gone forgets the connection and plans the next.
func (c *Client) gone(why string) {
	s := &c.session
	c.note(why)
	s.dialing, s.conn, s.out, s.parser, s.ready = false, 0, nil, nil, false
	c.fx.CancelTimer(timerPing)
	c.lose(why)
	wait := uint64(c.cfg.ReconnectWait) << min(s.failures/len(s.order), 4)
	s.failures++
	c.fx.SetTimer(timerConnect, c.env.Mono+machine.Mono(wait/2+c.env.Choices.Draw(purposeWait, s.attempt)%wait))
}

func (c *Client) received(in *machine.Input) {
	if c.session.conn == 0 || in.Conn != c.session.conn {
		return
	}
	if err := c.session.parser.Feed(in.Bytes, handler{c}); err != nil {
		c.drop(err.Error())
	}
}

// keepAlive pings, and gives up a connection that does not answer.
func (c *Client) keepAlive() {
	s := &c.session
	if !s.ready {
		return
	}
	if s.pings >= c.cfg.MaxPings {
		c.drop("stale connection: " + strconv.Itoa(s.pings) + " pings unanswered")
		return
	}
	s.pings++
	s.out.B = append(s.out.B, wire.PingLine...)
	c.fx.Touch(s.out)
	c.fx.SetTimer(timerPing, c.env.Mono+machine.Mono(c.cfg.PingInterval))
}

// handler keeps the protocol's calls out of Client's own methods.
type handler struct{ *Client }

var errHeaders = errors.New("the server knows no headers")

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
	b = wire.AppendSub(b, c.inbox+"*", "", sid)
	s.out.B = append(b, wire.PingLine...)
	c.fx.Touch(s.out)
	return nil
}

func (h handler) OnPong() error {
	c, s := h.Client, &h.session
	s.pings = 0
	if s.ready || !s.greeted {
		return nil
	}
	s.ready, s.failures = true, 0
	c.fx.CancelTimer(timerConnect)
	c.fx.SetTimer(timerPing, c.env.Mono+machine.Mono(c.cfg.PingInterval))
	c.note("connected to node " + strconv.FormatUint(uint64(s.order[(s.attempt-1)%uint64(len(s.order))]), 10))
	c.sendWaiting()
	return nil
}

func (h handler) OnPing() error {
	h.session.out.B = append(h.session.out.B, wire.PongLine...)
	h.fx.Touch(h.session.out)
	return nil
}

func (h handler) OnMsg(m *wire.Msg) error {
	if string(m.SID) == sid {
		h.answer(m)
	}
	return nil
}

func (h handler) OnOK() error { return nil }

// OnErr only notes: a server that means to end the connection closes it.
func (h handler) OnErr(text []byte) error {
	h.note("the server says: " + string(text))
	return nil
}
