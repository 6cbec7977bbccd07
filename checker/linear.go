package checker

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
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
	hiAck  int32 // earliest return that proves it was there: acknowledgements and refusals
	hiRead int32 // the same from reads
	loAck  int32 // latest call that proves it was not there yet: refusals
	loRead int32 // the same from reads
}

// logFold is one stream's share.
type logFold struct {
	stream  int32
	slots   table[slot]
	seqs    []uint64 // sequence at which a value was shown, by value
	top     uint64   // highest sequence known to exist
	known   int      // slots with a value
	ops     int64    // operations answered
	writes  []int32  // publishes called
	refusal []disjunction
	newest  []subjectLast
	removed map[uint64]bool
	deleted bool
	clash   *clash // a contradiction that needs no sweep
}

// disjunction is a refusal without a number: the last sequence was not e at some moment of the
// call, so e entered after the call, or e+1 before the return.
type disjunction struct {
	e         uint64
	call, ret int32
}

// subjectLast is an answered "last of subject": nothing of it followed seq yet (0: nothing at all).
type subjectLast struct {
	subject   int32
	seq       uint64
	call, ret int32
}

func (j *linearJudge) wants() class { return calls | returns | obs }

func (j *linearJudge) broken() bool { return j.clash }

func (j *linearJudge) log(stream int32) *logFold {
	for len(j.logs) <= int(stream) {
		j.logs = append(j.logs, &logFold{stream: int32(len(j.logs)), removed: map[uint64]bool{}})
	}
	return j.logs[stream]
}

func (j *linearJudge) see(s *seen) {
	if s.stream == none {
		return
	}
	l := j.log(s.stream)
	if s.op == none {
		if s.e.Verb == obsRemoved {
			l.removed[s.e.Seq] = true
		}
		return
	}
	o := &j.rec.ops[s.op]
	switch {
	case s.e.Kind == history.Invoke:
		if o.verb == publish && o.value != none {
			l.writes = append(l.writes, s.op)
		}
		l.deleted = l.deleted || o.verb == remove
	case o.verb == publish:
		l.published(o)
	case o.verb == read && o.status == done && o.seq > 0:
		l.wasRead(o)
	case o.verb == last && o.status == done:
		l.wasLast(o)
	}
	j.clash = j.clash || l.clash != nil && !l.deleted
}

// published takes the end of a publish.
func (l *logFold) published(o *op) {
	switch {
	case o.status == done && o.seq > 0 && o.value != none:
		l.ops++
		l.show(o.seq, o.value, o.ret)
		least(&l.slots.at(o.seq).hiAck, o.ret)
		if o.expect > 0 && o.seq != o.expect {
			l.fail(&clash{kind: wrongCondition, j: o.seq, lo: o.call, hi: o.ret})
		}
	case o.status == failed && o.refused && o.expect > 0 && o.actual == 0:
		l.ops++
		l.refusal = append(l.refusal, disjunction{o.expect - 1, o.call, o.ret})
	case o.status == failed && o.refused && o.expect > 0:
		l.ops++
		n := o.actual - 1
		if o.actual == o.expect {
			l.fail(&clash{kind: wrongRefusal, j: n, lo: o.call, hi: o.ret})
		}
		if n > 0 {
			least(&l.slots.at(n).hiAck, o.ret)
			l.top = max(l.top, n)
		}
		most(&l.slots.at(n+1).loAck, o.call)
	}
}

func (l *logFold) wasRead(o *op) {
	l.ops++
	if o.notFound {
		most(&l.slots.at(o.seq).loRead, o.call)
		return
	}
	if o.value != none {
		l.show(o.seq, o.value, o.ret)
		least(&l.slots.at(o.seq).hiRead, o.ret)
	}
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
		l.show(n, o.value, o.ret)
		least(&l.slots.at(n).hiRead, o.ret)
	}
	if o.subject != none {
		l.newest = append(l.newest, subjectLast{o.subject, n, o.call, o.ret})
		return
	}
	most(&l.slots.at(n+1).loRead, o.call)
}

// show takes that value stands at seq, and finds contradictions.
func (l *logFold) show(seq uint64, val, at int32) {
	c := l.slots.at(seq)
	l.top = max(l.top, seq)
	if c.value == 0 {
		c.value, c.shown = val+1, at+1
		l.known++
	} else if c.value != val+1 {
		l.fail(&clash{kind: twoValues, j: seq, lo: c.shown - 1, hi: at})
		return
	}
	if before := l.seq(val); before == 0 {
		l.setSeq(val, seq)
	} else if before != seq {
		l.fail(&clash{kind: twoNumbers, i: before, j: seq, lo: l.slots.at(before).shown - 1, hi: at})
	}
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

func (j *linearJudge) judgeLog(l *logFold, writesOnly bool, stats *Stats) (spec.Verdict, *clash) {
	if l.deleted {
		return spec.Unknown, nil
	}
	if l.clash != nil {
		return spec.Violated, l.clash
	}
	p, c := l.problem(j.rec, writesOnly)
	if c != nil {
		return spec.Violated, c
	}
	value, c := p.decide(j.budget)
	stats.count("outcomes left open", int64(p.open))
	stats.count("of them placed in a gap", int64(p.placed))
	stats.count("refusals without a number", int64(len(p.refusals)))
	stats.count("searches", int64(p.searches))
	return value, c
}
