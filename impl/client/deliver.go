package client

import (
	"bytes"
	"strconv"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/load"
)

// message takes a message. What comes by a subscription that has ended, or answers what is no longer open, is dropped.
func (c *Client) message(m *wire.Msg) {
	sid, ok := parseNumber(m.SID)
	switch {
	case !ok:
	case sid == inboxSID:
		c.answer(m)
	default:
		if sub := c.bySID[sid]; sub != nil {
			c.bySubscription(sub, m)
		} else if slot := c.slots[sid]; slot != nil && slot.num != 0 {
			c.fetched(slot.num, c.ops[slot.num], m)
		}
	}
}

// answer takes a message that came to the inbox.
func (c *Client) answer(m *wire.Msg) {
	if len(m.Subject) <= len(c.inbox) || string(m.Subject[:len(c.inbox)]) != c.inbox {
		return
	}
	num, ok := parseNumber(m.Subject[len(c.inbox):])
	o := c.ops[num]
	if ok && o != nil && o.sent {
		c.finish(num, outcome(&c.reading, &o.Op, m))
	}
}

// bySubscription takes a message of a subscription of the load's.
func (c *Client) bySubscription(sub *subscription, m *wire.Msg) {
	if len(m.Header) > 0 {
		if code, text := wire.HeaderStatus(m.Header); code != 0 {
			c.pushStatus(sub, code, text, m)
			return
		}
	}
	d := &load.Delivery{Tag: sub.Tag, Sub: sub.id}
	if sub.Consumer != "" {
		c.fromConsumer(d, &sub.Op, m)
	}
	c.deliver(d, m)
}

// pushStatus takes what a push consumer says beside its messages. A request for flow control is answered at once, for
// whoever has read it has read all before it (ADR-31); a heartbeat may say that an answer was missed.
func (c *Client) pushStatus(sub *subscription, code int, text []byte, m *wire.Msg) {
	reply := m.Reply
	if stalled := wire.HeaderGet(m.Header, "Nats-Consumer-Stalled"); len(reply) == 0 && len(stalled) > 0 {
		reply = stalled
	}
	switch {
	case code != 100:
		c.note("subscription to " + sub.Subject + ": " + strconv.Itoa(code) + " " + string(text))
	case len(reply) > 0:
		out := c.session.out
		out.B = wire.AppendPub(out.B, reply, "", nil)
		c.fx.Touch(out)
	}
}

// fromConsumer adds what the reply subject tells of a consumer's delivery; false if it does not.
func (c *Client) fromConsumer(d *load.Delivery, op *load.Op, m *wire.Msg) bool {
	var a ackSubject
	if !a.parse(m.Reply) {
		return false
	}
	d.Stream, d.Consumer = same(op.Stream, a.stream), same(op.Consumer, a.consumer)
	d.Seq, d.CSeq, d.Count, d.Stamp, d.Pending = a.seq, a.cseq, a.count, a.stamp, a.pending
	return true
}

// deliver records a message and hands it to the load.
func (c *Client) deliver(d *load.Delivery, m *wire.Msg) {
	d.Subject = c.interned.of(m.Subject)
	d.Reply = string(m.Reply)
	d.Value = firstWord(m.Payload)
	c.cfg.Record.Deliver(d)
	if c.receiver != nil {
		c.receiver.Deliver(c.now(), d)
		c.ask = true
	}
}

// firstWord is a message's value: the payload up to its padding.
func firstWord(payload []byte) string {
	if i := bytes.IndexByte(payload, ' '); i >= 0 {
		payload = payload[:i]
	}
	return string(payload)
}

// same is b as a string: a, if they are equal.
func same(a string, b []byte) string {
	if a == string(b) {
		return a
	}
	return string(b)
}

// interned keeps the strings of subjects that come again and again.
type interned struct{ last [16]string }

func (i *interned) of(subject []byte) string {
	h := uint32(len(subject))
	for _, b := range subject {
		h = h*31 + uint32(b)
	}
	s := &i.last[h%uint32(len(i.last))]
	*s = same(*s, subject)
	return *s
}

// ackSubject is the reply subject of a consumer's delivery, to which acks go.
type ackSubject struct {
	stream, consumer []byte
	count, seq, cseq uint64
	stamp            int64
	pending          uint64
}

// parse reads both forms (nats-server server/consumer.go replyInfo, ADR-15):
//
//	$JS.ACK.<stream>.<consumer>.<count>.<seq>.<cseq>.<stamp>.<pending>
//	$JS.ACK.<domain>.<account>.<stream>.<consumer>.<count>.<seq>.<cseq>.<stamp>.<pending>[.<token>...]
func (a *ackSubject) parse(subject []byte) bool {
	const prefix = "$JS.ACK."
	if len(subject) < len(prefix) || string(subject[:len(prefix)]) != prefix {
		return false
	}
	subject = subject[len(prefix):]
	switch n := bytes.Count(subject, []byte{'.'}) + 1; {
	case n >= 9:
		cutToken(&subject)
		cutToken(&subject)
	case n != 7:
		return false
	}
	a.stream, a.consumer = cutToken(&subject), cutToken(&subject)
	stamp, numbers := uint64(0), true
	for _, to := range [...]*uint64{&a.count, &a.seq, &a.cseq, &stamp, &a.pending} {
		var ok bool
		*to, ok = parseNumber(cutToken(&subject))
		numbers = numbers && ok
	}
	a.stamp = int64(stamp)
	return numbers && len(a.stream) > 0 && len(a.consumer) > 0 && a.count > 0 && a.seq > 0 && a.cseq > 0 && a.stamp >= 0
}

func cutToken(subject *[]byte) []byte {
	token, rest, _ := bytes.Cut(*subject, []byte{'.'})
	*subject = rest
	return token
}

// parseNumber reads a decimal number that fits into 64 bits.
func parseNumber(text []byte) (n uint64, ok bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	for _, c := range text {
		d := uint64(c - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}
