package checker

import (
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
)

// coreLog is what the judges of core messaging share: who was connected where, what was sent,
// subscribed and delivered, and what is certain about how far it had come. Each judge looks at what the log has
// just taken, so the log is fed first.
//
// Three facts make things certain, and nothing else does. A connection carries bytes in order: an answer to
// something asked later shows that everything written before has arrived, and that everything sent before was read. So does
// a route between two nodes, while its session lasts. And a node that passes on what matches a filter says so when it
// begins and when it ceases, which it does whenever a session ends.
type coreLog struct {
	rec    *record
	msgs   []coreMsg
	subs   []coreSub
	conns  []coreConn
	ofOp   []coreOp // by operation
	byName []int32  // first message of a value, by value; or none
	opened []int32  // open connection of a client, by client; or none

	filters  filters
	wanted   []bool // somebody subscribed to it, by filter: others are known from nodes alone
	queues   intern
	sent     map[pair][]int32  // messages that match a filter, by filter and connection, in call order
	asked    [][]int32         // messages that match a filter, by filter, in call order
	got      map[pair]coreGot  // deliveries, by subscription and message
	served   map[pair]int32    // position of the first delivery to a member, by queue group and message
	newest   map[pair]int32    // newest message delivered, by subscription and the publisher's connection
	members  map[pair][]int32  // subscriptions, by filter and queue group (none: plain ones)
	queuesOf [][]int32         // queue groups, by filter
	homeless map[int32][]int32 // subscriptions that wait for a connection, by client
	routes   routes
	drops    []coreDrop // messages that nodes said they dropped
	cuts     []coreDrop // connections that nodes said they cut
	downs    map[uint32][]outage

	now coreDelivery
}

// pair is two small numbers.
type pair struct{ a, b int32 }

// coreOp is what an operation was to core messaging.
type coreOp struct{ msg, sub int32 }

// coreMsg is one value sent.
type coreMsg struct {
	op      int32
	value   int32
	subject int32
	client  int32
	call    int32
	// conn is the connection that it was called on, and so went over if it went anywhere; none if there was none then.
	// A value published again (a retry) has none, since one of several calls is meant.
	conn int32
	// by is the position at which the server had certainly routed it, or none.
	by     int32
	times  int32 // calls so far
	first  int32 // position of its first delivery, or none
	verb   history.Verb
	failed int32 // position at which it failed, or none
	unsent bool  // it failed in a way that says it was never routed: a stream's refusal does not
}

// coreSub is one subscription, on one connection.
type coreSub struct {
	op     int32
	client int32
	filter int32
	queue  int32 // or none
	conn   int32 // or none
	call   int32
	ok     int32 // position from which it was known to be in place, or none
	end    int32 // position at which its client ended it or found its connection gone, or none
	lost   bool  // it was found gone
	taken  int64 // messages delivered by it
}

// coreConn is one connection of a client, as the client saw it.
type coreConn struct {
	client   int32
	node     uint32
	from, to int32 // positions; to is none while it is open
	noEcho   bool
	pending  []int32 // messages that are not known to have been routed, in call order
	heard    heardList
}

// coreGot is when, and how often, a subscription was delivered a message.
type coreGot struct{ at, times int32 }

// coreDelivery is the delivery that the log has just taken. Fields are none where they are not known.
type coreDelivery struct {
	sub, msg int32
	again    int32 // how many times it had come before
	previous int32 // newest message that had come from the same connection to this subscription
}

func newCoreLog(rec *record) *coreLog {
	return &coreLog{
		rec: rec, queues: newIntern(4), filters: newFilters(), sent: map[pair][]int32{}, got: map[pair]coreGot{}, served: map[pair]int32{}, newest: map[pair]int32{},
		members: map[pair][]int32{}, homeless: map[int32][]int32{}, routes: newRoutes(), downs: map[uint32][]outage{},
	}
}

func (c *coreLog) wants() class { return calls | returns | obs | deliveries }

