package client

import (
	"maps"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Client is the machine.
type Client struct {
	cfg      Config
	receiver load.Receiver // the load, if it takes deliveries
	env      *machine.Env
	fx       *machine.Effects
	began    machine.Mono
	life     int    // one more at each Join
	inbox    string // prefix of reply subjects, with its last dot

	session  session
	subs     []*subscription // in the order in which the load asked for them
	bySID    map[uint64]*subscription
	slots    map[uint64]*slot // by sid
	idle     []*slot
	lastSID  uint64
	interned interned
	scratch  []byte
	reading  answer
	ended    load.Outcome // of the operation that is being completed

	next     uint64 // number of the next operation
	ops      map[uint64]*operation
	spare    []*operation // of completed ones, to be used again
	unsent   []uint64     // numbers of operations that wait for a connection, oldest first; completed ones included
	deadline deadlines
	ask      bool // the load may have something for us
	off      bool // the load had us leave
}

// operation is one that was invoked and has not completed.
type operation struct {
	load.Op
	id    uint64 // the recorder's; 0: not recorded
	sent  bool
	own   bool // this client's own wish: the load is not told of its end
	until int64
	// Of a fetch: where its messages come, how many did, and when a sign of life last came.
	slot  *slot
	got   int
	heard int64
}

var (
	timerConnect = machine.TimerKey{Kind: 1} // dial, or give up connecting
	timerLoad    = machine.TimerKey{Kind: 2} // ask the load
	timerOps     = machine.TimerKey{Kind: 3} // the first deadline
	timerPing    = machine.TimerKey{Kind: 4}
)

func newClient(cfg Config, env *machine.Env) *Client {
	c := &Client{cfg: cfg, began: env.Mono, ops: map[uint64]*operation{}, bySID: map[uint64]*subscription{}, slots: map[uint64]*slot{}, lastSID: inboxSID}
	c.receiver, _ = cfg.Load.(load.Receiver)
	c.session.order = shuffled(cfg.Nodes, env.Choices)
	c.session.dialNext(cfg.First)
	c.live()
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
	c.askPong()
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
	return append(dst,
		machine.Use{Kind: "operations", Count: int64(len(c.ops)), Bytes: int64(len(c.ops)) * 512},
		machine.Use{Kind: "subscriptions", Count: int64(len(c.subs)), Bytes: int64(len(c.subs)) * 512})
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
			c.begin(now, &op)
			continue
		}
		c.ask = false
		if wake > 0 {
			c.fx.SetTimer(timerLoad, c.at(max(wake, now+1)))
		}
	}
}

// begin carries out what the load wants.
func (c *Client) begin(now int64, op *load.Op) {
	switch op.Verb {
	case load.Leave, load.Die, load.Join, load.Stall, load.Resume:
		c.self(now, op)
	case history.Subscribe:
		c.subscribe(now, op)
	case history.Unsubscribe:
		c.unsubscribe(now, op)
	default:
		c.invoke(now, op)
	}
}

// invoke records an operation and sends it, or lets it wait for a connection.
func (c *Client) invoke(now int64, op *load.Op) uint64 {
	num, o := c.add(now, op)
	o.id = c.cfg.Record.Invoke(&o.Op)
	switch why := unfit(op); {
	case why != "":
		c.finish(num, failed(why))
	case len(c.ops) > c.cfg.MaxOutstanding:
		c.finish(num, failed("not sent: too many operations are outstanding"))
	case c.session.ready:
		c.send(num, o)
	default:
		c.wait(num)
	}
	return num
}

// add numbers an operation and sees to it that it ends.
func (c *Client) add(now int64, op *load.Op) (uint64, *operation) {
	c.next++
	var o *operation
	if n := len(c.spare); n > 0 {
		o, c.spare = c.spare[n-1], c.spare[:n-1]
		*o = operation{Op: *op}
	} else {
		o = &operation{Op: *op}
	}
	timeout := op.Timeout
	if timeout <= 0 {
		timeout = c.cfg.RequestTimeout + op.Expires
	}
	o.until = now + timeout
	c.ops[c.next] = o
	c.deadline.push(o.until, c.next)
	return c.next, o
}

