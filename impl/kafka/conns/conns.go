package conns

import (
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Conn is a client's connection.
type Conn struct {
	id      machine.ConnID
	out     *machine.ConnBuf
	in      proto.Splitter
	backlog int64
	closed  bool
}

// Closed says whether the connection is gone: whoever waits for it waits in vain.
func (c *Conn) Closed() bool { return c.closed }

// Table is all connections of a broker.
type Table struct {
	// Handle takes a request, whose body is valid during the call only; an error cuts the connection.
	Handle func(c *Conn, api proto.API, correlation uint32, body []byte) error
	// MaxPending bytes of output of a connection before it is cut.
	MaxPending int64
	// Observe says whether cuts are told.
	Observe bool

	all map[machine.ConnID]*Conn
}

var errClosed = &proto.Error{Where: "connection", Why: "is closed"}

// Step handles an input about a connection.
func (t *Table) Step(in *machine.Input, fx *machine.Effects) {
	if in.Kind == machine.ConnOpened {
		if t.all == nil {
			t.all = map[machine.ConnID]*Conn{}
		}
		t.all[in.Conn] = &Conn{id: in.Conn, out: in.Out}
		return
	}
	c := t.all[in.Conn]
	if c == nil {
		return
	}
	switch in.Kind {
	case machine.ConnBytes:
		t.take(c, in.Bytes, fx)
	case machine.ConnClosed:
		t.forget(c)
	case machine.ConnDrained:
		c.backlog = in.N
	default:
	}
}

func (t *Table) take(c *Conn, text []byte, fx *machine.Effects) {
	fx.Charge(machine.WorkParse, 0, int64(len(text)), 0)
	err := c.in.Feed(text, func(frame []byte) error {
		if c.closed {
			return errClosed
		}
		api, correlation, body, err := proto.SplitRequest(frame)
		if err != nil {
			return err
		}
		fx.Charge(machine.WorkParse, 1, 0, 0)
		if api == proto.Versions {
			t.Reply(c, correlation, &proto.CodeReply{}, fx)
			return nil
		}
		return t.Handle(c, api, correlation, body)
	})
	if err != nil && !c.closed {
		t.Cut(c, err.Error(), fx)
	}
}

func (t *Table) forget(c *Conn) {
	c.closed = true
	delete(t.all, c.id)
}

// Cut closes a connection.
func (t *Table) Cut(c *Conn, why string, fx *machine.Effects) {
	if t.Observe {
		fx.Observe(machine.Observation{Kind: machine.Dropped, Conn: c.id, N: 1, Why: "connection: " + why})
	}
	fx.Closes = append(fx.Closes, machine.Close{Conn: c.id})
	t.forget(c)
}

// Reply answers a request, and returns the bytes of the answer.
func (t *Table) Reply(c *Conn, correlation uint32, m proto.Message, fx *machine.Effects) int {
	if c.closed {
		return 0
	}
	was := len(c.out.B)
	c.out.B = proto.AppendReply(c.out.B, correlation, m)
	fx.Touch(c.out)
	n := len(c.out.B) - was
	fx.Charge(machine.WorkDeliver, 1, int64(n), 0)
	if c.backlog+int64(len(c.out.B)) > t.MaxPending {
		t.Cut(c, "it does not read", fx)
	}
	return n
}

// Footprint is what connections hold in memory.
func (t *Table) Footprint() machine.Use {
	use := machine.Use{Kind: "connections"}
	for _, c := range t.all { // map order: a sum
		use.Count++
		use.Bytes += c.backlog + int64(cap(c.out.B))
	}
	return use
}
