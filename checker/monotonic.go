package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// monotonicJudge judges monotonic-reads: a client's reads are of no older state than its earlier ones.
type monotonicJudge struct {
	tally
	rec    *record
	newest map[session]sighted
	pair   [2]int32 // operations of the first anomaly
	lost   uint64
}

// session is one client's reading of a stream, or of one subject of it (none: of any).
type session struct{ client, stream, subject int32 }

// sighted is the newest message that a session has seen, and the read that found it.
type sighted struct {
	seq uint64
	op  int32
}

func (j *monotonicJudge) wants() class { return returns }

func (j *monotonicJudge) broken() bool { return j.count > 0 }

func (j *monotonicJudge) see(s *seen) {
	o := &j.rec.ops[s.op]
	if !o.reads() || o.status != done || o.stream == none {
		return
	}
	if j.newest == nil {
		j.newest = map[session]sighted{}
	}
	j.judge(s.op)
	if o.notFound || o.value == none || o.seq == 0 {
		return
	}
	j.saw(session{o.client, o.stream, none}, s.op)
	if pub := j.rec.values[o.value].pub; pub != none && j.rec.ops[pub].subject != none {
		j.saw(session{o.client, o.stream, j.rec.ops[pub].subject}, s.op)
	}
}

func (j *monotonicJudge) saw(at session, id int32) {
	if seq := j.rec.ops[id].seq; seq > j.newest[at].seq {
		j.newest[at] = sighted{seq, id}
	}
}

// judge finds whether the answer to a read lacks what its client had seen before it asked.
func (j *monotonicJudge) judge(id int32) {
	o := &j.rec.ops[id]
	x := j.rec.rulesOf(o.stream)
	was, ok := j.newest[session{o.client, o.stream, o.subject}]
	if !ok || j.rec.ops[was.op].ret > o.call || x.pushedOut() > 0 {
		return
	}
	lacks := uint64(0)
	switch {
	case o.verb == read && o.notFound && o.asked <= was.seq && o.asked > x.skipped():
		lacks = o.asked
	case o.verb == last && (o.notFound || o.seq < was.seq):
		lacks = was.seq
	case o.verb == nextOf && o.notFound && was.seq >= o.asked:
		lacks = was.seq
	}
	j.checked++
	if lacks == 0 || x.gone(message{lacks, o.subject, 0}, o.returned()) {
		return
	}
	if j.found(place(j.rec.streams.names[o.stream], lacks), j.rec.ops[was.op].call, j.rec.ops[was.op].ret, o.call, o.ret) {
		j.pair, j.lost = [2]int32{was.op, id}, lacks
	}
}

func (j *monotonicJudge) finish(h *history.History) []Verdict {
	return j.verdict(h, spec.MonotonicReads, "No client read a stream twice.",
		fmt.Sprintf("None of %s was older than the one before.", number(j.checked, "later read", "later reads")), func() string {
			a, b := &j.rec.ops[j.pair[0]], &j.rec.ops[j.pair[1]]
			stream := j.rec.streams.names[a.stream]
			by := "the leader"
			if b.direct {
				by = "any replica"
			}
			return fmt.Sprintf("%s read %s (message %s) %s. Then it asked %s %s and was told (#%d) %s, though nothing had removed %s. In all %d of %s went back.",
				j.rec.clients.names[a.client], place(stream, a.seq), j.rec.nameOf(a.value), when(&h.Events[a.ret]), by, when(&h.Events[b.call]), h.Events[b.ret].Index,
				j.answer(b, stream), place(stream, j.lost), j.count, number(j.checked, "later read", "later reads"))
		})
}

func (j *monotonicJudge) answer(o *op, stream string) string {
	switch {
	case o.notFound && o.verb == read:
		return "that there is no " + place(stream, o.asked)
	case o.notFound:
		return "that there is no such message"
	}
	return "that the last one is " + place(stream, o.seq)
}
