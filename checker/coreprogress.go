package checker

import (
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// coreProgress judges core-progress.
//
// Right after healing a connection may still have to be found gone, and made again; so a message counts that was called when
// the bound had passed, and only those subscriptions are owed it that had been in place for as long and lasted.
type coreProgress struct {
	tally
	log     *coreLog
	bound   int64
	h       *history.History
	answers map[int32][]int32 // by request, both as messages
	kind    progressKind
	sub     int32
	slowest int64
	cut     int64
}

type progressKind uint8

const (
	notRouted   progressKind = iota // nobody read it
	notReceived                     // a subscription did not get it
	notServed                       // nor did a queue group
	notAnswered                     // a request's answer was lost, and nothing else came
)

func (j *coreProgress) wants() class { return calls }

func (j *coreProgress) broken() bool { return false }

func (j *coreProgress) see(s *seen) {
	if s.e.Verb == history.Answer {
		j.log.tie(j.answers, s)
	}
}

func (j *coreProgress) finish(h *history.History) []Verdict {
	idle := fmt.Sprintf("No core message was sent later than %s after healing.", seconds(j.bound))
	rec := j.log.rec
	if j.h = h; rec.marks.healed == none {
		return j.verdict(h, spec.CoreProgress, "The run was never marked as healed.", "", nil)
	}
	for id := range j.log.msgs {
		switch m := &j.log.msgs[id]; {
		case j.inWindow(m):
			j.routed(m)
			j.groups(int32(id), m)
		case j.owed(m):
			j.cut++
		}
	}
	for id := range j.log.subs {
		j.received(int32(id))
	}
	j.answered()
	j.lines.count("cut off by the end", j.cut)
	j.lines.count("slowest in ms", j.slowest/1_000_000)
	if j.checked == 0 && j.cut > 0 {
		return []Verdict{{Guarantee: spec.CoreProgress, Value: spec.Unknown, Stats: j.lines, Sentence: fmt.Sprintf("The history ends before the bound of %s is over for any message sent after it.", seconds(j.bound))}}
	}
	fine := fmt.Sprintf("After healing %s went well within %s, the slowest in %s.", number(j.checked, "sending, delivery or request", "sendings, deliveries and requests"), seconds(j.bound), seconds(j.slowest))
	return j.verdict(h, spec.CoreProgress, idle, fine, j.sentence)
}

func (j *coreProgress) called(m *coreMsg) int64 { return j.log.rec.ops[m.op].callT }

func (j *coreProgress) time(pos int32) int64 { return j.h.Events[pos].Time }

// owed tells whether m was called late enough after healing.
func (j *coreProgress) owed(m *coreMsg) bool {
	rec := j.log.rec
	return m.times == 1 && (m.verb == history.Send || m.verb == history.Request) && m.call > rec.marks.healed && j.called(m) >= rec.healedT+j.bound
}

// inWindow tells whether m is owed, and was called early enough before the end.
func (j *coreProgress) inWindow(m *coreMsg) bool {
	return j.owed(m) && j.called(m)+j.bound <= j.log.rec.nowT
}

// inTime tells whether pos is a moment within the bound after m was called.
func (j *coreProgress) inTime(m *coreMsg, pos int32) bool {
	if pos == none || j.time(pos) > j.called(m)+j.bound {
		return false
	}
	j.slowest = max(j.slowest, j.time(pos)-j.called(m))
	return true
}

func (j *coreProgress) note(kind progressKind, sub int32, m *coreMsg, cert ...int32) {
	if j.found(j.log.text(m), append([]int32{m.call, j.log.rec.marks.healed}, cert...)...) {
		j.kind, j.sub = kind, sub
	}
}

func (j *coreProgress) routed(m *coreMsg) {
	o := &j.log.rec.ops[m.op]
	if m.verb != history.Send || m.failed != none && m.conn != none || j.cutOff(m.client) {
		return // it is for the client to say why it did not send, and for a request to be answered
	}
	j.checked++
	if o.status != done || !j.inTime(m, o.ret) {
		j.note(notRouted, none, m, o.ret)
	}
}

// cutOff tells whether a node cut a connection of a client, which it may do to one that is too slow.
func (j *coreProgress) cutOff(client int32) bool {
	return slices.ContainsFunc(j.log.cuts, func(d coreDrop) bool { return d.client == client && d.at > j.log.rec.marks.healed })
}

// lasts tells whether a subscription was in place long enough before m was called, and stayed for long enough after, with a
// client that reads.
func (j *coreProgress) lasts(s *coreSub, m *coreMsg) bool {
	if s.ok == none || s.client == m.client || j.time(s.ok) > j.called(m)-j.bound {
		return false
	}
	return (s.end == none || j.time(s.end) > j.called(m)+j.bound) && j.reads(s.conn, m, j.called(m)+j.bound)
}

// reads tells whether something that was called after m came through to a connection by a time: a client may choose to read
// nothing for as long as it likes.
func (j *coreProgress) reads(conn int32, m *coreMsg, by int64) bool {
	if conn == none {
		return false
	}
	h, ok := j.log.conns[conn].heard.after(m.call)
	return ok && j.time(h.at) <= by
}

// excused tells whether some node said that it dropped messages after healing.
func (j *coreProgress) excused() bool {
	n := len(j.log.drops)
	return n > 0 && j.log.drops[n-1].at > j.log.rec.marks.healed
}

func (j *coreProgress) received(id int32) {
	s := &j.log.subs[id]
	if s.queue != none || s.ok == none || j.excused() {
		return
	}
	for _, msg := range j.log.within(s) {
		m := &j.log.msgs[msg]
		if m.failed != none || m.by == none || !j.inWindow(m) {
			continue
		}
		if got, ok := j.log.got[pair{id, msg}]; ok && j.inTime(m, got.at) {
			j.checked++
		} else if j.lasts(s, m) {
			j.checked++
			j.note(notReceived, id, m, m.by, s.call, s.ok)
		}
	}
}

func (j *coreProgress) groups(id int32, m *coreMsg) {
	if m.by == none || m.failed != none && m.unsent || j.excused() {
		return
	}
	for _, q := range j.log.groupsOf(m) {
		if at, ok := j.log.served[pair{q, id}]; ok && j.inTime(m, at) {
			j.checked++
		} else if s := j.member(m, q); s != none {
			j.checked++
			j.note(notServed, s, m, m.by, j.log.subs[s].call, j.log.subs[s].ok)
		}
	}
}

// member returns a member of group q that was there for m all the time, if all that might have been there were.
func (j *coreProgress) member(m *coreMsg, q int32) int32 {
	lasting := none
	for _, f := range j.log.filters.matching(m.subject, j.log.rec.subjects.names[m.subject]) {
		for _, id := range j.log.members[pair{f, q}] {
			s := &j.log.subs[id]
			switch {
			case j.lasts(s, m):
				lasting = id
			case s.end != none && j.time(s.end) < j.called(m)-j.bound, j.time(s.call) > j.called(m)+j.bound:
			default:
				return none
			}
		}
	}
	return lasting
}

// answered looks at requests that were answered by somebody, but not given an answer.
func (j *coreProgress) answered() {
	given := map[int32][]int64{} // times at which requests were given answers, by client
	for id := range j.log.msgs {
		m := &j.log.msgs[id]
		if o := &j.log.rec.ops[m.op]; m.verb == history.Request && o.status == done {
			given[m.client] = append(given[m.client], o.retT)
		}
	}
	for _, times := range given { // map order: each list is sorted by itself
		slices.Sort(times)
	}
	for id := range j.log.msgs {
		m := &j.log.msgs[id]
		o := &j.log.rec.ops[m.op]
		if m.verb != history.Request || len(j.answers[int32(id)]) == 0 || !j.inWindow(m) {
			continue
		}
		answer := &j.log.msgs[j.answers[int32(id)][0]]
		until := j.called(answer) + j.bound
		switch {
		case anyIn(given[m.client], o.callT, until):
			j.checked++
		case until > j.log.rec.nowT:
			j.cut++
		case answer.failed != none, o.ret != none && answer.call > o.ret, j.cutOff(m.client), j.cutOff(answer.client), j.excused(), !j.reads(m.conn, m, until):
		default:
			j.checked++
			j.note(notAnswered, none, m, answer.call, o.ret)
		}
	}
}

func (j *coreProgress) sentence() string {
	m := &j.h.Events[j.cert[0]]
	text := fmt.Sprintf("%s sent %s %s, %s after the last fault was over, ", m.Client, m.Value, when(m), seconds(m.Time-j.log.rec.healedT))
	switch j.kind {
	case notRouted:
		return text + "and nobody is known to have read it within " + seconds(j.bound) + "."
	case notReceived:
		return text + fmt.Sprintf("and %s, which had been in place for as long, was not delivered it within %s.", j.log.subscriber(j.h, j.sub), seconds(j.bound))
	case notServed:
		return text + fmt.Sprintf("and no member of its group was delivered it within %s, though %s was there all the time.", seconds(j.bound), j.log.subscriber(j.h, j.sub))
	}
	answer := &j.h.Events[j.cert[2]]
	return text + fmt.Sprintf("and %s answered %s, but no request of %s was given an answer within %s.", answer.Client, when(answer), m.Client, seconds(j.bound))
}
