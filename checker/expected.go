package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// expectedJudge judges expected-sequence, by what acknowledgements, reads and replicas show of the log. When a refusal was
// given is for linearizable-writes to judge.
type expectedJudge struct {
	tally
	rec     *record
	stores  *stores
	refused []int32
	text    string
}

func (j *expectedJudge) wants() class { return returns }

func (j *expectedJudge) broken() bool { return false }

func (j *expectedJudge) see(s *seen) {
	if o := &j.rec.ops[s.op]; o.verb == publish && o.status == failed && o.refused && !o.silent && o.stream != none && o.expect+o.ofSubject > 0 {
		j.refused = append(j.refused, s.op)
	}
}

func (j *expectedJudge) finish(h *history.History) []Verdict {
	for _, ss := range j.stores.streams {
		if !ss.deleted && j.rec.conditions {
			j.stored(h, ss)
		}
	}
	for _, id := range j.refused {
		if o := &j.rec.ops[id]; !j.stores.of(o.stream).deleted {
			j.refusal(h, id)
		}
	}
	return j.verdict(h, spec.ExpectedSequence, "No publish with a condition was stored or refused.",
		fmt.Sprintf("%s went as their conditions say.", number(j.checked, "publish with a condition", "publishes with conditions")), func() string { return j.text })
}

// chain follows which message is the newest of each subject, going up through a stream.
type chain struct {
	rec    *record
	ss     *streamStores
	newest []uint64      // by subject
	below  table[uint64] // the one of the same subject below
}

// owner is the publish that put val at seq: the one acknowledged for it, else the earliest that may have.
func (c *chain) owner(seq uint64, val int32) int32 {
	owner := none
	for id := c.rec.values[val].again; id != none; id = c.rec.ops[id].prev {
		switch o := &c.rec.ops[id]; {
		case o.stream != c.ss.stream:
		case o.stores() && o.seq == seq:
			return id
		case o.mayStore():
			owner = id
		}
	}
	return owner
}

// add goes on to seq, which holds a message of subject x, and returns the newest of x before it that a rule had not removed. A
// stream that nobody watched may have lost any to a rule; there no more are passed over than e allows.
func (c *chain) add(seq uint64, x int32, e uint64, by moment) uint64 {
	for len(c.newest) <= int(x) {
		c.newest = append(c.newest, 0)
	}
	prev := c.newest[x]
	c.newest[x], *c.below.at(seq) = seq, prev
	pushed := c.ss.rules.pushedOut()
	for prev > 0 && (c.ss.rules.watched || prev > e) && (c.ss.rules.gone(message{prev, x, 0}, by) || pushed > 0 && prev+pushed < seq) {
		prev = c.below.value(prev)
	}
	return prev
}

func (j *expectedJudge) stored(h *history.History, ss *streamStores) {
	c := &chain{rec: j.rec, ss: ss}
	ss.first.each(func(seq uint64, held *content) bool {
		if held.pos == 0 || held.value == none {
			return true
		}
		id := c.owner(seq, held.value)
		if id == none || j.rec.ops[id].subject == none {
			return true
		}
		o := &j.rec.ops[id]
		e := max(o.ofSubject, 1) - 1
		prev := c.add(seq, o.subject, e, moment{held.pos - 1, h.Events[held.pos-1].Time})
		if o.expect+o.ofSubject == 0 || o.verb != publish {
			return true
		}
		j.checked++
		switch {
		case o.expect > 0 && seq != o.expect:
			j.wrong(h, ss, id, seq, o.expect-1, prev)
		case o.ofSubject > 0 && prev != e && !(prev < e && e < seq && !c.knows(e)):
			j.wrong(h, ss, id, seq, e, prev)
		}
		return true
	})
}

// knows tells whether it is known what stands at seq, and who put it there.
func (c *chain) knows(seq uint64) bool {
	held := c.ss.first.value(seq)
	return held.pos > 0 && held.value != none && c.owner(seq, held.value) != none
}

