package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// replyCorrelates judges reply-correlates.
type replyCorrelates struct {
	tally
	log   *coreLog
	given map[string]int32 // position at which an answer was accepted
	heard map[pair]int32   // how often a client was delivered a message, by client and message
	spoke map[pair]int32   // how often a client answered a request, by client and message
	kind  replyKind
}

type replyKind uint8

const (
	unrelated   replyKind = iota // the answer is of another request
	unspoken                     // nobody had called it
	givenTwice                   // two requests got one answer
	unasked                      // the responder had not been delivered the request
	spokenTwice                  // nor so often
)

func (j *replyCorrelates) wants() class { return calls | returns | deliveries }

func (j *replyCorrelates) broken() bool { return j.count > 0 }

func (j *replyCorrelates) see(s *seen) {
	switch {
	case s.e.Kind == history.Deliver:
		if now := &j.log.now; now.sub != none && now.msg != none {
			j.heard[pair{j.log.subs[now.sub].client, now.msg}]++
		}
	case s.e.Kind == history.Invoke && s.e.Verb == history.Answer:
		j.answered(s)
	case s.e.Kind == history.OK && s.e.Verb == history.Request:
		j.accepted(s)
	}
}

func (j *replyCorrelates) answered(s *seen) {
	request, _, ok := answerParts(s.e.Value)
	if !ok {
		return
	}
	msg := j.log.msgOf(request)
	if msg == none {
		return // who asked is not recorded
	}
	j.checked++
	key := pair{j.log.rec.ops[s.op].client, msg}
	j.spoke[key]++
	switch {
	case j.heard[key] == 0:
		j.note(unasked, s.e.Value, j.log.msgs[msg].call, s.pos)
	case j.heard[key] < j.spoke[key]:
		j.note(spokenTwice, s.e.Value, j.log.msgs[msg].call, j.log.msgs[msg].first, s.pos)
	}
}

func (j *replyCorrelates) accepted(s *seen) {
	id := j.log.ofOp[s.op].msg
	if id == none || s.e.Value == "" {
		return
	}
	j.checked++
	m := &j.log.msgs[id]
	request, _, ok := answerParts(s.e.Value)
	answer := j.log.msgOf(s.e.Value)
	at, before := j.given[s.e.Value]
	switch {
	case !ok || request != j.log.text(m):
		j.note(unrelated, s.e.Value, m.call, s.pos)
	case answer == none || j.log.msgs[answer].verb != history.Answer:
		j.note(unspoken, s.e.Value, m.call, s.pos)
	case before:
		j.note(givenTwice, s.e.Value, m.call, at, s.pos)
	}
	j.given[s.e.Value] = s.pos
}

func (j *replyCorrelates) note(kind replyKind, value string, cert ...int32) {
	if j.found(value, cert...) {
		j.kind = kind
	}
}

func (j *replyCorrelates) finish(h *history.History) []Verdict {
	return j.verdict(h, spec.ReplyCorrelates, "No request was answered.", fmt.Sprintf("%s given and taken, each of the request it was for.", number(j.checked, "answer", "answers")),
		func() string {
			asked, last := &h.Events[j.cert[0]], &h.Events[j.cert[len(j.cert)-1]]
			switch j.kind {
			case unasked:
				return fmt.Sprintf("%s answered request %s of %s %s, which it had never been delivered.", last.Client, asked.Value, asked.Client, when(last))
			case spokenTwice:
				return fmt.Sprintf("%s answered request %s of %s again %s, more often than it was delivered it.", last.Client, asked.Value, asked.Client, when(last))
			case givenTwice:
				return fmt.Sprintf("The request of %s was given the answer %s %s, which was given before, %s.", last.Client, last.Value, when(last), when(&h.Events[j.cert[1]]))
			case unspoken:
				return fmt.Sprintf("Request %s of %s was given the answer %s %s, which nobody had called.", asked.Value, asked.Client, last.Value, when(last))
			}
			return fmt.Sprintf("Request %s of %s was given the answer %s %s, which is none of its own.", asked.Value, asked.Client, last.Value, when(last))
		})
}

// noResponders judges no-responders-true.
type noResponders struct {
	tally
	log  *coreLog
	kind responderKind
}

type responderKind uint8

const (
	delivered responderKind = iota // somebody was given the request
	passedOn                       // the node passed on its subject throughout
	inPlace                        // a subscription at the node was in place
)

func (j *noResponders) wants() class { return 0 }

func (j *noResponders) broken() bool { return false }

func (j *noResponders) see(*seen) {}

func (j *noResponders) finish(h *history.History) []Verdict {
	for id := range j.log.msgs {
		m := &j.log.msgs[id]
		if m.verb != history.Request || m.failed == none || m.unsent || m.times > 1 {
			continue
		}
		j.checked++
		if m.first != none {
			j.note(delivered, m, m.call, m.failed, m.first)
			continue
		}
		if k := m.conn; k != none && (j.log.conns[k].to == none || j.log.conns[k].to > m.failed) {
			j.sought(m)
		}
	}
	return j.verdict(h, spec.NoRespondersTrue, "No request was refused for want of responders.",
		fmt.Sprintf("%s refused for want of responders, with no responder known to have been there.", number(j.checked, "request was", "requests were")), func() string { return j.sentence(h) })
}

func (j *noResponders) note(kind responderKind, m *coreMsg, cert ...int32) {
	if j.found(j.log.text(m), cert...) {
		j.kind = kind
	}
}

