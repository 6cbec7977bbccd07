package client

import (
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/load"
)

// barriers is what a PONG completes. A server handles what a connection brings in order, so the PONG to a PING says
// that everything written before the PING has been read and routed, and everything that the server wrote before
// the PONG has arrived here.
//
// Only one PING for operations is under way at a time; what is sent meanwhile shares the next. A Flush asks for one
// of its own at once.
type barriers struct {
	waiting []uint64 // operations in the order of being written
	// covers says of each PING without its PONG, oldest first, how many of waiting it completes. The PINGs of the
	// greeting and of keepAlive are there too.
	covers []int
	bare   int  // of waiting, the newest, that no PING covers
	urgent bool // a Flush is among the bare
	busy   int  // PINGs that cover anything
}

// await lets a PONG complete an operation that has just been written.
func (c *Client) await(num uint64, urgent bool) {
	b := &c.session.barriers
	b.waiting = append(b.waiting, num)
	b.bare++
	b.urgent = b.urgent || urgent
}

// askPong sends a PING for what was written in this step, unless one is under way.
func (c *Client) askPong() {
	b := &c.session.barriers
	if c.session.ready && b.bare > 0 && (b.busy == 0 || b.urgent) {
		c.ping()
	}
}

// ping writes a PING, which covers whatever is bare.
func (c *Client) ping() {
	b, out := &c.session.barriers, c.session.out
	out.B = append(out.B, wire.PingLine...)
	c.fx.Touch(out)
	b.covers = append(b.covers, b.bare)
	if b.bare > 0 {
		b.busy++
	}
	b.bare, b.urgent = 0, false
}

// ponged completes what the oldest PING covers. A PONG to no PING is none of ours.
func (c *Client) ponged() {
	b := &c.session.barriers
	if len(b.covers) == 0 {
		return
	}
	n := b.covers[0]
	b.covers = b.covers[:copy(b.covers, b.covers[1:])]
	if n == 0 {
		return
	}
	b.busy--
	done := b.waiting[:n]
	for _, num := range done {
		c.finish(num, load.Outcome{Status: load.OK})
	}
	if len(b.waiting) >= n { // else a Leave was among them, and the barriers are another connection's
		b.waiting = b.waiting[:copy(b.waiting, b.waiting[n:])]
	}
}
