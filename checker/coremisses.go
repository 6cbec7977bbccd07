package checker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// proof is why a message that was passed on to a client had certainly arrived there.
type proof struct {
	routed  int32 // by here the first node had routed it
	since   int32 // from here on the first node passed on what matches it to the other; none if they are one
	crossed heard // what crossed to the client's node behind it; none if they are one
	arrived heard // what came through to the client behind it
}

func (p *proof) positions() []int32 {
	return []int32{p.routed, p.since, p.crossed.call, p.crossed.at, p.arrived.call, p.arrived.at}
}

// way tells since when a node has passed on something without a break in the time given; none if it has not.
type way func(from, to int32) int32

// arrived tells whether m, passed on to connection to of another client, had certainly arrived there at some time.
func (c *coreLog) arrived(m *coreMsg, to int32, open way) (proof, bool) {
	p := proof{routed: m.by, since: none, crossed: heard{none, none}, arrived: heard{none, none}}
	if m.conn == none || m.by == none || to == none {
		return p, false
	}
	here, there, by := c.conns[m.conn].node, c.conns[to].node, m.by
	ok := true
	if here != there {
		if p.crossed, ok = c.routes.through[link{here, there}].after(by); !ok {
			return p, false
		}
		if p.since = open(m.call, p.crossed.at); p.since == none {
			return p, false
		}
		by = p.crossed.at
	}
	p.arrived, ok = c.conns[to].heard.after(by)
	return p, ok && c.droppedAt(here, there, m.call, p.arrived.at) == none
}

// droppedAt returns the first position from from to to at which one of two nodes said that it dropped a message.
func (c *coreLog) droppedAt(here, there uint32, from, to int32) int32 {
	i, _ := slices.BinarySearchFunc(c.drops, from, func(d coreDrop, p int32) int { return cmp.Compare(d.at, p) })
	for ; i < len(c.drops) && c.drops[i].at <= to; i++ {
		if d := &c.drops[i]; d.node == here || d.node == there {
			return d.at
		}
	}
	return none
}

// passing is the way to a subscription: what node says that it passes on to the subscription's own.
func (c *coreLog) passing(node uint32, s *coreSub) *interest {
	return c.routes.find(interestKey{node: node, peer: c.conns[s.conn].node, client: none, filter: s.filter, queue: s.queue})
}

// missed tells whether subscription s certainly would have been delivered m, had it been passed on as it should.
func (c *coreLog) missed(m *coreMsg, s *coreSub) (proof, bool) {
	if s.conn == none || s.ok == none || s.ok > m.call || m.conn == none || s.client == m.client || s.end != none && s.end < m.call {
		return proof{}, false
	}
	p, ok := c.arrived(m, s.conn, c.passing(c.conns[m.conn].node, s).since)
	return p, ok && (s.end == none || p.arrived.at < s.end)
}

// coreGap judges core-no-middle-gap.
type coreGap struct {
	tally
	log     *coreLog
	skipped map[pair][2]int32 // by subscription and message: the messages delivered before and after
	excused int64
	unsaid  int64
}

func (j *coreGap) wants() class { return deliveries }

// A message skipped may still come: then it is the order that is broken.
func (j *coreGap) broken() bool { return false }

func (j *coreGap) see(*seen) {
	now := &j.log.now
	if now.previous == none || now.again > 0 {
		return
	}
	delete(j.skipped, pair{now.sub, now.msg})
	s := &j.log.subs[now.sub]
	k := &j.log.msgs[now.previous]
	if s.queue != none || now.previous > now.msg || k.call < s.call {
		return
	}
	j.checked++
	at := j.log.got[pair{now.sub, now.msg}].at
	for _, m := range j.log.between(s.filter, k.conn, now.previous, now.msg) {
		if j.log.msgs[m].conn == none {
			continue // it was called again meanwhile
		}
		switch j.excuse(s, &j.log.msgs[m], at) {
		case recorded:
			j.skipped[pair{now.sub, m}] = [2]int32{now.previous, now.msg}
		case ceased:
			j.excused++
		default:
			j.unsaid++
		}
	}
}

type excuse uint8

const (
	recorded excuse = iota // all was as it should be
	ceased                 // a node did not pass on all the time, or dropped something
	unsaid                 // nobody recorded whether a node did
)

// excuse looks for what could have come between m being called and a later message being delivered, at at. That an earlier one was
// delivered says nothing of what its node passed on: one sent across for a queue group is given to whoever wants it there.
func (j *coreGap) excuse(s *coreSub, m *coreMsg, at int32) excuse {
	here, there := j.log.conns[m.conn].node, j.log.conns[s.conn].node
	if j.log.droppedAt(here, there, m.call, at) != none {
		return ceased
	}
	if here == there {
		return recorded
	}
	i := j.log.passing(here, s)
	switch {
	case i == nil:
		return unsaid
	case i.since(m.call, at) == none:
		return ceased
	}
	return recorded
}

