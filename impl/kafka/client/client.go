package client

import (
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Recorder writes the history; it is the one of impl/client.
type Recorder interface {
	Invoke(op *load.Op) (id uint64)
	Complete(id uint64, op *load.Op, out *load.Outcome)
	Deliver(d *load.Delivery)
}

const (
	ms  = 1_000_000
	sec = 1000 * ms
)

// Config is one client. Times are nanoseconds; zero values are Kafka's defaults.
type Config struct {
	Name   string
	Nodes  []machine.NodeID
	Load   load.Load
	Record Recorder
	// Acks is -1 (all, what 0 becomes), 1, or None for acks=0.
	Acks int8
	// Idempotent is enable.idempotence; it needs acks=all.
	Idempotent bool
	// Linger is linger.ms (5 ms since 4.0; negative: none), BatchBytes batch.size (16 KiB), InFlight max.in.flight.requests (5).
	Linger     int64
	BatchBytes int
	InFlight   int
	// RequestTimeout is request.timeout.ms (30 s), Backoff retry.backoff.ms (100 ms). Delivery is each operation's own timeout, or
	// this (delivery.timeout.ms, 120 s).
	RequestTimeout, Backoff, Delivery int64
	// MinISR and Flush are min.insync.replicas and flush.messages of topics that this client creates.
	MinISR, Flush int
	// Commit says when consumers commit: Manual, or Auto.
	Commit Commit
	// BugCommitted is planted: a consumer begins one record behind the committed offset.
	BugCommitted bool
	// Start is the time of the run at which the client boots.
	Start int64
}

func (c *Config) bugOffset() int64 {
	if c.BugCommitted {
		return 1
	}
	return 0
}

// None is acks=0.
const None int8 = 2

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		have *int64
		want int64
	}{{&c.Linger, 5 * ms}, {&c.RequestTimeout, 30 * sec}, {&c.Backoff, 100 * ms}, {&c.Delivery, 120 * sec}} {
		if *d.have == 0 {
			*d.have = d.want
		}
	}
	c.Linger = max(c.Linger, 0)
	if c.BatchBytes == 0 {
		c.BatchBytes = 16 << 10
	}
	if c.InFlight == 0 {
		c.InFlight = 5
	}
	if c.Acks == 0 {
		c.Acks = -1
	}
	return c
}

// Client is the machine.
type Client struct {
	cfg   Config
	env   *machine.Env
	fx    *machine.Effects
	began machine.Mono

	conns  []*conn // by place in cfg.Nodes
	topics map[string]proto.Topic
	where  where
	prod   producer

	receiver  load.Receiver // the load, if it is one
	consumers []*consumer   // in the order of their first use
	coord     coordinatorOf
	leave     leaving
	off       bool // the program is not running

	next    uint64
	ops     map[uint64]*operation
	waiting []*operation // for metadata, or a connection
	ask     bool
	wake    int64 // what the timer is set to; 0: not
	due     []due // deadlines by time; operations that ended stay until their time
}

type due struct {
	at  int64
	num uint64
}

// operation is one that was invoked and has not completed.
type operation struct {
	load.Op
	num   uint64
	id    uint64 // the recorder's
	sent  bool   // a request that could have an effect has left
	why   string // of the last refusal
	wait  bool   // it is among waiting
	after int64  // not to be tried before
}

var (
	timerLoad = machine.TimerKey{Kind: 1}
	timerWork = machine.TimerKey{Kind: 2} // deadlines, lingers and retries
)

// Boot makes the machine of one client.
func Boot(cfg Config) machine.Boot {
	return func(env *machine.Env, _ machine.Image, fx *machine.Effects) (machine.Machine, error) {
		cfg := cfg.withDefaults()
		switch {
		case cfg.Load == nil || cfg.Record == nil || len(cfg.Nodes) == 0:
			return nil, fmt.Errorf("client %s lacks nodes, a load or a recorder", cfg.Name)
		case cfg.Idempotent && cfg.Acks != -1:
			return nil, fmt.Errorf("client %s: enable.idempotence needs acks=all", cfg.Name)
		}
		c := &Client{cfg: cfg, began: env.Mono, ops: map[uint64]*operation{}, topics: map[string]proto.Topic{}, ask: true}
		c.receiver, _ = cfg.Load.(load.Receiver)
		for i, n := range cfg.Nodes {
			c.conns = append(c.conns, &conn{c: c, place: i, node: n})
		}
		c.where.first = int(env.Choices.Draw(purposeFirst, 0) % uint64(len(cfg.Nodes)))
		c.prod.init(c)
		fx.SetTimer(timerLoad, env.Mono)
		fx.SetTimer(timerWork, env.Mono)
		return c, nil
	}
}

const purposeFirst machine.Purpose = 0xc1f0 << 8

// Step implements machine.Machine.
func (c *Client) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	c.env, c.fx = env, fx
	switch in.Kind {
	case machine.TimerFired:
		if in.Timer == timerLoad {
			c.ask = true
		} else {
			c.wake = 0
		}
	case machine.ConnOpened, machine.ConnClosed, machine.ConnBytes:
		c.connInput(in)
	}
	c.work()
	c.env, c.fx = nil, nil
}

// now is the time of the run.
func (c *Client) now() int64 { return int64(c.env.Mono-c.began) + c.cfg.Start }

