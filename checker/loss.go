package checker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// lossJudge judges no-acked-loss, by the final drain and by what each replica holds at the end.
type lossJudge struct {
	rec    *record
	stores *stores
	drains []*drain // by stream
}

// drain is what the final reads of one stream found.
type drain struct {
	answered     table[int32] // position plus one of the latest answer about a sequence
	values       table[int32] // the value that it found, plus one
	passed       []passed     // what answers passed over, ascending
	found, asked uint64       // highest sequence found, and answered not-found
	any          bool
}

// passed is a range of numbers that hold nothing, by the answer at pos.
type passed struct {
	from, to uint64
	pos      int32
}

// take records the answer to a final read.
func (d *drain) take(o *op, pos int32) {
	d.any = true
	switch {
	case o.notFound:
		d.asked = max(d.asked, o.asked)
		*d.answered.at(o.asked) = pos + 1
		return
	case o.seq > o.asked && (len(d.passed) == 0 || o.asked > d.passed[len(d.passed)-1].to):
		d.passed = append(d.passed, passed{o.asked, o.seq - 1, pos})
	}
	d.found = max(d.found, o.seq)
	*d.answered.at(o.seq) = pos + 1
	*d.values.at(o.seq) = o.value + 1
}

// at returns the position of the latest answer about seq, or none.
func (d *drain) at(seq uint64) int32 {
	if pos := d.answered.value(seq); pos > 0 {
		return pos - 1
	}
	i, _ := slices.BinarySearchFunc(d.passed, seq, func(x passed, seq uint64) int { return cmp.Compare(x.to, seq) })
	if i < len(d.passed) && d.passed[i].from <= seq {
		return d.passed[i].pos
	}
	return none
}

// complete tells whether it is known what is above the highest message found: nothing.
func (d *drain) complete() bool { return d != nil && d.any && d.asked > d.found }

func (j *lossJudge) wants() class { return returns | obs }

func (j *lossJudge) broken() bool { return false }

func (j *lossJudge) drain(stream int32) *drain {
	for len(j.drains) <= int(stream) {
		j.drains = append(j.drains, nil)
	}
	return j.drains[stream]
}

func (j *lossJudge) see(s *seen) {
	if s.op == none {
		return
	}
	o := &j.rec.ops[s.op]
	if !o.final || o.verb != read && (o.verb != nextOf || o.subject != none) || o.status != done || o.stream == none || o.seq == 0 || o.direct {
		return
	}
	d := j.drain(o.stream)
	if d == nil {
		d = &drain{}
		j.drains[o.stream] = d
	}
	d.take(o, s.pos)
}

// outcome is what became of an acknowledged message.
type outcome uint8

const (
	present outcome = iota
	lostPrefix
	lostMiddle
	lostPostfix
	excused   // removed by a declared rule, or with its stream
	undecided // its final read was never answered, or its stream was not drained
)

// fate says what became of the acknowledged publish o, not yet telling where a loss lies.
func (j *lossJudge) fate(o *op) outcome {
	d := j.drain(o.stream)
	if o.value != none {
		// Of what was stored again under its id one copy may be there, and the other not.
		if v := &j.rec.values[o.value]; v.final && (v.tries == 1 || o.dup || d != nil && d.values.value(o.seq) == o.value+1) {
			return present
		}
	}
	if ss := j.stores.of(o.stream); ss.deleted || ss.removed(o.seq) || j.mayBeGone(o, d) {
		return excused
	}
	switch {
	case j.rec.marks.drained == none || !d.complete():
		return undecided
	case o.seq > d.found || d.at(o.seq) != none:
		return lostMiddle
	}
	return undecided
}

// mayBeGone tells whether a rule may have removed the message of o, in a stream whose nodes nobody watched.
func (j *lossJudge) mayBeGone(o *op, d *drain) bool {
	x := j.rec.rulesOf(o.stream)
	if x.gone(message{o.seq, o.subject, o.callT}, moment{never, j.rec.nowT}) {
		return true
	}
	k := x.pushedOut()
	return k > 0 && d != nil && o.seq+k <= d.found
}

