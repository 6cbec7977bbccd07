package client

import (
	"strconv"

	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// live begins a life of the program that this client stands for. Nothing asked for in an earlier one may be answered
// in this: a process that starts again has another inbox.
func (c *Client) live() {
	c.inbox = "_INBOX." + c.cfg.Name
	if c.life > 0 {
		c.inbox += "_" + strconv.Itoa(c.life+1)
	}
	c.inbox += "."
}

// self does what the load wants of the client itself.
func (c *Client) self(now int64, op *load.Op) {
	s := &c.session
	switch op.Verb {
	case load.Leave:
		c.leave(now, op)
		return
	case load.Die:
		if !c.off {
			c.depart("died")
		}
	case load.Join:
		if !c.off {
			c.tell(now, op, failed("it has not left"))
			return
		}
		c.off = false
		c.life++
		c.live()
		s.failures = 0
		s.dialNext(machine.NodeID(op.Node))
		c.fx.SetTimer(timerConnect, c.env.Mono)
	case load.Stall, load.Resume:
		if s.stalled = op.Verb == load.Stall; s.conn != 0 {
			c.fx.Pauses = append(c.fx.Pauses, machine.Pause{Conn: s.conn, On: s.stalled})
		}
	}
	c.tell(now, op, load.Outcome{Status: load.OK})
}

// tell tells the load of the end of something that is not recorded.
func (c *Client) tell(now int64, op *load.Op, out load.Outcome) {
	c.cfg.Load.Done(now, *op, out)
	c.ask = true
}

// leave ends the subscriptions and goes when the server has heard so.
func (c *Client) leave(now int64, op *load.Op) {
	if !c.session.ready {
		if !c.off {
			c.depart("left")
		}
		c.tell(now, op, load.Outcome{Status: load.OK})
		return
	}
	for len(c.subs) > 0 {
		sub := c.subs[0]
		if sub.sid == 0 {
			c.abandon(sub)
			continue
		}
		c.end(now, sub, op, true)
	}
	num, o := c.add(now, op)
	o.sent = true
	c.await(num, true)
}

// leaving is the number of the Leave under way; 0 if there is none.
func (c *Client) leaving() uint64 {
	for num, o := range c.ops { // map order: there is at most one
		if o.Verb == load.Leave {
			return num
		}
	}
	return 0
}

// depart ends the life of the program. The load's subscriptions end with it.
func (c *Client) depart(why string) {
	c.off = true
	c.hangUp()
	c.forget(why)
	c.fx.CancelTimer(timerConnect)
	for len(c.subs) > 0 {
		c.abandon(c.subs[0])
	}
}
