package broker

import (
	"strconv"

	track "github.com/brokerlab/brokerlab/impl/consumer"
	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// outbox is what one consumer sends, in order. Messages that have left memory are read from disk, a few at a time, and
// what follows them waits.
type outbox struct {
	queue   []*letter
	reading int
	asking  bool // whether this node still leads
	closed  bool
}

// letter is a message or a status on its way out.
type letter struct {
	track.Send
	state letterState
	m     store.Message
}

type letterState uint8

const (
	unread letterState = iota
	reading
	ready
	missing // it left the stream, or the disk does not give it back
)

// maxReading is how many messages one consumer reads from disk at a time.
const maxReading = 64

// maxLetters is how long an outbox grows before its consumer chooses nothing more to deliver.
const maxLetters = 8192

func (o *outbox) full() bool { return len(o.queue) >= maxLetters }

// statuses are those that wait behind messages.
func (o *outbox) statuses() (sends []track.Send) {
	for _, l := range o.queue {
		if l.Status != nil {
			sends = append(sends, l.Send)
		}
	}
	return sends
}

func (o *outbox) close() { o.queue, o.closed = nil, true }

// post sends what a consumer decided to send, as soon as it can be.
func (c *consumers) post(x *consumed, sends []track.Send) {
	for i := range sends {
		l := &letter{Send: sends[i]}
		if l.Status != nil {
			l.state = ready
		}
		x.lead.outbox.queue = append(x.lead.outbox.queue, l)
	}
	c.flush(x)
}

// flush sends from the front as far as everything is read, and reads on.
func (c *consumers) flush(x *consumed) {
	o := &x.lead.outbox
	if o.full() {
		defer func() {
			if !o.closed && !o.full() {
				c.touch(x)
			}
		}()
	}
	for i := 0; i < len(o.queue) && o.reading < maxReading && !o.closed; i++ {
		if l := o.queue[i]; l.state == unread {
			c.read(x, o, l)
		}
		if i == 0 && o.queue[0].state != reading {
			if o.queue[0].Status == nil && x.lead.Mode() == track.LogBefore && !c.s.g.leads() {
				c.confirm(x)
				return
			}
			l := o.queue[0]
			o.queue[0] = nil
			o.queue = o.queue[1:]
			c.mail(x, l) // to whom it may concern: this very consumer may be deleted by it
			i--
		}
	}
}

// confirm asks a quorum whether this node still leads, before it hands out what it has counted: another leader may have
// handed out the next delivery of the same message. One that leads no more sends nothing: what it counted comes
// back when its ack wait is over.
func (c *consumers) confirm(x *consumed) {
	o := &x.lead.outbox
	if o.asking {
		return
	}
	o.asking = true
	c.leads.unsure = append(c.leads.unsure, x)
	c.s.g.whenLeading("", func(string) {
		if o.asking = false; !o.closed {
			c.flush(x)
		}
	})
}

// tick asks again, should an answer have been lost.
func (c *consumers) tick() {
	if c.leads == nil {
		return
	}
	unsure := c.leads.unsure
	c.leads.unsure = nil
	for _, x := range unsure {
		if x.lead != nil && x.lead.outbox.asking {
			x.lead.outbox.asking = false
			c.flush(x)
		}
	}
}

// read finds a letter's message.
func (c *consumers) read(x *consumed, o *outbox, l *letter) {
	b := c.s.g.b
	m, token, found := c.s.g.store.Get(b.fx, l.Seq)
	switch {
	case !found:
		l.state = missing
	case token == 0:
		l.m, l.state = m, ready
	default:
		l.state = reading
		o.reading++
		c.s.g.note(NoteDiskRead)
		b.diskReads[token] = func(m *store.Message) {
			if o.reading--; o.closed {
				return
			}
			if l.state = missing; m != nil {
				l.m, l.state = *m, ready
			}
			c.flush(x)
		}
	}
}

// mail routes a letter. One that is missing counts as delivered: its ack wait brings it back, if it is still there.
func (c *consumers) mail(x *consumed, l *letter) {
	b := c.s.g.b
	if l.Status != nil {
		header := wire.AppendStatus(nil, l.Status.Code, l.Status.Text, l.Status.Fields...)
		b.route(&message{subject: []byte(l.To), reply: []byte(l.Reply), header: header})
		return
	}
	if x.lead.Sent(b.env.Mono, l.Delivery) && !x.lead.dirty && !c.leads.preparing {
		c.schedule(x)
		c.arm()
	}
	if l.state == missing {
		c.s.g.drop("a delivery whose message cannot be read")
		return
	}
	c.observe(x, machine.Observation{Kind: machine.Delivered, Seq: l.Seq, CSeq: l.CSeq, N: int64(l.Count)})
	x.lead.delivered = b.env.Wall
	m := message{subject: []byte(l.To), shown: []byte(l.m.Subject), header: l.m.Header, data: l.m.Data}
	if x.cfg.HeadersOnly {
		m.header = wire.AppendHeaderWith(nil, l.m.Header, "Nats-Msg-Size", strconv.Itoa(len(l.m.Data)))
		m.data = nil
	}
	b.fx.Charge(machine.WorkConsume, 1, 0, 0)
	m.reply = track.AppendAckSubject(nil, c.s.name(), x.name, l.Delivery, l.m.Time, l.Pending)
	b.route(&m)
}