// span is the first and the last surviving publish of a writer to a stream.
type span struct{ first, last int32 }

// fates gives the outcome of each operation that is an acknowledged publish. A lost message is
// of the prefix if it was published before its writer's first survivor, of the postfix if after
// the last one (or none survived), else of the middle: the split of Jepsen's NATS test.
func (j *lossJudge) fates() map[int32]outcome {
	spans := map[[2]int32]span{}
	for id := range j.rec.ops {
		o := &j.rec.ops[id]
		if o.verb != publish || o.value == none || !j.rec.values[o.value].final {
			continue
		}
		key := [2]int32{o.client, o.stream}
		w, seen := spans[key]
		if !seen {
			w.first = int32(id)
		}
		w.last = int32(id)
		spans[key] = w
	}
	out := map[int32]outcome{}
	for id := range j.rec.ops {
		o := &j.rec.ops[id]
		if !o.acked() {
			continue
		}
		f := j.fate(o)
		if f == lostMiddle {
			w, survives := spans[[2]int32{o.client, o.stream}]
			switch {
			case !survives || int32(id) > w.last:
				f = lostPostfix
			case int32(id) < w.first:
				f = lostPrefix
			}
		}
		if f != present {
			out[int32(id)] = f
		}
	}
	return out
}

func (j *lossJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.NoAckedLoss}
	fates := j.fates()
	first, n := none, [6]int64{}
	for id := range j.rec.ops {
		o := &j.rec.ops[id]
		if !o.acked() {
			continue
		}
		f := fates[int32(id)]
		n[f]++
		if f == lostPrefix || f == lostMiddle || f == lostPostfix {
			if first == none {
				first = int32(id)
			}
			v.Stats.example(fmt.Sprintf("%s as %s", j.rec.nameOf(o.value), place(j.rec.streams.names[o.stream], o.seq)))
		}
		v.Stats.Checked++
	}
	v.Stats.Anomalies = n[lostPrefix] + n[lostMiddle] + n[lostPostfix]
	for i, name := range [...]string{"", "lost of the prefix", "lost of the middle", "lost of the postfix", "removed by a rule", "undecided"} {
		if i > 0 {
			v.Stats.count(name, n[i])
		}
	}
	j.conclude(h, &v, first, n, j.onNodes(fates, &v.Stats))
	return []Verdict{v}
}

// conclude gives the verdict: first is the first message lost, n the outcomes counted, at a
// message missing on one node.
func (j *lossJudge) conclude(h *history.History, v *Verdict, first int32, n [6]int64, at missing) {
	switch {
	case v.Stats.Checked == 0:
		v.Value, v.Sentence = spec.NotExercised, "No publish was acknowledged."
	case first != none:
		v.Value = spec.Violated
		j.explainLoss(h, v, first, v.Stats.Anomalies)
	case at.node != 0:
		v.Value = spec.Violated
		j.explainNode(h, v, at)
	case j.rec.marks.drained == none:
		v.Value, v.Sentence = spec.Unknown, "The history has no final drain, so nobody looked for the acknowledged messages at the end."
	case n[undecided] > 0:
		v.Value = spec.Unknown
		v.Sentence = fmt.Sprintf("The final reads leave %s undecided.", number(n[undecided], "acknowledged message", "acknowledged messages"))
	default:
		v.Value = spec.Holds
		v.Sentence = fmt.Sprintf("Each of %s was there at the end.", number(v.Stats.Checked, "acknowledged message", "acknowledged messages"))
		if n[excused] > 0 {
			v.Sentence = fmt.Sprintf("Each of %s was there at the end or had been removed by a rule.", number(v.Stats.Checked, "acknowledged message", "acknowledged messages"))
		}
	}
}

// missing is an acknowledged message that a replica does not hold at the end.
type missing struct {
	node uint32
	op   int32
	r    *replica
	n    int64
}

