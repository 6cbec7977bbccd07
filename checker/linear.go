package checker

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
	"github.com/brokerlab/brokerlab/model/subject"
)

// linearJudge judges linearizable-log and linearizable-writes. A sequence number already says
// where in the order its message stands, so nothing is searched for: while events come in, every
// answer becomes a bound on the moment at which some number entered the log, and the end is one
// greedy pass over the bounds (sweep.go).
type linearJudge struct {
	rec    *record
	budget int
	only   []spec.ID
	logs   []*logFold // by stream
	clash  bool
}

// slot is what is known of one sequence number. All are positions plus one, 0 if unknown.
type slot struct {
	value  int32 // value plus one
	shown  int32 // event that first showed the value here
	own    int32 // the publish that was told it had stored the value here, plus one
	hiAck  int32 // earliest return that proves it was there: acknowledgements and refusals
	hiRead int32 // the same from reads
	loAck  int32 // latest call that proves it was not there yet: refusals
	loRead int32 // the same from reads
}

// logFold is one stream's share.
type logFold struct {
	rec     *record
	rules   *rules
	stream  int32
	slots   table[slot]
	seqs    []uint64           // sequence at which a value was shown first, by value
	further map[int32][]uint64 // those at which it was shown later: stored again when its id was forgotten
	top     uint64             // highest sequence known to exist
	known   int                // slots with a value
	ops     int64              // operations answered
	writes  []int32            // publishes called
	refusal []disjunction
	newest  []subjectLast
	hints   table[int32] // by sequence: the value that a node was first seen to store there, plus one
	nexts   []int32      // answered next-ofs that found something
	deleted bool
	clash   *clash // a contradiction that needs no sweep
	undead  *clash // one that only reads show: what was removed was found
}

// disjunction allows two readings: e entered after the call, or then (a number above) before the return. It is a
// refusal without a number: the last sequence was not e at some moment of the call, and then is e+1. Or a read that did
// not find e, in a stream that holds no more than then-e messages.
type disjunction struct {
	e, then   uint64
	call, ret int32
	read      bool
}

// subjectLast is an answered "last of subject": nothing of it followed seq yet (0: nothing at all), unless a rule had
// removed it. A refusal may say so, too.
type subjectLast struct {
	subject   int32
	seq       uint64
	call, ret int32
	refusal   bool
	above     bool // it was asked from seq on: that need not be one of it
}

func (j *linearJudge) wants() class { return calls | returns | obs }

func (j *linearJudge) broken() bool { return j.clash }

func (j *linearJudge) log(stream int32) *logFold {
	for len(j.logs) <= int(stream) {
		id := int32(len(j.logs))
		j.logs = append(j.logs, &logFold{rec: j.rec, rules: j.rec.rulesOf(id), stream: id})
	}
	return j.logs[stream]
}

func (j *linearJudge) see(s *seen) {
	if s.stream == none {
		return
	}
	l := j.log(s.stream)
	if s.op == none {
		if s.e.Verb == obsStored && s.value != none {
			if h := l.hints.at(s.e.Seq); *h == 0 {
				*h = s.value + 1
			}
		}
		return
	}
	o := &j.rec.ops[s.op]
	switch {
	case s.e.Kind == history.Invoke:
		if (o.verb == publish || o.verb == send) && o.value != none {
			l.writes = append(l.writes, s.op)
		}
		l.deleted = l.deleted || o.verb == destroy
	case o.verb == publish:
		l.published(s.op)
	case o.status != done:
	case o.verb == read && o.seq > 0:
		l.wasRead(o)
	case o.verb == last:
		l.wasLast(o)
	case o.verb == nextOf:
		l.wasNext(s.op)
	}
	j.clash = j.clash || l.clash != nil && !l.deleted
}

// published takes the end of a publish.
func (l *logFold) published(id int32) {
	o := &l.rec.ops[id]
	switch {
	case o.status == done && o.seq > 0 && o.value != none:
		l.ops++
		l.show(o.seq, o.value, o)
		c := l.slots.at(o.seq)
		least(&c.hiAck, o.ret)
		if o.dup {
			return
		}
		if o.expect > 0 && o.seq != o.expect {
			l.fail(&clash{kind: wrongCondition, j: o.seq, lo: o.call, hi: o.ret})
		}
		if c.own > 0 && c.value == o.value+1 {
			l.fail(&clash{kind: storedTwice, j: o.seq, lo: l.rec.ops[c.own-1].ret, hi: o.ret})
		}
		c.own = id + 1
	case o.status == failed && o.refused && !o.silent:
		l.ops++
		l.wasRefused(o)
	}
}

