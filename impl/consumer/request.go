package consumer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Request is what a client asks a pull consumer for (nats-server JSApiConsumerGetNextRequest). Durations are
// nanoseconds.
type Request struct {
	Expires   int64 `json:"expires,omitempty"`
	Batch     int   `json:"batch,omitempty"`
	MaxBytes  int   `json:"max_bytes,omitempty"`
	NoWait    bool  `json:"no_wait,omitempty"`
	Heartbeat int64 `json:"idle_heartbeat,omitempty"`

	// Of priority groups, which are not served: asking for what needs one is refused as on a consumer without.
	Group         string `json:"group,omitempty"`
	MinPending    int64  `json:"min_pending,omitempty"`
	MinAckPending int64  `json:"min_ack_pending,omitempty"`
	ID            string `json:"id,omitempty"`
	Priority      int    `json:"priority,omitempty"`
}

// maxBatch bounds what one request may ask for; nobody waits for more.
const maxBatch = 1 << 30

// ParseRequest reads the body of a request: nothing, a number or JSON; what is none of these asks for one
// message, as in nats-server (nextReqFromMsg). why is the status that refuses it.
func ParseRequest(body []byte) (r Request, why *Status) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '{' {
		if err := json.Unmarshal(body, &r); err != nil {
			return r, &Status{Code: 400, Text: "Bad Request - " + err.Error()}
		}
	} else if n, err := strconv.Atoi(string(body)); err == nil {
		r.Batch = n
	}
	r.Batch = min(max(r.Batch, 1), maxBatch)
	r.Expires, r.Heartbeat = min(max(r.Expires, 0), maxDelay), min(max(r.Heartbeat, 0), maxDelay)
	r.MaxBytes = max(r.MaxBytes, 0)
	switch {
	case r.Heartbeat*2 > r.Expires:
		return r, &Status{Code: 400, Text: "Bad Request - heartbeat value too large"}
	case r.MinPending != 0 || r.MinAckPending != 0:
		return r, &Status{Code: 400, Text: "Bad Request - Not a Overflow Priority consumer"}
	case r.ID != "":
		return r, &Status{Code: 400, Text: "Bad Request - Not a Pinned Client Priority consumer"}
	case r.Priority < 0 || r.Priority > 9:
		return r, &Status{Code: 400, Text: "Bad Request - Priority must be between 0 and 9"}
	}
	return r, nil
}

// Status is what a client is told instead of a message, in the header of an empty one.
type Status struct {
	Code   int
	Text   string
	Fields []string // keys and values
}

// request is a pull request that waits.
type request struct {
	reply    string
	left     int // messages it still wants
	got      int // messages meant for it so far
	reserved int // of which not yet sent
	limited  bool
	bytes    int          // still allowed, if limited
	expires  machine.Mono // 0: never
	noWait   bool
	beat     machine.Mono // between heartbeats; 0: none
	nextBeat machine.Mono
	queued   bool
	// ending is said when nothing is reserved any more, if the request is over.
	ending *Status
}

// over is the status that ends a request and says what it still wanted.
func (r *request) over(code int, text string) *Status {
	return &Status{Code: code, Text: text, Fields: []string{
		"Nats-Pending-Messages", strconv.Itoa(r.left), "Nats-Pending-Bytes", strconv.Itoa(r.bytes),
	}}
}

// refuse is the status with which a request is turned away at once; nil if it may wait.
func (l *Leader) refuse(now machine.Mono, r *Request, out *Out) *Status {
	c := l.cfg
	switch {
	case c.Push():
		return &Status{Code: 409, Text: "Consumer is push based"}
	case c.MaxBatch > 0 && r.Batch > c.MaxBatch:
		return &Status{Code: 409, Text: fmt.Sprintf("Exceeded MaxRequestBatch of %d", c.MaxBatch)}
	case c.MaxExpires > 0 && r.Expires > c.MaxExpires:
		return &Status{Code: 409, Text: "Exceeded MaxRequestExpires of " + duration(c.MaxExpires)}
	case c.MaxBytes > 0 && r.MaxBytes > c.MaxBytes:
		return &Status{Code: 409, Text: fmt.Sprintf("Exceeded MaxRequestMaxBytes of %d", c.MaxBytes)}
	}
	if len(l.queue) >= c.MaxWaiting && now >= l.sweptAt+sec {
		l.sweep(now, out)
	}
	if r.NoWait {
		ready := l.ready()
		if ready == 0 && r.Expires == 0 {
			l.active = now
			return &Status{Code: 404, Text: "No Messages"}
		}
		if wanted := l.wanted(); ready > 0 && ready < wanted {
			l.active = now
			return &Status{Code: 408, Text: "Requests Pending"}
		}
	}
	if len(l.queue) >= c.MaxWaiting {
		return &Status{Code: 409, Text: "Exceeded MaxWaiting"}
	}
	return nil
}

// wanted is how many messages those who wait, and are still there, want together.
func (l *Leader) wanted() (n uint64) {
	for _, r := range l.queue {
		if l.src.Wanted(r.reply, "") {
			n += uint64(r.left)
		}
	}
	return n
}

