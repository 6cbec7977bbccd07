package client

import (
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
)

const apiNext = "$JS.API.CONSUMER.MSG.NEXT."

// slot is an inbox for the messages of one fetch at a time. They carry their own subjects, not the inbox's, so
// that only the subscription says what they came for. An inbox is used again only after a fetch whose end the server
// told, for nothing more can come of that.
type slot struct {
	sid   uint64
	inbox string
	num   uint64 // of the fetch that has it; 0: none
}

// maxIdle bounds the inboxes that wait for another fetch.
const maxIdle = 64

// sendFetch writes a request for messages.
func (c *Client) sendFetch(num uint64, o *operation) {
	s := c.takeSlot()
	s.num, o.slot = num, s
	out := c.session.out
	out.B = wire.AppendPub(out.B, apiNext+o.Stream+"."+o.Consumer, s.inbox, fetchRequest(&o.Op))
	if o.Heartbeat > 0 {
		o.heard = c.now()
		c.deadline.push(min(o.until, o.heard+silence(o)), num)
	}
}

func (c *Client) takeSlot() *slot {
	if n := len(c.idle); n > 0 {
		s := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return s
	}
	c.lastSID++
	sid := strconv.FormatUint(c.lastSID, 10)
	s := &slot{sid: c.lastSID, inbox: c.inbox + "fetch." + sid}
	c.slots[s.sid] = s
	out := c.session.out
	out.B = wire.AppendSub(out.B, s.inbox, "", sid)
	return s
}

// giveSlot takes an inbox back. One that may still be sent to is given up.
func (c *Client) giveSlot(s *slot, over bool) {
	s.num = 0
	switch out := c.session.out; {
	case c.slots[s.sid] != s: // of a connection that is gone
	case over && len(c.idle) < maxIdle:
		c.idle = append(c.idle, s)
	default:
		delete(c.slots, s.sid)
		out.B = wire.AppendUnsub(out.B, strconv.FormatUint(s.sid, 10), 0)
		c.fx.Touch(out)
	}
}

// fetchRequest is the body of a request for messages (nats-server server/jetstream_api.go JSApiConsumerGetNextRequest).
func fetchRequest(op *load.Op) []byte {
	b := strconv.AppendInt([]byte(`{"batch":`), int64(max(op.Batch, 1)), 10)
	if op.Expires > 0 {
		b = strconv.AppendInt(append(b, `,"expires":`...), op.Expires, 10)
	}
	if op.NoWait {
		b = append(b, `,"no_wait":true`...)
	}
	if op.MaxBytes > 0 {
		b = strconv.AppendInt(append(b, `,"max_bytes":`...), int64(op.MaxBytes), 10)
	}
	if op.Heartbeat > 0 {
		b = strconv.AppendInt(append(b, `,"idle_heartbeat":`...), op.Heartbeat, 10)
	}
	return append(b, '}')
}

// fetched takes a message that came for a fetch: one of the batch, or a status. Every status but a heartbeat ends it.
func (c *Client) fetched(num uint64, o *operation, m *wire.Msg) {
	o.heard = c.now()
	if len(m.Header) > 0 {
		if code, text := wire.HeaderStatus(m.Header); code != 0 {
			c.fetchStatus(num, o, code, string(text))
			return
		}
	}
	d := &load.Delivery{Fetch: o.id}
	if !c.fromConsumer(d, &o.Op, m) {
		c.finish(num, load.Outcome{Status: load.Unknown, N: int64(o.got), Err: "a message that is no delivery"})
		return
	}
	o.got++
	c.deliver(d, m)
	if o.got >= max(o.Batch, 1) {
		c.finish(num, load.Outcome{Status: load.OK, N: int64(o.got)})
	}
}

// fetchStatus: who has nobody to ask, or is told that the request makes no sense, has caused nothing; any other end
// (404 No Messages, 408 Request Timeout, 409 Leadership Change, …) is one, whatever came before it.
func (c *Client) fetchStatus(num uint64, o *operation, code int, text string) {
	why := strings.TrimSpace(strconv.Itoa(code) + " " + text)
	switch {
	case code == 100:
	case code == 503 && o.got == 0:
		c.finish(num, failed(history.NoResponders))
	case code == 400 && o.got == 0:
		c.finish(num, failed(why))
	default:
		c.finish(num, load.Outcome{Status: load.OK, N: int64(o.got), Err: why})
	}
}

// leadershipChange ends a fetch whose leader is believed to be no more. If that one lives, cut off, it still has the request.
const leadershipChange = "409 Leadership Change"

// toldLast reports whether nothing more can come for a fetch that ended so. One that is bounded in bytes may be told that it is
// over behind its last message, too.
func (o *operation) toldLast(out *load.Outcome) bool {
	return out.Status != load.Unknown && out.Err != leadershipChange && (o.MaxBytes == 0 || out.Err != "")
}

// silence is how long a fetch with heartbeats may go without any before nobody is believed to serve it (ADR-37: two
// intervals).
func silence(o *operation) int64 { return 2 * o.Heartbeat }

// checkHeartbeat gives up a fetch that has gone silent, or looks again when it could be.
func (c *Client) checkHeartbeat(now int64, num uint64, o *operation) {
	if at := o.heard + silence(o); at > now {
		c.deadline.push(min(o.until, at), num)
		return
	}
	c.finish(num, load.Outcome{Status: load.Unknown, N: int64(o.got), Err: "no heartbeat"})
}
