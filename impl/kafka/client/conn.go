package client

import (
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// conn is the connection to one broker, made when there is something to say to it.
type conn struct {
	c       *Client
	place   int
	node    machine.NodeID
	id      machine.ConnID
	out     *machine.ConnBuf
	in      proto.Splitter
	ready   bool // the broker has answered the first request: whoever accepts connections and serves nobody is sent nothing
	dialing machine.Token
	tries   uint64
	again   int64 // when it may be dialled again

	correlation uint32
	calls       []call
}

// call is a request that was sent and not answered.
type call struct {
	correlation uint32
	deadline    int64
	// done gets the answer; ok is false if there will be none.
	done func(body []byte, ok bool)
}

// dialPause is reconnect.backoff.ms (50 ms).
const dialPause = 50 * ms

// open says whether the connection is there and served, and makes it if not.
func (k *conn) open(now int64) bool {
	if k.id != 0 {
		return k.ready
	}
	if k.dialing == 0 && now >= k.again {
		k.tries++
		k.dialing = machine.Token(uint64(k.place+1)<<32 | k.tries)
		k.c.fx.Dials = append(k.c.fx.Dials, machine.Dial{Token: k.dialing, To: k.node})
	}
	return false
}

// ask sends a request over an open connection.
func (k *conn) ask(api proto.API, m proto.Message, done func(body []byte, ok bool)) {
	k.correlation++
	k.out.B = proto.AppendRequest(k.out.B, api, k.correlation, m)
	k.c.fx.Touch(k.out)
	if done != nil {
		k.calls = append(k.calls, call{k.correlation, k.c.now() + k.c.cfg.RequestTimeout, done})
	}
}

func (c *Client) connInput(in *machine.Input) {
	for _, k := range c.conns {
		switch {
		case in.Kind == machine.ConnOpened && in.Token == k.dialing:
			k.opened(in)
			return
		case in.Kind == machine.ConnClosed && (in.Conn != 0 && in.Conn == k.id || in.Conn == 0 && in.Token == k.dialing && k.dialing != 0):
			k.gone()
			return
		case in.Kind == machine.ConnBytes && in.Conn == k.id:
			if err := k.in.Feed(in.Bytes, k.reply); err != nil {
				k.drop()
			}
			return
		}
	}
	if in.Kind == machine.ConnOpened { // dialled in a life that is over
		c.fx.Closes = append(c.fx.Closes, machine.Close{Conn: in.Conn})
	}
}

// opened begins a connection (NetworkClient: a node is ready when it has answered ApiVersions).
func (k *conn) opened(in *machine.Input) {
	k.dialing, k.id, k.out, k.in, k.ready = 0, in.Conn, in.Out, proto.Splitter{}, false
	k.ask(proto.Versions, nil, func(_ []byte, ok bool) { k.ready = ok })
}

func (k *conn) reply(frame []byte) error {
	correlation, body, err := proto.SplitReply(frame)
	if err != nil {
		return err
	}
	for i := range k.calls {
		if k.calls[i].correlation == correlation {
			done := k.calls[i].done
			k.calls = append(k.calls[:i], k.calls[i+1:]...)
			done(body, true)
			break
		}
	}
	return nil
}

// drop ends the connection from this side.
func (k *conn) drop() {
	if k.id != 0 {
		k.c.fx.Closes = append(k.c.fx.Closes, machine.Close{Conn: k.id})
	}
	k.gone()
}

// gone ends every call that waits: nobody knows what became of them.
func (k *conn) gone() {
	calls := k.calls
	k.id, k.out, k.dialing, k.calls = 0, nil, 0, nil
	k.again = k.c.now() + dialPause
	for _, call := range calls {
		call.done(nil, false)
	}
	k.c.where.doubt()
	if c := k.c; c.coord.node == uint32(k.node) {
		c.coord.doubt(c.now() + c.cfg.Backoff)
	}
}

// next is when a call is overdue, or the connection may be dialled again.
func (k *conn) next(now int64) (at int64) {
	if len(k.calls) > 0 {
		at = k.calls[0].deadline
	}
	if k.id == 0 && k.dialing == 0 && k.again > now {
		at = earlier(at, k.again)
	}
	return at
}

// overdue drops a connection whose oldest call has had no answer in time.
func (k *conn) overdue(now int64) {
	if len(k.calls) > 0 && now >= k.calls[0].deadline {
		k.drop()
	}
}

func (c *Client) connTo(node uint32) *conn {
	for _, k := range c.conns {
		if k.node == machine.NodeID(node) {
			return k
		}
	}
	return nil
}