func (c *coreLog) broken() bool { return false }

func (c *coreLog) finish(*history.History) []Verdict { return nil }

func (c *coreLog) see(s *seen) {
	c.now = coreDelivery{sub: none, msg: none, previous: none}
	switch s.e.Kind {
	case history.Invoke:
		c.called(s)
	case history.Deliver:
		if s.e.Verb == history.Core {
			c.delivered(s)
		}
	case history.Obs:
		c.observed(s)
	case history.OK, history.Fail, history.Info:
		c.returned(s)
	}
}

func (c *coreLog) called(s *seen) {
	for len(c.ofOp) <= int(s.op) {
		c.ofOp = append(c.ofOp, coreOp{none, none})
	}
	switch s.e.Verb {
	case history.Send, history.Request, history.Publish, history.Answer:
		c.send(s)
	case history.Subscribe:
		c.subscribe(s)
	case history.Unsubscribe:
		if sub := c.subOf(s.e.Sub); sub != none && c.subs[sub].end == none {
			c.subs[sub].end, c.subs[sub].lost = s.pos, s.e.Why == history.ConnLost
		}
	}
}

// answerParts takes an answer's value apart: the request's value, and who answered.
func answerParts(value string) (request, client string, ok bool) {
	i := strings.LastIndexByte(value, '@')
	if i < 0 {
		return "", "", false
	}
	return value[:i], value[i+1:], true
}

func (c *coreLog) send(s *seen) {
	if s.value == none {
		return
	}
	for len(c.byName) <= int(s.value) {
		c.byName = append(c.byName, none)
	}
	o := &c.rec.ops[s.op]
	if first := c.byName[s.value]; first != none {
		c.msgs[first].times++
		c.msgs[first].conn = none
		c.ofOp[s.op].msg = first
		return
	}
	id := int32(len(c.msgs))
	m := coreMsg{
		op: s.op, value: s.value, subject: o.subject, client: o.client, call: s.pos, conn: c.connOf(o.client), by: none, times: 1,
		first: none, verb: s.e.Verb, failed: none,
	}
	c.byName[s.value], c.ofOp[s.op].msg = id, id
	if m.subject == none {
		m.conn = none // nobody can say whom it is for
	}
	c.msgs = append(c.msgs, m)
	if m.conn == none {
		return
	}
	c.conns[m.conn].pending = append(c.conns[m.conn].pending, id)
	for _, f := range c.filters.matching(m.subject, c.rec.subjects.names[m.subject]) {
		if !c.wanted[f] {
			continue
		}
		key := pair{f, m.conn}
		c.sent[key] = append(c.sent[key], id)
		c.asked[f] = append(c.asked[f], id)
	}
}

func (c *coreLog) subscribe(s *seen) {
	o := &c.rec.ops[s.op]
	sub := coreSub{
		op: s.op, client: o.client, filter: c.filterOf(s.e.Subject), queue: none, conn: c.connOf(o.client), call: s.pos, ok: none, end: none,
	}
	c.wanted[sub.filter] = true
	if s.e.Queue != "" {
		sub.queue = c.queues.of(s.e.Queue)
	}
	id := int32(len(c.subs))
	if sub.conn == none {
		c.homeless[sub.client] = append(c.homeless[sub.client], id)
	}
	c.subs = append(c.subs, sub)
	c.ofOp[s.op].sub = id
	key := pair{sub.filter, sub.queue}
	if c.members[key] == nil && sub.queue != none {
		c.queuesOf[sub.filter] = append(c.queuesOf[sub.filter], sub.queue)
	}
	c.members[key] = append(c.members[key], id)
}

// filterOf returns the number of a filter.
func (c *coreLog) filterOf(text string) int32 {
	f := c.filters.of(text)
	for len(c.wanted) <= int(f) {
		c.wanted, c.asked, c.queuesOf = append(c.wanted, false), append(c.asked, nil), append(c.queuesOf, nil)
	}
	return f
}

