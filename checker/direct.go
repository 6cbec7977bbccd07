package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
	"github.com/brokerlab/brokerlab/model/subject"
)

// directJudge judges direct-read: what any replica answers was true at some moment before the answer. How late it
// was is a number, not a verdict.
type directJudge struct {
	tally
	rec    *record
	stores *stores
	// acked is by sequence the position plus one and time of the acknowledgement; newest by subject, or none, the
	// highest sequence acknowledged.
	acked   []table[moment]
	newest  []map[int32]uint64
	before  map[int32]uint64 // by operation under way: the newest of its subject that was acknowledged before its call
	answers []int32
	stale   int64
	latest  int64 // by how much the latest answer was late
	text    string
}

func (j *directJudge) wants() class { return calls | returns }

func (j *directJudge) broken() bool { return false }

func (j *directJudge) stream(id int32) {
	for len(j.acked) <= int(id) {
		j.acked = append(j.acked, table[moment]{})
		j.newest = append(j.newest, map[int32]uint64{})
	}
}

func (j *directJudge) see(s *seen) {
	o := &j.rec.ops[s.op]
	if o.stream == none {
		return
	}
	j.stream(o.stream)
	switch {
	case o.acked() && o.ret == s.pos && o.seq > 0 && !o.dup:
		*j.acked[o.stream].at(o.seq) = moment{o.ret + 1, o.retT}
		for _, x := range [2]int32{none, o.subject} {
			j.newest[o.stream][x] = max(j.newest[o.stream][x], o.seq)
		}
	case !o.direct || !o.reads():
	case s.e.Kind == history.Invoke:
		if j.before == nil {
			j.before = map[int32]uint64{}
		}
		j.before[s.op] = j.newest[o.stream][o.subject]
	case o.status == done:
		j.answers = append(j.answers, s.op)
		j.late(s.op)
		delete(j.before, s.op)
	}
}

// late counts an answer that lacks what had been acknowledged before its call.
func (j *directJudge) late(id int32) {
	o := &j.rec.ops[id]
	missed := uint64(0)
	switch {
	case o.verb == read && o.notFound:
		missed = o.asked
	case o.verb == last && (o.notFound || o.seq < j.before[id]):
		missed = j.before[id]
	}
	at := j.acked[o.stream].value(missed)
	if missed == 0 || at.pos == 0 || at.pos-1 > o.call || j.rec.rulesOf(o.stream).gone(message{missed, o.subject, 0}, o.returned()) {
		return
	}
	j.stale++
	j.latest = max(j.latest, o.callT-at.t)
}

func (j *directJudge) finish(h *history.History) []Verdict {
	for _, id := range j.answers {
		if o := &j.rec.ops[id]; !j.stores.of(o.stream).deleted {
			j.checked++
			j.judge(h, o)
		}
	}
	j.lines.count("stale answers", j.stale)
	j.lines.count("stalest in ms", j.latest/1_000_000)
	return j.verdict(h, spec.DirectRead, "No read that any replica may answer was answered.",
		fmt.Sprintf("Each of %s was true once; %d lacked what had been acknowledged before.", number(j.checked, "direct answer", "direct answers"), j.stale),
		func() string { return j.text })
}

func (j *directJudge) judge(h *history.History, o *op) {
	if o.notFound || o.value == none || o.seq == 0 {
		return
	}
	ss := j.stores.of(o.stream)
	why, at := j.wrong(h, ss, o)
	if why == "" {
		return
	}
	if j.found(place(j.rec.streams.names[o.stream], o.seq), o.call, o.ret, at) {
		j.text = fmt.Sprintf("%s asked any replica %s %s and was told (#%d) of message %s as %s; but %s.", j.rec.clients.names[o.client], j.question(o), when(&h.Events[o.call]),
			h.Events[o.ret].Index, j.rec.nameOf(o.value), place(j.rec.streams.names[o.stream], o.seq), why)
	}
}

func (j *directJudge) question(o *op) string {
	stream, of := j.rec.streams.names[o.stream], ""
	if o.subject != none {
		of = " of " + j.rec.subjects.names[o.subject]
	}
	switch o.verb {
	case read:
		return "for " + place(stream, o.asked)
	case last:
		return "for the last message" + of
	}
	return fmt.Sprintf("for the first message%s from %s on", of, place(stream, o.asked))
}

// wrong says why the answer was never true, and shows an event; it is empty if it may have been.
func (j *directJudge) wrong(h *history.History, ss *streamStores, o *op) (string, int32) {
	pub := j.rec.values[o.value].pub
	switch {
	case pub == none:
		return "nobody ever published it", none
	case j.rec.ops[pub].call > o.ret:
		return fmt.Sprintf("it was published only later, %s", when(&h.Events[j.rec.ops[pub].call])), j.rec.ops[pub].call
	case o.subject != none && j.rec.ops[pub].subject != none && !subject.Match(j.rec.subjects.names[o.subject], j.rec.subjects.names[j.rec.ops[pub].subject]):
		return "it was published to " + j.rec.subjects.names[j.rec.ops[pub].subject], j.rec.ops[pub].call
	case ss.first.value(o.seq).value != o.value:
		c := ss.first.value(o.seq)
		return fmt.Sprintf("that number holds message %s", j.rec.nameOf(c.value)), c.pos - 1
	case o.verb == nextOf && o.seq < o.asked:
		return "that is before what was asked for", none
	case o.verb == nextOf:
		return j.passedOver(ss, o)
	}
	return "", none
}

// passedOver finds a message that the answer to o, a next-of, passed over: all lower numbers were there when the one it
// found was, so only a rule can have removed it.
func (j *directJudge) passedOver(ss *streamStores, o *op) (string, int32) {
	x := ss.rules
	for seq, looked := max(o.asked, 1), 0; seq < o.seq && looked < maxRemoved; seq, looked = seq+1, looked+1 {
		c := ss.first.value(seq)
		if c.pos == 0 || c.value == none || j.rec.values[c.value].pub == none {
			continue
		}
		p := &j.rec.ops[j.rec.values[c.value].pub]
		if o.subject != none && (p.subject == none || !j.rec.matches(o.subject, p.subject)) {
			continue
		}
		k := x.pushedOut()
		if x.gone(message{seq, p.subject, p.callT}, o.returned()) || k > 0 && seq+k <= ss.first.top {
			continue
		}
		return fmt.Sprintf("%s holds message %s, and nothing had removed it", place(j.rec.streams.names[o.stream], seq), j.rec.nameOf(c.value)), c.pos - 1
	}
	return "", none
}