// at is the timer time of a time of the run.
func (c *Client) at(now int64) machine.Mono { return c.began + machine.Mono(now-c.cfg.Start) }

// Footprint implements machine.Machine.
func (c *Client) Footprint(dst []machine.Use) []machine.Use {
	return append(dst, machine.Use{Kind: "operations", Count: int64(len(c.ops)), Bytes: int64(len(c.ops)) * 256})
}

// work takes from the load what is due, ends what is overdue, and sends what can be sent.
func (c *Client) work() {
	now := c.now()
	c.pull(now)
	c.expire(now)
	if c.off {
		return
	}
	c.locate(now)
	waiting := c.waiting
	c.waiting = nil
	for _, o := range waiting {
		if c.ops[o.num] == o && o.after <= now {
			c.try(o)
		}
		if c.ops[o.num] == o && o.wait {
			c.waiting = append(c.waiting, o)
		}
	}
	c.prod.send(now)
	for _, k := range c.consumers {
		k.work(now)
	}
	c.left(now)
	if c.off {
		c.fx.SetTimer(timerLoad, c.at(now+1)) // it may want to come back
		return
	}
	c.locate(now) // somebody may not have been found
	c.watch(now)
}

func (c *Client) pull(now int64) {
	for n := 0; c.ask && n < maxPull; n++ {
		op, ok, wake := c.cfg.Load.Next(now)
		if !ok {
			c.ask = false
			if wake > 0 {
				c.fx.SetTimer(timerLoad, c.at(max(wake, now+1)))
			}
			break
		}
		if !c.self(now, &op) {
			c.begin(now, op)
		}
	}
}

// maxPull bounds what one step takes from the load.
const maxPull = 1 << 16

func (c *Client) begin(now int64, op load.Op) {
	c.next++
	o := &operation{Op: op, num: c.next, id: c.cfg.Record.Invoke(&op)}
	c.ops[o.num] = o
	timeout := op.Timeout
	if timeout <= 0 {
		timeout = c.cfg.Delivery
	}
	at := due{now + timeout, o.num}
	i, _ := slices.BinarySearchFunc(c.due, at, func(a, b due) int {
		switch {
		case a.at < b.at || a.at == b.at && a.num < b.num:
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	c.due = slices.Insert(c.due, i, at)
	if c.consume(now, o) {
		return
	}
	switch op.Verb {
	case history.Publish:
		if op.Expect != 0 || op.ExpectSubject != 0 {
			c.finish(o, failed("a Kafka producer cannot expect a sequence"))
			return
		}
		c.prod.add(now, o)
	case history.NextOf:
		if op.Subject != "" {
			c.finish(o, failed("a Kafka client cannot look for a key"))
			return
		}
		fallthrough
	case history.Read, history.Last, history.Create:
		o.wait = true
		c.waiting = append(c.waiting, o)
	default:
		c.finish(o, failed("a Kafka client cannot "+string(op.Verb)))
	}
}

func failed(why string) load.Outcome { return load.Outcome{Status: load.Failed, Err: why} }

func (c *Client) finish(o *operation, out load.Outcome) {
	if c.ops[o.num] != o {
		return
	}
	delete(c.ops, o.num)
	if !silent(&o.Op) {
		c.cfg.Record.Complete(o.id, &o.Op, &out)
	}
	c.cfg.Load.Done(c.now(), o.Op, out)
	c.ask = true
}

// expire ends operations whose time is over.
func (c *Client) expire(now int64) {
	n := 0
	for ; n < len(c.due) && c.due[n].at <= now; n++ {
		o := c.ops[c.due[n].num]
		if o == nil {
			continue
		}
		why := o.why
		if why == "" {
			why = "no answer in time"
		}
		if o.sent {
			c.finish(o, load.Outcome{Status: load.Unknown, Err: why})
		} else {
			c.finish(o, failed("not sent: "+why))
		}
		c.prod.forget(o)
	}
	c.due = slices.Delete(c.due, 0, n)
}

// watch sets the timer to the next time at which something is to do.
func (c *Client) watch(now int64) {
	at := c.prod.next(now)
	for len(c.due) > 0 && c.ops[c.due[0].num] == nil {
		c.due = c.due[1:] // it has ended
	}
	if len(c.due) > 0 {
		at = earlier(at, c.due[0].at)
	}
	at = earlier(at, c.where.next(now))
	for _, o := range c.waiting {
		if o.after > now {
			at = earlier(at, o.after)
		}
	}
	for _, k := range c.conns {
		at = earlier(at, k.next(now))
	}
	for _, k := range c.consumers {
		at = earlier(at, k.wake(now))
	}
	if len(c.consumers)+len(c.waiting) > 0 && c.coord.node == 0 {
		at = earlier(at, laterThan(c.coord.after, now))
	}
	if c.leave.on {
		at = earlier(at, max(c.leave.until, now+1))
	}
	if c.ask && len(c.consumers) > 0 { // what consumers brought may have answers
		c.fx.SetTimer(timerLoad, c.at(now+1))
	}
	if at != 0 && (c.wake == 0 || at < c.wake) {
		c.wake = max(at, now+1)
		c.fx.SetTimer(timerWork, c.at(c.wake))
	}
}

// earlier is the first of two times, 0 being never.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