// wasRefused takes the refusal of a conditional publish. What one says that set two conditions is not known, nor what one
// says that was about its subject and named no number.
func (l *logFold) wasRefused(o *op) {
	n := o.actual - 1
	switch {
	case o.expect == 0 == (o.ofSubject == 0):
		return
	case o.actual == 0 && o.expect > 0:
		l.refusal = append(l.refusal, disjunction{o.expect - 1, o.expect, o.call, o.ret, false})
		return
	case o.actual == 0:
		return
	case o.actual == max(o.expect, o.ofSubject):
		l.fail(&clash{kind: wrongRefusal, j: n, lo: o.call, hi: o.ret})
	}
	if n > 0 {
		least(&l.slots.at(n).hiAck, o.ret)
		l.top = max(l.top, n)
	}
	if o.ofSubject > 0 {
		l.newest = append(l.newest, subjectLast{o.subject, n, o.call, o.ret, true, false})
		return
	}
	most(&l.slots.at(n+1).loAck, o.call)
}

func (l *logFold) wasRead(o *op) {
	l.ops++
	switch {
	case o.notFound && !o.direct:
		l.missed(o)
	case !o.notFound && o.value != none:
		l.wasFound(o)
	}
}

// wasFound takes that a read found the message with number o.seq.
func (l *logFold) wasFound(o *op) {
	c := l.slots.at(o.seq)
	if gone := l.goneSince(o.seq, o.call, c); !o.direct && gone != none {
		if l.undead == nil {
			l.undead = &clash{kind: undead, j: o.seq, lo: gone, hi: o.ret}
		}
	}
	l.show(o.seq, o.value, o)
	least(&c.hiRead, o.ret)
}

// goneSince returns the event, before call, by which message seq was certainly removed, or none.
func (l *logFold) goneSince(seq uint64, call int32, c *slot) int32 {
	if !l.rules.any {
		return none
	}
	if l.rules.removedBy(seq, call) {
		return l.rules.removed.value(seq) - 1
	}
	if l.rules.watched || len(l.rules.purges) > maxPurges {
		return none
	}
	there := uint32(c.shown - 1) // known to be there, as it was in the log
	for _, id := range l.rules.erased[seq] {
		if o := &l.rec.ops[id]; o.status == done && !o.notFound && o.ret < call && uint32(o.call) > there {
			return o.ret
		}
	}
	for _, id := range l.rules.purges {
		o := &l.rec.ops[id]
		if o.status == done && o.ret < call && uint32(o.call) > there && o.n == 0 && o.subject == none && (o.asked == 0 || seq < o.asked) {
			return o.ret
		}
	}
	return none
}

// missed takes that a read did not find a message: it was not there yet, or gone by a rule.
func (l *logFold) missed(o *op) {
	if l.rules.gone(l.message(o.seq), o.returned()) {
		return
	}
	if k := l.rules.pushedOut(); k > 0 {
		l.refusal = append(l.refusal, disjunction{o.seq, o.seq + k, o.call, o.ret, true})
		return
	}
	most(&l.slots.at(o.seq).loRead, o.call)
}

// message says what is known of the one with number seq.
func (l *logFold) message(seq uint64) message {
	m := message{seq: seq, subject: none}
	if c := l.slots.get(seq); c != nil && c.value > 0 {
		if pub := l.rec.values[c.value-1].pub; pub != none {
			m.subject, m.born = l.rec.ops[pub].subject, l.rec.ops[pub].callT
		}
	}
	return m
}

func (l *logFold) wasLast(o *op) {
	n := o.seq
	if o.notFound {
		n = 0
	} else if o.value == none || n == 0 {
		return
	}
	l.ops++
	if n > 0 {
		l.wasFound(o)
	}
	l.nothingAbove(n, o)
}

// wasNext takes what was answered about the first message of a subject at or above a number.
func (l *logFold) wasNext(id int32) {
	o := &l.rec.ops[id]
	switch {
	case o.notFound:
		l.ops++
		l.nothingAbove(max(o.asked, 1)-1, o)
	case o.value != none && o.seq > 0:
		l.ops++
		l.wasFound(o)
		l.nexts = append(l.nexts, id)
	}
}

// nothingAbove takes that o, a read of the leader, found nothing (of its subject) above n: what follows was not there
// yet, unless a rule had removed it.
func (l *logFold) nothingAbove(n uint64, o *op) {
	switch {
	case o.direct:
	case o.subject != none && subject.IsLiteral(l.rec.subjects.names[o.subject]):
		l.newest = append(l.newest, subjectLast{o.subject, n, o.call, o.ret, false, o.verb == nextOf})
	case l.rules.any && l.rules.pushedOut() > 0: // what pushed a message out may itself have been removed
	case o.subject == none:
		for k := n + 1; k <= n+maxRemoved && k > n; k++ {
			if !l.rules.gone(l.message(k), o.returned()) {
				most(&l.slots.at(k).loRead, o.call)
				return
			}
		}
	}
}

// maxRemoved is how many removed messages are looked past for the first that was not.
const maxRemoved = 256

