package client

import (
	"maps"
	"slices"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
)

// leaving is a Leave under way: it waits for the last commits, but not for ever.
type leaving struct {
	op    load.Op
	until int64
	on    bool
}

// self does what the load wants of the program that this client stands for; a history knows it by its effects alone.
func (c *Client) self(now int64, op *load.Op) bool {
	switch op.Verb {
	case load.Leave:
		c.leave = leaving{op: *op, until: now + op.Timeout, on: true}
		for _, k := range c.consumers {
			if c.cfg.Commit == Auto && !k.alone && k.position >= 0 {
				k.returned() // close() commits, too
			}
		}
	case load.Die:
		c.depart("died")
		c.tell(now, op)
	case load.Join:
		c.off = false
		c.tell(now, op)
	default:
		return false
	}
	return true
}

func (c *Client) tell(now int64, op *load.Op) {
	c.cfg.Load.Done(now, *op, load.Outcome{Status: load.OK})
	c.ask = true
}

// left ends a Leave when everything is committed.
func (c *Client) left(now int64) {
	if !c.leave.on {
		return
	}
	open := slices.ContainsFunc(c.consumers, func(k *consumer) bool { return k.commits.want > k.commits.done })
	if open && now < c.leave.until {
		return
	}
	c.leave.on = false
	c.depart("left")
	c.tell(now, &c.leave.op)
}

// depart ends the program: nothing that it knew is left, and what it had asked for nobody will hear of.
func (c *Client) depart(why string) {
	c.off = true
	for _, num := range slices.Sorted(maps.Keys(c.ops)) {
		if o := c.ops[num]; o.sent {
			c.finish(o, load.Outcome{Status: load.Unknown, Err: why})
		} else {
			c.finish(o, failed("not sent: "+why))
		}
	}
	for _, k := range c.conns {
		k.drop()
	}
	c.consumers, c.waiting, c.due, c.coord = nil, nil, nil, coordinatorOf{}
	c.topics, c.where = map[string]proto.Topic{}, where{first: c.where.first}
	c.prod.init(c)
}

// consume begins what the load wants of a consumer; false if it is something else.
func (c *Client) consume(now int64, o *operation) bool {
	switch o.Verb {
	case history.CreateConsumer:
		c.createConsumer(o)
	case history.Fetch:
		c.consumer(o.Stream, o.Consumer).beginPoll(now, o)
	case history.Ack:
		stream, group := o.Stream, o.Consumer
		if d := o.Delivery; d != nil {
			stream, group = d.Stream, d.Consumer
		}
		c.consumer(stream, group).acked(now, o)
	case history.ConsumerInfo:
		o.wait = true
		c.waiting = append(c.waiting, o)
	default:
		return false
	}
	return true
}

// createConsumer: a group needs no creation, but a coordinator. A consumer without acks belongs to none, and begins where it
// is told.
func (c *Client) createConsumer(o *operation) {
	cfg := o.ConsumerConfig
	if cfg == nil || cfg.AckPolicy != "none" {
		o.wait = true
		c.waiting = append(c.waiting, o)
		return
	}
	k := c.consumer(o.Stream, o.Consumer)
	k.alone = true
	if cfg.OptStartSeq > 0 {
		k.seek(int64(cfg.OptStartSeq) - 1)
	}
	c.finish(o, load.Outcome{Status: load.OK})
}

// silent says whether nobody waits for the end of an operation.
func silent(op *load.Op) bool { return op.Verb == history.Ack && !op.Confirm }