// sought looks for somebody who was certainly there to be asked.
func (j *noResponders) sought(m *coreMsg) {
	node := j.log.conns[m.conn].node
	for _, f := range j.log.filters.matching(m.subject, j.log.rec.subjects.names[m.subject]) {
		for _, key := range j.log.routes.byFilter[nodeFilter{node, f}] {
			i := &j.log.routes.all[key]
			if since := i.since(m.call, m.failed); since != none && i.key.client != m.client {
				j.note(passedOn, m, m.call, m.failed, since)
				return
			}
		}
		for _, q := range append([]int32{none}, j.log.queuesOf[f]...) {
			for _, id := range j.log.members[pair{f, q}] {
				if s := &j.log.subs[id]; j.log.inPlace(s, node, m) {
					alive, _ := j.log.conns[s.conn].heard.after(m.failed)
					j.note(inPlace, m, m.call, m.failed, s.call, s.ok, alive.call, alive.at)
					return
				}
			}
		}
	}
}

// inPlace tells whether a subscription was certainly known to a node while it dealt with request m.
func (c *coreLog) inPlace(s *coreSub, node uint32, m *coreMsg) bool {
	if s.ok == none || s.ok > m.call || s.conn == none || s.client == m.client || c.conns[s.conn].node != node {
		return false
	}
	alive, ok := c.conns[s.conn].heard.after(m.failed)
	return ok && (s.end == none || alive.at < s.end)
}

func (j *noResponders) sentence(h *history.History) string {
	asked, told, third := &h.Events[j.cert[0]], &h.Events[j.cert[1]], &h.Events[j.cert[2]]
	text := fmt.Sprintf("%s asked %s %s (%s) and was told %s that there are no responders, but ", asked.Client, asked.Subject, when(asked), asked.Value, when(told))
	switch j.kind {
	case delivered:
		return text + fmt.Sprintf("%s was delivered the request %s.", third.Client, when(third))
	case passedOn:
		to := "its client " + third.Client
		if third.Peer != 0 {
			to = nodeName(third.Peer)
		}
		return text + fmt.Sprintf("its node %s was passing %s on to %s, from #%d on and all the while.", nodeName(third.Node), third.Subject, to, third.Index)
	}
	return text + fmt.Sprintf("%s's subscription to %s was in place at the same node from #%d on, and heard of after.", third.Client, third.Subject, h.Events[j.cert[3]].Index)
}

// requestAnswered judges request-answered.
type requestAnswered struct {
	tally
	log     *coreLog
	answers map[int32][]int32 // by request, both as messages
}

func (j *requestAnswered) wants() class { return calls | returns }

func (j *requestAnswered) broken() bool { return false }

func (j *requestAnswered) see(s *seen) {
	if s.e.Kind == history.Invoke && s.e.Verb == history.Answer {
		j.log.tie(j.answers, s)
	}
	if s.e.Kind == history.OK && s.e.Verb == history.Request {
		j.checked++
	}
}

// tie remembers which request an answer is for.
func (c *coreLog) tie(answers map[int32][]int32, s *seen) {
	request, _, _ := answerParts(s.e.Value)
	if r, a := c.msgOf(request), c.ofOp[s.op].msg; r != none && a != none {
		answers[r] = append(answers[r], a)
	}
}

func (j *requestAnswered) finish(h *history.History) []Verdict {
	open := int64(0)
	for id := range j.log.msgs {
		m := &j.log.msgs[id]
		o := &j.log.rec.ops[m.op]
		if m.verb != history.Request || o.ret == none || o.status == done || m.failed != none && !m.unsent || m.conn == none {
			continue
		}
		if p, a, ok := j.came(int32(id), m, o.ret); ok {
			j.checked++
			answer := &j.log.msgs[a]
			j.found(j.log.text(m), append(p.positions(), m.call, answer.call, o.ret)...)
			if j.count == 1 {
				j.cert = append([]int32{m.call, answer.call, o.ret, p.arrived.at}, p.positions()...)
			}
			continue
		}
		open++
	}
	j.lines.count("given up before an answer is known to have arrived", open)
	return j.verdict(h, spec.RequestAnswered, "No request was answered.", fmt.Sprintf("%s answered, and none given up after its answer had arrived.", number(j.checked, "request was", "requests were")),
		func() string {
			asked, answer, gave, came := &h.Events[j.cert[0]], &h.Events[j.cert[1]], &h.Events[j.cert[2]], &h.Events[j.cert[3]]
			return fmt.Sprintf("%s gave up its request %s %s, though %s had answered it %s and what came later had arrived by #%d.", asked.Client, asked.Value, when(gave), answer.Client, when(answer), came.Index)
		})
}

// came finds an answer to request m that had certainly arrived by a position.
func (j *requestAnswered) came(id int32, m *coreMsg, by int32) (proof, int32, bool) {
	for _, a := range j.answers[id] {
		answer := &j.log.msgs[a]
		if answer.conn == none || answer.subject == none || answer.failed != none {
			continue
		}
		p, ok := j.log.arrived(answer, m.conn, j.log.toInbox(answer, j.log.conns[m.conn].node))
		if ok && p.arrived.at < by {
			return p, a, true
		}
	}
	return proof{}, none, false
}

// toInbox is the way of an answer: since when its node has passed on to another some filter that names the inbox.
func (c *coreLog) toInbox(answer *coreMsg, to uint32) way {
	return func(from, until int32) int32 {
		for _, f := range c.filters.matching(answer.subject, c.rec.subjects.names[answer.subject]) {
			key := interestKey{node: c.conns[answer.conn].node, peer: to, client: none, filter: f, queue: none}
			if since := c.routes.find(key).since(from, until); since != none {
				return since
			}
		}
		return none
	}
}