// between returns the messages sent over conn that match a filter and lie strictly between two.
func (c *coreLog) between(filter, conn, first, last int32) []int32 {
	sent := c.sent[pair{filter, conn}]
	i, ok := slices.BinarySearch(sent, first)
	if ok {
		i++
	}
	n, _ := slices.BinarySearch(sent, last)
	return sent[min(i, n):n]
}

func (j *coreGap) finish(h *history.History) []Verdict {
	var gaps []pair
	for p := range j.skipped { // map order: sorted below
		if m := &j.log.msgs[p.b]; m.failed == none && m.times == 1 {
			gaps = append(gaps, p)
		}
	}
	slices.SortFunc(gaps, func(x, y pair) int { return cmp.Or(cmp.Compare(x.b, y.b), cmp.Compare(x.a, y.a)) })
	for _, p := range gaps {
		around := j.skipped[p]
		k, l := &j.log.msgs[around[0]], &j.log.msgs[around[1]]
		j.found(j.log.text(&j.log.msgs[p.b]), j.log.subs[p.a].call, k.call, j.log.msgs[p.b].call, l.call, j.log.got[pair{p.a, around[0]}].at, j.log.got[pair{p.a, around[1]}].at)
	}
	j.lines.count("skipped while a node did not pass on", j.excused)
	j.lines.count("skipped between nodes that say nothing", j.unsaid)
	return j.verdict(h, spec.CoreNoGap, "No subscription was delivered two messages of one connection.",
		fmt.Sprintf("%s followed another of the same connection, and none was left out between them.", number(j.checked, "delivery", "deliveries")),
		func() string {
			k, m, l := &h.Events[j.cert[1]], &h.Events[j.cert[2]], &h.Events[j.cert[3]]
			return fmt.Sprintf("%s sent %s, %s and %s over one connection in that order; %s was delivered %s %s and %s %s, but never %s.", k.Client, k.Value, m.Value, l.Value,
				j.log.subscriber(h, gaps[0].a), k.Value, when(&h.Events[j.cert[4]]), l.Value, when(&h.Events[j.cert[5]]), m.Value)
		})
}

// coreMiss judges core-no-unexplained-miss.
type coreMiss struct {
	tally
	log      *coreLog
	sub, msg int32 // of the first
}

func (j *coreMiss) wants() class { return 0 }

func (j *coreMiss) broken() bool { return false }

func (j *coreMiss) see(*seen) {}

func (j *coreMiss) finish(h *history.History) []Verdict {
	open := int64(0)
	var first proof
	for id := range j.log.subs {
		s := &j.log.subs[id]
		if s.queue != none || s.ok == none || s.conn == none {
			continue
		}
		for _, msg := range j.log.within(s) {
			m := &j.log.msgs[msg]
			if _, ok := j.log.got[pair{int32(id), msg}]; ok {
				j.checked++
				continue
			}
			p, certain := j.log.missed(m, s)
			if m.failed != none || !certain {
				open++
				continue
			}
			j.checked++
			if j.found(j.log.text(m), append(p.positions(), s.call, s.ok, m.call)...) {
				first, j.sub, j.msg = p, int32(id), msg
			}
		}
	}
	j.lines.count("not delivered, and nothing says they should have been", open)
	return j.verdict(h, spec.CoreNoMiss, "No message was sent that a subscription in place had asked for.",
		fmt.Sprintf("%s to subscriptions that were certainly in place, all delivered.", number(j.checked, "message", "messages")),
		func() string { return j.log.missing(h, j.sub, j.msg, &first) })
}

// within returns the messages that s asks for, called while it was in place.
func (c *coreLog) within(s *coreSub) []int32 {
	sent := c.asked[s.filter]
	at := func(pos int32) int {
		i, _ := slices.BinarySearchFunc(sent, pos, func(msg, p int32) int { return cmp.Compare(c.msgs[msg].call, p) })
		return i
	}
	end := len(sent)
	if s.end != none {
		end = at(s.end)
	}
	return sent[min(at(s.ok), end):end]
}

// missing says that a message never came, and why it should have.
func (c *coreLog) missing(h *history.History, sub, msg int32, p *proof) string {
	s, m := &c.subs[sub], &c.msgs[msg]
	text := fmt.Sprintf("Message %s, sent by %s %s and routed by %s by #%d, was never delivered to %s, in place since #%d",
		c.text(m), c.rec.clients.names[m.client], when(&h.Events[m.call]), nodeName(c.conns[m.conn].node), h.Events[p.routed].Index, c.subscriber(h, sub), h.Events[s.ok].Index)
	if p.since != none {
		text += fmt.Sprintf(", whose node %s was passed it on from #%d on and delivered what came later by #%d", nodeName(c.conns[s.conn].node), h.Events[p.since].Index, h.Events[p.crossed.at].Index)
	}
	return text + fmt.Sprintf("; what was called at #%d had come through to it by #%d.", h.Events[p.arrived.call].Index, h.Events[p.arrived.at].Index)
}