// onNodes counts, for every replica that is up at the end, the acknowledged messages that the
// final reads found but that this replica does not hold: a split brain, or a hole in one store.
func (j *lossJudge) onNodes(fates map[int32]outcome, stats *Stats) (first missing) {
	if j.rec.marks.drained == none {
		return first
	}
	for stream, ss := range j.stores.streams {
		if ss.deleted || ss.events == 0 {
			continue
		}
		for _, r := range ss.replicas {
			if !r.trusted(j.stores) {
				stats.count("replicas not judged", 1)
				continue
			}
			m := j.onReplica(int32(stream), ss, r, fates)
			if m.n == 0 {
				continue
			}
			stats.count("missing on "+nodeName(r.node), m.n)
			if first.node == 0 {
				first = m
			}
		}
	}
	return first
}

func (j *lossJudge) onReplica(stream int32, ss *streamStores, r *replica, fates map[int32]outcome) missing {
	m := missing{r: r}
	for id := range j.rec.ops {
		o := &j.rec.ops[id]
		if !o.acked() || o.dup || o.stream != stream || o.seq == 0 || fates[int32(id)] != present {
			continue
		}
		at := r.at(o.seq)
		if at == unclear || at >= 0 && ss.content(o.seq, at).same(content{value: o.value}) || ss.removed(o.seq) {
			continue
		}
		if m.n++; m.n == 1 {
			m.node, m.op = r.node, int32(id)
		}
	}
	return m
}

func (j *lossJudge) explainLoss(h *history.History, v *Verdict, id int32, lost int64) {
	o := &j.rec.ops[id]
	name, stream := j.rec.nameOf(o.value), j.rec.streams.names[o.stream]
	d := j.drain(o.stream)
	life := lifeOf(h, name)
	text := life.sentence() + " "
	evidence := d.at(o.seq)
	switch {
	case evidence < 0 || o.seq > d.found:
		evidence = d.at(d.asked)
		text += fmt.Sprintf("The final reads end at %s (#%d)", place(stream, d.found), h.Events[evidence].Index)
	case h.Events[evidence].NotFound:
		text += fmt.Sprintf("The final read of %s found nothing (#%d)", place(stream, o.seq), h.Events[evidence].Index)
	case d.answered.value(o.seq) == 0:
		text += fmt.Sprintf("The final reads passed over %s (#%d)", place(stream, o.seq), h.Events[evidence].Index)
	default:
		text += fmt.Sprintf("The final read of %s found message %s (#%d)", place(stream, o.seq), h.Events[evidence].Value, h.Events[evidence].Index)
	}
	text += fmt.Sprintf(". In all %d of %s lost: prefix %d, middle %d, postfix %d", lost, number(v.Stats.Checked, "acknowledged message was", "acknowledged messages were"),
		v.Stats.Of("lost of the prefix"), v.Stats.Of("lost of the middle"), v.Stats.Of("lost of the postfix"))
	at := append([]int32{o.call, o.ret, evidence}, life.cuts...)
	v.Sentence, v.Certificate = text+".", certificate(h, at...)
}

func (j *lossJudge) explainNode(h *history.History, v *Verdict, m missing) {
	v.Stats.Anomalies = m.n
	o := &j.rec.ops[m.op]
	stream, name := j.rec.streams.names[o.stream], j.rec.names.names[o.value]
	at := []int32{o.call, o.ret, j.rec.marks.drained}
	text := fmt.Sprintf("Message %s was acknowledged to %s as %s %s, and %s, which is up at the end, ", name, j.rec.clients.names[o.client],
		place(stream, o.seq), when(&h.Events[o.ret]), nodeName(m.node))
	switch held := m.r.at(o.seq); {
	case held >= 0:
		c := j.stores.streams[o.stream].content(o.seq, held)
		text += fmt.Sprintf("holds another message there (%s)", contentName(&h.Events[c.pos-1]))
		at = append(at, c.pos-1)
	case o.seq > m.r.top:
		text += fmt.Sprintf("does not hold it: its store ends at %s", place(stream, m.r.top))
	default:
		text += "does not hold it"
	}
	v.Sentence = fmt.Sprintf("%s; %s missing on that node.", text, number(m.n, "acknowledged message is", "acknowledged messages are"))
	v.Certificate = certificate(h, at...)
}
