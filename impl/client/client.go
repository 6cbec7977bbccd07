package client

import (
	"maps"
	"slices"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Client is the machine.
type Client struct {
	cfg   Config
	env   *machine.Env
	fx    *machine.Effects
	began machine.Mono
	inbox string // prefix of reply subjects, with its last dot

	session session

	next     uint64 // number of the next operation
	ops      map[uint64]*operation
	unsent   []uint64 // numbers of operations that wait for a connection, oldest first; completed ones included
	deadline deadlines
	ask      bool // the load may have something for us
}

// operation is one that was invoked and has not completed.
type operation struct {
	load.Op
	id   uint64 // the recorder's
	sent bool
}

var (
	timerConnect = machine.TimerKey{Kind: 1} // dial, or give up connecting
	timerLoad    = machine.TimerKey{Kind: 2} // ask the load
	timerOps     = machine.TimerKey{Kind: 3} // the first deadline
	timerPing    = machine.TimerKey{Kind: 4}
)

func newClient(cfg Config, env *machine.Env) *Client {
	c := &Client{cfg: cfg, began: env.Mono, inbox: "_INBOX." + cfg.Name + ".", ops: map[uint64]*operation{}}
	c.session.order = shuffled(cfg.Nodes, env.Choices)
	return c
}

// Step implements machine.Machine.
func (c *Client) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	c.env, c.fx = env, fx
	switch in.Kind {
	case machine.TimerFired:
		c.timer(in.Timer)
	case machine.ConnOpened:
		c.opened(in)
	case machine.ConnBytes:
		c.received(in)
	case machine.ConnClosed:
		c.closed(in)
	}
	c.pull()
	c.watchDeadlines()
	c.env, c.fx = nil, nil
}

func (c *Client) timer(key machine.TimerKey) {
	switch key {
	case timerConnect:
		c.connectTimer()
	case timerLoad:
		c.ask = true
	case timerOps:
		c.deadline.set = 0
		c.expire()
	case timerPing:
		c.keepAlive()
	}
}

// now is the time of the run.
func (c *Client) now() int64 { return int64(c.env.Mono-c.began) + c.cfg.Start }

// at is the timer time of a time of the run.
func (c *Client) at(now int64) machine.Mono { return c.began + machine.Mono(now-c.cfg.Start) }

func (c *Client) note(why string) {
	c.fx.Observe(machine.Observation{Kind: machine.Note, Why: why, Conn: c.session.conn})
}

// Footprint implements machine.Machine.
func (c *Client) Footprint(dst []machine.Use) []machine.Use {
	return append(dst, machine.Use{Kind: "operations", Count: int64(len(c.ops)), Bytes: int64(len(c.ops)) * 192})
}

// maxPull bounds what one step takes from the load: one that answers every failure with another
// operation that must fail would keep it forever.
const maxPull = 1 << 17

// pull takes from the load what is due.
func (c *Client) pull() {
	now := c.now()
	for n := 0; c.ask; n++ {
		if n == maxPull {
			c.ask = false
			c.fx.SetTimer(timerLoad, c.at(now+millisecond))
			return
		}
		op, ok, wake := c.cfg.Load.Next(now)
		if ok {
			c.begin(now, op)
			continue
		}
		c.ask = false
		if wake > 0 {
			c.fx.SetTimer(timerLoad, c.at(max(wake, now+1)))
		}
	}
}

// begin invokes op and sends it, or lets it wait for a connection.
func (c *Client) begin(now int64, op load.Op) {
	c.next++
	num := c.next
	o := &operation{Op: op, id: c.cfg.Record.Invoke(op)}
	c.ops[num] = o
	timeout := op.Timeout
	if timeout <= 0 {
		timeout = c.cfg.RequestTimeout
	}
	switch {
	case !known(op.Verb):
		c.finish(num, failed("a NATS client cannot "+string(op.Verb)))
	case len(c.ops) > c.cfg.MaxOutstanding:
		c.finish(num, failed("not sent: too many operations are outstanding"))
	case c.session.ready:
		c.deadline.push(now+timeout, num)
		c.send(num, o)
	default:
		c.deadline.push(now+timeout, num)
		c.wait(num)
	}
}

// wait keeps an operation until there is a connection. Those that have completed meanwhile make
// room.
func (c *Client) wait(num uint64) {
	if len(c.unsent) > 64+2*len(c.ops) {
		c.unsent = slices.DeleteFunc(c.unsent, func(num uint64) bool { return c.ops[num] == nil })
	}
	c.unsent = append(c.unsent, num)
}

// finish completes an operation. It may be one no more.
func (c *Client) finish(num uint64, out load.Outcome) {
	o := c.ops[num]
	if o == nil {
		return
	}
	delete(c.ops, num)
	c.cfg.Record.Complete(o.id, o.Op, out)
	c.cfg.Load.Done(c.now(), o.Op, out)
	c.ask = true
}

// send hands an operation to the connection. From here on only an answer can make it Failed.
func (c *Client) send(num uint64, o *operation) {
	o.sent = true
	out := c.session.out
	out.B = appendRequest(out.B, c.inbox, num, &o.Op)
	c.fx.Touch(out)
}

// sendWaiting sends what waited for the connection.
func (c *Client) sendWaiting() {
	for _, num := range c.unsent {
		if o := c.ops[num]; o != nil {
			c.send(num, o)
		}
	}
	c.unsent = c.unsent[:0]
}

// lose completes what was handed to a connection that is gone.
func (c *Client) lose(why string) {
	for _, num := range slices.Sorted(maps.Keys(c.ops)) {
		if c.ops[num].sent {
			c.finish(num, load.Outcome{Status: load.Unknown, Err: why})
		}
	}
}

// expire completes operations whose time is over.
func (c *Client) expire() {
	now := c.now()
	for {
		num, ok := c.deadline.due(now)
		if !ok {
			return
		}
		o := c.ops[num]
		switch {
		case o == nil:
		case o.sent:
			c.finish(num, load.Outcome{Status: load.Unknown, Err: "no answer in time"})
		default:
			c.finish(num, failed("not sent"))
		}
	}
}

// watchDeadlines sees to it that the timer fires by the first deadline of an operation that is
// still open. A timer that fires too early does no harm, and moving it with every answer would cost
// more.
func (c *Client) watchDeadlines() {
	at, ok := c.deadline.first(func(num uint64) bool { return c.ops[num] != nil })
	if ok && (c.deadline.set == 0 || at < c.deadline.set) {
		c.deadline.set = at
		c.fx.SetTimer(timerOps, c.at(at))
	}
}

func failed(why string) load.Outcome { return load.Outcome{Status: load.Failed, Err: why} }

// answer takes a message that came to the inbox.
func (c *Client) answer(m *wire.Msg) {
	num, ok := parseNumber(m.Subject, len(c.inbox))
	if !ok || c.ops[num] == nil || !c.ops[num].sent {
		return // late, or not ours
	}
	c.finish(num, outcome(&c.ops[num].Op, m))
}