// show takes that value stands at seq, by the answer to o, and finds contradictions.
func (l *logFold) show(seq uint64, val int32, o *op) {
	c := l.slots.at(seq)
	l.top = max(l.top, seq)
	if c.value == 0 {
		c.value, c.shown = val+1, o.ret+1
		l.known++
	} else if c.value != val+1 {
		l.fail(&clash{kind: twoValues, j: seq, lo: c.shown - 1, hi: o.ret})
		return
	}
	switch at := l.seq(val); {
	case at == 0:
		l.setSeq(val, seq)
	case at == seq:
	case l.rec.forgettable(val, l.rules, o.retT):
		if l.further == nil {
			l.further = map[int32][]uint64{}
		}
		if !slices.Contains(l.further[val], seq) {
			l.further[val] = append(l.further[val], seq)
		}
	default:
		l.fail(&clash{kind: twoNumbers, i: at, j: seq, lo: l.slots.at(at).shown - 1, hi: o.ret})
	}
}

// forgettable tells whether val may have been stored twice by time t, since its id may have been forgotten in between.
func (r *record) forgettable(val int32, x *rules, t int64) bool {
	v := &r.values[val]
	return v.tries > 1 && (r.clocks.stepped || t-r.ops[v.pub].callT >= r.clocks.least(x.window(), r.ops[v.pub].callT, t))
}

func (l *logFold) seq(val int32) uint64 {
	if int(val) < len(l.seqs) {
		return l.seqs[val]
	}
	return 0
}

func (l *logFold) setSeq(val int32, seq uint64) {
	for len(l.seqs) <= int(val) {
		l.seqs = append(l.seqs, 0)
	}
	l.seqs[val] = seq
}

// fail keeps the first contradiction.
func (l *logFold) fail(c *clash) {
	if l.clash == nil {
		l.clash = c
	}
}

func least(cell *int32, pos int32) {
	if *cell == 0 || pos+1 < *cell {
		*cell = pos + 1
	}
}

func most(cell *int32, pos int32) { *cell = max(*cell, pos+1) }

func (j *linearJudge) finish(h *history.History) []Verdict {
	all, writes := j.judge(h, false), Verdict{}
	switch all.Value {
	case spec.Violated, spec.Unknown:
		writes = j.judge(h, true)
	default: // its bounds are a part of those that were met
		writes = all
	}
	all.Guarantee, writes.Guarantee = spec.LinearizableLog, spec.LinearizableWrites
	out := []Verdict{all, writes}
	if len(j.only) > 0 {
		out = slices.DeleteFunc(out, func(v Verdict) bool { return !slices.Contains(j.only, v.Guarantee) })
	}
	return out
}

// judge decides over all streams; writesOnly leaves out what reads say about time.
func (j *linearJudge) judge(h *history.History, writesOnly bool) Verdict {
	v := Verdict{Value: spec.NotExercised, Sentence: "No operation on a stream was answered."}
	for _, l := range j.logs {
		if l.ops == 0 {
			continue
		}
		v.Stats.Checked += l.ops
		one, c := j.judgeLog(l, writesOnly, &v.Stats)
		name := j.rec.streams.names[l.stream]
		if one == spec.Violated {
			v.Stats.Anomalies++
		}
		if one.Worse(v.Value) == v.Value {
			continue
		}
		v.Value = one
		switch {
		case one == spec.Violated:
			e := explainer{h: h, rec: j.rec, log: l, stream: name}
			v.Sentence, v.Certificate = e.explain(c)
		case l.skips():
			v.Sentence = "In stream " + name + " more numbers were skipped than can be looked at one by one."
		case l.deleted:
			v.Sentence = "Stream " + name + " was deleted during the run; its two lives are not told apart."
		case one == spec.Unknown:
			v.Sentence = "In stream " + name + " the outcomes left open and the refusals without a number allow too many orders to search through."
		}
	}
	if v.Value == spec.Holds {
		v.Sentence = "One order of the log agrees with " + number(v.Stats.Checked, "answer", "answers") + "."
	}
	return v
}

// maxSkipped is how many numbers that were never given are looked at.
const maxSkipped = 1 << 20

func (l *logFold) skips() bool { return l.rules.skipped() > maxSkipped }

func (j *linearJudge) judgeLog(l *logFold, writesOnly bool, stats *Stats) (spec.Verdict, *clash) {
	if l.deleted || l.skips() {
		return spec.Unknown, nil
	}
	if l.clash != nil {
		return spec.Violated, l.clash
	}
	if l.undead != nil && !writesOnly {
		return spec.Violated, l.undead
	}
	p, c := l.problem(writesOnly)
	if c != nil {
		return spec.Violated, c
	}
	value, c := p.decide(j.budget)
	stats.count("outcomes left open", int64(p.open))
	stats.count("of them placed in a gap", int64(p.placed))
	for i := range p.refusals {
		if p.refusals[i].read {
			stats.count("reads of what others may have pushed out", 1)
		} else {
			stats.count("refusals without a number", 1)
		}
	}
	stats.count("searches", int64(p.searches))
	return value, c
}