// connOf returns the connection that a client has, or none.
func (c *coreLog) connOf(client int32) int32 {
	if int(client) < len(c.opened) {
		return c.opened[client]
	}
	return none
}

// subOf returns the subscription that operation num made, or none.
func (c *coreLog) subOf(num uint64) int32 {
	if op := c.rec.numbered(num); op != none && int(op) < len(c.ofOp) {
		return c.ofOp[op].sub
	}
	return none
}

// msgOf returns the message with a value, or none.
func (c *coreLog) msgOf(value string) int32 {
	if v := c.rec.names.find(value); v != none && int(v) < len(c.byName) {
		return c.byName[v]
	}
	return none
}

// answered tells whether e can only be due to the server having read what was asked, and everything before it.
func answered(e *history.Event) bool {
	switch e.Verb {
	case history.Send, history.Answer, history.Subscribe, history.Unsubscribe, history.Flush, history.Publish, history.Read, history.Last, history.NextOf:
		return e.Kind == history.OK
	case history.Request:
		return e.Kind == history.OK || e.Kind == history.Fail && e.Why == history.NoResponders
	}
	return false
}

func (c *coreLog) returned(s *seen) {
	if int(s.op) >= len(c.ofOp) {
		return
	}
	o, of := &c.rec.ops[s.op], c.ofOp[s.op]
	conn := c.connOf(o.client)
	if answered(s.e) && conn != none {
		c.heard(conn, o.call, s.pos)
	}
	if of.sub != none && s.e.Kind == history.OK {
		c.subs[of.sub].ok = s.pos
		c.settle(&c.subs[of.sub])
	}
	if of.sub != none && s.e.Kind == history.Fail && c.subs[of.sub].end == none {
		c.subs[of.sub].end = s.pos
	}
	if of.msg != none && s.e.Kind == history.Fail {
		m := &c.msgs[of.msg]
		m.failed, m.unsent = s.pos, m.verb != history.Publish && s.e.Why != history.NoResponders
	}
}

// heard takes that something asked for at call was answered now over conn: what was sent before it was read.
func (c *coreLog) heard(conn, call, at int32) {
	k := &c.conns[conn]
	if call < k.from {
		return // it waited for this connection, and nobody knows when it went out
	}
	k.heard.add(call, at)
	n := 0
	for n < len(k.pending) && c.msgs[k.pending[n]].call <= call {
		c.msgs[k.pending[n]].by = at
		n++
	}
	k.pending = k.pending[n:]
}

// settle ties a subscription that was asked for without a connection to the next one, if it was not given up before.
func (c *coreLog) settle(sub *coreSub) {
	if sub.conn == none && sub.end == none {
		sub.conn = c.connOf(sub.client)
	}
}

func (c *coreLog) delivered(s *seen) {
	sub, msg := c.subOf(s.e.Sub), c.msgOf(s.e.Value)
	c.now.sub, c.now.msg = sub, msg
	if sub == none || msg == none {
		return
	}
	b, m := &c.subs[sub], &c.msgs[msg]
	if m.first == none {
		m.first = s.pos
	}
	got := c.got[pair{sub, msg}]
	c.now.again = got.times
	if got.times++; got.times == 1 {
		got.at = s.pos
		b.taken++
	}
	c.got[pair{sub, msg}] = got
	if _, ok := c.served[pair{b.queue, msg}]; !ok && b.queue != none {
		c.served[pair{b.queue, msg}] = s.pos
	}
	c.settle(b)
	if m.times > 1 || b.conn == none || b.conn != c.connOf(b.client) {
		return
	}
	c.conns[b.conn].heard.add(m.call, s.pos)
	if m.conn == none {
		return
	}
	c.routes.cross(c.conns[m.conn].node, c.conns[b.conn].node, m.call, s.pos)
	key := pair{sub, m.conn}
	if last, ok := c.newest[key]; ok {
		c.now.previous = last
		c.newest[key] = max(last, msg)
	} else {
		c.newest[key] = msg
	}
}