// wait keeps an operation until there is a connection. Those that have completed meanwhile make
// room.
func (c *Client) wait(num uint64) {
	if len(c.unsent) > 64+2*len(c.ops) {
		c.unsent = slices.DeleteFunc(c.unsent, func(num uint64) bool { return c.ops[num] == nil })
	}
	c.unsent = append(c.unsent, num)
}

// maxSpare bounds the completed operations that are kept for their memory.
const maxSpare = 256

// finish completes an operation. It may be one no more.
func (c *Client) finish(num uint64, out load.Outcome) {
	o := c.ops[num]
	if o == nil {
		return
	}
	delete(c.ops, num)
	switch {
	case o.Verb == load.Leave:
		c.depart("left")
		out = load.Outcome{Status: load.OK}
	case o.Verb == history.Subscribe && out.Status == load.Failed:
		if sub := c.find(o.Tag); sub != nil && sub.num == num {
			c.abandon(sub)
		}
	}
	if o.slot != nil {
		c.giveSlot(o.slot, o.toldLast(&out))
	}
	c.ended = out // where a pointer to it costs no allocation
	if o.id != 0 && !silent(&o.Op) {
		c.cfg.Record.Complete(o.id, &o.Op, &c.ended)
	}
	if !o.own {
		c.cfg.Load.Done(c.now(), o.Op, out)
		c.ask = true
	}
	if len(c.spare) < maxSpare {
		c.spare = append(c.spare, o)
	}
}

// send hands an operation to the connection. From here on only an answer can make it Failed.
func (c *Client) send(num uint64, o *operation) {
	o.sent = true
	out := c.session.out
	switch o.Verb {
	case history.Subscribe:
		c.sendSubscribe(num, o)
	case history.Send, history.Answer, history.Flush:
		out.B = c.appendSend(out.B, &o.Op)
		c.await(num, o.Verb == history.Flush)
	case history.Fetch:
		c.sendFetch(num, o)
	default:
		out.B = c.appendRequest(out.B, num, &o.Op)
	}
	c.fx.Touch(out)
	if silent(&o.Op) {
		c.finish(num, unknown("no confirmation was asked for"))
	}
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

// lose completes what was handed to a connection that is gone; and if nobody is to make another, what waited for it.
func (c *Client) lose(why string) {
	for _, num := range slices.Sorted(maps.Keys(c.ops)) {
		o := c.ops[num]
		switch {
		case o.Verb == load.Leave: // whoever calls sees to it
		case o.sent:
			c.finish(num, load.Outcome{Status: load.Unknown, N: int64(o.got), Err: why})
		case c.off:
			c.finish(num, failed("not sent: "+why))
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
		case !o.sent && o.until <= now:
			c.finish(num, failed("not sent"))
		case o.until <= now:
			c.finish(num, load.Outcome{Status: load.Unknown, N: int64(o.got), Err: "no answer in time"})
		case o.Verb == history.Fetch && o.Heartbeat > 0:
			c.checkHeartbeat(now, num, o)
		}
	}
}

// watchDeadlines sees to it that the timer fires by the first deadline of an operation that is
// still open. A timer that fires too early does no harm, and moving it with every answer would cost
// more.
func (c *Client) watchDeadlines() {
	at, ok := c.deadline.first(c.isOpen)
	if ok && (c.deadline.set == 0 || at < c.deadline.set) {
		c.deadline.set = at
		c.fx.SetTimer(timerOps, c.at(at))
	}
}

func (c *Client) isOpen(num uint64) bool { return c.ops[num] != nil }

func failed(why string) load.Outcome { return load.Outcome{Status: load.Failed, Err: why} }

func unknown(why string) load.Outcome { return load.Outcome{Status: load.Unknown, Err: why} }
