package checker

import (
	"fmt"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// tally is what the judges of core messaging keep: how much was checked, and the first anomaly.
type tally struct {
	checked int64
	count   int64
	cert    []int32 // positions that the first anomaly follows from
	lines   Stats
}

// found takes an anomaly, and tells whether it is the first.
func (t *tally) found(line string, cert ...int32) bool {
	t.lines.example(line)
	if t.count++; t.count > 1 {
		return false
	}
	t.cert = cert
	return true
}

// verdict concludes: idle and fine say what was so if nothing was checked, or nothing found.
func (t *tally) verdict(h *history.History, id spec.ID, idle, fine string, bad func() string) []Verdict {
	v := Verdict{Guarantee: id, Value: spec.Holds, Sentence: fine, Stats: t.lines}
	v.Stats.Checked, v.Stats.Anomalies = t.checked, t.count
	switch {
	case t.count > 0:
		v.Value, v.Certificate = spec.Violated, certificate(h, t.cert...)
		v.Sentence = bad()
	case t.checked == 0:
		v.Value, v.Sentence = spec.NotExercised, idle
	}
	return []Verdict{v}
}

// subscriber renders a subscription: c2's subscription to orders.* (#12).
func (c *coreLog) subscriber(h *history.History, id int32) string {
	s := &c.subs[id]
	e := &h.Events[s.call]
	if s.queue != none {
		return fmt.Sprintf("%s's subscription to %s in group %s (#%d)", e.Client, e.Subject, e.Queue, e.Index)
	}
	return fmt.Sprintf("%s's subscription to %s (#%d)", e.Client, e.Subject, e.Index)
}

func (c *coreLog) text(m *coreMsg) string { return c.rec.nameOf(m.value) }

// corePhantom judges core-no-phantom.
type corePhantom struct {
	tally
	log  *coreLog
	kind phantomKind // of the first anomaly
	sub  int32
}

type phantomKind uint8

const (
	unsent      phantomKind = iota // nobody had sent it
	misnamed                       // under another subject
	unmatched                      // the filter does not name its subject
	refusedOnce                    // sending it had failed
	past                           // routed before anybody asked
	echoed                         // sent to its own sender, who wanted no echo
)

func (j *corePhantom) wants() class { return returns | deliveries }

func (j *corePhantom) broken() bool { return j.count > 0 }

func (j *corePhantom) see(s *seen) {
	if s.e.Kind == history.Fail && s.op != none && int(s.op) < len(j.log.ofOp) {
		if id := j.log.ofOp[s.op].msg; id != none && j.log.msgs[id].unsent && j.log.msgs[id].first != none {
			m := &j.log.msgs[id]
			j.note(refusedOnce, none, j.log.text(m), m.call, m.first, s.pos)
		}
	}
	if s.e.Kind != history.Deliver || s.e.Verb != history.Core || j.log.now.sub == none {
		return
	}
	j.delivered(s)
}

// systems tells whether a subject is one that the broker itself sends under.
func systems(subject string) bool {
	return strings.HasPrefix(subject, "$") || strings.HasPrefix(subject, "_INBOX.")
}

func (j *corePhantom) delivered(s *seen) {
	sub := j.log.now.sub
	b := &j.log.subs[sub]
	if j.log.now.msg == none {
		if !systems(s.e.Subject) {
			j.checked++
			j.note(unsent, sub, s.e.Value, b.call, s.pos)
		}
		return
	}
	j.checked++
	m := &j.log.msgs[j.log.now.msg]
	subject := ""
	if m.subject != none {
		subject = j.log.rec.subjects.names[m.subject]
	}
	switch {
	case s.e.Subject != "" && subject != "" && s.e.Subject != subject:
		j.note(misnamed, sub, s.e.Value, m.call, s.pos)
	case subject != "" && !j.log.filters.match(b.filter, subject):
		j.note(unmatched, sub, s.e.Value, b.call, m.call, s.pos)
	case m.unsent:
		j.note(refusedOnce, sub, s.e.Value, m.call, m.failed, s.pos)
	case m.conn != none && m.conn == b.conn && j.log.conns[m.conn].noEcho:
		j.note(echoed, sub, s.e.Value, j.log.conns[m.conn].from, m.call, s.pos)
	case m.by != none && m.by < b.call && m.times == 1 && m.conn != none && b.conn != none && j.log.conns[m.conn].node == j.log.conns[b.conn].node:
		j.note(past, sub, s.e.Value, m.call, m.by, b.call, s.pos)
	}
}

func (j *corePhantom) note(kind phantomKind, sub int32, value string, cert ...int32) {
	if j.found(value, cert...) {
		j.kind, j.sub = kind, sub
	}
}

func (j *corePhantom) finish(h *history.History) []Verdict {
	return j.verdict(h, spec.CoreNoPhantom, "No core message was delivered.", fmt.Sprintf("%s, each of a message sent before that its subscription had asked for.", number(j.checked, "delivery", "deliveries")),
		func() string { return j.sentence(h) })
}

func (j *corePhantom) sentence(h *history.History) string {
	last := &h.Events[j.cert[len(j.cert)-1]]
	switch j.kind {
	case unsent:
		tail := "nobody ever sent it"
		if m := j.log.msgOf(last.Value); m != none {
			j.cert = append(j.cert, j.log.msgs[m].call)
			tail = "it was sent only later, " + when(&h.Events[j.log.msgs[m].call])
		}
		return fmt.Sprintf("Message %s was delivered to %s %s, but %s.", last.Value, j.log.subscriber(h, j.sub), when(last), tail)
	case misnamed:
		return fmt.Sprintf("Message %s was sent to %s %s, but delivered to %s under %s %s.",
			last.Value, h.Events[j.cert[0]].Subject, when(&h.Events[j.cert[0]]), j.log.subscriber(h, j.sub), last.Subject, when(last))
	case unmatched:
		sent := &h.Events[j.cert[1]]
		return fmt.Sprintf("Message %s, sent to %s, was delivered to %s %s, which does not name that subject.", last.Value, sent.Subject, j.log.subscriber(h, j.sub), when(last))
	case echoed:
		return fmt.Sprintf("Message %s was delivered to %s %s, whose client had sent it over the same connection and wanted no echo.", last.Value, j.log.subscriber(h, j.sub), when(last))
	case past:
		return fmt.Sprintf("Message %s had been routed by %s by #%d, before %s was asked for at the same node; it was delivered there %s.",
			last.Value, nodeName(j.log.conns[j.log.subs[j.sub].conn].node), h.Events[j.cert[1]].Index, j.log.subscriber(h, j.sub), when(last))
	}
	first := &h.Events[j.cert[0]]
	return fmt.Sprintf("Message %s was delivered, although sending it failed: %s was told that it had not been sent.", first.Value, first.Client)
}

// coreOnce judges core-at-most-once.
type coreOnce struct {
	tally
	log *coreLog
	sub int32
}

func (j *coreOnce) wants() class { return deliveries }

func (j *coreOnce) broken() bool { return j.count > 0 }

func (j *coreOnce) see(s *seen) {
	now := &j.log.now
	if now.sub == none || now.msg == none {
		return
	}
	j.checked++
	m := &j.log.msgs[now.msg]
	if now.again < m.times {
		return
	}
	if j.found(s.e.Value, j.log.subs[now.sub].call, m.call, j.log.got[pair{now.sub, now.msg}].at, s.pos) {
		j.sub = now.sub
	}
}

func (j *coreOnce) finish(h *history.History) []Verdict {
	return j.verdict(h, spec.CoreAtMostOnce, "No core message was delivered.", fmt.Sprintf("%s, none of them twice to one subscription.", number(j.checked, "delivery", "deliveries")),
		func() string {
			last, first := &h.Events[j.cert[3]], &h.Events[j.cert[2]]
			return fmt.Sprintf("Message %s was delivered to %s %s, and again %s.", last.Value, j.log.subscriber(h, j.sub), when(first), when(last))
		})
}

// coreOrder judges core-publisher-order.
type coreOrder struct {
	tally
	log *coreLog
	sub int32
}

func (j *coreOrder) wants() class { return deliveries }

func (j *coreOrder) broken() bool { return j.count > 0 }

func (j *coreOrder) see(s *seen) {
	now := &j.log.now
	if now.previous == none || now.again > 0 {
		return
	}
	j.checked++
	if now.previous < now.msg {
		return
	}
	early, late := &j.log.msgs[now.msg], &j.log.msgs[now.previous]
	if j.found(s.e.Value, early.call, late.call, j.log.got[pair{now.sub, now.previous}].at, s.pos) {
		j.sub = now.sub
	}
}

func (j *coreOrder) finish(h *history.History) []Verdict {
	return j.verdict(h, spec.CoreOrder, "No subscription was delivered two messages of one connection.",
		fmt.Sprintf("%s followed another of the same connection, each in the order of sending.", number(j.checked, "delivery", "deliveries")),
		func() string {
			early, late, first, last := &h.Events[j.cert[0]], &h.Events[j.cert[1]], &h.Events[j.cert[2]], &h.Events[j.cert[3]]
			return fmt.Sprintf("%s sent %s %s and then %s %s over one connection; %s was delivered %s %s, and %s only %s.",
				early.Client, early.Value, when(early), late.Value, when(late), j.log.subscriber(h, j.sub), late.Value, when(first), early.Value, when(last))
		})
}
