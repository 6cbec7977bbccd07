package checker

import (
	"cmp"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
)

// coreDrop is a message, or a connection, that a node said it had discarded.
type coreDrop struct {
	at     int32
	node   uint32
	client int32 // whose connection was cut, or none
	why    string
}

// outage is a node being down, from a position on. Times are nanoseconds; to is 0 while it goes on.
type outage struct {
	at       int32
	from, to int64
}

// observed takes marks of clients, and what nodes were seen to do.
func (c *coreLog) observed(s *seen) {
	switch s.e.Verb {
	case history.Connected:
		client := c.rec.clients.of(s.e.Client)
		c.close(client, s.pos)
		for len(c.opened) <= int(client) {
			c.opened = append(c.opened, none)
		}
		c.opened[client] = int32(len(c.conns))
		for _, sub := range c.homeless[client] {
			c.settle(&c.subs[sub])
		}
		delete(c.homeless, client)
		c.conns = append(c.conns, coreConn{client: client, node: s.e.Node, from: s.pos, to: none, noEcho: s.e.Why == history.NoEcho})
	case history.Disconnected:
		c.close(c.rec.clients.of(s.e.Client), s.pos)
	case history.Down:
		c.routes.down(s.e.Node, s.pos)
		c.downs[s.e.Node] = append(c.downs[s.e.Node], outage{at: s.pos, from: s.e.Time})
	case history.Up:
		if d := c.downs[s.e.Node]; len(d) > 0 && d[len(d)-1].to == 0 {
			d[len(d)-1].to = s.e.Time
		}
	case obsInterest:
		c.interest(s)
	case obsDropped:
		c.dropped(s)
	}
}

// wentDown tells whether a node went down between two positions.
func (c *coreLog) wentDown(node uint32, from, to int32) bool {
	downs := c.downs[node]
	i, _ := slices.BinarySearchFunc(downs, from, func(d outage, p int32) int { return cmp.Compare(d.at, p) })
	return i < len(downs) && downs[i].at <= to
}

func (c *coreLog) close(client, at int32) {
	if k := c.connOf(client); k != none {
		c.conns[k].to, c.conns[k].pending = at, nil
		c.opened[client] = none
	}
}

func (c *coreLog) interest(s *seen) {
	key := interestKey{node: s.e.Node, peer: s.e.Peer, client: none, filter: c.filterOf(s.e.Subject), queue: none}
	if s.e.Queue != "" {
		key.queue = c.queues.of(s.e.Queue)
	}
	if s.e.Peer == 0 {
		key.client, key.sid = c.rec.clients.of(s.e.Client), s.e.Seq
	}
	c.routes.turn(key, s.e.N > 0, s.pos)
}

// cutPrefix begins the Why of a Dropped that is the end of a connection.
const cutPrefix = "connection: "

// noExcuses begin the Why of a Dropped that explains no loss to a subscription in place: what the API refuses was on its
// way to nobody; that nobody wants a message is what judges want to know better; and whoever gives up a route also ceases to
// pass anything on.
var noExcuses = [...]string{"refused: ", "no interest", "route: "}

func (c *coreLog) dropped(s *seen) {
	if s.e.Group != 0 || s.e.Stream != "" {
		return
	}
	d := coreDrop{at: s.pos, node: s.e.Node, client: none}
	if s.e.Client != "" {
		d.client = c.rec.clients.of(s.e.Client)
	}
	why, cut := strings.CutPrefix(s.e.Why, cutPrefix)
	switch d.why = why; {
	case cut:
		c.cuts = append(c.cuts, d)
	case !slices.ContainsFunc(noExcuses[:], func(prefix string) bool { return strings.HasPrefix(why, prefix) }):
		c.drops = append(c.drops, d)
	}
}
