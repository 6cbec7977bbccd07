package client

import (
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
)

// subscription is one that the load wants. It outlives connections: on each it is another subscription in the
// recorder's eyes, with a Subscribe of its own.
type subscription struct {
	load.Op
	num uint64 // of its newest Subscribe
	id  uint64 // the recorder's number of that
	sid uint64 // on the connection; 0: it was not sent on this one
}

func (c *Client) find(tag uint64) *subscription {
	for _, s := range c.subs {
		if s.Tag == tag {
			return s
		}
	}
	return nil
}

// subscribe takes a wish for a subscription.
func (c *Client) subscribe(now int64, op *load.Op) {
	why := ""
	switch {
	case c.find(op.Tag) != nil:
		why = "not sent: there is a subscription with tag " + strconv.FormatUint(op.Tag, 10)
	case len(c.subs) >= c.cfg.MaxSubscriptions:
		why = "not sent: too many subscriptions"
	}
	if why != "" {
		num, o := c.add(now, op)
		o.id = c.cfg.Record.Invoke(&o.Op)
		c.finish(num, failed(why))
		return
	}
	sub := &subscription{Op: *op, num: c.next + 1}
	c.subs = append(c.subs, sub)
	c.invoke(now, op)
}

// sendSubscribe writes a SUB.
func (c *Client) sendSubscribe(num uint64, o *operation) {
	sub := c.find(o.Tag)
	c.lastSID++
	sub.num, sub.id, sub.sid = num, o.id, c.lastSID
	c.bySID[sub.sid] = sub
	out := c.session.out
	out.B = wire.AppendSub(out.B, sub.Subject, sub.Queue, strconv.FormatUint(sub.sid, 10))
	c.await(num, false)
}

// resubscribe asks on a new connection for what the load still wants and what is not waiting to be sent anyway.
func (c *Client) resubscribe() {
	now := c.now()
	for _, sub := range c.subs {
		if o := c.ops[sub.num]; o != nil && !o.sent && o.Verb == history.Subscribe {
			continue
		}
		sub.num = c.next + 1
		_, o := c.add(now, &sub.Op)
		o.own = true
		o.id = c.cfg.Record.Invoke(&o.Op)
		c.send(sub.num, o)
	}
}

// unsubscribe takes the wish for an end. What a lost connection has ended needs no other.
func (c *Client) unsubscribe(now int64, op *load.Op) {
	sub := c.find(op.Tag)
	switch {
	case sub == nil:
		c.tell(now, op, failed("there is no subscription with tag "+strconv.FormatUint(op.Tag, 10)))
	case sub.sid == 0:
		c.abandon(sub)
		c.tell(now, op, load.Outcome{Status: load.OK})
	default:
		c.end(now, sub, op, false)
	}
}

// end sends an UNSUB and forgets the subscription: what still comes by it is dropped, as nats.go does.
func (c *Client) end(now int64, sub *subscription, op *load.Op, own bool) {
	c.abandon(sub)
	num, o := c.add(now, sub.ending(op))
	o.own, o.sent = own, true
	o.id = c.cfg.Record.Invoke(&o.Op)
	out := c.session.out
	out.B = wire.AppendUnsub(out.B, strconv.FormatUint(sub.sid, 10), 0)
	c.fx.Touch(out)
	c.await(num, false)
}

// ending is the Unsubscribe of a subscription.
func (s *subscription) ending(op *load.Op) *load.Op {
	return &load.Op{
		Verb: history.Unsubscribe, Tag: s.Tag, Sub: s.id, Timeout: op.Timeout, Lost: op.Lost,
		Subject: s.Subject, Queue: s.Queue, Stream: s.Stream, Consumer: s.Consumer,
	}
}

// abandon forgets a subscription. A Subscribe of it that was never sent never will be.
func (c *Client) abandon(sub *subscription) {
	c.subs = slices.DeleteFunc(c.subs, func(s *subscription) bool { return s == sub })
	delete(c.bySID, sub.sid)
	if o := c.ops[sub.num]; o != nil && !o.sent && o.Verb == history.Subscribe {
		c.finish(sub.num, failed("not sent: it is wanted no more"))
	}
}

// loseSubscriptions records that the connection is gone, and what had been subscribed to on it.
func (c *Client) loseSubscriptions(why string) {
	for _, sub := range c.subs {
		if sub.sid == 0 {
			continue
		}
		delete(c.bySID, sub.sid)
		op := sub.ending(&load.Op{Lost: true})
		c.cfg.Record.Complete(c.cfg.Record.Invoke(op), op, &load.Outcome{Status: load.Unknown, Err: why})
		sub.sid, sub.id = 0, 0
	}
}