// Pull takes in a request whose messages go to reply.
func (l *Leader) Pull(now machine.Mono, reply string, body []byte, out *Out) {
	req, why := ParseRequest(body)
	if why == nil || l.cfg.Push() {
		why = l.refuse(now, &req, out)
	}
	if why != nil {
		if why.Text != "Exceeded MaxWaiting" || req.Heartbeat == 0 {
			// One that expects heartbeats is left to miss them: it would ask again at once, and again.
			out.say(reply, why)
		}
		return
	}
	r := &request{reply: reply, left: req.Batch, limited: req.MaxBytes > 0, bytes: req.MaxBytes, noWait: req.NoWait, queued: true}
	if req.Expires > 0 {
		r.expires = now + machine.Mono(req.Expires)
		l.look(r.expires)
	}
	if req.Heartbeat > 0 {
		r.beat = machine.Mono(req.Heartbeat)
		r.nextBeat = now + r.beat
		l.look(r.nextBeat)
	}
	l.active = now
	l.queue = append(l.queue, r)
}

// look makes sure that waiting requests are looked at by at.
func (l *Leader) look(at machine.Mono) {
	if l.lookAt == 0 || at < l.lookAt {
		l.lookAt = at
	}
}

// sweep ends the requests whose time is over, forgets those whose client has gone and sends heartbeats.
func (l *Leader) sweep(now machine.Mono, out *Out) {
	l.lookAt, l.sweptAt = 0, now
	keep := l.queue[:0]
	for _, r := range l.queue {
		switch {
		case r.expires != 0 && now >= r.expires:
			l.active = max(l.active, r.expires)
			r.close(r.over(408, "Request Timeout"), out)
			continue
		case !l.src.Wanted(r.reply, ""):
			r.queued = false
			continue
		case r.beat != 0 && now >= r.nextBeat:
			out.say(r.reply, l.heartbeat())
			r.nextBeat = now + r.beat
		}
		if r.expires != 0 {
			l.look(r.expires)
		}
		if r.beat != 0 {
			l.look(r.nextBeat)
		}
		keep = append(keep, r)
	}
	clear(l.queue[len(keep):])
	l.queue = keep
}

// endNoWait ends the requests that take what there is, now that there is nothing more.
func (l *Leader) endNoWait(out *Out) {
	keep := l.queue[:0]
	for _, r := range l.queue {
		if r.noWait && (r.expires == 0 || r.got > 0) {
			r.close(&Status{Code: 404, Text: "No Messages"}, out)
			continue
		}
		keep = append(keep, r)
	}
	clear(l.queue[len(keep):])
	l.queue = keep
}

// close ends a request: it hears why behind what it still gets.
func (r *request) close(why *Status, out *Out) {
	r.queued = false
	if r.reserved > 0 {
		r.ending = why
		return
	}
	out.say(r.reply, why)
}

// claim finds the request that a message of size bytes goes to, and reserves it; nil if nobody waits. Requests take
// turns, a message each.
func (l *Leader) claim(now machine.Mono, size int, out *Out) *request {
	for len(l.queue) > 0 {
		r := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		switch {
		case r.expires != 0 && now >= r.expires:
			l.active = max(l.active, r.expires)
			r.close(r.over(408, "Request Timeout"), out)
		case !l.src.Wanted(r.reply, ""):
			r.queued = false
		case r.limited && size > r.bytes:
			r.close(r.over(409, "Message Size Exceeds MaxBytes"), out)
		default:
			l.reserve(r, size)
			return r
		}
	}
	return nil
}

func (l *Leader) reserve(r *request, size int) {
	r.left--
	r.got++
	r.reserved++
	if r.limited {
		if r.bytes -= size; r.bytes == 0 {
			r.left = 0
		}
	}
	if r.left > 0 {
		l.queue = append(l.queue, r)
		return
	}
	r.queued = false
	if r.limited && r.bytes > 0 {
		r.ending = r.over(409, "Batch Completed")
	}
}

// release gives back what was reserved and did not come.
func (l *Leader) release(r *request, size int, out *Out) {
	r.reserved--
	if r.queued || r.left == 0 && r.ending == nil || r.ending != nil && r.ending.Text == "Batch Completed" {
		r.left++
		r.got--
		if r.limited {
			r.bytes += size
		}
		if !r.queued {
			r.queued, r.ending = true, nil
			l.queue = append(l.queue, r)
		}
		return
	}
	r.sayEnding(out)
}

func (r *request) sayEnding(out *Out) {
	if r.reserved == 0 && r.ending != nil {
		out.say(r.reply, r.ending)
		r.ending = nil
	}
}

// duration is a length of time in Go's notation.
func duration(ns int64) string {
	switch {
	case ns < 1000:
		return strconv.FormatInt(ns, 10) + "ns"
	case ns < ms:
		return fraction(ns, 1000) + "µs"
	case ns < sec:
		return fraction(ns, ms) + "ms"
	}
	s := ""
	if ns >= 3600*sec {
		s = strconv.FormatInt(ns/(3600*sec), 10) + "h"
	}
	if ns >= 60*sec {
		s += strconv.FormatInt(ns/(60*sec)%60, 10) + "m"
	}
	return s + fraction(ns%(60*sec), sec) + "s"
}

// fraction is n/unit in decimals; unit is a power of ten.
func fraction(n, unit int64) string {
	s := strconv.FormatInt(n/unit, 10)
	if n %= unit; n > 0 {
		s += "." + strings.TrimRight(strconv.FormatInt(unit+n, 10)[1:], "0")
	}
	return s
}