// wrong takes a publish that was stored as seq though it expected e, and prev was the newest of its subject.
func (j *expectedJudge) wrong(h *history.History, ss *streamStores, id int32, seq, e, prev uint64) {
	o := &j.rec.ops[id]
	stream := j.rec.streams.names[o.stream]
	shown := ss.first.value(seq).pos - 1
	cert := []int32{o.call, o.ret, shown}
	if prev > 0 {
		cert = append(cert, ss.first.value(prev).pos-1)
	}
	if !j.found(fmt.Sprintf("%s as %s", j.rec.nameOf(o.value), place(stream, seq)), cert...) {
		return
	}
	text := fmt.Sprintf("%s published %s %s on the condition that %s, and it became %s", j.rec.clients.names[o.client], j.rec.nameOf(o.value), when(&h.Events[o.call]),
		j.condition(o, e), place(stream, seq))
	switch {
	case o.expect > 0:
	case prev == 0:
		text += ", when nothing of that subject was there"
	default:
		at := ss.first.value(prev)
		text += fmt.Sprintf(", when the newest of that subject was %s, message %s (#%d)", place(stream, prev), j.rec.nameOf(at.value), h.Events[at.pos-1].Index)
		if p := j.twin(ss, prev, o); p != none {
			text += fmt.Sprintf("; that had been published by %s on the same condition", j.rec.clients.names[j.rec.ops[p].client])
		}
	}
	j.text = text + "."
}

// twin returns the publish of the message at seq if it had the same condition as o, else none.
func (j *expectedJudge) twin(ss *streamStores, seq uint64, o *op) int32 {
	for id := j.rec.values[ss.first.value(seq).value].again; id != none; id = j.rec.ops[id].prev {
		if p := &j.rec.ops[id]; p.ofSubject == o.ofSubject && p.expect == o.expect && p.subject == o.subject {
			return id
		}
	}
	return none
}

func (j *expectedJudge) condition(o *op, e uint64) string {
	stream := j.rec.streams.names[o.stream]
	switch {
	case o.ofSubject == 0 || o.expect > 0 && o.expect-1 == e:
		return fmt.Sprintf("the last message of %s is %d", stream, e)
	case e == 0:
		return "there is no message of " + j.rec.subjects.names[o.subject]
	}
	return fmt.Sprintf("the newest message of %s is %s", j.rec.subjects.names[o.subject], place(stream, e))
}

// refusal judges that a refusal does not name what was expected, nor a message of another subject.
func (j *expectedJudge) refusal(h *history.History, id int32) {
	o := &j.rec.ops[id]
	if j.checked++; o.actual == 0 || o.expect > 0 && o.ofSubject > 0 {
		return
	}
	n, why, at := o.actual-1, "", none
	c := j.stores.of(o.stream).first.value(n)
	switch {
	case o.actual == o.expect+o.ofSubject:
		why = "that is what it expected"
	case o.ofSubject > 0 && n > 0 && c.pos > 0 && c.value != none:
		if pub := j.rec.values[c.value].pub; pub != none && j.rec.ops[pub].subject != none && j.rec.ops[pub].subject != o.subject {
			why, at = fmt.Sprintf("that is message %s, published to %s", j.rec.nameOf(c.value), j.rec.subjects.names[j.rec.ops[pub].subject]), c.pos-1
		}
	}
	if why != "" && j.found(fmt.Sprintf("%s refused %s", j.rec.nameOf(o.value), when(&h.Events[o.ret])), o.call, o.ret, at) {
		j.text = fmt.Sprintf("%s published %s %s on the condition that %s, and was refused (#%d) since it is %d; but %s.", j.rec.clients.names[o.client],
			j.rec.nameOf(o.value), when(&h.Events[o.call]), j.condition(o, o.expect+o.ofSubject-1), h.Events[o.ret].Index, n, why)
	}
}
